//! Our ends of the tree's stdout and stderr: read without ever waiting, into the journal.
//!
//! Does not: keep anything; what is read goes to the journal at once.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::journal::Journal;
use crate::log::Kind;
use crate::sys::pipe;

/// What a pipe holds at first, and in a burst: Linux gives 64 KiB, and a user no more than some hundred of
/// the larger ones. See pipe(7), `pipe-user-pages-soft`.
const PIPE_BYTES: usize = 64 * 1024;
const PIPE_BURST_BYTES: usize = 256 * 1024;
/// How many full pipes in a row make a burst.
const FULL_READS: u8 = 4;

/// How many streams there are.
pub(super) const STREAMS: usize = 2;

/// Those of the streams that have not ended.
pub(super) struct Streams([Option<Source>; STREAMS]);

/// One of the two pipes.
pub(super) struct Source {
    pipe: File,
    kind: Kind,
    /// How many reads in a row found it full.
    full: u8,
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
    /// `stderr` is none where a terminal takes both.
    pub(super) fn new(stdout: OwnedFd, stderr: Option<OwnedFd>) -> Self {
        let source = |pipe, kind| {
            Some(Source {
                pipe: File::from(pipe),
                kind,
                full: 0,
            })
        };
        let stderr = stderr.and_then(|pipe| source(pipe, Kind::Stderr));
        Self([source(stdout, Kind::Stdout), stderr])
    }

    /// What to poll.
    pub(super) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.iter().flatten().map(AsFd::as_fd)
    }

    /// Whether nobody can write to any of them.
    pub(super) fn have_ended(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Reads once from each that is ready, in the order of [`fds`](Self::fds).
    /// Returns whether there was anything to read.
    pub(super) fn read_ready(&mut self, ready: [bool; STREAMS], journal: &mut Journal) -> bool {
        let mut ready = ready.into_iter();
        let mut some = false;
        for slot in &mut self.0 {
            if let Some(source) = slot
                && ready.next().unwrap_or(false)
            {
                match source.pass_on(journal) {
                    Some(count) => some |= count > 0,
                    None => *slot = None,
                }
            }
        }
        some
    }

    /// Gives back what a burst took: for when nothing came for a while.
    pub(super) fn rest(&mut self) {
        for source in self.0.iter_mut().flatten() {
            pipe::set_capacity(&source.pipe, PIPE_BYTES);
            source.full = 0;
        }
    }

    /// Reads what each of them holds at this moment, and sees which have ended. What is written meanwhile
    /// may be left: a stranger who holds a pipe and never stops writing keeps nobody here.
    pub(super) fn read_waiting(&mut self, journal: &mut Journal) {
        for slot in &mut self.0 {
            if let Some(source) = slot
                && source.pass_all_on(journal).is_none()
            {
                *slot = None;
            }
        }
    }
}

impl Source {
    /// Takes note of a read: who writes faster than we read has a larger pipe to write to.
    fn count(&mut self, bytes: usize) {
        if bytes < PIPE_BYTES {
            self.full = 0;
        } else if self.full < FULL_READS {
            self.full += 1;
            if self.full == FULL_READS {
                pipe::set_capacity(&self.pipe, PIPE_BURST_BYTES);
            }
        }
    }

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

    /// Reads what it holds at this moment into the journal; `None` when it has ended.
    fn pass_all_on(&mut self, journal: &mut Journal) -> Option<()> {
        let mut left = pipe::readable_bytes(&self.pipe).unwrap_or(0);
        loop {
            match self.pass_on(journal)? {
                count if count == 0 || count > left => return Some(()),
                count => left -= count, // at 0 once more: for the end of file
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
                Ok(count) => {
                    self.count(count);
                    Got::Bytes(count)
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Got::Nothing,
                Err(_) => Got::EndOfFile, // EIO: a terminal that nobody holds any more
            };
        }
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
