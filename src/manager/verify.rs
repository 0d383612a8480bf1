//! Looking at every record of a log, and telling what is wrong.
//!
//! Does not: repair anything. The key has been verified when there is a [`Manager`] to ask.

use super::Manager;
use super::observe::Observed;
use super::told_by_logs::ByLog;
use crate::log::verify::{self, Report};
use crate::log::{Cause, Damage};
use crate::model::error::Error;
use crate::store::files;

/// What was found in one log.
pub(crate) struct Verified {
    pub(crate) report: Report,
    /// What is wrong, in words; nothing when all is well.
    pub(crate) findings: Vec<String>,
}

impl Manager {
    /// The processes as their logs tell of them, whatever the state is like, oldest first, then the logs that
    /// tell of none.
    ///
    /// # Errors
    ///
    /// Storage (15), unsafe (14).
    pub(crate) fn observe_by_logs(&self) -> Result<ByLog<Observed>, Error> {
        let told = self.told_by_logs()?.into_iter();
        let observed = told.map(|(id, told)| {
            let observed = told.and_then(|told| self.observe(told.entry));
            (id, observed)
        });
        let mut observed: ByLog<Observed> = observed.collect();
        observed.sort_by_key(|(_, seen)| {
            let number = seen.as_ref().map(|seen| seen.entry.number);
            number.unwrap_or(u64::MAX)
        });
        Ok(observed)
    }

    /// Verifies the log of `process`.
    ///
    /// # Errors
    ///
    /// When it cannot be read at all.
    pub(crate) fn verify(&self, process: &Observed) -> Result<Verified, Error> {
        let log = self.segments(process)?;
        let promised = process
            .block
            .as_ref()
            .and_then(|block| block.log_end.as_ref());
        let mut report = verify::verify(log.segments, promised).map_err(|error| {
            Error::io(
                "read the log",
                files::log(process.entry.id, 0).as_ref(),
                &error,
            )
        })?;
        if let Some(missing) = log.missing
            && !report.findings.contains(&missing)
        {
            report.findings.insert(0, missing);
        }
        // A log that has ended has no next segment.
        let next = report.log_end.as_ref().map_or(0, |end| end.segment) + 1;
        if process.has_ended()
            && report.sealed
            && self.open_segment(process.entry.id, next)?.is_some()
        {
            report.findings.push(Damage::at(next, 0, Cause::AfterEnd));
        }
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
