//! The configuration: what is set holds, what is faulty is told, and nothing keeps one from `stop`.
//!
//! | rows | here |
//! |---|---|
//! | A3 A5 A6 E11 F12 | variables from a file, and none of the caller's |
//! | D13 | something else in the place of the file |

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::harness::{Sandbox, set_mode, write_script};
use crate::invocation::{Outcome, finish};
use crate::proc;

fn path(bgp: &Sandbox) -> PathBuf {
    bgp.dir().join("home/.config/bgp/config.json")
}

/// Puts a text in the place of the configuration file.
fn write(bgp: &Sandbox, text: &str) {
    fs::create_dir_all(path(bgp).parent().unwrap()).unwrap();
    fs::write(path(bgp), text).unwrap();
}

/// The file, as JSON.
fn read(bgp: &Sandbox) -> Value {
    serde_json::from_slice(&fs::read(path(bgp)).unwrap()).unwrap()
}

/// What `config --json` says of a setting: its value and where that comes from.
#[track_caller]
fn setting(bgp: &Sandbox, key: &str) -> (Value, String) {
    let config = bgp.run(["config", "--json"]).code(0).json();
    let all = config["settings"].as_array().unwrap();
    let found = all.iter().find(|setting| setting["key"] == key).unwrap();
    (
        found["value"].clone(),
        found["source"].as_str().unwrap().to_owned(),
    )
}

/// It failed with 2, and named the file, the key and what is allowed.
#[track_caller]
fn refused(bgp: &Sandbox, outcome: Outcome, named: &[&str]) {
    let file = path(bgp);
    let outcome = outcome.failed(2).stderr_has(file.to_str().unwrap());
    named
        .iter()
        .fold(outcome, |outcome, part| outcome.stderr_has(part));
}

#[test]
fn without_a_file_the_defaults_hold_and_nothing_is_written() {
    let bgp = Sandbox::fresh();
    bgp.run(["config"])
        .code(0)
        .stderr("")
        .stdout_has("output.defaultTailLines  20 ")
        .stdout_has("config.json (not there)\n");
    let config = bgp.run(["config", "--json"]).code(0).json();
    assert_eq!(config["state"], "absent");
    assert_eq!(config["file"], path(&bgp).to_str().unwrap());
    let values: Vec<&Value> = config["settings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|setting| &setting["value"])
        .collect();
    assert_eq!(
        values,
        [
            &json!("/bin/sh"),
            &json!(20),
            &json!(5),
            &json!(5),
            &json!(67_108_864)
        ]
    );
    assert!(!bgp.dir().join("home/.config").exists());
    assert!(!bgp.state().exists());
}

#[test]
fn the_documented_file_is_read() {
    let bgp = Sandbox::fresh();
    let shape = r#"{"processes": {"execution": {"shellPath": "/bin/bash"}, "output": {"defaultTailLines": 7},
        "stop": {"graceSeconds": 9}, "watch": {"intervalSeconds": 3}, "logs": {"maxBytes": 1048576}}}"#;
    write(&bgp, shape);
    for (key, value) in [
        ("execution.shellPath", json!("/bin/bash")),
        ("output.defaultTailLines", json!(7)),
        ("stop.graceSeconds", json!(9)),
        ("watch.intervalSeconds", json!(3)),
        ("logs.maxBytes", json!(1_048_576)),
    ] {
        assert_eq!(setting(&bgp, key), (value, "file".to_owned()));
    }
    write(&bgp, "{}");
    assert_eq!(
        setting(&bgp, "stop.graceSeconds"),
        (json!(5), "default".to_owned())
    );
}

#[test]
fn the_file_is_below_xdg_config_home_or_home() {
    let bgp = Sandbox::fresh();
    write(&bgp, r#"{"processes":{"output":{"defaultTailLines":1}}}"#);
    let xdg = bgp.dir().join("xdg");
    let shown = |variables: &[(&str, &str)]| {
        let mut config = bgp.command(["config", "--json"]);
        config.envs(variables.iter().copied());
        finish(&mut config).code(0)
    };
    let set = [("XDG_CONFIG_HOME", xdg.to_str().unwrap())];
    assert_eq!(
        shown(&set).json()["file"],
        xdg.join("bgp/config.json").to_str().unwrap()
    );
    assert_eq!(
        shown(&[("XDG_CONFIG_HOME", "")]).json()["settings"][1]["value"],
        1
    );
    // Relative, it is refused, as for the state directory.
    let relative = [("XDG_CONFIG_HOME", "here")];
    shown(&relative).stderr_has("XDG_CONFIG_HOME is not an absolute path");
    let mut list = bgp.command(["list"]);
    finish(list.envs(relative))
        .failed(2)
        .stderr_has("XDG_CONFIG_HOME");
    let mut homeless = bgp.command(["list"]);
    finish(homeless.env_remove("HOME")).code(0).stderr("");
    let mut homeless = bgp.command(["config", "set", "stop.graceSeconds", "1"]);
    finish(homeless.env_remove("HOME"))
        .failed(2)
        .stderr_has("HOME");
}

#[test]
fn setting_one_changes_that_one_and_nothing_else() {
    let bgp = Sandbox::fresh();
    bgp.run(["config", "set", "output.defaultTailLines", "50"])
        .code(0)
        .stderr("")
        .stdout(&format!(
            "Set output.defaultTailLines to 50 in {}\n",
            path(&bgp).display()
        ));
    bgp.run(["config", "set", "processes.stop.graceSeconds", "2m"])
        .code(0);
    let told = bgp
        .run(["config", "set", "--json", "logs.maxBytes", "2MiB"])
        .code(0)
        .json();
    assert_eq!(told["state"], "read");
    let expected = json!({"processes": {"output": {"defaultTailLines": 50}, "stop": {"graceSeconds": 120},
        "logs": {"maxBytes": 2_097_152}}});
    assert_eq!(read(&bgp), expected);

    for (key, value, told) in [
        (
            "output.defaultTailLines",
            "many",
            "a whole number from 0 to 1000000",
        ),
        (
            "output.defaultTailLines",
            "1000001",
            "a whole number from 0 to 1000000",
        ),
        ("stop.graceSeconds", "500ms", "a whole number of seconds"),
        (
            "logs.maxBytes",
            "1kB",
            "a whole number of bytes from 1048576",
        ),
        ("execution.shellPath", "bash", "an absolute path"),
        ("execution.shellPath", "/no/such/shell", "/no/such/shell"),
        ("output.defaultTailLine", "5", "output.defaultTailLines"),
        ("lines", "5", "output.defaultTailLines"),
    ] {
        bgp.run(["config", "set", key, value])
            .failed(2)
            .stderr_has(told);
    }
    for wrong in [
        &["config", "set"][..],
        &["config", "set", "x"],
        &["config", "get"],
    ] {
        bgp.run(wrong.iter().copied()).failed(2);
    }
    assert_eq!(read(&bgp), expected);
}

#[test]
fn two_who_set_at_once_both_do() {
    let bgp = Sandbox::fresh();
    bgp.sh(
        "for n in 1 2 3 4 5 6; do \
           \"$BGP\" config set output.defaultTailLines $n & \"$BGP\" config set stop.graceSeconds $n & \
         done; wait",
    )
    .code(0)
    .stderr("");
    let file = read(&bgp);
    assert!(
        file["processes"]["output"]["defaultTailLines"].is_u64(),
        "{file}"
    );
    assert!(file["processes"]["stop"]["graceSeconds"].is_u64(), "{file}");
    let names = crate::harness::file_names(path(&bgp).parent().unwrap());
    assert_eq!(names, ["config.json"]);
}

#[test]
fn a_faulty_file_stops_every_command_but_those_that_end_or_mend() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    bgp.start_with(&["--name", "of-session", "--session", "s"], ["sleep", "60"]);
    for (text, named) in [
        ("", &["not JSON"][..]),
        ("{", &["not JSON"]),
        ("[]", &["an object with processes"]),
        (r#"{"proceses":{}}"#, &["'proceses'", "processes"]),
        (
            r#"{"processes":{"stop":5}}"#,
            &["'processes.stop'", "an object with graceSeconds"],
        ),
        (
            r#"{"processes":{"stop":{"grace":5}}}"#,
            &["'processes.stop.grace'", "only graceSeconds"],
        ),
        (
            r#"{"processes":{"stop":{"graceSeconds":"5"}}}"#,
            &[
                "'processes.stop.graceSeconds' is \"5\"",
                "a whole number of seconds from 0 to 86400",
            ],
        ),
        (
            r#"{"processes":{"logs":{"maxBytes":1}}}"#,
            &["'processes.logs.maxBytes' is 1", "from 1048576"],
        ),
    ] {
        write(&bgp, text);
        refused(&bgp, bgp.run(["list"]), named);
    }
    for args in [
        &["start", "true"][..],
        &["status", "web"],
        &["output", "web"],
        &["wait", "web"],
        &["clear"],
        &["verify"],
    ] {
        refused(&bgp, bgp.run(args.iter().copied()), &["maxBytes"]);
    }
    let told = bgp.run(["list", "--json"]).code(2).json();
    assert!(
        told["error"]["message"]
            .as_str()
            .unwrap()
            .contains("maxBytes"),
        "{told}"
    );

    bgp.run(["config"])
        .code(0)
        .stderr_has("maxBytes")
        .stdout_has("faulty");
    assert_eq!(
        bgp.run(["config", "--json"]).code(0).json()["state"],
        "faulty"
    );
    for args in [&["help"][..], &["--version"], &["start", "--help"]] {
        bgp.run(args.iter().copied()).code(0);
    }
    for args in [&["signal", "web", "WINCH"][..], &["end-session", "s"]] {
        bgp.run(args.iter().copied()).code(0).stderr_has("maxBytes");
    }
    bgp.run(["stop", "web"])
        .code(0)
        .stderr_has("maxBytes")
        .stdout_has("Stopped web");
    // What is wrong can be mended in place; what is no JSON cannot.
    bgp.run(["config", "set", "logs.maxBytes", "1MiB"])
        .code(0)
        .stderr("");
    assert_eq!(bgp.list().len(), 1);
    write(&bgp, "{");
    refused(
        &bgp,
        bgp.run(["config", "set", "logs.maxBytes", "1MiB"]),
        &["not JSON"],
    );
    assert_eq!(fs::read_to_string(path(&bgp)).unwrap(), "{");
    fs::remove_file(path(&bgp)).unwrap();
}

// D13
#[test]
fn something_else_in_the_place_of_the_file_hangs_nobody() {
    let bgp = Sandbox::fresh();
    write(&bgp, "");
    let file = path(&bgp);
    fs::remove_file(&file).unwrap();
    let refused_all = |said: &str| {
        refused(&bgp, bgp.run(["list"]), &[said]);
        refused(
            &bgp,
            bgp.run(["config", "set", "stop.graceSeconds", "1"]),
            &[said],
        );
        bgp.run(["config"]).code(0).stderr_has(said);
    };
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused_all("not a regular file");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    refused_all("Is a directory");
    fs::remove_dir(&file).unwrap();
    symlink("/dev/zero", &file).unwrap();
    refused_all("not a regular file");
    fs::remove_file(&file).unwrap();
    symlink(&file, &file).unwrap();
    refused_all("ymbolic link"); // as each library of C says it
    fs::remove_file(&file).unwrap();
    write(&bgp, &" ".repeat(64 * 1024 + 1));
    refused_all("longer than 65536 bytes");

    write(&bgp, "{}");
    if !proc::pass_over(proc::is_root(), "root may read every file") {
        set_mode(&file, 0o000);
        refused(&bgp, bgp.run(["list"]), &["Permission denied"]);
        // Behind a directory that is not for us nobody can tell whether there is one.
        set_mode(file.parent().unwrap(), 0o000);
        bgp.run(["list"]).code(0).stderr("");
        set_mode(file.parent().unwrap(), 0o700);
    }
}

#[test]
fn a_link_to_the_file_stays_one() {
    let bgp = Sandbox::fresh();
    write(&bgp, "");
    let real = bgp.dir().join("dotfiles.json");
    fs::write(&real, "{}").unwrap();
    fs::remove_file(path(&bgp)).unwrap();
    symlink(&real, path(&bgp)).unwrap();
    bgp.run(["config", "set", "stop.graceSeconds", "1"]).code(0);
    assert!(path(&bgp).symlink_metadata().unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("graceSeconds"));
}

#[test]
fn the_shell_of_a_line_is_the_configurations_before_the_callers() {
    let bgp = Sandbox::new();
    let shell = bgp.dir().join("shell");
    write_script(&shell, "#!/bin/sh\necho \"line: $2\"\n");
    let start = |name: &str| {
        let mut start = bgp.command(["start", "--name", name, "-c", "echo mine"]);
        finish(start.env("SHELL", "/bin/sh"))
    };
    start("callers").code(0);
    bgp.run([
        "config",
        "set",
        "execution.shellPath",
        shell.to_str().unwrap(),
    ])
    .code(0);
    start("configured").code(0);
    bgp.run(["wait", "callers", "configured"]).code(0);
    assert_eq!(bgp.output("callers"), "mine\n");
    assert_eq!(bgp.output("configured"), "line: echo mine\n");
    fs::remove_file(&shell).unwrap();
    start("gone")
        .failed(127)
        .stderr_has(shell.to_str().unwrap())
        .stderr_has("bgp config");
}

#[test]
fn as_many_lines_are_shown_as_the_configuration_says() {
    let bgp = Sandbox::new();
    bgp.start("count", ["seq", "30"]);
    bgp.run(["wait", "count"]).code(0);
    let lines = |args: &[&str]| bgp.run(args.iter().copied()).code(0).text().lines().count();
    assert_eq!(lines(&["output", "count"]), 20);
    bgp.run(["config", "set", "output.defaultTailLines", "3"])
        .code(0);
    assert_eq!(lines(&["output", "count"]), 3);
    assert_eq!(lines(&["output", "count", "-n", "5"]), 5);
    bgp.run(["config", "set", "output.defaultTailLines", "0"])
        .code(0);
    assert_eq!(lines(&["output", "count"]), 30);
}

/// Each of these would take an hour if another grace held.
#[test]
fn the_grace_is_that_of_stop_then_of_start_then_of_the_configuration() {
    let bgp = Sandbox::new();
    let grace = |seconds: &str| {
        bgp.run(["config", "set", "stop.graceSeconds", seconds])
            .code(0);
    };
    let deaf = |options: &[&str]| {
        let process = bgp.start_with(options, [crate::harness::script("ignores-term.sh")]);
        bgp.ready(&process);
    };
    let stop = |args: &[&str]| {
        let told = bgp.run([&["stop"], args].concat()).code(0);
        told.stdout_has("SIGKILL");
    };
    grace("3600");
    deaf(&["--name", "stops"]);
    stop(&["--grace", "0", "stops"]);
    deaf(&["--name", "starts", "--grace", "0"]);
    stop(&["starts"]);
    deaf(&["--name", "configured"]);
    grace("0");
    stop(&["configured"]);
}

// A5 E11 F12
#[test]
fn variables_come_from_a_file_as_they_stand() {
    let bgp = Sandbox::new();
    let mut text = b"# comment=1\n\n   \nPLAIN=a=b\nSPACES=  two words \nQUOTED=\"$HOME\"\nEMPTY=\nTWICE=1\nTWICE=2\nBYTES=".to_vec();
    let bytes: Vec<u8> = (1..=255).filter(|byte| *byte != b'\n').collect();
    text.extend(&bytes);
    fs::write(bgp.dir().join("vars"), text).unwrap();
    fs::write(bgp.dir().join("more"), "MORE=more\nPLAIN=other").unwrap();
    let mut start = bgp.command([
        "start",
        "--name",
        "env",
        "-e",
        "TWICE=0",
        "--env-file",
        "vars",
    ]);
    start.args(["--env-file", "more", "-e", "MORE=last", "env", "-0"]);
    finish(start.env("CALLERS", "yes")).code(0);
    bgp.run(["wait", "env"]).code(0);
    let raw = bgp
        .run(["output", "--raw", "-n", "0", "env"])
        .code(0)
        .stdout;
    let got: Vec<&[u8]> = raw.split(|byte| *byte == 0).collect();
    for expected in [
        "PLAIN=other",
        "SPACES=  two words ",
        "QUOTED=\"$HOME\"",
        "EMPTY=",
        "TWICE=2",
        "MORE=last",
        "CALLERS=yes",
    ] {
        assert!(got.contains(&expected.as_bytes()), "{expected}");
    }
    assert!(got.contains(&[&b"BYTES="[..], &bytes].concat().as_slice()));
    assert!(
        !got.iter()
            .any(|line| line.starts_with(b"BG_PASSWORD") || line.starts_with(b"#"))
    );
}

// E11
#[test]
fn a_cleared_environment_has_what_was_given_and_its_own_name_alone() {
    let bgp = Sandbox::new();
    fs::write(bgp.dir().join("vars"), "A=1\nBGP_ID=mine\n").unwrap();
    let told = bgp
        .run([
            "start",
            "--json",
            "--name",
            "bare",
            "--clear-env",
            "--env-file",
            "vars",
            "env",
        ])
        .code(0)
        .json();
    let id = told["process"]["id"].as_str().unwrap().to_owned();
    bgp.run(["wait", "bare"]).code(0);
    assert_eq!(
        bgp.output("bare"),
        format!("A=1\nBGP_ID={id}\nBGP_NAME=bare\n")
    );
    // The PATH that counts is the command's.
    bgp.run(["start", "--clear-env", "-e", "PATH=/no/such", "env"])
        .failed(127);
}

// A6 F12
#[test]
fn a_bad_line_is_named_and_no_value_is_told() {
    let bgp = Sandbox::new();
    for (text, told) in [
        (&b"A=1\nhunter2\n"[..], "'vars', line 2"),
        (b"=hunter2", "'vars', line 1"),
        (b"\n\nexport A=hunter2", "'vars', line 3"),
        (b"A=hunter2\0", "'vars', line 1"),
    ] {
        fs::write(bgp.dir().join("vars"), text).unwrap();
        let outcome = bgp
            .run(["start", "--env-file", "vars", "true"])
            .failed(2)
            .stderr_has(told);
        assert!(
            !outcome.errors().contains("hunter2"),
            "{}",
            outcome.describe()
        );
    }
    for (file, told) in [
        ("no/such", "No such file"),
        ("home", "Is a directory"),
        ("/dev/zero", "neither"),
    ] {
        bgp.run(["start", "--env-file", file, "true"])
            .failed(2)
            .stderr_has(file)
            .stderr_has(told);
    }
    assert!(bgp.list().is_empty());

    fs::write(bgp.dir().join("vars"), "SECRET=hunter2").unwrap();
    let started = bgp.run([
        "start",
        "--json",
        "--name",
        "web",
        "--env-file",
        "vars",
        "-e",
        "B=hunter2",
        "sleep",
        "60",
    ]);
    let mut shown = vec![started.code(0)];
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["status", "web"],
        &["status", "--json", "web"],
        &["output", "web"],
        &["verify"],
        &["config", "--json"],
        &["stop", "web"],
    ] {
        shown.push(bgp.run(args.iter().copied()).code(0));
    }
    for outcome in shown {
        let all = outcome.text() + &outcome.errors();
        assert!(!all.contains("hunter2"), "{}", outcome.describe());
    }
    let kept = crate::harness::files_below(&bgp.state());
    assert!(
        kept.iter()
            .all(|file| !String::from_utf8_lossy(&fs::read(file).unwrap()).contains("hunter2"))
    );
}

// A3
#[test]
fn a_variable_that_is_too_long_for_the_system_is_126() {
    let bgp = Sandbox::new();
    fs::write(
        bgp.dir().join("vars"),
        format!("BIG={}", "x".repeat(200 * 1024)),
    )
    .unwrap();
    bgp.run(["start", "--env-file", "vars", "true"])
        .failed(126)
        .stderr_has("rgument list too long");
    // More than anything takes: the supervisor is not even asked.
    let long = "x".repeat(100 * 1024);
    let lines = (0..60).fold(String::new(), |all, n| {
        all + &format!(
            "BIG{n}={long}
"
        )
    });
    fs::write(bgp.dir().join("vars"), lines.clone()).unwrap();
    fs::write(bgp.dir().join("more"), lines.replace("BIG", "MORE")).unwrap();
    bgp.run(["start", "--env-file", "vars", "--env-file", "more", "true"])
        .failed(126)
        .stderr_has("rgument list too long");
    assert!(bgp.list().is_empty());
}

#[test]
fn a_file_of_variables_may_be_a_pipe() {
    let bgp = Sandbox::new();
    let fifo = bgp.dir().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    bgp.sh("{ echo A=from; echo B=pipe; } > fifo & \"$BGP\" start --name web --env-file fifo -c 'echo $A $B'")
        .code(0);
    bgp.run(["wait", "web"]).code(0);
    assert_eq!(bgp.output("web"), "from pipe\n");
}
