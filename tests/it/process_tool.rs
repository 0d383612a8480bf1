//! The tool for agents, as a model calls it: every word of it a parameter, every answer short.
//!
//! Does not: test what an action does to a process; the commands' tests do.

use std::io::Write;
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{Sandbox, numbered, script};
use crate::invocation::{Outcome, Running, finish};
use crate::proc;

/// One call of the tool with `KEY=VALUE` words.
fn call(bgp: &Sandbox, words: &[&str]) -> Outcome {
    bgp.run([&["process"], words].concat())
}

/// The same, as a document.
fn document(bgp: &Sandbox, words: &[&str]) -> Value {
    bgp.run([&["process", "--json"], words].concat())
        .code_in(&[0, 124])
        .json()
}

#[test]
fn callers_at_once_are_not_told_the_same_alerts() {
    let bgp = Sandbox::new();
    for n in 0..12 {
        bgp.run(["start", "--name", &format!("p{n}"), "false"])
            .code(0);
    }
    bgp.wait_until("all have failed", || {
        let alerts = bgp.run(["alerts", "--peek", "--json"]).json();
        (alerts["alerts"].as_array().unwrap().len() == 12).then_some(())
    });
    let callers: Vec<Running> = (0..6)
        .map(|_| Running::begin(&mut bgp.command(["process", "--json", "action=alerts"])))
        .collect();
    let mut told: Vec<u64> = callers
        .into_iter()
        .flat_map(|caller| {
            let alerts = caller.finish().code(0).json()["alerts"].take();
            alerts.as_array().unwrap().clone()
        })
        .map(|alert| alert["seq"].as_u64().unwrap())
        .collect();
    told.sort_unstable();
    assert_eq!(told, (1..=12).collect::<Vec<u64>>());
}

#[test]
fn an_alert_names_the_call_that_comes_next() {
    let bgp = Sandbox::new();
    bgp.run(["start", "--name", "web", "false"]).code(0);
    bgp.run(["wait", "web"]).code(1);
    let id = bgp.status("web")["id"].as_str().unwrap().to_owned();
    call(&bgp, &["action=alerts"])
        .code(0)
        .stdout_has(&format!("; see: process action=output id={id}\n"));
}

#[test]
fn what_start_has_as_options_an_agent_has_as_parameters() {
    let bgp = Sandbox::new();
    let file = bgp.dir().join("variables");
    std::fs::write(&file, "ONE=file\nTWO=file\n").unwrap();
    let mut owner = bgp.foreign("sleep").arg("600").spawn().unwrap();
    document(
        &bgp,
        &[
            "action=start",
            "name=web",
            "command=stty size; echo $ONE $TWO; exec sleep 600",
            &format!("envFile={}", file.display()),
            "env=TWO=said",
            "pty=true",
            "size=100x30",
            "maxLog=2M",
            &format!("withPid={}", owner.id()),
        ],
    );
    bgp.wait_until("its terminal is as large as was said", || {
        (bgp.output("web") == "30 100\nfile said\n").then_some(())
    });
    owner.kill().unwrap();
    owner.wait().unwrap();
    let status = bgp.wait_status("web", "killed");
    assert_eq!(status["reason"], "owner");
    for (word, told) in [
        ("size=100x30", "'size'"),
        ("maxLog=1", "'maxLog'"),
        ("withPid=0", "'withPid'"),
    ] {
        call(&bgp, &["action=start", "name=x", "command=true", word])
            .failed(2)
            .stderr_has(told);
    }
}

#[test]
fn a_start_answers_when_it_is_ready_and_says_so_when_it_is_not() {
    let bgp = Sandbox::new();
    let start = |words: &[&str]| call(&bgp, &[&["action=start"], words].concat());
    let ready = start(&[
        "name=web",
        "command=echo begins; echo serving on 80; exec sleep 600",
        "waitFor=serving on [0-9]+",
    ])
    .code(0)
    .text();
    assert!(
        ready.starts_with("Started \"web\" (proc_1, ")
            && ready.contains("\n\"web\" (proc_1) has written: serving on 80\n")
            && ready.contains("\nbegins\n"),
        "{ready}"
    );
    let dies = document(&bgp, &["action=wait", "id=web", "timeout=100ms"]);
    assert_eq!(dies["process"]["status"], "running", "it goes on");

    let dies = [
        "name=dies",
        "command=echo no such file >&2; exit 3",
        "waitFor=port:1",
    ];
    let told = start(&dies).code(7).text();
    assert!(
        told.starts_with("Started \"dies\" (proc_2, ")
            && told.contains("'dies' ended before port 1 was listened on: failed with code 3")
            && told.contains("[stderr] no such file"),
        "{told}"
    );
    let told = bgp.run([&["process", "--json", "action=start"], &dies[..]].concat());
    let told = told.code(7).json();
    assert_eq!(
        (
            &told["came"],
            &told["success"],
            &told["process"]["exitCode"]
        ),
        (&json!("end"), &json!(false), &json!(3))
    );

    let slow = document(
        &bgp,
        &[
            "action=start",
            "name=slow",
            "command=exec sleep 600",
            "waitFor=never",
            "waitTimeout=100ms",
        ],
    );
    assert_eq!(
        (&slow["timedOut"], &slow["process"]["status"]),
        (&json!(true), &json!("running"))
    );
    for (word, told) in [
        ("waitTimeout=1s", "'waitTimeout'"),
        ("waitFor=port:0", "'waitFor'"),
        ("waitFor=(", "'waitFor'"),
    ] {
        start(&["name=x", "command=true", word])
            .failed(2)
            .stderr_has(told);
    }
}

#[test]
fn keys_are_pressed_by_their_names() {
    let bgp = Sandbox::new();
    call(
        &bgp,
        &[
            "action=start",
            "name=ask",
            "pty=true",
            "command=trap 'echo interrupted; exit 3' INT; echo ready; read a; echo got $a; sleep 600",
            "waitFor=ready",
        ],
    )
    .code(0);
    call(&bgp, &["action=send", "id=ask", "key=y e s", "key=Enter"])
        .code(0)
        .stdout_has("Sent 4 bytes to \"ask\" (proc_1)")
        .stdout_has("process action=screen id=proc_1 shows");
    call(&bgp, &["action=wait", "id=ask", "output=got yes"]).code(0);
    call(&bgp, &["action=send", "id=ask", "key=C-c"]).code(0);
    call(&bgp, &["action=wait", "id=ask"])
        .code(0)
        .stdout_has("interrupted");
    for (words, told) in [
        (&["key=Entr"][..], "did you mean Enter?"),
        (&["key=Enter", "text=x"], "contradict each other"),
    ] {
        call(&bgp, &[&["action=send", "id=ask"], words].concat())
            .failed(2)
            .stderr_has(told);
    }
}

#[test]
fn what_is_not_read_is_said_in_time() {
    let bgp = Sandbox::new();
    bgp.start("deaf", ["sleep", "600"]);
    let text = format!("text={}", "x".repeat(100_000));
    let long = ["action=send", "id=deaf", &text, "timeout=100ms"];
    call(&bgp, &long)
        .failed(124)
        .stderr_has("within 0.1 s")
        .stderr_has("timeout waits longer");
}

#[test]
fn what_raises_an_alert_can_be_taken_back() {
    let bgp = Sandbox::new();
    let said = ["alertOnOutput=error", "alertOnIdle=1h", "alertOnKill=true"];
    let start = ["action=start", "name=web", "command=exec sleep 600"];
    document(&bgp, &[&start[..], &said[..]].concat());
    let update = [
        "action=update",
        "id=web",
        "alertOnOutput=",
        "alertOnIdle=off",
    ];
    call(&bgp, &update)
        .code(0)
        .stdout_has("raises alerts on failure, kill\n");
}

#[test]
fn every_line_of_the_original_tool_works_as_it_stands() {
    let bgp = Sandbox::new();
    for (line, told) in [
        (
            "process action=start name=\"my-build\" command=\"echo built; exit 0\" alertOnSuccess=true",
            "Started \"my-build\" (proc_1, ",
        ),
        (
            "process action=start name=\"backend-dev\" command=\"echo up; exec sleep 600\"",
            "Started \"backend-dev\" (proc_2, ",
        ),
        (
            "process action=wait id=my-build",
            "\"my-build\" (proc_1) has ended: exited with code 0",
        ),
        (
            "process action=list",
            "2 processes, 1 running:\nproc_1 \"my-build\": ",
        ),
        (
            "process action=output id=\"proc_1\"",
            "\"my-build\" (proc_1) [exited]: 1 stdout line, 0 stderr lines\nbuilt\n",
        ),
        ("process action=logs id=\"proc_1\"", ".log.enc ("),
        (
            "process action=kill id=\"backend-dev\"",
            "Terminated \"backend-dev\" (proc_2): killed by SIGTERM",
        ),
        (
            "process action=clear",
            "Cleared 2 processes with their logs:\n",
        ),
        ("process action=list", "No processes"),
    ] {
        bgp.sh(&format!("\"$BGP\" {line}")).code(0).stdout_has(told);
    }
}

#[test]
fn the_alerts_of_a_start_are_those_of_the_original_by_default() {
    let bgp = Sandbox::new();
    for (said, expected) in [
        (&[][..], [false, true, false]),
        (
            &["alertOnSuccess=true", "alertOnFailure=false"],
            [true, false, false],
        ),
        (&["alertOnKill=true"], [false, true, true]),
    ] {
        let words = [
            &["action=start", "name=x", "command=true", "replace=true"],
            said,
        ]
        .concat();
        let process = document(&bgp, &words)["process"].clone();
        let found =
            ["alertOnSuccess", "alertOnFailure", "alertOnKill"].map(|field| process[field] == true);
        assert_eq!(found, expected, "{said:?}");
        call(&bgp, &["action=wait", "id=x"]).code(0);
    }
}

#[test]
fn a_call_may_be_words_one_line_an_object_or_come_on_stdin() {
    let bgp = Sandbox::new();
    let object = json!({"action": "start", "name": "web", "command": "printf '%s' \"a  b\"", "replace": true});
    let line = "action=start name='web' command=\"printf '%s' \\\"a  b\\\"\" replace=true";
    for (words, stdin) in [
        (
            vec![
                "action=start",
                "name=web",
                "command=printf '%s' \"a  b\"",
                "replace=true",
            ],
            "",
        ),
        (vec![line], ""),
        (vec![&object.to_string()], ""),
        (vec![], &*object.to_string()),
        (vec!["-"], line),
    ] {
        let mut command = bgp.command([vec!["process"], words.clone()].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(stdin.as_bytes())
            .unwrap();
        assert!(child.wait().unwrap().success(), "{words:?} {stdin}");
        call(&bgp, &["action=wait", "id=web"]).code(0);
        assert_eq!(bgp.output("web"), "a  b\n", "{words:?} {stdin}");
    }
}

#[test]
fn a_wrong_or_missing_parameter_is_named_and_a_right_call_shown() {
    let bgp = Sandbox::new();
    for (words, message) in [
        (&[][..], "parameter 'action' is missing"),
        (
            &["action=strat"],
            "parameter 'action': 'strat' is not an action",
        ),
        (
            &["action=start", "name=x"],
            "parameter 'command' of 'start' is missing",
        ),
        (
            &["action=start", "command=true"],
            "parameter 'name' of 'start' is missing",
        ),
        (&["action=output"], "parameter 'id' of 'output' is missing"),
        (&["action=output", "id="], "parameter 'id': it is empty"),
        (
            &["action=output", "id=x", "lines=many"],
            "parameter 'lines': 'many' is not a whole number",
        ),
        (
            &["action=output", "id=x", "stream=all"],
            "parameter 'stream': 'all' is none of both, stdout, stderr",
        ),
        (
            &["action=output", "id=x", "grep=("],
            "parameter 'grep': '(' is not a regular expression",
        ),
        (
            &["action=output", "name=x"],
            "'output' has no parameter 'name'",
        ),
        (
            &["action=start", "name=a b", "command=true"],
            "parameter 'name': ",
        ),
        (
            &["action=start", "name=x", "command=true", "alertOnKill=yes"],
            "parameter 'alertOnKill': 'yes' is neither true nor false",
        ),
        (
            &["action=start", "name=x", "command=true", "env=A"],
            "parameter 'env': 'A' has no value",
        ),
        (
            &[
                "action=start",
                "name=x",
                "command=true",
                "pty=true",
                "stdin=null",
            ],
            "parameters 'pty' and 'stdin' of 'start' contradict each other",
        ),
        (
            &["action=start", "name=x", "command=true", "alertOnIdle=0"],
            "parameter 'alertOnIdle': '0' is too short",
        ),
        (
            &["action=send", "id=x"],
            "parameter 'text' of 'send' is missing",
        ),
        (
            &["action=clear", "id=x", "group=g"],
            "parameters 'id' and 'group' of 'clear' contradict each other",
        ),
        (
            &["action=clear", "id=x", "session=s"],
            "parameters 'id' and 'session' of 'clear' contradict each other",
        ),
        (
            &["action=kill", "id=x", "force=true", "grace=5"],
            "parameters 'force' and 'grace' of 'kill' contradict each other",
        ),
        (&["start"], "'start' is not KEY=VALUE"),
        (&["{\"action\":"], "what was said is not a JSON object"),
        (
            &["{\"action\":1}"],
            "parameter 'action': '1' is not an action",
        ),
        (
            &["{\"action\":\"output\",\"id\":1}"],
            "parameter 'id': '1' is not a text",
        ),
    ] {
        let told = call(&bgp, words).code(2).errors();
        assert!(
            told.starts_with(&format!("bgp: {message}")),
            "{words:?}: {told}"
        );
        let hint = told.lines().nth(1).unwrap();
        assert!(
            hint.contains("process ") || hint.contains("command="),
            "{words:?}: {told}"
        );
    }
    assert_eq!(bgp.list(), [] as [Value; 0], "nothing was started");
}

// A6
#[test]
fn a_nul_is_refused_by_its_parameter_and_nothing_is_started() {
    let bgp = Sandbox::new();
    for (field, value) in [
        ("command", json!("echo a\u{0}b")),
        ("name", json!("a\u{0}")),
        ("cwd", json!("/\u{0}")),
        ("stdin", json!("/\u{0}")),
        ("env", json!({"A": "b\u{0}"})),
        ("env", json!({"A\u{0}": "b"})),
        ("env", json!(["A=\u{0}"])),
        ("group", json!("\u{0}")),
    ] {
        let mut said = json!({"action": "start", "name": "x", "command": "true"});
        said[field] = value;
        let told = call(&bgp, &[&said.to_string()]).code(2).errors();
        assert!(told.contains(&format!("parameter '{field}': ")), "{told}");
    }
    assert_eq!(bgp.list(), [] as [Value; 0]);
}

#[test]
fn a_long_answer_keeps_both_ends_of_each_stream_and_says_what_it_left_out() {
    let bgp = Sandbox::new();
    let line = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo \"out $i\"; echo \"err $i\" >&2; done; \
                printf '\\001\\002\\033[31m\"\\\\'";
    call(
        &bgp,
        &["action=start", "name=much", &format!("command={line}")],
    )
    .code(0);
    call(&bgp, &["action=wait", "id=much"]).code(0);
    let words = ["action=output", "id=much", "lines=0"];
    let text = call(&bgp, &words).code(0).text();
    assert!(text.len() <= 50_001, "{}", text.len());
    for part in [
        "\nout 1\n",
        "\n[stderr] err 1\n",
        "\nout 20000\n",
        "\n[stderr] err 20000\n",
    ] {
        assert!(text.contains(part), "{part:?}");
    }
    assert!(
        text.len() > 35_000,
        "more was left out than had to be: {}",
        text.len()
    );
    let json = bgp
        .run([&["process", "--json"], &words[..]].concat())
        .code(0)
        .text();
    assert!(json.len() <= 50_001, "{}", json.len());
    let document: Value = serde_json::from_str(&json).unwrap();
    for stream in ["stdout", "stderr"] {
        let count = |list: &str| {
            document[list]
                .as_array()
                .unwrap()
                .iter()
                .filter(|one| one["stream"] == stream)
                .count()
        };
        let gap = document["leftOut"]
            .as_array()
            .unwrap()
            .iter()
            .find(|gap| gap["stream"] == stream);
        let shown = count("lines") as u64;
        let total = if stream == "stdout" { 20_001 } else { 20_000 };
        assert_eq!(
            shown + gap.unwrap()["lines"].as_u64().unwrap(),
            total,
            "{stream}"
        );
    }
}

#[test]
fn a_list_of_many_long_commands_is_bounded_too() {
    let bgp = Sandbox::new();
    let long = format!(": {}", "x".repeat(100_000));
    for _ in 0..30 {
        call(
            &bgp,
            &[
                "action=start",
                "name=long",
                "replace=true",
                &format!("command={long}"),
            ],
        )
        .code(0);
    }
    for words in [
        &["process", "action=list"][..],
        &["process", "--json", "action=list"],
    ] {
        let text = bgp.run(words).code(0).text();
        assert!(text.len() <= 50_001, "{}", text.len());
        assert!(text.contains(" are left out; "), "{text}");
        assert!(
            text.contains("proc_30") || text.contains("\"number\":30,"),
            "{text}"
        );
    }
}

#[test]
fn the_tool_reads_the_last_hundred_lines_by_default_and_says_so() {
    let bgp = Sandbox::new();
    call(&bgp, &["action=start", "name=n", "command=seq 1 500"]).code(0);
    call(&bgp, &["action=wait", "id=n"]).code(0);
    let text = call(&bgp, &["action=output", "id=n"]).code(0).text();
    assert!(
        text.contains(&numbered("", 401..=500)) && !text.contains("\n400\n"),
        "{text}"
    );
    assert!(
        text.contains("Note: these are the last 100 lines"),
        "{text}"
    );
    let few = document(&bgp, &["action=output", "id=n", "lines=2", "stream=stdout"]);
    assert_eq!(
        few["lines"],
        json!([{"stream": "stdout", "text": "499"}, {"stream": "stdout", "text": "500"}])
    );
    let found = call(&bgp, &["action=output", "id=n", "grep=^25.$"])
        .code(0)
        .text();
    assert!(
        found.contains("\n250\n") && found.contains("\n259") && !found.contains("\n260"),
        "{found}"
    );
}

#[test]
fn a_wait_that_is_over_says_how_to_go_on() {
    let bgp = Sandbox::new();
    call(
        &bgp,
        &["action=start", "name=slow", "command=exec sleep 600"],
    )
    .code(0);
    let told = call(&bgp, &["action=wait", "id=slow", "timeout=100ms"])
        .code(124)
        .text();
    assert!(
        told.starts_with("\"slow\" (proc_1) still runs after 100ms of waiting"),
        "{told}"
    );
    assert!(
        told.contains("process action=wait id=proc_1 waits on"),
        "{told}"
    );
    let document = document(&bgp, &["action=wait", "id=slow", "timeout=0.1"]);
    assert_eq!(
        (&document["timedOut"], &document["process"]["status"]),
        (&json!(true), &json!("running"))
    );
}

#[test]
fn what_is_sent_is_answered_and_a_restart_has_a_new_number() {
    let bgp = Sandbox::new();
    call(
        &bgp,
        &[
            "action=start",
            "name=echo",
            "command=while read line; do echo got $line; done",
        ],
    )
    .code(0);
    call(&bgp, &["action=send", "id=echo", "text=hello  there"])
        .code(0)
        .stdout_has("Sent 13 bytes to \"echo\" (proc_1)");
    bgp.wait_until("it answers", || {
        bgp.output("echo").contains("got hello there").then_some(())
    });
    call(&bgp, &["action=restart", "id=echo"])
        .code(0)
        .stdout_has("Restarted \"echo\" (proc_2, ");
    call(&bgp, &["action=send", "id=echo", "eof=true"])
        .code(0)
        .stdout_has("closed its stdin");
    call(&bgp, &["action=wait", "id=echo"])
        .code(0)
        .stdout_has("exited with code 0");
    call(&bgp, &["action=status", "id=echo"])
        .code(0)
        .stdout_has("the command ended well");
}

#[test]
fn an_export_is_readable_and_lies_where_nobody_else_looks() {
    let bgp = Sandbox::new();
    call(
        &bgp,
        &["action=start", "name=x", "command=echo out; echo err >&2"],
    )
    .code(0);
    call(&bgp, &["action=wait", "id=x"]).code(0);
    call(&bgp, &["action=output", "id=nobody"])
        .code(3)
        .stderr_has("hint: process action=list shows what there is");
    call(&bgp, &["action=logs", "id=x", "dir=here"])
        .code(2)
        .stderr_has("add export=true");
    for said in [
        vec!["action=logs", "id=x", "export=true"],
        vec!["action=logs", "id=x", "export=true", "dir=here"],
    ] {
        for round in 0..2 {
            let mut command = bgp.command([vec!["process", "--json"], said.clone()].concat());
            let outcome = finish(command.env_remove("XDG_RUNTIME_DIR"));
            if round == 1 && said.len() == 4 {
                outcome.code(1); // nothing is overwritten in a directory of the user's
                continue;
            }
            let document = outcome.code(0).json();
            let files = document["files"].as_array().unwrap();
            let read =
                |n: usize| std::fs::read_to_string(files[n]["path"].as_str().unwrap()).unwrap();
            assert_eq!((read(0), read(1)), ("out\n".into(), "err\n".into()));
            assert!(
                files[0]["path"]
                    .as_str()
                    .unwrap()
                    .starts_with(bgp.dir().to_str().unwrap())
            );
        }
    }
}

// F1, F2
#[test]
fn a_reader_that_goes_away_and_a_full_disk_are_no_panic() {
    let bgp = Sandbox::new();
    call(&bgp, &["action=start", "name=n", "command=seq 1 20000"]).code(0);
    call(&bgp, &["action=wait", "id=n"]).code(0);
    bgp.sh("\"$BGP\" process action=output id=n lines=0 | head -1")
        .code(0)
        .stderr("");
    if std::path::Path::new("/dev/full").exists() {
        bgp.sh("\"$BGP\" process action=list >/dev/full")
            .code(15)
            .stderr_has("No space left on device");
    }
}

#[test]
fn the_errors_of_actions_have_the_codes_of_the_commands() {
    let bgp = Sandbox::new();
    call(&bgp, &["action=output", "id=nobody"]).code(3);
    call(&bgp, &["action=start", "name=up", "command=exec sleep 600"]).code(0);
    call(&bgp, &["action=start", "name=up", "command=true"]).code(6);
    call(&bgp, &["action=clear", "id=up"])
        .code(6)
        .stderr_has("process action=kill id=proc_1 first");
    call(&bgp, &["action=kill", "id=up", "force=true"])
        .code(0)
        .stdout_has("killed by SIGKILL");
    call(&bgp, &["action=kill", "id=up"])
        .code(5)
        .stderr_has("process action=clear id=proc_1");
    let mut none = bgp.command(["process", "--json", "action=list"]);
    let error = finish(none.env_remove("BG_PASSWORD")).code(10).json()["error"].clone();
    assert_eq!(error["kind"], "no-password");
}

#[test]
fn an_alert_is_told_once_and_what_raises_one_can_be_changed() {
    let bgp = Sandbox::new();
    call(&bgp, &["action=alerts"]).code(0).stdout("No alerts\n");
    call(
        &bgp,
        &["action=start", "name=bad", "command=echo oh; exit 3"],
    )
    .code(0);
    call(&bgp, &["action=wait", "id=bad"]).code(0);
    for words in [&["action=alerts", "peek=true"][..], &["action=alerts"]] {
        let told = call(&bgp, words).code(0).text();
        assert!(
            told.starts_with("1 alert:\nalert 1: bad (") && told.contains("failed with code 3"),
            "{told}"
        );
    }
    call(&bgp, &["action=alerts"]).code(0).stdout("No alerts\n");
    call(
        &bgp,
        &[
            "action=start",
            "name=web",
            "command=read line; echo $line; exec sleep 600",
        ],
    )
    .code(0);
    let words = [
        "action=update",
        "id=web",
        "alertOnFailure=false",
        "alertOnOutput=err[o]r",
        "alertOnIdle=1h",
    ];
    call(&bgp, &words)
        .code(0)
        .stdout_has("raises alerts on output of 'err[o]r', silence of 1h");
    call(&bgp, &["action=send", "id=web", "text=an error"]).code(0);
    bgp.wait_until("it is told", || {
        let told = call(&bgp, &["action=alerts"]).code(0).text();
        told.contains("web (").then_some(())
    });
}

#[test]
fn the_readme_tells_what_each_action_takes() {
    let bgp = Sandbox::new();
    let readme = std::fs::read_to_string(crate::harness::tree().join("README.md")).unwrap();
    let names = |text: &str| -> Vec<String> {
        let word = regex::Regex::new("`([A-Za-z]+)`").unwrap();
        let mut found: Vec<String> = (word.captures_iter(text))
            .map(|found| found[1].to_owned())
            .collect();
        found.sort();
        found
    };
    let rows = readme.split("| action | parameters |").nth(1).unwrap();
    let rows: Vec<&str> = (rows.lines().skip(2))
        .take_while(|line| line.starts_with('|'))
        .collect();
    for row in &rows {
        let cells: Vec<&str> = row.split('|').collect();
        let action = names(cells[1]).remove(0);
        let parameters = cells[2].replace(
            "`alertOn…`",
            "`alertOnSuccess` `alertOnFailure` `alertOnKill` `alertOnOutput` `alertOnIdle`",
        );
        let told = call(&bgp, &[&format!("action={action}"), "nothingOfThat=1"]).code(2);
        let takes = told.errors();
        let takes = takes.split("it takes ").nth(1).unwrap_or_default();
        let takes = takes.split(';').next().unwrap();
        let mut takes: Vec<String> = (takes.split([',', ' ', '\n']))
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect();
        takes.sort();
        assert_eq!(names(&parameters), takes, "{action}");
    }
    assert!(rows.len() > 10);
}

#[test]
fn an_agent_reads_on_where_it_was() {
    let bgp = Sandbox::new();
    let line = "command=echo one; read more; echo two; read more";
    call(&bgp, &["action=start", "name=x", line]).code(0);
    call(&bgp, &["action=wait", "id=x", "output=one"]).code(0);
    let json = ["process", "--json", "action=output", "id=x"];
    let first = bgp.run(json).code(0).json();
    let after = format!("after={}", first["nextCursor"].as_str().unwrap());
    call(&bgp, &["action=send", "id=x", "text=more"]).code(0);
    call(&bgp, &["action=wait", "id=x", "output=two"]).code(0);
    let second = bgp.run([&json[..], &[&after]].concat()).code(0).json();
    let texts = |document: &Value| -> Vec<String> {
        let lines = document["lines"].as_array().unwrap().iter();
        lines
            .map(|line| line["text"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        (texts(&first), texts(&second)),
        (vec!["one".into()], vec!["two".into()])
    );
}

// A place to look from without anything to look for would wait for the end.
#[test]
fn a_place_to_look_from_needs_something_to_look_for() {
    let bgp = Sandbox::new();
    call(&bgp, &["action=start", "name=x", "command=echo one"]).code(0);
    let json = ["process", "--json", "action=wait", "id=x"];
    let first = bgp.run(json).code(0).json();
    let after = format!("after={}", first["nextCursor"].as_str().unwrap());
    call(&bgp, &["action=wait", "id=x", &after])
        .failed(2)
        .stderr_has("parameter 'after' of 'wait' means nothing without 'output'");
    let words = ["action=kill", "id=x", "force=false", "grace=5"];
    call(&bgp, &words).failed(5);
}

#[test]
fn hints_are_in_the_words_of_the_tool_and_what_the_caller_said_in_his_own() {
    let bgp = Sandbox::new();
    let start = ["action=start", "name=x", "command=true"];
    for (words, told) in [
        (
            &["withPid=99999999"][..],
            "bgp: withPid: there is no process 99999999",
        ),
        (&["envFile=/nowhere"], "bgp: hint: envFile takes a file"),
        (&["cwd=/x/--replace"], "directory '/x/--replace'"),
        (&["cwd=/x/--replace"], "bgp: hint: cwd says where"),
    ] {
        call(&bgp, &[&start, words].concat())
            .failed(2)
            .stderr_has(told);
    }
    call(&bgp, &start).code(0);
    call(&bgp, &["action=output", "id=--eof"])
        .failed(3)
        .stderr_has("no process called '--eof'");
}

#[test]
fn a_lost_process_is_told_with_the_call_that_ends_what_is_left() {
    let bgp = Sandbox::new();
    let options = ["--name", "tree", "--grace", "200ms"];
    let tree = bgp.start_with(&options, [script("stubborn-member.sh")]);
    bgp.ready(&tree);
    proc::kill(tree.supervisor(), Signal::SIGKILL);
    bgp.wait_status("tree", "lost");
    let hint = format!("; process action=kill id={} ends what is left", tree.id);
    call(&bgp, &["action=status", "id=tree"])
        .code(0)
        .stdout_has(&hint);
    let status = document(&bgp, &["action=status", "id=tree"]);
    assert!(status["hint"].as_str().unwrap().ends_with(&hint));
    call(&bgp, &["action=wait", "id=tree"])
        .code(0)
        .stdout_has("has ended: lost (supervisor-killed) after an unknown time\n");
    call(&bgp, &["action=kill", "id=tree"])
        .code(0)
        .stdout_has(": lost (supervisor-killed) after an unknown time\n");
}

#[test]
fn a_number_that_the_schema_allows_is_taken() {
    let bgp = Sandbox::new();
    let object = |text: &str| bgp.run(["process", text]);
    let port =
        r#"{"action":"start","name":"x","command":"exec sleep 600","maxLog":1e7,"env":{"A":-1}}"#;
    object(port).code(0);
    for timeout in ["0.30000000000000004", "1e-7", "1.0e-1"] {
        let wait = format!(r#"{{"action":"wait","id":"x","port":1.0,"timeout":{timeout}}}"#);
        object(&wait).code(124);
    }
    for port in ["0.5", "65536.0", "-1"] {
        let wait = format!(r#"{{"action":"wait","id":"x","port":{port}}}"#);
        object(&wait).failed(2).stderr_has("is not a port");
    }
}

#[test]
fn a_number_for_a_variable_is_given_as_it_was_written_or_refused() {
    let bgp = Sandbox::new();
    let start = |value: &str| {
        bgp.run([
            "process".to_owned(),
            format!(r#"{{"action":"start","name":"x","command":"echo $A","env":{{"A":{value}}}}}"#),
        ])
    };
    for bad in ["123456789012345678901234567890", "0.1", "1.0"] {
        start(bad)
            .failed(2)
            .stderr_has("parameter 'env': 'A' is a number")
            .stderr_has("write it as a text");
    }
    for good in ["18446744073709551615", "-9223372036854775808"] {
        start(good).code(0);
        bgp.run(["wait", "x"]).code(0);
        assert_eq!(bgp.output("x"), format!("{good}\n"));
    }
}

#[test]
fn what_is_escaped_when_it_is_written_counts_as_it_is_written() {
    let bgp = Sandbox::new();
    let line = "command=l=; for i in $(seq 300); do l=$l'\u{202e}'; done; \
                for i in $(seq 300); do echo \"$l\"; done";
    call(&bgp, &["action=start", "name=x", line]).code(0);
    call(&bgp, &["action=wait", "id=x"]).code(0);
    let words = ["process", "--json", "action=output", "id=x", "lines=0"];
    let told = bgp.run(words).code(0);
    assert!(told.text().len() <= 50_001, "{}", told.text().len());
    assert!(told.text().len() > 35_000, "{}", told.text().len());
    assert!(told.json()["leftOut"].as_array().is_some());
}

#[test]
fn the_call_for_all_lines_asks_for_the_same_ones() {
    let bgp = Sandbox::new();
    let line = "command=seq 1 500; seq 1 500 >&2";
    call(&bgp, &["action=start", "name=n", line]).code(0);
    call(&bgp, &["action=wait", "id=n"]).code(0);
    let words = [
        "action=output",
        "id=n",
        "lines=2",
        "stream=stderr",
        "grep=1",
    ];
    call(&bgp, &words).code(0).stdout_has(
        "; process action=output id=proc_1 lines=0 stream=stderr grep=1 reads from the beginning\n",
    );
}
