//! What rotation has left of what is behind a cursor.
//!
//! Does not: read what is new.

use std::io;

use super::cursor::Cursor;
use super::stream_of;
use crate::log::beginning::{dropped_bytes, within_line};
use crate::log::reader::{Item, Reader};
use crate::log::segments::Segments;

/// How reading goes on from a cursor.
pub(super) struct Left {
    /// So many bytes of each stream were had, of those that are read from its place on, or if that is gone
    /// from the first that there is.
    pub(super) had: [u64; 2],
    /// Whether the next byte of a stream is within a line.
    pub(super) within_line: [bool; 2],
    /// When the place is gone.
    pub(super) removed: Option<Removed>,
}

/// What was removed, in bytes of output.
pub(super) struct Removed {
    pub(super) all: u64,
    /// Of it, what was not had.
    pub(super) unread: u64,
}

/// What is left of what is behind `cursor`.
///
/// # Errors
///
/// When a file cannot be read.
pub(super) fn left_of(cursor: &Cursor, segments: &Segments) -> io::Result<Left> {
    let first = segments.first_number().unwrap_or(0);
    if first <= cursor.position.segment {
        return Ok(Left {
            had: cursor.had_behind,
            within_line: cursor.within_line,
            removed: None,
        });
    }
    let read_up_to = cursor.read_up_to();
    let there = output_up_to(segments, read_up_to.record)?;
    let had = [0, 1].map(|of| there[of].saturating_sub(read_up_to.not_had[of]));
    let begins_within = within_line(segments, first)?;
    let all = dropped_bytes(segments)?;
    let unread = match segments.first_record_number()? {
        // All that is gone was read, but maybe not had.
        Some(number) if number <= read_up_to.record => [0, 1]
            .map(|of| read_up_to.not_had[of].saturating_sub(there[of]))
            .iter()
            .sum(),
        _ => all.saturating_sub(cursor.had),
    };
    Ok(Left {
        had,
        within_line: [0, 1].map(|of| match had[of] {
            0 => begins_within[of],
            _ => cursor.within_line[of],
        }),
        removed: Some(Removed { all, unread }),
    })
}

/// How many bytes of each stream stand in the records below `number`.
fn output_up_to(segments: &Segments, number: u64) -> io::Result<[u64; 2]> {
    let mut bytes = [0; 2];
    let mut reader = Reader::new(segments.clone());
    loop {
        match reader.next()? {
            Item::Record(record) if record.number >= number => return Ok(bytes),
            Item::Record(record) => {
                if let Some(stream) = stream_of(record.kind) {
                    bytes[stream as usize] += record.payload.len() as u64;
                }
            }
            Item::Damage(_) => {}
            Item::End(_) => return Ok(bytes),
        }
    }
}
