//! The log of a process, opened for reading.
//!
//! Does not: make lines of it.

use std::sync::Arc;

use super::Manager;
use super::clear::cleared;
use super::observe::Observed;
use crate::log::reader::Reader;
use crate::log::segments::Segments;
use crate::model::error::{Error, Kind};
use crate::store::dir::Sub;
use crate::store::files;
use crate::sys::crash::crash_point;

impl Manager {
    /// The segments of the log of `process`, as long as they are now.
    ///
    /// # Errors
    ///
    /// A segment is missing (13) or is no file of ours (14); the process was cleared meanwhile (3).
    pub(crate) fn segments(&self, process: &Observed) -> Result<Segments, Error> {
        let entry = &process.entry;
        let logs = self.store.dir().sub(Sub::Logs)?;
        let mut opened = Vec::new();
        crash_point!("log-open");
        for number in process.segment_numbers() {
            let file = logs
                .map(|logs| logs.open_read(&files::log(entry.id, number)))
                .transpose()?
                .flatten();
            let Some(file) = file else {
                if !self.is_on_record(entry)? {
                    return Err(cleared(entry));
                }
                return Err(Error::new(
                    Kind::Damaged,
                    format!(
                        "segment {number} of the log of '{}' ({}) is missing",
                        entry.name, entry.id
                    ),
                )
                .hint(format!(
                    "'bgp verify {}' tells what else is wrong",
                    entry.id
                )));
            };
            opened.push((number, file));
        }
        let keys = Arc::new(self.log_keys(entry));
        Segments::open(keys, self.identity(entry), opened)
            .map_err(|error| Error::io("read the log", files::log(entry.id, 0).as_ref(), &error))
    }

    /// Adds to `reader` the segments that `process` has begun since; whether there was one.
    ///
    /// # Errors
    ///
    /// A log that cannot be read.
    pub(super) fn add_segments(
        &self,
        reader: &mut Reader,
        process: &Observed,
    ) -> Result<bool, Error> {
        let newest = process.block.as_ref().map_or(0, |block| block.last_segment);
        let known = reader.segments().last_number().unwrap_or(0);
        let mut added = false;
        for number in known + 1..=newest {
            let name = files::log(process.entry.id, number);
            let logs = self.store.dir().sub(Sub::Logs)?;
            if let Some(file) = logs
                .map(|logs| logs.open_read(&name))
                .transpose()?
                .flatten()
            {
                let taken = reader.add(number, file);
                added |= taken.map_err(|error| Error::io("read", name.as_ref(), &error))?;
            }
        }
        Ok(added)
    }
}
