//! What each stream wrote after its last newline, and the place to go on from, which depends on whether
//! that was shown.
//!
//! Does not: read.

use super::cursor::Cursor;
use super::{Form, Reading};
use crate::manager::observe::Reach;
use crate::text::lines::{Line, Stream, without_torn_end};
use crate::text::row::Row;

/// The longest end of an escape sequence that is held back until the rest of it comes, in bytes.
const SEQUENCE_MAX_BYTES: usize = 64;

/// What became of the lines without a newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// They were shown, as [`Reading::rest`] gives them.
    Shown(Reach),
    /// That of this stream was, and the other's is to come again.
    ShownOf(Stream, Reach),
    /// They were not, and are to come again as a whole.
    Kept,
}

impl Reading {
    /// What each stream wrote after its last newline, if it is wanted.
    pub(crate) fn unfinished(&self) -> Vec<Line<'static>> {
        match self.sieve.query.form {
            Form::Lines => {
                let mut lines = self.sieve.lines.unfinished();
                lines.retain(|line| self.sieve.wants(line));
                lines
            }
            Form::Raw => Vec::new(),
        }
    }

    /// The same as far as it can be shown when more may come: without the beginning of a character, or of
    /// an escape sequence, at its end.
    pub(crate) fn rest(&self, reach: Reach) -> Vec<Line<'static>> {
        let mut lines = self.unfinished();
        for line in &mut lines {
            let torn = torn_bytes(line, reach);
            let whole = line.bytes.len() - torn;
            line.bytes.to_mut().truncate(whole);
        }
        lines.retain(|line| !line.bytes.is_empty());
        lines
    }

    /// Where to go on, after all that was read.
    pub(crate) fn cursor(&self, rest: Rest) -> Cursor {
        let mut had = Stream::ALL.map(|stream| self.trail.read(stream));
        let query = &self.sieve.query;
        if query.form == Form::Lines {
            for line in self.sieve.lines.unfinished() {
                let (stream, had) = (line.stream, &mut had[line.stream as usize]);
                match rest {
                    _ if !query.streams[stream as usize] => {}
                    // It may be found in what the line becomes.
                    _ if query.pattern.is_some() && !self.sieve.wants(&line) => {
                        *had = self.trail.line_begin(stream);
                    }
                    Rest::Shown(reach) => *had -= torn_bytes(&line, reach) as u64,
                    Rest::ShownOf(shown, reach) if shown == stream => {
                        *had -= torn_bytes(&line, reach) as u64;
                    }
                    Rest::ShownOf(..) | Rest::Kept => *had = self.trail.line_begin(stream),
                }
            }
        }
        self.trail.cursor(had, self.reader.position())
    }

    /// Where to go on behind the line that was given last.
    pub(super) fn cursor_behind_line(&self) -> Cursor {
        let had = Stream::ALL.map(|stream| {
            self.passed_over[stream as usize] + self.sieve.lines.finished_bytes(stream)
        });
        self.trail.cursor(had, self.reader.position())
    }
}

/// How many bytes at the end of `line` cannot be shown yet, because they are not whole.
fn torn_bytes(line: &Line<'_>, reach: Reach) -> usize {
    if reach == Reach::Ended {
        return 0;
    }
    let whole = without_torn_end(&line.bytes);
    let torn = line.bytes.len() - whole.len();
    let begin = whole.len().saturating_sub(SEQUENCE_MAX_BYTES);
    match memchr::memrchr(b'\x1b', &whole[begin..]) {
        Some(at) if Row::of(&whole[begin + at..]).is_unfinished() => {
            torn + whole.len() - begin - at
        }
        _ => torn,
    }
}
