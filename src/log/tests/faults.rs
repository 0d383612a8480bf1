//! Every call on the file fails once, and the log goes on: a prefix with all that was acknowledged.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use super::*;
use crate::log::block::{self, BlockState};
use crate::log::writer::{Opening, Sink};

/// A file whose call number `fails_at` and those after it fail, until it is healed. It takes half of
/// what it is given, so that a batch can tear anywhere.
#[derive(Clone, Default)]
struct Disk {
    bytes: Rc<RefCell<Vec<u8>>>,
    /// What others could read before each cut.
    seen: Rc<RefCell<Vec<Vec<u8>>>>,
    calls_left: Rc<Cell<u32>>,
}

impl Disk {
    fn failing_at(call: u32) -> Self {
        let disk = Self::default();
        disk.calls_left.set(call);
        disk
    }

    fn heal(&self) {
        self.calls_left.set(u32::MAX);
    }

    /// Another file on the same disk.
    fn beside(&self) -> Self {
        Self {
            bytes: Rc::default(),
            seen: Rc::default(),
            calls_left: self.calls_left.clone(),
        }
    }

    fn call(&self) -> io::Result<()> {
        let left = self.calls_left.get().checked_sub(1);
        self.calls_left.set(left.unwrap_or(0));
        left.map(drop).ok_or(io::ErrorKind::StorageFull.into())
    }

    fn read(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }
}

impl Sink for Disk {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.call()?;
        let (at, taken) = (usize::try_from(offset).unwrap(), bytes.len().div_ceil(2));
        let mut file = self.bytes.borrow_mut();
        let len = file.len().max(at + taken);
        file.resize(len, 0);
        file[at..at + taken].copy_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.seen.borrow_mut().push(self.read());
        self.call()?;
        self.bytes
            .borrow_mut()
            .truncate(usize::try_from(len).unwrap());
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.call()
    }
}

fn payloads() -> Vec<(Kind, Vec<u8>)> {
    vec![
        (Kind::Start, json(&start(9_000))),
        (Kind::Stdout, b"one".to_vec()),
        (Kind::Stderr, vec![2; 70_000]),
        (Kind::Stdout, b"three".to_vec()),
    ]
}

/// What the log says, with output that was cut into records put together again.
fn told(files: &[&[u8]]) -> Vec<(Kind, Vec<u8>)> {
    let story = read(files);
    assert_eq!(story.damage, []);
    let mut told: Vec<(Kind, Vec<u8>)> = Vec::new();
    for (_, kind, payload) in story.records {
        match told.last_mut() {
            Some((last, bytes)) if *last == kind && kind.is_output() => bytes.extend(payload),
            _ => told.push((kind, payload)),
        }
    }
    told
}

#[test]
fn whatever_call_fails_the_log_is_a_prefix_with_all_that_was_acknowledged_and_goes_on() {
    let payloads = payloads();
    for call in 0.. {
        let disk = Disk::failing_at(call);
        let Ok(mut writer) = Writer::create(disk.clone(), IDENTITY, Arc::new(keys()), 1) else {
            continue;
        };
        let (mut written, mut done) = (0, 0);
        while written < payloads.len() {
            let (kind, payload) = &payloads[written];
            let number = writer.next_record();
            let Err(refused) = writer.append_some(*kind, 1, &payload[done..]) else {
                (written, done) = (written + 1, 0);
                continue;
            };
            if !kind.is_output() {
                assert_eq!((writer.next_record(), refused.taken), (number, 0));
            }
            done += refused.taken;
            let mut expected = payloads[..written].to_vec();
            if done > 0 {
                expected.push((*kind, payload[..done].to_vec()));
            }
            assert_eq!(told(&[&disk.read()]), expected, "call {call}");
            if disk.calls_left.get() == 0 {
                // the disk stays full for one more try, of something shorter
                assert!(writer.append(Kind::Stdout, 1, b"x").is_err());
                disk.heal();
            }
        }
        assert_eq!(told(&[&disk.read()]), payloads, "call {call}");
        let last = read(&[&disk.read()]).records;
        for seen in disk.seen.borrow().iter() {
            let seen = read(&[seen]).records;
            assert!(
                last.starts_with(&seen),
                "call {call}: taken back from who has read it"
            );
        }
        assert_eq!(disk.read().len() as u64, writer.segment_bytes());
        if call > 200 {
            return; // more calls than all of it takes
        }
    }
}

#[test]
fn what_could_not_be_cut_off_is_cut_off_before_the_next_write() {
    let disk = Disk::failing_at(u32::MAX);
    let mut writer = Writer::create(disk.clone(), IDENTITY, Arc::new(keys()), 1).unwrap();
    writer.append(Kind::Stdout, 1, b"before").unwrap();
    disk.calls_left.set(4); // most of it is written, neither the rest nor the cut works
    assert!(writer.append(Kind::Note, 1, &vec![b'1'; 70_000]).is_err());
    assert!(disk.read().len() as u64 > writer.segment_bytes() + 60_000);
    disk.heal();
    writer.append(Kind::Stdout, 1, b"after").unwrap();
    assert_eq!(disk.read().len() as u64, writer.segment_bytes());
    assert_eq!(read(&[&disk.read()]).output(), b"beforeafter");
    // Of output no more is to be cut off than a torn record.
    disk.calls_left.set(4);
    let refused = writer
        .append_some(Kind::Stdout, 1, &vec![1; 70_000])
        .unwrap_err();
    assert!(refused.taken > 60_000);
    let torn = disk.read().len() as u64 - writer.segment_bytes();
    assert!((1..4096).contains(&torn), "{torn}");
    disk.heal();
    writer.append(Kind::Stdout, 1, b"end").unwrap();
    assert_eq!(disk.read().len() as u64, writer.segment_bytes());
    let output = read(&[&disk.read()]).output();
    assert_eq!(output.len(), b"beforeafterend".len() + refused.taken);
}

#[test]
fn a_rotation_that_fails_leaves_the_log_as_it_was() {
    let opening = Opening {
        created_ns: 1,
        start: &json(&start(9_000)),
        exit: Some(b"{}"),
        removed: 1,
    };
    for call in 0.. {
        let disk = Disk::failing_at(u32::MAX);
        let mut writer = Writer::create(disk.clone(), IDENTITY, Arc::new(keys()), 1).unwrap();
        writer.append(Kind::Stdout, 1, b"before").unwrap();
        disk.calls_left.set(call);
        let next = disk.beside();
        let rotated = writer.rotate(next.clone(), &opening).is_ok();
        disk.heal();
        writer.append(Kind::Stdout, 1, b"after").unwrap();
        if rotated {
            let story = read(&[&disk.read(), &next.read()]);
            let kinds: Vec<Kind> = story.records.iter().map(|(_, kind, _)| *kind).collect();
            assert_eq!(
                kinds,
                [
                    Kind::Stdout,
                    Kind::Start,
                    Kind::Exit,
                    Kind::Dropped,
                    Kind::Stdout
                ]
            );
            assert_eq!((story.damage, writer.segment()), (vec![], 1));
            return;
        }
        assert_eq!(writer.segment(), 0);
        assert_eq!(read(&[&disk.read()]).output(), b"beforeafter");
    }
}

#[test]
fn what_could_not_be_written_is_still_there_to_be_written_again() {
    let disk = Disk::failing_at(u32::MAX);
    let mut writer = Writer::create(disk.clone(), IDENTITY, Arc::new(keys()), 1).unwrap();
    writer.inlet()[..5].copy_from_slice(b"bytes");
    disk.calls_left.set(1);
    assert!(writer.append_read(Kind::Stdout, 1, 0..5).is_err());
    assert_eq!(writer.read_bytes(5), b"bytes");
    disk.heal();
    writer.append_read(Kind::Stdout, 1, 0..5).unwrap();
    assert_eq!(read(&[&disk.read()]).output(), b"bytes");
}

#[test]
fn nothing_is_appended_after_the_end_and_no_fact_is_too_long() {
    let mut writer = writer();
    let long = vec![b'x'; crate::log::FACT_MAX_BYTES + 1];
    assert!(writer.append(Kind::Note, 1, &long).is_err());
    writer.append(Kind::Note, 1, &long[1..]).unwrap();
    writer.end(1, &END).unwrap();
    let before = Scratch::bytes(writer.file());
    assert!(writer.append(Kind::Stdout, 1, b"x").is_err());
    assert!(writer.end(1, &END).is_err());
    let opening = Opening {
        created_ns: 1,
        start: b"{}",
        exit: None,
        removed: 0,
    };
    assert!(writer.rotate(Scratch::empty(), &opening).is_err());
    assert!(Scratch::bytes(writer.file()) == before);
    let story = read(&[&before]);
    assert_eq!((story.records.len(), story.ending), (2, Ending::Ended));
    assert!(story.records[0].2 == long[1..]);
}

#[test]
fn whatever_write_of_a_status_block_fails_the_one_before_stands() {
    let facts = |run: u64| -> facts::Block {
        serde_json::from_value(serde_json::json!({
            "status": "running", "run": run, "pid": 1, "pidStart": 2, "supervisorPid": 3,
            "supervisorStart": 4, "boot": "x".repeat(3_000), // beyond the half that a failing write takes
        }))
        .unwrap()
    };
    let told = |disk: &Disk| {
        let file = Scratch::holding(&disk.read());
        match block::read(&file, &keys().block, IDENTITY.log).unwrap() {
            BlockState::Valid { number, facts } => Some((number, facts.run)),
            BlockState::NotWritten | BlockState::Damaged => None,
        }
    };
    for call in 0..60 {
        let disk = Disk::failing_at(u32::MAX);
        block::reserve(&disk).unwrap();
        block::write(&disk, &keys(), IDENTITY.log, 1, &facts(1)).unwrap();
        disk.calls_left.set(call);
        let (mut number, mut before) = (1, told(&disk));
        for run in 2..=9 {
            let next = Some((number + 1, run));
            let written = block::write(&disk, &keys(), IDENTITY.log, number + 1, &facts(run));
            let now = told(&disk);
            if written.is_ok() {
                number += 1;
                assert_eq!(now, next, "call {call}, run {run}");
            } else {
                // What failed may have been no more than the zeros behind it.
                assert!(
                    now == before || now == next,
                    "call {call}, run {run}: {now:?}"
                );
            }
            before = now;
            if run == 6 {
                disk.heal();
            }
        }
        assert_eq!(before, Some((number, 9)));
    }
}
