//! What a log begins with: what was asked, and if rotation has removed that, its copy.
//!
//! Does not: read on, or tell of damage; a segment whose beginning is not intact is passed over.

use std::io;

use serde::{Deserialize, Serialize};

use super::reader::{Item, Reader};
use super::segments::Segments;
use super::{Kind, Record};
use crate::model::facts;

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
    for index in 0..segments.list.len() {
        let mut reader = Reader::new(alone(segments, index));
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

/// DROPPED: what is behind a segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dropped {
    /// Bytes of output in the segments that rotation has removed.
    pub(crate) bytes: u64,
    /// The lowest segment that it has left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) first: Option<u64>,
    /// Bytes of output in all segments before this one, removed or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<u64>,
    /// Whether the output before this segment ends within a line: stdout's, stderr's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) within_line: Option<[bool; 2]>,
}

/// START of the only segment of `segments`, as JSON; `None` when it is not intact.
///
/// # Errors
///
/// When the file cannot be read.
pub(crate) fn start_json(segments: Segments) -> io::Result<Option<Vec<u8>>> {
    match Reader::new(segments).next()? {
        Item::Record(Record {
            kind: Kind::Start,
            payload,
            ..
        }) => Ok(Some(payload.to_vec())),
        Item::Record(_) | Item::Damage(_) | Item::End(_) => Ok(None),
    }
}

/// How many bytes of output rotation has removed before the lowest of `segments`.
///
/// # Errors
///
/// When a file cannot be read.
pub(crate) fn dropped_bytes(segments: &Segments) -> io::Result<u64> {
    if segments.list.first().is_none_or(|first| first.number == 0) {
        return Ok(0);
    }
    let lowest = behind(segments, 0)?;
    let highest = behind(segments, segments.list.len() - 1)?;
    let before = lowest.and_then(|dropped| dropped.before);
    let removed = highest.map(|dropped| dropped.bytes);
    // The lowest does not know why what is before it is missing; the highest may tell of what is still here.
    Ok(before.into_iter().chain(removed).min().unwrap_or(0))
}

/// How many bytes of output there are or were before segment `number`, which is there.
///
/// # Errors
///
/// When a file cannot be read.
pub(crate) fn output_before(segments: &Segments, number: u64) -> io::Result<u64> {
    let dropped = behind_segment(segments, number)?;
    Ok(dropped.and_then(|dropped| dropped.before).unwrap_or(0))
}

/// Whether segment `number`, which is there, begins within a line of stdout, and of stderr. Nobody knows it
/// of one that does not tell, and then it does.
///
/// # Errors
///
/// When a file cannot be read.
pub(crate) fn within_line(segments: &Segments, number: u64) -> io::Result<[bool; 2]> {
    if number == 0 {
        return Ok([false; 2]);
    }
    let dropped = behind_segment(segments, number)?;
    let within = dropped.and_then(|dropped| dropped.within_line);
    Ok(within.unwrap_or([true; 2]))
}

/// How many bytes of output stand between segment `from`, which is there, and `to`, which is too.
///
/// # Errors
///
/// When a file cannot be read.
pub(crate) fn output_between(segments: &Segments, from: u64, to: u64) -> io::Result<u64> {
    let Some(index) = index_of(segments, from) else {
        return Ok(0);
    };
    let mut inside = 0;
    let mut reader = Reader::new(alone(segments, index));
    loop {
        match reader.next()? {
            Item::Record(record) if record.kind.is_output() => {
                inside += record.payload.len() as u64;
            }
            Item::Record(_) | Item::Damage(_) => (),
            Item::End(_) => break,
        }
    }
    let known = output_before(segments, from)?.saturating_add(inside);
    Ok(output_before(segments, to)?.saturating_sub(known))
}

fn index_of(segments: &Segments, number: u64) -> Option<usize> {
    segments.list.iter().position(|at| at.number == number)
}

fn behind_segment(segments: &Segments, number: u64) -> io::Result<Option<Dropped>> {
    index_of(segments, number).map_or(Ok(None), |index| behind(segments, index))
}

/// What the segment at `index` tells of what is behind it, if it is intact that far.
fn behind(segments: &Segments, index: usize) -> io::Result<Option<Dropped>> {
    let mut reader = Reader::new(alone(segments, index));
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
            }) => return Ok(serde_json::from_slice(payload).ok()),
            Item::Record(_) | Item::Damage(_) | Item::End(_) => return Ok(None),
        }
    }
}

fn alone(segments: &Segments, index: usize) -> Segments {
    Segments {
        list: vec![segments.list[index].clone()],
        ..segments.clone()
    }
}
