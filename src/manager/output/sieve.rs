//! What of a log is let through: of the streams, times and lines that are wanted, and if only the last
//! lines are in which a pattern is found, these.
//!
//! Does not: read.

use std::collections::VecDeque;

use regex::bytes::Regex;

use super::{Form, Piece, Query, Sink};
use crate::model::error::Error;
use crate::text::lines::{Line, Lines, Stream};
use crate::text::row;

/// Lets through what is wanted.
pub(super) struct Sieve {
    pub(super) query: Query,
    pub(super) lines: Lines,
    /// Of which streams reading goes on where a cursor stands: a line whose beginning was had is wanted whatever
    /// is in the rest of it, as the pattern may have been found in what was shown.
    pub(super) goes_on: [bool; 2],
    /// Raw: so many bytes of each stream are still to be passed over.
    pub(super) unwanted_bytes: [u64; 2],
    /// The last lines in which the pattern is found, until the end is reached for the first time.
    pub(super) last: Option<Last>,
    /// So many of these lines are still to be passed over.
    pub(super) unwanted_lines: u64,
}

impl Sieve {
    /// Takes the next piece of a stream.
    ///
    /// # Errors
    ///
    /// What `sink` says.
    pub(super) fn take(
        &mut self,
        stream: Stream,
        time_ns: u64,
        payload: &[u8],
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let query = &self.query;
        if !query.streams[stream as usize] {
            return Ok(());
        }
        if query.form == Form::Raw {
            let unwanted = &mut self.unwanted_bytes[stream as usize];
            let pass_over = payload
                .len()
                .min(usize::try_from(*unwanted).unwrap_or(usize::MAX));
            *unwanted -= pass_over as u64;
            if time_ns >= query.since_ns && pass_over < payload.len() {
                sink(Piece::Bytes(stream, &payload[pass_over..]))?;
            }
            return Ok(());
        }
        let goes_on = self.goes_on;
        let (last, unwanted_lines) = (&mut self.last, &mut self.unwanted_lines);
        self.lines.push(stream, time_ns, payload, |line| {
            let_through(query, goes_on, last, unwanted_lines, line, sink)
        })
    }

    /// Something is missing between what was taken and what comes, which begins within a line of these
    /// streams.
    ///
    /// # Errors
    ///
    /// What `sink` says.
    pub(super) fn hole(
        &mut self,
        within_line: [bool; 2],
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let (query, goes_on) = (&self.query, self.goes_on);
        let (last, unwanted_lines) = (&mut self.last, &mut self.unwanted_lines);
        self.goes_on = [false; 2]; // what comes behind it goes on in nothing that was had
        self.lines.gap(within_line, |line| {
            let_through(query, goes_on, last, unwanted_lines, line, sink)
        })
    }

    /// Whether the line is one of those that are asked for.
    pub(super) fn wants(&self, line: &Line<'_>) -> bool {
        self.query.wants(line, self.goes_on)
    }
}

/// Lets a line through, if it is wanted.
fn let_through(
    query: &Query,
    goes_on: [bool; 2],
    last: &mut Option<Last>,
    unwanted_lines: &mut u64,
    line: Line<'_>,
    sink: &mut Sink<'_>,
) -> Result<(), Error> {
    if !query.wants(&line, goes_on) {
        return Ok(());
    }
    if *unwanted_lines > 0 {
        *unwanted_lines -= 1;
        return Ok(());
    }
    match last {
        Some(last) => {
            last.add(line);
            Ok(())
        }
        None => sink(Piece::Line(line)),
    }
}

impl Query {
    fn wants(&self, line: &Line<'_>, goes_on: [bool; 2]) -> bool {
        line.time_ns >= self.since_ns
            && self.pattern.as_ref().is_none_or(|pattern| {
                goes_on[line.stream as usize] && line.continued || is_found(pattern, line)
            })
    }
}

/// Whether `pattern` is found in `line` as it is shown.
pub(super) fn is_found(pattern: &Regex, line: &Line<'_>) -> bool {
    if line.cut.is_none() && row::is_plain(&line.bytes) {
        return pattern.is_match(&line.bytes);
    }
    pattern.is_match(line.shown().as_bytes())
}

/// The last so many lines, as long as they take little memory; beyond that their number.
pub(super) struct Last {
    pub(super) wanted: u64,
    found: u64,
    lines: VecDeque<Line<'static>>,
    bytes: usize,
    too_much: bool,
}

/// The most that is kept of the last lines, in bytes. Beyond it the log is read twice.
const LAST_MAX_BYTES: usize = 8 * 1024 * 1024;

impl Last {
    pub(super) fn new(query: &Query) -> Option<Self> {
        query.pattern.as_ref()?;
        Some(Self {
            wanted: query.last?,
            found: 0,
            lines: VecDeque::new(),
            bytes: 0,
            too_much: false,
        })
    }

    fn add(&mut self, line: Line<'_>) {
        self.found += 1;
        if self.too_much {
            return;
        }
        self.bytes += taken(&line);
        self.lines.push_back(line.into_owned());
        if self.lines.len() as u64 > self.wanted
            && let Some(first) = self.lines.pop_front()
        {
            self.bytes -= taken(&first);
        }
        if self.bytes > LAST_MAX_BYTES {
            self.too_much = true;
            self.lines = VecDeque::new();
        }
    }

    /// The last `wanted` lines; or if they were too much, how many are to be passed over to get them.
    pub(super) fn into_lines(mut self, wanted: u64) -> Result<VecDeque<Line<'static>>, u64> {
        if self.too_much {
            return Err(self.found.saturating_sub(wanted));
        }
        while self.lines.len() as u64 > wanted {
            self.lines.pop_front();
        }
        Ok(self.lines)
    }
}

fn taken(line: &Line<'_>) -> usize {
    line.bytes.len() + size_of::<Line<'_>>()
}
