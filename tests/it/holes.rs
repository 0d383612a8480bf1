//! What is missing in a log: no line is made across it, none comes twice because of it, and what is left is read.
//!
//! | rows | here |
//! |---|---|
//! | F13 F14 | a place that rotation has removed; who follows lets go of what it removes |
//! | D8 | an older part of a log in place of its newest |
//! | D8 H5 | a log whose status block is destroyed |

use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Proc, Sandbox, file_names, numbered};
use crate::invocation::Running;
use crate::proc;
use crate::raw::{self, BLOCK_BYTES};
use crate::rotation::{MIB, dropped_total};

/// Writes the numbers from the first to the last of each line that it reads.
const COUNTER: &str = "while read from to; do seq $from $to; done";

fn count(bgp: &Sandbox, name: &str, from: u32, to: u32) {
    bgp.run(["send", name, &format!("{from} {to}")]).code(0);
    bgp.wait_until("all is written", || {
        let last = bgp.run(["output", name, "-n", "1", "--stdout"]).text();
        (last == format!("{to}\n")).then_some(())
    });
}

/// Each line of these documents is whole, or says what it lacks. Numbers have six digits here.
#[track_caller]
fn only_true_lines(documents: &str) -> Vec<u32> {
    let mut whole = Vec::new();
    for document in documents.lines() {
        let document: Value = serde_json::from_str(document).unwrap();
        for line in document["lines"].as_array().unwrap() {
            let text = line["text"].as_str().unwrap();
            let lacks = line["continued"] == true || line["partial"] == true;
            if lacks {
                assert!(text.len() <= 6, "{line}");
            } else {
                assert_eq!(text.len(), 6, "{line}");
                whole.push(text.parse().unwrap());
            }
        }
    }
    assert!(whole.is_sorted_by(|one, next| one < next), "a line twice");
    whole
}

fn all_lines(bgp: &Sandbox, name: &str, code: i32) -> Vec<u32> {
    let told = bgp.run(["output", name, "-n", "0", "--json"]).code(code);
    only_true_lines(&told.text())
}

// F14
#[test]
fn who_follows_lets_go_of_what_rotation_removes() {
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "work", MIB], ["sh", "-c", COUNTER]);
    // With descriptors for the segments that there are, and no more.
    let line = "ulimit -n 24; exec \"$BGP\" output work -f";
    let mut follower = Running::begin(bgp.foreign("sh").args(["-c", line]));
    for round in 1..=10_u32 {
        let last = 100_000 + round * 60_000;
        count(&bgp, "work", last - 59_999, last);
        bgp.wait_until("the follower has it", || {
            let has = follower.stdout().ends_with(&format!("{last}\n"));
            (has || follower.has_ended()).then_some(())
        });
        assert!(!follower.has_ended(), "round {round}");
    }
    let newest = file_names(&bgp.state().join("logs"))
        .iter()
        .filter_map(|name| name.split('.').nth(1)?.parse::<u64>().ok())
        .max();
    assert!(newest > Some(24), "{newest:?}");
    bgp.run(["send", "work", "--eof"]).code(0);
    follower.finish().code(0);
}

// F13 F14
#[test]
fn a_place_that_rotation_removed_gives_no_line_twice_and_leaves_none_out() {
    let bgp = Sandbox::new();
    let line = format!("printf 'progress 10%%' >&2; {COUNTER}");
    let process = bgp.start_with(&["--name", "work", MIB], ["sh", "-c", &line]);
    let new = ["output", "work", "--new", "--grep", "^[0-9]{6}$"];
    let (mut last, mut dropped) = (100_000, 0);
    // The unfinished line keeps the place at the very beginning.
    for _ in 0..30 {
        count(&bgp, "work", last + 1, last + 10_000);
        let told = bgp.run(new).code(0);
        dropped += dropped_total(&told.errors());
        told.stdout(&numbered("", last + 1..=last + 10_000));
        last += 10_000;
    }
    assert!(!bgp.log(&process.id).exists(), "the first segment is gone");
    assert_eq!(dropped, "progress 10%".len() as u64, "which was not shown");
    // Now more is removed than was read.
    count(&bgp, "work", last + 1, last + 300_000);
    let told = bgp.run(new).code(0);
    let first: u32 = told.text().lines().next().unwrap().parse().unwrap();
    assert!(first > last + 1);
    let missing = u64::from(first - last - 1) * "123456\n".len() as u64;
    // Of the line before the first there may be an end.
    let dropped = dropped_total(&told.errors());
    assert!(
        (missing - 7..=missing).contains(&dropped),
        "{dropped} of {missing}"
    );
    told.stdout(&numbered("", first..=last + 300_000));
}

// F14
#[test]
fn the_first_line_of_a_rotated_log_says_that_it_lacks_its_beginning() {
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "work", MIB], ["sh", "-c", COUNTER]);
    let mut lacking = [false; 2];
    let mut last = 100_000;
    for _ in 0..8 {
        count(&bgp, "work", last + 1, last + 70_001);
        last += 70_001;
        let whole = all_lines(&bgp, "work", 0);
        assert_eq!(whole.last(), Some(&last));
        let told = bgp.run(["output", "work", "-n", "0", "--json"]).json();
        let first = &told["lines"][0];
        lacking[usize::from(first["continued"] == true)] = true;
        // The same in the last lines, when these are all that there are.
        let told = bgp
            .run(["output", "work", "-n", "1000000", "--json"])
            .json();
        assert_eq!(&told["lines"][0], first);
        // What has never been written to begins with its first byte.
        assert!(
            told["lines"]
                .as_array()
                .unwrap()
                .iter()
                .all(|line| line["stream"] == "stdout")
        );
    }
    assert!(lacking[1], "a batch never ended within a line");
}

// F14
#[test]
fn who_was_overtaken_is_given_no_line_that_nobody_wrote() {
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "work", MIB], ["sh", "-c", COUNTER]);
    count(&bgp, "work", 100_000, 110_000);
    let follower = Running::begin(&mut bgp.command(["output", "work", "-f", "-n", "0", "--json"]));
    bgp.wait_until("the follower has read it", || {
        follower.stdout().contains("\"110000\"").then_some(())
    });
    proc::kill(follower.pid(), Signal::SIGSTOP);
    count(&bgp, "work", 110_001, 499_999);
    proc::kill(follower.pid(), Signal::SIGCONT);
    bgp.run(["send", "work", "--eof"]).code(0);
    let outcome = follower.finish().code(0);
    assert!(outcome.errors().contains("dropped by rotation"));
    let whole = only_true_lines(&outcome.text());
    assert_eq!((whole[0], whole.last()), (100_000, Some(&499_999)));
}

// D8
#[test]
fn no_line_is_made_across_damage() {
    let bgp = Sandbox::new();
    let process = bgp.start("work", ["seq", "100000", "199999"]);
    bgp.run(["wait", "work"]).code(0);
    bgp.wait_for_supervisor_end(&process.id);
    let path = bgp.log(&process.id);
    let whole = fs::read(&path).unwrap();
    for part in [3, 5, 8] {
        let mut altered = whole.clone();
        altered[raw::within_a_record(&whole, whole.len() * part / 10)] ^= 1;
        fs::write(&path, &altered).unwrap();
        let lines = all_lines(&bgp, "work", 13);
        assert!(
            lines.len() > 80_000 && lines.len() < 100_000,
            "{}",
            lines.len()
        );
        // The last lines, searched from the end, are the same ones.
        let last = bgp.run(["output", "work", "-n", "90000", "--json"]);
        let last = only_true_lines(&last.text());
        assert!(lines.ends_with(&last), "{} {}", lines.len(), last.len());
    }
}

// D8
#[test]
fn an_older_block_in_place_of_the_newest_is_damage_to_who_reads_the_last_lines() {
    let bgp = Sandbox::new();
    let process = bgp.start("work", ["sh", "-c", "seq 100000 199999; exec sleep 600"]);
    bgp.run(["wait", "work", "--output", "199999"]).code(0);
    let path = bgp.log(&process.id);
    let whole = fs::read(&path).unwrap();
    let newest = whole.len() / BLOCK_BYTES * BLOCK_BYTES;
    let mut altered = whole[..newest].to_vec();
    altered.extend_from_within(3 * BLOCK_BYTES..4 * BLOCK_BYTES);
    fs::write(&path, &altered).unwrap();
    bgp.run(["output", "work", "-n", "3"])
        .code(13)
        .stderr_has("records were removed, repeated or moved");
    fs::write(&path, &whole).unwrap();
    bgp.run(["output", "work", "-n", "1"])
        .code(0)
        .stdout("199999\n");
}

/// Damages a file's bytes.
type Harm = fn(&mut Vec<u8>);

// H5
#[test]
fn a_rotated_log_is_read_without_its_status_block() {
    let harms: [(&str, &str, Harm); 2] = [
        ("each slot has another bit", "damaged", |block| {
            // Early in each: a slot is a page, of which the end is not used.
            for at in [200, block.len() / 2 + 200] {
                block[at] ^= 1;
            }
        }),
        ("it is empty", "supervisor-killed", Vec::clear),
    ];
    for (harm, reason, harmed) in harms {
        let bgp = Sandbox::new();
        let process: Proc = bgp.start_with(&["--name", "work", MIB], ["sh", "-c", COUNTER]);
        count(&bgp, "work", 100_000, 300_000);
        let there = all_lines(&bgp, "work", 0);
        proc::kill(process.supervisor(), Signal::SIGKILL);
        bgp.wait_for_supervisor_end(&process.id);
        bgp.run(["stop", "work"]).code_in(&[0, 5]);
        let lease = bgp
            .state()
            .join("run")
            .join(format!("{}.lease", process.id));
        let mut block = fs::read(&lease).unwrap();
        harmed(&mut block);
        fs::write(&lease, block).unwrap();
        let told = bgp.run(["output", "work", "-n", "0", "--json"]);
        assert_eq!(only_true_lines(&told.text()), there, "{harm}");
        assert_eq!(bgp.status("work")["reason"], reason, "{harm}");
        let paths = bgp.run(["logs", "work", "--path", "--json"]).code(0).json();
        assert!(
            paths["files"].as_array().unwrap().len() > 3,
            "{harm}: {paths}"
        );
    }
}
