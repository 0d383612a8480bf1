//! What earlier versions wrote is read for ever, by this program and from the byte layouts alone.
//!
//! `tests/fixtures/v1` is a complete state directory of format version 1: ended processes, ends that are
//! not in the state yet, supervisors that were killed, logs of several segments, without their first one, and with
//! a torn tail. How it was made stands in `src/tests.rs`, which also compares it record by record.
//!
//! | rows | here |
//! |---|---|
//! | C17 | logs, state, key and status blocks of every format version that was released |
//! | A23 | another boot: `lost`, and nothing is signalled |
//!
//! Flipped bits and cuts are in the unit tests of `store` and `log`, every bit and every length.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{PASSWORD, Sandbox, file_names, numbered, script, set_mode, tree};
use crate::invocation::{Outcome, finish};
use crate::proc;

/// A sandbox with a copy of a fixture for its state directory. git keeps no modes.
fn sandbox_of(version: &str) -> Sandbox {
    let bgp = Sandbox::fresh();
    let from = tree().join("tests/fixtures").join(version);
    fs::create_dir(bgp.state()).unwrap();
    set_mode(&bgp.state(), 0o700);
    for name in file_names(&from) {
        let (from, to) = (from.join(&name), bgp.state().join(&name));
        if from.is_file() {
            copy(&from, &to);
            continue;
        }
        fs::create_dir(&to).unwrap();
        set_mode(&to, 0o700);
        for name in file_names(&from) {
            copy(&from.join(&name), &to.join(&name));
        }
    }
    bgp
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    set_mode(to, 0o600);
}

/// The lines of the process `rotated`, as far as `from`.
fn rotated(from: u32) -> String {
    let lines = numbered("", from..=2_300);
    lines.lines().fold(String::new(), |all, n| {
        all + &format!("line {n:0>5} of a log that goes on\n")
    })
}

// C17
#[test]
fn a_state_directory_of_version_1_is_listed_as_it_was_left() {
    let bgp = sandbox_of("v1");
    let expected = json!([
        {"id": "f1000001", "number": 1, "name": "hello", "pid": 4_100_001, "command": "echo hello",
         "status": "exited", "reason": null, "exitCode": 0, "signal": null, "success": true,
         "startTime": 1_790_000_060_000_u64, "endTime": 1_790_000_060_006_u64, "runtimeMs": 6,
         "cwd": "/srv", "group": null, "previous": null, "logBytes": 1120},
        {"id": "f1000002", "number": 2, "name": "mixed", "status": "failed", "exitCode": 3,
         "argv": ["./mixed.sh", "caf\\xe9", "two words"],
         "argvBase64": ["Li9taXhlZC5zaA==", "Y2Fm6Q==", "dHdvIHdvcmRz"],
         "cwd": "/srv/d\\xff", "cwdBase64": "L3Nydi9k/w==", "group": "build", "session": "s1",
         "alertOnSuccess": true, "alertOnFailure": false, "alertOnKill": true},
        {"id": "f1000003", "number": 3, "name": "rotated", "status": "exited", "previous": "f1000001",
         "command": "seq 2>&1 | tee x", "argv": ["/bin/sh", "-c", "seq 2>&1 | tee x"]},
        {"id": "f1000004", "number": 4, "name": "dropped", "status": "crashed", "exitCode": null,
         "signal": "SIGSEGV", "success": false},
        {"id": "f1000005", "number": 5, "name": "stopped", "status": "killed", "reason": "stop",
         "signal": "SIGTERM", "descendants": 0},
        {"id": "f1000006", "number": 6, "name": "lost", "status": "lost", "reason": "reboot",
         "pid": 4_100_006, "endTime": null, "exitCode": null, "runtimeMs": null, "success": false},
        {"id": "f1000007", "number": 7, "name": "damaged", "status": "lost", "reason": "damaged",
         "pid": null},
        {"id": "f1000008", "number": 8, "name": "unwritten", "status": "lost", "reason": "reboot"},
    ]);
    // Twice: the second time the end of `stopped` comes from the state.
    for round in ["first", "second"] {
        let listed = bgp.list();
        let expected = expected.as_array().unwrap();
        assert_eq!(listed.len(), expected.len());
        for (process, expected) in listed.iter().zip(expected) {
            for (field, value) in expected.as_object().unwrap() {
                assert_eq!(&process[field], value, "{round}: {field} of {process:#}");
            }
        }
        let leases = file_names(&bgp.state().join("run"));
        let left = ["f1000006.lease", "f1000007.lease", "f1000008.lease"];
        assert_eq!(leases, left, "{round}");
    }
    // Numbers go on behind those that were cleared.
    assert_eq!(bgp.start("next", ["true"]).number, 12);
}

// C17
#[test]
fn logs_of_version_1_are_read_to_the_last_byte() {
    let bgp = sandbox_of("v1");
    let raw = |name: &str, stream: &str| {
        bgp.run(["output", "-n", "0", "--raw", stream, name])
            .code(0)
            .stdout
    };
    for (name, stdout, stderr) in [
        ("hello", &b"hello\n"[..], &b""[..]),
        (
            "mixed",
            b"first line\ncaf\xc3\xa9\nnot \xff\xfe text\n\x1b[31mred\x1b[0m\n 10%\r 99%\r100%\n",
            b"to stderr\nno newline",
        ),
        ("rotated", rotated(1).as_bytes(), b""),
        ("dropped", b"kept\n", b"a child goes on\n"),
        ("stopped", b"", b""),
        ("lost", b"one\ntwo\nhalf a li", b""),
        ("damaged", b"before\n", b""),
        ("unwritten", b"", b""),
    ] {
        assert!(raw(name, "--stdout") == stdout, "stdout of {name}");
        assert!(raw(name, "--stderr") == stderr, "stderr of {name}");
    }
    bgp.run(["output", "-n", "5", "mixed"])
        .code(0)
        .stdout("caf\u{e9}\nnot \u{fffd}\u{fffd} text\nred\n100%\nno newline\n");
    bgp.run(["output", "-n", "150", "rotated"]) // from both segments
        .code(0)
        .stdout(&rotated(2_151));
    bgp.run(["output", "lost"])
        .code(0)
        .stderr_has("torn tail: 77 bytes");
    let dropped = bgp.run(["output", "--json", "-n", "0", "dropped"]).json();
    assert_eq!(dropped["droppedBytes"], 624 + 70_000, "{dropped:#}");
    assert_eq!(dropped["eof"], true, "{dropped:#}");
}

// C17
#[test]
fn what_rotation_dropped_is_told_in_bytes_of_output() {
    for version in ["v2", "v3"] {
        let bgp = sandbox_of(version);
        let dropped = bgp.run(["output", "--json", "-n", "0", "dropped"]).json();
        assert_eq!(dropped["droppedBytes"], 16 + 70_000, "{dropped:#}");
        bgp.run(["verify"]).code(0);
    }
}

// C17
#[test]
fn a_state_directory_of_version_1_is_found_intact() {
    let bgp = sandbox_of("v1");
    let verified = bgp.run(["verify", "--json"]).code(0).json();
    let logs: Vec<(&str, bool, u64, u64)> = verified["logs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|log| {
            assert_eq!(
                (&log["intact"], &log["findings"]),
                (&true.into(), &json!([])),
                "{log}"
            );
            (
                log["name"].as_str().unwrap(),
                log["sealed"].as_bool().unwrap(),
                log["records"].as_u64().unwrap(),
                log["tornBytes"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        logs,
        [
            ("hello", true, 6, 0),
            ("mixed", true, 10, 0),
            ("rotated", true, 33, 0),
            ("dropped", true, 14, 0),
            ("stopped", true, 5, 0),
            ("lost", false, 2, 77),
            ("damaged", false, 2, 0),
            ("unwritten", false, 1, 0),
        ]
    );
    let mut stranger = bgp.command(["verify"]);
    finish(stranger.env("BG_PASSWORD", "battery staple")).failed(12);
}

// A23
#[test]
fn what_was_lost_with_another_boot_is_cleared_and_nothing_is_signalled() {
    let bgp = sandbox_of("v1");
    bgp.run(["stop", "lost"]).failed(5);
    bgp.run(["stop", "--all"]).code(0).stdout("");
    bgp.run(["wait", "lost"]).code(1);
    bgp.run(["clear"]).code(0);
    assert_eq!(bgp.list(), Vec::<Value>::new());
    assert_eq!(file_names(&bgp.state().join("logs")), Vec::<String>::new());
    assert_eq!(file_names(&bgp.state().join("run")), Vec::<String>::new());
}

/// A Python with the package that `read-log.py` needs.
fn python() -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        Command::new(python)
            .args(["-c", "import cryptography"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

/// What `read-log.py` tells of a state directory; `None` where it cannot run.
pub(crate) fn read_by_layout(state: &Path) -> Option<Vec<Value>> {
    let Some(python) = python() else {
        proc::pass_over(
            true,
            "no python3 with the package cryptography, so read-log.py was not run",
        );
        return None;
    };
    let mut command = Command::new(python);
    command
        .args([&script("read-log.py"), state.to_str().unwrap()])
        .env("BG_PASSWORD", PASSWORD)
        .stdin(Stdio::null());
    let told: Outcome = finish(&mut command).code(0);
    let lines = told.text();
    let values = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    Some(values.collect())
}

/// The bytes of one kind of each log, by the process's id.
fn bytes_of(told: &[Value], kind: &str) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for line in told.iter().filter(|line| line["log"].is_string()) {
        let id = line["log"].as_str().unwrap().to_owned();
        let bytes: &mut Vec<u8> = all.entry(id).or_default();
        if line["kind"] == kind {
            match (
                line["payload"]["text"].as_str(),
                line["payload"]["base64"].as_str(),
            ) {
                (Some(text), _) => bytes.extend_from_slice(text.as_bytes()),
                (_, Some(base64)) => bytes.extend(STANDARD.decode(base64).unwrap()),
                _ => panic!("no bytes in {line}"),
            }
        }
    }
    all
}

/// That `read-log.py` and bgp tell the same of this state directory.
#[track_caller]
fn both_tell_the_same(bgp: &Sandbox) {
    let Some(told) = read_by_layout(&bgp.state()) else {
        return;
    };
    let state = &told[0]["state"];
    let blocks: BTreeMap<&str, &Value> = told
        .iter()
        .filter_map(|line| Some((line["block"].as_str()?, &line["facts"])))
        .collect();
    let listed = bgp.list();
    assert_eq!(state["processes"].as_array().unwrap().len(), listed.len());
    for (entry, process) in state["processes"].as_array().unwrap().iter().zip(&listed) {
        let id = process["id"].as_str().unwrap();
        for field in ["id", "number", "name"] {
            assert_eq!(entry[field], process[field], "{field} of {id}");
        }
        let end = if entry["ended"].is_null() {
            blocks[id]
        } else {
            &entry["ended"]
        };
        if !process["endTime"].is_null() {
            assert_eq!(end["status"], process["status"], "{id}");
            assert_eq!(end["exit"]["endMs"], process["endTime"], "{id}");
            assert_eq!(
                end["exit"].get("code"),
                process.get("exitCode").filter(|code| !code.is_null())
            );
        }
    }
    for (kind, option) in [("STDOUT", "--stdout"), ("STDERR", "--stderr")] {
        for (id, bytes) in bytes_of(&told, kind) {
            let ours = bgp.run(["output", "-n", "0", "--raw", option, &id]).code(0);
            assert!(ours.stdout == bytes, "{kind} of {id}");
        }
    }
}

// C17
#[test]
fn a_reader_written_from_the_layouts_tells_the_same_of_version_1() {
    both_tell_the_same(&sandbox_of("v1"));
    let Some(told) = read_by_layout(&tree().join("tests/fixtures/v1")) else {
        return;
    };
    let unreadable: Vec<&Value> = told
        .iter()
        .filter(|line| !line["unreadable"].is_null())
        .collect();
    assert_eq!(unreadable.len(), 1, "only the torn tail: {unreadable:?}");
    let readers: Vec<(&str, u64)> = told
        .iter()
        .filter(|line| line["reader"].is_object())
        .map(|line| &line["reader"])
        .map(|reader| {
            (
                reader["name"].as_str().unwrap(),
                reader["alertCursor"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(readers, [("agent", 4), ("default", 0)]);
}

#[test]
fn a_reader_written_from_the_layouts_tells_the_same_of_what_is_written_now() {
    let bgp = Sandbox::new();
    bgp.start("lines", ["sh", "-c", "seq 1 30000; seq 1 9 >&2; exit 3"]);
    bgp.start("bytes", [&script("not-utf8.sh")]);
    bgp.start_with(
        &["-n", "big", "-e", &format!("A={}", "x".repeat(9_000))],
        ["true"],
    );
    bgp.run(["wait", "lines", "bytes", "big"]).code(3);
    both_tell_the_same(&bgp);
}
