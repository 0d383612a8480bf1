//! Looking for a line in what is read.
//!
//! Does not: wait for one.

use regex::bytes::Regex;

use super::cursor::Cursor;
use super::rest::Rest;
use super::sieve::is_found;
use super::{Piece, Reading};
use crate::log::Kind;
use crate::log::reader::{Item, Reader};
use crate::manager::observe::{Observed, Reach};
use crate::model::error::Error;
use crate::model::facts::Note;
use crate::model::status::Status;
use crate::text::lines::Line;

/// A line that was looked for.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Which of the patterns is found in it: the first that is.
    pub(crate) pattern: usize,
    pub(crate) line: Line<'static>,
    /// Behind it.
    pub(crate) cursor: Cursor,
}

impl Reading {
    /// Leaves out what was written before the current run of `process` began: all before the record that tells
    /// its beginning. If rotation has removed that, only the current run is left. Between two runs the next one
    /// counts, of which nothing is there yet.
    ///
    /// # Errors
    ///
    /// A log that cannot be read.
    pub(crate) fn only_current_run(&mut self, process: &Observed) -> Result<(), Error> {
        let block = process.block.as_ref();
        let run = block.map_or(1, |block| block.run);
        if block.is_some_and(|block| block.status == Status::Starting && block.last_exit.is_some())
        {
            self.from_run = Some(run + 1);
            return Ok(());
        }
        let begins_in_it = run > 1 && self.begins(run)?;
        self.from_run = begins_in_it.then_some(run);
        Ok(())
    }

    /// Whether the log has the beginning of this run, or of a later one.
    fn begins(&self, wanted: u64) -> Result<bool, Error> {
        let mut reader = Reader::new(self.reader.segments().clone());
        loop {
            let item = reader.next();
            match item.map_err(|error| Error::io("read", &self.path, &error))? {
                Item::Record(record) if record.kind == Kind::Note => {
                    let note = serde_json::from_slice(record.payload);
                    if matches!(note, Ok(Note::Run { run, .. }) if run >= wanted) {
                        return Ok(true);
                    }
                }
                Item::Record(_) | Item::Damage(_) => {}
                Item::End(_) => return Ok(false),
            }
        }
    }

    /// The first line that is there in which one of `patterns` is found, as it is shown; also one that is
    /// not finished. After it nothing more can be read.
    ///
    /// # Errors
    ///
    /// A log that cannot be read.
    pub(crate) fn find(
        &mut self,
        patterns: &[Regex],
        reach: Reach,
    ) -> Result<Option<Found>, Error> {
        let which = |line: &Line<'_>| patterns.iter().position(|pattern| is_found(pattern, line));
        let mut found = None;
        let read = self.drain(&mut |piece| match piece {
            Piece::Line(line) => match which(&line) {
                Some(pattern) => {
                    found = Some((pattern, line.into_owned()));
                    Err(Error::other("it is found")) // nothing behind it is wanted
                }
                None => Ok(()),
            },
            Piece::Bytes(..) | Piece::Note(_) => Ok(()),
        });
        if let Some((pattern, line)) = found {
            let cursor = self.cursor_behind_line();
            return Ok(Some(Found {
                pattern,
                line,
                cursor,
            }));
        }
        read?;
        let mut rest = self.rest(reach).into_iter();
        Ok(rest.find_map(|line| {
            Some(Found {
                pattern: which(&line)?,
                cursor: self.cursor(Rest::ShownOf(line.stream, reach)),
                line,
            })
        }))
    }
}
