//! Where input goes: a pipe, or the keyboard of a terminal.
//!
//! A terminal that keeps lines drops what is too long for one, and says nothing: a long line is handed
//! over in pieces.
//! Does not: wait, or know whose input it is.

use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::os::fd::{AsFd, BorrowedFd};

use crate::sys::pty::Typing;
use crate::sys::{pipe, pty};

/// How many bytes of a line are typed before they are handed over: a terminal keeps 4095 of one, and
/// drops the rest. See termios(3), "Canonical and noncanonical mode".
const LINE_BYTES: usize = 4000;
/// What ends a file where nobody has set that.
const END_OF_FILE: u8 = 4;

/// Our end of the command's stdin.
pub(super) enum Outlet {
    Pipe(File),
    Terminal(Keyboard),
}

impl Outlet {
    /// Writes of `bytes` what there is room for.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when there is no room, `BrokenPipe` when nobody can read it; see write(2). `Unsupported`
    /// when the terminal can take no more of a line that long, as it is set now: poll(2) says nothing of that.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Pipe(pipe) => pipe.write(bytes),
            Self::Terminal(keyboard) => keyboard.write(bytes),
        }
    }

    /// The end of the input, after a message that ended with `last`. A pipe is closed by whoever has it.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub(super) fn end(&mut self, last: Option<u8>) -> io::Result<()> {
        match self {
            Self::Pipe(_) => Ok(()),
            Self::Terminal(keyboard) => keyboard.end(last),
        }
    }

    /// Whether somebody can read it.
    pub(super) fn has_reader(&self) -> bool {
        match self {
            Self::Pipe(pipe) => pipe::has_reader(pipe),
            Self::Terminal(_) => true,
        }
    }
}

impl AsFd for Outlet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Pipe(pipe) => pipe.as_fd(),
            Self::Terminal(keyboard) => keyboard.master.as_fd(),
        }
    }
}

/// The master of a terminal, to type into.
pub(super) struct Keyboard {
    master: File,
    /// How many bytes of an unfinished line were typed, while the terminal kept lines.
    line_bytes: usize,
    /// They are to be handed over before more is typed.
    is_full: bool,
    /// How many ends of file are typed, of those that one takes.
    ends: u8,
}

impl Keyboard {
    /// Of a master that does not wait.
    pub(super) fn new(master: File) -> Self {
        Self {
            master,
            line_bytes: 0,
            is_full: false,
            ends: 0,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let typing = pty::typing(&self.master)?;
        if !typing.in_lines {
            (self.line_bytes, self.is_full) = (0, false);
            return self.master.write(bytes);
        }
        if self.is_full {
            self.hand_over(&typing)?;
        }
        let mut line_bytes = self.line_bytes;
        let mut count = 0;
        for byte in bytes {
            // The first is typed in any case, so that no empty line is ever handed over.
            if count > 0 && line_bytes >= LINE_BYTES && !typing.ends_line(*byte) {
                break;
            }
            line_bytes = after(line_bytes, *byte, &typing);
            count += 1;
        }
        let written = self.master.write(&bytes[..count])?;
        self.line_bytes = bytes[..written]
            .iter()
            .fold(self.line_bytes, |sum, byte| after(sum, *byte, &typing));
        self.is_full = self.line_bytes >= LINE_BYTES && written < bytes.len();
        Ok(written)
    }

    /// Lets who reads have what there is of the line. The character that does so ends the file only where
    /// the line is empty, and this one is not.
    fn hand_over(&mut self, typing: &Typing) -> io::Result<()> {
        let Some(character) = typing.end_of_file else {
            return Err(ErrorKind::Unsupported.into()); // there is none: the rest cannot be typed
        };
        self.type_one(character)?;
        (self.line_bytes, self.is_full) = (0, false);
        Ok(())
    }

    fn end(&mut self, last: Option<u8>) -> io::Result<()> {
        let typing = pty::typing(&self.master)?;
        let is_unfinished = last.is_some_and(|byte| !typing.ends_line(byte));
        let wanted = if typing.in_lines && is_unfinished {
            2 // the first hands over the line
        } else {
            1
        };
        while self.ends < wanted {
            self.type_one(typing.end_of_file.unwrap_or(END_OF_FILE))?;
            self.ends += 1;
        }
        (self.ends, self.line_bytes, self.is_full) = (0, 0, false);
        Ok(())
    }

    fn type_one(&mut self, byte: u8) -> io::Result<()> {
        match self.master.write(&[byte])? {
            0 => Err(ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    }
}

/// The length of the unfinished line after one more byte.
fn after(line_bytes: usize, byte: u8, typing: &Typing) -> usize {
    if typing.ends_line(byte) {
        0
    } else {
        line_bytes + 1
    }
}
