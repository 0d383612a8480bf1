//! The first 128 bytes of a segment.
//!
//! Does not: judge whether the segment belongs at its place in the log; the reader compares numbers.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::{BLOCK_BYTES, Identity, LogKeys};
use crate::model::id::Id;

/// The length of a header.
pub(crate) const HEADER_BYTES: usize = 128;

const MAGIC: &[u8; 8] = b"BGPLOG\r\n";
const VERSION: u16 = 1;
/// What the tag is over.
const BODY_BYTES: usize = 96;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) identity: Identity,
    pub(crate) created_ns: u64,
    pub(crate) segment: u64,
    /// The number of the segment's first record.
    pub(crate) first_record: u64,
}

impl Header {
    /// The bytes, with their tag.
    pub(super) fn seal(&self, keys: &LogKeys) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..8].copy_from_slice(MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&block_bytes().to_le_bytes());
        bytes[16..32].copy_from_slice(&self.identity.log.0);
        bytes[32..48].copy_from_slice(&self.identity.store.0);
        bytes[48..56].copy_from_slice(&self.created_ns.to_le_bytes());
        bytes[56..64].copy_from_slice(&self.segment.to_le_bytes());
        bytes[64..72].copy_from_slice(&self.first_record.to_le_bytes());
        let tag = keys.records.tag(&[], &bytes[..BODY_BYTES]);
        bytes[BODY_BYTES..].copy_from_slice(&tag);
        bytes
    }

    /// The header that `bytes` begin with, if it is the one of segment `segment` of this log.
    pub(super) fn open(
        keys: &LogKeys,
        identity: &Identity,
        segment: u64,
        bytes: &[u8],
    ) -> Option<Self> {
        let bytes: &[u8; HEADER_BYTES] = bytes.first_chunk()?;
        let (body, tag) = bytes.split_at(BODY_BYTES);
        keys.records.verify(&[], body, tag).ok()?;
        Self::parse(bytes)
            .filter(|header| header.identity == *identity && header.segment == segment)
    }

    fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let known = bytes[0..8] == *MAGIC
            && u16_at(bytes, 8) == VERSION
            && u16_at(bytes, 10) == 0
            && u32_at(bytes, 12) == block_bytes()
            && bytes[72..BODY_BYTES].iter().all(|byte| *byte == 0);
        known.then(|| Self {
            identity: Identity {
                log: Id(array_at(bytes, 16)),
                store: Id(array_at(bytes, 32)),
            },
            created_ns: u64_at(bytes, 48),
            segment: u64_at(bytes, 56),
            first_record: u64_at(bytes, 64),
        })
    }
}

/// What the header of `file` claims, unchecked, or `None` where there is none: for who has no other
/// way to know the log's id, which its keys need.
///
/// # Errors
///
/// When `file` cannot be read.
pub(crate) fn peek(file: &File) -> io::Result<Option<Header>> {
    let mut bytes = [0; HEADER_BYTES];
    match file.read_exact_at(&mut bytes, 0) {
        Ok(()) => Ok(Header::parse(&bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

fn block_bytes() -> u32 {
    u32::try_from(BLOCK_BYTES).expect("a block is 64 KiB")
}

/// `N` bytes at `offset`, which the caller has bounded.
pub(super) fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    bytes[offset..offset + N]
        .try_into()
        .expect("the range is N long")
}

fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, offset))
}

pub(super) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, offset))
}

pub(super) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{IDENTITY, Scratch, keys};

    #[test]
    fn a_header_opens_as_it_was_sealed_and_not_with_any_bit_or_place_changed() {
        let keys = keys();
        let header = Header {
            identity: IDENTITY,
            created_ns: 1,
            segment: 2,
            first_record: 3,
        };
        let bytes = header.seal(&keys);
        assert_eq!(Header::open(&keys, &IDENTITY, 2, &bytes), Some(header));
        assert_eq!(Header::open(&keys, &IDENTITY, 3, &bytes), None);
        let other = Identity {
            store: Id([0; 16]),
            ..IDENTITY
        };
        assert_eq!(Header::open(&keys, &other, 2, &bytes), None);
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes;
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::open(&keys, &IDENTITY, 2, &altered), None, "{bit}");
        }
        let file = Scratch::holding(&[&bytes[..], b"more"].concat());
        assert_eq!(peek(&file).unwrap(), Some(header));
        assert_eq!(peek(&Scratch::holding(&bytes[..127])).unwrap(), None);
        assert_eq!(peek(&Scratch::holding(&[0; 200])).unwrap(), None);
        for len in 0..bytes.len() {
            assert_eq!(Header::open(&keys, &IDENTITY, 2, &bytes[..len]), None);
        }
    }
}
