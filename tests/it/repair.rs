//! A damaged state is made anew from key and logs, and says what it could not bring back.
//!
//! | rows | here |
//! |---|---|
//! | D4 | zero-length, zero-filled, cut and lost states |
//! | D1 | a repair that is killed at any step |
//! | H5 | also after rotation has dropped segment 0 |

use std::collections::BTreeMap;
use std::fs;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Sandbox, file_names};
use crate::invocation::finish;
use crate::proc;
use crate::raw;

/// A live process, one that ended well after rotation, one that failed, and one that is lost.
fn scene(bgp: &Sandbox) {
    bgp.start_with(&["--name", "live", "--group", "g"], ["sleep", "600"]);
    let rotated = ["sh", "-c", "seq 100000 499999; echo $COLOUR"];
    bgp.start_with(
        &["--name", "rotated", "--max-log=1MiB", "-e", "COLOUR=green"],
        rotated,
    );
    bgp.run(["wait", "rotated"]).code(0);
    bgp.start("failed", ["sh", "-c", "echo oh; exit 3"]);
    bgp.run(["wait", "failed"]).code(3);
    let lost = bgp.start("lost", ["sleep", "600"]);
    proc::kill(lost.supervisor(), Signal::SIGKILL);
    bgp.wait_status("lost", "lost");
    bgp.wait_until("ends are recorded", || {
        bgp.list();
        let leases = file_names(&bgp.state().join("run"));
        (leases
            .iter()
            .filter(|name| name.strip_suffix(".lease").is_some())
            .count()
            == 2)
            .then_some(())
    });
}

/// What a list tells, but for what only the state knew.
fn told(bgp: &Sandbox) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for mut process in bgp.list() {
        let object = process.as_object_mut().unwrap();
        object.remove("runtimeMs");
        if object["status"] != "running" {
            object.remove("pid");
        }
        all.insert(object["name"].as_str().unwrap().to_owned(), process);
    }
    all
}

// D4 H5
#[test]
fn a_state_is_made_anew_from_the_logs_alone() {
    let bgp = Sandbox::new();
    scene(&bgp);
    let (before, state) = (told(&bgp), bgp.state().join("processes.json.enc"));
    let whole = fs::read(&state).unwrap();
    let flipped = {
        let mut bytes = whole.clone();
        bytes[whole.len() / 2] ^= 1;
        bytes
    };
    let damages: [&[u8]; 5] = [
        b"",
        &vec![0; whole.len()],
        &whole[..whole.len() / 2],
        b"garbage",
        &flipped,
    ];
    for (index, damage) in (1..).zip(damages) {
        fs::write(&state, damage).unwrap();
        bgp.run(["list"]).failed(13).stderr_has("repair");
        let outcome = bgp.run(["repair"]).code(0);
        outcome.stdout_has("4 processes are back, 1 of them live");
        let kept = format!("processes.json.enc.damaged-{index}");
        assert_eq!(fs::read(bgp.state().join(&kept)).unwrap(), damage);
        assert_eq!(told(&bgp), before);
    }
    // Lost altogether.
    fs::remove_file(&state).unwrap();
    let json = bgp.run(["repair", "--json"]).code(0).json();
    assert_eq!(
        (&json["repaired"], &json["kept"]),
        (&true.into(), &Value::Null),
        "{json}"
    );
    assert_eq!(told(&bgp), before);

    bgp.run(["verify"]).code(0);
    bgp.run(["output", "-n", "1", "rotated"])
        .code(0)
        .stdout("green\n");
    bgp.run(["restart", "rotated"]).code(0);
    bgp.run(["wait", "rotated"]).code(0);
    bgp.run(["output", "-n", "1", "rotated"])
        .code(0)
        .stdout("green\n");
    bgp.run(["start", "--name", "next", "true"]).code(0);
    assert!(
        bgp.status("next")["number"].as_u64() > Some(5),
        "no number twice"
    );
    bgp.run(["stop", "live"]).code(0);
    bgp.run(["wait", "next"]).code(0);
    bgp.wait_until("all is cleared", || {
        bgp.run(["clear"]).code(0);
        bgp.list().is_empty().then_some(())
    });
    assert_eq!(file_names(&bgp.state().join("logs")), Vec::<String>::new());
}

// D4
#[test]
fn verify_looks_at_the_logs_also_where_the_state_is_damaged() {
    let bgp = Sandbox::new();
    scene(&bgp);
    let state = bgp.state().join("processes.json.enc");
    let mut damaged = fs::read(&state).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&state, &damaged).unwrap();

    let outcome = bgp
        .run(["verify"])
        .code(13)
        .stdout_has("processes.json.enc' is damaged")
        .stderr_has("'bgp repair'");
    assert!(
        !outcome.errors().contains("bgp verify"),
        "the hint names what is run"
    );
    let before = outcome.text();
    let line_of = |name: &str| {
        let mut lines = before.lines();
        let line = lines.find(|line| line.starts_with(&format!("{name} (")));
        line.unwrap_or_else(|| panic!("{name} is not told of: {before}"))
    };
    for name in ["live", "rotated", "failed", "lost"] {
        assert!(line_of(name).contains("): intact, "), "{before}");
    }

    // One log is damaged too, and of another nothing tells what was asked.
    let log_of = |name: &str| {
        let id = line_of(name).split(['(', ')']).nth(1).unwrap().to_owned();
        (bgp.state().join("logs").join(format!("{id}.log.enc")), id)
    };
    let flip = |(path, id): (std::path::PathBuf, String), at: fn(&[u8]) -> usize| {
        let mut bytes = fs::read(&path).unwrap();
        let at = at(&bytes);
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        id
    };
    // From the end, as START is as long as the environment is.
    let failed = flip(log_of("failed"), |bytes| {
        let records = raw::records(bytes);
        raw::within_a_record(bytes, records[records.len() - 2].range.start)
    });
    let lost = flip(log_of("lost"), |_| 200);
    bgp.run(["verify"])
        .code(13)
        .stdout_has(&format!("failed ({failed}): {failed}.log.enc: byte "))
        .stdout_has(&format!("\n{lost}: what was asked (START) is damaged"));

    let json = bgp.run(["verify", "--json"]).code(13).json();
    assert_eq!(json["intact"], false, "{json}");
    assert!(
        json["state"].as_str().unwrap().contains("is damaged"),
        "{json}"
    );
    let logs = json["logs"].as_array().unwrap();
    let intact = logs.iter().filter(|log| log["intact"] == true).count();
    assert_eq!((logs.len(), intact), (4, 2), "{json}");
    assert_eq!(fs::read(&state).unwrap(), damaged, "nothing is changed");

    fs::remove_file(&state).unwrap();
    bgp.run(["verify"]).code(13).stdout_has("but no state");
    bgp.run(["repair"]).code(13);
    let json = bgp.run(["verify", "--json"]).code(13).json();
    assert_eq!(json.get("state"), None, "{json}");
    bgp.run(["stop", "--all"]).code(0);
}

#[test]
fn no_number_of_an_alert_comes_a_second_time() {
    let bgp = Sandbox::new();
    let fails = |name: &str| {
        bgp.start(name, ["false"]);
        bgp.run(["wait", name]).code(1);
    };
    let taken = |reader: &str| {
        let told = bgp.run(["alerts", "--json", "--as", reader]).code(0).json();
        let told = told["alerts"].as_array().unwrap().iter();
        told.map(|alert| alert["process"]["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for name in ["a", "b", "c"] {
        fails(name);
    }
    assert_eq!(taken("one"), ["a", "b", "c"]);
    fs::write(bgp.state().join("processes.json.enc"), "").unwrap();
    bgp.run(["repair"]).code(0);
    for name in ["d", "e", "f", "g"] {
        fails(name);
    }
    assert_eq!(taken("one"), ["d", "e", "f", "g"]);
    assert_eq!(taken("other"), ["d", "e", "f", "g"]);
}

#[test]
fn an_intact_state_is_left_alone() {
    let bgp = Sandbox::new();
    bgp.run(["repair"]).code(0).stdout_has("intact");
    bgp.start("live", ["sleep", "600"]);
    let before = fs::read(bgp.state().join("processes.json.enc")).unwrap();
    bgp.run(["repair"])
        .code(0)
        .stdout("The state is intact: nothing to repair\n");
    let json = bgp.run(["repair", "--json"]).code(0).json();
    assert_eq!(json["repaired"], false);
    assert_eq!(
        fs::read(bgp.state().join("processes.json.enc")).unwrap(),
        before
    );
    // A wrong password is no damage.
    fs::write(bgp.state().join("processes.json.enc"), b"x").unwrap();
    let mut wrong = bgp.command(["repair"]);
    finish(wrong.env("BG_PASSWORD", "wrong")).failed(12);
    assert_eq!(
        fs::read(bgp.state().join("processes.json.enc")).unwrap(),
        b"x"
    );
    bgp.run(["repair"]).code(0);
}

#[test]
fn what_cannot_be_brought_back_is_told() {
    let bgp = Sandbox::new();
    let good = bgp.start("good", ["sh", "-c", "echo fine"]);
    let bad = bgp.start("bad", ["sh", "-c", "echo gone"]);
    for name in ["good", "bad"] {
        bgp.run(["wait", name]).code(0);
        bgp.wait_for_supervisor_end(if name == "good" { &good.id } else { &bad.id });
    }
    let mut log = fs::read(bgp.log(&bad.id)).unwrap();
    log[200] ^= 1; // in START
    fs::write(bgp.log(&bad.id), log).unwrap();
    fs::write(bgp.state().join("processes.json.enc"), b"").unwrap();
    let outcome = bgp.run(["repair"]).code(13);
    outcome
        .stdout_has("1 processes are back")
        .stdout_has(&format!("{}: not back", bad.id))
        .stderr_has("alerts");
    assert_eq!(bgp.list().len(), 1);
    // A log under another's name is nobody's.
    fs::rename(bgp.log(&good.id), bgp.log("00000000")).unwrap();
    fs::write(bgp.state().join("processes.json.enc"), b"").unwrap();
    bgp.run(["repair"])
        .code(13)
        .stdout_has("00000000: not back");
}

// D1
#[test]
fn a_repair_killed_at_any_step_can_be_done_again() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let points = [
        "repair-aside",
        "replace-created",
        "replace-written",
        "replace-synced",
        "replace-renamed",
    ];
    let mut reached = 0;
    for point in points {
        let bgp = Sandbox::new();
        bgp.start("live", ["sleep", "600"]);
        fs::write(bgp.state().join("processes.json.enc"), b"damaged").unwrap();
        let killed = finish(bgp.command(["repair"]).env("BGP_CRASH_AT", point));
        reached += u32::from(killed.status.code().is_none());
        bgp.run(["repair"]).code(0);
        let list = bgp.list();
        assert_eq!(
            (list.len(), &list[0]["status"]),
            (1, &"running".into()),
            "{point}"
        );
        let kept = bgp.state().join("processes.json.enc.damaged-1");
        assert_eq!(fs::read(kept).unwrap(), b"damaged", "{point}");
    }
    assert!(reached > 0, "no point was reached");
}
