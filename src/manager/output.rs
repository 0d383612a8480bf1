//! Reading what a process wrote: the last lines without reading the rest, then what comes after.
//!
//! Does not: wait, or write anywhere. Reading consumes nothing.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::Manager;
use super::observe::Observed;
use crate::log::reader::{Ending, Item, Reader};
use crate::log::tail::Tail;
use crate::log::{Damage, Kind, Position, Record};
use crate::model::error::{self, Error};
use crate::store::dir::Sub;
use crate::store::files;
use crate::text::lines::{Line, Lines, Stream};
use crate::text::tail::Tail as LastLines;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Query {
    /// Whether stdout and stderr are wanted, in this order.
    pub(crate) streams: [bool; 2],
    /// The last so many lines; without it all.
    pub(crate) last: Option<u64>,
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
pub(crate) enum Piece {
    Line(Line),
    Bytes(Vec<u8>),
    /// Something to be said beside the output: a gap, for example.
    Note(String),
}

/// How far the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// More may come.
    Open,
    /// The leader has ended; descendants may write more.
    LeaderEnded,
    /// Nothing comes any more.
    Ended,
}

/// A log being read.
pub(crate) struct Reading {
    path: PathBuf,
    query: Query,
    reader: Reader,
    lines: Lines,
    pending: VecDeque<Piece>,
    reach: Reach,
    /// Output that was there and is no more: dropped by rotation, or lost to a full disk.
    pub(crate) dropped_bytes: u64,
    /// What of that rotation removed.
    rotated_bytes: u64,
    damage: Option<Damage>,
    torn_bytes: u64,
    /// Whether block or state say that the log has its END.
    promised: bool,
}

impl Manager {
    /// Opens the log of `process` for `query`.
    ///
    /// # Errors
    ///
    /// A log that is missing or unreadable.
    pub(crate) fn read_output(&self, process: &Observed, query: Query) -> Result<Reading, Error> {
        let segments = self.segments(process)?;
        let path = self
            .store
            .dir()
            .path()
            .join("logs")
            .join(files::log(process.entry.id, 0));
        let mut reading = Reading {
            path,
            query,
            reader: Reader::new(segments.clone()),
            lines: Lines::new(),
            pending: VecDeque::new(),
            reach: Reach::Open,
            dropped_bytes: 0,
            rotated_bytes: 0,
            damage: None,
            torn_bytes: 0,
            promised: process
                .block
                .as_ref()
                .is_some_and(|block| block.log_end.is_some()),
        };
        if let Some(last) = query.last {
            let mut tail = Tail::new(segments.clone());
            let chunks = reading.collect_last(&mut tail, last)?;
            if let Some(position) = tail.end() {
                reading.reader = Reader::resume(segments, position);
            }
            reading.take_last(chunks, last);
        }
        Ok(reading)
    }
}

/// A piece of one stream.
struct Chunk {
    stream: Stream,
    time_ns: u64,
    bytes: Vec<u8>,
}

/// The chunks in which the last lines are, and whether there are others before them.
struct Chunks {
    list: VecDeque<Chunk>,
    lines: LastLines,
    from_start: bool,
}

impl Reading {
    /// Reads block after block backwards until the last lines are whole.
    fn collect_last(&mut self, tail: &mut Tail, last: u64) -> Result<Chunks, Error> {
        let mut chunks = Chunks {
            list: VecDeque::new(),
            lines: LastLines::new(last),
            from_start: false,
        };
        while chunks.lines.needs_more() {
            let previous = tail.previous();
            let Some(block) = previous.map_err(|error| Error::io("read", &self.path, &error))?
            else {
                chunks.from_start = true;
                break;
            };
            if let Some(damage) = block.damage {
                self.damage = Some(damage);
            }
            for (record, _) in block.records().rev() {
                match self.stream(record.kind) {
                    Some(stream) => {
                        chunks.lines.before(stream, record.payload);
                        let (time_ns, bytes) = (record.time_ns, record.payload.to_vec());
                        chunks.list.push_front(Chunk {
                            stream,
                            time_ns,
                            bytes,
                        });
                    }
                    None => self.look_at(record.kind, record.payload),
                }
            }
        }
        self.torn_bytes = tail.torn_bytes();
        Ok(chunks)
    }

    fn take_last(&mut self, chunks: Chunks, last: u64) {
        if self.query.form == Form::Raw {
            let bytes = last_bytes(&chunks.list, last);
            self.pending.push_back(Piece::Bytes(bytes));
            return;
        }
        self.lines = if chunks.from_start {
            chunks.lines.lines_from_start()
        } else {
            chunks.lines.lines_from_here()
        };
        for chunk in chunks.list {
            let lines = self.lines.push(chunk.stream, chunk.time_ns, &chunk.bytes);
            self.pending.extend(lines.into_iter().map(Piece::Line));
        }
    }

    /// The stream of records of `kind`, if it is wanted.
    fn stream(&self, kind: Kind) -> Option<Stream> {
        let stream = match kind {
            Kind::Stdout => Stream::Out,
            Kind::Stderr => Stream::Err,
            _ => return None,
        };
        self.query.streams[stream as usize].then_some(stream)
    }

    /// Takes note of a record that is no output.
    fn look_at(&mut self, kind: Kind, payload: &[u8]) {
        match kind {
            Kind::Exit => self.reach = self.reach.max(Reach::LeaderEnded),
            Kind::End => self.reach = Reach::Ended,
            Kind::Gap => {
                let bytes = bytes_of(payload);
                self.dropped_bytes += bytes;
                let text = format!(
                    "gap: {bytes} bytes of output were lost, as the disk was full or failed"
                );
                self.pending.push_back(Piece::Note(text));
            }
            Kind::Dropped => {
                // Each segment says what was removed before it, all together.
                let more = bytes_of(payload).saturating_sub(self.rotated_bytes);
                if more > 0 {
                    self.rotated_bytes += more;
                    self.dropped_bytes += more;
                    let text = format!("{more} bytes of older output were dropped by rotation");
                    self.pending.push_back(Piece::Note(text));
                }
            }
            Kind::Start | Kind::Stdout | Kind::Stderr | Kind::Closed | Kind::Note | Kind::Alert => {
            }
        }
    }

    /// Gives everything that is there now to `sink`, and tells whether more can come.
    ///
    /// # Errors
    ///
    /// What `sink` says; a log that cannot be read.
    pub(crate) fn drain(
        &mut self,
        sink: &mut dyn FnMut(Piece) -> Result<(), Error>,
    ) -> Result<Reach, Error> {
        loop {
            while let Some(piece) = self.pending.pop_front() {
                sink(piece)?;
            }
            let item = self
                .reader
                .next()
                .map_err(|error| Error::io("read", &self.path, &error))?;
            match item {
                Item::Record(Record {
                    kind: kind @ (Kind::Stdout | Kind::Stderr),
                    time_ns,
                    payload,
                    ..
                }) => {
                    let stream = if kind == Kind::Stdout {
                        Stream::Out
                    } else {
                        Stream::Err
                    };
                    if !self.query.streams[stream as usize] {
                        continue;
                    }
                    match self.query.form {
                        Form::Raw => sink(Piece::Bytes(payload.to_vec()))?,
                        Form::Lines => {
                            for line in self.lines.push(stream, time_ns, payload) {
                                sink(Piece::Line(line))?;
                            }
                        }
                    }
                }
                Item::Record(record) => {
                    let (kind, payload) = (record.kind, record.payload.to_vec());
                    self.look_at(kind, &payload);
                }
                Item::Damage(damage) => self.damage = self.damage.or(Some(damage)),
                Item::End(ending) => {
                    self.torn_bytes = if let Ending::TornTail { bytes } = ending {
                        bytes
                    } else {
                        0
                    };
                    return Ok(self.reach);
                }
            }
        }
    }

    /// What each stream wrote after its last newline.
    pub(crate) fn unfinished(&self) -> Vec<Line> {
        match self.query.form {
            Form::Lines => self.lines.unfinished(),
            Form::Raw => Vec::new(),
        }
    }

    /// Looks again how long the log is, and for segments that `process` has begun since.
    ///
    /// # Errors
    ///
    /// A log that cannot be read.
    pub(crate) fn catch_up(&mut self, manager: &Manager, process: &Observed) -> Result<(), Error> {
        let cannot = |error: std::io::Error| Error::io("read", &self.path, &error);
        self.reader.refresh().map_err(cannot)?;
        let newest = process.block.as_ref().map_or(0, |block| block.last_segment);
        let known = self.reader.segments().last_number().unwrap_or(0);
        for number in known + 1..=newest {
            let name = files::log(process.entry.id, number);
            let logs = manager.store.dir().sub(Sub::Logs)?;
            if let Some(file) = logs
                .map(|logs| logs.open_read(&name))
                .transpose()?
                .flatten()
            {
                self.reader.add(number, file).map_err(cannot)?;
            }
        }
        Ok(())
    }

    /// Where reading goes on, after the last record that was read.
    pub(crate) fn position(&self) -> Position {
        self.reader.position()
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
        let hint = format!("what is intact was shown; 'bgp verify {name}' tells more");
        let Some(damage) = self.damage else {
            if self.promised && self.reach != Reach::Ended {
                let message = format!("the log of '{name}' was cut: its recorded end is missing");
                return Err(Error::new(error::Kind::Damaged, message).hint(hint));
            }
            return Ok(());
        };
        Err(Error::new(
            error::Kind::Damaged,
            format!(
                "the log of '{name}', segment {}, byte {}: {}",
                damage.segment, damage.offset, damage.cause
            ),
        )
        .hint(hint))
    }
}

fn bytes_of(payload: &[u8]) -> u64 {
    let json: Option<serde_json::Value> = serde_json::from_slice(payload).ok();
    json.and_then(|json| json.get("bytes")?.as_u64())
        .unwrap_or(0)
}

/// The bytes of the last `wanted` lines of `chunks`, both streams counted together, as they were written.
fn last_bytes(chunks: &VecDeque<Chunk>, wanted: u64) -> Vec<u8> {
    let mut found = 0;
    let mut before = [false; 2]; // this stream's bytes from here back belong to lines before
    let mut seen = [false; 2];
    let mut from = vec![0; chunks.len()];
    for (index, chunk) in chunks.iter().enumerate().rev() {
        let stream = chunk.stream as usize;
        for (at, byte) in chunk.bytes.iter().enumerate().rev() {
            let ends_a_line = *byte == b'\n' || !seen[stream];
            seen[stream] = true;
            if ends_a_line && !before[stream] {
                found += 1;
                before[stream] = found > wanted;
            }
            if before[stream] {
                from[index] = at + 1;
                break;
            }
        }
    }
    // A stream that ended its part in a later chunk has nothing to give from the earlier ones.
    let mut done = [false; 2];
    let mut pieces: Vec<&[u8]> = Vec::new();
    for (chunk, from) in chunks.iter().zip(from).rev() {
        let stream = chunk.stream as usize;
        if !done[stream] {
            pieces.push(&chunk.bytes[from..]);
            done[stream] = from > 0;
        }
    }
    pieces.into_iter().rev().flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(list: &[(Stream, &str)]) -> VecDeque<Chunk> {
        let chunk = |(stream, text): &(Stream, &str)| Chunk {
            stream: *stream,
            time_ns: 0,
            bytes: text.as_bytes().to_vec(),
        };
        list.iter().map(chunk).collect()
    }

    #[test]
    fn the_last_lines_are_cut_out_byte_for_byte() {
        use Stream::{Err, Out};
        for (list, wanted, expected) in [
            (&[(Out, "a\nb\nc\n")][..], 2, "b\nc\n"),
            (&[(Out, "a\nb\r\nc")], 2, "b\r\nc"),
            (&[(Out, "a\nb"), (Out, "b\nc\n")], 2, "bb\nc\n"),
            (&[(Out, "a\n"), (Err, "E\n"), (Out, "b\n")], 2, "E\nb\n"),
            (
                &[(Out, "one "), (Err, "E\n"), (Out, "two\n")],
                2,
                "one E\ntwo\n",
            ),
            (
                &[(Out, "one\ntwo "), (Err, "E\nF\n"), (Out, "three\n")],
                2,
                "two F\nthree\n",
            ),
            (&[(Out, "a\n")], 5, "a\n"),
            (&[], 5, ""),
        ] {
            let bytes = last_bytes(&chunks(list), wanted);
            assert_eq!(
                String::from_utf8(bytes).unwrap(),
                expected,
                "{wanted} of {list:?}"
            );
        }
    }
}
