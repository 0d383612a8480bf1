//! Our end of the command's stdin: messages of clients, one after the other, never waited for.
//!
//! - A client that sends a message has the stdin until its message is done or its time is over; who
//!   comes meanwhile waits for his turn, and for no longer than his own time.
//! - Of each client one part is kept, at most: it is answered when the stdin has taken it.
//! - It is written where there is room, in between all else: no reader that sleeps holds the log up.
//!
//! Does not: poll, or keep or log what was taken.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::outlet::Outlet;
use crate::control::input::{Part, Then};
use crate::control::{NoInput, Reply};
use crate::model::facts::Stdin;

/// How often is tried whether a terminal takes the rest of a line, where only its settings keep it from that:
/// a change of them wakes nobody.
const TRY_AGAIN: Duration = Duration::from_millis(100);

/// The stdin, and who wants to write to it.
pub(super) struct Input {
    /// Kept open when the leader has ended: what it left behind may hold the other end still, and would
    /// read an end of file that nobody sent.
    outlet: Option<Outlet>,
    /// Why it takes nothing more.
    closed: Option<NoInput>,
    /// The first has the stdin.
    turns: VecDeque<Turn>,
    /// When to write on, where no room is waited for.
    try_at: Option<Instant>,
    answers: Vec<(u64, Reply)>,
}

/// A client with a message.
struct Turn {
    peer: u64,
    /// When its time is over.
    until: Instant,
    /// The part that is not answered yet; none while the client prepares the next.
    part: Option<Waiting>,
}

struct Waiting {
    bytes: Vec<u8>,
    /// How many of them are taken.
    taken: usize,
    then: Then,
}

/// What a write came to.
enum Wrote {
    /// The whole rest of the part.
    All,
    /// As much as there was room for.
    NoRoom,
    /// As much as the terminal takes of a line while it is set as it is.
    Stuck,
    /// Nobody can read it.
    Unread,
}

impl Input {
    /// For a process that was started with `asked` as its stdin; `outlet` is our end of it, if there is one.
    pub(super) fn new(outlet: Option<Outlet>, asked: &Stdin) -> Self {
        let closed = match (&outlet, asked) {
            (Some(_), _) => None,
            (None, Stdin::Null | Stdin::Pipe) => Some(NoInput::Null),
            (None, Stdin::File(_)) => Some(NoInput::File),
        };
        Self {
            outlet,
            closed,
            turns: VecDeque::new(),
            try_at: None,
            answers: Vec::new(),
        }
    }

    /// Takes a part from a client; [`go_on`](Self::go_on) gives the answer, now or later.
    pub(super) fn take(&mut self, peer: u64, part: Part, now: Instant) {
        let known = self.turns.iter().position(|turn| turn.peer == peer);
        let waiting = Waiting {
            bytes: part.bytes,
            taken: 0,
            then: part.then,
        };
        match (known, part.begins) {
            (Some(at), None) if self.turns[at].part.is_none() => {
                self.turns[at].part = Some(waiting);
            }
            (None, Some(limit_ms)) => self.turns.push_back(Turn {
                peer,
                until: now + Duration::from_millis(limit_ms.into()),
                part: Some(waiting),
            }),
            // Its message had begun, and meanwhile its time was over, or the stdin was closed.
            (None, None) => {
                let reply = match self.closed {
                    Some(why) => Reply::NoInput { why, bytes: 0 },
                    None => Reply::Taken { bytes: 0 },
                };
                self.answers.push((peer, reply));
            }
            (Some(_), _) => self.answers.push((
                peer,
                Reply::Refused {
                    message: "a part of a message came before the one before it was taken".into(),
                },
            )),
        }
    }

    /// Drops the messages of clients that are not `there` any more, where they stand.
    pub(super) fn forget_all_but(&mut self, there: impl Fn(u64) -> bool) {
        self.turns.retain(|turn| there(turn.peer));
    }

    /// Takes nothing from now on; the first reason counts.
    pub(super) fn close(&mut self, why: NoInput) {
        self.closed.get_or_insert(why);
    }

    /// Writes what there is room for, and gives the answers that are due.
    pub(super) fn go_on(&mut self, now: Instant) -> Vec<(u64, Reply)> {
        self.try_at = None;
        while let (None, Some(turn)) = (self.closed, self.turns.front_mut()) {
            let (Some(part), Some(outlet)) = (&mut turn.part, &mut self.outlet) else {
                break;
            };
            match part.write(outlet) {
                Wrote::All => self.part_is_taken(),
                Wrote::NoRoom => break,
                Wrote::Stuck => {
                    self.try_at = Some(now + TRY_AGAIN);
                    break;
                }
                Wrote::Unread => {
                    self.outlet = None;
                    self.close(NoInput::Unread);
                }
            }
        }
        if let Some(why) = self.closed {
            self.refuse_all(why);
        }
        self.expire(now);
        std::mem::take(&mut self.answers)
    }

    fn part_is_taken(&mut self) {
        let Some(turn) = self.turns.front_mut() else {
            return;
        };
        let Some(part) = turn.part.take() else {
            return;
        };
        self.answers.push((turn.peer, part.taken()));
        match part.then {
            Then::More => return,
            Then::Done => {}
            Then::Close if matches!(self.outlet, Some(Outlet::Terminal(_))) => {} // typed, and no more
            Then::Close => {
                self.outlet = None;
                self.close(NoInput::Closed);
            }
        }
        self.turns.pop_front();
    }

    fn refuse_all(&mut self, why: NoInput) {
        for turn in self.turns.drain(..) {
            // Who has none waiting is told with his next.
            if let Some(part) = turn.part {
                let bytes = part.taken as u64;
                self.answers
                    .push((turn.peer, Reply::NoInput { why, bytes }));
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        let owner = self.turns.front().map(|turn| turn.peer);
        let answers = &mut self.answers;
        self.turns.retain(|turn| {
            let over = now >= turn.until;
            if over && let Some(part) = &turn.part {
                let had_it = owner == Some(turn.peer);
                let reply = if had_it { part.taken() } else { Reply::Busy };
                answers.push((turn.peer, reply));
            }
            !over
        });
    }

    /// What to poll for room; nothing unless something waits for it. A terminal that is stuck has room: to
    /// wait for it would be to spin.
    pub(super) fn waits_for_room(&self) -> Option<BorrowedFd<'_>> {
        self.turns.front().filter(|turn| turn.part.is_some())?;
        let outlet = self.outlet.as_ref().filter(|_| self.try_at.is_none());
        outlet.map(AsFd::as_fd)
    }

    /// When [`go_on`](Self::go_on) has something to do, room or not.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let tries = self.try_at.filter(|_| !self.turns.is_empty());
        let ends = self.turns.iter().map(|turn| turn.until);
        ends.chain(tries).min()
    }
}

impl Waiting {
    /// Writes until all is written or there is no room.
    fn write(&mut self, outlet: &mut Outlet) -> Wrote {
        if self.bytes.is_empty() && !outlet.has_reader() {
            return Wrote::Unread;
        }
        loop {
            let rest = &self.bytes[self.taken..];
            let is_all = rest.is_empty();
            let done = if !is_all {
                outlet.write(rest).map(|count| self.taken += count)
            } else if self.then == Then::Close {
                outlet.end(self.bytes.last().copied())
            } else {
                Ok(())
            };
            match done {
                Ok(()) if is_all => return Wrote::All,
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Wrote::NoRoom,
                Err(error) if error.kind() == io::ErrorKind::Unsupported => return Wrote::Stuck,
                Err(_) => return Wrote::Unread, // EPIPE: SIGPIPE is ignored
            }
        }
    }

    fn taken(&self) -> Reply {
        Reply::Taken {
            bytes: self.taken as u64,
        }
    }
}

#[cfg(test)]
mod tests;
