//! Logs and states that somebody has altered: what is read of them is what was written, or damage.
//!
//! The logs are those of the fixtures, altered as an input says; the state is altered with and without its seal.
//!
//! Does not: seal records that a writer would not write; [`written`](super::written) does.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use super::{Check, Property, Tape, TempDir, copy, environment};
use crate::log::reader::{Ending, Item, Reader};
use crate::log::segments::Segments;
use crate::log::tail::Tail;
use crate::log::verify::verify;
use crate::log::{Identity, LogKeys, Position};
use crate::model::error::Kind;
use crate::model::facts::Entry;
use crate::store::dir::{STATE, StateDir};
use crate::store::keys::Keys;
use crate::store::unlocked::Store;
use crate::store::{envelope, state};

/// A record: its number, its kind and its payload.
pub(super) type Told = (u64, u8, Vec<u8>);

/// One log of the fixtures, as it was written.
struct Log {
    keys: Arc<LogKeys>,
    identity: Identity,
    files: BTreeMap<u64, Vec<u8>>,
    records: Vec<Told>,
    after: Vec<Position>,
    ended: bool,
}

/// What reading a log gave.
pub(super) struct Story {
    pub(super) records: Vec<Told>,
    pub(super) after: Vec<Position>,
    /// So many of them came before anything was wrong.
    pub(super) intact: usize,
    pub(super) is_damaged: bool,
    pub(super) ending: Ending,
}

fn fixtures() -> (TempDir, Store) {
    let temp = TempDir::new();
    copy(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v2"),
        temp.path(),
    );
    let store = Store::open_or_create(&environment(temp.path())).unwrap();
    (temp, store)
}

impl Log {
    fn of(store: &Store, entry: &Entry, dir: &Path) -> Self {
        let mut files = BTreeMap::new();
        let id = entry.id.to_string();
        for file in fs::read_dir(dir.join("logs")).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            let parts: Vec<&str> = name.split('.').collect();
            if parts[0] == id {
                let segment = parts[1].parse().unwrap_or(0);
                files.insert(segment, fs::read(dir.join("logs").join(&name)).unwrap());
            }
        }
        let keys = LogKeys::derive(&store.keys().log_key(entry.log), entry.log);
        let identity = Identity {
            log: entry.log,
            store: store.keys().store(),
        };
        let mut log = Self {
            keys: Arc::new(keys),
            identity,
            files,
            records: Vec::new(),
            after: Vec::new(),
            ended: false,
        };
        let read = told(Reader::new(log.open(&log.files)));
        assert!(!read.is_damaged, "{id}");
        log.ended = read.ending == Ending::Ended;
        (log.records, log.after) = (read.records, read.after);
        log
    }

    fn open(&self, files: &BTreeMap<u64, Vec<u8>>) -> Segments {
        let files = files
            .iter()
            .map(|(number, bytes)| (*number, holding(bytes)))
            .collect();
        Segments::open(Arc::clone(&self.keys), self.identity, files).unwrap()
    }
}

/// A file that vanishes when it is closed.
pub(super) fn holding(bytes: &[u8]) -> File {
    let temp = TempDir::new();
    let path = temp.path().join("file");
    let file = File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file
}

pub(super) fn told(mut reader: Reader) -> Story {
    let bytes = reader.segments().bytes();
    let (mut records, mut after) = (Vec::new(), Vec::new());
    let (mut intact, mut damages) = (None, 0);
    loop {
        match reader.next().unwrap() {
            Item::Record(record) => {
                records.push((record.number, record.kind as u8, record.payload.to_vec()));
                after.push(record.after);
            }
            Item::Damage(_) => {
                intact = intact.or(Some(records.len()));
                damages += 1;
                assert!(
                    damages < 20 + bytes / 1_000,
                    "more damage than there are bytes"
                );
            }
            Item::End(ending) => {
                let intact = intact.unwrap_or(records.len());
                return Story {
                    records,
                    after,
                    intact,
                    is_damaged: damages > 0,
                    ending,
                };
            }
        }
    }
}

/// A place in a file: anywhere, or about where a record begins.
fn place(tape: &mut Tape, log: &Log, segment: u64, len: usize) -> usize {
    if tape.byte() & 1 == 0 {
        return tape.below(len + 1);
    }
    let there: Vec<usize> = (log.after.iter().filter(|after| after.segment == segment))
        .map(|after| usize::try_from(after.offset).unwrap())
        .collect();
    let record = there
        .get(tape.below(there.len().max(1)))
        .copied()
        .unwrap_or(128);
    (record + tape.below(72))
        .saturating_sub(tape.below(40))
        .min(len)
}

/// Does to the files what the tape says.
fn alter(files: &mut BTreeMap<u64, Vec<u8>>, tape: &mut Tape, log: &Log, other: &Log) {
    let numbers: Vec<u64> = files.keys().copied().collect();
    let segment = numbers[tape.below(numbers.len())];
    let bytes = files.get_mut(&segment).unwrap();
    let how = tape.below(10);
    let (one, two) = (
        place(tape, log, segment, bytes.len()),
        place(tape, log, segment, bytes.len()),
    );
    let range = one.min(two)..one.max(two);
    match how {
        0 if one < bytes.len() => bytes[one] ^= 1 << tape.below(8),
        1 => bytes.truncate(one),
        2 => drop(bytes.drain(range)),
        3 => {
            let more = tape.take(16).to_vec();
            drop(bytes.splice(one..one, more));
        }
        4 => bytes[range].fill(0),
        5 => {
            let again = bytes[range].to_vec();
            let at = place(tape, log, segment, bytes.len());
            drop(bytes.splice(at..at, again));
        }
        6 => {
            let foreign = other.files.values().next().unwrap();
            let end = range.end.min(foreign.len());
            let start = range.start.min(end);
            bytes[start.min(range.end)..end].copy_from_slice(&foreign[start..end]);
        }
        7 => {
            let taken = files.remove(&segment).unwrap();
            if tape.byte() & 1 == 0 {
                files.insert(segment + 1 + tape.below(2) as u64, taken);
            }
        }
        8 => bytes.resize(bytes.len() + tape.below(70_000), 0),
        _ => {
            let written = tape.take(8);
            let end = bytes.len().min(one + written.len());
            bytes[one..end].copy_from_slice(&written[..end - one]);
        }
    }
}

/// The index in `records` of the first one, if what was read is a part of them without a gap, up to `len`.
fn follows(log: &Log, records: &[Told], len: usize) -> Option<usize> {
    let Some(first) = records[..len].first() else {
        return Some(0);
    };
    let begin = log.records.iter().position(|record| record == first)?;
    (log.records[begin..].get(..len)? == &records[..len]).then_some(begin)
}

/// Of an altered log is read what was written, or damage.
pub(super) const LOG: Property = Property {
    theme: "log",
    rounds: 400,
    words: &[],
    check: of_an_altered_log,
};

fn of_an_altered_log() -> Check {
    let (temp, store) = fixtures();
    let state = store.read_state().unwrap();
    let logs: Vec<Log> = state
        .processes
        .iter()
        .map(|entry| Log::of(&store, entry, temp.path()))
        .collect();
    Box::new(move |bytes| {
        let mut tape = Tape(bytes);
        let (log, other) = (&logs[tape.below(logs.len())], &logs[tape.below(logs.len())]);
        let mut files = log.files.clone();
        for _ in 0..6 {
            if tape.is_over() || files.is_empty() {
                break;
            }
            alter(&mut files, &mut tape, log, other);
        }
        let untouched = files == log.files;
        let lowest_is_there = files.keys().next() == log.files.keys().next();

        let read = told(Reader::new(log.open(&files)));
        let mut known = log.records.iter();
        for record in &read.records {
            assert!(
                known.any(|known| known == record),
                "{record:?} was not written there"
            );
        }
        let begin = follows(log, &read.records, read.intact).expect("a gap is told");
        if lowest_is_there && read.intact > 0 {
            assert_eq!(begin, 0, "what is missing at the beginning is told");
        }
        assert!(!untouched || read.records == log.records);

        let mut tail = Tail::new(log.open(&files));
        let (mut last, mut damaged) = (u64::MAX, false);
        while let Some(block) = tail.previous().unwrap() {
            damaged |= block.damage.is_some();
            let records: Vec<_> = block.records().collect();
            for (record, _) in records.iter().rev() {
                let fits = record.number < last;
                assert!(fits || damaged, "not backwards, and nothing is told");
                last = record.number;
                if record.kind.is_output() {
                    let told = (record.number, record.kind as u8, record.payload.to_vec());
                    assert!(log.records.contains(&told), "{told:?} was not written");
                }
            }
        }

        let report = verify(log.open(&files), None).unwrap();
        if report.findings.is_empty() && report.sealed && lowest_is_there {
            assert!(
                log.ended && read.records == log.records,
                "altered, and found intact"
            );
        }

        if !log.after.is_empty() {
            let from = tape.below(log.after.len());
            let read = told(Reader::resume(log.open(&files), log.after[from]));
            let mut known = log.records[from + 1..].iter();
            for record in &read.records {
                assert!(
                    known.any(|known| known == record),
                    "{record:?} was not written behind it"
                );
            }
        }
    })
}

/// An altered state is damaged; a sealed one is read or damaged: one that holds the password may have written nonsense,
/// a later bgp may have.
pub(super) const STATE_FILE: Property = Property {
    theme: "state",
    rounds: 800,
    words: &[
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"\"",
        b":null",
        b"-1",
        b"1e999",
        b"18446744073709551616",
        b"\\ud800",
        b"true",
        b"\"alerts\":",
        b"\"processes\":[",
        b"\"version\":1",
    ],
    check: an_altered_state,
};

fn an_altered_state() -> Check {
    let (temp, store) = fixtures();
    let sealed = fs::read(temp.path().join(STATE)).unwrap();
    let dir = StateDir::open_existing(temp.path()).unwrap().unwrap();
    let path = temp.path().join(STATE);
    let mut opened = sealed.clone();
    let json = envelope::STATE
        .open(
            store.keys().store(),
            &store.keys().state(),
            &mut opened,
            &path,
        )
        .unwrap()
        .to_vec();
    Box::new(move |bytes| {
        let (keys, path) = (store.keys(), temp.path().join(STATE));
        let mut tape = Tape(bytes);
        let (how, at) = (tape.byte(), tape.number() as usize);
        let put = |bytes: &[u8], tape: &mut Tape| {
            let at = at % (bytes.len() + 1);
            let gone = tape.below(9).min(bytes.len() - at);
            [&bytes[..at], tape.0, &bytes[at + gone..]].concat()
        };
        let written = match how % 4 {
            0 => put(&sealed, &mut tape),
            1 => sealed_again(keys, tape.0, &path),
            _ => sealed_again(keys, &put(&json, &mut tape), &path),
        };
        fs::write(&path, &written).unwrap();
        match state::load(&dir, keys) {
            Ok(mut state) => {
                assert!(
                    how % 4 != 0 || written == sealed,
                    "altered, and taken for whole"
                );
                if let Ok(alerts) = state.alerts() {
                    state.add_alerts(alerts).unwrap();
                }
                let again = serde_json::to_vec(&state).unwrap();
                fs::write(&path, sealed_again(keys, &again, &path)).unwrap();
                assert!(
                    state::load(&dir, keys).is_ok(),
                    "what is read can be written and read again"
                );
            }
            Err(error) => assert_eq!(error.kind, Kind::Damaged, "{}", error.message),
        }
    })
}

fn sealed_again(keys: &Keys, json: &[u8], path: &Path) -> Vec<u8> {
    envelope::STATE
        .seal(keys.store(), &keys.state(), json, path)
        .unwrap()
}

#[test]
fn of_an_altered_log_is_read_what_was_written_or_damage() {
    LOG.holds();
}

#[test]
fn an_altered_state_is_damaged_and_a_sealed_one_is_read_or_damaged() {
    STATE_FILE.holds();
}
