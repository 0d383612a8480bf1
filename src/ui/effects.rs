//! What a person asked for, done through the manager without waiting for what takes long: a stop is
//! asked for and seen in the list, a restart goes on when the process has ended.
//!
//! Does not: wait for a grace.

use std::time::Duration;

use super::model::{Haste, Model, Tone};
use crate::manager::Manager;
use crate::manager::clear::Leave;
use crate::manager::info::ProcessInfo;
use crate::manager::input::{After, Message};
use crate::manager::observe::Observed;
use crate::manager::screen::has_terminal;
use crate::manager::stop::StopOptions;
use crate::model::error::Error;
use crate::model::id::ProcessId;
use crate::model::status::Reason;

/// How long a process may take to take a line. It has room for one nearly always.
const SEND_LIMIT: Duration = Duration::from_millis(300);

/// Does what is asked for.
pub(super) struct Hands<'a> {
    manager: &'a Manager,
    configured_grace: Option<Duration>,
    /// Those that were asked to end, and are to be started anew.
    restarts: Vec<ProcessId>,
}

impl<'a> Hands<'a> {
    pub(super) fn new(manager: &'a Manager, configured_grace: Option<Duration>) -> Self {
        Self {
            manager,
            configured_grace,
            restarts: Vec::new(),
        }
    }

    pub(super) fn stop(
        &mut self,
        seen: &[Observed],
        id: ProcessId,
        haste: Haste,
        model: &mut Model,
    ) {
        let options = StopOptions {
            reason: Reason::Stop,
            grace: (haste == Haste::AtOnce).then_some(Duration::ZERO),
            configured: self.configured_grace,
        };
        self.restarts.retain(|restart| *restart != id);
        let stopped = self
            .look(seen, id)
            .and_then(|target| self.manager.ask_to_stop(&target, options));
        tell(model, stopped, |()| None);
    }

    pub(super) fn restart(&mut self, seen: &[Observed], id: ProcessId, model: &mut Model) {
        let asked = self
            .look(seen, id)
            .and_then(|target| self.manager.ask_to_restart(&target));
        if asked.is_ok() && !self.restarts.contains(&id) {
            self.restarts.push(id);
        }
        tell(model, asked, |()| None);
        self.go_on(seen, model);
    }

    /// Starts anew what was asked to end for that and has. Whether there was any.
    pub(super) fn go_on(&mut self, seen: &[Observed], model: &mut Model) -> bool {
        let count = self.restarts.len();
        let manager = self.manager;
        self.restarts.retain(|id| {
            let target = match look(manager, seen, *id) {
                Ok(target) if target.is_live() => return true,
                Ok(target) => target,
                Err(_) => return false, // somebody has cleared it
            };
            for result in manager.restart(&[target]) {
                let begun = |info: ProcessInfo| Some(format!("{} was started anew", info.name));
                tell(model, result, begun);
            }
            false
        });
        self.restarts.len() < count
    }

    pub(super) fn clear(&self, seen: &[Observed], model: &mut Model) {
        let mut ended = seen.to_vec();
        let cleared = self.manager.settle(&mut ended).and_then(|()| {
            ended.retain(|process| !process.is_live());
            self.manager.clear(&ended, Leave::Nothing)
        });
        tell(model, cleared, |cleared| {
            Some(match cleared.len() {
                0 => "nothing to clear: all live".to_owned(),
                1 => format!("cleared {}", cleared[0].name),
                count => format!("cleared {count} ended processes"),
            })
        });
    }

    /// Sends a line, and what Enter sends there.
    pub(super) fn send(&self, seen: &[Observed], id: ProcessId, line: &str, model: &mut Model) {
        let sent = self.look(seen, id).and_then(|target| {
            let message = Message {
                bytes: [line.as_bytes(), target.enter_key()].concat(),
                after: After::StaysOpen,
                limit: SEND_LIMIT,
            };
            match self.manager.send(&target, &message).error {
                Some(error) => Err(error),
                None => Ok(target.entry.name),
            }
        });
        tell(model, sent, |name| Some(format!("sent to {name}")));
    }

    /// The process, if its terminal can be taken over; else it is told why not.
    pub(super) fn attachable(
        &self,
        seen: &[Observed],
        id: ProcessId,
        model: &mut Model,
    ) -> Option<Observed> {
        let target = self.look(seen, id).and_then(|target| {
            has_terminal(&target)?;
            Ok(target)
        });
        target
            .map_err(|error| model.tell(error.message, Tone::Bad))
            .ok()
    }

    fn look(&self, seen: &[Observed], id: ProcessId) -> Result<Observed, Error> {
        look(self.manager, seen, id)
    }
}

/// How the process is now.
fn look(manager: &Manager, seen: &[Observed], id: ProcessId) -> Result<Observed, Error> {
    let known = seen.iter().find(|process| process.entry.id == id);
    let now = known.map(|known| manager.observe_again(&known.entry));
    now.transpose()?
        .flatten()
        .ok_or_else(|| Error::other("it was cleared meanwhile"))
}

fn tell<T>(model: &mut Model, result: Result<T, Error>, words: impl FnOnce(T) -> Option<String>) {
    match result {
        Ok(done) => {
            if let Some(text) = words(done) {
                model.tell(text, Tone::Good);
            }
        }
        Err(error) => model.tell(error.message, Tone::Bad),
    }
}
