//! The instructions for agents: every command in them runs, and nothing of somebody else's is overwritten.
//!
//! Does not: judge how they read; `agentskills validate` looks at their form.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::harness::{Sandbox, write_script};

/// The blocks of shell in the instructions.
fn blocks(skill: &str) -> Vec<&str> {
    skill
        .split("```sh\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect()
}

/// A sandbox in which `bgp` is in PATH, and an `npm` that does what its scripts would.
fn with_npm() -> (Sandbox, String) {
    let bgp = Sandbox::new();
    let bin = bgp.dir().join("bin");
    fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(crate::harness::bin(), bin.join("bgp")).unwrap();
    let npm = "#!/bin/sh\ncase $2 in dev) echo 'ready in 5 ms'; exec sleep 600;; *) echo 'warning: built';; esac\n";
    write_script(&bin.join("npm"), npm);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    (bgp, path)
}

#[test]
fn every_command_in_the_instructions_runs() {
    let (bgp, path) = with_npm();
    let skill = bgp.run(["skill"]).code(0).text();
    let lines: Vec<&str> = blocks(&skill)
        .iter()
        .flat_map(|block| block.lines())
        .collect();
    assert!(lines.len() >= 15, "{lines:?}");
    for line in lines {
        assert!(line.starts_with("bgp "), "{line}");
        let mut shell = bgp.foreign("/bin/sh");
        shell.args(["-c", line]).env("PATH", &path);
        crate::invocation::finish(&mut shell).code(0).stderr("");
    }
}

#[test]
fn what_the_instructions_say_can_be_kept_in_the_background_tells_a_failure() {
    let (bgp, path) = with_npm();
    let skill = bgp.run(["skill"]).code(0).text();
    let line = "bgp watch --as agent";
    assert!(skill.contains(&format!("`{line}`")));
    bgp.run(["start", "--name", "bad", "-c", "exit 3"]).code(0);
    let mut shell = bgp.foreign("/bin/sh");
    let mut watch = shell
        .args(["-c", &format!("exec {line}")])
        .env("PATH", &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = [0; 9];
    watch.stdout.take().unwrap().read_exact(&mut told).unwrap();
    watch.kill().unwrap();
    watch.wait().unwrap();
    assert_eq!(&told, b"alert 1: ");
}

#[test]
fn the_instructions_name_no_command_and_no_exit_code_that_there_is_not() {
    let bgp = Sandbox::new();
    let skill = bgp.run(["skill"]).code(0).text();
    let command = regex::Regex::new(r"`bgp ([a-z-]+)").unwrap();
    for found in command.captures_iter(&skill) {
        bgp.run(["help", &found[1]]).code(0);
    }
    let flag = regex::Regex::new(r"(--[a-z][a-z-]+)").unwrap();
    let help = bgp.run(["help", "--json"]).code(0).text();
    for found in flag.captures_iter(&skill) {
        assert!(
            help.contains(&format!("\"{}\"", &found[1][2..])),
            "{}",
            &found[1]
        );
    }
}

#[test]
fn the_instructions_have_the_form_that_hosts_read() {
    let bgp = Sandbox::new();
    let skill = bgp.run(["skill"]).code(0).text();
    assert!(skill.lines().count() < 200);
    let head = skill
        .strip_prefix("---\n")
        .unwrap()
        .split("\n---\n")
        .next()
        .unwrap();
    let field = |name: &str| {
        let line = head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap().to_owned()
    };
    assert_eq!(field("name"), "bgp");
    assert!((1..=1024).contains(&field("description").len()));
    assert!((1..=500).contains(&field("compatibility").len()));
}

#[test]
fn an_installed_skill_is_renewed_and_another_file_is_left_alone() {
    let bgp = Sandbox::fresh();
    let install = || bgp.run(["skill", "--install", "skills/bgp"]);
    install().code(0).stdout_has("SKILL.md");
    let path = bgp.dir().join("skills/bgp/SKILL.md");
    let text = bgp.run(["skill"]).code(0).text();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    fs::write(&path, format!("{text}\nof an older version\n")).unwrap();
    install().code(0);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    fs::write(&path, "mine\n").unwrap();
    install().code(1).stderr_has("bgp did not write it");
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine\n");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    install().code(1);
}
