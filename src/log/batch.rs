//! What one write puts into the log: payloads cut into records that lie right in their blocks, sealed together.
//!
//! Does not: write. What of a batch could not be written is thrown away and made again, with other IVs.

use super::header::HEADER_BYTES;
use super::record::{self, Meta, PAYLOAD_MAX_BYTES, RECORD_MAX_BYTES, capacity, record_len};
use super::{BLOCK_BYTES, Kind};
use crate::crypto::fill_random;
use crate::crypto::seal::{IV_BYTES, LANES, SealKeys, TAG_BYTES};
use crate::model::error::Error;

/// Output is cut to fill a block that has at least this room left; with less the rest is filler.
const WORTH_FILLING_BYTES: usize = 512;
/// How many IVs are asked for at once: more than a batch of output has records.
const IVS: usize = 64;
/// From here on an allocation is its own mapping, which goes back to the kernel when it is dropped.
pub(super) const MAPPED_BYTES: usize = 128 * 1024;
/// The most that is kept between batches.
const KEPT_BYTES: usize = 4 * 1024;

/// Records for one place in a segment. Keeps its memory, if it is little, for the next batch.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where in the segment's file the bytes belong.
    offset: u64,
    /// The number of the next record.
    number: u64,
}

/// The records of a batch that are written whole, though not all of it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) bytes: usize,
    pub(super) records: u64,
    pub(super) payload_bytes: usize,
}

impl Batch {
    /// Begins again, at this place with this number.
    pub(super) fn begin(&mut self, offset: u64, number: u64) {
        self.bytes.clear();
        (self.offset, self.number) = (offset, number);
    }

    /// Adds a segment's header, as the first thing.
    pub(super) fn push_header(&mut self, header: &[u8; HEADER_BYTES]) {
        debug_assert!(
            self.offset == 0 && self.bytes.is_empty(),
            "a header comes first"
        );
        self.bytes.extend_from_slice(header);
    }

    /// Adds `payload`: a fact as one chain of records, output as records of their own.
    pub(super) fn push(&mut self, kind: Kind, time_ns: u64, payload: &[u8]) {
        self.reserve(payload.len());
        let mut rest = payload;
        loop {
            let piece = self.make_room(kind, rest.len());
            let (now, later) = rest.split_at(piece);
            let meta = Meta {
                number: self.number,
                time_ns,
                kind: kind as u8,
                more: !kind.is_output() && !later.is_empty(),
            };
            record::put(&mut self.bytes, meta, now);
            self.number += 1;
            if later.is_empty() {
                return;
            }
            rest = later;
        }
    }

    /// Seals all records, each under its own fresh IV, and returns the last one's tag.
    ///
    /// All IVs of a batch come from one request, or one for each 64. They stand nowhere else.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes to give; nothing may be written then.
    pub(super) fn seal(&mut self, keys: &SealKeys) -> Result<[u8; TAG_BYTES], Error> {
        let mut at = if self.offset == 0 { HEADER_BYTES } else { 0 };
        let mut tag = [0; TAG_BYTES];
        let mut ivs = Ivs::for_bytes(self.bytes.len());
        while at < self.bytes.len() {
            let Some(len) = record::measure(&self.bytes[at..]) else {
                at += self.room_at(at); // filler
                continue;
            };
            let alike = (self.bytes[at..].chunks_exact(len).take(LANES))
                .take_while(|record| record::measure(record) == Some(len))
                .count();
            let end = at + alike * len;
            tag = record::seal(keys, &mut self.bytes[at..end], len, || ivs.next())?;
            at = end;
        }
        Ok(tag)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is whole of a batch of output, which is sealed, in its first `written` bytes.
    pub(super) fn whole(&self, written: usize) -> Whole {
        let mut whole = Whole::default();
        let mut at = 0;
        while at < written {
            let Some(len) = record::measure(&self.bytes[at..]) else {
                at += self.room_at(at); // filler
                continue;
            };
            at += len;
            if at > written {
                break;
            }
            whole.bytes = at;
            whole.records += 1;
            whole.payload_bytes += capacity(len); // all but the last are full
        }
        whole
    }

    /// The number after the last record.
    pub(super) fn next_number(&self) -> u64 {
        self.number
    }

    /// Gives back what a burst took.
    pub(super) fn release(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }

    /// Takes memory once for all that `payload_bytes` will become but filler: little, or a mapping of its own.
    fn reserve(&mut self, payload_bytes: usize) {
        let records = payload_bytes / (PAYLOAD_MAX_BYTES - WORTH_FILLING_BYTES) + 2;
        let most = payload_bytes + records * record_len(0);
        let free = self.bytes.capacity() - self.bytes.len();
        if most > free {
            let more = if most <= KEPT_BYTES {
                most
            } else {
                most.max(MAPPED_BYTES)
            };
            self.bytes.reserve_exact(more);
        }
    }

    /// How much of `left` bytes the next record takes. Fills the block up with zeros where it takes
    /// nothing there.
    fn make_room(&mut self, kind: Kind, left: usize) -> usize {
        let room = self.room_at(self.bytes.len());
        if room >= RECORD_MAX_BYTES || record_len(left) <= room {
            return left.min(capacity(room));
        }
        let may_cut = kind.is_output() || left > PAYLOAD_MAX_BYTES;
        if may_cut && room >= WORTH_FILLING_BYTES {
            return capacity(room);
        }
        self.bytes.resize(self.bytes.len() + room, 0);
        left.min(PAYLOAD_MAX_BYTES)
    }

    /// How many bytes are left of the block that index `at` lies in.
    fn room_at(&self, at: usize) -> usize {
        let inside = (self.offset + at as u64) % BLOCK_BYTES;
        usize::try_from(BLOCK_BYTES - inside).expect("a block is 64 KiB")
    }
}

/// Random IVs, got from the system many at a time, each given out once.
struct Ivs {
    bytes: [[u8; IV_BYTES]; IVS],
    at_once: usize,
    left: usize,
}

impl Ivs {
    /// For a batch of that length: one request, unless most of its records are short.
    fn for_bytes(bytes: usize) -> Self {
        Self {
            bytes: [[0; IV_BYTES]; IVS],
            at_once: (bytes / RECORD_MAX_BYTES + 2).min(IVS),
            left: 0,
        }
    }

    fn next(&mut self) -> Result<[u8; IV_BYTES], Error> {
        if self.left == 0 {
            fill_random(self.bytes[..self.at_once].as_flattened_mut())?;
            self.left = self.at_once;
        }
        self.left -= 1;
        Ok(self.bytes[self.left])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::log::record::segment_keys;
    use crate::log::tests::{IDENTITY, keys};

    /// The lengths of the records of a batch at `offset`, a filler as a negative number.
    fn lengths(offset: u64, kind: Kind, payload_bytes: usize) -> Vec<i64> {
        let mut batch = Batch::default();
        batch.begin(offset, 0);
        batch.push(kind, 0, &vec![1; payload_bytes]);
        let mut lengths = Vec::new();
        let mut at = 0;
        while at < batch.bytes.len() {
            let len = record::measure(&batch.bytes[at..]);
            let step = len.unwrap_or_else(|| batch.room_at(at));
            let signed = i64::try_from(step).unwrap();
            lengths.push(if len.is_some() { signed } else { -signed });
            at += step;
        }
        lengths
    }

    #[test]
    fn output_fills_blocks_and_facts_stay_whole_where_one_record_holds_them() {
        let full = 4019;
        assert_eq!(lengths(65536, Kind::Stdout, 16 * full), [4096; 16]);
        assert_eq!(
            lengths(128, Kind::Stdout, 16 * full)[14..],
            [4096, 3968, 208]
        );
        assert_eq!(lengths(65536 - 512, Kind::Stdout, full), [512, 3664]);
        assert_eq!(lengths(65536 - 496, Kind::Stdout, full), [-496, 4096]);
        assert_eq!(lengths(65536 - 496, Kind::Stdout, 100), [192]);
        assert_eq!(lengths(65536 - 512, Kind::Exit, full), [-512, 4096]);
        assert_eq!(lengths(65536 - 512, Kind::Start, full + 1), [512, 3664]);
        assert_eq!(lengths(65536 - 16, Kind::End, 0), [-16, 80]);
    }

    #[test]
    fn no_iv_is_used_twice() {
        let keys = segment_keys(&keys(), &IDENTITY, 0);
        let mut batch = Batch::default();
        let mut seen = HashSet::new();
        for _ in 0..200 {
            batch.begin(BLOCK_BYTES, 0);
            for _ in 0..5_000 {
                batch.push(Kind::Stdout, 0, b"");
            }
            batch.seal(&keys).unwrap();
            let mut at = 0;
            while at < batch.bytes.len() {
                if let Some(len) = record::measure(&batch.bytes[at..]) {
                    let iv: [u8; 16] = batch.bytes[at + 16..at + 32].try_into().unwrap();
                    assert!(seen.insert(iv));
                    at += len;
                } else {
                    at += batch.room_at(at);
                }
            }
        }
        assert_eq!(seen.len(), 1_000_000);
    }

    #[test]
    fn memory_of_a_burst_is_its_own_mapping_and_is_given_back() {
        let mut batch = Batch::default();
        batch.begin(128, 0);
        batch.push(Kind::Stdout, 0, &[0; 2048]);
        assert!(batch.bytes.capacity() <= KEPT_BYTES);
        batch.begin(128, 0);
        batch.push(Kind::Stdout, 0, &vec![0; 65536]);
        assert!(batch.bytes.capacity() >= MAPPED_BYTES);
        batch.release();
        assert_eq!(batch.bytes.capacity(), 0);
    }
}
