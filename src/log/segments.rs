//! The open files of one log, each as long as it was when it was looked at.
//!
//! Does not: find or open files, or judge what is in them.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::blocks::{self, Expect};
use super::header::{HEADER_BYTES, Header};
use super::record::{RECORD_MAX_BYTES, segment_keys};
use super::{BLOCK_BYTES, Identity, LogKeys, Position};
use crate::crypto::seal::SealKeys;

/// The segments of one log that there are, the lowest first. A clone shares the files.
#[derive(Clone)]
pub(crate) struct Segments {
    pub(super) keys: Arc<LogKeys>,
    pub(super) identity: Identity,
    pub(super) list: Vec<Segment>,
}

/// One segment's file.
#[derive(Clone)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) keys: Arc<SealKeys>,
    /// Its size when it was looked at; nothing behind it is read.
    pub(super) len: u64,
    file: Arc<File>,
}

impl Segments {
    /// The log in these files, each with its segment's number. They may come in any order.
    ///
    /// # Errors
    ///
    /// When the size of one cannot be read; `InvalidInput` for two of one number.
    pub(crate) fn open(
        keys: Arc<LogKeys>,
        identity: Identity,
        mut files: Vec<(u64, File)>,
    ) -> io::Result<Self> {
        files.sort_unstable_by_key(|(number, _)| *number);
        let mut segments = Self {
            keys,
            identity,
            list: Vec::with_capacity(files.len()),
        };
        for (number, file) in files {
            segments.add(number, file)?;
        }
        Ok(segments)
    }

    /// Adds the next segment, and looks at the sizes again: the one before it is now complete.
    ///
    /// Returns whether it was added. An empty file is not, behind another: the writer has not begun it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn add(&mut self, number: u64, file: File) -> io::Result<bool> {
        if self.last_number().is_some_and(|last| last >= number) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("segment {number} is there already"),
            ));
        }
        let len = file.metadata()?.len();
        if len == 0 && !self.list.is_empty() {
            return Ok(false);
        }
        self.refresh()?;
        let keys = segment_keys(&self.keys, &self.identity, number);
        self.list.push(Segment {
            number,
            keys: Arc::new(keys),
            len,
            file: Arc::new(file),
        });
        Ok(true)
    }

    /// Looks at the size of the last segment again.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        if let Some(last) = self.list.last_mut() {
            last.len = last.file.metadata()?.len();
        }
        Ok(())
    }

    /// Lets go of the first `count` files.
    pub(super) fn release(&mut self, count: usize) {
        self.list.drain(..count);
    }

    /// The lowest segment's number.
    pub(crate) fn first_number(&self) -> Option<u64> {
        self.list.first().map(|segment| segment.number)
    }

    /// The highest segment's number.
    pub(crate) fn last_number(&self) -> Option<u64> {
        self.list.last().map(|segment| segment.number)
    }

    /// The lowest number above `number` that there is.
    pub(crate) fn first_after(&self, number: u64) -> Option<u64> {
        let mut numbers = self.list.iter().map(|segment| segment.number);
        numbers.find(|other| *other > number)
    }

    /// The size of all of them, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.list.iter().map(|segment| segment.len).sum()
    }

    /// The start of the last block whose first record is one that `early` holds for, or of the log: a
    /// place to read from, before anything that `early` does not hold for.
    ///
    /// `early` gets a record's number and time and must hold for a first part of the log only. Reads
    /// some records, not the log.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(crate) fn locate(&self, early: impl Fn(u64, u64) -> bool) -> io::Result<Position> {
        for segment in self.list.iter().rev() {
            let (mut low, mut high) = (None, segment.len.div_ceil(BLOCK_BYTES));
            while low.map_or(0, |low| low + 1) < high {
                let middle = u64::midpoint(low.map_or(0, |low| low + 1), high - 1);
                match self.first_record(segment, middle)? {
                    Some((number, time_ns)) if early(number, time_ns) => low = Some(middle),
                    _ => high = middle,
                }
            }
            if let Some(block) = low
                && let Some((record, _)) = self.first_record(segment, block)?
            {
                return Ok(Position {
                    segment: segment.number,
                    offset: block * BLOCK_BYTES,
                    record,
                });
            }
        }
        Ok(Position::default())
    }

    /// The number of the first record of the lowest segment, if it is intact.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub(crate) fn first_record_number(&self) -> io::Result<Option<u64>> {
        let Some(lowest) = self.list.first() else {
            return Ok(None);
        };
        let mut bytes = [0; HEADER_BYTES];
        let read = lowest.read(&mut bytes, 0)?;
        let header = self.header(lowest, &bytes[..read]);
        Ok(header.map(|header| header.first_record))
    }

    /// The number and time of the first record of a block, if it is intact.
    fn first_record(&self, segment: &Segment, block: u64) -> io::Result<Option<(u64, u64)>> {
        let mut bytes = [0; HEADER_BYTES + RECORD_MAX_BYTES];
        let read = segment.read(&mut bytes, block * BLOCK_BYTES)?;
        let from = if block == 0 { HEADER_BYTES } else { 0 };
        let bytes = &mut bytes[..read.min(from + RECORD_MAX_BYTES)];
        if block == 0 && self.header(segment, bytes).is_none() {
            return Ok(None);
        }
        let mut spans = Vec::new();
        blocks::open(
            &segment.keys,
            bytes,
            from,
            &mut Expect::AtLeast(0),
            &mut spans,
        );
        Ok(spans
            .first()
            .map(|span| (span.meta.number, span.meta.time_ns)))
    }

    /// The header that `bytes` begin with, if it is this segment's.
    pub(super) fn header(&self, segment: &Segment, bytes: &[u8]) -> Option<Header> {
        Header::open(&self.keys, &self.identity, segment.number, bytes)
    }
}

impl Segment {
    /// Fills `bytes` from `offset` on, up to the size the segment had. Returns how many there were.
    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let known = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = bytes.len().min(known);
        let mut done = 0;
        while done < wanted {
            match self
                .file
                .read_at(&mut bytes[done..wanted], offset + done as u64)
            {
                Ok(0) => break, // it was cut since
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Reads what there is of the block that `offset` lies in, from there on up to `end` at most, into
    /// `buffer`.
    pub(super) fn read_block(&self, buffer: &mut Vec<u8>, offset: u64, end: u64) -> io::Result<()> {
        let end = end.min(block_end(offset)).min(self.len);
        let wanted = usize::try_from(end.saturating_sub(offset)).expect("at most a block");
        buffer.resize(wanted, 0);
        let read = self.read(buffer, offset)?;
        buffer.truncate(read);
        Ok(())
    }

    /// Whether nothing but zeros stands from `offset` to the end of the segment.
    pub(super) fn is_zero_from(&self, mut offset: u64) -> io::Result<bool> {
        let mut buffer = Vec::new();
        loop {
            self.read_block(&mut buffer, offset, u64::MAX)?;
            if buffer.is_empty() {
                return Ok(true);
            }
            if !blocks::is_zero(&buffer) {
                return Ok(false);
            }
            offset += buffer.len() as u64;
        }
    }
}

/// Where the block that `offset` lies in ends.
pub(super) fn block_end(offset: u64) -> u64 {
    (offset / BLOCK_BYTES + 1).saturating_mul(BLOCK_BYTES)
}

/// Whether the first record of a block is, or would be, at `offset`. No filler stands there.
pub(super) fn begins_block(offset: u64) -> bool {
    offset.is_multiple_of(BLOCK_BYTES) || offset == HEADER_BYTES as u64
}
