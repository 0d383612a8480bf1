//! Completion scripts in real shells, and the manual page.

use std::process::Command;

use crate::harness::{Sandbox, keyring};
use crate::invocation::{Outcome, finish};

fn is_there(shell: &str) -> bool {
    let there = Command::new(shell).args(["-c", "exit 0"]).status();
    let there = there.is_ok_and(|status| status.success());
    if !there {
        eprintln!("passed over: there is no {shell}");
    }
    there
}

/// What bash offers for this line, whose last word is being typed.
fn bash(bgp: &Sandbox, line: &str, cache: &str) -> Vec<String> {
    let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source <(\"$BGP\" completions bash); COMP_WORDS=(\"$BGP\" {}); COMP_CWORD=$((${{#COMP_WORDS[@]}}-1)); \
         _bgp; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" ")
    );
    let mut command = bgp.foreign("bash");
    command.args(["-c", &script]).env("BGP_KEY_CACHE", cache);
    let text = finish(&mut command).code(0).stderr("").text();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_processes() {
    if !is_there("bash") {
        return;
    }
    let _keyring = keyring();
    // With a key of its own: other runs of these tests have the same keyring.
    let bgp = Sandbox::fresh();
    let web = bgp.start("web-server", ["sleep", "60"]);
    assert_eq!(bash(&bgp, "sta", "off"), ["start", "status"]);
    assert_eq!(bash(&bgp, "wait --ti", "off"), ["--timeout"]);
    assert_eq!(bash(&bgp, "completions ", "off"), ["bash", "zsh", "fish"]);
    assert_eq!(bash(&bgp, "start --stdin n", "off"), ["null"]);
    assert!(bash(&bgp, "start sle", "off").contains(&"sleep".to_owned()));
    // Without a cached key nobody is asked, and nothing is derived.
    assert_eq!(bash(&bgp, "stop we", "off"), [""]);
    // Once some command has cached it, names and ids are there, if this kernel lets us keep a key.
    let mut list = bgp.command(["list"]);
    finish(list.env("BGP_KEY_CACHE", "on")).code(0);
    let told = complete(&bgp);
    if told.stdout.is_empty() {
        eprintln!("passed over: no key can be kept in the keyring");
        return;
    }
    assert_eq!(
        told.text(),
        format!("web-server\trunning\n{}\tweb-server running\n", web.id)
    );
    assert_eq!(bash(&bgp, "stop we", "on"), ["web-server"]);
    assert_eq!(
        bash(&bgp, &format!("output {}", &web.id[..5]), "on"),
        [web.id]
    );
    assert_eq!(bash(&bgp, "stop --grace ", "on"), [""]);
    let mut lock = bgp.command(["lock"]);
    finish(lock.env("BGP_KEY_CACHE", "on")).code(0);
    complete(&bgp).stdout("");
}

fn complete(bgp: &Sandbox) -> Outcome {
    let mut command = bgp.command(["__complete"]);
    finish(command.env("BGP_KEY_CACHE", "on"))
        .code(0)
        .stderr("")
}

#[test]
fn who_completes_is_never_asked_and_never_waits() {
    let bgp = Sandbox::fresh();
    for (name, value) in [
        ("BG_PASSWORD", "wrong"),
        ("BG_PASSWORD_FILE", "/no/such/file"),
        ("BG_PASSWORD_COMMAND", "touch asked; sleep 60"),
    ] {
        let mut command = bgp.command(["__complete"]);
        command.env_remove("BG_PASSWORD").env(name, value);
        finish(&mut command).code(0).stdout("").stderr("");
    }
    let mut none = bgp.command(["__complete"]);
    finish(none.env_remove("BG_PASSWORD"))
        .code(0)
        .stdout("")
        .stderr("");
    assert!(!bgp.dir().join("asked").exists() && !bgp.state().exists());
}

#[test]
fn every_shell_that_is_there_can_read_its_script() {
    let bgp = Sandbox::fresh();
    for shell in ["bash", "zsh", "fish"] {
        let script = bgp.run(["completions", shell]).code(0).text();
        assert!(script.contains("__complete"), "{shell}");
        if is_there(shell) {
            let path = bgp.dir().join(shell);
            std::fs::write(&path, script).unwrap();
            finish(bgp.foreign(shell).arg("-n").arg(&path))
                .code(0)
                .stderr("");
        }
    }
    for wrong in [
        &["completions"][..],
        &["completions", "csh"],
        &["completions", "bash", "zsh"],
    ] {
        bgp.run(wrong).failed(2);
    }
}

#[test]
fn zsh_completes_the_options_of_commands_without_operands() {
    let bgp = Sandbox::fresh();
    let script = bgp.run(["completions", "zsh"]).code(0).text();
    for command in ["list", "doctor", "stop"] {
        let arm = script
            .split(&format!("        {command})\n"))
            .nth(1)
            .unwrap();
        let fits = arm
            .lines()
            .find(|line| line.trim().starts_with("fits="))
            .unwrap();
        // Where a value is due, options are not offered.
        assert!(!fits.contains("value"), "{command}: {fits}");
    }
}

#[test]
fn the_manual_page_has_every_command() {
    let bgp = Sandbox::fresh();
    let page = bgp.run(["man"]).code(0).stderr("").text();
    let help = bgp.run(["help", "--json"]).code(0).json();
    for command in help["commands"].as_array().unwrap() {
        let name = command["name"].as_str().unwrap().replace('-', "\\-");
        assert!(page.contains(&format!(".SS \"bgp {name}\"")), "{name}");
    }
    let json = bgp.run(["man", "--json"]).code(0).json();
    assert_eq!(json["page"], page);
}
