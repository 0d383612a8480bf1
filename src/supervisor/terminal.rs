//! A process's terminal, seen from its master end: its size, who has taken it over, what is typed into it.
//!
//! Our own hold on the other end keeps the terminal from ending when a program closes and opens it again;
//! it is let go when the leader has ended. From then on the end of all who hold it is its end (EIO), and
//! silence for a moment is the end of what the leader wrote.
//! Does not: read its output; that is a stream like others.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::outlet::Keyboard;
use crate::model::facts::{Change, Exit};
use crate::model::size::Size;
use crate::sys::{pipe, pty};

/// How long nothing must come after the leader's end, if somebody holds the terminal still.
const SILENCE: Duration = Duration::from_millis(50);
/// How long such a silence is waited for at most.
const SILENCE_LIMIT: Duration = Duration::from_secs(1);

/// The terminal of a process.
pub(super) struct Terminal {
    master: File,
    slave: Option<OwnedFd>,
    size: Size,
    /// The client that has taken it over.
    attached: Option<u64>,
    last_words: Option<LastWords>,
}

/// The leader has ended, and what it wrote may still come.
struct LastWords {
    exit: Exit,
    silent_at: Instant,
    until: Instant,
}

impl Terminal {
    /// A new one, and the end that the leader gets.
    ///
    /// # Errors
    ///
    /// When there may be no more terminals or descriptors.
    pub(super) fn new(size: Size) -> io::Result<(Self, OwnedFd)> {
        let (master, slave) = pty::open(size.columns, size.rows)?;
        pipe::set_nonblocking(&master)?;
        let terminal = Self {
            master: File::from(master),
            slave: Some(slave.try_clone()?),
            size,
            attached: None,
            last_words: None,
        };
        Ok((terminal, slave))
    }

    /// The master once more, to read from.
    ///
    /// # Errors
    ///
    /// `EMFILE` when there is no room for a descriptor.
    pub(super) fn output(&self) -> io::Result<OwnedFd> {
        Ok(self.master.try_clone()?.into())
    }

    /// The master once more, to type into.
    ///
    /// # Errors
    ///
    /// `EMFILE` when there is no room for a descriptor.
    pub(super) fn keyboard(&self) -> io::Result<Keyboard> {
        Ok(Keyboard::new(self.master.try_clone()?))
    }

    /// Gives it this size, or the nearest there may be. Returns what has changed, if that is another.
    ///
    /// # Errors
    ///
    /// See ioctl(2).
    pub(super) fn resize(&mut self, size: Size) -> io::Result<Option<Change>> {
        let to = size.within_limits();
        if to == self.size {
            return Ok(None);
        }
        pty::resize(&self.master, to.columns, to.rows)?;
        let from = std::mem::replace(&mut self.size, to);
        Ok(Some(Change { from, to }))
    }

    /// Is as large as the one of an earlier run, and belongs to whom that belonged.
    pub(super) fn take_the_place_of(&mut self, old: &Self) {
        self.attached = old.attached;
        let _ = self.resize(old.size); // what it was made with is a size too
    }

    /// Gives it to `peer`, unless somebody who is still `there` has it. Returns whether it did.
    pub(super) fn attach(&mut self, peer: u64, there: impl Fn(u64) -> bool) -> bool {
        let free = self
            .attached
            .is_none_or(|holder| holder == peer || !there(holder));
        if free {
            self.attached = Some(peer);
        }
        free
    }

    /// The leader has ended so; to be written when the last of what it wrote has come.
    pub(super) fn leader_ended(&mut self, exit: Exit, now: Instant) {
        self.slave = None;
        self.last_words = Some(LastWords {
            exit,
            silent_at: now + SILENCE,
            until: now + SILENCE_LIMIT,
        });
    }

    /// Something has come.
    pub(super) fn heard(&mut self, now: Instant) {
        if let Some(last) = &mut self.last_words {
            last.silent_at = now + SILENCE;
        }
    }

    /// The leader's end, if it can be written now; `over` when nothing more can come.
    pub(super) fn take_exit(&mut self, over: bool, now: Instant) -> Option<Exit> {
        let is_due = self
            .deadline()
            .is_some_and(|deadline| over || now >= deadline);
        if is_due {
            return self.last_words.take().map(|last| last.exit);
        }
        None
    }

    /// Whether the leader's end waits to be written.
    pub(super) fn keeps_exit(&self) -> bool {
        self.last_words.is_some()
    }

    /// When the leader's end is written at the latest.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let last = self.last_words.as_ref()?;
        Some(last.silent_at.min(last.until))
    }
}
