//! Calls on the disk that fail, one after the other, until what is done needs no more luck.
//!
//! | rows | here |
//! |---|---|
//! | D1 D3 | state, key, repair, readers: the old or the new, and the next one goes on |
//! | E7 | after a password that could not be changed one of the two works |
//! | C2 C4 C11 | log, status block, rotation: nothing wrong is ever told |
//!
//! Only a debug build can be asked to fail.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::{PASSWORD, Proc, Sandbox, file_names, numbered};
use crate::invocation::{Outcome, finish};
use crate::proc;

/// What may fail of a command, and of a supervisor.
const CALLS: [&str; 7] = [
    "create", "remove", "rename", "sync", "write", "short", "torn",
];

/// Runs `command` with a fault, and tells whether it came to it.
#[track_caller]
pub(crate) fn run_asked(
    bgp: &Sandbox,
    command: &mut Command,
    asked: &[(&str, &str)],
) -> (Outcome, bool) {
    let told = bgp.dir().join("told");
    let _ = fs::remove_file(&told); // there is none at first
    command.env("BGP_FAULT_TOLD", &told);
    command.envs(asked.iter().copied());
    let outcome = finish(command);
    (outcome, told.exists())
}

/// Lets each call fail once, and from there on, until `one` does not come to it any more.
#[track_caller]
fn each_fault(mut one: impl FnMut(&str) -> bool) {
    let mut count = 0;
    for call in CALLS {
        for rest in ["", "+"] {
            let mut number = 1;
            while one(&format!("{call}:{number}{rest}")) {
                number += 1;
                count += 1;
                assert!(number < 100, "{call} has no end");
            }
        }
    }
    assert!(count > 10, "only {count} faults");
}

/// No file that only a writer may know is left.
#[track_caller]
fn assert_tidy(bgp: &Sandbox, fault: &str) {
    for dir in ["", "readers"] {
        for name in file_names(&bgp.state().join(dir)) {
            let left = name.strip_suffix(".tmp").is_some();
            assert!(!left, "{fault}: {name} was left over");
        }
    }
}

fn is_plain(code: &Outcome, fault: &str) -> bool {
    let short = fault.starts_with("short");
    code.clone().code_in(if short { &[0] } else { &[0, 15] });
    code.status.success()
}

// D1 D3
#[test]
fn a_state_that_cannot_be_saved_is_the_old_one() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    let live = bgp.start("live", ["sleep", "600"]);
    each_fault(|fault| {
        if bgp.list().len() == 1 {
            let ended = bgp.start("ended", ["true"]);
            bgp.run(["wait", "ended"]).code(0);
            bgp.wait_for_supervisor_end(&ended.id);
        }
        let clear = &mut bgp.command(["clear", "ended"]);
        let (outcome, told) = run_asked(&bgp, clear, &[("BGP_FAIL_AT", fault)]);
        let done = is_plain(&outcome, fault);
        let left = bgp.list();
        assert_eq!(left[0]["pid"], live.pid, "{fault}");
        let fits = if done {
            left.len() == 1
        } else {
            [1, 2].contains(&left.len())
        };
        assert!(fits, "{fault}: {left:?}\n{}", outcome.describe());
        bgp.run(["clear"]).code(0);
        assert_tidy(&bgp, fault);
        assert_eq!(file_names(&bgp.state().join("logs")).len(), 1, "{fault}");
        told
    });
    bgp.run(["stop", "live"]).code(0);
}

// D1 D3
#[test]
fn what_could_not_be_put_on_record_does_not_run() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    bgp.run(["list"]).code(0);
    each_fault(|fault| {
        let start = &mut bgp.command(["start", "--name", "web", "sleep", "600"]);
        let (outcome, told) = run_asked(&bgp, start, &[("BGP_FAIL_AT", fault)]);
        let done = is_plain(&outcome, fault);
        let list = bgp.list();
        if done {
            assert_eq!(list[0]["status"], "running", "{fault}");
            bgp.run(["stop", "web"]).code(0);
        } else {
            // The new state may be in its place, and only its directory not be synced: then it says how
            // that ended.
            let ended = list.iter().all(|process| process["status"] == "killed");
            assert!(ended && list.len() <= 1, "{fault}: {list:?}");
            bgp.wait_until("nothing runs", || bgp.living().is_empty().then_some(()));
        }
        bgp.run(["verify"]).code(0);
        bgp.wait_until("nothing is left", || {
            bgp.run(["clear"]).code(0);
            let left = ["logs", "run"].map(|dir| file_names(&bgp.state().join(dir)));
            left.iter().all(Vec::is_empty).then_some(())
        });
        bgp.run(["start", "--name", "next", "true"]).code(0);
        bgp.run(["wait", "next"]).code(0);
        assert_tidy(&bgp, fault);
        bgp.wait_until("it is cleared", || {
            bgp.run(["clear"]).code(0);
            bgp.list().is_empty().then_some(())
        });
        told
    });
}

// D1 E7
#[test]
fn a_first_start_that_fails_can_be_done_again() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::fresh();
    let command = |name: &str| {
        let mut command = bgp.command(["start", "--name", name, "sleep", "600"]);
        command.env("BGP_TEST_ITERATIONS", "1000");
        command
    };
    each_fault(|fault| {
        let (outcome, told) = run_asked(&bgp, &mut command("web"), &[("BGP_FAIL_AT", fault)]);
        let done = is_plain(&outcome, fault);
        bgp.run(["list"]).code(0);
        finish(&mut command("next")).code(0);
        let live = bgp.list();
        let live = live.iter().filter(|process| process["status"] == "running");
        assert_eq!(live.count(), if done { 2 } else { 1 }, "{fault}");
        bgp.run(["verify"]).code(0);
        assert_tidy(&bgp, fault);
        bgp.run(["stop", "--all", "--force"]).code(0);
        bgp.wait_until("nothing runs", || bgp.living().is_empty().then_some(()));
        fs::remove_dir_all(bgp.state()).unwrap();
        told
    });
}

// E7
#[test]
fn after_a_password_that_could_not_be_changed_one_of_the_two_works() {
    const NEW: &str = "battery staple";
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "600"]);
    let passwd = |from: &str, to: &str| {
        let mut command = bgp.command(["passwd"]);
        command.env("BG_PASSWORD", from).env("BG_NEW_PASSWORD", to);
        command.env("BGP_TEST_ITERATIONS", "1000");
        command
    };
    let lists_with = |password: &str| {
        let outcome = finish(bgp.command(["list"]).env("BG_PASSWORD", password));
        outcome.status.code().unwrap()
    };
    each_fault(|fault| {
        let asked = [("BGP_FAIL_AT", fault)];
        let (outcome, told) = run_asked(&bgp, &mut passwd(PASSWORD, NEW), &asked);
        let done = is_plain(&outcome, fault);
        let codes = (lists_with(PASSWORD), lists_with(NEW));
        // Of the directory alone nobody knows whether it would survive a power cut: that is told too.
        let expected: &[(i32, i32)] = match (done, fault.starts_with("sync")) {
            (true, _) => &[(12, 0)],
            (false, false) => &[(0, 12)],
            (false, true) => &[(0, 12), (12, 0)],
        };
        assert!(expected.contains(&codes), "{fault}: {codes:?}");
        if codes.1 == 0 {
            finish(&mut passwd(NEW, PASSWORD)).code(0);
        }
        finish(&mut passwd(PASSWORD, NEW)).code(0);
        finish(&mut passwd(NEW, PASSWORD)).code(0);
        assert_tidy(&bgp, fault);
        told
    });
    assert!(proc::alive(web.pid));
}

// D1 D4
#[test]
fn a_repair_that_fails_keeps_what_is_damaged_and_the_logs() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    let live = bgp.start("live", ["sleep", "600"]);
    let log = fs::read(bgp.log(&live.id)).unwrap();
    let (state, kept) = (
        bgp.state().join("processes.json.enc"),
        bgp.state().join("processes.json.enc.damaged-1"),
    );
    each_fault(|fault| {
        fs::write(&state, b"damaged").unwrap();
        let repair = &mut bgp.command(["repair"]);
        let (outcome, told) = run_asked(&bgp, repair, &[("BGP_FAIL_AT", fault)]);
        let done = is_plain(&outcome, fault);
        let (there, aside) = (fs::read(&state).ok(), fs::read(&kept).ok());
        let damaged = Some(b"damaged".to_vec());
        assert!(there == damaged || aside == damaged, "{fault}");
        if !done && !fault.starts_with("rename") && !fault.starts_with("sync") {
            assert_eq!((there, aside), (damaged.clone(), None), "{fault}");
        }
        assert_eq!(fs::read(bgp.log(&live.id)).unwrap(), log, "{fault}");
        bgp.run(["repair"]).code(0);
        let list = bgp.list();
        assert_eq!((list.len(), &list[0]["pid"]), (1, &live.pid.into()));
        assert_eq!(fs::read(&kept).ok(), damaged, "{fault}");
        fs::remove_file(&kept).unwrap();
        assert_tidy(&bgp, fault);
        told
    });
    bgp.run(["stop", "live"]).code(0);
}

// D1 F13
#[test]
fn a_reader_whose_place_cannot_be_saved_misses_nothing() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sh", "-c", "echo a line; exit 1"]);
    bgp.run(["wait", "web"]).code(1);
    bgp.wait_for_supervisor_end(&web.id);
    bgp.list();
    let mut number = 0;
    let reads: [(&[&str], &str); 2] = [
        (&["output", "--new", "web"], "a line\n"),
        (&["alerts"], "failed"),
    ];
    for (args, expected) in reads {
        each_fault(|fault| {
            number += 1;
            let name = format!("reader-{number}");
            let again = || {
                let mut command = bgp.command(args);
                command.args(["--as", &name]);
                command
            };
            let (first, told) = run_asked(&bgp, &mut again(), &[("BGP_FAIL_AT", fault)]);
            let done = is_plain(&first, fault);
            let second = finish(&mut again()).code(0);
            let had = [first.text(), second.text()].map(|text| text.contains(expected));
            let fits = had[0] || had[1];
            assert!(fits, "{fault}: {}", first.describe());
            assert!(!done || had == [true, false], "{fault}: {had:?}");
            let third = finish(&mut again()).code(0).text();
            assert!(!third.contains(expected), "{fault}");
            assert_tidy(&bgp, fault);
            told
        });
    }
}

/// Where a process's supervisor says that it came to its fault.
fn told_by(bgp: &Sandbox, name: &str) -> PathBuf {
    bgp.dir().join(format!("told-by-{name}"))
}

/// Starts a process whose supervisor has a fault. `None` when it could not be started.
fn start_faulty(bgp: &Sandbox, name: &str, fault: &str, rest: &[&str]) -> Option<Proc> {
    let mut start = bgp.command(["start", "--json", "--name", name]);
    start.args(rest).env("BGP_FAIL_SUPERVISOR_AT", fault);
    start.env("BGP_FAULT_TOLD", told_by(bgp, name));
    let outcome = finish(&mut start).code_in(&[0, 15]);
    let started = outcome.status.success();
    started.then(|| Proc::from_json(&outcome.json()["process"]))
}

const TALK: [&str; 3] = ["sh", "-c", "echo one; echo two; sleep 0.1 & exit 3"];

// C2 C4: one call fails, and the next works
#[test]
fn whatever_call_of_a_supervisor_fails_once_the_end_is_told_as_it_was() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    let mut started = 0;
    for call in ["write", "short", "torn", "sync"] {
        for number in 1..40 {
            let (name, fault) = (format!("{call}-{number}"), format!("{call}:{number}"));
            let Some(process) = start_faulty(&bgp, &name, &fault, &TALK) else {
                assert!(["write", "torn"].contains(&call) && number <= 3, "{fault}");
                assert!(bgp.list().iter().all(|process| process["name"] != *name));
                continue;
            };
            started += 1;
            bgp.wait_for_supervisor_end(&process.id);
            let is_last = !told_by(&bgp, &name).exists();
            let status = bgp.status(&name);
            assert_eq!(
                (&status["status"], &status["exitCode"]),
                (&"failed".into(), &3.into()),
                "{fault}: {status}"
            );
            assert_eq!(bgp.output(&name), "one\ntwo\n", "{fault}");
            bgp.run(["verify", &name]).code(0).stdout_has("intact");
            bgp.list(); // takes over what is final
            let lease = bgp.state().join(format!("run/{}.lease", process.id));
            assert!(!lease.exists(), "{fault}: its end is not final");
            if is_last {
                break; // it needs no more luck
            }
        }
    }
    assert!(started > 20, "only {started}");
}

// C2 C4: the disk stays full
#[test]
fn a_disk_that_goes_on_failing_never_makes_up_an_end() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    let mut started = Vec::new();
    for call in ["write", "torn"] {
        for number in 1..=14 {
            let (name, fault) = (format!("{call}-{number}"), format!("{call}:{number}+"));
            started.extend(start_faulty(&bgp, &name, &fault, &TALK));
        }
    }
    assert!(started.len() > 15);
    for process in started {
        let name = &process.name;
        bgp.wait_for_supervisor_end(&process.id); // after 10 seconds of patience, all at once
        let status = bgp.status(name);
        let told = match status["status"].as_str().unwrap() {
            "failed" => status["exitCode"] == 3,
            "lost" => status["exitCode"].is_null(),
            _ => false,
        };
        assert!(told, "{name}: {status}");
        let output = bgp.run(["output", "-n", "0", "--raw", name]).code(0).text();
        assert!("one\ntwo\n".starts_with(&output), "{name}: {output:?}");
        bgp.run(["verify", name]).code(0);
    }
}

// C4: a slot that failed is written again, and not the one that stands
#[test]
fn a_status_block_that_cannot_be_written_again_and_again_stands() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    for number in 5..=8 {
        let name = format!("web-{number}");
        let fault = format!("torn:{number}+");
        let Some(web) = start_faulty(&bgp, &name, &fault, &["sleep", "600"]) else {
            panic!("its first block is whole");
        };
        for signal in ["STOP", "CONT", "STOP", "CONT"] {
            bgp.run(["signal", &name, signal]).code(0);
            bgp.wait_until("it is so", || {
                let stopped = proc::stat(web.pid).unwrap().state == 'T';
                (stopped == (signal == "STOP")).then_some(())
            });
        }
        let status = bgp.status(&name);
        assert_eq!(
            (&status["status"], &status["pid"]),
            (&"running".into(), &web.pid.into()),
            "{status}"
        );
        bgp.run(["stop", "--force", &name]).code(0);
        assert!(!proc::alive(web.pid));
        assert_ne!(bgp.status(&name)["reason"], "damaged");
    }
}

// C2 C4 C11
#[test]
fn a_rotation_that_fails_loses_nothing_unsaid() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    let faults = [
        "create:1",
        "create:2+",
        "remove:1",
        "remove:1+",
        "sync:1+",
        "write:40",
        "torn:40",
        "short:1+",
    ];
    let all = numbered("", 100_000..=299_999);
    for (number, fault) in faults.iter().enumerate() {
        let name = format!("work-{number}");
        let rest = ["--max-log=1MiB", "seq", "100000", "299999"];
        let process = start_faulty(&bgp, &name, fault, &rest).unwrap();
        bgp.wait_for_supervisor_end(&process.id);
        assert_eq!(bgp.status(&name)["status"], "exited", "{fault}");
        bgp.run(["verify", &name]).code(0);
        let output = bgp.run(["output", "-n", "0", "--raw", &name]).code(0);
        assert!(all.ends_with(&output.text()), "{fault}");
        assert!(output.text().len() > 300_000, "{fault}");
    }
    bgp.wait_until("all is cleared", || {
        bgp.run(["clear"]).code(0);
        file_names(&bgp.state().join("logs"))
            .is_empty()
            .then_some(())
    });
}

// D3: what is asked for in a release build is not heard
#[test]
fn only_a_debug_build_knows_the_words() {
    let known = crate::harness::known();
    assert!(
        [0, crate::harness::ASKED_BY.len()].contains(&known.len()),
        "{known:?}"
    );
    if std::env::var_os("BGP_TEST_BIN").is_none() {
        assert_eq!(known.is_empty(), !cfg!(debug_assertions), "{known:?}");
    }
}
