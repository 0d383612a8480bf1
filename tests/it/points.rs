//! Every named point of the program, as the last that it comes to.
//!
//! | rows | here |
//! |---|---|
//! | D1 F4 | commands: start, clear, passwd, repair, readers |
//! | B12 C1 C4 C11 | supervisors: their start, each record, each status block, rotation, the end |
//!
//! What must hold after each: the state can be read, the log is a prefix without damage, nothing runs that is
//! not listed, and whoever comes next can do his work and leaves no file behind. Points of more than one
//! process, or with more to look at, are also in the files of their subjects.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::crash::{assert_no_files_are_left, assert_sound};
use crate::faults::run_asked;
use crate::harness::{PASSWORD, Sandbox, files_below, numbered, tree};
use crate::invocation::finish;

/// What is done when it crashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    /// A command is started, where nothing has been yet.
    Start,
    /// A process lives its life.
    Life,
    /// A process writes more than its log may hold.
    Rotation,
    Clear,
    Passwd,
    Repair,
    /// Alerts are told to a reader.
    Alerts,
    Verify,
}

/// Each point, a scene that comes to it, and how often it is tried there.
const POINTS: [(&str, Scene, u32); 40] = [
    ("key-made", Scene::Start, 1),
    ("replace-created", Scene::Start, 3),
    ("replace-written", Scene::Start, 3),
    ("replace-synced", Scene::Start, 3),
    ("replace-renamed", Scene::Start, 3),
    ("start-leased", Scene::Start, 1),
    ("start-claimed", Scene::Start, 1),
    ("start-handed-over", Scene::Start, 1),
    ("start-prepared", Scene::Start, 1),
    ("start-launched", Scene::Start, 1),
    ("start-recording", Scene::Start, 1),
    ("start-recorded", Scene::Start, 1),
    ("supervisor-ready", Scene::Start, 1),
    ("supervisor-executed", Scene::Start, 1),
    ("supervisor-published", Scene::Start, 1),
    ("supervisor-told", Scene::Start, 1),
    ("log-written", Scene::Life, 9),
    ("block-written", Scene::Life, 3),
    ("exit-appended", Scene::Life, 1),
    ("exit-published", Scene::Life, 1),
    ("end-begun", Scene::Life, 1),
    ("end-appended", Scene::Life, 1),
    ("end-published", Scene::Life, 1),
    ("rotate-created", Scene::Rotation, 1),
    ("rotate-written", Scene::Rotation, 1),
    ("rotate-published", Scene::Rotation, 1),
    ("rotate-removed", Scene::Rotation, 1),
    ("clear-saved", Scene::Clear, 1),
    ("replace-created", Scene::Passwd, 1),
    ("replace-written", Scene::Passwd, 1),
    ("replace-synced", Scene::Passwd, 1),
    ("replace-renamed", Scene::Passwd, 1),
    ("passwd-saved", Scene::Passwd, 1),
    ("repair-prepared", Scene::Repair, 1),
    ("repair-aside", Scene::Repair, 1),
    ("replace-renamed", Scene::Repair, 1),
    ("alerts-numbered", Scene::Alerts, 1),
    ("alerts-told", Scene::Alerts, 1),
    ("replace-renamed", Scene::Alerts, 2),
    ("log-open", Scene::Verify, 1),
];

const NEW: &str = "battery staple";

/// A command with keys that cost nothing.
fn command(bgp: &Sandbox, args: &[&str]) -> Command {
    let mut command = bgp.command(args);
    command.env("BGP_TEST_ITERATIONS", "1000");
    command
}

/// Does what is to be done before the crash, and gives the command that crashes.
fn prepare(bgp: &Sandbox, scene: Scene) -> Command {
    let started = |args: &[&str]| finish(&mut command(bgp, args)).code(0);
    if !matches!(scene, Scene::Start | Scene::Life | Scene::Rotation) {
        started(&["start", "--name", "web", "sh", "-c", "echo one; exit 1"]);
        bgp.run(["wait", "web"]).code(1);
        let id = bgp.status("web")["id"].as_str().unwrap().to_owned();
        bgp.wait_for_supervisor_end(&id);
    }
    match scene {
        Scene::Start => command(bgp, &["start", "--name", "web", "sleep", "60"]),
        Scene::Life => {
            let line = "echo one; sleep 0.05; echo two; sleep 0.1 & exit 3";
            command(bgp, &["start", "--name", "web", "sh", "-c", line])
        }
        Scene::Rotation => {
            let rest = ["--max-log=1MiB", "seq", "100000", "299999"];
            command(bgp, &[&["start", "--name", "web"][..], &rest].concat())
        }
        Scene::Clear => command(bgp, &["clear", "web"]),
        Scene::Passwd => {
            let mut passwd = command(bgp, &["passwd"]);
            passwd.env("BG_NEW_PASSWORD", NEW);
            passwd
        }
        Scene::Repair => {
            fs::write(bgp.state().join("processes.json.enc"), b"damaged").unwrap();
            command(bgp, &["repair"])
        }
        Scene::Alerts => command(bgp, &["alerts"]),
        Scene::Verify => command(bgp, &["verify"]),
    }
}

/// Puts right what the scene itself made wrong.
fn mend(bgp: &Sandbox, scene: Scene, what: &str) {
    let lists = |password: &str| {
        let mut list = bgp.command(["list"]);
        finish(list.env("BG_PASSWORD", password)).status.code()
    };
    match scene {
        Scene::Passwd => {
            let codes = (lists(PASSWORD), lists(NEW));
            let one = [(Some(0), Some(12)), (Some(12), Some(0))].contains(&codes);
            assert!(one, "{what}: {codes:?}");
            let passwd = |from: &str, to: &str| {
                let mut passwd = command(bgp, &["passwd"]);
                passwd.env("BG_PASSWORD", from).env("BG_NEW_PASSWORD", to);
                finish(&mut passwd).code(0);
            };
            if codes.0 == Some(0) {
                passwd(PASSWORD, NEW); // what was left half-way is in nobody's way
            }
            passwd(NEW, PASSWORD);
        }
        Scene::Repair => {
            bgp.run(["repair"]).code(0);
            let kept = bgp.state().join("processes.json.enc.damaged-1");
            assert_eq!(fs::read(&kept).unwrap(), b"damaged", "{what}");
            fs::remove_file(kept).unwrap();
        }
        _ => (),
    }
}

/// What is told of the process fits what it did, and nothing is made up.
fn assert_told_right(bgp: &Sandbox, scene: Scene, web: &Value, what: &str) {
    let (status, code) = (web["status"].as_str().unwrap(), &web["exitCode"]);
    let fits = match status {
        "exited" => scene == Scene::Rotation && *code == 0,
        "failed" => *code == if scene == Scene::Life { 3 } else { 1 },
        "running" | "stopping" | "lost" | "killed" => code.is_null(),
        _ => false,
    };
    assert!(fits, "{what}: {web}");
    let output = bgp
        .run(["output", "-n", "0", "--raw", "web"])
        .code(0)
        .text();
    let fits = match scene {
        Scene::Rotation => numbered("", 100_000..=299_999).contains(&output),
        _ => "one\ntwo\n".starts_with(&output),
    };
    assert!(fits, "{what}: it was never written: {output:?}");
}

/// Crashes at every point of these scenes, at all `hits`, with `more` asked for.
#[track_caller]
fn crash_in(scenes: &[Scene]) {
    if crate::harness::pass_over_a_release() {
        return;
    }
    for (point, scene, hits) in POINTS {
        if !scenes.contains(&scene) {
            continue;
        }
        for hit in 1..=hits {
            let asked = format!("{point}:{hit}");
            let reached = crash_once(scene, &[("BGP_CRASH_AT", &asked)]);
            assert!(reached || hit > 1, "{scene:?} lacks {asked}");
            if !reached {
                break;
            }
        }
    }
}

/// Crashes once, looks that all that must hold does, and tells whether it came to it.
#[track_caller]
fn crash_once(scene: Scene, asked: &[(&str, &str)]) -> bool {
    let what = format!("{scene:?} {asked:?}");
    let bgp = Sandbox::fresh();
    let mut command_that_crashes = prepare(&bgp, scene);
    let (_, mut reached) = run_asked(&bgp, &mut command_that_crashes, asked);
    if matches!(scene, Scene::Life | Scene::Rotation) {
        bgp.wait_until("its supervisor is gone", || {
            bgp.held_leases().is_empty().then_some(())
        });
        reached = bgp.dir().join("told").exists();
    }
    mend(&bgp, scene, &what);
    let list = bgp.list();
    assert_sound(&bgp);
    for web in list.iter().filter(|process| process["name"] == "web") {
        assert_told_right(&bgp, scene, web, &what);
    }
    finish(&mut command(
        &bgp,
        &["start", "--name", "next", "sleep", "60"],
    ))
    .code(0);
    let verified = bgp.run(["verify"]);
    let fine = verified.status.success();
    assert!(fine, "{what}\n{}", verified.describe());
    assert_no_files_are_left(&bgp);
    reached
}

// D1 F4 B12
#[test]
fn a_start_can_crash_at_every_point() {
    crash_in(&[Scene::Start]);
}

// B12 C1
#[test]
fn a_supervisor_can_crash_at_every_point() {
    crash_in(&[Scene::Life]);
}

// C11
#[test]
fn a_rotation_can_crash_at_every_point() {
    crash_in(&[Scene::Rotation]);
}

// D1 E7
#[test]
fn what_changes_the_state_or_the_key_can_crash_at_every_point() {
    crash_in(&[Scene::Clear, Scene::Passwd, Scene::Repair]);
}

// D1 F13
#[test]
fn a_reader_can_crash_at_every_point() {
    crash_in(&[Scene::Alerts, Scene::Verify]);
}

// C1 C4 D1: in the middle of a write, of which half is in the file
#[test]
fn whatever_is_half_written_is_no_damage() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let mut reached = 0;
    for number in 1..=14 {
        let short = format!("short:{number}");
        let crash = ("BGP_CRASH_AT", "write-cut");
        reached += u32::from(crash_once(
            Scene::Life,
            &[("BGP_FAIL_SUPERVISOR_AT", &short), crash],
        ));
        if number <= 3 {
            for scene in [Scene::Start, Scene::Clear, Scene::Passwd, Scene::Repair] {
                reached += u32::from(crash_once(scene, &[("BGP_FAIL_AT", &short), crash]));
            }
        }
    }
    assert!(reached > 15, "only {reached} writes were cut");
}

// D1
#[test]
fn no_named_point_is_left_without_a_case() {
    let name = regex::Regex::new(r#"crash_point!\("([^"]+)"\)"#).unwrap();
    let mut named = BTreeSet::from(["write-cut".to_owned()]);
    named.extend(POINTS.map(|(point, ..)| point.to_owned()));
    let mut there = BTreeSet::new();
    for path in files_below(&tree().join("src")) {
        let text = fs::read_to_string(path).unwrap_or_default();
        there.extend(name.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    assert_eq!(there, named);
}
