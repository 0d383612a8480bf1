//! What is written down when a process is paused, resized or told to stop: its block says so from then on.
//!
//! Does not: tell ends.

use super::Journal;
use crate::log::Kind;
use crate::model::facts::{Change, Note};
use crate::model::status::{Event, Reason};

impl Journal {
    /// The leader was stopped by a signal, or goes on.
    pub(in super::super) fn paused(&mut self, paused: bool) {
        if self.block.paused != paused {
            self.block.paused = paused;
            self.publish();
        }
    }

    /// The terminal has another size.
    pub(in super::super) fn resized(&mut self, change: Change) {
        self.append_fact(Kind::Note, &Note::Resized(change));
        self.block.size = Some(change.to);
        self.publish();
    }

    /// bgp was asked to stop the tree; `leader_lives` tells whether that is how the leader will end.
    pub(in super::super) fn stop_asked(&mut self, reason: Reason, leader_lives: bool) {
        self.block.status = self.block.status.after(Event::StopAsked);
        if leader_lives {
            self.block.reason = Some(reason);
        }
        self.publish();
    }
}
