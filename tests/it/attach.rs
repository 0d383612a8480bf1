//! A terminal taken over from another: what is seen, typed and resized; and how ours is left, whatever happens.

use std::fs;

use nix::sys::signal::Signal;

use crate::harness::{Proc, Sandbox, numbered};
use crate::proc;
use crate::tty::Tty;

/// The key that detaches.
const LEAVE: &[u8] = b"\x1c";

fn shell(bgp: &Sandbox, name: &str, line: &str) -> Proc {
    bgp.start_with(&["--name", name, "--pty"], ["sh", "-c", line])
}

/// A program that answers each line, and tells its size when that changes.
const ANSWERS: &str = "trap 'stty size' WINCH; echo ready; while :; do \
                       if read -r line; then echo \"got $line\"; fi; done";

fn has_setsid(bgp: &Sandbox) -> bool {
    let found = bgp.sh("setsid --help 2>&1 | grep -q ctty").status.success();
    !proc::pass_over(!found, "there is no setsid that gives a terminal")
}

#[test]
fn what_stands_there_is_shown_and_what_is_typed_arrives() {
    let bgp = Sandbox::new();
    if !has_setsid(&bgp) {
        return;
    }
    let process = shell(&bgp, "web", ANSWERS);
    bgp.ready(&process);
    let mut tty = Tty::bgp(&bgp, &["attach", "web"], 80, 24);
    let before = tty.found.clone();
    tty.wait_for("ready");
    tty.types(b"hello\r");
    tty.wait_for("got hello");
    bgp.run(["send", "web", "from elsewhere"]).code(0);
    tty.wait_for("got from elsewhere");
    assert_ne!(tty.settings(), before, "it is in raw mode");
    tty.types(LEAVE);
    tty.wait_for("[detached from web]");
    assert_eq!(tty.finish().code(), Some(0));
    assert_eq!(tty.settings(), before);
    assert!(proc::alive(process.pid), "it is left alone");
    assert!(!bgp.output("web").contains('\u{1c}'));
    // And again, with all that was there.
    let mut tty = Tty::bgp(&bgp, &["attach", "web"], 80, 24);
    tty.wait_for("got from elsewhere");
    tty.types(b"more\r\x1c");
    assert_eq!(tty.finish().code(), Some(0));
    bgp.wait_until("what was typed before the key has arrived", || {
        bgp.output("web").contains("got more").then_some(())
    });
}

#[test]
fn a_second_one_is_refused_until_the_first_has_gone() {
    let bgp = Sandbox::new();
    if !has_setsid(&bgp) {
        return;
    }
    let process = shell(&bgp, "web", ANSWERS);
    bgp.ready(&process);
    let mut first = Tty::bgp(&bgp, &["attach", "web"], 80, 24);
    first.wait_for("ready");
    let mut second = Tty::bgp(&bgp, &["attach", "web"], 80, 24);
    let before = second.found.clone();
    assert_eq!(second.finish().code(), Some(6));
    assert_eq!(second.settings(), before);
    assert!(second.text().contains("somebody else is attached to 'web'"));
    proc::kill(first.pid(), Signal::SIGKILL);
    first.finish();
    let mut third = Tty::bgp(&bgp, &["attach", "web"], 80, 24);
    third.wait_for("ready");
    third.types(LEAVE);
    assert_eq!(third.finish().code(), Some(0));
}

#[test]
fn what_cannot_be_attached_to_says_why() {
    let bgp = Sandbox::new();
    bgp.start("plain", ["sleep", "60"]);
    bgp.run(["attach", "plain"])
        .failed(2)
        .stderr_has("has no terminal")
        .stderr_has("--pty");
    shell(&bgp, "web", "exec sleep 60");
    bgp.run(["attach", "web"])
        .failed(2)
        .stderr_has("there is no terminal here");
    bgp.run(["attach", "nobody"]).failed(3);
    if !has_setsid(&bgp) {
        return;
    }
    bgp.run(["stop", "web"]).code(0);
    let mut tty = Tty::bgp(&bgp, &["attach", "web"], 80, 24);
    assert_eq!(tty.finish().code(), Some(5));
}

#[test]
fn the_size_follows_and_a_storm_of_sizes_ends_with_the_last() {
    let bgp = Sandbox::new();
    if !has_setsid(&bgp) {
        return;
    }
    let process = shell(&bgp, "web", ANSWERS);
    bgp.ready(&process);
    let mut tty = Tty::bgp(&bgp, &["attach", "web"], 100, 30);
    tty.wait_for("30 100");
    for n in 0..300_u16 {
        tty.resize(40 + n % 97, 10 + n % 31);
    }
    tty.resize(61, 17);
    tty.wait_for("17 61");
    tty.types(LEAVE);
    assert_eq!(tty.finish().code(), Some(0));
    let told = bgp.run(["screen", "--json", "web"]).code(0).json();
    assert_eq!(told["size"], serde_json::json!({"columns": 61, "rows": 17}));
    bgp.run(["verify"]).code(0);
}

#[test]
fn a_terminal_is_left_as_it_was_found_whatever_ends_it() {
    let bgp = Sandbox::new();
    if !has_setsid(&bgp) {
        return;
    }
    // It leaves nothing as it was: the second screen, no cursor, the mouse, keys, colours, margins.
    let wild = "stty raw -echo; printf '\\033[?1049h\\033[?25l\\033[?1000h\\033[?1006h\\033[?2004h\\033[?1h\\033=\
                \\033[31m\\033[3;5r\\033[?7lwild'; head -c 1 >/dev/null";
    for way in ["detach", "exit", "TERM", "HUP", "kill", "stop", "panic"] {
        if way == "panic" && crate::harness::pass_over_a_release() {
            continue;
        }
        let process = shell(&bgp, way, wild);
        bgp.wait_until("it is wild", || {
            bgp.output(way).contains("wild").then_some(())
        });
        let mut command = bgp.foreign("setsid");
        command
            .args(["--ctty", "--wait"])
            .arg(crate::harness::bin());
        command.args(["attach", way]).env("TERM", "xterm");
        if way == "panic" {
            command.env("BGP_PANIC_AT", "attached");
        }
        let mut tty = Tty::run(&mut command, 80, 24);
        let before = tty.found.clone();
        if way != "panic" {
            tty.wait_for("wild");
            tty.wait_until("all modes", |screen| {
                screen.alternate_screen() && screen.hide_cursor() && screen.bracketed_paste()
            });
        }
        match way {
            "detach" => tty.types(LEAVE),
            "exit" => tty.types(b"\r"),
            "stop" => drop(bgp.run(["stop", way]).code(0)),
            "kill" => proc::kill(process.pid, Signal::SIGKILL),
            "TERM" => proc::kill(tty.pid(), Signal::SIGTERM),
            "HUP" => proc::kill(tty.pid(), Signal::SIGHUP),
            _ => {}
        }
        let expected = match way {
            "TERM" => 143,
            "HUP" => 129,
            "panic" => 101,
            _ => 0,
        };
        let status = tty.finish();
        assert_eq!(status.code(), Some(expected), "{way}: {}", tty.text());
        assert_eq!(way == "panic", tty.text().contains("a test asked for it"));
        assert_eq!(tty.settings(), before, "{way}");
        let screen = tty.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor(), "{way}");
        assert!(
            !screen.bracketed_paste() && !screen.application_cursor(),
            "{way}"
        );
        assert!(!screen.application_keypad(), "{way}");
        assert_eq!(
            screen.mouse_protocol_mode(),
            vt100::MouseProtocolMode::None,
            "{way}"
        );
        assert_eq!(screen.fgcolor(), vt100::Color::Default, "{way}");
    }
}

#[test]
fn much_that_is_pasted_arrives_whole() {
    let bgp = Sandbox::new();
    if !has_setsid(&bgp) {
        return;
    }
    let text = numbered("a line that was pasted, number ", 1..=32_000);
    assert!(text.len() > 1 << 20);
    let line = "stty -echo; echo ready; head -c $0 >got; echo over; read -r x";
    let bytes = text.len().to_string();
    let process = bgp.start_with(&["-n", "paste", "--pty"], ["sh", "-c", line, &bytes]);
    bgp.ready(&process);
    let mut tty = Tty::bgp(&bgp, &["attach", "paste"], 80, 24);
    tty.wait_for("ready");
    tty.types(text.replace('\n', "\r").as_bytes());
    tty.wait_for("over");
    tty.types(LEAVE);
    assert_eq!(tty.finish().code(), Some(0));
    assert!(fs::read_to_string(bgp.dir().join("got")).unwrap() == text);
}

#[test]
fn what_is_typed_while_the_next_run_waits_is_told_to_be_dropped() {
    let bgp = Sandbox::new();
    if !has_setsid(&bgp) || crate::harness::pass_over_a_release() {
        return;
    }
    let mut start = bgp.command(["start", "--name", "web", "--pty", "--restart", "always"]);
    start.env("BGP_TEST_BACKOFF_MS", "3600000");
    crate::invocation::finish(start.args(["sh", "-c", "echo ready; read -r x; exit 3"])).code(0);
    let mut tty = Tty::bgp(&bgp, &["attach", "web"], 80, 24);
    tty.wait_for("ready");
    tty.types(b"\r");
    bgp.wait_status("web", "starting");
    tty.types(b"typed\r");
    tty.types(LEAVE);
    tty.wait_for("6 bytes that were typed were not taken, and are dropped");
    assert_eq!(tty.finish().code(), Some(0));
}

#[test]
fn what_is_sent_to_a_supervisor_that_says_nothing_is_not_told_to_be_dropped() {
    let bgp = Sandbox::new();
    if !has_setsid(&bgp) {
        return;
    }
    let process = shell(&bgp, "web", ANSWERS);
    bgp.ready(&process);
    let mut tty = Tty::bgp(&bgp, &["attach", "web"], 80, 24);
    tty.wait_for("ready");
    proc::kill(process.supervisor(), Signal::SIGSTOP);
    tty.types(b"late\r\x1c");
    let status = tty.finish();
    proc::kill(process.supervisor(), Signal::SIGCONT);
    assert_eq!(status.code(), Some(0));
    tty.wait_for("5 bytes that were typed may not have been taken");
}

#[test]
fn an_editor_is_drawn_anew_and_used_and_left() {
    let bgp = Sandbox::new();
    let missing = !bgp.sh("command -v vim").status.success();
    if !has_setsid(&bgp) || proc::pass_over(missing, "there is no vim") {
        return;
    }
    fs::write(bgp.dir().join("text"), numbered("line ", 1..=50)).unwrap();
    shell(&bgp, "vim", "exec vim -u NONE -n text");
    bgp.wait_until("it is drawn", || {
        let screen = bgp.run(["screen", "vim"]).code(0).text();
        screen.contains("line 1\n").then_some(())
    });
    for (columns, rows) in [(40, 10), (80, 24), (200, 60)] {
        let mut tty = Tty::bgp(&bgp, &["attach", "vim"], columns, rows);
        let last = format!("line {}", (rows - 1).min(50));
        tty.wait_until("all rows are used", |screen| {
            screen.alternate_screen() && screen.contents().contains(&last)
        });
        tty.types(LEAVE);
        assert_eq!(tty.finish().code(), Some(0));
        assert!(!tty.screen().alternate_screen());
    }
    let mut tty = Tty::bgp(&bgp, &["attach", "vim"], 80, 24);
    tty.wait_for("line 23");
    tty.types(b"Gonew\x1b:wq\r");
    tty.wait_for("[vim exited with code 0]");
    assert_eq!(tty.finish().code(), Some(0));
    assert!(
        fs::read_to_string(bgp.dir().join("text"))
            .unwrap()
            .ends_with("line 50\nnew\n")
    );
}
