//! Sending to a process's stdin, through its supervisor: whole messages, and how much of one was taken.
//!
//! Does not: keep what was sent, or read it from anywhere.

use std::time::{Duration, Instant};

use super::Manager;
use super::contact::Contact;
use super::observe::Observed;
use super::stop::{not_running, unanswered};
use crate::control::client::{ANSWER_LIMIT, Client, Unreachable};
use crate::control::input::{PART_MAX_BYTES, Part, Then};
use crate::control::{NoInput, Reply};
use crate::model::error::{Error, Kind};
use crate::sys::proc;
use crate::text::keys::{Key, Keyboard};

/// How long a message may take when nobody says how long.
pub(crate) const SEND_LIMIT_DEFAULT: Duration = Duration::from_secs(2);

/// What is sent to a stdin.
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    /// What becomes of the stdin after it.
    pub(crate) after: After,
    /// How long it may take until there is room for all of it.
    pub(crate) limit: Duration,
}

/// What becomes of the stdin after a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    StaysOpen,
    /// It is closed for good: who reads it reads end of file.
    Closed,
}

/// What came of a message: how many of its bytes the stdin took, and why not all, if not.
pub(crate) struct Sent {
    pub(crate) bytes: usize,
    pub(crate) error: Option<Error>,
}

/// Why the rest was not taken.
enum Cut {
    TimeOver,
    /// Another message had the stdin all the time.
    Busy,
    NoInput(NoInput),
    Refused(String),
    Unreachable(Unreachable),
}

impl Observed {
    /// What the Enter key sends to it: a carriage return on a terminal of its own, else a newline.
    pub(crate) fn enter_key(&self) -> &'static [u8] {
        if self.entry.pty.is_some() {
            b"\r"
        } else {
            b"\n"
        }
    }
}

impl Manager {
    /// What `target` is sent when `keys` are pressed. Which form of the cursor keys a program wants stands
    /// in what it wrote.
    pub(crate) fn typed(&self, keys: &[Key], target: &Observed) -> Vec<u8> {
        let asks = || {
            let screen = self.screen(target);
            screen.is_ok_and(|replay| replay.screen().wants_application_keys())
        };
        let keyboard = match target.entry.pty {
            None => Keyboard::Pipe,
            Some(_) if keys.iter().any(|key| key.depends_on_mode()) && asks() => {
                Keyboard::Application
            }
            Some(_) => Keyboard::Normal,
        };
        let mut bytes = Vec::new();
        for key in keys {
            key.encode(keyboard, &mut bytes);
        }
        bytes
    }

    /// Sends `message` to the stdin of `target`, as a whole: what others send comes before or after it.
    /// That it was taken means that the pipe has it, not that it was read.
    ///
    /// Fails with 5 when it does not run or its stdin is closed, with 124 when the time was over first,
    /// with 1 when its supervisor does not answer.
    pub(crate) fn send(&self, target: &Observed, message: &Message) -> Sent {
        let mut bytes = 0;
        let contact = self.contact(target, Instant::now() + ANSWER_LIMIT);
        let error = match contact {
            Err(error) => Some(error),
            Ok(Contact::Ended(info)) => Some(not_running(&info)),
            Ok(Contact::Connected(mut client)) => send_parts(&mut client, message, &mut bytes)
                .err()
                .map(|cut| self.explain(target, message, bytes, cut)),
        };
        Sent { bytes, error }
    }

    fn explain(&self, target: &Observed, message: &Message, bytes: usize, cut: Cut) -> Error {
        let (id, name) = (target.entry.id, &target.entry.name);
        let of = message.bytes.len();
        let so_far = match bytes {
            0 => String::new(),
            bytes => format!("; it took {bytes} of {of} bytes"),
        };
        let time_over = || {
            let seconds = message.limit.as_secs_f64();
            Error::new(
                Kind::TimedOut,
                format!("{name} took {bytes} of {of} bytes within {seconds} s"),
            )
        };
        let closed = |why: &str| {
            Error::new(
                Kind::NotRunning,
                format!("cannot send to '{name}' ({id}): its stdin is {why}{so_far}"),
            )
        };
        match cut {
            Cut::TimeOver => {
                time_over().hint("it does not read its stdin, or slowly; --timeout waits longer")
            }
            Cut::Busy => {
                time_over().hint("another send was not done in that time; --timeout waits longer")
            }
            Cut::NoInput(NoInput::Null) => {
                closed("/dev/null").hint("it was started with '--stdin null'; start it without")
            }
            Cut::NoInput(NoInput::File) => {
                closed("a file").hint("it was started with '--stdin FILE'; start it without")
            }
            Cut::NoInput(NoInput::Closed) => {
                closed("closed").hint("it was closed with --eof, for good")
            }
            Cut::NoInput(NoInput::Unread) => {
                let ended = is_ending(target).then(|| self.ended(target, &so_far).ok());
                ended
                    .flatten()
                    .unwrap_or_else(|| closed("closed").hint("it closed its stdin itself"))
            }
            Cut::NoInput(NoInput::Ended) | Cut::Unreachable(Unreachable::Gone) => {
                self.ended(target, &so_far).unwrap_or_else(|error| error)
            }
            Cut::Refused(why) => Error::other(format!("cannot send to '{name}': {why}")).hint(
                "its supervisor may be of another version; a process started anew is of this one",
            ),
            Cut::Unreachable(why) => unanswered(target, &why),
        }
    }

    /// The error for a process that has ended, after what it took.
    fn ended(&self, target: &Observed, so_far: &str) -> Result<Error, Error> {
        let error = not_running(&*self.await_exit(target)?);
        Ok(Error {
            message: error.message + so_far,
            ..error
        })
    }
}

/// Whether the leader has ended or is at it: a process that ends closes its stdin before its supervisor
/// can know that it ends.
fn is_ending(target: &Observed) -> bool {
    let block = target.block.as_ref();
    block.is_some_and(|block| proc::is_ending(block.pid, block.pid_start))
}

/// Sends part after part, each when the one before it is taken; `bytes` counts what is taken.
fn send_parts(client: &mut Client, message: &Message, bytes: &mut usize) -> Result<(), Cut> {
    let last = match message.after {
        After::StaysOpen => Then::Done,
        After::Closed => Then::Close,
    };
    let limit_ms = u32::try_from(message.limit.as_millis()).unwrap_or(u32::MAX);
    let mut begins = Some(limit_ms);
    loop {
        let rest = &message.bytes[*bytes..];
        let (now, later) = rest.split_at(rest.len().min(PART_MAX_BYTES));
        let part = Part {
            begins: begins.take(),
            then: if later.is_empty() { last } else { Then::More },
            bytes: now.to_vec(),
        };
        client.send_input(&part).map_err(Cut::Unreachable)?;
        let answer = client
            .reply(message.limit.saturating_add(ANSWER_LIMIT))
            .map_err(Cut::Unreachable)?;
        let taken = match answer {
            Some(Reply::Taken { bytes }) => bytes,
            Some(Reply::NoInput { why, bytes: taken }) => {
                *bytes += usize::try_from(taken).unwrap_or(0).min(now.len());
                return Err(Cut::NoInput(why));
            }
            Some(Reply::Busy) => return Err(Cut::Busy),
            Some(Reply::Refused { message }) => return Err(Cut::Refused(message)),
            Some(_) => return Err(Cut::Unreachable(Unreachable::NotOurs)),
            None => return Err(Cut::Unreachable(Unreachable::Silent)),
        };
        let taken = usize::try_from(taken).unwrap_or(0).min(now.len());
        *bytes += taken;
        match (taken < now.len(), later.is_empty()) {
            (true, _) => return Err(Cut::TimeOver),
            (false, true) => return Ok(()),
            (false, false) => {}
        }
    }
}
