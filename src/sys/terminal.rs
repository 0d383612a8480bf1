//! The terminal of this process: whether somebody sits there, and a line typed without being shown.
//!
//! Does not: draw; the panel has its own.
#![expect(
    unsafe_code,
    reason = "sigaction(2) takes a function that runs in a signal"
)]

use std::io::{self, IsTerminal as _, PipeReader, PipeWriter, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, raise, sigaction};
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{getpgrp, read, tcgetpgrp};
use zeroize::Zeroizing;

/// The longest line that is read, in bytes: what a terminal holds of one (termios(3)).
pub(crate) const LINE_MAX_BYTES: usize = 4096;

/// What may end or stop us while the echo is off.
const SIGNALS: [Signal; 5] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGTSTP,
];

/// The first of [`SIGNALS`] that came, or 0.
static CAUGHT: AtomicI32 = AtomicI32::new(0);
/// The descriptor that wakes the one who reads, while there is one.
static WAKE: AtomicI32 = AtomicI32::new(-1);

/// Whether a question can be asked: stdin and stderr are terminals, and we are in the foreground.
///
/// In the background a read would stop us (SIGTTIN).
pub(crate) fn somebody_is_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal() && is_foreground()
}

/// Whether stdin is our terminal and this process is in its foreground.
pub(crate) fn is_foreground() -> bool {
    tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp())
}

/// Writes `prompt` to stderr and reads a line from stdin that is not shown, without its newline; `None`
/// at the end of file.
///
/// The terminal is as before when this returns, also when a signal ends or stops the process meanwhile:
/// the signal takes effect once the echo is on again. Call it when [`somebody_is_there`], from one thread.
///
/// # Errors
///
/// `Interrupted` when a signal came that does not end the process; else as the system says.
pub(crate) fn read_hidden(prompt: &str) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    loop {
        let guard = Quiet::new()?;
        write!(io::stderr(), "{prompt}")?;
        let line = read_line(&guard.woken);
        drop(guard);
        writeln!(io::stderr())?; // the one that was typed was not shown
        let Ok(signal) = Signal::try_from(CAUGHT.swap(0, Ordering::Relaxed)) else {
            return line;
        };
        raise(signal)?;
        if signal != Signal::SIGTSTP {
            // Whoever handles it lives on, and decides.
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
}

fn read_line(woken: &PipeReader) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let stdin = io::stdin();
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_MAX_BYTES));
    loop {
        let mut ready = [stdin.as_fd(), woken.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) if ready[1].any() == Some(true) => {
                return Err(io::ErrorKind::Interrupted.into());
            }
            Ok(_) => (),
            Err(Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let mut byte = [0];
        match read(stdin.as_fd(), &mut byte) {
            Ok(0) if line.is_empty() => return Ok(None),
            Ok(0) => return Ok(Some(line)),
            Ok(_) if byte == *b"\n" => return Ok(Some(line)),
            Ok(_) if line.len() == LINE_MAX_BYTES => {
                return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
            }
            Ok(_) => line.push(byte[0]),
            Err(Errno::EAGAIN | Errno::EINTR) => (),
            Err(error) => return Err(error.into()),
        }
    }
}

/// While it exists, the terminal shows nothing of what is typed, and [`SIGNALS`] only wake the reader.
struct Quiet {
    outer_terminal: Termios,
    outer_actions: Vec<(Signal, SigAction)>,
    woken: PipeReader,
    _wake: PipeWriter,
}

impl Quiet {
    fn new() -> io::Result<Self> {
        let outer_terminal = tcgetattr(io::stdin())?;
        let (woken, wake) = io::pipe()?;
        WAKE.store(wake.as_raw_fd(), Ordering::Relaxed);
        let mut guard = Self {
            outer_terminal,
            outer_actions: Vec::new(),
            woken,
            _wake: wake,
        };
        let caught = SigAction::new(
            SigHandler::Handler(catch),
            SaFlags::SA_RESTART,
            SigSet::empty(),
        );
        for signal in SIGNALS {
            // SAFETY: `catch` does only what signal-safety(7) allows.
            let outer = unsafe { sigaction(signal, &caught) }?;
            guard.outer_actions.push((signal, outer));
            if matches!(outer.handler(), SigHandler::SigIgn) {
                // SAFETY: it puts back what was there.
                unsafe { sigaction(signal, &outer) }?;
            }
        }
        let mut quiet = guard.outer_terminal.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        quiet
            .local_flags
            .insert(LocalFlags::ICANON | LocalFlags::ISIG);
        tcsetattr(io::stdin(), SetArg::TCSAFLUSH, &quiet)?;
        Ok(guard)
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        tcsetattr(io::stdin(), SetArg::TCSADRAIN, &self.outer_terminal).ok();
        for (signal, outer) in &self.outer_actions {
            // SAFETY: it puts back what was there before.
            unsafe { sigaction(*signal, outer) }.ok();
        }
        WAKE.store(-1, Ordering::Relaxed);
    }
}

/// Notes the signal and wakes the reader: a store to an atomic and write(2), which signal-safety(7) allows.
extern "C" fn catch(signal: i32) {
    let first = CAUGHT.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed);
    if first.is_err() {
        return; // it has been woken, and the pipe must not fill
    }
    let errno = Errno::last();
    // SAFETY: the byte lives while it is written; a descriptor that is closed meanwhile is EBADF.
    unsafe { libc::write(WAKE.load(Ordering::Relaxed), c"!".as_ptr().cast(), 1) };
    errno.set();
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::os::fd::OwnedFd;
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::{Child, Command, Stdio};

    use nix::poll::{PollFd, PollFlags, poll};

    use super::*;

    const PROMPT: &str = "the secret? ";

    /// Not a test by itself: what the others run on a terminal of its own.
    #[test]
    fn a_child_that_asks() {
        if std::env::var_os("BGP_TEST_ASK").is_some() {
            assert!(somebody_is_there());
            let line = read_hidden(PROMPT).unwrap();
            let text = line.map(|line| String::from_utf8(line.to_vec()).unwrap());
            writeln!(io::stderr(), "got {text:?}").unwrap();
        }
    }

    struct Asking {
        child: Child,
        terminal: File,
    }

    impl Asking {
        #[cfg_attr(
            target_os = "macos",
            expect(clippy::cast_lossless, reason = "other types elsewhere")
        )]
        fn new() -> Self {
            let pty = nix::pty::openpty(None, None).unwrap();
            let end = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
            let mut command = Command::new(std::env::current_exe().unwrap());
            command
                .args(["--exact", "sys::terminal::tests::a_child_that_asks"])
                .env("BGP_TEST_ASK", "1")
                .stdin(end(&pty.slave))
                .stdout(Stdio::null())
                .stderr(end(&pty.slave))
                .arg("--nocapture");
            // SAFETY: between fork(2) and execve(2) it makes system calls alone, allocates nothing and
            // takes no lock.
            unsafe {
                command.pre_exec(|| {
                    // Who runs the tests in the background has them ignored, and it keeps to that.
                    for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTSTP] {
                        nix::sys::signal::signal(signal, SigHandler::SigDfl)?;
                    }
                    nix::unistd::setsid()?;
                    Errno::result(libc::ioctl(0, libc::TIOCSCTTY as _, 0))?;
                    Ok(())
                })
            };
            let child = command.spawn().unwrap();
            let terminal = File::from(pty.master);
            Self { child, terminal }
        }

        /// Reads what it shows up to `text`.
        fn shows(&mut self, text: &str) -> String {
            let mut shown = String::new();
            while !shown.contains(text) {
                let mut fds = [PollFd::new(self.terminal.as_fd(), PollFlags::POLLIN)];
                assert_eq!(
                    poll(&mut fds, 10_000_u16),
                    Ok(1),
                    "{shown:?} and no {text:?}"
                );
                let mut byte = [0];
                self.terminal.read_exact(&mut byte).unwrap();
                shown.push(char::from(byte[0]));
            }
            shown
        }

        fn types(&mut self, text: &str) {
            self.terminal.write_all(text.as_bytes()).unwrap();
        }

        fn echoes(&self) -> bool {
            let settings = tcgetattr(&self.terminal).unwrap();
            settings.local_flags.contains(LocalFlags::ECHO)
        }
    }

    #[test]
    fn what_is_typed_is_read_and_not_shown() {
        let mut asking = Asking::new();
        asking.shows(PROMPT);
        assert!(!asking.echoes());
        asking.types("open s\u{e9}same\n");
        let shown = asking.shows("got Some(\"open s\u{c3}\u{a9}same\")");
        assert_eq!(shown.matches("same").count(), 1);
        assert!(asking.echoes());
        assert!(asking.child.wait().unwrap().success());
    }

    #[test]
    fn end_of_file_is_no_line_and_an_erased_character_does_not_count() {
        let mut asking = Asking::new();
        asking.shows(PROMPT);
        asking.types("\x04");
        asking.shows("got None");
        asking.child.wait().unwrap();
        let mut asking = Asking::new();
        asking.shows(PROMPT);
        asking.types("ax\x7fb\n");
        asking.shows("got Some(\"ab\")");
        asking.child.wait().unwrap();
    }

    #[test]
    fn a_signal_ends_it_with_the_echo_on_again() {
        let mut asking = Asking::new();
        asking.shows(PROMPT);
        asking.types("half\x03");
        let status = asking.child.wait().unwrap();
        assert_eq!(status.signal(), Some(libc::SIGINT));
        assert!(asking.echoes());
    }

    #[test]
    fn after_a_stop_it_asks_again() {
        let mut asking = Asking::new();
        asking.shows(PROMPT);
        // Nobody could continue it here, so that the kernel does not stop it at all (setpgid(2)).
        asking.types("half\x1a");
        asking.shows(PROMPT);
        assert!(!asking.echoes());
        asking.types("whole\n");
        asking.shows("got Some(\"whole\")");
        asking.child.wait().unwrap();
    }
}
