//! The log of a process, opened for reading: all its segments, while rotation may be at work.
//!
//! Does not: make lines of it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::Manager;
use super::clear::cleared;
use super::observe::Observed;
use crate::log::beginning::output_between;
use crate::log::reader::Reader;
use crate::log::segments::Segments;
use crate::log::{Cause, Damage};
use crate::model::error::{Error, Kind};
use crate::model::id::ProcessId;
use crate::store::dir::Sub;
use crate::store::files;
use crate::sys::crash::crash_point;

/// The segments of a log that there are.
pub(crate) struct OpenLog {
    pub(crate) segments: Segments,
    /// The first that is missing, and was not removed by rotation.
    pub(crate) missing: Option<Damage>,
}

/// What has come to a log that is read.
#[derive(Default)]
pub(crate) struct Added {
    /// Whether there is another segment.
    pub(crate) any: bool,
    /// Segments before which rotation removed some that were not read yet, and how much output that was.
    pub(crate) overtaken: Vec<(u64, u64)>,
}

impl Manager {
    /// The segments of the log of `process`, as long as they are now.
    ///
    /// # Errors
    ///
    /// All are missing (13), or one is no file of ours (14); the process was cleared meanwhile (3).
    pub(crate) fn segments(&self, process: &Observed) -> Result<OpenLog, Error> {
        let mut numbers = self.segment_numbers(process)?;
        crash_point!("log-open");
        loop {
            let log = self.open_segments(process, numbers.clone())?;
            // Rotation tells of the new segments first, and removes the old ones then.
            if log.missing.is_some()
                && let Some(now) = self.observe_again(&process.entry)?
            {
                let now = self.segment_numbers(&now)?;
                if now != numbers {
                    numbers = now;
                    continue;
                }
            }
            if log.segments.last_number().is_some() {
                return Ok(log);
            }
            let entry = &process.entry;
            if !self.is_on_record(entry)? {
                return Err(cleared(entry));
            }
            return Err(Error::new(
                Kind::Damaged,
                format!("the log of '{}' ({}) is missing", entry.name, entry.id),
            )
            .hint(if process.is_live() {
                format!(
                    "it runs on; 'bgp stop {0}' and then 'bgp clear {0}' forgets it",
                    entry.id
                )
            } else {
                format!("'bgp clear {}' forgets the process", entry.id)
            }));
        }
    }

    /// The numbers of the segments of the log of `process`: as its block tells them, and where there is none
    /// any more, from the lowest to the highest that are there.
    ///
    /// # Errors
    ///
    /// Storage (15), unsafe (14).
    pub(super) fn segment_numbers(&self, process: &Observed) -> Result<RangeInclusive<u64>, Error> {
        if process.block.is_some() {
            return Ok(process.segment_numbers());
        }
        let there = self.logs_that_are_there()?.remove(&process.entry.id);
        let there = there.unwrap_or_default(); // in their order
        Ok(there.first().copied().unwrap_or(0)..=there.last().copied().unwrap_or(0))
    }

    fn open_segments(
        &self,
        process: &Observed,
        numbers: RangeInclusive<u64>,
    ) -> Result<OpenLog, Error> {
        let entry = &process.entry;
        let cannot = |error| Error::io("read the log", files::log(entry.id, 0).as_ref(), &error);
        let last = *numbers.end();
        let (mut opened, mut missing) = (Vec::new(), None);
        for number in numbers {
            match self.open_segment(entry.id, number)? {
                Some(file) => opened.push((number, file)),
                None => missing = missing.or(Some(Damage::at(number, 0, Cause::Missing))),
            }
        }
        let keys = Arc::new(self.log_keys(entry));
        let mut segments = Segments::open(keys, self.identity(entry), opened).map_err(cannot)?;
        if process.is_without_end() {
            // Its supervisor was killed before it could tell of the newest.
            let mut next = last + 1;
            while let Some(file) = self.open_segment(entry.id, next)?
                && segments.add(next, file).map_err(cannot)?
            {
                next += 1;
            }
        }
        Ok(OpenLog { segments, missing })
    }

    /// Segment `number` of the log of the process `id`; `None` when it is not there.
    ///
    /// # Errors
    ///
    /// It is no file of ours (14).
    pub(super) fn open_segment(
        &self,
        id: ProcessId,
        number: u64,
    ) -> Result<Option<std::fs::File>, Error> {
        let Some(logs) = self.store.dir().sub(Sub::Logs)? else {
            return Ok(None);
        };
        Ok(logs.open_read(&files::log(id, number))?)
    }

    /// Adds to `reader` the segments that `process` has begun since.
    ///
    /// # Errors
    ///
    /// A log that cannot be read.
    pub(super) fn add_segments(
        &self,
        reader: &mut Reader,
        process: &Observed,
    ) -> Result<Added, Error> {
        let cannot = |error| {
            Error::io(
                "read the log",
                files::log(process.entry.id, 0).as_ref(),
                &error,
            )
        };
        reader.release_read();
        let known = reader.segments().last_number().unwrap_or(0);
        let mut added = Added::default();
        let mut last = known;
        for number in known + 1..=*process.segment_numbers().end() {
            let Some(file) = self.open_segment(process.entry.id, number)? else {
                continue;
            };
            if !reader.add(number, file).map_err(cannot)? {
                continue;
            }
            added.any = true;
            if number > last + 1
                && let Some(now) = self.observe_again(&process.entry)?
                && number <= *now.segment_numbers().start()
            {
                let bytes = output_between(reader.segments(), last, number).map_err(cannot)?;
                added.overtaken.push((number, bytes));
            }
            last = number;
        }
        Ok(added)
    }
}
