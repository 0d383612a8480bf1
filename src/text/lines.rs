//! Lines, rebuilt from output as it was read: chunks of two streams that end anywhere.
//!
//! Each stream has its own unfinished line, so nothing that two streams write at once is mixed up, and
//! a character cut by a chunk's edge is whole again. Lines come in the order in which they were
//! finished; those without a newline come last.
//! Memory is bounded: of a line above [`LINE_MAX_BYTES`] the two ends are kept.
//! Does not: decode or clean a line before it is shown.

mod unfinished;

use std::borrow::Cow;

use super::row::{self, Look};
use unfinished::Unfinished;

/// The longest line that is kept whole, without its newline. A longer one is cut in the middle.
pub(crate) const LINE_MAX_BYTES: usize = 2 * END_BYTES;
/// What is kept of either end of a longer one.
const END_BYTES: usize = 8 * 1024;

/// Where a process wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output, or the terminal of a process that has one.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    pub(crate) const ALL: [Self; 2] = [Self::Out, Self::Err];

    /// The word for it, in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Out => "stdout",
            Self::Err => "stderr",
        }
    }
}

/// One line of output; borrowed from the chunk when all of it was in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) stream: Stream,
    /// When its last byte was read, in the unit and epoch that the chunks had.
    pub(crate) time_ns: u64,
    /// What was written, without the newline or `\r\n` at its end.
    pub(crate) bytes: Cow<'a, [u8]>,
    /// It has no newline (yet).
    pub(crate) partial: bool,
    /// Its beginning is further back than was read.
    pub(crate) continued: bool,
    /// What is missing in the middle of `bytes`.
    pub(crate) cut: Option<Cut>,
}

/// A gap in a line that was too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Before which of the bytes that are left it is.
    pub(crate) at: usize,
    /// How many bytes were there.
    pub(crate) bytes: u64,
}

impl Line<'_> {
    /// The line as a pipe is given it: its last state, decoded, without escape sequences and controls
    /// but tabs, and with a marker where it was cut.
    pub(crate) fn shown(&self) -> Cow<'_, str> {
        self.shown_as(Look::Pipe)
    }

    /// The line as it is given to what looks so.
    pub(crate) fn shown_as(&self, look: Look) -> Cow<'_, str> {
        if self.cut.is_none() {
            return row::shown(&self.bytes, look);
        }
        let (head, gap_bytes, tail) = self.shown_parts(look);
        Cow::Owned(joined(&head, gap_bytes, &tail).into_owned())
    }

    /// The same in two parts, and how many bytes are missing between them.
    pub(super) fn shown_parts(&self, look: Look) -> (Cow<'_, str>, u64, Cow<'_, str>) {
        let (at, missing) = self
            .cut
            .map_or((self.bytes.len(), 0), |cut| (cut.at, cut.bytes));
        let (head, tail) = self.bytes.split_at(at);
        (row::shown(head, look), missing, row::shown(tail, look))
    }

    /// How long it is, with what was cut out of it.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.bytes.len() as u64 + self.cut.map_or(0, |cut| cut.bytes)
    }

    /// The line by itself.
    pub(crate) fn into_owned(self) -> Line<'static> {
        Line {
            bytes: Cow::Owned(self.bytes.into_owned()),
            ..self
        }
    }
}

/// Two parts of a line with a marker between them, if bytes are missing there.
pub(super) fn joined<'a>(head: &'a str, missing: u64, tail: &str) -> Cow<'a, str> {
    if missing == 0 {
        return Cow::Borrowed(head);
    }
    Cow::Owned(format!("{head}{}{tail}", left_out(missing)))
}

/// What stands in place of so many bytes of a line.
pub(crate) fn left_out(bytes: u64) -> String {
    format!("…[{bytes} bytes left out]…")
}

/// Makes lines of chunks.
#[derive(Default)]
pub(crate) struct Lines {
    streams: [Unfinished; 2],
    /// How many bytes of each stream were pushed, and how many of these are finished lines.
    pushed: [u64; 2],
    finished: [u64; 2],
    /// How many finished lines are still to be passed over.
    skip: u64,
}

/// What is known of a stream where reading begins in the middle of a log.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Within {
    /// So many bytes will be read again that were looked at before.
    pub(super) looked_at: u64,
    /// What these leave unfinished at their end is older than the lines that are wanted.
    pub(super) stale_end: bool,
}

impl Lines {
    /// For chunks from the very first on.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// For chunks from the middle on, of which nothing was looked at before.
    pub(crate) fn from_the_middle() -> Self {
        Self::within(0, [Within::default(); 2])
    }

    /// For chunks from the middle on: the first `skip` lines are passed over, and each stream's first
    /// line is one whose beginning is not known.
    pub(super) fn within(skip: u64, streams: [Within; 2]) -> Self {
        Self::from_start(skip, streams, [true; 2])
    }

    /// For chunks from behind a place on, which was within a line of these streams.
    pub(crate) fn resumed(within_line: [bool; 2]) -> Self {
        Self::from_start(0, [Within::default(); 2], within_line)
    }

    /// For all chunks that there are, which begin within a line of these streams, when the first `skip`
    /// lines are not wanted.
    pub(super) fn from_start(skip: u64, streams: [Within; 2], within_line: [bool; 2]) -> Self {
        let of = |stream: Stream| {
            let index = stream as usize;
            Unfinished::new(within_line[index], streams[index])
        };
        Self {
            streams: Stream::ALL.map(of),
            skip,
            ..Self::default()
        }
    }

    /// Takes the next chunk and gives the lines that it finishes to `sink`, up to its first error.
    ///
    /// # Errors
    ///
    /// What `sink` says.
    pub(crate) fn push<'a, E>(
        &mut self,
        stream: Stream,
        time_ns: u64,
        chunk: &'a [u8],
        mut sink: impl FnMut(Line<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        let unfinished = &mut self.streams[stream as usize];
        unfinished.reads(chunk.len());
        let (pushed, finished) = (
            &mut self.pushed[stream as usize],
            &mut self.finished[stream as usize],
        );
        *pushed += chunk.len() as u64;
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let end_of_line = &rest[..end];
            rest = &rest[end + 1..];
            *finished = *pushed - rest.len() as u64;
            if self.skip > 0 {
                self.skip -= 1;
                unfinished.forget();
            } else if unfinished.is_empty() && end <= LINE_MAX_BYTES {
                let bytes = Cow::Borrowed(end_of_line.strip_suffix(b"\r").unwrap_or(end_of_line));
                sink(Line {
                    stream,
                    time_ns,
                    bytes,
                    partial: false,
                    continued: std::mem::take(&mut unfinished.continued),
                    cut: None,
                })?;
            } else {
                unfinished.extend(time_ns, end_of_line);
                sink(unfinished.take(stream, time_ns))?;
            }
        }
        unfinished.extend(time_ns, rest);
        Ok(())
    }

    /// Something is missing here, between two chunks: what is unfinished stays so and goes to `sink`, and what
    /// comes next is another line, or of some streams the rest of one.
    ///
    /// # Errors
    ///
    /// What `sink` says.
    pub(crate) fn gap<E>(
        &mut self,
        within_line: [bool; 2],
        mut sink: impl FnMut(Line<'static>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut unfinished = Vec::new();
        for stream in Stream::ALL {
            let of = &mut self.streams[stream as usize];
            if !of.is_empty() {
                unfinished.push(of.line(stream));
            }
            of.forget();
            of.continued = within_line[stream as usize];
        }
        unfinished.sort_by_key(|line| line.time_ns);
        self.finished = self.pushed;
        for line in unfinished {
            if self.skip > 0 {
                self.skip -= 1;
            } else {
                sink(line)?;
            }
        }
        Ok(())
    }

    /// How many of the bytes of `stream` that were pushed are finished lines, up to the one that was
    /// given last.
    pub(crate) fn finished_bytes(&self, stream: Stream) -> u64 {
        self.finished[stream as usize]
    }

    /// The lines that this chunk finishes.
    #[cfg(test)]
    pub(super) fn pushed(
        &mut self,
        stream: Stream,
        time_ns: u64,
        chunk: &[u8],
    ) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let Ok(()) = self.push(stream, time_ns, chunk, |line| {
            lines.push(line.into_owned());
            Ok::<_, std::convert::Infallible>(())
        });
        lines
    }

    /// The lines that a gap ends.
    #[cfg(test)]
    pub(super) fn passed(&mut self, within_line: [bool; 2]) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let Ok(()) = self.gap(within_line, |line| {
            lines.push(line);
            Ok::<_, std::convert::Infallible>(())
        });
        lines
    }

    /// What each stream wrote after its last newline, the older one first. It stays where it is: more
    /// chunks may finish it.
    pub(crate) fn unfinished(&self) -> Vec<Line<'static>> {
        let mut lines: Vec<Line> = Stream::ALL
            .into_iter()
            .filter_map(|stream| self.streams[stream as usize].peek(stream))
            .collect();
        lines.sort_by_key(|line| line.time_ns);
        lines
    }
}

/// Without the beginning of a UTF-8 character at its end.
pub(crate) fn without_torn_end(bytes: &[u8]) -> &[u8] {
    for back in 1..=bytes.len().min(3) {
        let begin = bytes.len() - back;
        match bytes[begin].leading_ones() as usize {
            1 => {} // goes on with a character
            length if length > back => return &bytes[..begin],
            _ => break,
        }
    }
    bytes
}

#[cfg(test)]
mod tests;
