//! The end of a process, as the one who waits sees it.
//!
//! | rows | here |
//! |---|---|
//! | A17 | the leader's end counts, not the pipe's |
//! | F3 F18 | the process's own code; an interrupted wait |

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{Sandbox, script};
use crate::invocation::{Running, finish};
use crate::proc;

// F18
#[test]
fn the_code_is_the_processs_own() {
    let bgp = Sandbox::new();
    for code in [0, 1, 2, 3, 42, 124, 127, 255] {
        let name = format!("code-{code}");
        bgp.start(&name, ["sh", "-c", &format!("exit {code}")]);
        bgp.run(["wait", &name]).code(code).stderr("");
        // And again, long after the end.
        bgp.run(["wait", &name]).code(code);
    }
}

// F18
#[test]
fn a_signal_is_128_and_its_number_and_a_lost_one_is_1() {
    let bgp = Sandbox::new();
    bgp.start("segv", ["sh", "-c", "kill -SEGV $$"]);
    bgp.run(["wait", "segv"]).code(139);
    bgp.start("term", ["sleep", "60"]);
    bgp.run(["stop", "term"]).code(0);
    bgp.run(["wait", "term"]).code(143);
    let lost = bgp.start("lost", ["sleep", "60"]);
    proc::kill(lost.supervisor(), Signal::SIGKILL);
    bgp.run(["wait", "lost"]).code(1);
    assert_eq!(bgp.status("lost")["status"], "lost");
}

#[test]
fn who_waits_is_woken_by_the_end() {
    let bgp = Sandbox::new();
    let cases: [(&str, i32); 3] = [("exit", 5), ("stop", 143), ("lose", 1)];
    for (name, code) in cases {
        let process = bgp.start(
            name,
            ["sh", "-c", "while [ ! -e go ]; do sleep 0.01; done; exit 5"],
        );
        let mut waiting = Running::begin(&mut bgp.command(["wait", name]));
        // A status was asked for and answered meanwhile: the wait is under way or will see the end.
        assert_eq!(bgp.status(name)["status"], "running");
        assert!(!waiting.has_ended());
        match name {
            "exit" => std::fs::write(bgp.dir().join("go"), "").unwrap(),
            "stop" => drop(bgp.run(["stop", name]).code(0)),
            _ => proc::kill(process.supervisor(), Signal::SIGKILL),
        }
        waiting.finish().code(code);
        let _ = std::fs::remove_file(bgp.dir().join("go"));
    }
}

// Who believes that changes wake him looks every 5 s, and nobody may believe so before it was tried.
#[test]
fn who_cannot_be_woken_looks_often_from_the_first_wait_on() {
    let bgp = Sandbox::new();
    let without_inotify = |line: &str| {
        let none = "echo 0 > /proc/sys/user/max_inotify_instances || exit 99";
        let mut unshare = bgp.foreign("unshare");
        unshare.args(["-Ur", "/bin/sh", "-c", &format!("{none}; {line}")]);
        unshare
    };
    let made = finish(&mut without_inotify(":"));
    let missing = "no user namespace, or its limits cannot be set";
    if proc::pass_over(!made.status.success(), missing) {
        return;
    }
    let go = bgp.dir().join("go");
    let took = |name: &str| {
        let line = "until [ -e go ]; do sleep 0.01; done; exit 5";
        bgp.start(name, ["sh", "-c", line]);
        let wait = format!("exec \"$BGP\" wait {name}");
        let waiting = Running::begin(&mut without_inotify(&wait));
        let command = format!("wait\0{name}\0");
        bgp.wait_until("it waits", || {
            let is_bgp = proc::cmdline(waiting.pid()).ends_with(command.as_bytes());
            (is_bgp && proc::stat(waiting.pid())?.state == 'S').then_some(())
        });
        let begun = Instant::now();
        std::fs::write(&go, "").unwrap();
        waiting.finish().code(5);
        std::fs::remove_file(&go).unwrap();
        begun.elapsed()
    };
    // A machine that is busy may hold one up, and not each.
    let names = ["first", "second", "third"];
    assert!(names.iter().any(|name| took(name) < Duration::from_secs(4)));
}

// A17
#[test]
fn a_grandchild_on_the_pipe_does_not_hold_up_who_waits() {
    let bgp = Sandbox::new();
    bgp.start("quiet", [script("holds-stdout.sh"), "6".to_owned()]);
    bgp.run(["wait", "quiet"]).code(6);
    let status = bgp.status("quiet");
    assert_eq!(
        (&status["status"], &status["descendants"]),
        (&"failed".into(), &1.into())
    );
}

#[test]
fn several_give_the_first_failure_in_the_order_given() {
    let bgp = Sandbox::new();
    for (name, line) in [
        ("good", "exit 0"),
        ("late", "sleep 0.3; exit 3"),
        ("early", "exit 4"),
    ] {
        bgp.start(name, ["sh", "-c", line]);
    }
    bgp.run(["wait", "good", "late", "early"]).code(3);
    bgp.run(["wait", "early", "good", "late"]).code(4);
    bgp.run(["wait", "good"]).code(0);
    bgp.run(["wait", "good", "nobody"]).failed(3);
}

#[test]
fn json_tells_the_processs_code_from_bgps_own() {
    let bgp = Sandbox::new();
    bgp.start("odd", ["sh", "-c", "exit 3"]);
    let outcome = bgp.run(["wait", "--json", "odd"]).code(3);
    let text = outcome.text();
    assert!(
        text.contains("\"exitCode\":3") || text.contains("\"exitCode\": 3"),
        "{text}"
    );
    assert!(outcome.json()["error"].is_null());
    let none = bgp.run(["wait", "--json", "nobody"]).code(3);
    assert!(
        none.text().contains("\"error\"") || none.errors().contains("\"error\""),
        "{}",
        none.describe()
    );
}

// F3
#[test]
fn an_interrupted_wait_is_130_or_143_and_the_process_runs_on() {
    if proc::pass_over(proc::interrupts_are_ignored(), "SIGINT is ignored here") {
        return;
    }
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let waiting = Running::begin(&mut bgp.command(["wait", "web"]));
        bgp.wait_until("it is a bgp", || {
            proc::cmdline(waiting.pid())
                .ends_with(b"wait\0web\0")
                .then_some(())
        });
        proc::kill(waiting.pid(), signal);
        let outcome = waiting.finish();
        let told = outcome.status.code() == Some(128 + signal as i32)
            || std::os::unix::process::ExitStatusExt::signal(&outcome.status)
                == Some(signal as i32);
        assert!(told, "{}", outcome.describe());
    }
    assert!(proc::alive(web.pid));
    bgp.run(["stop", "web"]).code(0);
}

#[test]
fn the_first_that_ends_is_enough_when_that_is_wanted() {
    let bgp = Sandbox::new();
    bgp.start("slow", ["sleep", "60"]);
    bgp.start("quick", ["sh", "-c", "exit 6"]);
    bgp.run(["wait", "--any", "slow", "quick"]).code(6);
    assert_eq!(bgp.status("slow")["status"], "running");
}

#[test]
fn a_wait_that_takes_too_long_is_124() {
    let bgp = Sandbox::new();
    bgp.start("slow", ["sleep", "60"]);
    bgp.run(["wait", "--timeout", "50ms", "slow"]).failed(124);
    bgp.start("quick", ["sh", "-c", "exit 124"]);
    bgp.run(["wait", "--timeout", "1h", "quick"])
        .code(124)
        .stderr("");
}
