//! How long a process lives: its time, the process it ends with, and its restarts.
//!
//! Debug builds take the first pause between runs from `BGP_TEST_BACKOFF_MS`; with a release build these
//! tests only take longer.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::fixtures::read_by_layout;
use crate::harness::{Proc, Sandbox, file_names, script, write_script};
use crate::invocation::{Running, finish};
use crate::proc;

/// A shell that prints `ready`, tells TERM, and ends on it.
const POLITE: &str =
    "exec 2>/dev/null; trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done";

/// Starts a line of shell with options, and pauses of this many milliseconds before its first restart.
#[track_caller]
fn start_again(bgp: &Sandbox, name: &str, pause_ms: u32, restart: &str, line: &str) -> Proc {
    let mut start = bgp.command(["start", "--json", "--name", name, "--restart", restart]);
    start.env("BGP_TEST_BACKOFF_MS", pause_ms.to_string());
    start.args(["--", "/bin/sh", "-c", line]);
    Proc::from_json(&finish(&mut start).code(0).json()["process"])
}

#[track_caller]
fn assert_ended(status: &Value, word: &str, reason: &str) {
    assert_eq!(
        (&status["status"], &status["reason"]),
        (&word.into(), &reason.into()),
        "{status}"
    );
}

#[test]
fn a_process_is_stopped_in_an_orderly_way_when_its_time_is_over() {
    let bgp = Sandbox::new();
    let line = format!("sleep 60 & echo started $!; {POLITE}");
    // Its time is long enough that it has said `ready`, and takes TERM, before it is over.
    let options = ["--name", "web", "--timeout", "3s", "--grace", "1h"];
    let web = bgp.start_with(&options, ["/bin/sh", "-c", &line]);
    bgp.run(["wait", "web"]).code(0);
    bgp.wait_for_supervisor_end(&web.id);
    let status = bgp.status("web");
    assert_ended(&status, "killed", "timeout");
    assert_eq!(
        (&status["exitCode"], &status["success"]),
        (&0.into(), &false.into())
    );
    assert!(status["runtimeMs"].as_u64().unwrap() >= 3000, "{status}");
    let output = bgp.output("web");
    assert!(output.ends_with("asked\n"), "TERM came first: {output}");
    let sleep: i32 = output.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(!proc::alive(sleep), "the tree ended, not the leader alone");
}

#[test]
fn what_ignores_the_end_of_its_time_is_killed_after_its_grace() {
    let bgp = Sandbox::new();
    // Its time is long enough that it ignores TERM before it is over.
    let options = ["--name", "deaf", "--timeout", "3s", "--grace", "100ms"];
    bgp.start_with(&options, [script("ignores-term.sh")]);
    bgp.run(["wait", "deaf"]).code(137);
    assert_ended(&bgp.status("deaf"), "killed", "timeout");
}

#[test]
fn what_ends_in_time_is_not_touched_by_it() {
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "quick", "--timeout", "1h"], ["true"]);
    bgp.run(["wait", "quick"]).code(0);
    assert_eq!(bgp.status("quick")["status"], "exited");
}

#[test]
fn a_process_ends_with_the_one_it_was_started_for() {
    let bgp = Sandbox::new();
    let mut owner = bgp.foreign("sleep").arg("60").spawn().unwrap();
    let pid = owner.id().to_string();
    let web = bgp.start_with(
        &["--name", "web", "--with-pid", &pid],
        ["/bin/sh", "-c", POLITE],
    );
    bgp.ready(&web);
    assert_eq!(bgp.status("web")["status"], "running");
    owner.kill().unwrap(); // and it stays a zombie: it has ended all the same
    bgp.run(["wait", "web"]).code(0);
    assert_ended(&bgp.status("web"), "killed", "owner");
    assert_eq!(bgp.output("web"), "ready\nasked\n");
    owner.wait().unwrap();
    let gone = bgp.run(["restart", "web"]).failed(2);
    assert!(gone.errors().contains(&pid), "{}", gone.errors());
}

#[test]
fn an_owner_that_lives_costs_its_supervisor_no_look() {
    let bgp = Sandbox::new();
    let me = std::process::id().to_string();
    let web = bgp.start_with(&["--name", "web", "--with-pid", &me], ["sleep", "60"]);
    let switches = || -> u64 {
        let supervisor = web.supervisor();
        let line = proc::status_line(supervisor, "voluntary_ctxt_switches").unwrap();
        line.split_whitespace().last().unwrap().parse().unwrap()
    };
    // Whatever the start took is over when two looks in a row see the same.
    let mut before = switches();
    bgp.wait_until("the supervisor rests", || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        let now = switches();
        let rests = now == before;
        before = now;
        rests.then_some(())
    });
    std::thread::sleep(std::time::Duration::from_millis(2500)); // two looks, if it had to look
    assert!(switches() <= before + 1, "it woke up");
}

#[test]
fn nobody_can_be_an_owner_who_is_not_there() {
    let bgp = Sandbox::new();
    let mut zombie = bgp.foreign("true").spawn().unwrap();
    let pid = i32::try_from(zombie.id()).unwrap();
    bgp.wait_until("it is a zombie", || {
        proc::stat(pid).filter(|stat| stat.state == 'Z').map(drop)
    });
    for nobody in [pid.to_string(), "2147483647".into()] {
        let refused = bgp.run(["start", "--with-pid", &nobody, "sleep", "60"]);
        assert!(refused.failed(2).errors().contains(&nobody));
    }
    zombie.wait().unwrap();
    assert_eq!(file_names(&bgp.state()), ["key"], "nothing was written");
}

#[test]
fn bad_values_are_refused_before_anything_starts() {
    let bgp = Sandbox::new();
    for (option, bad) in [
        (
            "--timeout",
            &["", "0", "0ms", "-1", "soon", "5x", "99999999d"][..],
        ),
        (
            "--with-pid",
            &[
                "",
                "0",
                "-1",
                "1.5",
                "x",
                "2147483648",
                "99999999999999999999",
            ],
        ),
        (
            "--restart",
            &[
                "",
                "yes",
                "no:1",
                "always:",
                "always:0",
                "always:-1",
                "on-failure:x",
                "Always",
            ],
        ),
        ("--grace", &["", "-1", "soon"]),
    ] {
        for value in bad {
            bgp.run(["start", option, value, "sleep", "60"])
                .failed(2)
                .stderr_has(option);
            let joined = format!("{option}={value}");
            bgp.run(["start", &joined, "sleep", "60"]).failed(2);
        }
    }
    assert_eq!(file_names(&bgp.state()), ["key"], "nothing was written");
}

#[test]
fn what_fails_is_run_again_as_often_as_was_asked() {
    let bgp = Sandbox::new();
    let line = "echo run $BGP_ID; echo fault >&2; exit 3";
    let web = start_again(&bgp, "web", 20, "on-failure:2", line);
    bgp.run(["wait", "web"]).code(3);
    let status = bgp.status("web");
    assert_eq!(
        (&status["status"], &status["restarts"]),
        (&"failed".into(), &2.into())
    );
    assert_eq!(status["id"], web.id.as_str(), "the id stays");
    assert_ne!(status["pid"], web.pid, "and the leader is another");
    assert_eq!(bgp.list().len(), 1);
    assert_eq!(
        bgp.output("web"),
        format!("run {}\nfault\n", web.id).repeat(3)
    );
    bgp.wait_for_supervisor_end(&web.id);
    bgp.run(["verify", "web"]).code(0);
}

#[test]
fn the_log_tells_the_end_of_every_run_and_the_block_the_last() {
    let bgp = Sandbox::new();
    let web = start_again(&bgp, "web", 20, "always:2", "echo hello; exit 4");
    bgp.run(["wait", "web"]).code(4);
    bgp.wait_for_supervisor_end(&web.id);
    let Some(told) = read_by_layout(&bgp.state()) else {
        return;
    };
    let kinds: Vec<&str> = told
        .iter()
        .filter(|line| line["log"] == web.id.as_str())
        .filter_map(|line| line["kind"].as_str())
        .filter(|kind| !["CLOSED", "STDOUT", "ALERT"].contains(kind))
        .collect();
    let run = ["NOTE", "EXIT"];
    assert_eq!(
        kinds,
        [&["START", "EXIT"][..], &run, &run, &["END"]].concat()
    );
    let of_kind =
        |kind: &str| -> Vec<&Value> { told.iter().filter(|line| line["kind"] == kind).collect() };
    for (number, note) in (2..).zip(of_kind("NOTE")) {
        let payload = &note["payload"];
        assert_eq!(
            (&payload["note"], &payload["run"]),
            (&"run".into(), &number.into())
        );
    }
    let again: Vec<bool> = of_kind("EXIT")
        .iter()
        .map(|exit| exit["payload"]["again"] == true)
        .collect();
    assert_eq!(again, [true, true, false]);
}

#[test]
fn a_good_end_is_the_last_for_on_failure_and_not_for_always() {
    let bgp = Sandbox::new();
    start_again(&bgp, "once", 20, "on-failure", "echo done");
    bgp.run(["wait", "once"]).code(0);
    assert_eq!(bgp.status("once")["restarts"], 0);
    start_again(&bgp, "twice", 20, "always:1", "echo done");
    bgp.run(["wait", "twice"]).code(0);
    assert_eq!(bgp.status("twice")["restarts"], 1);
    assert_eq!(bgp.output("twice"), "done\ndone\n");
}

#[test]
fn a_signal_from_outside_is_no_failure_but_a_crash_is() {
    let bgp = Sandbox::new();
    start_again(&bgp, "term", 20, "on-failure", "kill -TERM $$");
    bgp.run(["wait", "term"]).code(143);
    assert_eq!(bgp.status("term")["restarts"], 0);
    start_again(&bgp, "segv", 20, "on-failure:1", "kill -SEGV $$");
    bgp.run(["wait", "segv"]).code(139);
    assert_eq!(bgp.status("segv")["restarts"], 1);
}

#[test]
fn a_stop_is_final_whatever_the_policy_says() {
    let bgp = Sandbox::new();
    let web = start_again(&bgp, "web", 1, "always", POLITE);
    bgp.ready(&web);
    bgp.run(["stop", "web"]).code(0);
    bgp.wait_for_supervisor_end(&web.id);
    let status = bgp.status("web");
    assert_ended(&status, "killed", "stop");
    assert_eq!(status["restarts"], 0);
    assert_eq!(bgp.output("web"), "ready\nasked\n");
}

#[test]
fn a_stop_while_the_next_run_waits_is_final() {
    let bgp = Sandbox::new();
    let web = start_again(&bgp, "web", 3_600_000, "always", "echo run; exit 7");
    let waits = bgp.wait_status("web", "starting");
    assert_eq!(waits["reason"], "backoff");
    assert_eq!(
        (&waits["success"], &waits["endTime"]),
        (&Value::Null, &Value::Null)
    );
    bgp.run(["clear", "web"]).failed(6);
    bgp.run(["send", "web", "x"])
        .failed(5)
        .stderr_has("backoff");
    bgp.run(["signal", "web", "HUP"]).failed(5);
    bgp.run(["wait", "web", "--timeout", "0"]).failed(124);
    assert!(
        bgp.run(["list", "--running"])
            .code(0)
            .text()
            .contains("web")
    );
    bgp.run(["stop", "web"]).code(0);
    bgp.wait_for_supervisor_end(&web.id);
    let status = bgp.status("web");
    assert_ended(&status, "killed", "stop");
    assert_eq!(
        (&status["exitCode"], &status["success"]),
        (&7.into(), &false.into())
    );
    bgp.run(["wait", "web"]).code(7);
    assert_eq!(bgp.output("web"), "run\n");
    bgp.run(["verify", "web"]).code(0);
    bgp.run(["clear", "web"]).code(0);
}

#[test]
fn the_time_of_a_process_is_over_for_all_its_runs_together() {
    let bgp = Sandbox::new();
    let mut start = bgp.command(["start", "--name", "web", "--restart", "always"]);
    start.env("BGP_TEST_BACKOFF_MS", "3600000");
    finish(start.args(["--timeout", "3s", "false"])).code(0);
    bgp.run(["wait", "web"]).code(1);
    assert_ended(&bgp.status("web"), "killed", "timeout");
}

#[test]
fn each_run_has_a_stdin_and_streams_of_its_own() {
    let bgp = Sandbox::new();
    let line = "read word; echo got $word; exec >&- 2>&-; exit 1";
    let web = start_again(&bgp, "web", 20, "on-failure:2", line);
    for (run, word) in (0..).zip(["one", "two", "three"]) {
        bgp.wait_until("it runs again", || {
            let status = bgp.status(&web.id);
            (status["status"] == "running" && status["restarts"] == run).then_some(())
        });
        bgp.run(["send", "web", word]).code(0);
    }
    bgp.run(["wait", "web"]).code(1);
    assert_eq!(bgp.output("web"), "got one\ngot two\ngot three\n");
}

#[test]
fn each_run_reads_its_file_from_the_beginning() {
    let bgp = Sandbox::new();
    let file = bgp.dir().join("input");
    fs::write(&file, "one\ntwo\n").unwrap();
    let mut start = bgp.command(["start", "--name", "sum", "--restart", "on-failure:1"]);
    start.env("BGP_TEST_BACKOFF_MS", "20");
    start.arg("--stdin").arg(&file);
    finish(start.args(["--", "/bin/sh", "-c", "cat; exit 1"])).code(0);
    bgp.run(["wait", "sum"]).code(1);
    assert_eq!(bgp.output("sum"), "one\ntwo\n".repeat(2));
}

#[test]
fn between_two_runs_a_wait_looks_at_the_next() {
    let bgp = Sandbox::new();
    let web = start_again(&bgp, "web", 3_600_000, "always", "echo ready; exit 1");
    bgp.wait_status(&web.id, "starting");
    assert_eq!(bgp.output("web"), "ready\n");
    bgp.run(["wait", "web", "--output", "ready", "--timeout", "200ms"])
        .failed(124);
    bgp.run(["stop", "web"]).code(0);
}

#[test]
fn each_run_reads_what_its_caller_had_open_and_not_what_its_supervisor_has() {
    let bgp = Sandbox::new();
    fs::write(bgp.dir().join("in"), "secret\n").unwrap();
    for (name, stdin, redirection) in [
        ("five", "/dev/fd/5", "5<in"),
        ("zero", "/dev/stdin", "<in"),
        ("self", "/proc/self/fd/7", "7<in"),
    ] {
        let line = format!(
            "BGP_TEST_BACKOFF_MS=20 \"$BGP\" start -n {name} --restart on-failure:2 --stdin {stdin} \
             -- sh -c 'cat; exit 1' {redirection}"
        );
        bgp.sh(&line).code(0);
        bgp.run(["wait", name]).code(1);
        assert_eq!(bgp.output(name), "secret\n".repeat(3), "{name}");
    }
    let piped = "echo x | \"$BGP\" start -n piped --restart always --stdin /dev/stdin cat";
    bgp.sh(piped)
        .failed(2)
        .stderr_has("'/dev/stdin' cannot be opened again");
    assert_eq!(bgp.list().len(), 3, "nothing was started");
}

#[test]
fn what_a_run_left_behind_is_ended_before_the_next_begins() {
    let bgp = Sandbox::new();
    let line =
        "if [ -f left ]; then kill -0 $(cat left) 2>&- && echo lives || echo gone; exit 0; fi
        setsid sleep 60 & echo $! > left; exit 1";
    let web = start_again(&bgp, "web", 1, "on-failure:1", line);
    bgp.run(["wait", "web"]).code(0);
    assert_eq!(bgp.output("web"), "gone\n");
    bgp.wait_for_supervisor_end(&web.id);
    assert_eq!(bgp.status("web")["status"], "exited");
}

#[test]
fn what_a_run_left_behind_and_does_not_obey_is_killed_before_the_next_begins() {
    let bgp = Sandbox::new();
    let stubborn = script("ignores-term.sh");
    let line = format!(
        "if [ -f left ]; then kill -0 $(cat left) 2>&- && echo lives || echo gone; exit 0; fi
        setsid {stubborn} > up & echo $! > left
        while [ ! -s up ]; do sleep 0.01; done; exit 1"
    );
    let mut start = bgp.command(["start", "--name", "web", "--restart", "on-failure:1"]);
    start.env("BGP_TEST_BACKOFF_MS", "1");
    finish(start.args(["--grace", "200ms", "--", "/bin/sh", "-c", &line])).code(0);
    bgp.run(["wait", "web"]).code(0);
    assert_eq!(bgp.output("web"), "gone\n");
}

#[test]
fn a_stop_while_left_overs_of_a_run_are_ended_ends_all() {
    let bgp = Sandbox::new();
    let stubborn = script("ignores-term.sh");
    let mut start = bgp.command(["start", "--json", "--name", "web", "--restart", "always"]);
    start.env("BGP_TEST_BACKOFF_MS", "1");
    let line = format!("setsid {stubborn} > up & while [ ! -s up ]; do sleep 0.01; done; exit 1");
    start.args(["--grace", "1h", "--", "/bin/sh", "-c", &line]);
    let web = Proc::from_json(&finish(&mut start).code(0).json()["process"]);
    bgp.wait_status("web", "starting");
    bgp.run(["stop", "web", "--force"]).code(0);
    bgp.wait_for_supervisor_end(&web.id);
    assert_ended(&bgp.status("web"), "killed", "stop");
    assert_eq!(bgp.status("web")["restarts"], 0);
}

#[test]
fn a_command_that_is_gone_is_a_run_that_failed() {
    let bgp = Sandbox::new();
    let file = bgp.dir().join("vanishes");
    write_script(&file, "#!/bin/sh\nrm -- \"$0\"\necho ran\nexit 1\n");
    let mut start = bgp.command(["start", "--name", "web", "--restart", "on-failure:2"]);
    finish(start.env("BGP_TEST_BACKOFF_MS", "20").arg(&file)).code(0);
    bgp.run(["wait", "web"]).code(127);
    let status = bgp.status("web");
    assert_eq!(
        (&status["status"], &status["restarts"]),
        (&"failed".into(), &2.into())
    );
    assert_eq!(bgp.output("web"), "ran\n");
}

#[test]
fn why_a_command_was_not_executed_again_is_told() {
    let bgp = Sandbox::new();
    let path = |name: &str| bgp.dir().join(name).to_str().unwrap().to_owned();
    let (place, input, program) = (path("place"), path("input"), path("program"));
    fs::create_dir(&place).unwrap();
    fs::write(&input, "").unwrap();
    write_script(program.as_ref(), "#!/bin/sh\nrm -- \"$0\"\nexit 7\n");
    let remove = ["/bin/sh", "-c", "rm -r -- \"$0\"; exit 7"];
    for (name, options, command, code, why) in [
        (
            "place",
            &["--cwd", &place][..],
            [&remove[..], &[place.as_str()]].concat(),
            126,
            format!("cannot work in the directory '{place}'"),
        ),
        (
            "input",
            &["--stdin", &input],
            [&remove[..], &[input.as_str()]].concat(),
            126,
            format!("cannot open '{input}' as stdin"),
        ),
        (
            "program",
            &[],
            vec![program.as_str()],
            127,
            format!("cannot run '{program}'"),
        ),
    ] {
        let mut start = bgp.command(["start", "--name", name, "--restart", "on-failure:2"]);
        start.env("BGP_TEST_BACKOFF_MS", "20").args(options);
        finish(start.arg("--").args(command)).code(0);
        bgp.run(["wait", name]).code(code);
        let why = format!("{why}: No such file or directory\n");
        let hint = format!("the command was not executed again: {why}");
        bgp.run(["status", name])
            .code(0)
            .stdout_has(": it could not be run again\n")
            .stdout_has(&hint);
        assert_eq!(bgp.status(name)["hint"], hint.trim_end());
        let alert = format!("; not executed: {}; see: bgp status ", why.trim_end());
        bgp.run(["alerts"]).code(0).stdout_has(&alert);
        bgp.run(["verify", name]).code(0);
    }
    fs::write(&input, "").unwrap();
    let loops = ["--name", "loops", "--stdin", &input, "--restart", "always"];
    bgp.start_with(&loops, [&remove[..], &[input.as_str()]].concat());
    bgp.wait_until(
        "the next run waits, after one that was not executed",
        || {
            let told = bgp.run(["status", "loops"]).code(0).text();
            let last = "failed with code 126, as it was not executed: cannot open '";
            (told.contains("status      starting") && told.contains(last)).then_some(())
        },
    );
}

#[test]
fn a_follower_sees_all_runs_to_the_last_end() {
    let bgp = Sandbox::new();
    let line = "echo begin; sleep 0.2; echo end; exit 1";
    start_again(&bgp, "web", 50, "on-failure:2", line);
    let follower = Running::begin(&mut bgp.command(["output", "-f", "-n", "0", "web"]));
    follower.finish().code(0).stdout(&"begin\nend\n".repeat(3));
    assert_eq!(bgp.status("web")["status"], "failed");
}

#[test]
fn a_process_whose_supervisor_dies_between_runs_is_lost() {
    let bgp = Sandbox::new();
    let line = "echo supervised by $PPID; exit 1";
    let web = start_again(&bgp, "web", 3_600_000, "always", line);
    bgp.wait_status("web", "starting");
    let output = bgp.output("web");
    let supervisor: i32 = output.split_whitespace().last().unwrap().parse().unwrap();
    proc::kill(supervisor, Signal::SIGKILL);
    bgp.wait_for_supervisor_end(&web.id);
    assert_ended(&bgp.status("web"), "lost", "supervisor-killed");
    bgp.run(["wait", "web"]).code(1);
    bgp.run(["clear", "web"]).code(0);
}

#[test]
fn a_restart_by_hand_keeps_the_policy_and_the_time() {
    let bgp = Sandbox::new();
    let mut start = bgp.command(["start", "--name", "web", "--restart", "on-failure:1"]);
    start.env("BGP_TEST_BACKOFF_MS", "3600000");
    finish(start.args(["--timeout", "1h", "false"])).code(0);
    bgp.wait_status("web", "starting");
    let mut restart: Command = bgp.command(["restart", "--json", "web"]);
    finish(restart.env("BGP_TEST_BACKOFF_MS", "20")).code(0);
    bgp.run(["wait", "web"]).code(1);
    let status = bgp.status("web");
    assert_eq!(
        (&status["number"], &status["restarts"]),
        (&2.into(), &1.into())
    );
    assert_ended(&bgp.status("proc_1"), "killed", "restart");
}

#[test]
fn a_status_tells_what_was_asked_about_a_life() {
    let bgp = Sandbox::new();
    let me = std::process::id();
    let pid = me.to_string();
    let asked = [
        "--timeout",
        "1h",
        "--with-pid",
        &pid,
        "--restart",
        "always:3",
    ];
    bgp.start_with(&[&["--name", "web"], &asked[..]].concat(), ["cat"]);
    let told = format!("at most 1h, with the process {me}, restart always:3\n");
    bgp.run(["status", "web"]).code(0).stdout_has(&told);
    let lifetime = &bgp.status("web")["lifetime"];
    assert_eq!(lifetime["timeoutMs"], 3_600_000);
    assert_eq!(lifetime["owner"]["pid"], me);
    assert_eq!(lifetime["restart"], "always:3");
    bgp.start("plain", ["cat"]);
    assert_eq!(bgp.status("plain")["lifetime"], Value::Null);
}
