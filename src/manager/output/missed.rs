//! Output that is not there any more: dropped by rotation, lost to a full disk, or damaged; and that it is told.
//!
//! Does not: bring it back.

use super::{Piece, Reading, Sink};
use crate::log::beginning::{dropped_bytes, within_line};
use crate::log::{Cause, Damage, Position, Record};
use crate::model::error::Error;
use crate::model::facts::Lost;

/// What a reader has missed.
pub(super) const NOT_READ: &str = "output that was not read yet";

fn dropped_note(bytes: u64, of: &str) -> String {
    format!("{bytes} bytes of {of} were dropped by rotation")
}

/// What a GAP tells.
pub(super) fn lost(record: &Record<'_>) -> Lost {
    serde_json::from_slice(record.payload).unwrap_or_default()
}

impl Reading {
    /// Something is wrong with the log here, if it is not only that rotation was faster than we.
    pub(super) fn meet(&mut self, damage: Damage, sink: &mut Sink<'_>) -> Result<(), Error> {
        let Some((segment, bytes)) = self.overtaken_at(damage) else {
            self.damage = self.damage.or(Some(damage));
            return self.hole([true; 2], sink);
        };
        let within = within_line(self.reader.segments(), segment);
        self.hole(
            within.map_err(|error| Error::io("read", &self.path, &error))?,
            sink,
        )?;
        self.dropped_bytes = self.dropped_bytes.saturating_add(bytes);
        self.trail.passed_over(bytes);
        sink(Piece::Note(dropped_note(bytes, NOT_READ)))
    }

    /// Output was lost before this place; it is told once, however often it is read.
    pub(super) fn pass_gap(
        &mut self,
        lost: Lost,
        after: Position,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        if lost.bytes > 0 {
            self.hole([true; 2], sink)?;
        }
        if after <= self.gaps_told {
            return Ok(());
        }
        self.gaps_told = after;
        self.tell_lost(lost, sink)
    }

    /// Which segment comes there because rotation was faster than we, and how much output is missing before
    /// it; `None` if it is damage.
    fn overtaken_at(&self, damage: Damage) -> Option<(u64, u64)> {
        let next = self.reader.segments().first_after(damage.segment)?;
        let mut overtaken = self.overtaken.iter();
        let found = overtaken.find(|(segment, _)| *segment == next);
        (damage.cause == Cause::Missing)
            .then_some(found)
            .flatten()
            .copied()
    }

    /// Something is missing here: no line goes on behind it, or what goes on says so.
    fn hole(&mut self, within_line: [bool; 2], sink: &mut Sink<'_>) -> Result<(), Error> {
        self.trail.hole(within_line);
        self.sieve.hole(within_line, sink)
    }

    /// How much output rotation has removed so far.
    pub(super) fn removed_bytes(&self) -> Result<u64, Error> {
        dropped_bytes(self.reader.segments()).map_err(|error| Error::io("read", &self.path, &error))
    }

    pub(super) fn tell_lost(&mut self, lost: Lost, sink: &mut Sink<'_>) -> Result<(), Error> {
        if lost.is_nothing() {
            return Ok(());
        }
        self.dropped_bytes = self.dropped_bytes.saturating_add(lost.bytes);
        sink(Piece::Note(lost.told()))
    }

    pub(super) fn tell_dropped(&mut self, bytes: u64, of: &str) {
        if bytes > 0 {
            self.dropped_bytes = self.dropped_bytes.saturating_add(bytes);
            self.notes.push(dropped_note(bytes, of));
        }
    }
}
