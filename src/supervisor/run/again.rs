//! From one run to the next: the end of a run that is not the last, the pause, and the next leader.
//!
//! Does not: decide whether there is another run; [`Runs`](crate::supervisor::runs::Runs) does.

use std::time::Instant;

use super::Supervisor;
use crate::model::facts::Exit;
use crate::model::status::How;
use crate::supervisor::input::Input;
use crate::supervisor::journal::Publish;
use crate::supervisor::leader::{Ends, Leader};
use crate::supervisor::stopping::Stopping;
use crate::supervisor::streams::Streams;
use crate::supervisor::tree;
use crate::sys::clock;
use crate::sys::reap::Usage;

impl Supervisor {
    /// Whether the next run waits for its time.
    pub(super) fn waits_for_next_run(&self) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.wait())
    }

    /// Writes the end of a run down, and plans the next if there is to be one.
    pub(super) fn run_ended(&mut self, mut exit: Exit, publish: Publish, now: Instant) {
        let ran = now - self.leader.began;
        if let Some(runs) = &mut self.runs {
            exit.run_ms = Some(clock::milliseconds(ran));
            if runs.plan(exit.status, ran, now) {
                exit.again = true;
                self.journal.run_ended(exit);
                // What it left behind is ended as a stop does it; nobody asked for a stop, though.
                self.stopping.ask(now + self.grace);
                tree::terminate(None);
                return;
            }
        }
        self.journal.exited(exit, publish);
    }

    /// When the next run can begin, if nothing but time is waited for.
    pub(super) fn next_run(&self) -> Option<Instant> {
        let nothing_lives = self.tree_is_empty || self.stopping == Stopping::GivenUp;
        self.runs.as_ref().filter(|_| nothing_lives)?.due()
    }

    /// Runs the command again when it is time.
    pub(super) fn go_on_running(&mut self, now: Instant) {
        if !self.waits_for_next_run() {
            return;
        }
        if self.tree_is_empty {
            self.stopping = Stopping::No; // nothing is left of the earlier run
        }
        if self.next_run().is_none_or(|due| now < due) {
            return;
        }
        self.streams.read_waiting(&mut self.journal);
        let Some(runs) = &mut self.runs else { return };
        match runs.run() {
            Ok((
                leader,
                Ends {
                    stdin,
                    stdout,
                    stderr,
                    mut terminal,
                },
            )) => {
                self.input = Input::new(stdin, runs.stdin());
                if let (Some(new), Some(old)) = (&mut terminal, &self.terminal) {
                    new.take_the_place_of(old);
                }
                self.terminal = terminal;
                self.begin_run(leader, Streams::new(stdout, stderr));
            }
            Err(failed) => {
                self.journal.run_failed(&failed.why);
                self.leader.began = now;
                let exit = self.exit(How::Code(failed.code), false, Usage::default(), now);
                let error = Some(failed.why);
                self.run_ended(Exit { error, ..exit }, Publish::Now, now);
            }
        }
    }

    fn begin_run(&mut self, leader: Leader, streams: Streams) {
        self.streams = streams;
        self.leader = leader;
        self.leader_lives = true;
        self.stopping = Stopping::No;
        self.tree_is_empty = false;
        self.end_at = None;
        self.journal.run_again(&self.leader);
    }
}
