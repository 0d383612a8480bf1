//! A process's terminal, taken over: what is typed goes there, and its size follows ours.
//!
//! What the process writes is read from its log, like everything that it writes: a slow reader keeps
//! nobody. The supervisor only knows who has the terminal; when the connection closes, it is free.
//! Does not: read a keyboard, or draw.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::Manager;
use super::contact::Contact;
use super::observe::Observed;
use super::screen::has_terminal;
use super::stop::{not_running, unanswered};
use crate::control::client::{ANSWER_LIMIT, Client, Unreachable};
use crate::control::input::{PART_MAX_BYTES, Part, Then};
use crate::control::{Reply, Request};
use crate::model::error::{Error, Kind};
use crate::model::size::Size;
use crate::sys::notify;

/// How long a part of what is typed may take; then it is sent again.
const TYPING_LIMIT_MS: u32 = 60_000;
/// How long the last of it may take when the terminal is left.
const LAST_TYPED_LIMIT: Duration = Duration::from_secs(1);
/// The most that is kept of what is typed and not taken, in bytes.
const TYPED_MAX_BYTES: usize = 16 * 1024 * 1024;

/// A terminal that is ours until this is dropped.
pub(crate) struct Attachment {
    client: Client,
    /// Typed, and not taken yet; the first so many are on their way.
    typed: VecDeque<u8>,
    on_its_way: usize,
    /// How many bytes were typed while there was nobody to read them.
    refused_bytes: usize,
    /// The size it is to have, and the one it was told last.
    wanted: Size,
    told: Size,
    is_resizing: bool,
    target: Observed,
}

/// What was typed in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untaken {
    pub(crate) bytes: usize,
    /// So many of them were sent and not answered: they may be taken still.
    pub(crate) on_its_way: usize,
}

impl Manager {
    /// Takes over the terminal of `target`, and makes it so large.
    ///
    /// # Errors
    ///
    /// It has none (2), does not run (5), is somebody else's at the moment (6); its supervisor does not
    /// answer, or is of an older version (1).
    pub(crate) fn attach(&self, target: &Observed, size: Size) -> Result<Attachment, Error> {
        has_terminal(target)?;
        let mut client = match self.contact(target, Instant::now() + ANSWER_LIMIT)? {
            Contact::Connected(client) => client,
            Contact::Ended(info) => return Err(not_running(&info)),
        };
        for request in [Request::Attach, Request::Resize(size)] {
            let answer = client
                .send(&request)
                .and_then(|()| client.reply(ANSWER_LIMIT));
            match answer {
                Ok(Some(Reply::Accepted)) => {}
                Ok(Some(reply)) => return Err(self.refused(target, reply)),
                Ok(None) => return Err(unanswered(target, &Unreachable::Silent)),
                Err(Unreachable::Gone) => return Err(not_running(&*self.await_exit(target)?)),
                Err(error) => return Err(unanswered(target, &error)),
            }
        }
        Ok(Attachment {
            client,
            typed: VecDeque::new(),
            on_its_way: 0,
            refused_bytes: 0,
            wanted: size,
            told: size,
            is_resizing: false,
            target: target.clone(),
        })
    }

    fn refused(&self, target: &Observed, reply: Reply) -> Error {
        let name = &target.entry.name;
        match reply {
            Reply::Occupied => Error::new(
                Kind::InTheWay,
                format!(
                    "somebody else is attached to '{name}' ({})",
                    target.entry.id
                ),
            )
            .hint(format!(
                "one at a time; 'bgp screen {name}' shows what is there, 'bgp send' types into it"
            )),
            Reply::NotRunning => self
                .await_exit(target)
                .map_or_else(|error| error, |info| not_running(&info)),
            Reply::Refused { message } => {
                Error::other(format!("cannot attach to '{name}': {message}"))
                    .hint("a process that is started anew has a supervisor of this version")
            }
            _ => unanswered(target, &Unreachable::NotOurs),
        }
    }
}

impl Attachment {
    /// Whether more may be typed now.
    pub(crate) fn has_room(&self) -> bool {
        self.typed.len() < TYPED_MAX_BYTES
    }

    /// Types `bytes`, now or when there is room.
    ///
    /// # Errors
    ///
    /// The supervisor does not answer (1).
    pub(crate) fn type_in(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.typed.extend(bytes);
        self.go_on()
    }

    /// Gives the terminal this size, now or when it has the one before.
    ///
    /// # Errors
    ///
    /// The supervisor does not answer (1).
    pub(crate) fn resize(&mut self, size: Size) -> Result<(), Error> {
        self.wanted = size;
        self.go_on()
    }

    /// What was typed and not taken, as far as that is known.
    pub(crate) fn untaken(&self) -> Untaken {
        Untaken {
            bytes: self.refused_bytes + self.typed.len(),
            on_its_way: self.on_its_way,
        }
    }

    /// Waits for a moment until all that was typed is taken.
    ///
    /// # Errors
    ///
    /// The supervisor does not answer as one does (1).
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + LAST_TYPED_LIMIT;
        while !self.typed.is_empty() && self.take_answers()? {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            notify::readable(&self.client, left);
        }
        Ok(())
    }

    /// Takes the answers that have come, and sends what waits for them. `false` when the supervisor is gone.
    ///
    /// # Errors
    ///
    /// It does not answer as one does (1).
    pub(crate) fn take_answers(&mut self) -> Result<bool, Error> {
        loop {
            match self.client.reply(Duration::ZERO) {
                Ok(Some(Reply::Taken { bytes })) => self.taken(bytes),
                Ok(Some(Reply::NoInput { bytes, .. })) => {
                    self.taken(bytes);
                    self.refused_bytes += self.typed.len();
                    self.typed.clear(); // nobody will read it
                }
                Ok(Some(Reply::Busy)) => self.on_its_way = 0,
                // The size is set, or cannot be: either way the next may be tried.
                Ok(Some(_)) => self.is_resizing = false,
                Ok(None) => {
                    self.go_on()?;
                    return Ok(true);
                }
                Err(Unreachable::Gone) => return Ok(false),
                Err(error) => return Err(unanswered(&self.target, &error)),
            }
        }
    }

    fn taken(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.typed.drain(..bytes.min(self.on_its_way));
        self.on_its_way = 0;
    }

    fn go_on(&mut self) -> Result<(), Error> {
        let sent = self.send_size().and_then(|()| self.send_typed());
        match sent {
            Ok(()) | Err(Unreachable::Gone) => Ok(()), // its end is seen where it is read
            Err(error) => Err(unanswered(&self.target, &error)),
        }
    }

    fn send_size(&mut self) -> Result<(), Unreachable> {
        if self.is_resizing || self.wanted == self.told {
            return Ok(()); // of a storm of sizes only the last counts
        }
        (self.is_resizing, self.told) = (true, self.wanted);
        self.client.send(&Request::Resize(self.wanted))
    }

    fn send_typed(&mut self) -> Result<(), Unreachable> {
        if self.on_its_way > 0 || self.typed.is_empty() {
            return Ok(());
        }
        let count = self.typed.len().min(PART_MAX_BYTES);
        self.on_its_way = count;
        self.client.send_input(&Part {
            begins: Some(TYPING_LIMIT_MS),
            then: Then::Done,
            bytes: self.typed.iter().take(count).copied().collect(),
        })
    }
}

impl AsFd for Attachment {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.client.as_fd()
    }
}
