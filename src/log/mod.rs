//! The log of one process, its output and its facts, and its status block: sealed, readable at any moment.
//!
//! This page is enough to write a reader in another language (`test-scripts/read-log.py` is one).
//! All integers are little-endian, hex is lowercase, offsets and lengths are bytes, times are
//! nanoseconds since 1970.
//!
//! # Keys
//!
//! ```text
//! derive(key, salt, label) = HKDF-SHA256(salt = salt, ikm = key, info = label), 32 bytes
//! K        = derive(master key, log id, "log")   the only secret that a supervisor is given
//! log enc  = derive(K, log id, "log enc")        log mac   = derive(K, log id, "log mac")
//! block enc = derive(K, log id, "block enc")     block mac = derive(K, log id, "block mac")
//! ```
//!
//! # Log: `logs/ID.log.enc` is segment 0, `logs/ID.N.log.enc` segment N
//!
//! A segment is a header and records, in blocks of 64 KiB (65,536) counted from its start. No record
//! crosses a block, and each block begins with one (the first behind the header). The highest segment is the live one; rotation may have removed the lowest.
//!
//! ```text
//! header        the first 128 bytes of each segment
//!    0    8     magic "BGPLOG\r\n"
//!    8    2     version = 1
//!   10    2     flags = 0
//!   12    4     block size = 65536
//!   16   16     log id
//!   32   16     store id
//!   48    8     when the segment was made
//!   56    8     segment number: 0, 1, 2 …
//!   64    8     number of the segment's first record
//!   72   24     reserved, zero
//!   96   32     HMAC-SHA256[log mac](bytes 0..96)
//!
//! record        a multiple of 16 long, 80..=4096
//!    0    4     length of all of it; 0: the rest of this block is filler, all zero
//!    4    1     record version = 1
//!    5    3     reserved, zero
//!    8    8     record number: 0, 1, 2 … through all segments
//!   16   16     iv
//!   32    n     ct = AES-256-CBC[log enc, iv](PKCS#7(plaintext)), n = length - 64
//!   32+n 32     HMAC-SHA256[log mac](C ‖ bytes 0..32+n)
//!
//! C             64 bytes that say whose record it is; not stored
//!    0    8     "BGPREC", 0x01, 0x00
//!    8   16     log id
//!   24   16     store id
//!   40    8     segment number
//!   48   16     zero
//!
//! plaintext
//!    0    8     time
//!    8    1     kind
//!    9    1     flags; bit 0, "more": the fact goes on in the next record; the others 0
//!   10    2     reserved, zero
//!   12    …     payload, 0..=4019
//!
//! kind
//!    1 START    JSON: what was asked. A segment begins with it
//!    2 STDOUT   bytes as they were read
//!    3 STDERR   bytes as they were read
//!    4 EXIT     JSON: how the leader ended
//!    5 END      JSON: nothing of the process lives. The last record, nothing follows
//!    6 CLOSED   one byte, 2 or 3: that stream reached end of file
//!    7 GAP      JSON {"bytes":n,"facts":m,"reason":"…"}: bytes of output, and number of other records, that
//!               could not be written; "facts" is missing where there are none
//!    8 DROPPED  JSON {"bytes":n,"first":s,"before":m,"withinLine":[o,e]}: bytes of output in the segments
//!               that rotation has removed so far, the lowest segment it has left, bytes of output in all
//!               segments before this one, and whether stdout and stderr end within a line there. The
//!               last three may be missing
//!    9 NOTE     JSON {"note":"run","run":n,"pid":n}: another run of the command has begun; with "error"
//!               in place of "pid" it could not. An EXIT with "again": true comes before it
//!               {"note":"resized","from":S,"to":S}, S = {"columns":n,"rows":n}:
//!               the terminal is "to" from here on
//!               {"note":"tampered","segment":n}: the file of that segment was removed, renamed
//!               or cut by somebody else
//!   10 ALERT    JSON: something to tell
//!   others      a reader skips them
//! ```
//!
//! A segment N > 0 begins with copies: START, then EXIT if there is one, then DROPPED. A JSON text longer than one record is a chain: consecutive records of one kind in one
//! segment, all but the last with "more", whose payloads are joined. Bytes of output are never
//! chained and may be cut anywhere. A full record is exactly 4,096 bytes.
//!
//! ## Reading
//!
//! A record is checked in this order: bounds of the length, tag (in constant time), number (the
//! previous + 1), and only then decrypted and its padding checked. An incomplete or bad record at the
//! end of the last segment with no valid one behind it in its block, or zeros from somewhere to the
//! end of the file, is a *torn tail*: what a write cut short left, no damage. Anything else is
//! damage at that segment and offset; reading goes on at the next multiple of 64 KiB, with any number
//! that is not lower. After damage a JSON payload counts only if it is one whole JSON object, as it may be
//! the rest of a chain. A log that is being written is read up to the size it had when looked at.
//!
//! # Status block: `run/ID.lease`, two slots of 4,096 bytes, at 0 and at 4,096
//!
//! ```text
//! slot          the block numbered n is in slot n mod 2
//!    0    8     magic "BGPBLK\r\n"
//!    8    4     version = 1
//!   12    4     s: length of what is sealed, 64..=4048
//!   16    8     block number n: 1, 2 …
//!   24    8     reserved, zero
//!   32   16     log id
//!   48    s     iv (16) ‖ ct ‖ tag (32): ct = AES-256-CBC[block enc, iv](PKCS#7(JSON)),
//!               tag = HMAC-SHA256[block mac](bytes 0..48 ‖ iv ‖ ct)
//!   48+s  …     zeros, not checked
//! ```
//!
//! The slot with the highest number of those whose seal opens counts. A file of no bytes, or all zero:
//! nothing has been written yet.
//!
//! # Modules
//!
//! [`header`], [`record`] and [`blocks`] are the bytes; [`writer`] with [`batch`] writes a log; [`segments`] holds
//! its open files, [`reader`] reads them forward and [`tail`] backwards,
//! [`beginning`] the first fact, [`verify`] checks everything;
//! [`block`] is the status block.
//!
//! Does not: name or open files, know lines, decide when to rotate, or hold a lock.

pub(crate) mod batch;
pub(crate) mod beginning;
pub(crate) mod block;
pub(crate) mod blocks;
pub(crate) mod header;
pub(crate) mod reader;
pub(crate) mod record;
pub(crate) mod segments;
pub(crate) mod tail;
#[cfg(any(test, fuzzing))]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod verify;
pub(crate) mod writer;

use std::fmt;

use crate::crypto::Key;
use crate::crypto::seal::SealKeys;
use crate::model::id::{LogId, StoreId};

/// The bytes in which a segment is read; no record crosses a multiple of it.
pub(crate) const BLOCK_BYTES: u64 = 64 * 1024;
/// The most bytes one fact may have, in all its records together: above the kernel's limit for
/// arguments and environment (6 MiB, execve(2)) with what JSON adds to it.
pub(crate) const FACT_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Which log it is, and of which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) log: LogId,
    pub(crate) store: StoreId,
}

/// What opens and seals one log and its status block. Has no `Debug`; wiped on drop.
pub(crate) struct LogKeys {
    pub(crate) records: SealKeys,
    pub(crate) block: SealKeys,
}

impl LogKeys {
    /// The keys under `log_key`, which is the log's own key.
    pub(crate) fn derive(log_key: &Key, log: LogId) -> Self {
        Self {
            records: SealKeys::derive(log_key, &log.0, "log"),
            block: Self::block(log_key, log),
        }
    }

    /// Those of the status block alone.
    pub(crate) fn block(log_key: &Key, log: LogId) -> SealKeys {
        SealKeys::derive(log_key, &log.0, "block")
    }
}

/// What a record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Start = 1,
    Stdout = 2,
    Stderr = 3,
    Exit = 4,
    End = 5,
    Closed = 6,
    Gap = 7,
    Dropped = 8,
    Note = 9,
    Alert = 10,
}

impl Kind {
    const ALL: [Self; 10] = [
        Self::Start,
        Self::Stdout,
        Self::Stderr,
        Self::Exit,
        Self::End,
        Self::Closed,
        Self::Gap,
        Self::Dropped,
        Self::Note,
        Self::Alert,
    ];

    /// The kind that is written as `byte`, if this version knows it.
    pub(crate) fn of(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Whether the payload is bytes of output, which any record may cut, or else a fact, whole.
    pub(crate) fn is_output(self) -> bool {
        matches!(self, Self::Stdout | Self::Stderr)
    }

    /// Whether the payload is JSON.
    fn is_json(self) -> bool {
        !self.is_output() && self != Self::Closed
    }
}

/// A place between two records, to go on from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) segment: u64,
    /// Where in the segment's file the next record is, or will be.
    pub(crate) offset: u64,
    /// The number it has, or will have.
    pub(crate) record: u64,
}

/// One record, or one fact put together from its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Its number; of a fact, that of its last record.
    pub(crate) number: u64,
    pub(crate) time_ns: u64,
    pub(crate) kind: Kind,
    pub(crate) payload: &'a [u8],
    /// Its seal; of a fact, that of its last record.
    pub(crate) tag: [u8; 32],
    pub(crate) after: Position,
}

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

/// A place where the log is not what was written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) cause: Cause,
}

impl Damage {
    pub(crate) fn at(segment: u64, offset: u64, cause: Cause) -> Self {
        Self {
            segment,
            offset,
            cause,
        }
    }
}

/// What is wrong there. A bad tag and bad padding are the same, so that nothing tells which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The segment's header.
    Header,
    /// The bytes are no record of this segment.
    Record,
    /// A record of this segment, but not the one that belongs here.
    Number,
    /// A fact that is not whole.
    Fact,
    /// Something follows END.
    AfterEnd,
    /// A whole segment is not there.
    Missing,
    /// The log ends before its recorded end, or with another one.
    Cut,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "the header is damaged or was altered",
            Self::Record => "a record is damaged or was altered",
            Self::Number => "records were removed, repeated or moved",
            Self::Fact => "a fact is not whole",
            Self::AfterEnd => "something follows the end",
            Self::Missing => "a segment is missing",
            Self::Cut => "the log does not end where it ended",
        })
    }
}
