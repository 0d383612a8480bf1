//! Where in a log to begin reading, found by going back through it block by block.
//!
//! Does not: read what is found.

use std::io;

use super::{Query, lost, stream_of};
use crate::log::beginning::within_line;
use crate::log::reader::Reader;
use crate::log::segments::Segments;
use crate::log::tail::Tail;
use crate::log::{Cause, Damage, Kind, Position};
use crate::text::lines::Lines;
use crate::text::tail::Tail as LastLines;

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// At the first record there is, which may be within a line of stdout, and of stderr.
    Start([bool; 2]),
    At(Position),
}

impl Begin {
    /// At the first record of `segments`.
    fn at_first(segments: &Segments) -> io::Result<Self> {
        let lowest = segments.first_number().unwrap_or(0);
        within_line(segments, lowest).map(Self::Start)
    }

    pub(super) fn reader(self, segments: Segments) -> Reader {
        match self {
            Self::Start(_) => Reader::new(segments),
            Self::At(position) => Reader::resume(segments, position),
        }
    }

    /// Of which streams it is known to be within a line.
    pub(super) fn within_line(self) -> [bool; 2] {
        match self {
            Self::Start(within_line) => within_line,
            Self::At(_) => [false; 2],
        }
    }

    pub(super) fn lines(self) -> Lines {
        match self {
            Self::Start(within_line) => Lines::resumed(within_line),
            Self::At(_) => Lines::from_the_middle(),
        }
    }
}

/// What the search for the beginning has found besides.
#[derive(Default)]
pub(super) struct Found {
    /// When the last lines were searched for: what passes over the others.
    pub(super) lines: Option<Lines>,
    pub(super) unwanted_bytes: [u64; 2],
    pub(super) damage: Option<Damage>,
}

/// Where to begin, so that all that `query` wants is read with the beginning of its lines.
///
/// Not further back than `reach_bytes` of output, and a block: fewer lines are found then.
///
/// # Errors
///
/// When a file cannot be read.
pub(super) fn find(
    segments: &Segments,
    query: &Query,
    reach_bytes: u64,
    found: &mut Found,
) -> io::Result<Begin> {
    let (mut tail, mut search) = match query.last {
        Some(last) if query.pattern.is_none() => {
            (Tail::new(segments.clone()), LastLines::new(last))
        }
        _ if query.since_ns == 0 => return Begin::at_first(segments),
        _ => {
            let early = segments.locate(|_, time_ns| time_ns < query.since_ns)?;
            if early == Position::default() {
                return Begin::at_first(segments);
            }
            (
                Tail::before(segments.clone(), early),
                LastLines::for_beginnings(query.streams),
            )
        }
    };
    let mut begin = None;
    let mut read_bytes = 0;
    while search.needs_more() && read_bytes < reach_bytes {
        let Some(block) = tail.previous()? else {
            begin = None;
            break;
        };
        if let Some(damage) = block.damage {
            found.damage = Some(damage);
            search.gap();
        }
        for (record, _) in block.records().rev() {
            read_bytes += record.payload.len() as u64;
            if record.kind == Kind::Gap && lost(&record).bytes > 0 {
                search.gap();
            }
            if let Some(stream) = stream_of(record.kind)
                && query.streams[stream as usize]
            {
                search.before(stream, record.payload);
            }
        }
        begin = block.begin().or(begin);
    }
    if begin.is_some()
        && let Some(block) = tail.previous()?
        && let Some(damage) = block.damage.filter(|damage| damage.cause == Cause::Number)
    {
        found.damage = Some(damage); // an old block in place of the newest shows by the one before it
    }
    let begin = match begin {
        Some(position) => Begin::At(position),
        None => Begin::at_first(segments)?,
    };
    if query.last.is_some() && query.pattern.is_none() {
        found.unwanted_bytes = search.unwanted_bytes();
        found.lines = Some(match begin {
            Begin::Start(within_line) => search.lines_from_start(within_line),
            Begin::At(_) => search.lines_from_here(),
        });
    }
    Ok(begin)
}
