//! Pseudoterminals: made, sized, and asked how they treat what is typed.
//!
//! Does not: read or write one; `File` does.
#![expect(unsafe_code, reason = "ioctl(2) TIOCSWINSZ")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::{Winsize, openpty};
use nix::sys::termios::{
    InputFlags, LocalFlags, SetArg, SpecialCharacterIndices, tcgetattr, tcsetattr,
};

/// What a special character is set to when there is none. See termios(3).
const DISABLED: u8 = if cfg!(target_os = "macos") { 0xff } else { 0 };

/// A new terminal, (master, slave), both close-on-exec. It treats what is typed as UTF-8.
///
/// For a process of one thread: the descriptors are inherited for a moment.
///
/// # Errors
///
/// `EMFILE`, or `ENOSPC` when there may be no more terminals. See openpty(3).
pub(crate) fn open(columns: u16, rows: u16) -> io::Result<(OwnedFd, OwnedFd)> {
    let size = winsize(columns, rows);
    let ends = openpty(Some(&size), None)?;
    for end in [&ends.master, &ends.slave] {
        fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    let mut settings = tcgetattr(&ends.slave)?;
    settings.input_flags |= InputFlags::IUTF8; // so that an erased character is erased as a whole
    tcsetattr(&ends.slave, SetArg::TCSANOW, &settings)?;
    Ok((ends.master, ends.slave))
}

fn winsize(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// Makes the terminal so large; if that is a change, the kernel sends WINCH to its foreground group. See
/// `ioctl_tty(2)`.
///
/// # Errors
///
/// See ioctl(2).
pub(crate) fn resize(terminal: impl AsFd, columns: u16, rows: u16) -> io::Result<()> {
    let size = winsize(columns, rows);
    // SAFETY: TIOCSWINSZ reads one winsize, ours.
    let rc = unsafe {
        libc::ioctl(
            terminal.as_fd().as_raw_fd(),
            libc::TIOCSWINSZ,
            &raw const size,
        )
    };
    if rc == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// How a terminal treats what is typed at this moment. See termios(3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Typing {
    /// It keeps what is typed until a line is whole, and edits it.
    pub(crate) in_lines: bool,
    /// The character that ends the file, or hands over what is typed of a line.
    pub(crate) end_of_file: Option<u8>,
    /// The characters that begin a new line, or drop the one that is typed.
    line_ends: [u8; 8],
}

impl Typing {
    /// Whether the line that is typed is over with this byte.
    pub(crate) fn ends_line(&self, byte: u8) -> bool {
        byte == b'\n' || (byte != DISABLED && self.line_ends.contains(&byte))
    }
}

/// How the terminal of this master treats what is typed.
///
/// # Errors
///
/// See tcgetattr(3).
pub(crate) fn typing(master: impl AsFd) -> io::Result<Typing> {
    use SpecialCharacterIndices as Index;
    let settings = tcgetattr(master)?;
    let is_set = |index: Index| settings.control_chars[index as usize];
    let returns = settings.input_flags.contains(InputFlags::ICRNL);
    Ok(Typing {
        in_lines: settings.local_flags.contains(LocalFlags::ICANON),
        end_of_file: Some(is_set(Index::VEOF)).filter(|byte| *byte != DISABLED),
        line_ends: [
            is_set(Index::VEOF),
            is_set(Index::VEOL),
            is_set(Index::VEOL2),
            is_set(Index::VINTR),
            is_set(Index::VQUIT),
            is_set(Index::VSUSP),
            is_set(Index::VKILL),
            if returns { b'\r' } else { DISABLED },
        ],
    })
}
