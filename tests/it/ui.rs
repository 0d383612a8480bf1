//! The panel on a terminal of the test's own, looked at through a terminal emulator.
//!
//! What is asserted is what a person sees: the screen after what was typed.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

use crate::harness::{DEADLINE, Sandbox, bin};

/// What a terminal was asked for that the panel has no reason to ask.
#[derive(Default)]
struct Strange(Vec<String>);

impl vt100::Callbacks for Strange {
    fn audible_bell(&mut self, _: &mut vt100::Screen) {
        self.0.push("bell".to_owned());
    }

    fn resize(&mut self, _: &mut vt100::Screen, _: (u16, u16)) {
        self.0.push("resize".to_owned());
    }

    fn set_window_title(&mut self, _: &mut vt100::Screen, title: &[u8]) {
        self.0.push(format!("title {}", title.escape_ascii()));
    }

    fn copy_to_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8], _: &[u8]) {
        self.0.push("clipboard".to_owned());
    }

    fn paste_from_clipboard(&mut self, _: &mut vt100::Screen, _: &[u8]) {
        self.0.push("paste".to_owned());
    }

    fn unhandled_control(&mut self, _: &mut vt100::Screen, control: u8) {
        self.0.push(format!("control {control}"));
    }

    fn unhandled_osc(&mut self, _: &mut vt100::Screen, _: &[&[u8]]) {
        self.0.push("command".to_owned());
    }
}

/// `bgp ui` in a session of its own, of which its stdin becomes the terminal.
fn panel(bgp: &Sandbox) -> Command {
    let mut command = bgp.foreign("setsid");
    command.arg("--ctty").arg(bin()).arg("ui");
    command
}

/// A panel on a terminal.
struct Panel {
    child: Child,
    terminal: File,
    /// Kept open, so that its settings can be read when the panel has gone.
    tty: OwnedFd,
    screen: vt100::Parser<Strange>,
    before: Termios,
}

impl Panel {
    fn open(bgp: &Sandbox, columns: u16, rows: u16) -> Self {
        Self::of(panel(bgp), columns, rows)
    }

    fn of(mut command: Command, columns: u16, rows: u16) -> Self {
        let size = winsize(columns, rows);
        let pty = openpty(Some(&size), None).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        command
            .env("TERM", "xterm-256color")
            .stdin(end())
            .stdout(end())
            .stderr(end());
        Self {
            before: tcgetattr(&pty.slave).unwrap(),
            child: command.spawn().unwrap(),
            terminal: File::from(pty.master),
            tty: pty.slave,
            screen: vt100::Parser::new_with_callbacks(
                NonZero::new(rows).unwrap(),
                NonZero::new(columns).unwrap(),
                0,
                Strange::default(),
            ),
        }
    }

    fn types(&mut self, text: &str) -> &mut Self {
        self.terminal.write_all(text.as_bytes()).unwrap();
        self
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let tty = nix::unistd::ttyname(&self.tty).unwrap();
        let size = [columns, rows].map(|size| size.to_string());
        let mut stty = Command::new("stty");
        stty.arg("-F")
            .arg(tty)
            .args(["cols", &size[0], "rows", &size[1]]);
        assert!(stty.status().unwrap().success());
        self.screen
            .set_size(NonZero::new(rows).unwrap(), NonZero::new(columns).unwrap());
    }

    fn contents(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen is as `wanted` says.
    #[track_caller]
    fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> &mut Self {
        let begun = Instant::now();
        while !wanted(&self.contents()) {
            assert!(
                begun.elapsed() < DEADLINE,
                "no {what} on\n{}",
                self.contents()
            );
            self.take(Duration::from_millis(100));
        }
        self
    }

    #[track_caller]
    fn shows(&mut self, text: &str) -> &mut Self {
        self.until(text, |screen| screen.contains(text))
    }

    #[track_caller]
    fn hides(&mut self, text: &str) -> &mut Self {
        self.until(&format!("screen without {text}"), |screen| {
            !screen.contains(text)
        })
    }

    /// Attaches to a program that has written `ready` on its first row, from where it is gone when it is
    /// left: once it stands there, all that is typed is the program's.
    #[track_caller]
    fn attaches(&mut self) -> &mut Self {
        self.types("a")
            .until("terminal of its own", |screen| screen.starts_with("ready"))
    }

    /// Takes what the panel writes, if it does in this time; whether it did.
    fn take(&mut self, limit: Duration) -> bool {
        let mut fds = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
        let limit = u16::try_from(limit.as_millis()).unwrap();
        if poll(&mut fds, limit) != Ok(1) {
            return false;
        }
        let mut bytes = [0; 16 * 1024];
        match self.terminal.read(&mut bytes) {
            Ok(count) => self.screen.process(&bytes[..count]),
            Err(_) => return false, // nobody has it open any more
        }
        true
    }

    /// Waits until the panel has ended, and looks that the terminal is as it was.
    #[track_caller]
    fn ends(&mut self) -> ExitStatus {
        let begun = Instant::now();
        let status = loop {
            self.take(Duration::from_millis(20));
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "it goes on:\n{}",
                self.contents()
            );
        };
        while self.take(Duration::ZERO) {}
        self.is_given_back();
        status
    }

    #[track_caller]
    fn is_given_back(&self) {
        assert_eq!(tcgetattr(&self.tty).unwrap(), self.before);
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap())
    }

    /// The number of the row that has `text`.
    #[track_caller]
    fn row(&self, text: &str) -> usize {
        let contents = self.contents();
        let found = contents.lines().position(|row| row.contains(text));
        found.unwrap_or_else(|| panic!("no {text} on\n{contents}"))
    }
}

impl Drop for Panel {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn winsize(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

#[test]
fn all_that_there_is_is_listed_with_the_log_of_the_selected_one() {
    for (columns, rows) in [(40, 10), (80, 24), (200, 60)] {
        let bgp = Sandbox::new();
        let old = bgp.start("old", ["sh", "-c", "echo i am $0; exec sleep 1000", "old"]);
        bgp.start("bad", ["sh", "-c", "echo i am $0; exit 3", "bad"]);
        bgp.wait_status("bad", "failed");
        bgp.start("new", ["sh", "-c", "echo i am $0; exec sleep 1000", "new"]);
        let mut panel = Panel::open(&bgp, columns, rows);
        panel
            .shows("2 running  1 failed")
            .shows("failed(3)")
            .shows("i am new");
        assert!(panel.row(" new ") < panel.row(" old ") && panel.row(" old ") < panel.row(" bad "));
        panel.types("j").shows("i am old").hides("i am new");
        panel.types("j").shows("i am bad");
        panel.types("k").shows("i am old");
        panel.types("G").shows("i am bad");
        panel.types("\x1b[A\x1b[A").shows("i am new");
        panel
            .types("/old\r")
            .hides("bad")
            .shows("i am old")
            .shows("/old");
        panel.types("\x1b").shows("bad");
        assert_eq!(old.name, "old");
        panel.types("q");
        assert_eq!(panel.ends().code(), Some(0));
    }
}

#[test]
fn a_stream_goes_on_while_it_is_looked_at() {
    let bgp = Sandbox::new();
    bgp.start("cat", ["cat"]);
    let mut panel = Panel::open(&bgp, 80, 24);
    panel.shows("no output").types("\r").hides("NAME");
    panel.types("shello\r").shows("hello").shows("sent to cat");
    let many = (0..100).fold(String::new(), |all, n| all + &format!("s{n:03} line\r"));
    panel.types(&many).shows("099 line");
    assert_eq!(panel.row("099 line"), 22, "the last row above the last");
    panel.types("K").shows("more below").hides("099 line");
    panel.types("g").shows("hello").hides("050 line");
    panel.types("G").shows("099 line").hides("more below");
    panel
        .types("/05\r")
        .shows("050 line")
        .hides("049 line")
        .hides("060 line");
    panel.types("q").shows("NAME").shows("099 line");
    panel.types("q");
    assert_eq!(panel.ends().code(), Some(0));
}

#[test]
fn streams_are_told_apart() {
    let bgp = Sandbox::new();
    bgp.start(
        "both",
        [
            "sh",
            "-c",
            "echo to $0; echo to $1 >&2; exec sleep 1000",
            "out",
            "err",
        ],
    );
    let mut panel = Panel::open(&bgp, 80, 24);
    panel.shows("to out").shows("to err");
    panel
        .types("\t")
        .shows("stdout")
        .hides("to err")
        .shows("to out");
    panel
        .types("\t")
        .shows("stderr")
        .hides("to out")
        .shows("to err");
    panel.types("\t").shows("to out").shows("to err");
    panel.types("\x03");
    assert_eq!(panel.ends().code(), Some(0));
}

/// The panel goes on while a process takes its time to end.
#[test]
fn x_and_y_stop_and_c_clears_and_nothing_else_does() {
    let bgp = Sandbox::new();
    bgp.start_with(
        &["--name", "stubborn", "--grace", "1h"],
        [
            "sh",
            "-c",
            "trap '' TERM; echo ready; while :; do sleep 1; done",
        ],
    );
    bgp.start("web", ["sleep", "1000"]);
    let mut panel = Panel::open(&bgp, 80, 24);
    panel
        .shows("2 running")
        .types("x")
        .shows("stop web?")
        .types("n")
        .hides("stop web?");
    panel.types("y").types("x").shows("stop web?").types("y");
    panel.shows("killed(TERM)").shows("web killed(TERM) after");
    panel.types("g").shows("ready");
    panel.types("xy").shows("stopping");
    panel
        .types("j")
        .types("?")
        .shows("suspend")
        .types("q")
        .hides("suspend");
    assert_eq!(bgp.status("stubborn")["status"], "stopping");
    panel
        .types("c")
        .shows("cleared web")
        .types("x")
        .shows("stop stubborn?");
    panel.types("k").shows("killed(KILL)");
    panel.types("c").shows("no processes");
    assert!(bgp.list().is_empty());
    panel.types("q");
    assert_eq!(panel.ends().code(), Some(0));
}

/// Nothing else is due here for seconds: only the key itself can have been waited for.
#[test]
fn escape_is_a_key_of_its_own_soon_whatever_else_is_due() {
    let bgp = Sandbox::new();
    bgp.run(["start", "--name", "ended", "true"]).code(0);
    bgp.run(["wait", "ended"]).code(0);
    let mut panel = Panel::open(&bgp, 80, 24);
    panel.shows("1 ended");
    let begun = Instant::now();
    for _ in 0..6 {
        panel.types("?").shows("suspend");
        std::thread::sleep(Duration::from_millis(300)); // it is read, and what was due soon is over
        panel.types("\x1b").hides("suspend");
    }
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(12), "{took:?}");
    panel.types("q");
    assert_eq!(panel.ends().code(), Some(0));
}

/// An end is shown when the leader's is written; the last word follows a moment later.
#[test]
fn what_is_shown_as_ended_can_be_cleared() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "1000"]);
    // A stranger holds the pipe, and with it the last word.
    let held = File::options()
        .write(true)
        .open(format!("/proc/{}/fd/1", web.pid))
        .unwrap();
    let mut panel = Panel::open(&bgp, 80, 24);
    panel.shows("1 running");
    kill(Pid::from_raw(web.pid), Signal::SIGTERM).unwrap();
    panel.shows("killed(TERM)");
    // A supervisor waits no longer than a second for a stranger; the rest holds all the same.
    let is_early = !bgp.lease_is_held(&web.id);
    crate::proc::pass_over(is_early, "the last word came too early to matter");
    panel.types("c").shows("cleared web").types("q");
    assert_eq!(panel.ends().code(), Some(0));
    drop(held);
}

#[test]
fn r_starts_anew_what_lives_and_what_has_ended() {
    let bgp = Sandbox::new();
    let first = bgp.start("web", ["sleep", "1000"]);
    let mut panel = Panel::open(&bgp, 80, 24);
    panel
        .shows("1 running")
        .types("r")
        .shows("web was started anew");
    panel.shows("1 ended");
    let second = bgp.status("web");
    assert_eq!(second["previous"], first.id.as_str());
    assert_eq!(bgp.status(&first.id)["reason"], "restart");
    panel.types("G").types("r").shows("is taken by").types("q");
    assert_eq!(panel.ends().code(), Some(0));
}

#[test]
fn what_others_do_is_seen() {
    let bgp = Sandbox::new();
    bgp.start("first", ["sleep", "1000"]);
    let mut panel = Panel::open(&bgp, 80, 24);
    panel.shows("1 running");
    bgp.start("second", ["sleep", "1000"]);
    panel.shows("2 running").shows("second");
    bgp.run(["stop", "first"]).code(0);
    panel.shows("first killed(TERM) after").shows("1 ended");
    bgp.run(["clear"]).code(0);
    panel.hides("1 ended");
    bgp.run(["stop", "second"]).code(0);
    // It has taken no alert from anybody, and written nothing: that is for the commands.
    panel.shows("second killed(TERM)").types("q");
    assert_eq!(panel.ends().code(), Some(0));
}

#[test]
fn what_is_raised_is_told_and_consumed_by_nobody() {
    let bgp = Sandbox::new();
    let talks = ["--name", "web", "--alert-on-output", "ERROR"];
    bgp.start_with(&talks, ["cat"]);
    bgp.start_with(
        &["--name", "quiet", "--alert-on-idle", "1s"],
        ["sleep", "1000"],
    );
    bgp.run(["send", "web", "ERROR before"]).code(0);
    let pending = |count: usize| {
        bgp.wait_until("the alerts are there", || {
            let told = bgp.run(["alerts", "--peek", "--json"]).code(0).json();
            (told["alerts"].as_array().unwrap().len() == count).then_some(told)
        })
    };
    pending(2);
    let mut panel = Panel::open(&bgp, 100, 24);
    panel.shows("2 running").shows("q quit");
    assert!(!panel.contents().contains("wrote:"), "that was before");
    bgp.run(["send", "web", "ERROR number two"]).code(0);
    panel.shows("web wrote: ERROR number two");
    panel.hides("wrote:").shows("q quit");
    bgp.start_with(
        &["--name", "mute", "--alert-on-idle", "100ms"],
        ["sleep", "1000"],
    );
    panel.shows("mute has written nothing for");
    panel.types("q");
    assert_eq!(panel.ends().code(), Some(0));
    pending(4);
}

/// An echo of what is typed, byte by byte, on a terminal of its own that changes nothing of it.
const RAW: &str = "stty raw -echo; echo ready; exec od -An -c -w1 -v";

#[test]
fn a_line_for_a_terminal_ends_as_the_enter_key_does() {
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "raw", "--pty"], ["sh", "-c", RAW]);
    bgp.start("pipe", ["od", "-An", "-c", "-w1", "-v"]);
    let mut panel = Panel::open(&bgp, 80, 24);
    panel
        .shows("pipe")
        .types("j")
        .shows("ready")
        .types("sx\r")
        .shows("sent to raw");
    bgp.wait_until("a carriage return came", || {
        bgp.output("raw").contains("\\r").then_some(())
    });
    assert!(!bgp.output("raw").contains("\\n"));
    panel.types("ksx\r").shows("sent to pipe");
    bgp.run(["send", "--eof", "pipe"]).code(0);
    bgp.wait_until("a newline came", || {
        bgp.output("pipe").contains("\\n").then_some(())
    });
    panel.types("q");
    assert_eq!(panel.ends().code(), Some(0));
}

/// A program on a terminal that answers each line.
const ANSWERS: &str = "echo ready; while read -r line; do echo \"got $line\"; done";

#[test]
fn a_takes_over_a_terminal_and_leads_back() {
    let bgp = Sandbox::new();
    bgp.start("plain", ["sleep", "1000"]);
    let web = bgp.start_with(&["--name", "web", "--pty"], ["sh", "-c", ANSWERS]);
    let mut panel = Panel::open(&bgp, 80, 24);
    for open in ["", "\r"] {
        panel.shows("ready").types(open).attaches();
        assert!(!panel.screen.screen().alternate_screen());
        // All keys are the program's, also those of the panel.
        panel.types("qq\r").shows("got qq");
        panel.resize(100, 30);
        panel.types("\x1c").shows("running").shows("got qq");
        assert!(panel.screen.screen().alternate_screen());
        let last = panel.contents().lines().nth(29).unwrap().to_owned();
        assert!(last.contains("? help"), "it has the new size: {last}");
        panel.resize(80, 24);
        panel.until("the old size", |screen| {
            screen
                .lines()
                .nth(23)
                .is_some_and(|row| row.contains("? help"))
        });
    }
    assert!(crate::proc::alive(web.pid), "it is left alone");
    panel.types("q").shows("NAME");
    // Its end leads back too.
    panel.attaches().types("\x04");
    panel.shows("1 ended").shows("web exited after");
    panel.types("Ga").shows("does not run");
    panel.types("ga").shows("has no terminal of its own");
    assert!(panel.contents().contains("NAME"));
    // And it can be stopped and continued as before.
    panel.screen.process(b"\x1b[2J");
    panel.types("\x1a").shows("1 running");
    panel.types("?").shows("suspend").types("qq");
    assert_eq!(panel.ends().code(), Some(0));
}

#[test]
fn a_terminal_that_somebody_has_is_not_taken_over() {
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "web", "--pty"], ["sh", "-c", ANSWERS]);
    let mut first = Panel::open(&bgp, 80, 24);
    first.shows("ready").attaches();
    let mut second = Panel::open(&bgp, 80, 24);
    second
        .shows("ready")
        .types("a")
        .shows("somebody else is attached");
    second.types("q");
    assert_eq!(second.ends().code(), Some(0));
    first.types("\x1c").shows("1 running").types("q");
    assert_eq!(first.ends().code(), Some(0));
}

#[test]
fn another_size_is_filled_at_once_however_often_it_changes() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sh", "-c", "seq 1 300; exec sleep 1000"]);
    let mut panel = Panel::open(&bgp, 80, 24);
    panel.shows("300");
    for round in 0..200_u16 {
        panel.resize(1 + round % 150, 1 + round * 7 % 60);
    }
    for (columns, rows) in [(200, 60), (40, 10), (80, 24)] {
        panel.resize(columns, rows);
        panel.until("the whole screen", |screen| {
            let last = screen.lines().nth(usize::from(rows) - 1).unwrap_or("");
            screen.contains("1 running") && last.contains("q quit") && screen.contains("\n300")
        });
    }
    panel.types("q");
    assert_eq!(panel.ends().code(), Some(0));
}

#[test]
fn the_terminal_is_given_back_whatever_ends_it() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "1000"]);
    for signal in [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
    ] {
        let mut panel = Panel::open(&bgp, 80, 24);
        panel.shows("1 running");
        kill(panel.pid(), signal).unwrap();
        assert_eq!(panel.ends().signal(), Some(signal as i32));
    }
}

#[test]
fn the_terminal_is_given_back_from_an_attached_one() {
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "web", "--pty"], ["sh", "-c", ANSWERS]);
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let mut panel = Panel::open(&bgp, 80, 24);
        panel.shows("ready").attaches();
        kill(panel.pid(), signal).unwrap();
        assert_eq!(panel.ends().signal(), Some(signal as i32));
    }
}

/// Only a debug build can be asked to.
#[test]
fn a_panic_gives_the_terminal_back_before_it_is_told() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "web", "--pty"], ["sh", "-c", ANSWERS]);
    for (place, keys) in [("panel-shown", ""), ("attached", "a")] {
        let mut command = panel(&bgp);
        command.env("BGP_PANIC_AT", place);
        let mut panel = Panel::of(command, 80, 24);
        panel.types(keys);
        assert_eq!(panel.ends().code(), Some(101), "{place}");
        panel.shows("a test asked for it");
    }
}

#[test]
fn it_goes_on_after_a_stop() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "1000"]);
    let mut panel = Panel::open(&bgp, 80, 24);
    panel.shows("1 running");
    // Nobody could continue it here, so that the kernel does not stop it at all (setpgid(2)).
    panel.screen.process(b"\x1b[2J");
    panel
        .types("\x1a")
        .shows("1 running")
        .types("?")
        .shows("suspend");
    kill(panel.pid(), Signal::SIGSTOP).unwrap();
    panel.screen.process(b"\x1b[2J");
    kill(panel.pid(), Signal::SIGCONT).unwrap();
    panel.shows("suspend");
    panel.types("?").hides("suspend").types("q");
    assert_eq!(panel.ends().code(), Some(0));
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let bgp = Sandbox::new();
    bgp.run(["ui"]).failed(2).stderr_has("bgp list");
    bgp.run(["ui", "--json"]).code(2);
    let fresh = Sandbox::fresh();
    let mut panel = Panel::open(&fresh, 80, 24);
    assert_eq!(panel.ends().code(), Some(3));
    assert!(panel.contents().contains("bgp start COMMAND"));
    assert!(!fresh.state().exists());
}

#[test]
fn no_color_is_no_colour() {
    let bgp = Sandbox::new();
    bgp.start(
        "red",
        [
            "sh",
            "-c",
            "printf '\\033[31mred\\033[m ERROR\\n'; exec sleep 1000",
        ],
    );
    for (no_color, expected) in [("", true), ("1", false)] {
        let mut command = panel(&bgp);
        command.env("NO_COLOR", no_color);
        let mut panel = Panel::of(command, 80, 24);
        panel.shows("red ERROR");
        let screen = panel.screen.screen();
        let coloured = (0..24)
            .flat_map(|row| (0..80).map(move |column| (row, column)))
            .any(|(row, column)| {
                screen.cell(row, column).unwrap().fgcolor() != vt100::Color::Default
            });
        assert_eq!(coloured, expected, "NO_COLOR={no_color}");
        panel.types("q");
        panel.ends();
    }
}

/// F8: a program's sequences do nothing to the terminal, and its text is where it belongs.
#[test]
fn a_hostile_program_is_only_shown() {
    let bgp = Sandbox::new();
    let hostile = bgp.dir().join("hostile");
    std::fs::write(&hostile, corpus()).unwrap();
    let hostile = hostile.to_str().unwrap();
    bgp.start(
        "bad\u{2d}name",
        [
            "sh",
            "-c",
            &format!("cat {hostile}; echo; echo the end; exec sleep 1000"),
        ],
    );
    for (columns, rows) in [(40, 10), (200, 60)] {
        let mut panel = Panel::open(&bgp, columns, rows);
        panel.shows("the end").types("\r").shows("q back");
        for key in ["K", "\x15", "g", "\x1b[6~", "\x1b[6~", "G"] {
            panel.types(key);
            panel.take(Duration::from_millis(200));
            let screen = panel.screen.screen();
            assert!(screen.alternate_screen() && screen.hide_cursor(), "{key:?}");
            assert!(
                screen
                    .contents()
                    .lines()
                    .next()
                    .unwrap()
                    .contains("bad-name")
            );
        }
        assert!(
            panel.screen.callbacks().0.is_empty(),
            "{:?}",
            panel.screen.callbacks().0
        );
        panel.types("qq");
        assert_eq!(panel.ends().code(), Some(0));
    }
}

/// Sequences that do something to a terminal, and random bytes.
fn corpus() -> Vec<u8> {
    let mut bytes = Vec::new();
    for sequence in [
        "\x1b[2J\x1b[H",
        "\x1bc",
        "\x1b[?1049l",
        "\x1b[?25h",
        "\x1b[?1000l",
        "\x1b]0;title\x07",
        "\x1b]52;c;AAAA\x07",
        "\x1b[6n",
        "\x1b[c",
        "\x1b[5n",
        "\x1b[1;1H",
        "\x1b[10;20r",
        "\x1b[?1049h",
        "\x1bP+q544e\x1b\\",
        "\x1b]10;?\x07",
        "\x1b[21t",
        "\x1b[8;5;5t",
        "\x1b(0",
        "\x0e",
        "\x1b#8",
        "\x1b[4h",
        "\x1b[20h",
        "\x1b[?7l",
        "\x1b[100A",
        "\x1bM",
        "\x1bD",
        "\x1b[!p",
        "\x1b[999999999999m",
        "\x1b[38;2;1;2;3m",
        "\x07\x08\x0b\x0c\x7f",
        "\u{202e}\u{2066}",
        "\u{9b}2J",
    ] {
        bytes.extend_from_slice(b"before ");
        bytes.extend_from_slice(sequence.as_bytes());
        bytes.extend_from_slice(b" after\n");
    }
    let mut random = fastrand::Rng::with_seed(15);
    bytes.extend((0..64 * 1024).map(|_| random.u8(..)));
    bytes.extend_from_slice(b"\x1b\\\x18\n");
    bytes
}
