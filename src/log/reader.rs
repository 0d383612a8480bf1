//! Reads a log forward: record by record, facts put together, over all its segments.
//!
//! What comes is always what was written, in order: after damage it goes on at the next block, and at the end it tells
//! whether there is an END. Memory is one block and one fact.
//!
//! Does not: know lines, or whether the log's supervisor lives: a torn tail may be a write in progress.

use std::fs::File;
use std::io;

use super::blocks::{self, Ends, Expect, Span};
use super::header::HEADER_BYTES;
use super::segments::{Segments, begins_block, block_end};
use super::{Cause, Damage, FACT_MAX_BYTES, Kind, Position, Record};

pub(crate) use super::{Ending, Item};

/// Reads the records of a log from some position on.
pub(crate) struct Reader {
    segments: Segments,
    /// Index of the segment that is read.
    index: usize,
    /// Where in it the next record is.
    offset: u64,
    expect: Expect,
    /// The records from `offset` on that were read with one block, and how that block ends.
    buffer: Vec<u8>,
    base: u64,
    spans: Vec<Span>,
    taken: usize,
    ends: Option<Ends>,
    /// The fact that is put together, and where it began.
    fact: Vec<u8>,
    chain: Option<Chain>,
    /// There was damage, and no record since of which one can be sure that it is no chain's rest.
    doubt: bool,
    ended: bool,
    /// After the last record that was given or skipped.
    position: Position,
}

#[derive(Clone, Copy)]
struct Chain {
    kind: u8,
    offset: u64,
    number: u64,
}

/// What one step found.
enum Step {
    /// The record of that span, with its own payload or the whole fact's.
    Record {
        span: usize,
        whole_fact: bool,
    },
    Damage(Damage),
    End(Ending),
    /// Nothing to tell; take the next step.
    Again,
}

impl Reader {
    /// From the first record there is.
    pub(crate) fn new(segments: Segments) -> Self {
        Self::start(segments, 0, 0, Expect::AtLeast(0))
    }

    /// From `position`, or if rotation has removed that place, from the first record there is.
    pub(crate) fn resume(segments: Segments, position: Position) -> Self {
        let index = segments
            .list
            .partition_point(|segment| segment.number < position.segment);
        let there =
            (segments.list.get(index)).is_some_and(|segment| segment.number == position.segment);
        let mut reader = if there {
            Self::start(
                segments,
                index,
                position.offset,
                Expect::Exactly(position.record),
            )
        } else {
            Self::start(segments, index, 0, Expect::AtLeast(position.record))
        };
        reader.position = position;
        reader
    }

    fn start(segments: Segments, index: usize, offset: u64, expect: Expect) -> Self {
        let in_header = offset < HEADER_BYTES as u64;
        Self {
            segments,
            index,
            offset: if in_header { 0 } else { offset },
            expect,
            buffer: Vec::new(),
            base: 0,
            spans: Vec::new(),
            taken: 0,
            ends: None,
            fact: Vec::new(),
            chain: None,
            doubt: false,
            ended: false,
            position: Position::default(),
        }
    }

    /// The next record or fact, damage, or end. After an end, [`refresh`](Self::refresh) and go on.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub(crate) fn next(&mut self) -> io::Result<Item<'_>> {
        loop {
            match self.step()? {
                Step::Again => (),
                Step::Damage(damage) => return Ok(Item::Damage(damage)),
                Step::End(ending) => return Ok(Item::End(ending)),
                Step::Record { span, whole_fact } => {
                    if let Some(kind) = Kind::of(self.spans[span].meta.kind) {
                        return Ok(Item::Record(self.record(span, whole_fact, kind)));
                    }
                }
            }
        }
    }

    /// After the last record that came: to go on from, now or later.
    pub(crate) fn position(&self) -> Position {
        self.position
    }

    /// Looks again how long the log is.
    ///
    /// # Errors
    ///
    /// When that cannot be seen.
    pub(crate) fn refresh(&mut self) -> io::Result<()> {
        self.segments.refresh()
    }

    /// Lets go of the segments that were read: who follows a log for days must not keep what rotation removes.
    pub(crate) fn release_read(&mut self) {
        self.segments.release(self.index);
        self.index = 0;
    }

    /// Adds the next segment, if the writer has begun it. Returns whether it has.
    ///
    /// # Errors
    ///
    /// As [`Segments::add`].
    pub(crate) fn add(&mut self, number: u64, file: File) -> io::Result<bool> {
        self.segments.add(number, file)
    }

    /// The files that are read.
    pub(crate) fn segments(&self) -> &Segments {
        &self.segments
    }

    fn step(&mut self) -> io::Result<Step> {
        if self.taken < self.spans.len() {
            self.taken += 1;
            return Ok(self.take(self.taken - 1));
        }
        match self.ends.take() {
            Some(ends) => self.leave_block(ends),
            None if self.ended => Ok(self.after_end()),
            None => self.load(),
        }
    }

    fn record(&self, span: usize, whole_fact: bool, kind: Kind) -> Record<'_> {
        let span = &self.spans[span];
        Record {
            number: span.meta.number,
            time_ns: span.meta.time_ns,
            kind,
            payload: self.payload(span, whole_fact),
            tag: span.tag(&self.buffer),
            after: self.position,
        }
    }

    fn payload(&self, span: &Span, whole_fact: bool) -> &[u8] {
        if whole_fact {
            &self.fact
        } else {
            &self.buffer[span.payload.clone()]
        }
    }

    /// Takes one record: as such, or into the fact that it is a part of.
    fn take(&mut self, index: usize) -> Step {
        let span = self.spans[index].clone();
        let offset = self.offset;
        let fact_bytes = self.fact.len() + span.payload.len();
        if let Some(chain) = self.chain
            && (chain.kind != span.meta.kind || fact_bytes > FACT_MAX_BYTES)
        {
            return self.skip_block(offset, Cause::Fact);
        }
        self.offset = self.base + span.end as u64;
        if span.meta.more && self.chain.is_none() {
            self.fact.clear();
            self.chain = Some(Chain {
                kind: span.meta.kind,
                offset,
                number: span.meta.number,
            });
        }
        if self.chain.is_some() {
            let part = &self.buffer[span.payload.clone()];
            self.fact.extend_from_slice(part);
        }
        if span.meta.more {
            return Step::Again;
        }

        let whole_fact = self.chain.take().is_some();
        self.position = Position {
            segment: self.segments.list[self.index].number,
            offset: self.offset,
            record: span.meta.number + 1,
        };
        let kind = Kind::of(span.meta.kind);
        let may_be_a_rest = self.doubt && kind.is_none_or(Kind::is_json);
        if may_be_a_rest && !is_json_object(self.payload(&span, whole_fact)) {
            return Step::Again;
        }
        self.doubt = false;
        if kind == Some(Kind::End) {
            self.ended = true;
            self.spans.truncate(index + 1);
            self.ends = None;
        }
        Step::Record {
            span: index,
            whole_fact,
        }
    }

    /// Reads the block that comes next.
    fn load(&mut self) -> io::Result<Step> {
        let Some(segment) = self.segments.list.get(self.index) else {
            return Ok(Step::End(Ending::Open));
        };
        if self.offset >= segment.len {
            return Ok(self.next_segment());
        }
        segment.read_block(&mut self.buffer, self.offset, u64::MAX)?;
        if self.buffer.is_empty() {
            self.segments.list[self.index].len = self.offset; // it was cut since
            return Ok(Step::Again);
        }
        if self.offset == 0 {
            return self.open_header();
        }
        self.open_records(0);
        Ok(Step::Again)
    }

    fn open_header(&mut self) -> io::Result<Step> {
        let segment = &self.segments.list[self.index];
        let Some(header) = self.segments.header(segment, &self.buffer) else {
            if self.is_last() && segment.is_zero_from(HEADER_BYTES as u64)? {
                return Ok(self.torn_tail()); // it was cut short itself
            }
            return Ok(self.skip_block(0, Cause::Header));
        };
        let (first, lowest) = (header.first_record, self.expect.lowest());
        let fits = self.expect.allows(first);
        self.expect = if first < lowest {
            Expect::AtLeast(lowest)
        } else {
            Expect::Exactly(first)
        };
        self.offset = HEADER_BYTES as u64;
        if !fits {
            return Ok(Step::Damage(self.damage(0, Cause::Number)));
        }
        self.open_records(HEADER_BYTES);
        Ok(Step::Again)
    }

    /// Opens the records in the buffer, from index `from` on.
    fn open_records(&mut self, from: usize) {
        self.base = self.offset - from as u64;
        self.taken = 0;
        let keys = &self.segments.list[self.index].keys;
        let (buffer, spans) = (&mut self.buffer, &mut self.spans);
        self.ends = Some(blocks::open(keys, buffer, from, &mut self.expect, spans));
    }

    /// All records of a block were taken: goes behind it, if that is how a block may end.
    fn leave_block(&mut self, ends: Ends) -> io::Result<Step> {
        let segment = &self.segments.list[self.index];
        let next = block_end(self.offset);
        let (torn, cause) = match ends {
            Ends::Whole => return Ok(Step::Again),
            Ends::Filler(_) if next < segment.len && !begins_block(self.offset) => {
                self.offset = next;
                return Ok(Step::Again);
            }
            Ends::Filler(_) => (true, Cause::Record),
            Ends::Bad(at) => {
                let last = !blocks::any_behind(&segment.keys, &self.buffer, at);
                (last, Cause::Record)
            }
            Ends::Number(_) => (false, Cause::Number),
        };
        if torn && self.is_last() && segment.is_zero_from(next)? {
            return Ok(self.torn_tail());
        }
        Ok(self.skip_block(self.offset, cause))
    }

    fn next_segment(&mut self) -> Step {
        if let Some(chain) = self.chain {
            if self.is_last() {
                return self.torn_tail();
            }
            self.chain = None;
            self.doubt = true;
            return Step::Damage(self.damage(chain.offset, Cause::Fact));
        }
        if self.is_last() {
            return Step::End(Ending::Open);
        }
        let [this, next] = [0, 1].map(|on| self.segments.list[self.index + on].number);
        let emptied = self.offset == 0; // none is begun before the one before it has its header
        self.index += 1;
        self.offset = 0;
        if next == this + 1 && !emptied {
            return Step::Again;
        }
        self.expect = Expect::AtLeast(self.expect.lowest());
        self.doubt = true;
        Step::Damage(if emptied {
            Damage::at(this, 0, Cause::Header)
        } else {
            Damage::at(this + 1, 0, Cause::Missing)
        })
    }

    /// What is left behind END, told once, and then the end.
    fn after_end(&mut self) -> Step {
        let segment = &self.segments.list[self.index];
        if self.offset < segment.len {
            let damage = self.damage(self.offset, Cause::AfterEnd);
            self.offset = segment.len;
            return Step::Damage(damage);
        }
        if self.is_last() {
            return Step::End(Ending::Ended);
        }
        self.index += 1;
        self.offset = self.segments.list[self.index].len;
        Step::Damage(self.damage(0, Cause::AfterEnd))
    }

    /// Nothing more in this block, nor of the fact that was being put together.
    fn skip_block(&mut self, offset: u64, cause: Cause) -> Step {
        let damage = self.damage(offset, cause);
        self.offset = block_end(self.offset);
        self.expect = Expect::AtLeast(self.expect.lowest());
        self.spans.clear();
        (self.taken, self.ends, self.chain) = (0, None, None);
        self.doubt = true;
        Step::Damage(damage)
    }

    /// The rest is what a write cut short left. A fact that it was a part of is read again, when there
    /// is more of it.
    fn torn_tail(&mut self) -> Step {
        if let Some(chain) = self.chain.take() {
            (self.offset, self.expect) = (chain.offset, Expect::Exactly(chain.number));
        }
        let len = self.segments.list[self.index].len;
        Step::End(Ending::TornTail {
            bytes: len.saturating_sub(self.offset),
        })
    }

    fn is_last(&self) -> bool {
        self.index + 1 >= self.segments.list.len()
    }

    fn damage(&self, offset: u64, cause: Cause) -> Damage {
        Damage::at(self.segments.list[self.index].number, offset, cause)
    }
}

fn is_json_object(payload: &[u8]) -> bool {
    payload.first() == Some(&b'{')
        && serde_json::from_slice::<serde::de::IgnoredAny>(payload).is_ok()
}
