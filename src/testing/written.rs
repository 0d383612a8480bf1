//! Logs and status blocks that somebody wrote who has the keys, or a program that is none of ours: any bytes, and any
//! bytes sealed.
//!
//! Does not: know what was written; [`altered`](super::altered) does.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::altered::{Told, holding, told};
use super::{Check, Property, Tape};
use crate::crypto::Key;
use crate::log::beginning::{beginning, dropped_bytes, output_between, start_json};
use crate::log::block::{self, BLOCK_JSON_MAX_BYTES, BlockState};
use crate::log::header;
use crate::log::reader::Reader;
use crate::log::segments::Segments;
use crate::log::tail::Tail;
use crate::log::testing::{segment, write_block};
use crate::log::verify::verify;
use crate::log::{Identity, Kind, LogKeys};
use crate::model::id::Id;

/// Whatever a log or a block consists of, reading it ends, and its ways to be read agree.
pub(super) const RECORDS: Property = Property {
    theme: "records",
    rounds: 800,
    words: &[
        b"\x01",
        b"\x02\x04",
        b"\x01\x0a\x05hello",
        b"\x07\x00",
        b"{\"status\":\"running\",\"run\":1,\"pid\":1,\"pidStart\":2,\"supervisorPid\":3,\
          \"supervisorStart\":4,\"boot\":\"b\"}",
    ],
    check: whatever_is_written,
};

const IDENTITY: Identity = Identity {
    log: Id([0xa1; 16]),
    store: Id([0xb2; 16]),
};

fn whatever_is_written() -> Check {
    let keys = Arc::new(LogKeys::derive(&Key::from_bytes([7; 32]), IDENTITY.log));
    Box::new(move |bytes| {
        let mut tape = Tape(bytes);
        let how = tape.byte();
        match how % 4 {
            0 => of_a_block(&keys, how / 4, &mut tape),
            1 => {
                let (one, two) = tape.0.split_at(tape.0.len() / (1 + usize::from(how / 4)));
                let files =
                    BTreeMap::from([(0, one.to_vec()), (1 + u64::from(how / 4), two.to_vec())]);
                let read = of_a_log(&keys, &files);
                assert!(read.is_empty(), "nobody has sealed {read:?}");
            }
            _ => of_sealed_segments(&keys, &mut tape),
        }
    })
}

/// Some segments, one of which may be altered, missing or moved.
fn of_sealed_segments(keys: &Arc<LogKeys>, tape: &mut Tape<'_>) {
    let number = tape.byte();
    let highest = number >= 0xfc; // nobody writes so many, but a file can have any name
    let mut number = if highest {
        u64::MAX - 8
    } else {
        (number % 4).into()
    };
    let mut next = u64::from(tape.byte());
    let (mut files, mut regular) = (BTreeMap::new(), true);
    while !tape.is_over() && files.len() < 4 {
        let (bytes, as_written) = segment(keys, IDENTITY, number, &mut next, tape);
        regular &= as_written;
        files.insert(number, bytes);
        let gap = tape.byte();
        number += if gap > 0xf0 { 2 } else { 1 };
        regular &= gap <= 0xf0;
    }
    let read = of_a_log(keys, &files);
    let has_end = (read.iter()).any(|(_, kind, _)| *kind == Kind::End as u8);
    if regular && !has_end {
        let wrong = told(Reader::new(open(keys, &files))).is_damaged;
        assert!(!wrong, "there is nothing wrong in it");
    }
}

fn open(keys: &Arc<LogKeys>, files: &BTreeMap<u64, Vec<u8>>) -> Segments {
    let files = (files.iter()).map(|(number, bytes)| (*number, holding(bytes)));
    Segments::open(Arc::clone(keys), IDENTITY, files.collect()).unwrap()
}

/// Reads a log in every way there is, and gives what reading it forward gave.
fn of_a_log(keys: &Arc<LogKeys>, files: &BTreeMap<u64, Vec<u8>>) -> Vec<Told> {
    let segments = open(keys, files);
    let story = told(Reader::new(segments.clone()));
    let numbers: Vec<u64> = story.records.iter().map(|(number, _, _)| *number).collect();
    assert!(numbers.is_sorted_by(|one, two| one < two), "{numbers:?}");

    let (mut last, mut damaged, mut backwards) = (None, false, Vec::new());
    let mut tail = Tail::new(segments.clone());
    while let Some(block) = tail.previous().unwrap() {
        damaged |= block.damage.is_some();
        for (record, more) in block.records().rev() {
            let fits = last.is_none_or(|last| record.number < last);
            assert!(fits || damaged, "not backwards, and nothing is told");
            last = Some(record.number);
            if record.kind.is_output() && !more.0 {
                backwards.push((record.number, record.kind as u8, record.payload.to_vec()));
            }
        }
    }
    backwards.reverse();
    if !story.is_damaged {
        let output = |record: &&Told| Kind::of(record.1).is_some_and(Kind::is_output);
        let forward: Vec<&Told> = story.records.iter().filter(output).collect();
        let ends: Vec<u64> = forward.iter().map(|record| record.0).collect();
        let numbers: Vec<u64> = backwards.iter().map(|record| record.0).collect();
        assert_eq!(numbers, ends, "read backwards");
    }
    if let Some(middle) = story.after.get(story.after.len() / 2) {
        let rest = told(Reader::resume(segments.clone(), *middle));
        let behind = &story.records[story.after.len() / 2 + 1..];
        if !story.is_damaged {
            assert_eq!(rest.records, behind, "gone on with from the middle");
        }
        let mut before = Tail::before(segments.clone(), *middle);
        while let Some(block) = before.previous().unwrap() {
            let mut records = block.records();
            assert!(records.all(|(record, _)| record.number < middle.record));
        }
    }

    let report = verify(segments.clone(), None).unwrap();
    assert_eq!(report.records, story.records.len() as u64);
    assert!(!story.is_damaged || !report.findings.is_empty());
    let started = beginning(&segments).unwrap();
    assert!(started.is_none() || report.start.is_some() || story.is_damaged);
    dropped_bytes(&segments).unwrap();
    for from in files.keys() {
        for to in files.keys() {
            output_between(&segments, *from, *to).unwrap();
        }
    }
    for bytes in files.values() {
        header::peek(&holding(bytes)).unwrap();
    }
    start_json(segments).unwrap();
    story.records
}

/// A status block in a slot of a file that holds any bytes.
fn of_a_block(keys: &LogKeys, number: u8, tape: &mut Tape<'_>) {
    let number = u64::from(number) + 1;
    let raw = usize::from(tape.byte()) * usize::from(tape.byte() % 64);
    let file = holding(tape.take(raw));
    let before = block::read(&file, &keys.block, IDENTITY.log).unwrap();
    assert!(!matches!(before, BlockState::Valid { .. }), "{before:?}");
    let json = &tape.0[..tape.0.len().min(BLOCK_JSON_MAX_BYTES)];
    write_block(&file, keys, IDENTITY, number, json).unwrap();
    match block::read(&file, &keys.block, IDENTITY.log).unwrap() {
        BlockState::Valid {
            number: read,
            facts,
        } => {
            assert_eq!(read, number);
            let again = holding(b"");
            if block::write(&again, keys, IDENTITY.log, number, &facts).is_ok() {
                let same = BlockState::Valid { number, facts };
                assert_eq!(
                    block::read(&again, &keys.block, IDENTITY.log).unwrap(),
                    same
                );
            }
        }
        BlockState::Damaged => {}
        BlockState::NotWritten => panic!("it was written"),
    }
    // A bit of it, and it is none.
    let at = (number % 2 * 4096) + tape.below(48) as u64;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[!byte[0]], at).unwrap();
    let altered = block::read(&file, &keys.block, IDENTITY.log).unwrap();
    assert!(!matches!(altered, BlockState::Valid { .. }), "{altered:?}");
}

#[test]
fn whatever_is_written_reading_it_ends_and_all_ways_agree() {
    RECORDS.holds();
}
