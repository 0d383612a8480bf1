//! Reaching the supervisor of a leader that lives; or how the leader ended.
//!
//! Does not: ask for anything.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::Manager;
use super::info::ProcessInfo;
use super::observe::Observed;
use super::stop::unanswered;
use crate::control;
use crate::control::client::{ANSWER_LIMIT, Call, Client, Unreachable};
use crate::model::error::Error;
use crate::model::status::Status;
use crate::store::dir::Sub;
use crate::store::files;
use crate::sys::notify;

/// How long to wait at most before a supervisor is tried, or looked at, again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What came of reaching for the supervisor of a process.
pub(super) enum Contact {
    Connected(Client),
    /// The leader has ended, as this tells.
    Ended(Box<ProcessInfo>),
}

impl Manager {
    /// Connects to the supervisor of `target`, if its leader lives. One that has no room for another
    /// client is tried again, until `until`.
    ///
    /// # Errors
    ///
    /// It does not answer (1), or could not prove itself (13).
    pub(super) fn contact(&self, target: &Observed, until: Instant) -> Result<Contact, Error> {
        let mut seen = target.clone();
        let changes = self.notifier();
        loop {
            if leader_has_ended(&seen) {
                return Ok(Contact::Ended(Box::new(seen.info())));
            }
            match self.connect(&seen) {
                Ok(client) => return Ok(Contact::Connected(client)),
                Err(Unreachable::Gone) if Instant::now() < until => {}
                Err(error) => return Err(unanswered(&seen, &error)),
            }
            changes.wait(LOOK_AGAIN, &[]);
            match self.observe_again(&seen.entry)? {
                Some(now) => seen = now,
                None => return Ok(Contact::Ended(Box::new(seen.info()))),
            }
        }
    }

    /// Connects to the supervisor of `target`, once.
    ///
    /// # Errors
    ///
    /// Nobody is there, or not he.
    pub(super) fn connect(&self, target: &Observed) -> Result<Client, Unreachable> {
        let entry = &target.entry;
        let run = self
            .store
            .dir()
            .sub(Sub::Run)
            .ok()
            .flatten()
            .ok_or(Unreachable::Gone)?;
        let control = control::key(&self.log_key(entry), entry.log);
        Client::connect(run.as_fd(), &files::socket(entry.id), &control, entry.log)
    }

    /// How the leader of `target` ended, which its supervisor has told, and is about to write down.
    ///
    /// # Errors
    ///
    /// The supervisor does not do so in time (1).
    pub(super) fn await_exit(&self, target: &Observed) -> Result<Box<ProcessInfo>, Error> {
        let until = Instant::now() + ANSWER_LIMIT;
        let mut seen = target.clone();
        let changes = self.notifier();
        loop {
            match self.observe_again(&seen.entry)? {
                None => return Ok(Box::new(seen.info())), // cleared: so it had ended
                Some(now) if leader_has_ended(&now) => return Ok(Box::new(now.info())),
                Some(now) => seen = now,
            }
            if Instant::now() >= until {
                return Err(unanswered(&seen, &Unreachable::Gone));
            }
            changes.wait(LOOK_AGAIN, &[]);
        }
    }
}

/// Whether nobody is there to be reached: also while another run waits for its time.
fn leader_has_ended(seen: &Observed) -> bool {
    !seen.is_live()
        || seen
            .block
            .as_ref()
            .is_some_and(|block| block.exit.is_some() || block.status == Status::Starting)
}

/// Those that can be asked next: whom nobody answers, then all that have answered; when the time is over,
/// the rest.
pub(super) fn next_to_ask(
    called: &[Option<Result<Call, Unreachable>>],
    deadline: Instant,
) -> Vec<usize> {
    let all = || (0..).zip(called);
    let failed: Vec<usize> = all()
        .filter(|(_, called)| matches!(called, Some(Err(_))))
        .map(|(index, _)| index)
        .collect();
    if !failed.is_empty() {
        return failed;
    }
    let (open, fds): (Vec<usize>, Vec<BorrowedFd>) = all()
        .filter_map(|(index, called)| Some((index, called.as_ref()?.as_ref().ok()?.fd())))
        .unzip();
    let left = deadline.saturating_duration_since(Instant::now());
    let readable = notify::which_readable(&fds, left);
    let answered: Vec<usize> = open
        .iter()
        .zip(readable)
        .filter_map(|(index, readable)| readable.then_some(*index))
        .collect();
    if answered.is_empty() && deadline <= Instant::now() {
        return open;
    }
    answered
}
