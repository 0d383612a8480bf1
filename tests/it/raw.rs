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

/// The middle of the record that holds the byte `at`, or of the next behind it: not all bytes of a block are of a
/// record.
pub(crate) fn within_a_record(segment: &[u8], at: usize) -> usize {
    let mut all = records(segment).into_iter();
    let Range { start, end } = all.find(|record| record.range.end > at).unwrap().range;
    usize::midpoint(start, end)
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
