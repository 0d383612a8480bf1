//! Our ends of the tree's stdout and stderr: read without ever waiting.
//!
//! Does not: keep anything; what is read goes to the journal at once.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::log::Kind;
use crate::sys::pipe;

/// One of the two pipes.
pub(super) struct Source {
    pipe: File,
    pub(super) kind: Kind,
}

/// What a read gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Got {
    /// This many bytes.
    Bytes(usize),
    /// Nothing is there now.
    Nothing,
    /// Nobody can write to it any more.
    EndOfFile,
}

impl Source {
    pub(super) fn new(pipe: OwnedFd, kind: Kind) -> Self {
        Self {
            pipe: File::from(pipe),
            kind,
        }
    }

    /// How many bytes wait in it.
    pub(super) fn waiting(&self) -> usize {
        pipe::readable_bytes(&self.pipe).unwrap_or(0)
    }

    /// Reads once.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Got {
        loop {
            return match self.pipe.read(buffer) {
                Ok(0) => Got::EndOfFile,
                Ok(count) => Got::Bytes(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Got::Nothing,
                Err(_) => Got::EndOfFile,
            };
        }
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
