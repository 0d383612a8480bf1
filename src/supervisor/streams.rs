//! Our ends of the tree's stdout and stderr: read without ever waiting, into the journal.
//!
//! Does not: keep anything; what is read goes to the journal at once.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::poll::PollFlags;

use super::journal::Journal;
use super::pace::Pace;
use crate::log::Kind;
use crate::sys::pipe;

/// What a pipe holds at first, and in a burst: Linux gives 64 KiB, and a user no more than some hundred of
/// the larger ones. See pipe(7), `pipe-user-pages-soft`.
const PIPE_BYTES: usize = 64 * 1024;
const PIPE_BURST_BYTES: usize = 256 * 1024;
/// What a terminal holds of what is written to it: Linux's `N_TTY_BUF_SIZE`.
const TERMINAL_BYTES: usize = 4096;
/// How many full pipes in a row make a burst.
const FULL_READS: u8 = 4;

/// How many streams there are.
pub(super) const STREAMS: usize = 2;

/// Those of the streams that have not ended.
pub(super) struct Streams([Option<Source>; STREAMS]);

/// One of them.
pub(super) struct Source {
    pipe: File,
    kind: Kind,
    /// How many reads in a row found it full.
    full: u8,
    pace: Pace,
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
        let capacity = match stderr {
            Some(_) => PIPE_BYTES,
            None => TERMINAL_BYTES,
        };
        let source = |pipe, kind| {
            Some(Source {
                pipe: File::from(pipe),
                kind,
                full: 0,
                pace: Pace::of(capacity),
            })
        };
        let stderr = stderr.and_then(|pipe| source(pipe, Kind::Stderr));
        Self([source(stdout, Kind::Stdout), stderr])
    }

    /// What to poll, and for what. Of those that are left alone for a moment only the end is told.
    pub(super) fn fds(&self, now: Instant) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        self.0.iter().flatten().map(move |source| {
            let flags = match source.pace.nap_until(now) {
                Some(_) => PollFlags::empty(),
                None => PollFlags::POLLIN,
            };
            (source.as_fd(), flags)
        })
    }

    /// When one that is left alone is looked at again.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let sources = self.0.iter().flatten();
        sources
            .filter_map(|source| source.pace.nap_until(now))
            .min()
    }

    /// Whether nobody can write to any of them.
    pub(super) fn have_ended(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Reads once from each that is ready, in the order of [`fds`](Self::fds), or was left alone for long
    /// enough. Returns whether there was anything to read.
    pub(super) fn read_ready(
        &mut self,
        ready: [bool; STREAMS],
        journal: &mut Journal,
        now: Instant,
    ) -> bool {
        let mut ready = ready.into_iter();
        let ready = self
            .0
            .each_ref()
            .map(|slot| slot.is_some() && ready.next() == Some(true));
        // What has gathered in one was written before what has come to the other now.
        let gathers = self.0.each_ref().map(|slot| {
            let source = slot.as_ref();
            source.is_some_and(|source| source.pace.gathers())
        });
        let rested = self.0.each_mut().map(|slot| {
            let source = slot.as_mut();
            source.is_some_and(|source| source.pace.nap_is_over(now))
        });
        if !ready.contains(&true) && !rested.contains(&true) {
            return false;
        }
        let mut bytes = 0;
        for (index, slot) in self.0.iter_mut().enumerate() {
            if gathers[index] && !ready[index] {
                bytes += read_once(slot, journal, now);
            }
        }
        for (index, slot) in self.0.iter_mut().enumerate() {
            if ready[index] {
                bytes += read_once(slot, journal, now);
            }
        }
        let are_both_written = self.0.iter().all(|slot| {
            let source = slot.as_ref();
            source.is_some_and(|source| source.pace.is_recent(now))
        });
        if are_both_written {
            let sources = self.0.iter_mut().flatten();
            sources.for_each(|source| source.pace.wake());
        }
        bytes > 0
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

/// Reads once from a stream, and forgets it at its end. Returns how many bytes that gave.
fn read_once(slot: &mut Option<Source>, journal: &mut Journal, now: Instant) -> usize {
    let Some(source) = slot else { return 0 };
    match source.pass_on(journal) {
        Some(0) => 0,
        Some(bytes) => {
            source.pace.read(bytes, now);
            bytes
        }
        None => {
            *slot = None;
            0
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
