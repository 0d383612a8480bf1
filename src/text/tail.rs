//! Where the last N lines begin, found by going back through a log block by block.
//!
//! The chunks of each block are given from the last to the first until [`Tail::needs_more`] says no;
//! then the same blocks are read forward through the [`Lines`] that the search turns into, which pass
//! over what is not wanted and can go on with what is written later. So the search holds a few counters
//! however many lines are wanted and however long they are, and reading a block twice costs less than
//! keeping its lines.
//! A line counts at its end. A stream's unfinished line counts at its last byte, so that a prompt of
//! yesterday does not take the place of a line of today.
//! Does not: read; chunks of a stream that is not wanted are simply not given.

use super::lines::{Lines, Stream, Within};

/// How far the search goes back without finding another end of a line, in bytes of output.
pub(crate) const READ_BACK_MAX_BYTES: u64 = 16 * 1024 * 1024;
/// How far it goes back for the beginning of lines that may not be wanted: a stream may have none.
const BEGINNINGS_MAX_BYTES: u64 = 1024 * 1024;

/// A search for the last lines.
pub(crate) struct Tail {
    wanted: u64,
    /// Ends of lines that are wanted, with or without a newline.
    found: u64,
    /// Newlines before these.
    surplus: u64,
    /// Bytes since the last end that was wanted, and how many there may be.
    read_back: u64,
    read_back_max: u64,
    streams: [Seen; 2],
}

/// What stands behind the chunk that is given next.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Edge {
    /// The end of all chunks: more may be written there.
    #[default]
    End,
    Gap,
    Chunk,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    edge: Edge,
    bytes: u64,
    stale_end: bool,
    /// The first of its lines that are wanted begins further back.
    begins_before: bool,
    /// The bytes from there to the end, when it does not.
    wanted_bytes: u64,
}

impl Tail {
    /// For the last `wanted` lines; at least one.
    pub(crate) fn new(wanted: u64) -> Self {
        Self {
            wanted: wanted.max(1),
            found: 0,
            surplus: 0,
            read_back: 0,
            read_back_max: READ_BACK_MAX_BYTES,
            streams: [Seen::default(); 2],
        }
    }

    /// For a place before the end of the chunks, at which no line of these streams that goes on behind
    /// the end has begun yet.
    pub(crate) fn for_beginnings(of: [bool; 2]) -> Self {
        Self {
            wanted: 0,
            read_back_max: BEGINNINGS_MAX_BYTES,
            streams: of.map(|begins_before| Seen {
                begins_before,
                ..Seen::default()
            }),
            ..Self::new(0)
        }
    }

    /// Takes the chunk that stands before all that were given.
    pub(crate) fn before(&mut self, stream: Stream, chunk: &[u8]) {
        let seen = &mut self.streams[stream as usize];
        let behind = seen.bytes;
        seen.bytes += chunk.len() as u64;
        if let Some(last) = chunk.last() {
            match std::mem::replace(&mut seen.edge, Edge::Chunk) {
                Edge::Chunk => {}
                _ if *last == b'\n' => {}
                _ if self.found < self.wanted => self.end(stream),
                Edge::End => seen.stale_end = true,
                Edge::Gap => self.surplus += 1,
            }
        }
        let mut rest = chunk;
        while let Some(at) = memchr::memrchr(b'\n', rest) {
            self.read_back += (rest.len() - at) as u64;
            rest = &rest[..at];
            let seen = &mut self.streams[stream as usize];
            if std::mem::take(&mut seen.begins_before) {
                seen.wanted_bytes = behind + (chunk.len() - at - 1) as u64;
            }
            if self.found < self.wanted {
                self.end(stream);
            } else {
                self.surplus += 1;
            }
        }
        self.read_back += rest.len() as u64;
    }

    /// Something is missing before all that was given: lines begin and end there.
    pub(crate) fn gap(&mut self) {
        for seen in &mut self.streams {
            if std::mem::take(&mut seen.begins_before) {
                seen.wanted_bytes = seen.bytes;
            }
            if seen.edge == Edge::Chunk {
                seen.edge = Edge::Gap;
            }
        }
    }

    fn end(&mut self, stream: Stream) {
        self.found += 1;
        self.streams[stream as usize].begins_before = true;
        self.read_back = 0;
    }

    /// Whether an earlier block can tell more: lines are missing, or the beginning of one; but not
    /// after so many bytes in vain.
    pub(crate) fn needs_more(&self) -> bool {
        let incomplete =
            self.found < self.wanted || self.streams.iter().any(|seen| seen.begins_before);
        incomplete && self.read_back < self.read_back_max
    }

    /// The lines of the chunks that were given, when nothing stands before them any more; of these streams
    /// they begin within a line. They are to be pushed in order, and may be followed by newer ones.
    pub(crate) fn lines_from_start(self, within_line: [bool; 2]) -> Lines {
        Lines::from_start(self.surplus, self.within(), within_line)
    }

    /// The lines of the chunks that were given, when there are others before them. They are to be pushed
    /// in order, and may be followed by newer ones.
    pub(crate) fn lines_from_here(self) -> Lines {
        Lines::within(self.surplus, self.within())
    }

    /// How many of the first bytes of each stream, of those that were given, belong to lines that are
    /// not wanted.
    pub(crate) fn unwanted_bytes(&self) -> [u64; 2] {
        self.streams.map(|seen| {
            if seen.begins_before {
                0
            } else {
                seen.bytes - seen.wanted_bytes
            }
        })
    }

    fn within(&self) -> [Within; 2] {
        self.streams.map(|seen| Within {
            looked_at: seen.bytes,
            stale_end: seen.stale_end,
        })
    }
}

#[cfg(test)]
mod tests;
