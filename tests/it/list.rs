//! What is listed, how it is addressed, and how it is shown.
//!
//! | rows | here |
//! |---|---|
//! | A28 | ids, numbers, names, prefixes |
//! | A29 | many ended processes cost no file each |
//! | C16 F11 F15 | one line a process, nothing cut in a pipe, nothing of the command reaches a terminal |
//! | H1 | two who look at a dead process |

use std::collections::BTreeSet;
use std::fs;

use nix::sys::signal::Signal;

use crate::harness::{Sandbox, file_names};
use crate::invocation::finish;
use crate::proc;

#[test]
fn a_fresh_place_lists_nothing_and_writes_nothing() {
    let bgp = Sandbox::fresh();
    bgp.run(["list"]).code(0).stdout("").stderr("");
    assert_eq!(
        bgp.run(["list", "--json"]).code(0).json()["processes"],
        serde_json::json!([])
    );
    assert!(!bgp.state().exists());
    assert_eq!(file_names(&bgp.dir().join("home")), Vec::<String>::new());
}

#[test]
fn the_oldest_is_first_and_every_way_to_say_list_is_the_same() {
    let bgp = Sandbox::new();
    for name in ["zebra", "ant", "mole"] {
        bgp.start(name, ["true"]);
        bgp.run(["wait", name]).code(0);
    }
    let text = bgp.run(["list"]).code(0).stderr("").text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    for column in [
        "ID", "NAME", "STATUS", "PID", "STARTED", "RUNTIME", "COMMAND",
    ] {
        assert!(lines[0].contains(column), "{text}");
    }
    for (line, name) in lines[1..].iter().zip(["zebra", "ant", "mole"]) {
        assert!(line.contains(name) && line.contains("exited"), "{text}");
    }
    for other in ["ls", "ps"] {
        let names = |text: String| -> Vec<String> {
            text.lines()
                .map(|line| {
                    line.split_whitespace()
                        .take(3)
                        .collect::<Vec<_>>()
                        .join(" ")
                })
                .collect()
        };
        assert_eq!(names(bgp.run([other]).code(0).text()), names(text.clone()));
    }
}

#[test]
fn only_the_running_are_listed_when_that_is_wanted() {
    let bgp = Sandbox::new();
    bgp.start("ended", ["true"]);
    bgp.start("runs", ["sleep", "60"]);
    bgp.run(["wait", "ended"]).code(0);
    let text = bgp.run(["list", "--running"]).code(0).text();
    assert!(text.contains("runs") && !text.contains("ended"), "{text}");
}

#[test]
fn what_lives_behind_its_leader_is_listed_with_the_running() {
    let bgp = Sandbox::new();
    bgp.run(["start", "--name", "left", "--command", "sleep 600 & echo s"])
        .code(0);
    bgp.run(["wait", "left"]).code(0);
    bgp.run(["list", "--running"]).code(0).stdout_has("left");
    let tool = ["process", "action=list", "running=true"];
    bgp.run(tool).code(0).stdout_has("1 process, 1 running:\n");
    bgp.run(["stop", "left"]).code(0);
    bgp.run(["list", "--running"]).code(0).stdout("");
    bgp.run(tool).code(0).stdout_has("No process runs");
}

// A28
#[test]
fn a_process_is_addressed_by_id_number_name_or_prefix() {
    let bgp = Sandbox::new();
    // 17 ids of 16 digits: two begin alike.
    let all: Vec<_> = (0..17)
        .map(|n| bgp.start(&format!("n{n}"), ["true"]))
        .collect();
    for process in &all {
        for query in [
            process.id.as_str(),
            &process.name,
            &format!("proc_{}", process.number),
        ] {
            assert_eq!(bgp.status(query)["id"], process.id.as_str(), "{query}");
        }
        let alone = (1..=8)
            .map(|len| &process.id[..len])
            .find(|prefix| {
                all.iter()
                    .filter(|other| other.id.starts_with(prefix))
                    .count()
                    == 1
            })
            .unwrap();
        // A prefix of digits alone or one that is a name of another would be that first; these are not.
        assert_eq!(bgp.status(alone)["id"], process.id.as_str(), "{alone}");
    }
    let (one, two) = all
        .iter()
        .enumerate()
        .find_map(|(n, one)| {
            let two = all[n + 1..].iter().find(|two| two.id[..1] == one.id[..1])?;
            Some((one, two))
        })
        .expect("17 ids, 16 digits");
    bgp.run(["status", &one.id[..1]])
        .failed(4)
        .stderr_has(&one.id)
        .stderr_has(&two.id);
    // proc_1 is not a prefix of proc_12.
    assert_eq!(bgp.status("proc_1")["name"], "n0");
    for none in ["proc_99", "proc_0", "proc_", "nobody", "00000000x"] {
        bgp.run(["status", none]).failed(3).stderr_has(none);
    }
}

#[test]
fn a_name_goes_before_a_prefix_and_a_number_is_never_used_again() {
    let bgp = Sandbox::new();
    let first = bgp.start("first", ["true"]);
    let named = bgp.start(&first.id[..4], ["true"]);
    assert_eq!(bgp.status(&first.id[..4])["id"], named.id.as_str());
    bgp.run(["wait", &first.id, &named.id]).code(0);
    bgp.wait_for_supervisor_end(&first.id);
    bgp.wait_for_supervisor_end(&named.id);
    bgp.run(["clear"]).code(0);
    assert_eq!(bgp.start("third", ["true"]).number, 3);
}

#[test]
fn a_mistyped_name_is_answered_with_the_closest() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    bgp.run(["output", "wbe"])
        .failed(3)
        .stderr_has("wbe")
        .stderr_has("web");
}

// A29: the state knows how they ended, so that neither lease nor log is needed.
#[test]
fn ended_processes_are_listed_without_a_file_of_theirs() {
    let bgp = Sandbox::new();
    for n in 0..20 {
        let process = bgp.start(&format!("n{n}"), ["sh", "-c", &format!("exit {n}")]);
        bgp.run(["wait", &process.id]).code(n);
        bgp.wait_for_supervisor_end(&process.id);
    }
    bgp.run(["list"]).code(0);
    bgp.wait_until("the leases are gone", || {
        bgp.list();
        file_names(&bgp.state().join("run"))
            .is_empty()
            .then_some(())
    });
    fs::rename(bgp.state().join("logs"), bgp.dir().join("logs-away")).unwrap();
    let codes: Vec<i64> = bgp
        .list()
        .iter()
        .map(|p| p["exitCode"].as_i64().unwrap())
        .collect();
    assert_eq!(codes, (0..20).collect::<Vec<_>>());
    fs::rename(bgp.dir().join("logs-away"), bgp.state().join("logs")).unwrap();
}

// C16 F11
#[test]
fn nothing_of_a_command_breaks_a_line_or_reaches_a_terminal() {
    let bgp = Sandbox::new();
    let nasty = "a\nb\tc\u{1b}[2J\u{1b}]52;c;AAAA\u{7}\u{9b}31m\u{202e}end";
    let long = "y".repeat(4096);
    bgp.start("nasty", ["printf", "%s", nasty, &long]);
    bgp.run(["wait", "nasty"]).code(0);
    for args in [&["list"][..], &["status", "nasty"]] {
        let text = bgp.run(args.iter().copied()).code(0).text();
        for bad in ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}'] {
            assert!(!text.contains(bad), "{args:?} {bad:?}: {text:?}");
        }
    }
    let text = bgp.run(["list"]).code(0).text();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(!text.contains('\t'), "{text:?}");
    assert!(text.contains(&long), "cut in a pipe");
    assert_eq!(bgp.list()[0]["argv"][2], nasty);
}

// F15
#[test]
fn help_and_version_need_no_password_and_no_state() {
    let bgp = Sandbox::fresh();
    for args in [
        &["--help"][..],
        &["-h"],
        &["help"],
        &["--version"],
        &["start", "--help"],
        &["list", "-h"],
        &["stop", "--help"],
        &["output", "--help"],
        &["wait", "--help"],
    ] {
        let outcome = finish(bgp.command(args.iter().copied()).env_remove("BG_PASSWORD"));
        let text = outcome.code(0).stderr("").text();
        assert!(!text.is_empty(), "{args:?}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{args:?}: {text}"
        );
    }
    bgp.run(["--version"]).stdout_has(env!("CARGO_PKG_VERSION"));
    assert!(!bgp.state().exists());
}

// H1
#[test]
fn two_who_look_at_a_dead_process_both_say_so() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    proc::kill(web.supervisor(), Signal::SIGKILL);
    bgp.wait_status("web", "lost");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(bgp.list()[0]["status"], "lost");
                }
            });
        }
    });
}

// H1: the other way round
#[test]
fn many_who_look_at_a_live_process_all_say_so() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    let seen: BTreeSet<String> = std::thread::scope(|scope| {
        let lookers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| -> BTreeSet<String> {
                    (0..50)
                        .map(|_| bgp.list()[0]["status"].to_string())
                        .collect()
                })
            })
            .collect();
        lookers
            .into_iter()
            .flat_map(|looker| looker.join().unwrap())
            .collect()
    });
    assert_eq!(seen, BTreeSet::from(["\"running\"".to_owned()]));
}

#[test]
fn a_group_or_a_session_can_be_listed_and_stopped() {
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "one", "--group", "web"], ["sleep", "60"]);
    bgp.start_with(
        &["--name", "two", "--group", "web", "--session", "s1"],
        ["sleep", "60"],
    );
    let mut start = bgp.command(["start", "--name", "three", "sleep", "60"]);
    finish(start.env("BGP_SESSION", "s1")).code(0);
    let names = |args: &[&str]| -> Vec<String> {
        let listed = bgp.run(args.iter().copied()).code(0).json();
        let processes = listed["processes"].as_array().unwrap().clone();
        processes
            .iter()
            .map(|p| p["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&["list", "--json", "--group", "web"]), ["one", "two"]);
    assert_eq!(
        names(&["list", "--json", "--session", "s1"]),
        ["two", "three"]
    );
    bgp.run(["stop", "--group", "web"]).code(0);
    assert_eq!(names(&["list", "--json", "--running"]), ["three"]);
    bgp.run(["stop", "--session", "s1"]).code(0);
    assert_eq!(
        names(&["list", "--json", "--running"]),
        Vec::<String>::new()
    );
}

// A29
#[test]
fn a_list_opens_as_many_files_for_twenty_as_for_five() {
    let bgp = Sandbox::new();
    let trace = bgp.dir().join("trace");
    let opened = || -> Option<usize> {
        let mut strace = bgp.foreign("strace");
        strace
            .args(["-e", "trace=open,openat,stat,newfstatat,statx", "-o"])
            .arg(&trace);
        let listed = strace.arg(crate::harness::bin()).arg("list").output();
        listed
            .is_ok_and(|output| output.status.success())
            .then_some(())?;
        let text = fs::read_to_string(&trace).unwrap();
        Some(text.lines().filter(|line| line.contains("= ")).count())
    };
    let start = |count: usize| {
        for _ in 0..count {
            let id = bgp.start_with(&[], ["true"]).id;
            bgp.run(["wait", &id]).code(0);
            bgp.wait_for_supervisor_end(&id);
        }
        bgp.wait_until("all ends are folded in", || {
            bgp.list();
            file_names(&bgp.state().join("run"))
                .is_empty()
                .then_some(())
        });
    };
    start(5);
    let five = opened();
    if proc::pass_over(five.is_none(), "there is no strace that may trace") {
        return;
    }
    start(15);
    assert_eq!(opened(), five, "{}", fs::read_to_string(&trace).unwrap());
}
