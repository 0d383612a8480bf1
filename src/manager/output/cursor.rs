//! A place in what a process wrote, to go on from: no line twice and none left out, while it runs and
//! after its end, and also across what rotation removes.
//!
//! A cursor is a place between two records, and how many bytes of each stream behind that place were had
//! already: reading may have stopped within a record, or shown a line that is not finished. Where one stream
//! is behind the other it also tells how far the log was read, for when rotation removes its place. In text it
//! is eight fields or eleven and a check, for the program that made it; others only keep it.
//! Does not: read a log.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

use crate::log::Position;
use crate::model::error::Error;
use crate::model::facts::Entry;
use crate::model::id::{LogId, ProcessId, encode_hex};
use crate::text::lines::Stream;

/// The longest text that is looked at: longer than any that is made.
const TEXT_MAX_BYTES: usize = 300;
/// How much of a hash stands at the end of a cursor, in bytes: against slips, not against intent.
const CHECK_BYTES: usize = 4;

/// A place in the output of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    id: ProcessId,
    pub(super) position: Position,
    /// So many bytes of each stream, from there on, were had.
    pub(super) had_behind: [u64; 2],
    /// How many bytes of output were had or removed, from the very first on; the least it can be.
    pub(super) had: u64,
    /// Whether what was had of a stream ends within a line.
    pub(super) within_line: [bool; 2],
    /// When that is further than the place.
    read_up_to: Option<ReadUpTo>,
    check: String,
}

/// How far a log was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ReadUpTo {
    /// The number of the next record.
    pub(super) record: u64,
    /// So many of the last bytes of each stream were not had.
    pub(super) not_had: [u64; 2],
}

impl Cursor {
    /// How far the log was read when it was made.
    pub(super) fn read_up_to(&self) -> ReadUpTo {
        self.read_up_to.unwrap_or(ReadUpTo {
            record: self.position.record,
            not_had: [0; 2],
        })
    }

    /// Reads what [`fmt::Display`] has written.
    ///
    /// # Errors
    ///
    /// A usage error: it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let refused = || {
            Error::usage("it is no cursor")
                .hint("a cursor is what 'nextCursor' says in the JSON of output or wait, all of it")
        };
        if text.len() > TEXT_MAX_BYTES {
            return Err(refused());
        }
        Self::read(text).ok_or_else(refused)
    }

    fn read(text: &str) -> Option<Self> {
        let (fields, check) = text.rsplit_once('.')?;
        let (id, fields) = fields.split_once('.')?;
        let id = ProcessId::parse(id)?;
        let number = |field: &str| {
            let number: u64 = field.parse().ok()?;
            (number.to_string() == field).then_some(number) // one text for one place
        };
        let numbers: Vec<u64> = fields.split('.').map(number).collect::<Option<_>>()?;
        let (place, further) = numbers.split_first_chunk::<7>()?;
        let [segment, offset, record, out, err, had, within] = *place;
        let read_up_to = match *further {
            [] => None,
            [record, out, err] => Some(ReadUpTo {
                record,
                not_had: [out, err],
            }),
            _ => return None,
        };
        (within < 4 && check.len() == 2 * CHECK_BYTES).then(|| Self {
            id,
            position: Position {
                segment,
                offset,
                record,
            },
            had_behind: [out, err],
            had,
            within_line: [within & 1 != 0, within & 2 != 0],
            read_up_to,
            check: check.to_owned(),
        })
    }

    /// That it is a place in the output of `entry`.
    ///
    /// # Errors
    ///
    /// A usage error: it is another process's, or was altered.
    pub(crate) fn belongs_to(&self, entry: &Entry) -> Result<(), Error> {
        let name = &entry.name;
        if self.id != entry.id {
            return Err(Error::usage(format!(
                "the cursor is of process {}, and '{name}' is {}",
                self.id, entry.id
            ))
            .hint(
                "a process that is started anew has a new id and log; read it without a cursor",
            ));
        }
        if self.check != self.check_of(entry.log) {
            return Err(Error::usage(format!("the cursor is none of '{name}'"))
                .hint("was all of it copied? a cursor cannot be made by hand"));
        }
        Ok(())
    }

    /// Whose output it is a place in.
    pub(crate) fn process(&self) -> ProcessId {
        self.id
    }

    fn fields(&self) -> String {
        let Position {
            segment,
            offset,
            record,
        } = self.position;
        let [out, err] = self.had_behind;
        let within = u8::from(self.within_line[0]) + 2 * u8::from(self.within_line[1]);
        let (id, had) = (self.id, self.had);
        let mut fields = format!("{id}.{segment}.{offset}.{record}.{out}.{err}.{had}.{within}");
        if let Some(ReadUpTo { record, not_had }) = self.read_up_to {
            let [out, err] = not_had;
            let _ = write!(fields, ".{record}.{out}.{err}");
        }
        fields
    }

    fn check_of(&self, log: LogId) -> String {
        let hash = Sha256::new()
            .chain_update(log.0)
            .chain_update(self.fields())
            .finalize();
        encode_hex(&hash[..CHECK_BYTES])
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.fields(), self.check)
    }
}

/// Follows a reading, to know at any moment where it would have to go on.
#[derive(Debug, Clone)]
pub(super) struct Trail {
    of: (ProcessId, LogId),
    /// How many bytes of each stream were read, and those that had been had before are among them.
    read: [u64; 2],
    /// Where in these a stream's last line begins; before its first newline, where reading began.
    line_begin: [u64; 2],
    /// Whether reading began within a line of the stream that has not ended yet.
    began_within: [bool; 2],
    /// The record in which that line begins, and what had been read before it.
    marks: [Mark; 2],
    /// What was had or removed before reading began.
    had_before: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    position: Position,
    read: [u64; 2],
}

impl Trail {
    /// Of a reading of the output of `entry` that begins within a line of these streams.
    pub(super) fn new(entry: &Entry, within_line: [bool; 2]) -> Self {
        Self::at_first((entry.id, entry.log), 0, within_line)
    }

    /// Of a reading of the output of `entry` from `cursor` on.
    pub(super) fn behind(cursor: &Cursor, entry: &Entry) -> Self {
        let mut trail = Self::new(entry, cursor.within_line);
        trail.had_before = cursor.had - cursor.had.min(cursor.had_behind.iter().sum());
        trail
    }

    /// Sets what was had or removed before reading began.
    pub(super) fn had_before(&mut self, bytes: u64) {
        self.had_before = bytes;
    }

    /// So much was removed before it could be read.
    pub(super) fn passed_over(&mut self, bytes: u64) {
        self.had_before += bytes;
    }

    /// Reading begins again where it began, within a line of these streams, and nothing was read.
    pub(super) fn begin_again(&mut self, within_line: [bool; 2]) {
        *self = Self::at_first(self.of, self.had_before, within_line);
    }

    fn at_first(of: (ProcessId, LogId), had_before: u64, within_line: [bool; 2]) -> Self {
        Self {
            of,
            read: [0; 2],
            line_begin: [0; 2],
            began_within: within_line,
            marks: [Mark::default(); 2],
            had_before,
        }
    }

    /// Takes a record of `stream` that stands at `before`, of which the first `had` bytes were had.
    pub(super) fn take(&mut self, stream: Stream, before: Position, payload: &[u8], had: usize) {
        let of = stream as usize;
        let begin = self.read[of];
        let newline = memchr::memrchr(b'\n', &payload[had..]);
        if newline.is_some() || self.line_begin[of] == begin {
            self.marks[of] = Mark {
                position: before,
                read: self.read,
            };
        }
        self.read[of] += payload.len() as u64;
        if let Some(at) = newline {
            self.line_begin[of] = begin + (had + at + 1) as u64;
            self.began_within[of] = false;
        } else if had > 0 {
            self.line_begin[of] = begin + had as u64;
        }
    }

    /// Something is missing here. What comes next begins within a line of these streams.
    pub(super) fn hole(&mut self, within_line: [bool; 2]) {
        self.line_begin = self.read;
        self.began_within = within_line;
    }

    /// How many bytes of a stream were read.
    pub(super) fn read(&self, stream: Stream) -> u64 {
        self.read[stream as usize]
    }

    /// Where the last line of a stream begins, counted in its bytes from where reading began.
    pub(super) fn line_begin(&self, stream: Stream) -> u64 {
        self.line_begin[stream as usize]
    }

    /// Where to go on, when so many bytes of each stream were had; `end` is behind all that was read.
    pub(super) fn cursor(&self, had: [u64; 2], end: Position) -> Cursor {
        let (id, log) = self.of;
        let earliest = Stream::ALL
            .into_iter()
            .filter(|stream| had[*stream as usize] < self.read[*stream as usize])
            .map(|stream| self.marks[stream as usize])
            .min_by_key(|mark| mark.position);
        let read_up_to = earliest.map(|_| ReadUpTo {
            record: end.record,
            not_had: [0, 1].map(|of| self.read[of].saturating_sub(had[of])),
        });
        let mark = earliest.unwrap_or(Mark {
            position: end,
            read: had,
        });
        let mut cursor = Cursor {
            id,
            position: mark.position,
            had_behind: [0, 1].map(|of| had[of].saturating_sub(mark.read[of])),
            had: self.had_before + had.iter().sum::<u64>(),
            within_line: [0, 1].map(|of| self.is_within(of, had[of])),
            read_up_to,
            check: String::new(),
        };
        cursor.check = cursor.check_of(log);
        cursor
    }

    /// Whether the first `had` bytes of a stream end within a line: its last one, or the end of another.
    fn is_within(&self, of: usize, had: u64) -> bool {
        had > self.line_begin[of] || (had == self.line_begin[of] && self.began_within[of])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::error::Kind;

    fn entry(id: &str) -> Entry {
        serde_json::from_value(serde_json::json!({
            "id": id, "number": 1, "name": "web", "log": "07".repeat(16), "argv": ["x"],
            "cwd": "/", "graceMs": 5000, "startMs": 1, "uptimeMs": 1, "boot": "b",
        }))
        .unwrap()
    }

    fn at(record: u64) -> Position {
        Position {
            segment: 0,
            offset: 128 + record * 80,
            record,
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_and_nothing_else_is_one() {
        let mut trail = Trail::new(&entry("0000000a"), [false; 2]);
        trail.take(Stream::Out, at(3), b"one\ntwo", 0);
        let behind = trail.cursor([4, 0], at(4));
        assert_eq!(Cursor::parse(&behind.to_string()), Ok(behind.clone()));
        let read_up_to = ReadUpTo {
            record: 4,
            not_had: [3, 0],
        };
        assert_eq!(behind.read_up_to(), read_up_to);
        let cursor = trail.cursor([7, 0], at(4));
        let text = cursor.to_string();
        assert_eq!(Cursor::parse(&text), Ok(cursor.clone()));
        cursor.belongs_to(&entry("0000000a")).unwrap();
        let other = cursor.belongs_to(&entry("0000000b")).unwrap_err();
        assert_eq!(other.kind, Kind::Usage);
        for at in 0..text.len() {
            for digit in ["0", "1", "f", ".", "", "-", " "] {
                let altered = format!("{}{digit}{}", &text[..at], &text[at + 1..]);
                if altered != text {
                    let told = Cursor::parse(&altered)
                        .and_then(|cursor| cursor.belongs_to(&entry("0000000a")));
                    assert_eq!(told.unwrap_err().kind, Kind::Usage, "{altered}");
                }
            }
        }
        assert!(Cursor::parse("").is_err());
        assert!(Cursor::parse(&"1.".repeat(1 << 16)).is_err());
    }

    #[test]
    fn a_cursor_stands_before_the_record_of_what_was_not_had() {
        let mut trail = Trail::new(&entry("0000000a"), [false; 2]);
        trail.take(Stream::Err, at(3), b"warn", 0);
        trail.take(Stream::Out, at(4), b"one\ntwo", 0);
        // All of it was had.
        let all = trail.cursor([7, 4], at(5));
        assert_eq!((all.position, all.had_behind), (at(5), [0, 0]));
        assert_eq!((all.had, all.within_line), (11, [true, true]));
        // All but the line that is not finished.
        let line = trail.cursor([4, 4], at(5));
        assert_eq!((line.position, line.had_behind), (at(4), [4, 0]));
        assert_eq!((line.had, line.within_line), (8, [false, true]));
        // Nothing of the other stream: it began first.
        let other = trail.cursor([4, 0], at(5));
        assert_eq!((other.position, other.had_behind), (at(3), [4, 0]));
        assert_eq!((other.had, other.within_line), (4, [false, false]));
    }

    #[test]
    fn a_reading_that_goes_on_knows_what_was_had_before() {
        let mut trail = Trail::new(&entry("0000000a"), [false; 2]);
        trail.take(Stream::Out, at(3), b"one\ntwo", 0);
        let cursor = trail.cursor([6, 0], at(4));
        assert_eq!((cursor.position, cursor.had_behind), (at(3), [6, 0]));
        let mut next = Trail::behind(&cursor, &entry("0000000a"));
        next.take(Stream::Out, at(3), b"one\ntwo", 6);
        assert_eq!(next.cursor([6, 0], at(4)), cursor);
        next.take(Stream::Out, at(4), b"!\n", 0);
        let end = next.cursor([9, 0], at(5));
        assert_eq!((end.had, end.within_line), (9, [false, false]));
        assert_eq!((end.position, end.had_behind), (at(5), [0, 0]));
    }
}
