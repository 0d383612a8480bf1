//! `bgp watch`: what happens is told when it happens, to whoever comes back too.
//!
//! | rows | here |
//! |---|---|
//! | A17 | an end is told while a grandchild holds the pipe |
//! | F2 | a watch that cannot write acknowledges nothing |
//! | F3 | a signal ends a watch, and leaves nothing behind |
//! | F13 | a watch that is killed at any moment misses nothing |

use std::fs::{self, File};
use std::io::Read as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::Sandbox;
use crate::invocation::{Running, finish};
use crate::proc;

/// A watch that has begun to wait; with `--interval 1h` nothing but a change wakes it.
#[track_caller]
fn watching(bgp: &Sandbox, args: &[&str]) -> Running {
    let all = [&["watch", "--interval", "1h"], args].concat();
    let watch = Running::begin(&mut bgp.command(all));
    bgp.wait_until("the watch sleeps", || {
        sleeps_on_inotify(watch.pid()).then_some(())
    });
    watch
}

/// Whether a process sleeps, with an inotify descriptor that watches something.
fn sleeps_on_inotify(pid: i32) -> bool {
    let sleeps = proc::stat(pid).is_some_and(|stat| stat.line.contains(") S "));
    let fdinfo = fs::read_dir(format!("/proc/{pid}/fdinfo"));
    let watches = fdinfo.into_iter().flatten().flatten().any(|entry| {
        fs::read_to_string(entry.path()).is_ok_and(|text| text.contains("inotify wd:"))
    });
    // Who may not be inspected is taken at its word after a moment: it has begun before we could look.
    sleeps && (watches || !proc::may_inspect())
}

fn seqs(text: &str) -> Vec<u64> {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let of = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["seq"]
            .as_u64()
            .unwrap()
    };
    whole.lines().map(of).collect()
}

// A17
#[test]
fn an_end_is_told_at_once_though_a_grandchild_holds_the_pipe() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sh", "-c", "sleep 60 & read x; exit 4"]);
    let watch = watching(&bgp, &["--once", "--json"]);
    let begun = Instant::now();
    bgp.run(["send", "web", ""]).code(0);
    let outcome = watch.finish().code(0);
    // Nothing but the change can have woken it; a loaded machine may take its time.
    assert!(begun.elapsed() < Duration::from_secs(20));
    let told = outcome.json();
    assert_eq!(told["event"], "failed");
    assert_eq!(told["process"]["id"], web.id.as_str());
    assert_eq!(told["process"]["exitCode"], 4);
    assert!(told["seq"] == 1 && told["time"].as_u64().unwrap() > 0);
    assert!(told["message"].as_str().unwrap().starts_with("web ("));
    bgp.run(["stop", "web"]).code(0);
}

#[test]
fn a_killed_supervisor_is_told_at_once() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    let watch = watching(&bgp, &["--once"]);
    proc::kill(web.supervisor(), Signal::SIGKILL);
    watch
        .finish()
        .code(0)
        .stdout_has("web (")
        .stdout_has("is lost (supervisor-killed)");
}

#[test]
fn where_nothing_wakes_it_looks_again_by_itself() {
    let bgp = Sandbox::fresh();
    let mut command = bgp.command(["watch", "--once", "--interval", "100ms"]);
    let watch = Running::begin(command.env("BGP_TEST_ITERATIONS", "1000"));
    let start = bgp
        .command(["start", "--name", "web", "sh", "-c", "exit 1"])
        .env("BGP_TEST_ITERATIONS", "1000")
        .stdin(Stdio::null())
        .status();
    assert!(start.unwrap().success());
    watch
        .finish()
        .code(0)
        .stdout_has("web (")
        .stdout_has("failed with code 1");
}

#[test]
fn a_directory_that_is_made_anew_is_watched_again_and_that_it_was_gone_is_told() {
    let bgp = Sandbox::new();
    bgp.start("one", ["sh", "-c", "exit 1"]);
    let told = bgp.dir().join("told");
    let mut command = bgp.command(["watch", "--interval", "100ms"]);
    let mut watch = command
        .stdout(fs::File::create(&told).unwrap())
        .spawn()
        .unwrap();
    let says = |what: &str| {
        bgp.wait_until(what, || {
            fs::read_to_string(&told)
                .unwrap()
                .contains(what)
                .then_some(())
        });
    };
    says("alert 1: one (");
    bgp.run(["stop", "--all"]).code_in(&[0, 5]);
    fs::rename(bgp.state(), bgp.dir().join("away")).unwrap();
    says("was removed or replaced");
    bgp.command(["start", "--name", "two", "false"])
        .env("BGP_TEST_ITERATIONS", "1000")
        .status()
        .unwrap();
    says("alert 1: two (");
    watch.kill().unwrap();
    watch.wait().unwrap();
}

#[test]
fn who_does_not_read_keeps_no_watch_beyond_its_time() {
    let bgp = Sandbox::new();
    for n in 0..8 {
        let name = format!("{}{n}", "x".repeat(60));
        bgp.start(&name, ["sh", "-c", "echo; exit 1"]);
        bgp.run(["wait", &name]).code(1);
    }
    let (reader, writer) = nix::unistd::pipe().unwrap();
    let page = nix::fcntl::FcntlArg::F_SETPIPE_SZ(4096);
    nix::fcntl::fcntl(&writer, page).unwrap();
    nix::unistd::write(&writer, &[b'x'; 4096]).unwrap();
    let watch = bgp
        .command(["watch", "--timeout", "200ms"])
        .stdout(writer)
        .status()
        .unwrap();
    assert_eq!(watch.code(), Some(124));
    drop(reader);
    let left = bgp.run(["alerts", "--json"]).code(0).json();
    assert_eq!(left["alerts"].as_array().unwrap().len(), 8);
}

#[test]
fn who_comes_back_hears_what_he_missed_and_only_that() {
    let bgp = Sandbox::new();
    bgp.start("one", ["sh", "-c", "exit 1"]);
    bgp.run(["wait", "one"]).code(1);
    bgp.run(["watch", "--once"])
        .code(0)
        .stdout_has("alert 1: one");
    bgp.start("two", ["sh", "-c", "exit 1"]);
    bgp.run(["wait", "two"]).code(1);
    let told = bgp.run(["watch", "--once"]).code(0).text();
    assert!(
        told.starts_with("alert 2: two") && told.lines().count() == 1,
        "{told}"
    );
    bgp.run(["watch", "--timeout", "0"]).failed(124);
}

#[test]
fn to_watch_some_leaves_the_others_pending() {
    let bgp = Sandbox::new();
    for name in ["one", "two", "three"] {
        bgp.start(name, ["sh", "-c", "exit 1"]);
        bgp.run(["wait", name]).code(1);
    }
    let told = bgp.run(["watch", "--once", "two"]).code(0).text();
    assert!(
        told.starts_with("alert 2: two") && told.lines().count() == 1,
        "{told}"
    );
    let told = bgp.run(["alerts"]).code(0).text();
    let first: Vec<&str> = told.lines().map(|line| &line[..10]).collect();
    assert_eq!(first, ["alert 1: o", "alert 3: t"]);
    bgp.run(["watch", "--timeout", "0", "nothing-like-it"])
        .failed(3);
}

#[test]
fn who_watches_a_name_hears_of_those_that_have_it_later() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sh", "-c", "read x; exit 3"]);
    let watch = watching(&bgp, &["--once", "web"]);
    bgp.run(["restart", "web"]).code(0);
    bgp.run(["send", "web", ""]).code(0);
    let told = watch.finish().code(0);
    told.stdout_has("web").stdout_has("failed with code 3");
}

#[test]
fn output_that_stands_in_a_pager_keeps_no_alert_waiting() {
    let bgp = Sandbox::new();
    bgp.start("seq", ["seq", "100000"]);
    bgp.run(["wait", "seq"]).code(0);
    let mut pager = bgp.command(["output", "seq", "--new"]);
    let mut pager = pager.stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 1];
    pager
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    bgp.start("web", ["false"]);
    bgp.run(["wait", "web"]).code(1);
    bgp.run(["watch", "--once", "--timeout", "20s"])
        .code(0)
        .stdout_has("alert 1: web");
    bgp.run(["alerts"]).code(0).stdout("");
    pager.kill().unwrap();
    pager.wait().unwrap();
}

#[test]
fn a_watch_that_could_not_look_says_so_when_its_time_is_over() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["false"]);
    bgp.wait_for_supervisor_end(&web.id);
    let lock = File::open(bgp.state().join("processes.lock")).unwrap();
    let held = Flock::lock(lock, FlockArg::LockExclusiveNonblock).unwrap();
    let watch = ["watch", "--once", "--timeout", "200ms"];
    bgp.run(watch).failed(124).stderr_has("another command");
    drop(held);
    bgp.run(watch).code(0).stdout_has("alert 1: web");
}

// F3
#[test]
fn a_signal_ends_a_watch_and_all_that_it_runs() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    for (signal, code) in [
        (Signal::SIGINT, 130),
        (Signal::SIGTERM, 143),
        (Signal::SIGHUP, 129),
    ] {
        let watch = watching(&bgp, &[]);
        proc::kill(watch.pid(), signal);
        watch.finish().code(code).stdout("").stderr("");
    }
    // Also while a command runs for an alert, which is then acknowledged.
    bgp.start("bad", ["sh", "-c", "exit 1"]);
    let marker = bgp.dir().join("pid");
    let line = format!(
        "echo $$ > {0}.new; mv {0}.new {0}; sleep 60 & sleep 60",
        marker.display()
    );
    let watch = Running::begin(&mut bgp.command(["watch", "--exec", &line]));
    let pid: i32 = bgp.wait_until("the command runs", || {
        fs::read_to_string(&marker).ok()?.trim().parse().ok()
    });
    proc::kill(watch.pid(), Signal::SIGTERM);
    watch
        .finish()
        .code(143)
        .stdout_has("alert 1: bad")
        .stderr("");
    bgp.wait_until("nothing of it lives", || (!proc::alive(pid)).then_some(()));
    bgp.run(["alerts"]).code(0).stdout("");
    bgp.run(["stop", "web"]).code(0);
}

#[test]
fn a_command_for_an_alert_has_no_password() {
    let bgp = Sandbox::new();
    bgp.start("bad", ["false"]);
    let line = "cat >/dev/null; echo ${BG_PASSWORD-none} ${BG_NEW_PASSWORD-none} ${HOME+home} >&2";
    bgp.run(["watch", "--once", "--timeout", "60s", "--exec", line])
        .code(0)
        .stderr_has("none none home\n");
}

#[test]
fn a_reader_that_does_not_read_holds_no_signal_up_and_loses_nothing() {
    let bgp = Sandbox::new();
    for n in 0..3 {
        let name = format!("p{n}");
        bgp.start(&name, ["sh", "-c", "exit 1"]);
        bgp.run(["wait", &name]).code(1);
    }
    // The pipe is full before the first line.
    let (read, write) = nix::unistd::pipe().unwrap();
    let flags = nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK);
    nix::fcntl::fcntl(&write, flags).unwrap();
    while nix::unistd::write(&write, &[0; 4096]).is_ok() {}
    nix::fcntl::fcntl(
        &write,
        nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::empty()),
    )
    .unwrap();
    let mut watch = bgp.command(["watch"]).stdout(write).spawn().unwrap();
    let pid = i32::try_from(watch.id()).unwrap();
    bgp.wait_until("it waits for room", || {
        proc::stat(pid)
            .is_some_and(|stat| stat.line.contains(") S "))
            .then_some(())
    });
    proc::kill(pid, Signal::SIGTERM);
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = watch.try_wait().unwrap() {
            break status;
        }
        assert!(begun.elapsed() < crate::harness::DEADLINE);
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!([Some(143), None].contains(&status.code()), "{status}");
    drop(read);
    assert_eq!(bgp.run(["alerts"]).code(0).text().lines().count(), 3);
}

#[test]
fn when_nobody_reads_any_more_a_watch_ends_and_what_was_not_read_is_pending() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sh", "-c", "read x; exit 1"]);
    // The reader is gone; nothing else will wake it for an hour.
    bgp.sh("\"$BGP\" watch --interval 1h | true")
        .code(0)
        .stdout("");
    bgp.run(["send", "web", ""]).code(0);
    bgp.run(["wait", "web"]).code(1);
    bgp.run(["alerts"]).code(0).stdout_has("alert 1: web");
}

#[test]
fn the_command_gets_the_alert_and_its_output_goes_to_stderr() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sh", "-c", "exit 5"]);
    bgp.run(["wait", "web"]).code(5);
    let outcome = bgp
        .run(["watch", "--once", "--exec", "cat; exit 3"])
        .code(0);
    let alert: Value = serde_json::from_slice(&outcome.stderr).unwrap();
    assert_eq!(
        (&alert["schema"], &alert["process"]["exitCode"]),
        (&1.into(), &5.into())
    );
    let text = outcome.text();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("alert 1: web"), "{lines:?}");
    assert_eq!(
        lines[1..],
        ["watch: the command for alert 1 ended with code 3"]
    );
    bgp.run(["alerts"]).code(0).stdout(""); // acknowledged whatever its code
}

#[test]
fn its_own_failures_are_told_and_it_goes_on() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    let state = bgp.state().join("processes.json.enc");
    let whole = fs::read(&state).unwrap();
    let all = ["watch", "--interval", "100ms"];
    let watch = Running::begin(&mut bgp.command(all));
    bgp.wait_until("the watch sleeps", || {
        sleeps_on_inotify(watch.pid()).then_some(())
    });
    fs::write(&state, b"garbage").unwrap();
    bgp.wait_until("it says so", || {
        watch.stdout().contains("watch: ").then_some(())
    });
    let looks = || {
        let line = proc::status_line(watch.pid(), "voluntary_ctxt_switches");
        line.and_then(|line| line.parse::<u64>().ok())
    };
    let before = looks().unwrap();
    bgp.wait_until("it has looked again", || {
        looks().filter(|now| *now > before + 3)
    });
    fs::write(&state, whole).unwrap();
    let web = bgp.status("web")["pid"].as_i64().unwrap();
    proc::kill(i32::try_from(web).unwrap(), Signal::SIGKILL);
    bgp.wait_until("it goes on", || {
        watch.stdout().contains("alert 1: web").then_some(())
    });
    assert_eq!(watch.stdout().matches("watch: ").count(), 1, "told once");
    proc::kill(watch.pid(), Signal::SIGTERM);
    watch.finish().code(143);
}

#[test]
fn a_watch_of_quiet_processes_writes_nothing() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    let before = crate::harness::files_below(&bgp.state());
    let state = fs::metadata(bgp.state().join("processes.json.enc"))
        .unwrap()
        .modified()
        .unwrap();
    bgp.run(["watch", "--interval", "100ms", "--timeout", "500ms"])
        .failed(124);
    assert_eq!(crate::harness::files_below(&bgp.state()), before);
    let now = fs::metadata(bgp.state().join("processes.json.enc"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(now, state);
}

#[test]
fn a_look_at_quiet_processes_costs_next_to_nothing() {
    let bgp = Sandbox::new();
    for n in 0..20 {
        bgp.start(&format!("p{n}"), ["sleep", "60"]);
    }
    let watch = Running::begin(&mut bgp.command(["watch", "--interval", "100ms"]));
    let used = || -> Option<(u64, u64)> {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", watch.pid())).ok()?;
        let numbers: Vec<u64> = text
            .split_whitespace()
            .filter_map(|it| it.parse().ok())
            .collect();
        Some((numbers[0], numbers[2])) // ns on a processor, and how often it got one
    };
    bgp.wait_until("it has begun", || {
        used().is_some_and(|(_, times)| times > 5).then_some(())
    });
    let before = used().unwrap();
    let after = bgp.wait_until("it has looked often", || {
        used().filter(|(_, times)| *times >= before.1 + 20)
    });
    // Every 5 s, 0.1 % of a core are 5 ms for a look at 100, so 1 ms for one at 20. A debug build takes
    // longer, and on a loaded machine each look finds cold caches: five times that is still next to nothing.
    let each = Duration::from_nanos((after.0 - before.0) / (after.1 - before.1));
    assert!(each < Duration::from_millis(5), "{each:?} for a look");
    proc::kill(watch.pid(), Signal::SIGTERM);
    watch.finish().code(143);
}

#[test]
fn bad_options_are_refused() {
    let bgp = Sandbox::fresh();
    for args in [
        &["--interval", "0"][..],
        &["--interval", "1ms"],
        &["--interval", "often"],
        &["--timeout", "-1"],
        &["--exec", ""],
        &["--as", ""],
    ] {
        bgp.run([&["watch"], args].concat()).failed(2);
    }
    bgp.run(["watch", "web"]).failed(3);
}

// F13
#[test]
fn of_watches_killed_at_random_times_none_misses_anything() {
    let bgp = Sandbox::new();
    let (mut told, mut killed) = (Vec::new(), 0);
    for round in 0..100 {
        let mut command = bgp.command(["watch", "--json", "--interval", "100ms"]);
        let watch = Running::begin(&mut command);
        bgp.start(&format!("p{round}"), ["sh", "-c", "exit 1"]);
        let nap = Duration::from_micros(fastrand::u64(0..30_000));
        std::thread::sleep(nap); // the moment of the kill; nothing is ordered by it
        proc::kill(watch.pid(), Signal::SIGKILL);
        let outcome = watch.finish();
        killed += usize::from(outcome.status.code().is_none());
        told.extend(seqs(&outcome.text()));
    }
    let all: Vec<u64> = (1..=100).collect();
    bgp.wait_until("all have ended", || {
        let list = bgp.list();
        list.iter()
            .all(|process| process["status"] == "failed")
            .then_some(())
    });
    let before = told.len();
    let rest = bgp.run(["alerts", "--json"]).code(0).json();
    told.extend(
        rest["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|alert| alert["seq"].as_u64().unwrap()),
    );
    told.sort_unstable();
    told.dedup();
    assert_eq!(told, all);
    assert!(
        killed == 100 && before > 20,
        "{killed} killed, {before} told by them"
    );
}

// F13
#[test]
fn a_watch_that_dies_between_telling_and_acknowledging_tells_again() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    bgp.start("web", ["sh", "-c", "exit 1"]);
    bgp.run(["wait", "web"]).code(1);
    for point in ["alerts-numbered", "alerts-told", "replace-synced"] {
        let died = finish(bgp.command(["watch", "--once"]).env("BGP_CRASH_AT", point));
        assert_eq!(died.status.code(), None, "{}", died.describe());
    }
    bgp.run(["watch", "--once"])
        .code(0)
        .stdout_has("alert 1: web");
    bgp.run(["alerts"]).code(0).stdout("");
}

// F2 F13: what could not be told is told the next time
#[test]
fn a_watch_that_cannot_write_ends_with_15_and_acknowledges_nothing() {
    let bgp = Sandbox::new();
    if proc::pass_over(
        !std::path::Path::new("/dev/full").exists(),
        "there is no /dev/full",
    ) {
        return;
    }
    bgp.run(["start", "--name", "web", "sh", "-c", "exit 1"])
        .code(0);
    bgp.run(["wait", "web"]).code(1);
    for options in ["--once", "--once --json", "--timeout 1h"] {
        let line = format!("exec \"$BGP\" watch {options} >/dev/full");
        bgp.sh(&line).code(15).stderr_has("cannot write the output");
    }
    bgp.run(["alerts"]).code(0).stdout_has("web");
}
