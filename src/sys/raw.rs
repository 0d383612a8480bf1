//! The terminal of this process in raw mode, and as it was found again: whatever happens.
//!
//! It is opened once more for it, so that a read or write never waits, and what shares our stdin is not
//! changed. The way back is kept where a panic finds it: a hook restores the terminal before anything is
//! told.
//! Does not: know what is drawn. SIGKILL leaves the terminal as it is; nothing can be done then.
#![expect(unsafe_code, reason = "tcsetattr(3) and write(2) in a panic hook")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};

use super::notify::timeout;

/// How long the last words for the terminal may take.
const GOODBYE_LIMIT: Duration = Duration::from_millis(500);

/// How the terminal was found, while it is in raw mode.
static FOUND: Mutex<Option<Found>> = Mutex::new(None);

#[derive(Clone, Copy)]
struct Found {
    descriptor: i32,
    settings: libc::termios,
    goodbye: &'static [u8],
}

/// The terminal in raw mode, until it is dropped.
pub(crate) struct RawTerminal {
    tty: File,
    found: Termios,
    goodbye: &'static [u8],
}

impl RawTerminal {
    /// Takes the terminal that is our stdin. `goodbye` are the sequences that undo what others may have set.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or set. See tcsetattr(3).
    pub(crate) fn enter(goodbye: &'static [u8]) -> io::Result<Self> {
        let path = nix::unistd::ttyname(io::stdin()).unwrap_or_else(|_| PathBuf::from("/dev/tty"));
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let tty = options.open(&path).or_else(|_| options.open("/dev/tty"))?;
        let found = tcgetattr(&tty)?;
        let mut raw = found.clone();
        cfmakeraw(&mut raw);
        *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = Some(Found {
            descriptor: tty.as_raw_fd(),
            settings: found.clone().into(),
            goodbye,
        });
        restore_in_panic();
        let terminal = Self {
            tty,
            found,
            goodbye,
        };
        tcsetattr(&terminal.tty, SetArg::TCSADRAIN, &raw)?; // else it is restored, and forgotten
        Ok(terminal)
    }

    /// Reads what was typed; 0 when the terminal is gone.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is nothing; see read(2).
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.tty).read(buffer)
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is none; see write(2).
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        (&self.tty).write(bytes)
    }

    /// Writes all of `bytes`, for as long as a moment.
    pub(crate) fn write_for_a_moment(&self, mut bytes: &[u8]) {
        let deadline = Instant::now() + GOODBYE_LIMIT;
        while !bytes.is_empty() {
            match self.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let mut fds = [PollFd::new(self.tty.as_fd(), PollFlags::POLLOUT)];
                    if left.is_zero() || poll(&mut fds, timeout(left)).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        self.write_for_a_moment(self.goodbye);
        // What was typed and not read is not for who comes next.
        let _ = tcsetattr(&self.tty, SetArg::TCSAFLUSH, &self.found);
        *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl AsFd for RawTerminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tty.as_fd()
    }
}

/// Makes a panic restore the terminal first: in a release build nothing is dropped then.
fn restore_in_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            told(panic);
        }));
    });
}

fn restore() {
    // Who panics while it holds the lock has not set the terminal, or has restored it.
    let Ok(mut found) = FOUND.try_lock() else {
        return;
    };
    let Some(found) = found.take() else { return };
    // SAFETY: the bytes are static, the settings ours; a descriptor that is closed meanwhile is EBADF.
    unsafe {
        libc::write(
            found.descriptor,
            found.goodbye.as_ptr().cast(),
            found.goodbye.len(),
        );
        libc::tcsetattr(found.descriptor, libc::TCSANOW, &raw const found.settings);
    }
}
