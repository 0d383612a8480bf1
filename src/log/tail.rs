//! Reads a log backwards, block by block from its end, without reading the rest.
//!
//! Each block is checked like any, and its numbers against the block behind it, so that nothing can be
//! missing between what was given.
//!
//! Does not: know lines. A fact longer than a record comes in its parts.

use std::io;

use super::blocks::{self, Ends, Expect, Span};
use super::header::HEADER_BYTES;
use super::segments::{Segment, Segments, begins_block, block_end};
use super::{BLOCK_BYTES, Cause, Damage, Kind, Position, Record};

/// Gives the blocks of a log, the last one first.
pub(crate) struct Tail {
    segments: Segments,
    /// How many segments are not done yet; the last of them is read.
    left: usize,
    /// Where in it what was given already begins.
    upper: u64,
    /// What comes after the block that is read next.
    behind: Option<Behind>,
    buffer: Vec<u8>,
    spans: Vec<Span>,
    torn_bytes: u64,
    end: Option<Position>,
}

/// What stands behind a block.
#[derive(Clone, Copy)]
struct Behind {
    segment: u64,
    offset: u64,
    /// The number of its first record, if that is known.
    number: Option<u64>,
}

/// The records of one block.
pub(crate) struct TailBlock<'a> {
    /// Something is wrong in this block, or between it and the one behind it.
    pub(crate) damage: Option<Damage>,
    segment: u64,
    base: u64,
    buffer: &'a [u8],
    spans: &'a [Span],
}

impl TailBlock<'_> {
    /// The records, from the first to the last; and each tells whether the fact it is a part of goes on.
    pub(crate) fn records(&self) -> impl DoubleEndedIterator<Item = (Record<'_>, More)> {
        self.spans.iter().filter_map(|span| {
            let record = Record {
                number: span.meta.number,
                time_ns: span.meta.time_ns,
                kind: Kind::of(span.meta.kind)?,
                payload: &self.buffer[span.payload.clone()],
                tag: span.tag(self.buffer),
                after: after(self.segment, self.base, span),
            };
            Some((record, More(span.meta.more)))
        })
    }
}

impl TailBlock<'_> {
    /// Before its first record, to read on from; `None` when there is none that is intact.
    pub(crate) fn begin(&self) -> Option<Position> {
        Some(Position {
            segment: self.segment,
            offset: self.base,
            record: self.spans.first()?.meta.number,
        })
    }
}

/// Whether the fact goes on in the next record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct More(pub(crate) bool);

impl Tail {
    /// From the end that the log had when `segments` were looked at.
    pub(crate) fn new(segments: Segments) -> Self {
        Self {
            left: segments.list.len(),
            upper: segments.list.last().map_or(0, |segment| segment.len),
            segments,
            behind: None,
            buffer: Vec::new(),
            spans: Vec::new(),
            torn_bytes: 0,
            end: None,
        }
    }

    /// From `end` back, which is where a block begins; from the end if that place is not there.
    pub(crate) fn before(segments: Segments, end: Position) -> Self {
        let mut tail = Self::new(segments);
        let list = &tail.segments.list;
        if let Some(index) = list
            .iter()
            .position(|segment| segment.number == end.segment)
        {
            tail.left = index + 1;
            tail.upper = end.offset.min(list[index].len);
            tail.behind = Some(Behind {
                segment: end.segment,
                offset: end.offset,
                number: Some(end.record),
            });
        }
        tail
    }

    /// The block before the one that was given last, or `None` at the beginning of the log.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(crate) fn previous(&mut self) -> io::Result<Option<TailBlock<'_>>> {
        while self.left > 0 {
            let segment = self.segments.list[self.left - 1].clone();
            if self.upper == 0 {
                if let Some(damage) = self.previous_segment(segment.number) {
                    self.spans.clear();
                    return Ok(Some(self.block(segment.number, 0, Some(damage))));
                }
                continue;
            }
            let base = (self.upper - 1) / BLOCK_BYTES * BLOCK_BYTES;
            let damage = self.load(&segment, base)?;
            self.upper = base;
            if damage.is_some() || !self.spans.is_empty() {
                return Ok(Some(self.block(segment.number, base, damage)));
            }
        }
        Ok(None)
    }

    /// After the last record, to read on from; known once a block was given.
    #[cfg(test)]
    pub(crate) fn end(&self) -> Option<Position> {
        self.end
    }

    /// How many bytes behind the last record a write left that was cut short, or is in progress.
    #[cfg(test)]
    pub(crate) fn torn_bytes(&self) -> u64 {
        self.torn_bytes
    }

    /// Goes to the segment before `number`. Tells if that is not there.
    fn previous_segment(&mut self, number: u64) -> Option<Damage> {
        self.left -= 1;
        let before = self.segments.list[..self.left].last()?;
        self.upper = before.len;
        if before.number + 1 == number {
            return None;
        }
        self.behind = self.behind.map(|behind| Behind {
            number: None,
            ..behind
        });
        Some(Damage::at(number - 1, 0, Cause::Missing))
    }

    /// Reads the block at `base`, up to what was given already, and tells what is wrong with it.
    fn load(&mut self, segment: &Segment, base: u64) -> io::Result<Option<Damage>> {
        segment.read_block(&mut self.buffer, base, self.upper)?;
        self.spans.clear();
        let is_last = self.behind.is_none() && self.left == self.segments.list.len();
        let (mut expect, mut from) = (Expect::AtLeast(0), 0);
        if base == 0 {
            let Some(header) = self.segments.header(segment, &self.buffer) else {
                return Ok(self.bad_header(segment, is_last));
            };
            (expect, from) = (Expect::Exactly(header.first_record), HEADER_BYTES);
        }
        let (keys, buffer, spans) = (&segment.keys, &mut self.buffer, &mut self.spans);
        let ends = blocks::open(keys, buffer, from, &mut expect, spans);

        let torn = is_last
            && match ends {
                Ends::Whole | Ends::Number(_) => false,
                Ends::Filler(_) => true,
                Ends::Bad(at) => !blocks::any_behind(keys, buffer, at),
            };
        if self.end.is_none() {
            self.end = (self.spans.last()).map(|span| after(segment.number, base, span));
        }
        if torn {
            let intact = self.spans.last().map_or(from, |span| span.end);
            self.torn_bytes = segment.len - (base + intact as u64);
            if self.spans.is_empty() && base > 0 {
                return Ok(None); // the block before it is the last that holds anything
            }
        }
        let inside = segment.len > block_end(base);
        let damage = match ends {
            Ends::Filler(at) if inside && !begins_block(base + at as u64) => None,
            _ if torn => None,
            ends => ends.damage(segment.number, base),
        };
        let first = self.spans.first().map(|span| span.meta.number);
        let first = first.or((base == 0).then_some(expect.lowest()));
        let gap = self.gap(expect.lowest(), damage.is_some());
        self.set_behind(segment, base, first);
        Ok(damage.or(gap))
    }

    /// A segment whose header is not its own, or was cut short itself.
    fn bad_header(&mut self, segment: &Segment, is_last: bool) -> Option<Damage> {
        let rest = self.buffer.get(HEADER_BYTES..);
        if is_last && rest.is_none_or(blocks::is_zero) {
            self.torn_bytes = segment.len;
            return None;
        }
        self.set_behind(segment, 0, None);
        Some(Damage::at(segment.number, 0, Cause::Header))
    }

    /// What is wrong if `next` is the number that should come behind a block, or a lower one than that
    /// if there is damage between.
    fn gap(&self, next: u64, damaged: bool) -> Option<Damage> {
        let behind = self.behind?;
        let number = behind.number?;
        let fits = number == next || (damaged && number > next);
        (!fits).then_some(Damage::at(behind.segment, behind.offset, Cause::Number))
    }

    fn set_behind(&mut self, segment: &Segment, offset: u64, number: Option<u64>) {
        self.behind = Some(Behind {
            segment: segment.number,
            offset,
            number,
        });
    }

    fn block(&self, segment: u64, base: u64, damage: Option<Damage>) -> TailBlock<'_> {
        TailBlock {
            damage,
            segment,
            base,
            buffer: &self.buffer,
            spans: &self.spans,
        }
    }
}

fn after(segment: u64, base: u64, span: &Span) -> Position {
    Position {
        segment,
        offset: base + span.end as u64,
        record: span.meta.number + 1,
    }
}
