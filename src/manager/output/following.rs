//! Reading on in a log that grows, also into segments that are new.
//!
//! Does not: wait.

use super::Reading;
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
