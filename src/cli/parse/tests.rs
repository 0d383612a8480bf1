//! The grammar, as claims over whole command lines.

use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use super::*;
use crate::cli::commands::COMMANDS;
use crate::cli::table::{Flag, State, Value};
use crate::model::error::Kind;
use crate::model::facts::Stdin;

fn parsed(arguments: &[&str]) -> Result<Request, Refusal> {
    parse(arguments.iter().map(OsString::from).collect())
}

fn matches(line: &str) -> Matches {
    let arguments: Vec<&str> = line.split(' ').collect();
    match parsed(&arguments) {
        Ok(Request::Run(matches)) => matches,
        other => panic!("{line}: {other:?}"),
    }
}

fn assert_refused(cases: &[(&str, &str)]) {
    for (line, message) in cases {
        assert_eq!(refused(line), *message, "{line}");
    }
}

/// The message and the hint of the refusal, in one line.
fn refused(line: &str) -> String {
    let arguments: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let error = match parsed(&arguments) {
        Err(refusal) => refusal.error,
        Ok(other) => panic!("{line}: {other:?}"),
    };
    assert_eq!(error.kind, Kind::Usage);
    assert!(!error.message.ends_with('.'), "{}", error.message);
    assert!(!error.message.starts_with(char::is_uppercase));
    format!("{} ({})", error.message, error.hint.expect("a hint"))
}

#[test]
fn all_after_the_first_word_is_the_commands() {
    for (line, name, command) in [
        ("start sleep 60", None, &["sleep", "60"][..]),
        (
            "start python3 -m http.server 8080",
            None,
            &["python3", "-m", "http.server", "8080"],
        ),
        (
            "start -n web npm -n x --name y",
            Some("web"),
            &["npm", "-n", "x", "--name", "y"],
        ),
        ("start -nweb npm --help", Some("web"), &["npm", "--help"]),
        (
            "start --name=web npm --json",
            Some("web"),
            &["npm", "--json"],
        ),
        ("start -- -weird --name x", None, &["-weird", "--name", "x"]),
        (
            "start -n web -- sh -- -c x",
            Some("web"),
            &["sh", "--", "-c", "x"],
        ),
        ("start cat --", None, &["cat", "--"]),
        ("start - -", None, &["-", "-"]),
        ("start printf a  b", None, &["printf", "a", "", "b"]),
    ] {
        let matches = matches(line);
        assert_eq!(matches.text("name"), name, "{line}");
        assert_eq!(matches.command_line(), command, "{line}");
        assert_eq!(matches.format(), Format::Text);
    }
}

#[test]
fn a_command_may_be_any_bytes() {
    let odd = OsString::from_vec(b"a\xff\nb".to_vec());
    let arguments = vec!["start".into(), "-c".into(), odd.clone()];
    match parse(arguments) {
        Ok(Request::Run(matches)) => {
            assert_eq!(matches.bytes("command"), Some(&Bytes::from(odd.clone())));
        }
        other => panic!("{other:?}"),
    }
    match parse(vec!["start".into(), odd.clone(), odd.clone()]) {
        Ok(Request::Run(matches)) => assert_eq!(matches.command_line(), [odd.clone(), odd]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_come_with_their_type() {
    let start = matches(
        "start --grace 1.5s -e A=1 --env=B=2 --stdin null --cwd /tmp --group g --alert-on-kill x",
    );
    assert_eq!(start.command.verb, Verb::Start);
    assert_eq!(start.duration("grace"), Some(Duration::from_millis(1500)));
    let variables: Vec<&Bytes> = start.all_bytes("env").collect();
    assert_eq!(variables, [&Bytes::from("A=1"), &Bytes::from("B=2")]);
    assert_eq!(start.stdin("stdin"), Some(&Stdin::Null));
    assert_eq!(start.bytes("cwd"), Some(&Bytes::from("/tmp")));
    assert_eq!(start.text("group"), Some("g"));
    assert!(start.has("alert-on-kill") && !start.has("alert-on-success"));
    assert_eq!(start.text("session"), None);

    let file = matches("start --stdin ./pipe cat");
    assert_eq!(file.stdin("stdin"), Some(&Stdin::File("./pipe".into())));

    let output = matches("logs web -n 50 -f --to-end --json");
    assert_eq!(output.command.verb, Verb::Output);
    assert_eq!(output.number("lines"), Some(50));
    assert_eq!(output.ids().collect::<Vec<_>>(), ["web"]);
    assert_eq!(output.format(), Format::Json);

    let stop = matches("kill --force a -- b --c");
    assert_eq!(stop.ids().collect::<Vec<_>>(), ["a", "b", "--c"]);
}

#[test]
fn variables_and_files_of_them_keep_their_order() {
    let start = matches("start -e A=1 --env-file f --clear-env -e B=2 --env-file=g x");
    let given: Vec<(&str, String)> = start
        .in_order(&["env", "env-file"])
        .map(|(flag, value)| (flag, value.escaped()))
        .collect();
    let expected = [
        ("env", "A=1"),
        ("env-file", "f"),
        ("env", "B=2"),
        ("env-file", "g"),
    ];
    assert_eq!(
        given,
        expected.map(|(flag, value)| (flag, value.to_owned()))
    );
    assert!(start.has("clear-env"));
}

#[test]
fn a_setting_is_shown_or_set() {
    assert_eq!(matches("config --json").change(), None);
    let set = matches("config set stop.graceSeconds --json 5");
    let change = ("stop.graceSeconds".as_ref(), "5".as_ref());
    assert_eq!(set.change(), Some(change));
    let usage = "usage: bgp config [OPTIONS], or bgp config [OPTIONS] set SETTING VALUE";
    for (line, told) in [
        ("config get", "unexpected argument 'get'"),
        ("config set", "no setting is given"),
        ("config set x", "no value is given"),
        ("config set x 1 2", "unexpected argument '2'"),
    ] {
        assert_eq!(refused(line), format!("{told} ({usage})"), "{line}");
    }
}

#[test]
fn kinds_of_values_that_no_flag_has_yet() {
    static TRIAL: Command = Command {
        verb: Verb::List,
        name: "trial",
        aliases: &[],
        usage: &[""],
        operands: Operands::None,
        summary: "",
        description: &[],
        flags: &[
            Flag::with_value("grep", Value::Regex, "RE", "").repeatable(),
            Flag::with_value("max", Value::Size, "SIZE", ""),
            Flag::with_value("signal", Value::Signal, "SIG", ""),
            Flag::with_value("restart", Value::OneOf(&["no", "always"]), "WHEN", ""),
        ],
        examples: &[],
        state: State::Untouched,
        failures: &[],
    };
    let read = |arguments: &[&str]| {
        let mut matches = Matches::new(&TRIAL);
        matches
            .read(&mut lexopt::Parser::from_args(arguments))
            .map(|_| matches)
    };
    let matches = read(&[
        "--grep=a.c",
        "--grep",
        "^$",
        "--max",
        "64MiB",
        "--signal",
        "usr1",
        "--restart=no",
    ])
    .unwrap();
    assert!(matches.regexes("grep").next().unwrap().is_match(b"xabc"));
    assert_eq!(matches.regexes("grep").count(), 2);
    assert_eq!(matches.number("max"), Some(64 << 20));
    assert_eq!(matches.text("signal"), Some("usr1"));
    assert_eq!(matches.text("restart"), Some("no"));
    for (arguments, message) in [
        (
            ["--grep", "a("],
            "--grep: 'a(' is not a regular expression: unclosed group",
        ),
        (["--max", "big"], "--max: 'big' is not a size"),
        (
            ["--signal", "SIGNOPE"],
            "--signal: 'SIGNOPE' is not a signal",
        ),
        (
            ["--restart", "maybe"],
            "--restart: 'maybe' is none of its values",
        ),
    ] {
        assert_eq!(read(&arguments).unwrap_err().message, message);
    }
}

#[test]
fn a_wrong_word_is_refused_with_the_right_one() {
    assert_refused(&[
        ("", "no command is given ('bgp help' lists the commands)"),
        (
            "--json list",
            "no command before '--json' (options follow the command, as in 'bgp list --json')",
        ),
        (
            "strat x",
            "unknown command 'strat' (did you mean 'bgp start'? 'bgp help' lists them all)",
        ),
        (
            "npm run dev",
            "unknown command 'npm' ('bgp help' lists the commands; 'bgp start COMMAND' runs one of yours)",
        ),
        (
            "python3 -m http.server",
            "unknown command 'python3' ('bgp help' lists the commands; 'bgp start COMMAND' runs one of yours)",
        ),
        (
            "list --follow",
            "'bgp list' has no option '--follow' ('bgp list --help' lists its options)",
        ),
        (
            "list --runing",
            "'bgp list' has no option '--runing' (did you mean --running? 'bgp list --help' lists them all)",
        ),
        (
            "list -n",
            "'bgp list' has no option '-n' ('bgp list --help' lists its options)",
        ),
        (
            "start --await x",
            "'bgp start' has no option '--await' (options of the command stand after it; 'bgp start --help' lists bgp's own)",
        ),
        (
            "list web",
            "unexpected argument 'web' (usage: bgp list [OPTIONS])",
        ),
        (
            "output a b",
            "unexpected argument 'b' (usage: bgp output [OPTIONS] ID, or bgp output [OPTIONS] --group GROUP, or bgp output [OPTIONS] --session SESSION)",
        ),
        (
            "output",
            "no ID is given (usage: bgp output [OPTIONS] ID, or bgp output [OPTIONS] --group GROUP, or bgp output [OPTIONS] --session SESSION)",
        ),
        ("status", "no ID is given (usage: bgp status [OPTIONS] ID…)"),
        (
            "start -n web",
            "no command is given (usage: bgp start [OPTIONS] COMMAND [ARGS…], or bgp start [OPTIONS] -c LINE)",
        ),
        (
            "start -c make x",
            "--command and another command contradict each other (give the whole line to --command, in quotes, or leave that out)",
        ),
    ]);
}

#[test]
fn a_wrong_value_is_refused_with_a_right_one() {
    assert_refused(&[
        (
            "output x -n 1 -n 2",
            "--lines is given twice (give it once; nothing was done)",
        ),
        (
            "list --json --json",
            "--json is given twice (give it once; nothing was done)",
        ),
        (
            "list --json=yes",
            "--json takes no value, but was given 'yes' (write --json alone)",
        ),
        (
            "wait x --timeout",
            "--timeout needs a value (write --timeout TIME)",
        ),
        (
            "wait x --timeout soon",
            "--timeout: 'soon' is not a duration (a duration is 5s, 500ms, 10m, 2h, 7d, or plain seconds)",
        ),
        (
            "stop x --grace 9999d",
            "--grace: '9999d' is too long (the longest time is 3650d)",
        ),
        (
            "output x -n -5",
            "--lines: '-5' is not a whole number (a number from 0 on, in digits)",
        ),
        (
            "start -e PATH x",
            "--env: 'PATH' has no value (write KEY=VALUE)",
        ),
        (
            "start -e =1 x",
            "--env: there is no key before the '=' (write KEY=VALUE)",
        ),
        (
            "start --stdin= x",
            "--stdin: it is empty (a variable in its place may be unset)",
        ),
        (
            "start --cwd= x",
            "--cwd: it is empty (a variable in its place may be unset)",
        ),
        (
            "start -n a/b x",
            "--name: 'a/b' is not a name (a name is 1 to 64 of A-Z a-z 0-9 . _ - and starts with a letter or digit)",
        ),
        (
            "start -n proc_1 x",
            "--name: 'proc_1' cannot be a name (proc_N and 8 hex digits are how bgp itself calls processes; choose another word)",
        ),
    ]);
}

#[test]
fn flags_that_do_not_go_together_are_refused() {
    assert_refused(&[
        (
            "stop web --all",
            "an ID and --all contradict each other (give IDs, or say which are meant, not both)",
        ),
        (
            "stop --all --group g",
            "--all and --group contradict each other (give one of them)",
        ),
        (
            "stop x --grace 1 --force",
            "--force and --grace contradict each other (give one of them)",
        ),
        (
            "output x --raw --json",
            "--raw and --json contradict each other (give one of them)",
        ),
        (
            "output x --to-end",
            "--to-end means nothing without --follow (give --follow too)",
        ),
        (
            "help strat",
            "unknown command 'strat' (did you mean 'bgp start'? 'bgp help' lists them all)",
        ),
    ]);
}

#[test]
fn what_cannot_be_typed_is_refused_all_the_same() {
    for arguments in [
        &[&b"start"[..], b"-e", b"A=\0", b"x"][..],
        &[b"start", b"-c", b"a\0b"],
        &[b"start", b"--cwd", b"\0", b"x"],
        &[b"start", b"--name", b"a\0", b"x"],
        &[b"start", b"--name", b"\xff", b"x"],
        &[b"start", b"--group", b"a\0", b"x"],
        &[b"start", b""],
        &[b"stop", b""],
        &[b"stop", b"\xff"],
        &[b"\xff\xfe"],
        &[b"list", b"--\xff"],
        &[b"list", b"-\xff"],
    ] {
        let arguments: Vec<OsString> = arguments
            .iter()
            .map(|argument| OsString::from_vec(argument.to_vec()))
            .collect();
        let refusal = parse(arguments).unwrap_err();
        assert_eq!(refusal.error.kind, Kind::Usage);
        assert!(!refusal.error.message.contains('\0'), "{:?}", refusal.error);
    }
}

#[test]
fn a_refusal_comes_in_the_format_that_was_asked_for() {
    for (line, format) in [
        ("list --bad", Format::Text),
        ("list --bad --json", Format::Json),
        ("list --json --bad", Format::Json),
        ("frobnicate --json", Format::Json),
        ("stop -- --json --all x", Format::Text),
        ("start --json --bad x", Format::Json),
        ("start --bad x --json", Format::Text),
        ("help --json frobnicate", Format::Json),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        match parsed(&arguments) {
            Err(refusal) => assert_eq!(refusal.format, format, "{line}"),
            Ok(Request::Run(matches)) => assert_eq!(matches.format(), format, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn help_and_version_are_asked_for_in_many_ways() {
    for (line, expected) in [
        ("-h", "help"),
        ("--help list", "help"),
        ("help", "help"),
        ("help list", "help list"),
        ("help ls", "help list"),
        ("list -h --bad", "help list"),
        ("start -n x --help", "help start"),
        ("help --help", "help help"),
        ("help list --json", "help list Json"),
        ("-V", "version"),
        ("--version", "version"),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let request = match parsed(&arguments) {
            Ok(Request::Help(None, Format::Text)) => "help".to_owned(),
            Ok(Request::Help(Some(command), Format::Text)) => format!("help {}", command.name),
            Ok(Request::Help(Some(command), Format::Json)) => {
                format!("help {} Json", command.name)
            }
            Ok(Request::Version) => "version".to_owned(),
            other => panic!("{line}: {other:?}"),
        };
        assert_eq!(request, expected, "{line}");
    }
}

/// The words of a line in a shell, up to where its output goes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        let word = words.last_mut().expect("there is one");
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            '>' | '|' if !quoted => {
                words.pop();
                break;
            }
            _ => word.push(c),
        }
    }
    words
}

#[test]
fn a_text_to_send_may_be_any_bytes_and_look_like_anything() {
    let odd = OsString::from_vec(b"\xff\n".to_vec());
    for (arguments, text) in [
        (vec!["send".into(), "web".into(), odd.clone()], odd),
        (vec!["send".into(), "web".into(), "".into()], "".into()),
        (vec!["send".into(), "web".into(), "-".into()], "-".into()),
        (
            ["send", "-n", "web", "--", "--eof"].map(Into::into).into(),
            "--eof".into(),
        ),
    ] {
        match parse(arguments) {
            Ok(Request::Run(matches)) => {
                assert_eq!(matches.ids().next(), Some("web"));
                assert_eq!(matches.text_after_id(), Some(text.as_os_str()));
            }
            other => panic!("{other:?}"),
        }
    }
    for line in [
        "send web --eof",
        "send web --file -",
        "send web --file x --eof",
    ] {
        assert_eq!(matches(line).text_after_id(), None, "{line}");
    }
    assert_refused(&[
        (
            "send",
            "no ID is given (usage: bgp send [OPTIONS] ID TEXT, or bgp send [OPTIONS] ID --key NAME…, or bgp send [OPTIONS] ID --file FILE, or bgp send [OPTIONS] ID --eof)",
        ),
        (
            "send web",
            "no text is given (usage: bgp send [OPTIONS] ID TEXT, or bgp send [OPTIONS] ID --key NAME…, or bgp send [OPTIONS] ID --file FILE, or bgp send [OPTIONS] ID --eof)",
        ),
        (
            "send web two words",
            "unexpected argument 'words' (put a text of several words in quotes)",
        ),
        (
            "send web -1",
            "'bgp send' has no option '-1' ('--' goes before a text that begins with a dash, as in 'bgp send ID -- -x')",
        ),
        (
            "send web x --file y",
            "--file and a text contradict each other (give one of them)",
        ),
        (
            "send web -n --file y",
            "--file and --no-newline contradict each other (give one of them)",
        ),
    ]);
}

#[test]
fn a_signal_follows_the_id() {
    for line in ["signal web HUP", "signal web SIGHUP", "signal web 1"] {
        let matches = matches(line);
        assert_eq!(matches.ids().next(), Some("web"), "{line}");
        assert_eq!(matches.signal_after_id(), Some(1), "{line}");
    }
    assert_refused(&[
        (
            "signal web",
            "no signal is given (usage: bgp signal [OPTIONS] ID SIGNAL)",
        ),
        (
            "signal web HIP",
            "'HIP' is not a signal (a signal is TERM, SIGTERM or 15, for example)",
        ),
        (
            "signal web 0",
            "'0' is not a signal (a signal is TERM, SIGTERM or 15, for example)",
        ),
        (
            "signal web HUP TERM",
            "unexpected argument 'TERM' (usage: bgp signal [OPTIONS] ID SIGNAL)",
        ),
    ]);
}

#[test]
fn every_example_can_be_typed() {
    for command in COMMANDS {
        for example in command.examples {
            let words = words(example.line);
            let (bgp, arguments) = words.split_first().expect("it begins with bgp");
            assert_eq!(bgp, "bgp");
            match parse(arguments.iter().map(OsString::from).collect()) {
                Ok(Request::Run(matches)) => assert_eq!(matches.command.verb, command.verb),
                Ok(Request::Help(..)) => assert_eq!(command.verb, Verb::Help),
                other => panic!("{}: {other:?}", example.line),
            }
        }
    }
}
