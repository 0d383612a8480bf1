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
use crate::model::facts;

/// What comes next in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    Record(Record<'a>),
    /// Something is wrong there; what can be read of the rest comes next.
    Damage(Damage),
    /// There is no more, for now.
    End(Ending),
}

/// How a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With END: it is complete.
    Ended,
    /// With another record: it is being written, or its supervisor was killed.
    Open,
    /// With what a write left that was cut short, or is in progress.
    TornTail { bytes: u64 },
}

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
            payload: if whole_fact {
                &self.fact
            } else {
                &self.buffer[span.payload.clone()]
            },
            tag: span.tag(&self.buffer),
            after: self.position,
        }
    }

    /// Takes one record: as such, or into the fact that it is a part of.
    fn take(&mut self, index: usize) -> Step {
        let span = self.spans[index].clone();
        let offset = self.offset;
        if let Some(chain) = self.chain
            && (chain.kind != span.meta.kind
                || self.fact.len() + span.payload.len() > FACT_MAX_BYTES)
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
            self.fact
                .extend_from_slice(&self.buffer[span.payload.clone()]);
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
        if self.doubt && kind.is_none_or(Kind::is_json) {
            let payload = if whole_fact {
                &self.fact
            } else {
                &self.buffer[span.payload]
            };
            if !is_json_object(payload) {
                return Step::Again;
            }
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
            let torn = segment.is_zero_from(HEADER_BYTES as u64)?; // it was cut short itself
            if self.is_last() && torn {
                return Ok(self.torn_tail());
            }
            return Ok(self.skip_block(0, Cause::Header));
        };
        self.doubt = false; // no chain goes on here
        let expected = self.expect.lowest();
        let fits = match self.expect {
            Expect::Exactly(_) => header.first_record == expected,
            Expect::AtLeast(_) => header.first_record >= expected,
        };
        self.expect = if header.first_record >= expected {
            Expect::Exactly(header.first_record)
        } else {
            Expect::AtLeast(expected)
        };
        self.offset = HEADER_BYTES as u64;
        if !fits {
            return Ok(Step::Damage(self.damage(0, Cause::Number)));
        }
        self.base = 0;
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
        let bad = match ends {
            Ends::Whole => return Ok(Step::Again),
            Ends::Filler(_) if next < segment.len && !begins_block(self.offset) => {
                self.offset = next;
                return Ok(Step::Again);
            }
            Ends::Filler(_) => false,
            Ends::Bad(at) => blocks::any_behind(&segment.keys, &self.buffer, at),
            Ends::Number(_) => true,
        };
        if !bad && self.is_last() && segment.is_zero_from(next)? {
            return Ok(self.torn_tail());
        }
        let damage = ends.damage(segment.number, self.base);
        let cause = damage.map_or(Cause::Record, |damage| damage.cause);
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
        let (this, next) = (
            self.segments.list[self.index].number,
            self.segments.list[self.index + 1].number,
        );
        self.index += 1;
        self.offset = 0;
        if next == this + 1 {
            return Step::Again;
        }
        self.expect = Expect::AtLeast(self.expect.lowest());
        self.doubt = true;
        Step::Damage(Damage {
            segment: this + 1,
            offset: 0,
            cause: Cause::Missing,
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
        Damage {
            segment: self.segments.list[self.index].number,
            offset,
            cause,
        }
    }
}

/// What a segment begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Beginning {
    pub(crate) start: facts::Start,
    /// Of a segment behind the first: how the leader ended, if it had.
    pub(crate) exit: Option<facts::Exit>,
}

/// START, from the beginning of the lowest segment that has one intact, with the EXIT beside it.
///
/// # Errors
///
/// When a file cannot be read.
pub(crate) fn beginning(segments: &Segments) -> io::Result<Option<Beginning>> {
    for segment in &segments.list {
        let alone = Segments {
            list: vec![segment.clone()],
            ..segments.clone()
        };
        let mut reader = Reader::new(alone);
        let Item::Record(Record {
            kind: Kind::Start,
            payload,
            ..
        }) = reader.next()?
        else {
            continue;
        };
        let Ok(start) = serde_json::from_slice(payload) else {
            continue;
        };
        let exit = match reader.next()? {
            Item::Record(Record {
                kind: Kind::Exit,
                payload,
                ..
            }) => serde_json::from_slice(payload).ok(),
            _ => None,
        };
        return Ok(Some(Beginning { start, exit }));
    }
    Ok(None)
}

/// How many bytes of output rotation has removed so far, as the highest segment tells.
///
/// # Errors
///
/// When a file cannot be read.
pub(crate) fn dropped_bytes(segments: &Segments) -> io::Result<u64> {
    let Some(highest) = segments.list.last().filter(|segment| segment.number > 0) else {
        return Ok(0);
    };
    let mut reader = Reader::new(Segments {
        list: vec![highest.clone()],
        ..segments.clone()
    });
    loop {
        match reader.next()? {
            Item::Record(Record {
                kind: Kind::Start | Kind::Exit,
                ..
            }) => (),
            Item::Record(Record {
                kind: Kind::Dropped,
                payload,
                ..
            }) => return Ok(bytes_of(payload)),
            Item::Record(_) | Item::Damage(_) | Item::End(_) => return Ok(0),
        }
    }
}

/// The number that the payload of a GAP or DROPPED tells.
pub(crate) fn bytes_of(payload: &[u8]) -> u64 {
    #[derive(serde::Deserialize)]
    struct Lost {
        bytes: u64,
    }
    serde_json::from_slice(payload).map_or(0, |lost: Lost| lost.bytes)
}

fn is_json_object(payload: &[u8]) -> bool {
    payload.first() == Some(&b'{')
        && serde_json::from_slice::<serde::de::IgnoredAny>(payload).is_ok()
}
