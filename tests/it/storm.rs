//! `kill -9` at random times, under load.
//!
//! | rows | here |
//! |---|---|
//! | B12 C1 D1 F4 | supervisors, leaders and commands are killed while all of them are busy |
//!
//! Processes write numbered lines on both streams. Afterwards each log is a prefix of what was written, the
//! state can be read, nothing runs that is not listed, and `stop` ends what was left. `BGP_STORM_SECONDS` (3) says
//! for how long; the seed is told when it fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{DEADLINE, Sandbox};
use crate::invocation::Running;
use crate::proc;

/// The most processes of one storm: a machine has other things to do.
const PROCESSES_MAX: usize = 40;

fn seconds() -> u64 {
    std::env::var("BGP_STORM_SECONDS").map_or(3, |text| text.parse().unwrap())
}

/// Writes so many numbered lines on both streams, then waits or ends; some leave a child in another session.
fn writer(random: &mut fastrand::Rng) -> String {
    let lines = random.u32(1..3000);
    let child = if random.bool() {
        "setsid sleep 600 & "
    } else {
        ""
    };
    let end = ["exec sleep 600", "exit 0", "exit 3"][random.usize(0..3)];
    format!(
        "{child}i=0; while [ $i -lt {lines} ]; do i=$((i+1)); echo \"o $i\"; echo \"e $i\" >&2; done; {end}"
    )
}

/// Whether `bytes` is the beginning of the lines `PREFIX 1`, `PREFIX 2` …
fn is_prefix(prefix: &str, bytes: &[u8]) -> bool {
    let mut expected = String::new();
    let mut number = 0;
    while expected.len() < bytes.len() {
        number += 1;
        writeln!(expected, "{prefix} {number}").unwrap();
    }
    expected.as_bytes().starts_with(bytes)
}

/// The ids in the environments of what lives of the sandbox.
fn running_ids(bgp: &Sandbox) -> BTreeSet<String> {
    let variable = |pid: &i32| {
        let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
        let mut all = environ.split(|byte| *byte == 0);
        let id = all.find_map(|entry| entry.strip_prefix(b"BGP_ID="))?;
        Some(String::from_utf8_lossy(id).into_owned())
    };
    bgp.living().iter().filter_map(variable).collect()
}

/// A command that is killed some time after it was begun.
fn victim(bgp: &Sandbox, random: &mut fastrand::Rng, line: &str) -> Command {
    let choices: [&[&str]; 7] = [
        &["list", "--json"],
        &["alerts"],
        &["verify"],
        &["stop", "--all"],
        &["output", "--new", "p0"],
        &["start", "sleep", "600"],
        &["start", "sh", "-c", line],
    ];
    // A stop of all would leave nothing to kill.
    let choice = match random.usize(0..20) {
        0 => 3,
        other => [0, 1, 2, 4, 5, 6][other % 6],
    };
    bgp.command(choices[choice])
}

fn pid_of(process: &Value) -> Option<i32> {
    i32::try_from(process["pid"].as_i64()?).ok()
}

// B12 C1 D1 F4
#[test]
fn what_is_killed_at_any_time_under_load_leaves_prefixes_and_nothing_unlisted() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let bgp = Sandbox::new();
    let begun = Instant::now();
    let mut acknowledged = BTreeMap::new();
    let (mut killed, mut started) = (0, 0);
    let mut victims: Vec<Running> = Vec::new();
    let enough = Duration::from_secs(seconds());
    while begun.elapsed() < enough || (killed <= 3 && begun.elapsed() < enough + DEADLINE) {
        if started < PROCESSES_MAX {
            let name = format!("p{started}");
            let process = bgp.start(&name, ["sh", "-c", &writer(&mut random)]);
            acknowledged.insert(process.id.clone(), process);
            started += 1;
        }
        let line = writer(&mut random);
        if started < PROCESSES_MAX {
            started += 1;
            victims.push(Running::begin(&mut victim(&bgp, &mut random, &line)));
        }
        // The moment of the kill; nothing is ordered by it.
        std::thread::sleep(Duration::from_micros(random.u64(0..15_000)));
        for victim in victims.drain(..) {
            proc::kill(victim.pid(), Signal::SIGKILL);
            killed += usize::from(victim.finish().status.code().is_none());
        }
        let list = bgp.list();
        let process = &list[random.usize(0..list.len())];
        let Some(leader) = pid_of(process).filter(|_| process["status"] == "running") else {
            continue;
        };
        let supervisor = proc::stat(leader).map_or(0, |stat| stat.parent);
        match random.u32(0..4) {
            0 => proc::kill(leader, Signal::SIGKILL),
            1 | 2 if supervisor > 1 && supervisor != std::process::id().cast_signed() => {
                proc::kill(supervisor, Signal::SIGKILL);
            }
            _ => continue,
        }
        killed += 1;
    }
    assert!(killed > 3, "only {killed} were killed");

    let ids: BTreeSet<String> = bgp
        .list()
        .iter()
        .map(|process| process["id"].as_str().unwrap().to_owned())
        .collect();
    for (id, process) in &acknowledged {
        assert!(ids.contains(id), "{} is not listed any more", process.name);
    }
    bgp.wait_until("nothing runs that is not listed", || {
        let held: BTreeSet<String> = bgp.held_leases().into_iter().collect();
        let running = running_ids(&bgp);
        (held.is_subset(&ids) && running.is_subset(&ids)).then_some(())
    });
    bgp.run(["verify"]).code(0);
    bgp.run(["stop", "--all", "--force"]).code_in(&[0, 5]);
    for process in bgp.list() {
        let id = process["id"].as_str().unwrap();
        if process["status"] == "lost" {
            bgp.run(["stop", id]).code_in(&[0, 5]);
        }
        let ended = ["exited", "failed", "killed", "crashed", "lost"];
        let status = process["status"].as_str().unwrap();
        assert!(ended.contains(&status), "{process}");
        let made_up = status == "failed" && process["exitCode"] != 3;
        assert!(!made_up, "{process}");
        for (stream, prefix) in [("--stdout", "o"), ("--stderr", "e")] {
            let read = bgp.run(["output", "-n", "0", "--raw", stream, id]).code(0);
            assert!(is_prefix(prefix, &read.stdout), "{}", read.describe());
        }
    }
    bgp.wait_until("nothing lives", || bgp.living().is_empty().then_some(()));
    bgp.run(["verify"]).code(0);
    bgp.wait_until("all is cleared", || {
        bgp.run(["clear"]).code(0);
        bgp.list().is_empty().then_some(())
    });
}
