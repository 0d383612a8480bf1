//! Reading what a process wrote: from the beginning, from a time on, or the last lines without reading
//! the rest; and then what comes after.
//!
//! Where to begin is found first, by going back through the log; then it is read forward once, and what
//! is not wanted is passed over. Memory does not depend on how much there is.
//! Does not: wait, or write anywhere. Reading consumes nothing.

use std::collections::VecDeque;
use std::path::PathBuf;

use regex::bytes::Regex;

use super::Manager;
use super::observe::Observed;
use crate::log::reader::{self, Ending, Item, Reader};
use crate::log::segments::Segments;
use crate::log::tail::Tail;
use crate::log::{Damage, Kind, Position};
use crate::model::error::{self, Error};
use crate::store::dir::Sub;
use crate::store::files;
use crate::text::lines::{Line, Lines, Stream};
use crate::text::row;
use crate::text::tail::Tail as LastLines;

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
    sieve: Sieve,
    notes: Vec<String>,
    /// Output that was there and is no more: dropped by rotation, or lost to a full disk.
    dropped_bytes: u64,
    /// Gaps up to here have been told.
    gaps_told: Position,
    damage: Option<Damage>,
    torn_bytes: u64,
}

impl Manager {
    /// Opens the log of `process` for `query`.
    ///
    /// # Errors
    ///
    /// A log that is missing or unreadable.
    pub(crate) fn read_output(&self, process: &Observed, query: Query) -> Result<Reading, Error> {
        let segments = self.segments(process)?;
        let name = files::log(process.entry.id, 0);
        let path = self.store.dir().path().join("logs").join(name);
        let mut found = Found::default();
        let begin = begin(&segments, &query, &mut found)
            .map_err(|error| Error::io("read", &path, &error))?;
        let mut reading = Reading {
            reader: begin.reader(segments),
            sieve: Sieve {
                lines: found.lines.unwrap_or_else(|| begin.lines()),
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
            damage: found.damage,
            torn_bytes: 0,
        };
        if reading.begin == Begin::Start {
            reading.tell_dropped()?;
        }
        Ok(reading)
    }
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// At the first record there is.
    Start,
    At(Position),
}

impl Begin {
    fn reader(self, segments: Segments) -> Reader {
        match self {
            Self::Start => Reader::new(segments),
            Self::At(position) => Reader::resume(segments, position),
        }
    }

    fn lines(self) -> Lines {
        match self {
            Self::Start => Lines::new(),
            Self::At(_) => Lines::from_the_middle(),
        }
    }
}

/// What the search for the beginning has found besides.
#[derive(Default)]
struct Found {
    /// When the last lines were searched for: what passes over the others.
    lines: Option<Lines>,
    unwanted_bytes: [u64; 2],
    damage: Option<Damage>,
}

/// Where to begin, so that all that `query` wants is read with the beginning of its lines.
fn begin(segments: &Segments, query: &Query, found: &mut Found) -> std::io::Result<Begin> {
    let (mut tail, mut search) = match query.last {
        Some(last) if query.pattern.is_none() => {
            (Tail::new(segments.clone()), LastLines::new(last))
        }
        _ if query.since_ns == 0 => return Ok(Begin::Start),
        _ => {
            let early = segments.locate(|_, time_ns| time_ns < query.since_ns)?;
            if early == Position::default() {
                return Ok(Begin::Start);
            }
            (
                Tail::before(segments.clone(), early),
                LastLines::for_beginnings(query.streams),
            )
        }
    };
    let mut begin = None;
    while search.needs_more() {
        let Some(block) = tail.previous()? else {
            begin = None;
            break;
        };
        found.damage = block.damage.or(found.damage);
        for (record, _) in block.records().rev() {
            if let Some(stream) = stream_of(record.kind)
                && query.streams[stream as usize]
            {
                search.before(stream, record.payload);
            }
        }
        begin = block.begin().or(begin);
    }
    found.unwanted_bytes = search.unwanted_bytes();
    if query.last.is_some() && query.pattern.is_none() {
        found.lines = Some(match begin {
            None => search.lines_from_start(),
            Some(_) => search.lines_from_here(),
        });
    } else {
        found.unwanted_bytes = [0; 2];
    }
    Ok(begin.map_or(Begin::Start, Begin::At))
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
                self.read_to_end(sink)
            }
        }
    }

    fn read_to_end(&mut self, sink: &mut Sink<'_>) -> Result<(), Error> {
        loop {
            let item = self.reader.next();
            match item.map_err(|error| Error::io("read", &self.path, &error))? {
                Item::Record(record) => match stream_of(record.kind) {
                    Some(stream) => {
                        self.sieve
                            .take(stream, record.time_ns, record.payload, sink)?;
                    }
                    None if record.kind == Kind::Gap && record.after > self.gaps_told => {
                        self.gaps_told = record.after;
                        let bytes = reader::bytes_of(record.payload);
                        self.dropped_bytes += bytes;
                        sink(Piece::Note(format!(
                            "gap: {bytes} bytes of output were lost, as the disk was full or failed"
                        )))?;
                    }
                    None => {}
                },
                Item::Damage(damage) => self.damage = self.damage.or(Some(damage)),
                Item::End(ending) => {
                    self.torn_bytes = match ending {
                        Ending::TornTail { bytes } => bytes,
                        Ending::Open | Ending::Ended => 0,
                    };
                    return Ok(());
                }
            }
        }
    }

    /// What each stream wrote after its last newline, if it is wanted.
    pub(crate) fn unfinished(&self) -> Vec<Line<'static>> {
        match self.sieve.query.form {
            Form::Lines => {
                let mut lines = self.sieve.lines.unfinished();
                lines.retain(|line| self.sieve.query.wants(line));
                lines
            }
            Form::Raw => Vec::new(),
        }
    }

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
        let cannot = |error: std::io::Error| Error::io("read", &self.path, &error);
        self.reader.refresh().map_err(cannot)?;
        let newest = process.block.as_ref().map_or(0, |block| block.last_segment);
        let known = self.reader.segments().last_number().unwrap_or(0);
        let mut added = false;
        for number in known + 1..=newest {
            let name = files::log(process.entry.id, number);
            let logs = manager.store.dir().sub(Sub::Logs)?;
            if let Some(file) = logs
                .map(|logs| logs.open_read(&name))
                .transpose()?
                .flatten()
            {
                added |= self.reader.add(number, file).map_err(cannot)?;
            }
        }
        Ok(added)
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

    /// Where reading goes on, after the last record that was read.
    pub(crate) fn position(&self) -> Position {
        self.reader.position()
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
    ///
    /// # Errors
    ///
    /// Damaged (13).
    pub(crate) fn check(&self, name: &str) -> Result<(), Error> {
        let Some(damage) = self.damage else {
            return Ok(());
        };
        Err(Error::new(
            error::Kind::Damaged,
            format!(
                "the log of '{name}', segment {}, byte {}: {}",
                damage.segment, damage.offset, damage.cause
            ),
        )
        .hint(format!(
            "what is intact was shown; 'bgp verify {name}' tells more"
        )))
    }

    fn tell_dropped(&mut self) -> Result<(), Error> {
        let dropped = reader::dropped_bytes(self.reader.segments());
        let bytes = dropped.map_err(|error| Error::io("read", &self.path, &error))?;
        if bytes > 0 {
            self.dropped_bytes += bytes;
            self.notes.push(format!(
                "{bytes} bytes of older output were dropped by rotation"
            ));
        }
        Ok(())
    }
}

impl Query {
    fn wants(&self, line: &Line<'_>) -> bool {
        line.time_ns >= self.since_ns
            && self
                .pattern
                .as_ref()
                .is_none_or(|pattern| is_found(pattern, line))
    }
}

/// Whether `pattern` is found in `line` as it is shown.
fn is_found(pattern: &Regex, line: &Line<'_>) -> bool {
    match row::as_written(&line.bytes) {
        Some(text) if line.cut.is_none() => pattern.is_match(text.as_bytes()),
        _ => pattern.is_match(line.shown().as_bytes()),
    }
}

/// Lets through what is wanted.
struct Sieve {
    query: Query,
    lines: Lines,
    /// Raw: so many bytes of each stream are still to be passed over.
    unwanted_bytes: [u64; 2],
    /// The last lines in which the pattern is found, until the end is reached for the first time.
    last: Option<Last>,
    /// So many of these lines are still to be passed over.
    unwanted_lines: u64,
}

impl Sieve {
    fn take(
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
        let (last, unwanted_lines) = (&mut self.last, &mut self.unwanted_lines);
        self.lines.push(stream, time_ns, payload, |line| {
            if !query.wants(&line) {
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
        })
    }
}

/// The last so many lines, as long as they take little memory; beyond that their number.
struct Last {
    wanted: u64,
    found: u64,
    lines: VecDeque<Line<'static>>,
    bytes: usize,
    too_much: bool,
}

/// The most that is kept of the last lines, in bytes. Beyond it the log is read twice.
const LAST_MAX_BYTES: usize = 8 * 1024 * 1024;

impl Last {
    fn new(query: &Query) -> Option<Self> {
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
    fn into_lines(mut self, wanted: u64) -> Result<VecDeque<Line<'static>>, u64> {
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
