//! Reading what a process wrote: from the beginning, from a time on, or the last lines without reading
//! the rest; and then what comes after.
//!
//! Where to begin is found first, by going back through the log; then it is read forward once, and what
//! is not wanted is passed over. Memory does not depend on how much there is.
//! Does not: wait, or write anywhere. Reading consumes nothing.

mod begin;
pub(crate) mod cursor;
pub(crate) mod find;
mod following;
mod had;
mod left;
mod missed;
pub(crate) mod rest;
mod sieve;

use std::path::PathBuf;

use regex::bytes::Regex;

use super::Manager;
use super::logs::OpenLog;
use super::observe::Observed;
use crate::log::beginning::output_before;
use crate::log::reader::{Ending, Item, Reader};
use crate::log::{Damage, Kind, Position};
use crate::model::error::{self, Error};
use crate::model::facts::{Lost, Note};
use crate::store::files;
use crate::text::lines::{Line, Lines, Stream};
use begin::{Begin, Found};
use cursor::{Cursor, Trail};
use left::left_of;
use missed::{NOT_READ, lost};
use sieve::{Last, Sieve};

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    /// Whether stdout and stderr are wanted, in this order.
    pub(crate) streams: [bool; 2],
    /// The last so many of the lines that are wanted; without it all.
    pub(crate) last: Option<u64>,
    /// Only what was read then or later, in nanoseconds since 1970; 0 for all.
    pub(crate) since_ns: u64,
    /// Only lines in which it is found, as they are shown. Not for [`Form::Raw`].
    pub(crate) pattern: Option<Regex>,
    pub(crate) form: Form,
}

/// How output is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Lines,
    /// The bytes as they were written, in the order in which they were read.
    Raw,
}

/// One thing that was read.
pub(crate) enum Piece<'a> {
    Line(Line<'a>),
    Bytes(Stream, &'a [u8]),
    /// Something to be said beside the output: a gap, for example.
    Note(String),
}

/// Takes what is read.
pub(crate) type Sink<'a> = dyn FnMut(Piece<'_>) -> Result<(), Error> + 'a;

/// A log being read.
pub(crate) struct Reading {
    path: PathBuf,
    /// Where reading began.
    begin: Begin,
    reader: Reader,
    /// So many bytes of each stream are still to be passed over, as they were had before.
    had: [u64; 2],
    /// How many bytes of each stream were passed over.
    passed_over: [u64; 2],
    /// Only output of this run and later ones is looked at, while it has not begun.
    from_run: Option<u64>,
    trail: Trail,
    /// When the last output was read that has been seen.
    last_ns: u64,
    sieve: Sieve,
    notes: Vec<String>,
    /// Output that was there and is no more: dropped by rotation, or lost to a full disk.
    dropped_bytes: u64,
    /// Gaps up to here have been told.
    gaps_told: Position,
    /// What was lost at the end, and is still to be told.
    lost_at_end: Lost,
    damage: Option<Damage>,
    /// Segments before which rotation removed some that were not read yet, and how much output that was.
    overtaken: Vec<(u64, u64)>,
    torn_bytes: u64,
    /// Whether the log's END was read.
    ended: bool,
}

impl Manager {
    /// Opens the log of `process` for `query`.
    ///
    /// # Errors
    ///
    /// A log that is missing or unreadable.
    pub(crate) fn read_output(&self, process: &Observed, query: Query) -> Result<Reading, Error> {
        self.read_output_within(process, query, u64::MAX)
    }

    /// The same for the last lines, which are fewer if they do not begin within about the last
    /// `reach_bytes` of output: what is read to find them has a bound, however long lines are.
    ///
    /// # Errors
    ///
    /// A log that is missing or unreadable.
    pub(crate) fn read_output_within(
        &self,
        process: &Observed,
        query: Query,
        reach_bytes: u64,
    ) -> Result<Reading, Error> {
        let OpenLog { segments, missing } = self.segments(process)?;
        let path = self.log_path(process);
        let mut found = Found::default();
        let begin = begin::find(&segments, &query, reach_bytes, &mut found)
            .map_err(|error| Error::io("read", &path, &error))?;
        let mut reading = Reading {
            reader: begin.reader(segments),
            had: [0; 2],
            passed_over: [0; 2],
            from_run: None,
            trail: Trail::new(&process.entry, begin.within_line()),
            last_ns: 0,
            sieve: Sieve {
                lines: found.lines.unwrap_or_else(|| begin.lines()),
                goes_on: [false; 2],
                unwanted_bytes: found.unwanted_bytes,
                last: Last::new(&query),
                unwanted_lines: 0,
                query,
            },
            path,
            begin,
            notes: Vec::new(),
            dropped_bytes: 0,
            gaps_told: Position::default(),
            lost_at_end: process.lost_at_end(),
            damage: missing.or(found.damage),
            overtaken: Vec::new(),
            torn_bytes: 0,
            ended: false,
        };
        match begin {
            Begin::Start(_) => {
                let removed = reading.removed_bytes()?;
                reading.trail.had_before(removed);
                reading.tell_dropped(removed, "older output");
            }
            // To count what else is before it would be to read it.
            Begin::At(position) => {
                let before = output_before(reading.reader.segments(), position.segment);
                let before = before.map_err(|error| Error::io("read", &reading.path, &error))?;
                reading.trail.had_before(before);
            }
        }
        Ok(reading)
    }

    /// Opens the log of `process` for all that `query` wants of what comes behind `cursor`. Its number of
    /// last lines does not count.
    ///
    /// # Errors
    ///
    /// A cursor that is none of this process (2); a log that is missing or unreadable.
    pub(crate) fn read_output_after(
        &self,
        process: &Observed,
        query: Query,
        cursor: &Cursor,
    ) -> Result<Reading, Error> {
        cursor.belongs_to(&process.entry)?;
        let OpenLog { segments, missing } = self.segments(process)?;
        let path = self.log_path(process);
        let left = left_of(cursor, &segments);
        let left = left.map_err(|error| Error::io("read", &path, &error))?;
        let (had, within_line) = (left.had, left.within_line);
        let begin = Begin::At(cursor.position);
        let mut reading = Reading {
            reader: begin.reader(segments),
            had,
            passed_over: [0; 2],
            from_run: None,
            trail: Trail::behind(cursor, &process.entry),
            last_ns: 0,
            sieve: Sieve {
                lines: Lines::resumed(within_line),
                goes_on: [0, 1].map(|of| had[of] > 0 || left.removed.is_none()),
                unwanted_bytes: [0; 2],
                last: None,
                unwanted_lines: 0,
                query,
            },
            path,
            begin,
            notes: Vec::new(),
            dropped_bytes: 0,
            gaps_told: Position::default(),
            lost_at_end: process.lost_at_end(),
            damage: missing.filter(|missing| missing.segment >= cursor.position.segment),
            overtaken: Vec::new(),
            torn_bytes: 0,
            ended: false,
        };
        if let Some(removed) = left.removed {
            reading.trail.had_before(removed.all);
            reading.tell_dropped(removed.unread, NOT_READ);
        }
        Ok(reading)
    }

    fn log_path(&self, process: &Observed) -> PathBuf {
        let name = files::log(process.entry.id, 0);
        self.store.dir().path().join("logs").join(name)
    }
}

fn stream_of(kind: Kind) -> Option<Stream> {
    match kind {
        Kind::Stdout => Some(Stream::Out),
        Kind::Stderr => Some(Stream::Err),
        Kind::Start
        | Kind::Exit
        | Kind::End
        | Kind::Closed
        | Kind::Gap
        | Kind::Dropped
        | Kind::Note
        | Kind::Alert => None,
    }
}

impl Reading {
    /// Gives everything that is there now to `sink`.
    ///
    /// # Errors
    ///
    /// What `sink` says; a log that cannot be read.
    pub(crate) fn drain(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        for note in self.notes.drain(..) {
            sink(Piece::Note(note))?;
        }
        self.read_to_end(sink)?;
        let Some(last) = self.sieve.last.take() else {
            return Ok(());
        };
        let wanted = last.wanted - last.wanted.min(self.unfinished().len() as u64);
        match last.into_lines(wanted) {
            Ok(lines) => {
                for line in lines {
                    sink(Piece::Line(line))?;
                }
                Ok(())
            }
            Err(unwanted) => {
                self.sieve.unwanted_lines = unwanted;
                self.sieve.lines = self.begin.lines();
                self.reader = self.begin.reader(self.reader.segments().clone());
                self.trail.begin_again(self.begin.within_line());
                self.read_to_end(sink)
            }
        }
    }

    fn read_to_end(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        loop {
            let before = self.reader.position();
            let item = self.reader.next();
            match item.map_err(|error| Error::io("read", &self.path, &error))? {
                Item::Record(record) => match stream_of(record.kind) {
                    Some(stream) => {
                        let left = &mut self.had[stream as usize];
                        let all = record.payload.len();
                        let had = usize::try_from(*left).map_or(all, |left| left.min(all));
                        *left -= had as u64;
                        let had = if self.from_run.is_some() { all } else { had };
                        self.passed_over[stream as usize] += had as u64;
                        self.last_ns = record.time_ns;
                        self.trail.take(stream, before, record.payload, had);
                        if let Some(news @ [_, ..]) = record.payload.get(had..) {
                            self.sieve.take(stream, record.time_ns, news, sink)?;
                        }
                    }
                    None if record.kind == Kind::Gap => {
                        let (lost, after) = (lost(&record), record.after);
                        self.pass_gap(lost, after, sink)?;
                    }
                    None if record.kind == Kind::Note && self.from_run.is_some() => {
                        let note = serde_json::from_slice(record.payload);
                        if let Ok(Note::Run { run, .. }) = note {
                            self.from_run = self.from_run.filter(|wanted| run < *wanted);
                        }
                    }
                    None => {}
                },
                Item::Damage(damage) => self.meet(damage, sink)?,
                Item::End(ending) => {
                    let lost = std::mem::take(&mut self.lost_at_end);
                    self.tell_lost(lost, sink)?;
                    self.ended = ending == Ending::Ended;
                    self.torn_bytes = match ending {
                        Ending::TornTail { bytes } => bytes,
                        Ending::Open | Ending::Ended => 0,
                    };
                    return Ok(());
                }
            }
        }
    }

    /// When the last output was read by the supervisor that has been seen here, in nanoseconds since
    /// 1970; 0 for never.
    pub(crate) fn last_ns(&self) -> u64 {
        self.last_ns
    }

    /// Whether reading began at the first record there is.
    pub(crate) fn begins_at_start(&self) -> bool {
        matches!(self.begin, Begin::Start(_))
    }

    /// How much output that would have been read is no more.
    pub(crate) fn dropped_bytes(&self) -> u64 {
        self.dropped_bytes
    }

    /// What was cut short at the end, when nobody writes any more.
    pub(crate) fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// The first damage that was met, as an error to end with: all that is intact has been given.
    /// `process` was observed before what was read last.
    ///
    /// # Errors
    ///
    /// Damaged (13).
    pub(crate) fn check(&self, process: &Observed) -> Result<(), Error> {
        let name = &process.entry.name;
        let end = (process.block.as_ref()).and_then(|block| block.log_end.as_ref());
        // Who goes on behind the recorded end does not read it again.
        let promised = end.is_some_and(|end| self.reader.position().record <= end.record);
        let message = match self.damage {
            Some(damage) => format!(
                "the log of '{name}', segment {}, byte {}: {}",
                damage.segment, damage.offset, damage.cause
            ),
            None if promised && !self.ended => {
                format!("the log of '{name}' was cut: its recorded end is missing")
            }
            None => return Ok(()),
        };
        Err(Error::new(error::Kind::Damaged, message).hint(format!(
            "what is intact was shown; 'bgp verify {}' tells more",
            process.entry.id
        )))
    }
}
