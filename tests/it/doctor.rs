//! What is wrong with the set-up is told with a remedy, and nothing is made.
//!
//! | rows | here |
//! |---|---|
//! | D12 | a file system that other machines may have too |
//! | B14 | a runner that kills what a job leaves |
//! | G7 | who does not reap |

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Sandbox, set_mode};
use crate::invocation::{Outcome, finish};
use crate::proc;

/// The finding of one check.
fn finding(outcome: &Outcome, check: &str) -> Value {
    let json = outcome.json();
    let findings = json["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["check"] == check);
    found
        .unwrap_or_else(|| panic!("no {check} in {json}"))
        .clone()
}

/// Says so and is true where nothing is sound whatever the set-up: the first process of this machine does not
/// reap in time, or others may have the files of these tests too.
fn pass_over_this_machine() -> bool {
    let outcome = Sandbox::new().run(["doctor", "--json"]);
    ["reaper", "file system"].into_iter().any(|check| {
        let found = finding(&outcome, check);
        let what = format!("{check}: {}", found["what"]);
        proc::pass_over(found["health"] != "fine", &what)
    })
}

#[test]
fn a_sound_set_up_is_fine_and_nothing_is_made() {
    if pass_over_this_machine() {
        return;
    }
    let bgp = Sandbox::fresh();
    let fresh = bgp.run(["doctor", "--json"]).code(0);
    assert_eq!(finding(&fresh, "directory")["health"], "fine");
    assert!(!bgp.state().exists(), "it makes nothing");

    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "600"]);
    let outcome = bgp.run(["doctor", "--json"]).code(0);
    for check in [
        "directory",
        "modes",
        "file system",
        "room",
        "lock",
        "state",
        "shell",
        "reaper",
        "runner",
    ] {
        assert_eq!(
            finding(&outcome, check)["health"],
            "fine",
            "{}",
            outcome.describe()
        );
    }
    assert_eq!(outcome.json()["fine"], true);
    bgp.run(["doctor"]).code(0).stdout_has("fine   directory: ");
}

#[test]
fn it_works_without_a_password_and_tells_a_wrong_one() {
    if pass_over_this_machine() {
        return;
    }
    let bgp = Sandbox::new();
    let none = finish(bgp.command(["doctor", "--json"]).env_remove("BG_PASSWORD")).code(0);
    assert_eq!(finding(&none, "password")["health"], "note");
    let wrong = finish(
        bgp.command(["doctor", "--json"])
            .env("BG_PASSWORD", "wrong"),
    )
    .code(1);
    assert_eq!(finding(&wrong, "password")["health"], "wrong");
}

#[test]
fn what_is_wrong_is_told_with_a_remedy() {
    if pass_over_this_machine() {
        return;
    }
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "600"]);
    let state = bgp.state().join("processes.json.enc");
    let whole = fs::read(&state).unwrap();

    set_mode(&bgp.state(), 0o755);
    let open = bgp.run(["doctor", "--json"]).code(1);
    assert_eq!(finding(&open, "directory")["health"], "wrong");
    assert!(finding(&open, "directory")["hint"].is_string());
    set_mode(&bgp.state(), 0o700);

    set_mode(&state, 0o644);
    let open = bgp.run(["doctor", "--json"]).code(1);
    assert_eq!(finding(&open, "modes")["health"], "wrong");
    set_mode(&state, 0o600);

    fs::write(&state, b"damaged").unwrap();
    let damaged = bgp.run(["doctor", "--json"]).code(1);
    assert!(
        finding(&damaged, "state")["hint"]
            .as_str()
            .unwrap()
            .contains("repair")
    );
    fs::write(&state, whole).unwrap();

    let shell = finish(
        bgp.command(["doctor", "--json"])
            .env("SHELL", "/nowhere/bash"),
    )
    .code(1);
    assert_eq!(
        finding(&shell, "shell"),
        json!({
            "check": "shell",
            "health": "wrong",
            "what": "/nowhere/bash: No such file or directory",
            "hint": "'bgp config set execution.shellPath /bin/sh', or set $SHELL",
        })
    );

    let file = bgp.dir().join("home/.config/bgp/config.json");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "{").unwrap();
    let faulty = bgp.run(["doctor", "--json"]).code(1);
    let found = finding(&faulty, "configuration");
    assert_eq!(found["health"], "wrong");
    let what = found["what"].as_str().unwrap();
    let expected = format!("'{}' is not JSON: ", file.display());
    assert!(what.starts_with(&expected), "{what}");
    assert_eq!(
        found["hint"],
        "mend the file or remove it; 'bgp help config' tells what may be in it"
    );
    fs::remove_file(file).unwrap();
    bgp.run(["doctor"]).code(0);
}

// B14
#[test]
fn a_runner_that_reaps_is_named_with_the_way_round() {
    if pass_over_this_machine() {
        return;
    }
    let bgp = Sandbox::new();
    let outcome = finish(
        bgp.command(["doctor", "--json"])
            .env("RUNNER_TRACKING_ID", "github_1"),
    )
    .code(0);
    let found = finding(&outcome, "runner");
    assert_eq!(found["health"], "note");
    assert!(
        found["hint"]
            .as_str()
            .unwrap()
            .contains("-e RUNNER_TRACKING_ID=")
    );
}

// G7: a first process of a pid namespace that never waits
#[test]
fn a_first_process_that_does_not_reap_is_named() {
    let bgp = Sandbox::new();
    if proc::pass_over(!proc::may_unshare(), proc::NO_NAMESPACES) {
        return;
    }
    let line = "mount -t proc proc /proc && \"$BGP\" doctor --json > found; exec sleep 0";
    let first = format!(
        "$SIG{{CHLD}} = 'DEFAULT'; my $pid = fork // die; if (!$pid) {{ exec '/bin/sh', '-c', q({line}) }} \
         waitpid($pid, 0); exit 0"
    );
    let made = bgp
        .foreign("unshare")
        .args(["--pid", "--fork", "--mount", "perl", "-e", &first])
        .output();
    let found = fs::read_to_string(bgp.dir().join("found")).unwrap_or_default();
    if proc::pass_over(found.is_empty(), &format!("no pid namespace: {made:?}")) {
        return;
    }
    let json: Value = serde_json::from_str(&found).unwrap();
    let findings = json["findings"].as_array().unwrap();
    let reaper = findings
        .iter()
        .find(|finding| finding["check"] == "reaper")
        .unwrap();
    assert_eq!(reaper["health"], "wrong", "{json}");
    assert!(reaper["hint"].as_str().unwrap().contains("--init"));
}
