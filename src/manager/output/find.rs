//! Looking for a line in what is read.
//!
//! Does not: wait for one.

use regex::bytes::Regex;

use super::cursor::Cursor;
use super::rest::Rest;
use super::sieve::is_found;
use super::{Piece, Reading};
use crate::manager::observe::{Observed, Reach};
use crate::model::error::Error;
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
    /// Leaves out what was written before the current run of `process` began, where that can be told:
    /// not when rotation has removed the beginning of the log.
    pub(crate) fn only_current_run(&mut self, process: &Observed) {
        let run = process.block.as_ref().map_or(1, |block| block.run);
        let whole = self.reader.segments().first_number() == Some(0);
        self.from_run = (whole && run > 1).then_some(run);
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
                cursor: self.cursor(Rest::Shown(reach)),
                line,
            })
        }))
    }
}
