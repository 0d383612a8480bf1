//! Messages as they come: one a line, of a bounded length.
//!
//! Does not: look into them.

use std::io::{self, BufRead, BufReader, Read};

/// The longest message, in bytes. Of a longer one nothing is kept.
pub(super) const LINE_MAX_BYTES: usize = 4 * 1024 * 1024;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line without its newline.
    Line(Vec<u8>),
    /// A line that was longer than [`LINE_MAX_BYTES`], and is gone.
    TooLong,
    End,
}

pub(super) struct Lines<R: Read> {
    reader: BufReader<R>,
    max_bytes: usize,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader: BufReader::new(reader),
            max_bytes: LINE_MAX_BYTES,
        }
    }

    /// With a buffer and a longest line of other lengths.
    #[cfg(any(test, fuzzing))]
    pub(super) fn with_limits(reader: R, buffer_bytes: usize, max_bytes: usize) -> Self {
        Self {
            reader: BufReader::with_capacity(buffer_bytes, reader),
            max_bytes,
        }
    }

    /// Waits for the next line; what stands before the end without a newline is one too.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let (mut line, mut too_long) = (Vec::new(), false);
        loop {
            let there = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                there => there?,
            };
            if there.is_empty() && line.is_empty() && !too_long {
                return Ok(Next::End);
            }
            let newline = memchr::memchr(b'\n', there);
            let taken = &there[..newline.unwrap_or(there.len())];
            too_long |= line.len() + taken.len() > self.max_bytes;
            if too_long {
                line = Vec::new();
            } else {
                line.extend_from_slice(taken);
            }
            let is_end = newline.is_some() || there.is_empty();
            let consumed = newline.map_or(there.len(), |at| at + 1);
            self.reader.consume(consumed);
            match (is_end, too_long) {
                (false, _) => {}
                (true, true) => return Ok(Next::TooLong),
                (true, false) => return Ok(Next::Line(line)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_whole_or_not_at_all() {
        let text = b"one\n\nlonger than it may be\nfive5\nlast".as_slice();
        let mut lines = Lines::with_limits(text, 3, 5);
        for expected in [
            Next::Line(b"one".to_vec()),
            Next::Line(Vec::new()),
            Next::TooLong,
            Next::Line(b"five5".to_vec()),
            Next::Line(b"last".to_vec()),
            Next::End,
            Next::End,
        ] {
            assert_eq!(lines.next().unwrap(), expected);
        }
    }
}
