//! What a log begins with: what was asked, and if rotation has removed that, its copy.
//!
//! Does not: read on, or tell of damage; a segment whose beginning is not intact is passed over.

use std::io;

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
