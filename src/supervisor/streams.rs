//! Our ends of the tree's stdout and stderr: read without ever waiting, into the journal.
//!
//! Does not: keep anything; what is read goes to the journal at once.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::journal::Journal;
use crate::log::Kind;
use crate::sys::pipe;

/// How many streams there are.
pub(super) const STREAMS: usize = 2;

/// Those of the streams that have not ended.
pub(super) struct Streams(Vec<Source>);

/// One of the two pipes.
pub(super) struct Source {
    pipe: File,
    kind: Kind,
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

impl Streams {
    pub(super) fn new(stdout: OwnedFd, stderr: OwnedFd) -> Self {
        let source = |pipe, kind| Source {
            pipe: File::from(pipe),
            kind,
        };
        Self(vec![
            source(stdout, Kind::Stdout),
            source(stderr, Kind::Stderr),
        ])
    }

    /// What to poll.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().map(AsFd::as_fd)
    }

    /// Whether nobody can write to any of them.
    pub(super) fn have_ended(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads once from each that is ready, in the order of [`fds`](Self::fds).
    pub(super) fn read_ready(&mut self, ready: [bool; STREAMS], journal: &mut Journal) {
        let mut ready = ready.into_iter();
        self.0.retain_mut(|source| {
            !ready.next().unwrap_or(false) || source.pass_on(journal).is_some()
        });
    }

    /// Reads what each of them holds at this moment, and sees which have ended. What is written meanwhile
    /// may be left: a stranger who holds a pipe and never stops writing keeps nobody here.
    pub(super) fn read_waiting(&mut self, journal: &mut Journal) {
        self.0.retain_mut(|source| {
            let mut left = pipe::readable_bytes(&source.pipe).unwrap_or(0);
            loop {
                match source.pass_on(journal) {
                    None => return false,
                    Some(count) if count == 0 || count > left => return true,
                    Some(count) => left -= count, // at 0 once more: for the end of file
                }
            }
        });
    }
}

impl Source {
    /// Reads once into the journal. Returns how many bytes; `None` when it has ended.
    fn pass_on(&mut self, journal: &mut Journal) -> Option<usize> {
        match journal.read_from(self) {
            Got::Bytes(count) => Some(count),
            Got::Nothing => Some(0),
            Got::EndOfFile => {
                journal.closed(self.kind);
                None
            }
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
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
