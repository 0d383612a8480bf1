//! Reading on in a log that grows, also into segments that are new, and when rotation is faster than the reader.
//!
//! Does not: wait.

use super::Reading;
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
        self.catch_up_alone()?;
        self.lost_at_end = process.lost_at_end();
        let added = manager.add_segments(&mut self.reader, process)?;
        self.overtaken.extend(added.overtaken);
        Ok(added.any)
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
