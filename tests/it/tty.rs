//! A terminal of the test's own: a program in it, what is typed, and what stands on its screen.
//!
//! Does not: know bgp; `setsid` gives a program its terminal.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{Termios, tcgetattr};

use crate::harness::{DEADLINE, Sandbox};

/// A program in a terminal of its own.
pub(crate) struct Tty {
    master: File,
    slave: OwnedFd,
    child: Child,
    /// How it was set before the program ran.
    pub(crate) found: Termios,
    screen: vt100::Parser,
    /// Every byte that came.
    pub(crate) seen: Vec<u8>,
}

impl Tty {
    /// Runs bgp with `args` in a terminal of this size.
    pub(crate) fn bgp(bgp: &Sandbox, args: &[&str], columns: u16, rows: u16) -> Self {
        let mut command = bgp.foreign("setsid");
        command
            .args(["--ctty", "--wait"])
            .arg(crate::harness::bin())
            .args(args);
        command.env("TERM", "xterm-256color");
        Self::run(&mut command, columns, rows)
    }

    /// Runs `command`, whose stdio will be the terminal.
    pub(crate) fn run(command: &mut Command, columns: u16, rows: u16) -> Self {
        let pty = openpty(Some(&size(columns, rows)), None).unwrap();
        let found = tcgetattr(&pty.slave).unwrap();
        let end = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn();
        fcntl(&pty.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let extent = |n| std::num::NonZeroU16::new(n).unwrap();
        Self {
            master: File::from(pty.master),
            slave: pty.slave,
            child: child.unwrap(),
            found,
            screen: vt100::Parser::new(extent(rows), extent(columns), 0),
            seen: Vec::new(),
        }
    }

    /// The pid of the program: `setsid` has become it.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// Types all of `bytes`, and takes what comes meanwhile.
    #[track_caller]
    pub(crate) fn types(&mut self, mut bytes: &[u8]) {
        let begun = Instant::now();
        while !bytes.is_empty() {
            match self.master.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.take(Duration::from_millis(10));
                }
                Err(error) => panic!("{error}"),
            }
            assert!(
                begun.elapsed() < 2 * DEADLINE,
                "{} bytes are left",
                bytes.len()
            );
        }
    }

    /// Takes what has come, and what comes within `limit`.
    fn take(&mut self, limit: Duration) {
        let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut fds, u16::try_from(limit.as_millis()).unwrap());
        let mut buffer = vec![0; 65536];
        while let Ok(count @ 1..) = self.master.read(&mut buffer) {
            self.screen.process(&buffer[..count]);
            self.seen.extend_from_slice(&buffer[..count]);
        }
    }

    /// What stands on the screen.
    pub(crate) fn text(&mut self) -> String {
        self.take(Duration::ZERO);
        self.screen.screen().contents()
    }

    /// Waits until `wanted` stands on the screen.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, wanted: &str) {
        self.wait_until(wanted, |screen| screen.contents().contains(wanted));
    }

    #[track_caller]
    pub(crate) fn wait_until(&mut self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let begun = Instant::now();
        while !holds(self.screen.screen()) {
            self.take(Duration::from_millis(10));
            assert!(
                begun.elapsed() < DEADLINE,
                "{what:?} did not come to stand on the screen:\n{}",
                self.screen.screen().contents()
            );
        }
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        let args = ["cols", &columns.to_string(), "rows", &rows.to_string()];
        let slave = Stdio::from(self.slave.try_clone().unwrap());
        let done = Command::new("stty").args(args).stdin(slave).status();
        assert!(done.unwrap().success());
        let extent = |n| std::num::NonZeroU16::new(n).unwrap();
        self.screen.set_size(extent(rows), extent(columns));
    }

    /// How it is set.
    pub(crate) fn settings(&self) -> Termios {
        tcgetattr(&self.slave).unwrap()
    }

    pub(crate) fn screen(&self) -> &vt100::Screen {
        self.screen.screen()
    }

    /// Waits for the program's end.
    #[track_caller]
    pub(crate) fn finish(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            self.take(Duration::from_millis(10));
            if let Some(status) = self.child.try_wait().unwrap() {
                self.take(Duration::ZERO);
                return status;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "it does not end:\n{}",
                self.screen.screen().contents()
            );
        }
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
