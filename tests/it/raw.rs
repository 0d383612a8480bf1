//! The records of a log as they lie in the file: what can be seen of the format without a key.
//!
//! Does not: decrypt or check anything.

use std::ops::Range;

/// The header of a segment, in bytes.
pub(crate) const HEADER_BYTES: usize = 128;
/// No record crosses a block of so many bytes.
pub(crate) const BLOCK_BYTES: usize = 64 * 1024;

/// The shortest record, with at most 13 bytes in it.
pub(crate) const RECORD_MIN_BYTES: usize = 80;

/// Where one record lies.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) range: Range<usize>,
    pub(crate) number: u64,
    pub(crate) iv: [u8; 16],
}

/// The records of one segment, in the order of the file.
pub(crate) fn records(segment: &[u8]) -> Vec<Record> {
    let mut found = Vec::new();
    let mut at = HEADER_BYTES;
    while at + 4 <= segment.len() {
        let len = u32::from_le_bytes(segment[at..at + 4].try_into().unwrap()) as usize;
        if len == 0 {
            at = (at / BLOCK_BYTES + 1) * BLOCK_BYTES;
            continue;
        }
        assert!(
            (RECORD_MIN_BYTES..=4096).contains(&len) && len.is_multiple_of(16),
            "a record of {len} bytes at {at}"
        );
        if at + len > segment.len() {
            break;
        }
        found.push(Record {
            range: at..at + len,
            number: u64::from_le_bytes(segment[at + 8..at + 16].try_into().unwrap()),
            iv: segment[at + 16..at + 32].try_into().unwrap(),
        });
        at += len;
    }
    found
}
