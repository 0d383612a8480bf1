//! What a command gets, and what a start leaves when it fails.
//!
//! | rows | here |
//! |---|---|
//! | A1 A2 A3 A4 A12 A13 H6 | a start that fails says why and leaves nothing |
//! | A5 A9 A10 A11 D15 | what the command gets: bytes, descriptors, signals, umask |
//! | A6 | a NUL cannot come through argv; seen from outside are other bad options |
//! | A8 | a start that is captured returns at once |
//! | A12 | a supervisor that cannot fork goes on, and runs its command when it can |
//! | A27 | names |
//! | E11 F9 F10 | environment and stdin |
//! | G2 G8 G11 | no /proc, little memory and other limits, calls that a sandbox refuses |

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::harness::{Proc, Sandbox, file_names, script, write_script};
use crate::invocation::{Running, finish};
use crate::proc;
use crate::user::User;

/// After a start that failed: nothing is listed, no file is left, and nothing runs.
#[track_caller]
fn assert_nothing_is_left(bgp: &Sandbox) {
    assert_eq!(bgp.list(), Vec::<serde_json::Value>::new());
    assert_eq!(file_names(&bgp.state().join("logs")), Vec::<String>::new());
    bgp.wait_until("nothing runs and run/ is empty", || {
        (bgp.living().is_empty() && file_names(&bgp.state().join("run")).is_empty()).then_some(())
    });
}

#[test]
fn a_start_is_told_in_one_line() {
    let bgp = Sandbox::new();
    let told = bgp
        .run(["start", "--name", "web", "sleep", "60"])
        .code(0)
        .stderr("");
    let web = bgp.status("web");
    let expected = format!(
        "Started web ({}, proc_1, pid {})\n",
        web["id"].as_str().unwrap(),
        web["pid"]
    );
    told.stdout(&expected);
}

#[test]
fn a_command_that_ends_at_once_is_a_success_that_is_listed_with_its_code() {
    let bgp = Sandbox::new();
    bgp.run(["start", "--name", "quick", "sh", "-c", "exit 7"])
        .code(0);
    bgp.run(["wait", "quick"]).code(7);
    assert_eq!(bgp.list()[0]["exitCode"], 7);
}

// A1
#[test]
fn a_command_that_is_not_found_is_127_and_leaves_nothing() {
    let bgp = Sandbox::new();
    bgp.run(["start", "--name", "x", "no-such-command-anywhere"])
        .failed(127)
        .stderr_has("no-such-command-anywhere")
        .stderr_has("No such file or directory");
    bgp.run(["start", "--name", "x", "./no/such/file"])
        .failed(127)
        .stderr_has("./no/such/file");
    assert_nothing_is_left(&bgp);
}

// A2
#[test]
fn a_command_that_cannot_be_run_is_126_and_says_what_is_wrong() {
    let bgp = Sandbox::new();
    let plain = bgp.dir().join("plain");
    fs::write(&plain, "#!/bin/sh\n").unwrap();
    let orphan = bgp.dir().join("orphan");
    write_script(&orphan, "#!/no/such/interpreter -x\n");

    bgp.run(["start", "./plain"])
        .failed(126)
        .stderr_has("plain");
    bgp.run(["start", "./home"]).failed(126).stderr_has("home");
    bgp.run(["start", "./orphan"])
        .failed(126)
        .stderr_has("orphan")
        .stderr_has("/no/such/interpreter");
    let second = bgp.dir().join("second");
    write_script(&second, &format!("#!{}\n", orphan.display()));
    bgp.run(["start", "./second"])
        .failed(126)
        .stderr_has(orphan.to_str().unwrap())
        .stderr_has("'/no/such/interpreter', which is not there");
    write_script(&second, "#!/bin/sh\r\ntrue\r\n");
    bgp.run(["start", "./second"])
        .failed(126)
        .stderr_has("'/bin/sh\\r'")
        .stderr_has("Windows");
    write_script(&second, &format!("#!{}\n", plain.display()));
    bgp.run(["start", "./second"])
        .failed(126)
        .stderr_has("plain', which cannot be executed");
    assert_nothing_is_left(&bgp);
}

// H6
#[test]
fn a_script_without_a_first_line_is_126_with_a_hint_at_c() {
    let bgp = Sandbox::new();
    let bare = bgp.dir().join("bare");
    write_script(&bare, "echo hello\n");
    bgp.run(["start", "./bare"]).failed(126).stderr_has("-c");
    assert_nothing_is_left(&bgp);
}

/// The environment is as large as the caller's own start allows; the command is a script with a long
/// path, which the kernel puts on top: only the last exec is too big.
// A3
#[test]
fn arguments_that_are_too_long_for_the_command_alone_are_126() {
    let bgp = Sandbox::new();
    let mut deep = bgp.dir().to_path_buf();
    for _ in 0..14 {
        deep.push("d".repeat(240));
    }
    fs::create_dir_all(&deep).unwrap();
    let tool = deep.join("tool");
    write_script(&tool, "#!/bin/sh\n");
    let mut path = deep.into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());

    // 1 MiB of stack gives 256 KiB to arguments and environment (execve(2)).
    let line = "ulimit -s 1024; exec \"$BGP\" start --name big tool";
    for pad in (0..127 * 1024).rev().step_by(1024) {
        let mut start = bgp.foreign("/bin/sh");
        start.args(["-c", line]).env("PATH", &path);
        start
            .env("PAD1", "x".repeat(120 * 1024))
            .env("PAD2", "x".repeat(pad));
        let outcome = finish(&mut start);
        assert!(
            !outcome.status.success(),
            "the kernel's sum is another than this test's\n{}",
            outcome.describe()
        );
        // The shell says 126 as well, but not in bgp's words.
        if outcome.errors().starts_with("bgp: ") {
            outcome.failed(126).stderr_has("rgument list too long");
            break;
        }
    }
    assert_nothing_is_left(&bgp);
}

#[test]
fn an_environment_of_a_megabyte_reaches_the_command() {
    let bgp = Sandbox::new();
    let mut start = bgp.command(["start", "--name", "big", "sh", "-c"]);
    start.arg("for n in 0 1 2 3 4 5 6 7 8 9; do eval \"printf %s \\\"\\$BIG$n\\\" | wc -c\"; done");
    for n in 0..10 {
        start.env(format!("BIG{n}"), "\u{e9}".repeat(50 * 1024));
    }
    finish(&mut start).code(0);
    bgp.run(["wait", "big"]).code(0);
    assert_eq!(bgp.output("big").replace(' ', ""), "102400\n".repeat(10));
    bgp.run(["verify", "big"]).code(0);
}

// A4
#[test]
fn a_working_directory_that_is_gone_is_named() {
    let bgp = Sandbox::new();
    bgp.run(["start", "--cwd", "/no/such/dir", "true"])
        .code_in(&[1, 2, 126])
        .stdout("")
        .stderr_has("/no/such/dir");
    bgp.sh("mkdir gone && cd gone && rmdir ../gone && exec \"$BGP\" start true")
        .failed(2)
        .stderr_has("directory");
    assert_nothing_is_left(&bgp);
}

// A4
#[test]
fn a_supervisor_sits_in_the_root_directory_and_pins_no_other() {
    let bgp = Sandbox::new();
    let work = bgp.dir().join("work");
    fs::create_dir(&work).unwrap();
    let web = bgp.start_with(
        &["--name", "web", "--cwd", work.to_str().unwrap()],
        ["sleep", "60"],
    );
    fs::remove_dir(&work).unwrap();
    assert_eq!(bgp.status("web")["cwd"], work.to_str().unwrap());
    if !proc::pass_over(!proc::may_inspect(), proc::NO_LOOK_INSIDE) {
        let cwd = fs::read_link(format!("/proc/{}/cwd", web.supervisor())).unwrap();
        assert_eq!(cwd.to_str(), Some("/"));
    }
    bgp.run(["stop", "web"]).code(0);
}

// A5
#[test]
fn every_byte_of_argv_and_cwd_reaches_the_command() {
    let bgp = Sandbox::new();
    let dir = bgp.dir().join(OsStr::from_bytes(b"d\xff\n"));
    fs::create_dir(&dir).unwrap();
    let all: Vec<u8> = (1..=255).collect();
    let mut start = bgp.command(["start", "--name", "bytes", "--cwd"]);
    start.arg(&dir).args([
        "sh",
        "-c",
        "printf '%s|' \"$@\"; pwd",
        "sh",
        "",
        "two words",
        "-x",
    ]);
    start.arg(OsString::from_vec(all.clone()));
    finish(&mut start).code(0);
    bgp.run(["wait", "bytes"]).code(0);

    let mut expected = b"|two words|-x|".to_vec();
    expected.extend(all);
    expected.push(b'|');
    expected.extend(dir.as_os_str().as_bytes());
    expected.push(b'\n');
    let raw = bgp.run(["output", "--raw", "-n", "0", "bytes"]).code(0);
    assert_eq!(raw.stdout, expected);
}

// A6
#[test]
fn an_option_that_makes_no_sense_is_a_usage_error_and_nothing_starts() {
    let bgp = Sandbox::new();
    for bad in [
        &["start"][..],
        &["start", "--no-such-option", "true"],
        &["start", "-e", "NOVALUE", "true"],
        &["start", "-e", "=x", "true"],
        &["start", "--grace", "soon", "true"],
        &["start", "--name"],
        &["start", "-c", "true", "and", "more"],
        &["frobnicate"],
        &["list", "extra"],
        &["stop"],
    ] {
        bgp.run(bad.iter().copied())
            .code(2)
            .stdout("")
            .stderr_has("bgp: ");
    }
    assert_nothing_is_left(&bgp);
}

// A8
#[test]
fn a_start_whose_output_is_captured_returns_at_once() {
    let bgp = Sandbox::new();
    // `finish` waits until both streams are closed: nobody may have kept them.
    bgp.run(["start", "--name", "one", "sleep", "60"]).code(0);
    bgp.sh("out=$(\"$BGP\" start --name two sleep 60) && echo \"got $out\"")
        .code(0)
        .stdout_has("got Started two (");
    bgp.sh("\"$BGP\" start --name three sleep 60 | cat")
        .code(0)
        .stdout_has("Started three (");
    let python = "import os, subprocess; print(subprocess.run([os.environ['BGP'], 'start', '--name', 'four', \
        'sleep', '60'], capture_output=True, timeout=20).returncode)";
    if !proc::pass_over(!has("python3"), "there is no python3") {
        finish(bgp.foreign("python3").args(["-c", python]))
            .code(0)
            .stdout("0\n");
    }
    for process in bgp.list() {
        assert_eq!(process["status"], "running", "{process}");
    }
}

fn has(program: &str) -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|dir| dir.join(program).is_file())
}

// A8
#[test]
fn a_supervisor_has_nothing_of_the_callers() {
    let bgp = Sandbox::new();
    if proc::pass_over(!proc::may_inspect(), proc::NO_LOOK_INSIDE) {
        return;
    }
    let web = bgp.start("web", ["sleep", "60"]);
    let all = proc::descriptors(web.supervisor()).unwrap();
    for number in 0..3 {
        let (_, path) = all.iter().find(|(n, _)| *n == number).unwrap();
        assert_eq!(path.to_str(), Some("/dev/null"), "{all:?}");
    }
}

// A9
#[test]
fn a_command_gets_three_descriptors_whatever_the_caller_has_open() {
    let bgp = Sandbox::new();
    let planted = bgp.dir().join("planted");
    let perl = "use POSIX (); open(my $f, q(>), shift) or die; \
        POSIX::dup2(fileno($f), $_) for 3 .. 40, 63, 200, 1100; exec @ARGV or die";
    let line =
        format!("ulimit -n 2048; exec perl -e '{perl}' \"$0\" \"$BGP\" start --name web sleep 60");
    finish(bgp.foreign("/bin/sh").args(["-c", &line]).arg(&planted)).code(0);
    let pid = i32::try_from(bgp.status("web")["pid"].as_i64().unwrap()).unwrap();
    let numbers = |pid| -> Vec<i32> {
        let all = proc::descriptors(pid).expect("our own process");
        all.iter().map(|(number, _)| *number).collect()
    };
    assert_eq!(numbers(pid), [0, 1, 2]);
    if !proc::pass_over(!proc::may_inspect(), proc::NO_LOOK_INSIDE) {
        let all = proc::descriptors(proc::parent(pid)).unwrap();
        assert!(all.iter().all(|(_, path)| *path != planted), "{all:?}");
    }
}

// A10
#[test]
fn a_caller_may_have_closed_any_of_its_streams() {
    let bgp = Sandbox::new();
    for (n, closed) in [
        "<&-",
        ">&-",
        "2>&-",
        "<&- >&-",
        "<&- 2>&-",
        ">&- 2>&-",
        "<&- >&- 2>&-",
    ]
    .iter()
    .enumerate()
    {
        let name = format!("closed-{n}");
        bgp.sh(&format!(
            "\"$BGP\" start --name {name} sh -c 'echo out; echo err >&2; cat' {closed}"
        ));
        bgp.wait_until(&format!("{name} with {closed} has written"), || {
            let output = bgp.output(&name);
            (output.contains("out\n") && output.contains("err\n")).then_some(())
        });
        assert_eq!(bgp.status(&name)["status"], "running", "{closed}");
    }
    bgp.run(["verify"]).code(0);
}

// A11
#[test]
fn a_command_starts_with_default_signals_whatever_the_caller_ignores_or_blocks() {
    const STATUS: &str = "grep -E '^Sig(Ign|Blk)' /proc/self/status";
    let bgp = Sandbox::new();
    let block_term = "use POSIX (); \
        POSIX::sigprocmask(POSIX::SIG_BLOCK(), POSIX::SigSet->new(POSIX::SIGTERM(), POSIX::SIGCHLD())); \
        $SIG{PIPE} = $SIG{CHLD} = $SIG{USR1} = \"IGNORE\"; exec @ARGV";
    let python = "import os, subprocess, sys; sys.exit(subprocess.call(sys.argv[1:], restore_signals=False))";
    let cases = [
        ("plain", "\"$BGP\" start --name plain sh -c \"$0\"".to_owned()),
        ("nohup", "nohup \"$BGP\" start --name nohup sh -c \"$0\"".to_owned()),
        ("async", "\"$BGP\" start --name async sh -c \"$0\" & wait".to_owned()),
        ("trapped", "trap '' INT HUP QUIT TERM; \"$BGP\" start --name trapped sh -c \"$0\"".to_owned()),
        ("blocked", format!("perl -e '{block_term}' \"$BGP\" start --name blocked sh -c \"$0\"")),
        ("no-tty", "setsid \"$BGP\" start --name no-tty sh -c \"$0\"".to_owned()),
        (
            "env-i",
            "env -i BGP_DIR=\"$BGP_DIR\" BG_PASSWORD=\"$BG_PASSWORD\" BGP_KEY_CACHE=off \
             BGP_TEST_SANDBOX=\"$BGP_TEST_SANDBOX\" PATH=\"$PATH\" \"$BGP\" start --name env-i sh -c \"$0\""
                .to_owned(),
        ),
        (
            "python",
            format!("python3 -c '{python}' \"$BGP\" start --name python sh -c \"$0\""),
        ),
    ];
    for (name, line) in cases {
        if name == "python" && proc::pass_over(!has("python3"), "there is no python3") {
            continue;
        }
        finish(bgp.foreign("/bin/sh").args(["-c", &line, STATUS])).code(0);
        bgp.run(["wait", name]).code(0);
        let output = bgp.output(name);
        assert_eq!(output.lines().count(), 2, "{name}: {output}");
        for line in output.lines() {
            let (_, mask) = line.split_once(':').unwrap();
            // 32 and 33 belong to the C library; a caller may have left them ignored.
            let mask = u64::from_str_radix(mask.trim(), 16).unwrap() & !(0b11 << 31);
            assert_eq!(mask, 0, "{name}: {output}");
        }
    }
}

// A11: a session of its own, no terminal
#[test]
fn a_command_leads_a_session_of_its_own() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    let leader = proc::stat(web.pid).unwrap();
    assert_eq!((leader.session, leader.group), (web.pid, web.pid));
    let supervisor = proc::stat(web.supervisor()).unwrap();
    assert_ne!(supervisor.session, web.pid);
    let caller = proc::stat(i32::try_from(std::process::id()).unwrap()).unwrap();
    assert_ne!(supervisor.session, caller.session);
}

// A12
#[test]
fn a_start_that_cannot_fork_says_so_and_leaves_nothing() {
    let bgp = Sandbox::new();
    if proc::pass_over(
        proc::is_root(),
        "the kernel never refuses root a process; the run as a user holds it",
    ) {
        return;
    }
    bgp.sh("{ ulimit -u 1 || ulimit -p 1; } 2>/dev/null; exec \"$BGP\" start --name x sleep 60")
        .failed(1)
        .stderr_has("Resource temporarily unavailable");
    assert_nothing_is_left(&bgp);
}

// A13
#[test]
fn a_start_short_of_descriptors_succeeds_or_says_so() {
    let bgp = Sandbox::new();
    let mut started = 0;
    for limit in 3..=24 {
        let name = format!("limit-{limit}");
        // The deadline and the look for a panic are in `sh`.
        let outcome = bgp.sh(&format!(
            "ulimit -n {limit}; exec \"$BGP\" start --name {name} cat"
        ));
        let listed = bgp
            .list()
            .iter()
            .any(|process| process["name"] == name.as_str());
        assert_eq!(listed, outcome.status.success(), "{}", outcome.describe());
        started += usize::from(listed);
        if listed {
            bgp.run(["stop", &name]).code(0);
        }
    }
    assert!(started > 0, "24 descriptors are not enough for a start");
    bgp.run(["clear"]).code(0);
    assert_nothing_is_left(&bgp);
}

// A13
#[test]
fn a_supervisor_short_of_descriptors_goes_on_logging_and_can_be_stopped() {
    let bgp = Sandbox::new();
    let line =
        "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo \"line $i\"; done; echo ready; sleep 60";
    finish(bgp.foreign("/bin/sh").args([
        "-c",
        "ulimit -n 24; exec \"$BGP\" start --name short sh -c \"$0\"",
        line,
    ]))
    .code(0);
    bgp.wait_until("all lines are there", || {
        (bgp.output("short").lines().count() == 3001).then_some(())
    });
    bgp.run(["stop", "short"]).code(0);
    bgp.run(["verify"]).code(0);
}

// G8: the soft limit of the processor's time is for the command
#[test]
fn a_soft_limit_of_time_ends_no_supervisor() {
    let bgp = Sandbox::new();
    let line = "ulimit -S -t 1; exec \"$BGP\" start --name web sh -c 'ulimit -S -t unlimited; \
        dd if=/dev/zero bs=64k count=10000 2>/dev/null; echo over'";
    bgp.sh(line).code(0);
    bgp.run(["wait", "web"]).code(0);
    assert_eq!(bgp.status("web")["status"], "exited");
}

/// Whether `pid` may raise a hard limit. See capabilities(7), `CAP_SYS_RESOURCE`.
fn may_raise_limits(pid: i32) -> bool {
    let mask = proc::status_line(pid, "CapEff").unwrap();
    u64::from_str_radix(&mask, 16).unwrap() & (1 << 24) != 0
}

/// The soft and the hard limit of the processor's time of `pid`, as the kernel says.
fn time_limits(pid: i32) -> Vec<String> {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let mut lines = limits.lines();
    let found = lines.find_map(|line| line.strip_prefix("Max cpu time"));
    let words = found.unwrap().split_whitespace();
    words.take(2).map(str::to_owned).collect()
}

// G8: the hard limit of the processor's time kills, and nobody can ignore that
#[test]
fn a_hard_limit_of_time_is_the_commands_alone_where_a_supervisor_may_raise_it() {
    let (bgp, user) = (Sandbox::new(), User::new());
    let run = "ulimit -S -t; ulimit -H -t; [ -e again ] || { touch again; exit 1; }; echo ready; \
               exec sleep 60";
    let line = "ulimit -t 1000; ulimit -S -t 900; \
                exec \"$BGP\" start --name web --restart on-failure:1 -c \"$0\"";
    for mut start in [bgp.foreign("/bin/sh"), user.foreign("/bin/sh")] {
        start.env("BGP_TEST_BACKOFF_MS", "1");
        finish(start.args(["-c", line, run])).code(0);
    }
    let runs_again = |output: String| output.contains("ready").then_some(());
    bgp.wait_until("it runs again", || runs_again(bgp.output("web")));
    user.bgp
        .wait_until("the user's runs again", || runs_again(user.output("web")));
    for (status, output) in [
        (bgp.status("web"), bgp.output("web")),
        (user.status("web"), user.output("web")),
    ] {
        assert_eq!(output, "900\n1000\n900\n1000\nready\n", "of each run");
        let supervisor = Proc::from_json(&status).supervisor();
        let expected = if may_raise_limits(supervisor) {
            ["unlimited"; 2]
        } else {
            ["900", "1000"]
        };
        assert_eq!(time_limits(supervisor), expected);
    }
}

// G8
#[test]
fn a_hard_limit_of_time_that_supervisors_will_have_is_named_by_doctor() {
    let (bgp, user) = (Sandbox::new(), User::new());
    let line = "ulimit -t 1000; exec \"$BGP\" doctor --json";
    let time = |json: serde_json::Value| {
        let findings = json["findings"].as_array().unwrap();
        let mut found = findings.iter();
        found
            .find(|it| it["check"] == "processor time")
            .unwrap()
            .clone()
    };
    let limited = time(user.sh(line).code_in(&[0, 1]).json());
    assert_eq!(limited["health"], "note");
    assert!(limited["what"].as_str().unwrap().contains("1000 s"));
    assert!(limited["hint"].is_string());
    let raises = may_raise_limits(std::process::id().cast_signed());
    let may_be = time(bgp.sh(line).code_in(&[0, 1]).json());
    assert_eq!(may_be["health"], if raises { "fine" } else { "note" });
}

// A13: with no descriptor left nothing can be looked at, which does not mean that nothing lives
#[test]
fn a_supervisor_without_a_descriptor_left_does_not_call_its_tree_empty() {
    let bgp = Sandbox::new();
    // It holds the pipes, so that none of them is a descriptor that is free again.
    let line = "setsid sleep 60 & echo ready $!; until [ -e go ]; do sleep 0.02; done; exit 3";
    let start = "ulimit -n 24; exec \"$BGP\" start --name web --stdin null sh -c \"$0\"";
    finish(bgp.foreign("/bin/sh").args(["-c", start, line])).code(0);
    let web = Proc::from_json(&bgp.status("web"));
    let (supervisor, grandchild) = (web.supervisor(), bgp.ready(&web)[0]);
    let crowd = "my @all; for (1 .. 40) { socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die $!; \
        connect($s, sockaddr_un($ARGV[0])) or die $!; push @all, $s } $| = 1; print qq(ready\\n); sleep 60";
    let mut crowded = bgp.foreign("perl");
    crowded.args(["-MSocket", "-e", crowd, &format!("{}.sock", web.id)]);
    let crowd = Running::begin(crowded.current_dir(bgp.state().join("run")));
    bgp.wait_until("all of the crowd are in its queue", || {
        (crowd.stdout() == "ready\n").then_some(())
    });
    if proc::may_inspect() {
        bgp.wait_until("all its descriptors are taken", || {
            (proc::descriptors(supervisor)?.len() == 24).then_some(())
        });
    }
    fs::write(bgp.dir().join("go"), "").unwrap();
    bgp.run(["wait", "web"]).code(3);
    // Where it takes its tree for empty it waits a second for the pipes, and goes.
    let gone = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        !bgp.lease_is_held(&web.id)
    });
    assert!(!gone, "it has gone");
    assert_eq!(bgp.status("web")["descendants"], 1);
    drop(crowd);
    bgp.run(["stop", "web"]).code(0);
    assert!(!proc::alive(grandchild));
    bgp.run(["verify", "web"]).code(0);
}

// A27
#[test]
fn a_name_is_one_of_a_documented_charset() {
    let bgp = Sandbox::new();
    let (longest, too_long) = ("n".repeat(64), "n".repeat(65));
    let very_long = "n".repeat(300);
    for bad in [
        "",
        "-x",
        "a/b",
        "..",
        "a b",
        "a\nb",
        "\u{1b}[2J",
        "proc_1",
        "proc_99999999999999999999",
        "deadbeef",
        "DEADBEEF",
        &too_long,
        &very_long,
    ] {
        let mut start = bgp.command(["start"]);
        start.arg(format!("--name={bad}")).arg("true");
        let outcome = finish(&mut start).failed(2);
        assert!(
            !outcome.errors().contains('\u{1b}'),
            "{}",
            outcome.describe()
        );
    }
    assert_nothing_is_left(&bgp);
    for good in ["a", "7", "web-1.2_x", "proc_", "deadbee", &longest] {
        bgp.run(["start", "--name", good, "true"]).code(0);
    }
}

// A27
#[test]
fn a_name_that_a_live_process_has_is_refused_and_free_again_after_its_end() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    bgp.run(["start", "--name", "web", "true"])
        .failed(6)
        .stderr_has("web");
    assert_eq!(bgp.list().len(), 1);
    bgp.run(["stop", "web"]).code(0);
    let second = bgp.start("web", ["sleep", "60"]);
    // A live process wins over an ended one of the same name.
    assert_eq!(bgp.status("web")["id"], second.id.as_str());
    assert_eq!(bgp.list().len(), 2);
}

#[test]
fn without_a_name_one_is_made_from_the_command() {
    let bgp = Sandbox::new();
    for _ in 0..2 {
        bgp.run(["start", "/bin/sh", "-c", "true"]).code(0);
    }
    bgp.run(["start", "-c", "A=1 true --flag"]).code(0);
    let names: Vec<String> = bgp
        .list()
        .iter()
        .map(|process| process["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["sh", "sh-2", "true"]);
}

// E11
#[test]
fn a_command_gets_the_callers_environment_less_the_password_and_its_own_name() {
    let bgp = Sandbox::new();
    let mut start = bgp.command([
        "start",
        "--json",
        "--name",
        "env",
        "-e",
        "ADDED=a=b",
        "-e",
        "KEPT=new",
        "env",
    ]);
    start.env("KEPT", "old").env("INHERITED", "yes");
    let id = finish(&mut start).code(0).json()["process"]["id"].clone();
    bgp.run(["wait", "env"]).code(0);
    let output = bgp.output("env");
    for line in ["ADDED=a=b", "KEPT=new", "INHERITED=yes", "BGP_NAME=env"] {
        assert!(output.lines().any(|l| l == line), "no {line} in {output}");
    }
    assert!(
        output.contains(&format!("BGP_ID={}\n", id.as_str().unwrap())),
        "{output}"
    );
    assert!(!output.contains("BG_PASSWORD"), "{output}");
    assert!(!output.contains("KEPT=old"), "{output}");
}

// E11
#[test]
fn a_nested_bgp_has_no_password_unless_it_is_given_one() {
    let bgp = Sandbox::new();
    bgp.run(["start", "--name", "bare", "-c", "\"$BGP\" list"])
        .code(0);
    bgp.run(["wait", "bare"]).code(10);
    assert!(bgp.output("bare").contains("password"));
    let given = format!("BG_PASSWORD={}", crate::harness::PASSWORD);
    bgp.run([
        "start",
        "--name",
        "given",
        "-e",
        &given,
        "-c",
        "\"$BGP\" list",
    ])
    .code(0);
    bgp.run(["wait", "given"]).code(0);
}

// D15
#[test]
fn a_command_gets_the_callers_umask_and_limits() {
    let bgp = Sandbox::new();
    bgp.sh("umask 027; ulimit -c 0; ulimit -n 321; exec \"$BGP\" start --name u sh -c 'umask; ulimit -n; ulimit -c'")
        .code(0);
    bgp.run(["wait", "u"]).code(0);
    assert_eq!(bgp.output("u"), "0027\n321\n0\n");
}

// C5 G8
#[test]
fn a_command_gets_every_limit_and_priority_unchanged() {
    let bgp = Sandbox::new();
    let tell = "for limit in t f d s c v n; do ulimit -S$limit; ulimit -H$limit; done; nice; \
        grep SigIgn /proc/self/status";
    // 64 MiB of address space is what a supervisor has to do with as well.
    let limits = "ulimit -t 1000; ulimit -f 4000; ulimit -d 60000; ulimit -s 4096; ulimit -Sc 17; ulimit -v 65536; \
        ulimit -n 300";
    let line = format!("{limits}; {tell}; exec nice -n 3 \"$BGP\" start --name web sh -c \"$0\"");
    let started = finish(bgp.foreign("/bin/sh").args(["-c", &line, tell])).code(0);
    bgp.run(["wait", "web"]).code(0);
    let mut told: Vec<String> = started.text().lines().map(str::to_owned).collect();
    assert!(told.pop().unwrap().starts_with("Started web"), "{told:?}");
    told.pop(); // what the caller ignores, the command does not
    let nice: i32 = told.pop().unwrap().parse().unwrap();
    told.push((nice + 3).to_string());
    let output = bgp.output("web");
    let (found, signals) = output.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(found, told.join("\n"));
    let ignored = signals.split_whitespace().last().unwrap();
    let of_the_c_library = 0b11 << 31; // 32 and 33, which nobody may change
    let ignored = u64::from_str_radix(ignored, 16).unwrap() & !of_the_c_library;
    assert_eq!(ignored, 0, "{signals}");
    bgp.run(["verify", "web"]).code(0);
}

// G8: with much to log, too
#[test]
fn a_supervisor_works_in_64_mib_of_address_space() {
    let bgp = Sandbox::new();
    let line = "ulimit -v 65536; exec \"$BGP\" start --name flood --restart on-failure:1 -c \
        'yes 0123456789abcdef | head -c 20000000; [ -e again ] || { touch again; exit 1; }'";
    let mut start = bgp.foreign("/bin/sh");
    finish(start.args(["-c", line]).env("BGP_TEST_BACKOFF_MS", "20")).code(0);
    bgp.run(["wait", "flood"]).code(0);
    let raw = bgp.run(["output", "--raw", "-n", "0", "flood"]).code(0);
    assert_eq!(raw.stdout.len(), 40_000_000);
}

// G2: as in a sandbox that has none
#[test]
fn without_proc_a_start_says_so_and_leaves_nothing() {
    let bgp = Sandbox::new();
    if proc::pass_over(!proc::may_unshare(), proc::NO_NAMESPACES) {
        return;
    }
    let line = "mount -t tmpfs tmpfs /proc || exit 99; exec \"$BGP\" start sleep 60";
    let outcome = finish(bgp.foreign("unshare").args(["-m", "/bin/sh", "-c", line]));
    if !proc::pass_over(outcome.status.code() == Some(99), "no mounts here") {
        outcome.failed(1).stderr_has("supervisor");
        assert_nothing_is_left(&bgp);
    }
}

// G11
#[test]
fn a_call_that_a_sandbox_refuses_is_named() {
    let bgp = Sandbox::new();
    let trace = bgp.dir().join("trace");
    for (call, named) in [
        ("setsid", "setsid: Operation not permitted"),
        ("bind", "socket"),
        ("flock", "lock"),
        ("socketpair", "supervisor"),
    ] {
        let mut strace = bgp.foreign("strace");
        strace.args(["-f", "-e", &format!("inject={call}:error=EPERM"), "-o"]);
        strace.arg(&trace).arg(crate::harness::bin());
        let outcome = strace.args(["start", "sleep", "60"]).output();
        let Ok(outcome) = outcome else {
            proc::pass_over(true, "there is no strace");
            return;
        };
        let told = String::from_utf8_lossy(&outcome.stderr);
        if proc::pass_over(told.starts_with("strace: "), "strace may not trace") {
            return;
        }
        assert_eq!(outcome.status.code(), Some(1), "{call}: {told}");
        assert!(told.contains(named), "{call}: {told}");
        assert!(told.contains("Operation not permitted"), "{call}: {told}");
    }
    assert_nothing_is_left(&bgp);
}

// A12: all processes that its user may have are there when the next run is due
#[test]
fn a_supervisor_that_cannot_fork_lives_on_and_runs_it_when_it_can() {
    let user = User::new();
    if proc::pass_over(
        !proc::is_root(),
        "only root can be a user who has no other processes",
    ) {
        return;
    }
    let line = "{ ulimit -u 6 || ulimit -p 6; } 2>/dev/null; exec \"$BGP\" start --name web --restart always -c \
        '[ -e stay ] && echo ready && exec sleep 60; until [ -e go ]; do sleep 0.02; done; rm go; exit 1'";
    let mut start = user.foreign("/bin/sh");
    finish(start.args(["-c", line]).env("BGP_TEST_BACKOFF_MS", "20")).code(0);
    let web = Proc::from_json(&user.status("web"));
    let supervisor = web.supervisor();
    let crowd: Vec<Running> = (0..8)
        .map(|_| Running::begin(user.foreign("sleep").arg("60")))
        .collect();
    let is_there = |sleeper: &Running| {
        proc::stat(sleeper.pid()).is_some_and(|stat| stat.line.contains("(sleep)"))
    };
    user.bgp.wait_until("the crowd is there", || {
        crowd.iter().all(is_there).then_some(())
    });
    fs::write(user.bgp.dir().join("go"), "").unwrap();
    // Each run that cannot be is one that failed, and the next one comes later.
    let failed = |at_least: u64| {
        user.bgp.wait_until("it could not be run", || {
            (user.status("web")["restarts"].as_u64()? >= at_least).then_some(())
        });
    };
    failed(2);
    assert!(proc::alive(supervisor));
    fs::write(user.bgp.dir().join("stay"), "").unwrap();
    drop(crowd);
    user.bgp.wait_until("it runs again", || {
        user.output("web").contains("ready").then_some(())
    });
    assert!(proc::alive(supervisor));
    user.run(["stop", "web"]).code(0);
    user.run(["verify", "web"]).code(0);
}

#[test]
fn a_shell_line_is_run_only_when_it_is_asked_for() {
    let bgp = Sandbox::new();
    bgp.run([
        "start",
        "--name",
        "line",
        "-c",
        "echo a; echo b | tr b c; exit 5",
    ])
    .code(0);
    bgp.run(["wait", "line"]).code(5);
    assert_eq!(bgp.output("line"), "a\nc\n");
    bgp.run([
        "start",
        "--name",
        "argv",
        "echo",
        "a; echo $HOME",
        "-c",
        "--name",
        "x",
    ])
    .code(0);
    bgp.run(["wait", "argv"]).code(0);
    assert_eq!(bgp.output("argv"), "a; echo $HOME -c --name x\n");
}

// F9 F10
#[test]
fn stdin_is_an_open_pipe_or_empty_or_a_file_and_never_the_callers() {
    let bgp = Sandbox::new();
    let file = bgp.dir().join("input");
    fs::write(&file, "from a file\n").unwrap();
    bgp.sh("echo mine | \"$BGP\" start --name pipe cat").code(0);
    bgp.sh("echo mine | \"$BGP\" start --name null --stdin null cat")
        .code(0);
    bgp.sh("echo mine | \"$BGP\" start --name file --stdin input cat")
        .code(0);
    bgp.run(["wait", "null", "file"]).code(0);
    assert_eq!(bgp.output("null"), "");
    assert_eq!(bgp.output("file"), "from a file\n");
    assert_eq!(bgp.status("pipe")["status"], "running");
    bgp.run(["stop", "pipe"]).code(0);
    assert_eq!(bgp.output("pipe"), "");
    // It is where the caller is, wherever the command runs.
    bgp.run([
        "start",
        "--name",
        "from-here",
        "--cwd",
        "home",
        "--stdin",
        "input",
        "cat",
    ])
    .code(0);
    bgp.run(["wait", "from-here"]).code(0);
    assert_eq!(bgp.output("from-here"), "from a file\n");
    bgp.run(["start", "--stdin", "no/such/file", "cat"])
        .code_in(&[1, 2, 126])
        .stdout("")
        .stderr_has("no/such/file");
}

#[test]
fn what_a_person_tries_first_works() {
    let bgp = Sandbox::new();
    bgp.start("good", [script("test-exit-success.sh"), "0".to_owned()]);
    bgp.start("bad", [script("test-exit-failure.sh"), "0".to_owned()]);
    bgp.start("ugly", [script("test-exit-crash.sh"), "0".to_owned()]);
    bgp.start("lines", [script("test-output.sh")]);
    bgp.run(["wait", "good"]).code(0);
    bgp.run(["wait", "bad"]).code(1);
    bgp.run(["wait", "ugly"]).code(137);
    for (name, status) in [("good", "exited"), ("bad", "failed"), ("ugly", "crashed")] {
        assert_eq!(bgp.status(name)["status"], status, "{name}");
    }
    bgp.run(["output", "--stderr", "bad"])
        .code(0)
        .stdout("this is the failure\n");
    bgp.wait_until("a line of 80 characters", || {
        let output = bgp.output("lines");
        output
            .lines()
            .next()
            .map(|line| assert_eq!(line.len(), 79, "{output}"))
    });
}

// The caller is told and forgotten: nothing of him is kept.
#[test]
fn a_supervisor_keeps_no_socket_but_the_one_it_listens_on() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    if proc::pass_over(!proc::may_inspect(), proc::NO_LOOK_INSIDE) {
        return;
    }
    bgp.wait_until("it has one socket", || {
        let all = proc::descriptors(web.supervisor()).unwrap();
        let sockets = all
            .iter()
            .filter(|(_, path)| path.to_string_lossy().starts_with("socket:"));
        (sockets.count() == 1).then_some(())
    });
}
