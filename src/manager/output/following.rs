//! Reading on in a log that grows, also into segments that are new, and when rotation is faster than the reader.
//!
//! Does not: wait.

use super::Reading;
use crate::log::beginning::output_between;
use crate::log::{Cause, Damage};
use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::model::error::Error;

impl Reading {
    /// Looks again how long the log is, and for segments that `process` has begun since; whether there
    /// was one.
    ///
    /// # Errors
    ///
    /// A log that cannot be read.
    pub(crate) fn catch_up(
        &mut self,
        manager: &Manager,
        process: &Observed,
    ) -> Result<bool, Error> {
        let cannot = |error: std::io::Error| Error::io("read", &self.path, &error);
        self.reader.refresh().map_err(cannot)?;
        let newest = *process.segment_numbers().end();
        let known = self.reader.segments().last_number().unwrap_or(0);
        let mut added = false;
        for number in known + 1..=newest {
            if let Some(file) = manager.open_segment(process.entry.id, number)? {
                added |= self.reader.add(number, file).map_err(cannot)?;
            }
        }
        let segments = self.reader.segments();
        if let Some(first) = segments.first_after(known)
            && first > known + 1
            && let Some(now) = manager.observe_again(&process.entry)?
            && first <= *now.segment_numbers().start()
        {
            let bytes = output_between(segments, known, first).map_err(cannot)?;
            self.overtaken.push((first, bytes));
        }
        Ok(added)
    }

    /// How much output is missing there because rotation was faster than we; `None` if it is damage.
    pub(super) fn overtaken_at(&self, damage: Damage) -> Option<u64> {
        let next = self.reader.segments().first_after(damage.segment)?;
        let mut overtaken = self.overtaken.iter();
        let found = overtaken.find(|(segment, _)| *segment == next);
        (damage.cause == Cause::Missing)
            .then_some(found)
            .flatten()
            .map(|(_, bytes)| *bytes)
    }

    /// Looks again how long the log is, of which nobody begins another segment any more.
    ///
    /// # Errors
    ///
    /// A log that cannot be read.
    pub(crate) fn catch_up_alone(&mut self) -> Result<(), Error> {
        let refreshed = self.reader.refresh();
        refreshed.map_err(|error| Error::io("read", &self.path, &error))
    }
}
