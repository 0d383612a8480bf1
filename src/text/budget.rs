//! Output within a budget of bytes: the beginning and the end are kept, and of what is between them it
//! is said how much it was.
//!
//! Each stream has a share of its own, half of the budget, and what one does not need goes to the other:
//! so an endless stderr cannot hide what was written to stdout. Half of a share is for the beginning.
//! Lines are kept whole; only one that would fill its place alone is cut.
//! A line counts with its newline. Memory is a few times the budget, however much comes.
//! Does not: count what says that something is left out.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::lines::{Line, Stream, joined};
use super::row::Look;

/// Takes lines and gives what fits.
pub(crate) struct Budget {
    max_bytes: usize,
    streams: [Ends; 2],
    lines: u64,
}

/// A line as it is shown, in two parts if something between them is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ShownLine {
    pub(crate) stream: Stream,
    pub(crate) time_ns: u64,
    pub(crate) partial: bool,
    pub(crate) continued: bool,
    head: String,
    gap_bytes: u64,
    tail: String,
}

impl ShownLine {
    /// `line` as a pipe is given it.
    pub(crate) fn of(line: &Line<'_>) -> Self {
        let (head, gap_bytes, tail) = line.shown_parts(Look::Pipe);
        Self {
            stream: line.stream,
            time_ns: line.time_ns,
            partial: line.partial,
            continued: line.continued,
            head: head.into_owned(),
            gap_bytes,
            tail: tail.into_owned(),
        }
    }

    /// What is shown, with a marker where something is left out.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        joined(&self.head, self.gap_bytes, &self.tail)
    }

    fn cost(&self) -> usize {
        self.head.len() + self.tail.len() + 1
    }

    /// Keeps only its beginning, in so many bytes.
    fn keep_start(&mut self, room: usize) {
        let end = boundary(&self.head, room);
        self.gap_bytes += (self.head.len() - end + self.tail.len()) as u64;
        self.head.truncate(end);
        self.tail.clear();
    }

    /// Keeps only its end, in so many bytes.
    fn keep_end(&mut self, room: usize) {
        if self.gap_bytes == 0 {
            std::mem::swap(&mut self.head, &mut self.tail);
        }
        let begin = boundary_from_end(&self.tail, room);
        self.gap_bytes += (self.head.len() + begin) as u64;
        self.tail.drain(..begin);
        self.head.clear();
    }

    /// Keeps its beginning and its end, in so many bytes together.
    fn keep_ends(&mut self, room: usize) {
        let end = boundary(&self.head, room / 2);
        let rest = self.head.split_off(end);
        if self.gap_bytes == 0 {
            self.tail = rest;
        } else {
            self.gap_bytes += rest.len() as u64;
        }
        let begin = boundary_from_end(&self.tail, room - self.head.len());
        self.gap_bytes += begin as u64;
        self.tail.drain(..begin);
    }
}

/// What is given in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    Line(ShownLine),
    LeftOut(LeftOut),
}

/// What is not shown of a stream, between two of its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) stream: Stream,
    pub(crate) lines: u64,
    /// With their newlines.
    pub(crate) bytes: u64,
}

/// The first and the last lines of one stream, each with its number among all lines.
#[derive(Default)]
struct Ends {
    first: Vec<(u64, ShownLine)>,
    first_bytes: usize,
    last: VecDeque<(u64, ShownLine)>,
    last_bytes: usize,
    /// Everything that was there.
    total_bytes: u64,
    dropped: Option<Dropped>,
}

/// What has been let go between the first and the last lines.
#[derive(Clone, Copy)]
struct Dropped {
    from: u64,
    lines: u64,
    bytes: u64,
}

impl Budget {
    /// For at most so many bytes of lines, and at least one.
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            max_bytes: usize::try_from(max_bytes).unwrap_or(usize::MAX).max(1),
            streams: Default::default(),
            lines: 0,
        }
    }

    /// Takes the next line.
    pub(crate) fn take(&mut self, line: ShownLine) {
        let number = self.lines;
        self.lines += 1;
        self.streams[line.stream as usize].take(number, line, self.max_bytes);
    }

    /// What fits, in order.
    pub(crate) fn finish(self) -> Vec<Part> {
        let shares = self.shares();
        let mut parts: Vec<(u64, Part)> = Vec::new();
        for (ends, (stream, share)) in self.streams.into_iter().zip(Stream::ALL.iter().zip(shares))
        {
            ends.fit(*stream, share, &mut parts);
        }
        parts.sort_by_key(|(number, _)| *number);
        parts.into_iter().map(|(_, part)| part).collect()
    }

    fn shares(&self) -> [usize; 2] {
        let needs =
            |stream: usize| usize::try_from(self.streams[stream].total_bytes).unwrap_or(usize::MAX);
        let half = self.max_bytes / 2;
        let share = |own: usize, other: usize| {
            let left = self.max_bytes - other.min(half);
            own.min(if own > half { left } else { half })
        };
        [share(needs(0), needs(1)), share(needs(1), needs(0))]
    }
}

impl Ends {
    fn take(&mut self, number: u64, line: ShownLine, max_bytes: usize) {
        let cost = line.cost();
        self.total_bytes += cost as u64;
        if self.last.is_empty() && self.dropped.is_none() && self.first_bytes < max_bytes {
            self.first_bytes += cost;
            self.first.push((number, line));
            return;
        }
        self.last_bytes += cost;
        self.last.push_back((number, line));
        while let Some((number, line)) = self.last.front()
            && self.last_bytes - line.cost() >= max_bytes
        {
            let (number, cost, gap_bytes) = (*number, line.cost(), line.gap_bytes);
            self.last_bytes -= cost;
            let dropped = self.dropped.get_or_insert(Dropped {
                from: number,
                lines: 0,
                bytes: 0,
            });
            dropped.lines += 1;
            dropped.bytes += cost as u64 + gap_bytes;
            self.last.pop_front();
        }
    }

    /// Puts what fits into `share` bytes into `parts`.
    fn fit(self, stream: Stream, share: usize, parts: &mut Vec<(u64, Part)>) {
        let keep = |(number, line)| (number, Part::Line(line));
        let mut gap = self.dropped;
        let mut kept: VecDeque<(u64, ShownLine)> = self.first.into();
        kept.extend(self.last);
        if self.total_bytes <= share as u64 {
            parts.extend(kept.into_iter().map(keep));
            return;
        }
        if let ([(number, line)], None) = (kept.make_contiguous(), gap) {
            let mut line = line.clone();
            line.keep_ends(share.saturating_sub(1));
            parts.push((*number, Part::Line(line)));
            return;
        }
        let mut from_start = Vec::new();
        let mut room = share / 2;
        while let Some((_, line)) = kept.front()
            && (line.cost() <= room || from_start.is_empty())
            && let Some((number, mut line)) = kept.pop_front()
        {
            if line.cost() > room {
                line.keep_start(room.saturating_sub(1));
                room = 0;
            }
            room -= room.min(line.cost());
            from_start.push((number, line));
        }
        room += share - share / 2;
        let mut from_end = Vec::new();
        while let Some((_, line)) = kept.back()
            && (line.cost() <= room || from_end.is_empty())
            && let Some((number, mut line)) = kept.pop_back()
        {
            if line.cost() > room {
                line.keep_end(room.saturating_sub(1));
                room = 0;
            }
            room -= room.min(line.cost());
            from_end.push((number, line));
        }
        from_end.reverse();
        for (number, line) in kept {
            let gap = gap.get_or_insert(Dropped {
                from: number,
                lines: 0,
                bytes: 0,
            });
            gap.from = gap.from.min(number);
            gap.lines += 1;
            gap.bytes += line.cost() as u64 + line.gap_bytes;
        }
        parts.extend(from_start.into_iter().map(keep));
        if let Some(Dropped { from, lines, bytes }) = gap {
            let left_out = LeftOut {
                stream,
                lines,
                bytes,
            };
            parts.push((from, Part::LeftOut(left_out)));
        }
        parts.extend(from_end.into_iter().map(keep));
    }
}

/// Where a character begins, at `room` or before.
fn boundary(text: &str, room: usize) -> usize {
    let mut at = room.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Where a character begins, at `room` from the end or after.
fn boundary_from_end(text: &str, room: usize) -> usize {
    let mut at = text.len() - room.min(text.len());
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests;
