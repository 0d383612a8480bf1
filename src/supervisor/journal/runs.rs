//! What is written when a command is run several times: the end of each run, and the beginning of the next.
//!
//! Does not: tell the end of the process; [`Journal::exited`] does.

use super::{Journal, Publish};
use crate::log::Kind;
use crate::model::facts::{Exit, Note};
use crate::model::status::{Event, Reason};
use crate::supervisor::leader::Leader;
use crate::sys::clock;

impl Journal {
    /// A run has ended, and another waits for its time.
    pub(in super::super) fn run_ended(&mut self, exit: Exit) {
        self.append_end(&exit);
        self.block.status = exit.status.after(Event::RestartPlanned);
        self.block.reason = Some(Reason::Backoff);
        self.block.paused = false;
        self.block.last_exit = Some(exit);
        self.publish_for_good();
    }

    /// The command was executed again.
    pub(in super::super) fn run_again(&mut self, leader: &Leader) {
        self.block.run += 1;
        let note = Note::Run {
            run: self.block.run,
            pid: Some(leader.pid),
            error: None,
        };
        self.append_fact(Kind::Note, &note);
        self.block.status = self.block.status.after(Event::Started);
        self.block.reason = None;
        self.started(leader);
    }

    /// The command could not be executed again, and `why`.
    pub(in super::super) fn run_failed(&mut self, why: &str) {
        self.block.run += 1;
        let note = Note::Run {
            run: self.block.run,
            pid: None,
            error: Some(why.to_owned()),
        };
        self.append_fact(Kind::Note, &note);
        self.block.reason = None;
    }

    /// bgp was asked to stop it while the next run waited for its time: how the last one ended is how it
    /// ended. `runtime_ms` is its whole life.
    pub(in super::super) fn stopped_between_runs(&mut self, reason: Reason, runtime_ms: u64) {
        let status = self.block.status.after(Event::StopAsked);
        if let Some(last) = self.block.last_exit.clone() {
            let exit = Exit {
                status,
                reason: Some(reason),
                end_ms: clock::wall_ms(),
                runtime_ms,
                again: false,
                ..last
            };
            self.exited(exit, Publish::Now);
        }
    }
}
