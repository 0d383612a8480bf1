//! Whole logs, written and read: what the tests share (keys, files without a name, stories), and by file
//!
//! - [`altered`]: nothing that was changed, moved or cut is taken for what was written;
//! - [`faults`]: whatever write fails, the log stays whole;
//! - [`reading`]: what is read is what was written, forward, backward and while it grows;
//! - [`verifying`]: what `verify` finds.

mod altered;
mod faults;
mod reading;
mod verifying;

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;

use super::reader::{Ending, Item, Reader};
use super::segments::Segments;
use super::writer::Writer;
use super::{Cause, Damage, Identity, Kind, LogKeys};
use crate::crypto::Key;
use crate::model::facts;
use crate::model::id::Id;

pub(super) const IDENTITY: Identity = Identity {
    log: Id([0xa1; 16]),
    store: Id([0xb2; 16]),
};

pub(super) fn keys() -> LogKeys {
    LogKeys::derive(&Key::from_bytes([7; 32]), IDENTITY.log)
}

/// Files that vanish when they are closed.
pub(super) struct Scratch;

impl Scratch {
    pub(super) fn holding(bytes: &[u8]) -> File {
        let mut file = Self::empty();
        file.write_all(bytes).unwrap();
        file
    }

    pub(super) fn empty() -> File {
        let name = format!("bgp-log-{}-{:016x}", std::process::id(), fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .unwrap();
        std::fs::remove_file(path).unwrap();
        file
    }

    pub(super) fn bytes(mut file: &File) -> Vec<u8> {
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }
}

/// A record as tests compare it.
pub(super) type Told = (u64, Kind, Vec<u8>);

/// All that reading a log gave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Story {
    pub(super) records: Vec<Told>,
    pub(super) damage: Vec<Damage>,
    pub(super) ending: Ending,
}

impl Story {
    /// Both streams' bytes, in the order of the log.
    pub(super) fn output(&self) -> Vec<u8> {
        let output = self.records.iter().filter(|(_, kind, _)| kind.is_output());
        output.flat_map(|(_, _, payload)| payload.clone()).collect()
    }
}

/// Reads on to the end.
pub(super) fn read_on(reader: &mut Reader) -> Story {
    let (mut records, mut damage) = (Vec::new(), Vec::new());
    loop {
        match reader.next().unwrap() {
            Item::Record(record) => {
                records.push((record.number, record.kind, record.payload.to_vec()));
            }
            Item::Damage(found) => damage.push(found),
            Item::End(ending) => {
                return Story {
                    records,
                    damage,
                    ending,
                };
            }
        }
    }
}

pub(super) fn segments(files: &[&[u8]]) -> Segments {
    let files = (0..)
        .zip(files.iter().map(|bytes| Scratch::holding(bytes)))
        .collect();
    Segments::open(Arc::new(keys()), IDENTITY, files).unwrap()
}

/// Reads a log of these segments, from number 0 on.
pub(super) fn read(files: &[&[u8]]) -> Story {
    read_on(&mut Reader::new(segments(files)))
}

pub(super) fn writer() -> Writer {
    Writer::create(Scratch::empty(), IDENTITY, Arc::new(keys()), 1).unwrap()
}

/// The one segment of a log with these records.
pub(super) fn log_of(records: &[(Kind, &[u8])]) -> Vec<u8> {
    let mut writer = writer();
    for (kind, payload) in records {
        writer.append(*kind, 2, payload).unwrap();
    }
    Scratch::bytes(writer.file())
}

/// A START as one is written, with a variable of that many bytes.
pub(super) fn start(variable_bytes: usize) -> facts::Start {
    facts::Start {
        id: Id([1, 2, 3, 4]),
        number: 1,
        name: "web".to_owned(),
        argv: vec!["sleep".into(), "1".into()],
        shell_line: None,
        cwd: "/".into(),
        env: vec![format!("A={}", "x".repeat(variable_bytes)).as_str().into()],
        umask: 0o22,
        stdin: facts::Stdin::Pipe,
        pty: None,
        grace_ms: 5_000,
        grace_by_default: false,
        group: None,
        session: None,
        alerts: facts::AlertSettings::default(),
        max_log_bytes: 1 << 20,
        lifetime: crate::model::lifetime::Lifetime::default(),
        previous: None,
        start_ms: 1,
        uptime_ms: 2,
        boot: "boot".to_owned(),
    }
}

pub(super) fn json(fact: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(fact).unwrap()
}

pub(super) const END: facts::End = facts::End {
    end_ms: 3,
    output_bytes: 5,
    lost: facts::Lost { bytes: 0, facts: 0 },
};

/// The ranges of the records of one segment, the header aside.
pub(super) fn ranges(segment: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let mut at = 128;
    while at < segment.len() {
        match super::record::measure(&segment[at..]) {
            Some(len) => {
                ranges.push(at..at + len);
                at += len;
            }
            None => at = at / 65536 * 65536 + 65536,
        }
    }
    ranges
}

pub(super) fn damage(segment: u64, offset: u64, cause: Cause) -> Damage {
    Damage::at(segment, offset, cause)
}

#[test]
fn a_kind_is_the_byte_it_is_written_as() {
    for byte in 0..=u8::MAX {
        match Kind::of(byte) {
            Some(kind) => assert_eq!(kind as u8, byte),
            None => assert!(byte == 0 || byte > 10),
        }
    }
}
