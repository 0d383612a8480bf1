//! Ended processes and their files go, live ones stay.
//!
//! | rows | here |
//! |---|---|
//! | D10 | clear of a live process, beside a start, under a follower |
//! | H3 | an inner bgp is no reason not to clear the outer one: in `stop.rs` |

use std::fs::File;

use nix::sys::signal::Signal;

use crate::harness::{Sandbox, file_names, script};
use crate::invocation::Running;
use crate::proc;

#[test]
fn clear_removes_the_ended_with_their_files_and_leaves_the_live() {
    let bgp = Sandbox::new();
    let live = bgp.start("live", ["sleep", "60"]);
    for name in ["one", "two"] {
        let ended = bgp.start(name, ["sh", "-c", "echo hello; exit 1"]);
        bgp.run(["wait", name]).code(1);
        bgp.wait_for_supervisor_end(&ended.id);
    }
    bgp.run(["clear"]).code(0);
    let left = bgp.list();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0]["id"], live.id.as_str());
    assert_eq!(
        file_names(&bgp.state().join("logs")),
        [format!("{}.log.enc", live.id)]
    );
    assert!(
        file_names(&bgp.state().join("run"))
            .iter()
            .all(|name| name.starts_with(&live.id))
    );
    bgp.run(["output", "one"]).failed(3);
    assert_eq!(bgp.status("live")["status"], "running");
    // Nothing to clear is no failure.
    bgp.run(["clear"]).code(0);
}

// D10
#[test]
fn a_live_process_is_never_cleared() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    bgp.run(["clear", "web"]).failed(6).stderr_has("web");
    // A leader that has ended while something of it lives is as live.
    let daemon = bgp.start("daemon", [script("daemonizes.pl")]);
    bgp.run(["wait", "daemon"]).code(0);
    bgp.run(["clear", "daemon"]).failed(6);
    bgp.run(["clear"]).code(0);
    assert_eq!(bgp.list().len(), 2);
    bgp.run(["stop", "daemon"]).code(0);
    bgp.wait_for_supervisor_end(&daemon.id);
    bgp.run(["clear", "daemon"]).code(0);
    bgp.run(["clear", "nobody"]).failed(3);
}

#[test]
fn one_is_cleared_by_name_and_the_others_stay() {
    let bgp = Sandbox::new();
    for name in ["one", "two", "three"] {
        let process = bgp.start(name, ["true"]);
        bgp.run(["wait", name]).code(0);
        bgp.wait_for_supervisor_end(&process.id);
    }
    bgp.run(["clear", "two"]).code(0);
    let names: Vec<String> = bgp.list().iter().map(|p| p["name"].to_string()).collect();
    assert_eq!(names, ["\"one\"", "\"three\""]);
    bgp.run(["verify"]).code(0);
}

// D10
#[test]
fn a_follower_of_a_process_that_is_cleared_ends() {
    let bgp = Sandbox::new();
    let process = bgp.start(
        "work",
        [
            "sh",
            "-c",
            "echo begin; while [ ! -e go ]; do sleep 0.01; done; echo end",
        ],
    );
    let follower = Running::begin(&mut bgp.command(["output", "-f", "--to-end", "work"]));
    bgp.wait_until("the follower reads", || {
        (follower.stdout() == "begin\n").then_some(())
    });
    proc::kill(follower.pid(), nix::sys::signal::Signal::SIGSTOP);
    File::create(bgp.dir().join("go")).unwrap();
    bgp.run(["wait", "work"]).code(0);
    bgp.wait_for_supervisor_end(&process.id);
    bgp.run(["clear"]).code(0);
    proc::kill(follower.pid(), nix::sys::signal::Signal::SIGCONT);
    // It has the file open and may read it to the end, or say that the process was cleared.
    let outcome = follower.finish();
    assert!(
        outcome.text() == "begin\nend\n" || outcome.errors().contains("cleared"),
        "{}",
        outcome.describe()
    );
}

#[test]
fn only_what_ended_long_ago_is_cleared_when_that_is_wanted() {
    let bgp = Sandbox::new();
    let process = bgp.start_with(&["--name", "one", "--group", "g"], ["true"]);
    bgp.run(["wait", "one"]).code(0);
    bgp.wait_for_supervisor_end(&process.id);
    bgp.run(["clear", "--older-than", "1h"]).code(0);
    assert_eq!(bgp.list().len(), 1);
    bgp.run(["clear", "--group", "other"]).code(0);
    assert_eq!(bgp.list().len(), 1);
    bgp.run(["clear", "--older-than", "0s", "--group", "g"])
        .code(0);
    assert_eq!(bgp.list().len(), 0);
}

// The end of a process is told when its leader's is written; the last word follows a moment later.
#[test]
fn who_has_waited_for_the_end_may_clear_it_or_take_its_name() {
    let bgp = Sandbox::new();
    for then in [
        &["clear", "web"][..],
        &["clear"],
        &["start", "--name", "web", "true"],
    ] {
        let web = bgp.start("web", ["sleep", "60"]);
        // A stranger holds the pipe, and with it the last word.
        let held = File::options()
            .write(true)
            .open(format!("/proc/{}/fd/1", web.pid))
            .unwrap();
        proc::kill(web.pid, Signal::SIGTERM);
        bgp.run(["wait", "web"]).code(143);
        // A supervisor waits no longer than a second for a stranger; the rest holds all the same.
        let is_early = !bgp.lease_is_held(&web.id);
        proc::pass_over(is_early, "the last word came too early to matter");
        bgp.run(then).code(0).stderr("");
        drop(held);
        bgp.run(["wait", "web"]).code_in(&[0, 3]);
        bgp.run(["clear"]).code(0);
        assert!(bgp.list().is_empty(), "{then:?}");
    }
}

// D10: between the look at the state and the look at the log
#[test]
fn what_is_cleared_while_it_is_looked_at_is_not_called_damaged() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    for (command, code) in [
        (&["output", "gone"][..], 3),
        (&["verify", "gone"], 3),
        (&["verify"], 0),
    ] {
        bgp.run(["start", "--name", "gone", "true"]).code(0);
        bgp.run(["wait", "gone"]).code(0);
        let mut late = bgp.command(command);
        let late = Running::begin(late.env("BGP_PAUSE_AT", "log-open"));
        bgp.wait_until("it is about to open the log", || {
            (proc::stat(late.pid())?.state == 'T').then_some(())
        });
        bgp.run(["clear"]).code(0);
        proc::kill(late.pid(), Signal::SIGCONT);
        let outcome = late.finish().code(code);
        assert_eq!(outcome.errors().contains("was cleared"), code == 3);
    }
}
