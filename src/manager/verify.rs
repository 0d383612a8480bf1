//! Looking at every record of a log, and telling what is wrong.
//!
//! Does not: repair anything. Key and state have been verified when there is a [`Manager`] to ask.

use super::Manager;
use super::observe::{Lease, Observed};
use crate::log::verify::{self, Report};
use crate::model::error::Error;
use crate::store::dir::Sub;
use crate::store::files;

/// What was found in one log.
pub(crate) struct Verified {
    pub(crate) report: Report,
    /// What is wrong, in words; nothing when all is well.
    pub(crate) findings: Vec<String>,
}

impl Manager {
    /// Whether `process` never came to be: its start was killed when it was on record and before its
    /// supervisor was told, which then removed log and lease.
    ///
    /// # Errors
    ///
    /// A directory that cannot be read.
    pub(crate) fn never_began(&self, process: &Observed) -> Result<bool, Error> {
        let name = files::log(process.entry.id, 0);
        let logs = self.store.dir().sub(Sub::Logs)?;
        let there = logs
            .map(|logs| logs.open_read(&name))
            .transpose()?
            .flatten()
            .is_some();
        Ok(process.lease == Lease::Missing && process.block.is_none() && !there)
    }

    /// Verifies the log of `process`.
    ///
    /// # Errors
    ///
    /// When it cannot be read at all.
    pub(crate) fn verify(&self, process: &Observed) -> Result<Verified, Error> {
        let segments = self.segments(process)?;
        let promised = process
            .block
            .as_ref()
            .and_then(|block| block.log_end.as_ref());
        let report = verify::verify(segments, promised).map_err(|error| {
            Error::io(
                "read the log",
                files::log(process.entry.id, 0).as_ref(),
                &error,
            )
        })?;
        let findings = report
            .findings
            .iter()
            .map(|damage| {
                let file = files::log(process.entry.id, damage.segment);
                format!("{file}: byte {}: {}", damage.offset, damage.cause)
            })
            .collect();
        Ok(Verified { report, findings })
    }
}
