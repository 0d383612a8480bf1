//! Another password: everything is still there, and at no moment neither opens it.
//!
//! | rows | here |
//! |---|---|
//! | E6 | what runs goes on, what was sealed opens, the old password does not |
//! | E7 | interrupted at any step, the old one or the new one works |

use std::fs;
use std::process::Command;

use crate::harness::{PASSWORD, Sandbox, keyring, set_mode};
use crate::invocation::finish;
use crate::proc;

const NEW: &str = "battery staple";

fn passwd(bgp: &Sandbox) -> Command {
    let mut command = bgp.command(["passwd"]);
    command
        .env("BG_NEW_PASSWORD", NEW)
        .env("BGP_TEST_ITERATIONS", "1000");
    command
}

fn lists_with(bgp: &Sandbox, password: &str) -> i32 {
    let outcome = finish(bgp.command(["list"]).env("BG_PASSWORD", password));
    outcome.status.code().unwrap()
}

fn back(bgp: &Sandbox) {
    let mut command = bgp.command(["passwd"]);
    command
        .env("BG_PASSWORD", NEW)
        .env("BG_NEW_PASSWORD", PASSWORD);
    finish(command.env("BGP_TEST_ITERATIONS", "1000")).code(0);
}

// E6
#[test]
fn what_runs_goes_on_and_only_the_new_password_opens() {
    let bgp = Sandbox::new();
    let process = bgp.start(
        "web",
        [
            "sh",
            "-c",
            "echo before; read line; echo after $line; sleep 600",
        ],
    );
    finish(&mut passwd(&bgp)).code(0).stdout_has("Changed");
    assert_eq!(lists_with(&bgp, PASSWORD), 12);
    assert_eq!(lists_with(&bgp, NEW), 0);
    assert!(proc::alive(process.pid));
    let new = |args: &[&str]| finish(bgp.command(args).env("BG_PASSWORD", NEW));
    new(&["send", "web", "hello"]).code(0);
    bgp.wait_until("it goes on logging", || {
        (new(&["output", "-n", "0", "web"]).text() == "before\nafter hello\n").then_some(())
    });
    new(&["verify"]).code(0);
    new(&["stop", "web"]).code(0);
    back(&bgp);
    assert_eq!(bgp.status("web")["status"], "killed");
}

#[test]
fn the_new_password_may_be_in_a_file_and_must_be_one() {
    let bgp = Sandbox::new();
    let file = bgp.dir().join("new");
    fs::write(&file, "from a file\n").unwrap();
    let from_file = || {
        let mut command = bgp.command(["passwd"]);
        command
            .env("BG_NEW_PASSWORD_FILE", &file)
            .env("BGP_TEST_ITERATIONS", "1000");
        command
    };
    set_mode(&file, 0o644);
    finish(&mut from_file()).failed(14);
    set_mode(&file, 0o600);
    finish(from_file().env("BG_NEW_PASSWORD", NEW))
        .failed(2)
        .stderr_has("BG_NEW_PASSWORD_FILE");
    finish(passwd(&bgp).env("BG_NEW_PASSWORD", "")).failed(10);
    bgp.run(["passwd"])
        .failed(10)
        .stderr_has("hint: for example: export BG_NEW_PASSWORD_FILE=FILE");
    finish(passwd(&bgp).env("BG_PASSWORD", "wrong")).failed(12);
    assert_eq!(lists_with(&bgp, PASSWORD), 0);
    finish(&mut from_file()).code(0);
    assert_eq!(lists_with(&bgp, PASSWORD), 12);
    assert_eq!(lists_with(&bgp, "from a file"), 0);
    let mut command = bgp.command(["passwd"]);
    command
        .env("BG_PASSWORD", "from a file")
        .env("BG_NEW_PASSWORD", PASSWORD);
    finish(command.env("BGP_TEST_ITERATIONS", "1000")).code(0);
}

// E7
#[test]
fn killed_at_any_step_one_of_the_two_works() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let points = [
        "replace-created",
        "replace-written",
        "replace-synced",
        "replace-renamed",
    ];
    let mut reached = 0;
    for point in points {
        let bgp = Sandbox::new();
        bgp.start("web", ["sleep", "600"]);
        let killed = finish(passwd(&bgp).env("BGP_CRASH_AT", point));
        reached += u32::from(killed.status.code().is_none());
        let codes = (lists_with(&bgp, PASSWORD), lists_with(&bgp, NEW));
        assert!([(0, 12), (12, 0)].contains(&codes), "{point}: {codes:?}");
        if codes.1 == 0 {
            back(&bgp);
        }
        // What was left half-way is in nobody's way.
        finish(&mut passwd(&bgp)).code(0);
        back(&bgp);
    }
    assert!(reached > 0, "no point was reached");
}

#[test]
fn neither_password_is_written_anywhere_or_left_in_the_cache() {
    let _keyring = keyring();
    // With a key of its own: other runs of these tests have the same keyring.
    let bgp = Sandbox::fresh();
    let cached = |args: &[&str], password: &str| {
        let mut command = bgp.command(args);
        command
            .env("BGP_KEY_CACHE", "on")
            .env("BG_PASSWORD", password);
        command
            .env("BG_NEW_PASSWORD", NEW)
            .env("BGP_TEST_ITERATIONS", "1000");
        finish(&mut command)
    };
    cached(&["start", "--name", "web", "sleep", "600"], PASSWORD).code(0);
    cached(&["list"], PASSWORD).code(0);
    cached(&["passwd"], PASSWORD).code(0);
    cached(&["list"], PASSWORD).code(12);
    cached(&["list"], NEW).code(0);
    for file in crate::harness::files_below(&bgp.state()) {
        let bytes = fs::read(&file).unwrap_or_default();
        for secret in [PASSWORD, NEW] {
            let found = bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes());
            assert!(!found, "{}", file.display());
        }
    }
    cached(&["stop", "web"], NEW).code(0);
    cached(&["lock"], NEW).code(0);
    back(&bgp);
}
