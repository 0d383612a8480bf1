//! What belongs together: sessions and groups, as what ends them and as what selects them.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Proc, Sandbox, script};
use crate::invocation::{Running, finish};
use crate::proc;

/// Starts a process that lives, in a session by `BGP_SESSION` and in a group.
#[track_caller]
fn start_in(bgp: &Sandbox, session: &str, group: &str, name: &str) -> Proc {
    let mut start = bgp.command(["start", "--json", "--name", name, "--group", group]);
    start.env("BGP_SESSION", session);
    start.args([
        "--",
        "/bin/sh",
        "-c",
        "echo hello from $BGP_NAME; exec sleep 60",
    ]);
    Proc::from_json(&finish(&mut start).code(0).json()["process"])
}

fn names(processes: &Value) -> Vec<&str> {
    let all = processes["processes"].as_array().expect("a list");
    all.iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect()
}

#[test]
fn the_end_of_a_session_stops_and_clears_all_of_it_and_nothing_else() {
    let bgp = Sandbox::new();
    let web = start_in(&bgp, "agent", "dev", "web");
    let db = start_in(&bgp, "agent", "db", "db");
    let other = start_in(&bgp, "another", "dev", "other");
    let alone = bgp.start("alone", ["sleep", "60"]);
    bgp.start_with(&["--name", "done", "--session", "agent"], ["true"]);
    bgp.run(["wait", "done"]).code(0);
    let mut end = bgp.command(["end-session", "--json"]);
    let ended = finish(end.env("BGP_SESSION", "agent")).code(0).json();
    assert_eq!(names(&ended), ["web", "db", "done"]);
    assert_eq!(ended["processes"][0]["reason"], "session");
    assert_eq!(ended["processes"][0]["status"], "killed");
    assert!(!proc::alive(web.pid) && !proc::alive(db.pid));
    assert!(proc::alive(other.pid) && proc::alive(alone.pid));
    assert_eq!(
        names(&bgp.run(["list", "--json"]).code(0).json()),
        ["other", "alone"]
    );
    assert!(!bgp.log(&web.id).exists(), "its log is gone");
    bgp.run(["end-session", "another"])
        .code(0)
        .stdout_has("other");
    assert!(!proc::alive(other.pid) && proc::alive(alone.pid));
}

// H3: who ends a session from within one of its processes ends with it, after all others
#[test]
fn a_session_that_is_ended_from_within_leaves_nothing_running() {
    let bgp = Sandbox::new();
    let line = "\"$BGP\" start -n server sleep 99 && \"$BGP\" start -n last sleep 99 && \"$BGP\" end-session";
    for round in 0..3 {
        let agent = format!("agent-{round}");
        let mut start = bgp.command(["start", "--session", "s", "-n", &agent]);
        let password = format!("BG_PASSWORD={}", crate::harness::PASSWORD);
        start.args(["-e", "BGP_SESSION=s", "-e", &password, "sh", "-c", line]);
        start.env("BGP", crate::harness::bin());
        finish(&mut start).code(0);
        bgp.wait_until("nothing of it runs", || {
            let list = bgp.list();
            let runs = |process: &Value| process["status"] == "running";
            (list.len() > round && !list.iter().any(runs)).then_some(())
        });
        bgp.run(["clear"]).code(0);
    }
}

#[test]
fn nothing_to_end_is_no_failure_and_no_name_is_one() {
    let fresh = Sandbox::fresh();
    fresh
        .run(["end-session", "x"])
        .code(0)
        .stdout("")
        .stderr("");
    assert!(!fresh.state().exists(), "nothing was written");
    let bgp = Sandbox::new();
    bgp.start("alone", ["true"]);
    bgp.run(["end-session", "x"]).code(0).stdout("");
    bgp.run(["end-session"]).failed(2).stderr_has("BGP_SESSION");
    finish(bgp.command(["end-session"]).env("BGP_SESSION", "")).failed(2);
    bgp.run(["end-session", ""]).failed(2);
    bgp.run(["end-session", "a\nb"]).failed(2);
    assert_eq!(bgp.list().len(), 1);
}

#[test]
fn a_session_ends_though_one_of_it_ignores_that_and_another_is_run_again() {
    let bgp = Sandbox::new();
    let stubborn = bgp.start_with(
        &["--name", "stubborn", "--session", "agent", "--grace", "1h"],
        [script("ignores-term.sh")],
    );
    bgp.ready(&stubborn);
    let again = [
        "--name",
        "again",
        "--session",
        "agent",
        "--restart",
        "always",
    ];
    bgp.start_with(&again, ["false"]);
    bgp.run(["end-session", "agent", "--force"]).code(0);
    assert!(!proc::alive(stubborn.pid));
    assert_eq!(bgp.list(), Vec::<Value>::new());
}

#[test]
fn a_session_ends_as_far_as_it_can_and_the_rest_stays_on_record() {
    let bgp = Sandbox::new();
    let web = start_in(&bgp, "agent", "dev", "web");
    let stuck = start_in(&bgp, "agent", "dev", "stuck");
    let supervisor = stuck.supervisor();
    proc::kill(supervisor, Signal::SIGSTOP);
    let ended = bgp.run(["end-session", "agent"]).code(1);
    assert!(
        ended.errors().contains(&supervisor.to_string()),
        "{}",
        ended.errors()
    );
    proc::kill(supervisor, Signal::SIGCONT);
    assert!(!proc::alive(web.pid) && proc::alive(stuck.pid));
    assert_eq!(names(&bgp.run(["list", "--json"]).json()), ["stuck"]);
    bgp.run(["end-session", "agent"]).code(0);
}

#[test]
fn a_group_and_a_session_select_for_every_command_about_several() {
    let bgp = Sandbox::new();
    let web = start_in(&bgp, "agent", "dev", "web");
    start_in(&bgp, "agent", "db", "db");
    start_in(&bgp, "another", "dev", "other");
    let list = |options: &[&str]| {
        let listed = bgp
            .run([&["list", "--json"], options].concat())
            .code(0)
            .json();
        names(&listed).join(" ")
    };
    assert_eq!(list(&["--group", "dev"]), "web other");
    assert_eq!(list(&["--session", "agent"]), "web db");
    assert_eq!(list(&["--session", "agent", "--group", "dev"]), "web");
    assert_eq!(list(&["--group", "none"]), "");

    let restarted = bgp
        .run(["restart", "--json", "--group", "db"])
        .code(0)
        .json();
    assert_eq!(names(&restarted), ["db"]);
    let stopped = bgp.run(["stop", "--json", "--group", "dev", "--session", "agent"]);
    assert_eq!(names(&stopped.code(0).json()), ["web"]);
    assert!(!proc::alive(web.pid));
    bgp.run(["wait", "--group", "dev", "--any"])
        .code(143)
        .stdout_has("web");
    bgp.run(["wait", "--group", "dev", "--timeout", "0"])
        .failed(124)
        .stderr_has("other");
    bgp.run(["stop", "--session", "another"]).code(0);
    let waited = bgp
        .run(["wait", "--json", "--group", "dev"])
        .code(143)
        .json();
    assert_eq!(names(&waited), ["web", "other"]);
    let cleared = bgp
        .run(["clear", "--json", "--group", "dev"])
        .code(0)
        .json();
    assert_eq!(names(&cleared), ["web", "other"]);
    assert_eq!(list(&[]), "db db");
    for command in ["wait", "output"] {
        bgp.run([command, "--group", "none"])
            .failed(3)
            .stderr_has("none");
        bgp.run([command, "--group", "db", "db"]).failed(2);
        bgp.run([command]).failed(2);
    }
}

#[test]
fn output_of_several_tells_whose_it_is() {
    let bgp = Sandbox::new();
    let (one, two) = (
        start_in(&bgp, "agent", "dev", "one"),
        start_in(&bgp, "agent", "dev", "two"),
    );
    start_in(&bgp, "agent", "db", "other");
    for name in ["one", "two", "other"] {
        bgp.wait_until("it has written", || {
            (!bgp.output(name).is_empty()).then_some(())
        });
    }
    let (one, two) = (&one.id, &two.id);
    bgp.run(["output", "--group", "dev"])
        .code(0)
        .stdout(&format!(
            "==> one ({one}) <==\nhello from one\n\n==> two ({two}) <==\nhello from two\n"
        ));
    let shown = bgp
        .run(["logs", "--session", "agent", "--json", "-n", "1"])
        .code(0)
        .text();
    let documents: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(documents.len(), 3);
    assert_eq!(documents[1]["id"], two.as_str());
    assert_eq!(documents[2]["lines"][0]["text"], "hello from other");
    for option in ["-f", "--after=0.0.0", "--raw", "--path", "--export=x"] {
        bgp.run(["output", option, "--group", "dev"]).failed(2);
    }
    bgp.run(["stream", "--group", "dev"]).failed(2);
}

// H10: supervisors that do not answer are waited for together
#[test]
fn a_session_whose_supervisors_are_stopped_costs_the_time_of_one() {
    let bgp = Sandbox::new();
    let start = |name: &str| bgp.start_with(&["--name", name, "--session", "s"], ["sleep", "600"]);
    let stuck = ["a", "b", "c", "d"].map(start);
    for process in &stuck {
        crate::proc::kill(process.supervisor(), nix::sys::signal::Signal::SIGSTOP);
    }
    let last = start("last");
    let begun = std::time::Instant::now();
    bgp.run(["end-session", "s"])
        .code(1)
        .stderr_has("does not answer");
    let took = begun.elapsed();
    assert!(took.as_secs() < 7, "2 seconds each: {took:?}");
    assert!(!crate::proc::alive(last.pid), "who answers is stopped");
    for process in &stuck {
        crate::proc::kill(process.supervisor(), nix::sys::signal::Signal::SIGCONT);
    }
    bgp.run(["end-session", "s"]).code(0);
    assert!(bgp.list().is_empty());
}

/// A start runs its command before that is on record: who ends the session waits for it.
#[test]
fn a_session_is_ended_with_what_is_just_being_started_in_it() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    let start = ["start", "--name", "web", "--session", "s", "sleep", "600"];
    let mut command = bgp.command(start);
    let start = Running::begin(command.env("BGP_PAUSE_AT", "start-launched"));
    bgp.wait_until("the command runs, and is not on record", || {
        (proc::stat(start.pid())?.state == 'T').then_some(())
    });
    let mut end = Running::begin(&mut bgp.command(["end-session", "s"]));
    bgp.wait_until("the end of the session waits, or is over", || {
        let slept = proc::status_line(end.pid(), "voluntary_ctxt_switches");
        let slept: u64 = slept.and_then(|count| count.parse().ok()).unwrap_or(0);
        (end.has_ended() || slept > 5).then_some(())
    });
    proc::kill(start.pid(), Signal::SIGCONT);
    start.finish().code(0);
    end.finish().code(0);
    assert!(bgp.list().is_empty());
    assert!(bgp.living_with_argument("600").is_empty());
}

#[test]
fn a_session_that_nothing_could_be_found_by_is_refused_from_wherever_it_comes() {
    use std::os::unix::ffi::OsStrExt as _;
    let bgp = Sandbox::new();
    let long = "x".repeat(129);
    for session in [&b"\xff"[..], b"two\nlines", long.as_bytes()] {
        let session = std::ffi::OsStr::from_bytes(session);
        for args in [
            &["start", "true"][..],
            &["end-session"],
            &["process", "action=start", "name=x", "command=true"],
        ] {
            let mut command = bgp.command(args.iter().copied());
            let outcome = finish(command.env("BGP_SESSION", session)).code(2);
            let told = outcome.text() + &outcome.errors();
            assert!(told.contains("BGP_SESSION"), "{told}");
        }
    }
    assert!(bgp.list().is_empty());
}
