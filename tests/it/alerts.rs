//! What a process raises is told to each reader, once, and never lost.
//!
//! | rows | here |
//! |---|---|
//! | A17 A22 E20 E21 | what is an end, and of which kind |
//! | A23 F18 | lost is told too |
//! | O7 | to look is not to consume |
//! | F3 F13 | a reader is killed at any moment and misses nothing |

use std::collections::BTreeMap;
use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::Sandbox;
use crate::invocation::{Running, finish};
use crate::proc;

/// The pending alerts of a reader, left as they are.
#[track_caller]
fn peek(bgp: &Sandbox, reader: &str) -> Vec<Value> {
    listed(
        &bgp.run(["alerts", "--peek", "--json", "--as", reader])
            .code(0)
            .json(),
    )
}

/// The pending alerts of a reader, taken.
#[track_caller]
fn take(bgp: &Sandbox, reader: &str) -> Vec<Value> {
    listed(&bgp.run(["alerts", "--json", "--as", reader]).code(0).json())
}

fn listed(document: &Value) -> Vec<Value> {
    document["alerts"].as_array().expect("a list").clone()
}

fn seqs(alerts: &[Value]) -> Vec<u64> {
    alerts
        .iter()
        .map(|alert| alert["seq"].as_u64().unwrap())
        .collect()
}

fn events(alerts: &[Value]) -> Vec<(&str, &str)> {
    let of = |alert| {
        let alert: &Value = alert;
        (
            alert["process"]["name"].as_str().unwrap(),
            alert["event"].as_str().unwrap(),
        )
    };
    alerts.iter().map(of).collect()
}

/// Waits until so many alerts are pending.
#[track_caller]
fn wait_for(bgp: &Sandbox, count: usize) -> Vec<Value> {
    bgp.wait_until("the alerts are there", || {
        let alerts = peek(bgp, "default");
        (alerts.len() >= count).then_some(alerts)
    })
}

#[track_caller]
fn ended(bgp: &Sandbox, options: &[&str], name: &str, line: &str) {
    let options: Vec<&str> = options.iter().copied().chain(["--name", name]).collect();
    bgp.start_with(&options, ["sh", "-c", line]);
    bgp.run(["wait", name]);
}

// E21
#[test]
fn each_end_is_told_by_the_settings_and_killed_from_outside_is_not_stopped_by_us() {
    let bgp = Sandbox::new();
    ended(&bgp, &[], "good", "exit 0");
    ended(&bgp, &[], "bad", "exit 3");
    ended(&bgp, &[], "segv", "kill -SEGV $$");
    ended(&bgp, &[], "oom", "kill -KILL $$");
    ended(&bgp, &[], "term", "kill -TERM $$");
    ended(&bgp, &["--alert-on-success"], "good-told", "exit 0");
    ended(&bgp, &["--no-alert-on-failure"], "bad-untold", "exit 3");
    ended(&bgp, &["--alert-on-kill"], "term-told", "kill -TERM $$");
    for (name, option) in [
        ("stopped", "--no-alert-on-failure"),
        ("stopped-told", "--alert-on-kill"),
    ] {
        bgp.start_with(&["--name", name, option], ["sleep", "60"]);
        bgp.run(["stop", name]).code(0);
    }
    let mut told = take(&bgp, "default");
    assert_eq!(seqs(&told), [1, 2, 3, 4, 5, 6]);
    told.sort_by_key(|alert| alert["process"]["number"].as_u64());
    assert_eq!(
        events(&told),
        [
            ("bad", "failed"),
            ("segv", "crashed"),
            ("oom", "crashed"),
            ("good-told", "exited"),
            ("term-told", "killed"),
            ("stopped-told", "killed"),
        ]
    );
    for alert in &told {
        assert!(alert["process"]["logBytes"].as_u64() > Some(0), "{alert}");
    }
    assert_eq!(take(&bgp, "default"), [] as [Value; 0]);
}

#[test]
fn a_line_says_what_which_how_how_long_the_last_words_and_what_to_call() {
    let bgp = Sandbox::new();
    ended(
        &bgp,
        &[],
        "web",
        "echo one; printf '\\033[31mcannot \"bind\"\\033[0m\\n\\n' >&2; exit 7",
    );
    let id = bgp.status("web")["id"].as_str().unwrap().to_owned();
    let line = bgp.run(["alerts", "--peek"]).code(0).text();
    assert!(
        line.starts_with(&format!("alert 1: web ({id}) failed with code 7 after ")),
        "{line}"
    );
    assert!(
        line.ends_with(&format!(
            "s; last line: cannot \"bind\"; see: bgp output {id}\n"
        )),
        "{line}"
    );
    bgp.run(["clear"]).code(0);
    let line = bgp.run(["alerts"]).code(0).text();
    assert!(line.ends_with("; it has been cleared\n"), "{line}");
}

#[test]
fn no_line_is_longer_than_500_bytes() {
    let bgp = Sandbox::new();
    let name = "n".repeat(64);
    ended(
        &bgp,
        &["--alert-on-output", "\""],
        &name,
        "head -c 5000 /dev/zero | tr '\\0' '\"'; exit 3",
    );
    let text = bgp.run(["alerts"]).code(0).text();
    assert_eq!(text.lines().count(), 2);
    for line in text.lines() {
        assert!(line.len() < 500, "{} bytes: {line}", line.len());
    }
}

// O7
#[test]
fn to_look_is_not_to_consume_and_readers_do_not_take_from_each_other() {
    let bgp = Sandbox::new();
    ended(&bgp, &[], "one", "exit 1");
    for looks in [
        &["list"][..],
        &["status", "one"],
        &["output", "one"],
        &["alerts", "--peek"],
    ] {
        bgp.run(looks).code(0);
    }
    assert_eq!(seqs(&take(&bgp, "default")), [1]);
    ended(&bgp, &[], "two", "exit 1");
    assert_eq!(seqs(&take(&bgp, "default")), [2]);
    assert_eq!(
        seqs(&take(&bgp, "agent")),
        [1, 2],
        "it begins at the oldest"
    );
    assert_eq!(seqs(&take(&bgp, "agent")), [] as [u64; 0]);
    bgp.run(["alerts", "--exit-code"]).code(0).stdout("");
    bgp.run(["alerts", "--exit-code", "--as", "new"]).code(9);
}

#[test]
fn in_a_fresh_place_there_are_none_and_nothing_is_written() {
    let bgp = Sandbox::fresh();
    bgp.run(["alerts", "--exit-code"])
        .code(0)
        .stdout("")
        .stderr("");
    assert!(!bgp.state().exists());
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    bgp.run(["alerts"]).code(0).stdout("");
    assert!(
        !bgp.state().join("readers").exists(),
        "nothing to take note of"
    );
}

#[test]
fn who_was_away_hears_of_what_is_cleared() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sh", "-c", "echo last words; exit 3"]);
    bgp.wait_for_supervisor_end(&web.id);
    bgp.run(["clear", "web"]).code(0); // nobody has listed it since
    assert_eq!(bgp.list().len(), 0);
    let told = take(&bgp, "default");
    assert_eq!(events(&told), [("web", "failed")]);
    assert_eq!(told[0]["line"], "last words");
    assert_eq!(told[0]["process"]["exitCode"], 3);
    assert!(
        told[0]["process"]["command"]
            .as_str()
            .unwrap()
            .contains("echo last words")
    );
}

// A23 F18
#[test]
fn a_lost_process_is_told_once() {
    let bgp = Sandbox::new();
    for (name, options) in [("web", &[][..]), ("quiet", &["--no-alert-on-failure"][..])] {
        let options: Vec<&str> = options.iter().copied().chain(["--name", name]).collect();
        let process = bgp.start_with(&options, ["sleep", "60"]);
        proc::kill(process.supervisor(), Signal::SIGKILL);
        bgp.wait_for_supervisor_end(&process.id);
    }
    assert_eq!(events(&take(&bgp, "default")), [("web", "lost")]);
    bgp.run(["list"]).code(0);
    assert_eq!(take(&bgp, "default"), [] as [Value; 0]);
    bgp.run(["wait", "web"]).code(1);
}

// A17 E20
#[test]
fn a_grandchild_that_keeps_the_pipe_neither_delays_nor_repeats_an_end() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sh", "-c", "sleep 60 & exit 1"]);
    bgp.start_with(
        &["--name", "fine", "--alert-on-success"],
        ["sh", "-c", "sleep 60 & exit 0"],
    );
    let told = wait_for(&bgp, 2);
    let told: BTreeMap<_, _> = events(&told).into_iter().collect();
    assert_eq!(
        told,
        BTreeMap::from([("web", "failed"), ("fine", "exited")])
    );
    take(&bgp, "default");
    bgp.run(["stop", "web", "fine"]).code(0);
    assert_eq!(take(&bgp, "default"), [] as [Value; 0]);
}

// A22
#[test]
fn a_process_that_stops_itself_is_no_alert() {
    let bgp = Sandbox::new();
    bgp.start_with(
        &["--name", "web", "--alert-on-kill"],
        ["sh", "-c", "kill -STOP $$; exit 1"],
    );
    bgp.wait_until("it is paused", || {
        (bgp.status("web")["paused"] == true).then_some(())
    });
    assert_eq!(take(&bgp, "default"), [] as [Value; 0]);
    bgp.run(["signal", "web", "CONT"]).code(0);
    assert_eq!(events(&wait_for(&bgp, 1)), [("web", "failed")]);
}

#[test]
fn lines_that_match_are_told_wherever_they_are_cut_and_without_a_newline() {
    let bgp = Sandbox::new();
    let line = "printf 'lis'; printf 'tening on 80\\nnoise\\n'; read x; printf 'Continue? [y/N] ' >&2; read x";
    bgp.start_with(
        &[
            "--name",
            "web",
            "--alert-on-output",
            "^listening on \\d+$",
            "--alert-on-output",
            "\\?",
        ],
        ["sh", "-c", line],
    );
    let told = wait_for(&bgp, 1);
    assert_eq!(
        (events(&told), &told[0]["line"]),
        (vec![("web", "output")], &"listening on 80".into())
    );
    bgp.run(["send", "web", ""]).code(0);
    let told = wait_for(&bgp, 2);
    assert_eq!(told[1]["line"], "Continue? [y/N] ");
}

#[test]
fn a_chatty_match_is_no_flood_and_all_are_counted() {
    let bgp = Sandbox::new();
    let line = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo error $i; done; read x; exit 3";
    let begun = Instant::now();
    bgp.start_with(
        &["--name", "web", "--alert-on-output", "error"],
        ["sh", "-c", line],
    );
    bgp.wait_until("all is written", || {
        bgp.output("web").contains("error 20000").then_some(())
    });
    bgp.run(["send", "web", ""]).code(0);
    bgp.run(["wait", "web"]).code(3);
    let told = take(&bgp, "default");
    let (end, outputs) = told.split_last().unwrap();
    assert_eq!(end["event"], "failed");
    let count: u64 = outputs
        .iter()
        .map(|alert| alert["count"].as_u64().unwrap())
        .sum();
    assert_eq!(count, 20_000);
    // One in two seconds at most, however long it has taken here.
    let most = 6 + usize::try_from(begun.elapsed().as_secs() / 2).unwrap();
    assert!(outputs.len() <= most, "{} alerts", outputs.len());
    assert_eq!(outputs.last().unwrap()["line"], "error 20000");
}

#[test]
fn what_was_held_back_is_told_when_the_expressions_change() {
    let bgp = Sandbox::new();
    let line = "for n in 1 2 3 4 5 6 7; do echo error $n; sleep 0.02; done; read x; read y";
    bgp.start_with(
        &["--name", "web", "--alert-on-output", "error"],
        ["sh", "-c", line],
    );
    bgp.run(["wait", "web", "--output", "error 7"]).code(0);
    let both = ["--alert-on-output", "error", "--alert-on-output", "panic"];
    bgp.run(["alert", "web"].into_iter().chain(both)).code(0);
    let told = take(&bgp, "default");
    let counts = told.iter().map(|alert| alert["count"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), 7, "{told:?}");
    assert_eq!(told.last().unwrap()["line"], "error 7");
    bgp.run(["stop", "web"]).code(0);
}

#[test]
fn silence_is_told_once_until_something_is_written() {
    let bgp = Sandbox::new();
    let line = "echo hello; read x; echo again; sleep 60";
    bgp.start("web", ["sh", "-c", line]);
    // Silence counts from when it is asked for: a slow start is none of it.
    bgp.wait_until("it has said hello", || {
        (bgp.output("web") == "hello\n").then_some(())
    });
    bgp.run(["alert", "web", "--alert-on-idle", "200ms"])
        .code(0);
    let told = wait_for(&bgp, 1);
    assert_eq!(
        (events(&told), &told[0]["line"]),
        (vec![("web", "idle")], &"hello".into())
    );
    assert!(
        told[0]["message"]
            .as_str()
            .unwrap()
            .contains("has written nothing for 200ms")
    );
    bgp.run(["send", "web", ""]).code(0);
    assert_eq!(wait_for(&bgp, 2)[1]["line"], "again");
}

#[test]
fn the_settings_of_a_live_process_change_and_are_remembered() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sh", "-c", "read x; echo ready; read x; exit 0"]);
    bgp.run([
        "alert",
        "web",
        "--alert-on-success",
        "--alert-on-output",
        "ready",
        "--alert-on-idle",
        "1h",
    ])
    .code(0)
    .stdout(&format!(
        "web ({}) raises alerts: on success, failure, output of 'ready', silence of 1h\n",
        web.id
    ));
    bgp.run([
        "alert",
        "web",
        "--no-alert-on-failure",
        "--no-alert-on-idle",
    ])
    .code(0)
    .stdout_has("on success, output of 'ready'\n");
    assert_eq!(bgp.status("web")["alertOnSuccess"], true);
    bgp.run(["send", "web", ""]).code(0);
    wait_for(&bgp, 1);
    bgp.run(["send", "web", ""]).code(0);
    bgp.run(["wait", "web"]).code(0);
    assert_eq!(
        events(&take(&bgp, "default")),
        [("web", "output"), ("web", "exited")]
    );
    bgp.run(["alert", "web", "--alert-on-kill"]).failed(5);
    assert_eq!(bgp.status("web")["alertOnFailure"], false);
}

#[test]
fn changed_settings_outlive_a_restart() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    bgp.run(["alert", "web", "--alert-on-kill", "--alert-on-idle", "1h"])
        .code(0);
    bgp.run(["restart", "web"]).code(0);
    let told = take(&bgp, "default");
    assert_eq!(events(&told), [("web", "killed")]);
    bgp.run(["alert", "web"])
        .code(0)
        .stdout_has("on failure, kill, silence of 1h\n");
}

#[test]
fn a_crash_loop_is_told_once_and_once_when_it_is_over() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    let mut start = bgp.command(["start", "--name", "web", "--restart", "on-failure:5"]);
    start.env("BGP_TEST_BACKOFF_MS", "1");
    finish(start.args(["sh", "-c", "echo boom; exit 1"])).code(0);
    bgp.run(["wait", "web"]).code(1);
    let told = take(&bgp, "default");
    assert_eq!(events(&told), [("web", "failed"), ("web", "failed")]);
    let counts: Vec<u64> = told
        .iter()
        .map(|it| it["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [1, 5]);
    let said = |index: usize| told[index]["message"].as_str().unwrap();
    assert!(
        said(0).contains(", and is run again; last line: boom;"),
        "{}",
        said(0)
    );
    assert!(
        said(1).contains(", 5 times since it was last told; last"),
        "{}",
        said(1)
    );
}

#[test]
fn a_time_that_is_over_is_a_failure_and_a_stop_is_not() {
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "web", "--timeout", "50ms"], ["sleep", "60"]);
    bgp.run(["wait", "web"]);
    assert_eq!(events(&take(&bgp, "default")), [("web", "timeout")]);
}

#[test]
fn bad_settings_are_refused_before_anything_starts() {
    let bgp = Sandbox::new();
    let long = "x".repeat(1025);
    for options in [
        &["--alert-on-output", "("][..],
        &["--alert-on-output", &long],
        &["--alert-on-idle", "0"],
        &["--alert-on-idle", "soon"],
        &["--alert-on-idle", "-1s"],
    ] {
        let all = [&["start"], options, &["sleep", "60"]].concat();
        bgp.run(all).failed(2);
    }
    let many = [
        &["start"][..],
        &["--alert-on-output", "x"].repeat(17),
        &["sleep", "60"],
    ]
    .concat();
    bgp.run(many).failed(2);
    assert_eq!(bgp.list().len(), 0);
    bgp.run(["alert", "web", "--alert-on-kill", "--no-alert-on-kill"])
        .failed(2);
    bgp.run(["alert", "web"]).failed(3);
}

// F3 F13
#[test]
fn a_reader_that_dies_between_telling_and_taking_note_is_told_again() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    ended(&bgp, &[], "web", "exit 1");
    for point in [
        "alerts-numbered",
        "alerts-told",
        "replace-written",
        "replace-renamed",
    ] {
        let died = finish(bgp.command(["alerts"]).env("BGP_CRASH_AT", point));
        assert_eq!(died.status.code(), None, "{}", died.describe());
        if point != "replace-renamed" {
            assert_eq!(seqs(&peek(&bgp, "default")), [1], "{point}");
        }
    }
}

// F3 F13
#[test]
fn of_readers_killed_at_random_times_none_misses_anything() {
    let bgp = Sandbox::new();
    // How long one takes here, as the naps are to end before and after that.
    let undisturbed = (0..3).map(|_| {
        let begun = Instant::now();
        assert_eq!(take(&bgp, "default"), Vec::<Value>::new());
        begun.elapsed()
    });
    let longest = u64::try_from(2 * undisturbed.min().unwrap().as_micros()).unwrap();
    let (mut told, mut killed) = (Vec::new(), 0);
    for round in 0..100 {
        bgp.start(&format!("p{round}"), ["sh", "-c", "exit 1"]);
        let reading = Running::begin(&mut bgp.command(["alerts", "--json"]));
        let nap = std::time::Duration::from_micros(fastrand::u64(0..=longest));
        std::thread::sleep(nap); // the moment of the kill; nothing is ordered by it
        proc::kill(reading.pid(), Signal::SIGKILL);
        let outcome = reading.finish();
        killed += usize::from(outcome.status.code().is_none());
        // What was not written whole was not told.
        if let Ok(document) = serde_json::from_slice(&outcome.stdout) {
            told.extend(seqs(&listed(&document)));
        }
    }
    let all = bgp.wait_until("all have ended", || {
        let all = take(&bgp, "check");
        told.extend(seqs(&take(&bgp, "default")));
        let list = bgp.list();
        list.iter()
            .all(|process| process["status"] == "failed")
            .then_some(all)
    });
    assert!(!all.is_empty());
    told.extend(seqs(&take(&bgp, "default")));
    told.sort_unstable();
    told.dedup();
    assert_eq!(
        told,
        (1..=100).collect::<Vec<u64>>(),
        "{killed} were killed"
    );
    assert!(killed > 10, "only {killed} were killed");
}
