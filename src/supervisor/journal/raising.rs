//! What is written when something is raised: the event into the log, then into the status block.
//!
//! Does not: decide what is raised; [`Alerts`](crate::supervisor::alerts::Alerts) does.

use std::time::Instant;

use super::Journal;
use crate::log::Kind;
use crate::model::alert::Raised;
use crate::model::facts::{AlertSettings, Exit, Note};
use crate::supervisor::alerts;
use crate::supervisor::held::Keep;

impl Journal {
    /// From now on alerts are raised by `settings`.
    pub(in super::super) fn set_alerts(&mut self, settings: &AlertSettings, now: Instant) {
        let held_back = self.alerts.set(settings, now);
        let raises = !held_back.is_empty();
        for raised in held_back {
            self.raise(raised);
        }
        let note = Note::Alerts {
            alerts: settings.clone(),
        };
        self.append_fact(Kind::Note, &note);
        if raises {
            self.publish();
        }
    }

    /// The end of a run, with what is raised of it.
    pub(super) fn append_end(&mut self, exit: &Exit) {
        let now = Instant::now();
        self.raise_held_back(now);
        let keep = if exit.again {
            Keep::UpToABound
        } else {
            Keep::Always
        };
        if let Ok(json) = serde_json::to_vec(exit) {
            self.append(Kind::Exit, &json, keep);
        }
        if let Some(raised) = self.alerts.ended(exit, now) {
            self.raise(raised);
        }
    }

    /// Writes down an event; whoever calls this publishes it.
    pub(super) fn raise(&mut self, raised: Raised) {
        self.append_fact(Kind::Alert, &raised);
        alerts::add(&mut self.block.raised, raised);
    }

    pub(super) fn raise_held_back(&mut self, now: Instant) {
        while let Some(raised) = self.alerts.held_back(now) {
            self.raise(raised);
        }
    }

    pub(super) fn raise_what_is_due(&mut self, now: Instant) {
        let seen = self.block.raised.last().map(|raised| raised.seq);
        while let Some(raised) = self.alerts.due(now) {
            self.raise(raised);
        }
        if self.block.raised.last().map(|raised| raised.seq) != seen {
            self.publish();
        }
    }
}
