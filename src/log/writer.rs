//! Writes one log, as its only writer: seals each batch and puts it at the writer's own offset with one write.
//!
//! - Facts are written whole or not at all: after a short or failed write the file is cut back to where
//!   it was, and the next batch takes the same place and numbers under other IVs. Of output the records stay
//!   that are whole in the file: who follows the log may have read them. If not even the cut works, it is
//!   tried again before anything else is written.
//! - Idle, a writer holds the keys and at most some KiB. A burst takes mappings of its own, for what is read and
//!   for what is written; they go back to the kernel when reads come back small, or with
//!   [`rest`](Writer::rest).
//!
//! Does not: open, name or remove files, read pipes, decide when to rotate or what a failure means.

mod segment;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::batch::{Batch, MAPPED_BYTES, Whole};
use super::beginning::Dropped;
use super::header::Header;
use super::record::segment_keys;
use super::{FACT_MAX_BYTES, Identity, Kind, LogKeys};
use crate::crypto::seal::TAG_BYTES;
use crate::model::facts;
use crate::model::id::encode_hex;
pub(crate) use crate::sys::sink::Sink;
use segment::Segment;

/// What a calm reader reads at once.
const CALM_BYTES: usize = 2048;
/// What is read at once in a burst: two default pipes (pipe(7)), a mapping of its own.
const BURST_BYTES: usize = MAPPED_BYTES;
/// How many small reads end a burst.
const BURST_READS: u8 = 8;

/// The one writer of a log.
pub(crate) struct Writer<S: Sink = File> {
    keys: Arc<LogKeys>,
    identity: Identity,
    segment: Segment<S>,
    /// The number of the next record.
    number: u64,
    last_tag: [u8; TAG_BYTES],
    ended: bool,
    /// The segments before this one that there still are, the oldest first.
    earlier: VecDeque<Size>,
    /// Output in this segment, in all before it, and in those of them that are removed.
    output_bytes: u64,
    earlier_output_bytes: u64,
    dropped_output_bytes: u64,
    /// Whether the last output of stdout and of stderr ended within a line.
    within_line: [bool; 2],
    batch: Batch,
    inlet: Vec<u8>,
    /// How many more small reads the burst lasts; 0 when calm.
    burst: u8,
}

/// How large a segment is, and how much output it holds.
#[derive(Clone, Copy)]
struct Size {
    bytes: u64,
    output_bytes: u64,
}

/// What a new segment begins with.
pub(crate) struct Opening<'a> {
    pub(crate) created_ns: u64,
    /// START, as JSON; nothing if it is lost.
    pub(crate) start: &'a [u8],
    /// EXIT, as JSON, once the leader has ended.
    pub(crate) exit: Option<&'a [u8]>,
    /// How many of the oldest segments are removed now that there is a new one.
    pub(crate) removed: usize,
}

/// What could not be written, or not all of it.
#[derive(Debug)]
pub(crate) struct Refused {
    /// So many bytes of the payload, output, are in the log all the same.
    pub(crate) taken: usize,
    pub(crate) error: io::Error,
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self { taken: 0, error }
    }
}

impl From<Refused> for io::Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

impl<S: Sink> Writer<S> {
    /// Begins a log in `file`, which is empty and not opened for appending (pwrite(2), BUGS).
    ///
    /// # Errors
    ///
    /// When the header cannot be written; the file is then empty, if that could be done.
    pub(crate) fn create(
        file: S,
        identity: Identity,
        keys: Arc<LogKeys>,
        created_ns: u64,
    ) -> io::Result<Self> {
        let mut batch = Batch::default();
        let header = Header {
            identity,
            created_ns,
            segment: 0,
            first_record: 0,
        };
        batch.push_header(&header.seal(&keys));
        let mut segment = Segment::new(file, 0, segment_keys(&keys, &identity, 0));
        segment.write(batch.bytes(), segment::none)?;
        Ok(Self {
            keys,
            identity,
            segment,
            number: 0,
            last_tag: [0; TAG_BYTES],
            ended: false,
            earlier: VecDeque::new(),
            output_bytes: 0,
            earlier_output_bytes: 0,
            dropped_output_bytes: 0,
            within_line: [false; 2],
            batch,
            inlet: Vec::new(),
            burst: 0,
        })
    }

    /// Writes `payload`: a fact as a whole, output cut into records as it comes. No output is no record.
    ///
    /// # Errors
    ///
    /// When it could not be written: of a fact nothing, so that the same call can be made again, of output
    /// maybe a part. `InvalidInput` for a fact of more than [`FACT_MAX_BYTES`], and for anything after END.
    pub(crate) fn append(&mut self, kind: Kind, time_ns: u64, payload: &[u8]) -> io::Result<()> {
        Ok(self.append_some(kind, time_ns, payload)?)
    }

    /// The same, and an error tells how much of the payload is in the log.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    pub(crate) fn append_some(
        &mut self,
        kind: Kind,
        time_ns: u64,
        payload: &[u8],
    ) -> Result<(), Refused> {
        self.allow(kind, payload)?;
        if kind.is_output() && payload.is_empty() {
            return Ok(());
        }
        self.batch.begin(self.segment.len, self.number);
        self.batch.push(kind, time_ns, payload);
        let written = self.write_batch(kind);
        if kind.is_output() {
            let taken = written
                .as_ref()
                .map_or_else(|refused| refused.taken, |()| payload.len());
            self.output_bytes += taken as u64;
            if let Some(last) = payload[..taken].last() {
                self.within_line[usize::from(kind == Kind::Stderr)] = *last != b'\n';
            }
        }
        written?;
        self.ended = kind == Kind::End;
        Ok(())
    }

    /// Where to read output into, for [`append_read`](Self::append_read): 2 KiB, or more in a burst.
    pub(crate) fn inlet(&mut self) -> &mut [u8] {
        let len = if self.burst == 0 {
            CALM_BYTES
        } else {
            BURST_BYTES
        };
        if self.inlet.len() != len {
            self.inlet = Vec::new(); // before the next is taken
            self.inlet = vec![0; len];
        }
        &mut self.inlet
    }

    /// Writes these bytes of the [`inlet`](Self::inlet), up to the last that the caller has read into it.
    ///
    /// # Errors
    ///
    /// As [`append_some`](Self::append_some). What was read stands in [`read_bytes`](Self::read_bytes) until the
    /// next read.
    pub(crate) fn append_read(
        &mut self,
        kind: Kind,
        time_ns: u64,
        bytes: Range<usize>,
    ) -> Result<(), Refused> {
        if bytes.end >= CALM_BYTES {
            self.burst = BURST_READS;
        } else if self.burst > 0 {
            self.burst -= 1;
        }
        let inlet = std::mem::take(&mut self.inlet);
        let result = self.append_some(kind, time_ns, &inlet[bytes]);
        self.inlet = inlet;
        result
    }

    /// The first `len` bytes of what was last read into the inlet.
    pub(crate) fn read_bytes(&self, len: usize) -> &[u8] {
        &self.inlet[..len]
    }

    /// Gives all memory back: for when nothing came for a while.
    pub(crate) fn rest(&mut self) {
        self.burst = 0;
        self.inlet = Vec::new();
        self.batch = Batch::default();
    }

    /// Goes on in the next segment, in `file`, which is empty, and returns the file of the one before.
    ///
    /// The header and the facts of `opening` are one write, so that the segment is whole or empty.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append); the log then goes on where it was, and `file` can be removed.
    pub(crate) fn rotate(&mut self, file: S, opening: &Opening<'_>) -> io::Result<S> {
        self.allow(Kind::Start, opening.start)?;
        let number = self.segment.number + 1;
        let header = Header {
            identity: self.identity,
            created_ns: opening.created_ns,
            segment: number,
            first_record: self.number,
        };
        let mut earlier = self.earlier.clone();
        earlier.push_back(Size {
            bytes: self.segment.len,
            output_bytes: self.output_bytes,
        });
        let removed = earlier.drain(..opening.removed.min(earlier.len()));
        let dropped = Dropped {
            bytes: self.dropped_output_bytes + removed.map(|size| size.output_bytes).sum::<u64>(),
            first: Some(number - earlier.len() as u64),
            before: Some(self.earlier_output_bytes + self.output_bytes),
            within_line: Some(self.within_line),
        };
        self.batch.begin(0, self.number);
        self.batch.push_header(&header.seal(&self.keys));
        if !opening.start.is_empty() {
            self.batch
                .push(Kind::Start, opening.created_ns, opening.start);
        }
        if let Some(exit) = opening.exit {
            self.batch.push(Kind::Exit, opening.created_ns, exit);
        }
        self.batch.push(
            Kind::Dropped,
            opening.created_ns,
            &serde_json::to_vec(&dropped)?,
        );

        let keys = segment_keys(&self.keys, &self.identity, number);
        let mut next = Segment::new(file, number, keys);
        let tag = self.batch.seal(&next.keys).map_err(no_random)?;
        next.write(self.batch.bytes(), segment::none)?;

        self.last_tag = tag;
        self.number = self.batch.next_number();
        self.earlier = earlier;
        self.earlier_output_bytes += std::mem::take(&mut self.output_bytes);
        self.dropped_output_bytes = dropped.bytes;
        Ok(std::mem::replace(&mut self.segment, next).file)
    }

    /// Returns when all that this segment holds survives a power cut.
    ///
    /// # Errors
    ///
    /// When the system cannot say so. Source: fdatasync(2).
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.segment.file.sync()
    }

    /// Writes END and tells where the log ends with it. Nothing can be appended afterwards.
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    pub(crate) fn end(&mut self, time_ns: u64, end: &facts::End) -> io::Result<facts::LogEnd> {
        let payload = serde_json::to_vec(end)?;
        self.append(Kind::End, time_ns, &payload)?;
        Ok(facts::LogEnd {
            record: self.number - 1,
            tag: encode_hex(&self.last_tag),
            segment: self.segment.number,
            bytes: self.total_bytes(),
        })
    }

    /// The file of the live segment: to see that it is still there and as long as it was written.
    pub(crate) fn file(&self) -> &S {
        &self.segment.file
    }

    /// The number of the live segment.
    pub(crate) fn segment(&self) -> u64 {
        self.segment.number
    }

    /// The size of the live segment, in bytes.
    pub(crate) fn segment_bytes(&self) -> u64 {
        self.segment.len
    }

    /// The number that the next record gets.
    #[cfg(test)]
    pub(crate) fn next_record(&self) -> u64 {
        self.number
    }

    /// The number of the lowest segment there is.
    pub(crate) fn first_segment(&self) -> u64 {
        self.segment.number - self.earlier.len() as u64
    }

    /// The size of all segments before the live one, in bytes.
    pub(crate) fn earlier_bytes(&self) -> u64 {
        self.earlier.iter().map(|size| size.bytes).sum()
    }

    /// The size of all segments there are, in bytes.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.earlier_bytes() + self.segment.len
    }

    /// How many of the oldest segments have to go, so that the rest, this one too, has at most `bytes` and
    /// is at most `count`. This one, the newest, stays.
    pub(crate) fn above(&self, bytes: u64, count: usize) -> usize {
        let mut left = self.total_bytes();
        let mut removed = 0;
        for size in &self.earlier {
            if left <= bytes && self.earlier.len() + 1 - removed <= count {
                break;
            }
            left -= size.bytes;
            removed += 1;
        }
        removed
    }

    fn allow(&self, kind: Kind, payload: &[u8]) -> io::Result<()> {
        let reason = if self.ended {
            "the log has its end"
        } else if !kind.is_output() && payload.len() > FACT_MAX_BYTES {
            "a fact of more than 16 MiB"
        } else {
            return Ok(());
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
    }

    fn write_batch(&mut self, kind: Kind) -> Result<(), Refused> {
        let tag = self.batch.seal(&self.segment.keys).map_err(no_random)?;
        let mut whole = Whole::default();
        let keep = |written| {
            if kind.is_output() {
                whole = self.batch.whole(written);
            }
            whole.bytes
        };
        if let Err(error) = self.segment.write(self.batch.bytes(), keep) {
            self.number += whole.records;
            let taken = whole.payload_bytes;
            return Err(Refused { taken, error });
        }
        (self.last_tag, self.number) = (tag, self.batch.next_number());
        if self.burst == 0 {
            self.batch.release();
        }
        Ok(())
    }
}

fn no_random(error: crate::model::error::Error) -> io::Error {
    io::Error::other(error)
}
