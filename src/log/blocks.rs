//! One block of a segment, or the part of it that there is: checked, decrypted in place, record by record.
//!
//! Does not: read files, or know which block is the last; the readers judge what a bad end means.

use std::ops::Range;

use super::record::{self, Meta, PAYLOAD_AT};
use super::{Cause, Damage};
use crate::crypto::seal::{SealKeys, TAG_BYTES};

/// A record that was checked and decrypted, by where it is in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) meta: Meta,
    pub(super) payload: Range<usize>,
    /// Where the record ends; its tag is right before.
    pub(super) end: usize,
}

impl Span {
    pub(super) fn tag(&self, bytes: &[u8]) -> [u8; TAG_BYTES] {
        super::header::array_at(bytes, self.end - TAG_BYTES)
    }
}

/// Which number the next record may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    Exactly(u64),
    /// After damage: nobody knows how many are gone.
    AtLeast(u64),
}

impl Expect {
    pub(super) fn allows(self, number: u64) -> bool {
        match self {
            Self::Exactly(next) => number == next,
            Self::AtLeast(next) => number >= next,
        }
    }

    /// The lowest number that is allowed.
    pub(super) fn lowest(self) -> u64 {
        match self {
            Self::Exactly(next) | Self::AtLeast(next) => next,
        }
    }
}

/// How the bytes of a block end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// With a record, or there were none.
    Whole,
    /// With zeros from there on.
    Filler(usize),
    /// With something that is no record, and perhaps what a write cut short left.
    Bad(usize),
    /// With a record of this segment that does not belong here.
    Number(usize),
}

impl Ends {
    /// What it is where nothing but a record may be the end.
    pub(super) fn damage(self, segment: u64, base: u64) -> Option<Damage> {
        let (at, cause) = match self {
            Self::Whole => return None,
            Self::Filler(at) | Self::Bad(at) => (at, Cause::Record),
            Self::Number(at) => (at, Cause::Number),
        };
        Some(Damage::at(segment, base + at as u64, cause))
    }
}

/// Opens in place all records of `bytes` from index `from` on, up to the first that is none.
///
/// `expect` is what the first may be, and becomes what the next may be. `spans` are replaced.
pub(super) fn open(
    keys: &SealKeys,
    bytes: &mut [u8],
    from: usize,
    expect: &mut Expect,
    spans: &mut Vec<Span>,
) -> Ends {
    spans.clear();
    let mut at = from;
    while at < bytes.len() {
        let Some(len) = record::measure(&bytes[at..]) else {
            let filler = is_zero(&bytes[at..]);
            return if filler {
                Ends::Filler(at)
            } else {
                Ends::Bad(at)
            };
        };
        let record = &mut bytes[at..at + len];
        let Ok(number) = record::check(keys, record) else {
            return Ends::Bad(at);
        };
        let Some(next) = number.checked_add(1).filter(|_| expect.allows(number)) else {
            return Ends::Number(at);
        };
        let Ok((meta, payload_end)) = record::decrypt(keys, record) else {
            return Ends::Bad(at);
        };
        spans.push(Span {
            meta,
            payload: at + PAYLOAD_AT..at + payload_end,
            end: at + len,
        });
        *expect = Expect::Exactly(next);
        at += len;
    }
    Ends::Whole
}

/// Whether a record of this segment stands anywhere behind index `at`, where there is a bad one.
pub(super) fn any_behind(keys: &SealKeys, bytes: &[u8], at: usize) -> bool {
    (at..bytes.len()).step_by(16).skip(1).any(|at| {
        let rest = &bytes[at..];
        record::measure(rest).is_some_and(|len| record::check(keys, &rest[..len]).is_ok())
    })
}

pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| *byte == 0)
}
