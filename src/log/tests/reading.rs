//! What is read is what was written: at once, from the middle, backwards, and while it is being written.

use std::os::unix::fs::FileExt as _;

use super::*;
use crate::log::tail::Tail;
use crate::log::writer::Opening;
use crate::log::{Position, Record, beginning};

/// A log of random output and facts over some segments, and what it must tell.
struct Sample {
    files: Vec<Vec<u8>>,
    told: Vec<(Kind, Vec<u8>)>,
}

impl Sample {
    fn random(seed: u64, appends: usize) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut writer = writer();
        let mut sample = Self {
            files: Vec::new(),
            told: vec![(Kind::Start, json(&start(0)))],
        };
        writer.append(Kind::Start, 0, &json(&start(0))).unwrap();
        for time_ns in 1..=appends as u64 {
            if random.usize(0..60) == 0 {
                let opening = Opening {
                    created_ns: time_ns,
                    start: &json(&start(random.usize(0..9_000))),
                    exit: random.bool().then_some(b"{}"),
                    removed: 0,
                };
                let old = writer.rotate(Scratch::empty(), &opening).unwrap();
                sample.files.push(Scratch::bytes(&old));
                sample.told.push((Kind::Start, opening.start.to_vec()));
                sample
                    .told
                    .extend(opening.exit.map(|exit| (Kind::Exit, exit.to_vec())));
                let output = sample.told.iter().filter(|(kind, _)| kind.is_output());
                let within = |of: Kind| {
                    let last = output
                        .clone()
                        .rfind(|(kind, payload)| *kind == of && !payload.is_empty());
                    last.is_some_and(|(_, payload)| payload.last() != Some(&b'\n'))
                };
                let within_line = Some([within(Kind::Stdout), within(Kind::Stderr)]);
                let dropped = beginning::Dropped {
                    bytes: 0,
                    first: Some(0),
                    before: Some(output.map(|(_, payload)| payload.len() as u64).sum()),
                    within_line,
                };
                sample.told.push((Kind::Dropped, json(&dropped)));
            }
            let most = [10, 200, 4_100, 140_000][random.usize(0..4)];
            let mut payload = vec![0; random.usize(0..most)];
            random.fill(&mut payload);
            let kind = [Kind::Stdout, Kind::Stderr, Kind::Note, Kind::Closed][random.usize(0..4)];
            if kind.is_output() && random.bool() {
                payload.truncate(writer.inlet().len());
                writer.inlet()[..payload.len()].copy_from_slice(&payload);
                writer.append_read(kind, time_ns, 0..payload.len()).unwrap();
            } else {
                writer.append(kind, time_ns, &payload).unwrap();
            }
            sample.told.push((kind, payload));
        }
        sample.files.push(Scratch::bytes(writer.file()));
        sample
    }

    fn segments(&self) -> Segments {
        let files: Vec<&[u8]> = self.files.iter().map(Vec::as_slice).collect();
        segments(&files)
    }
}

/// Output joined as far as nothing comes between, to compare whatever was cut how.
fn joined(told: impl IntoIterator<Item = (Kind, Vec<u8>)>) -> Vec<(Kind, Vec<u8>)> {
    let mut joined: Vec<(Kind, Vec<u8>)> = Vec::new();
    for (kind, payload) in told {
        match joined.last_mut() {
            Some((last, bytes)) if *last == kind && kind.is_output() => bytes.extend(payload),
            _ if kind.is_output() && payload.is_empty() => (),
            _ => joined.push((kind, payload)),
        }
    }
    joined
}

fn all(reader: &mut Reader) -> Vec<(Record<'static>, Vec<u8>)> {
    let mut all = Vec::new();
    loop {
        match reader.next().unwrap() {
            Item::Record(record) => {
                let payload = record.payload.to_vec();
                all.push((
                    Record {
                        payload: &[],
                        ..record
                    },
                    payload,
                ));
            }
            Item::Damage(damage) => panic!("{damage:?}"),
            Item::End(_) => return all,
        }
    }
}

#[test]
fn bytes_in_are_bytes_out() {
    for seed in 0..20 {
        let sample = Sample::random(seed, 200);
        let story = read_on(&mut Reader::new(sample.segments()));
        assert_eq!((story.damage, story.ending), (vec![], Ending::Open));
        let told = story
            .records
            .into_iter()
            .map(|(_, kind, payload)| (kind, payload));
        assert!(joined(told) == joined(sample.told), "seed {seed}");
    }
}

#[test]
fn backwards_is_forwards() {
    for seed in 0..20 {
        let sample = Sample::random(seed, 100);
        let forward = all(&mut Reader::new(sample.segments()));
        let mut parts: Vec<(Record<'static>, bool, Vec<u8>)> = Vec::new();
        let mut tail = Tail::new(sample.segments());
        while let Some(block) = tail.previous().unwrap() {
            assert_eq!(block.damage, None);
            for (record, more) in block.records().rev() {
                parts.push((
                    Record {
                        payload: &[],
                        ..record
                    },
                    more.0,
                    record.payload.to_vec(),
                ));
            }
        }
        assert_eq!(tail.end(), forward.last().map(|(record, _)| record.after));
        assert_eq!(tail.torn_bytes(), 0);
        let mut whole = Vec::new();
        let mut fact = Vec::new();
        for (record, more, payload) in parts.into_iter().rev() {
            fact.extend(payload);
            if !more {
                whole.push((record, std::mem::take(&mut fact)));
            }
        }
        assert!(whole == forward, "seed {seed}");
    }
}

#[test]
fn the_tail_of_a_log_that_was_cut_is_where_reading_forward_ends() {
    let sample = Sample::random(7, 60);
    let last = sample.files.len() - 1;
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..200 {
        let mut files: Vec<&[u8]> = sample.files.iter().map(Vec::as_slice).collect();
        let len = random.usize(0..=files[last].len());
        let mut cut = files[last][..len].to_vec();
        if round % 2 == 0 {
            cut.resize(len + random.usize(0..200_000), 0);
        }
        files[last] = &cut;
        let mut reader = Reader::new(segments(&files));
        let story = read_on(&mut reader);
        assert_eq!(story.damage, []);
        let mut tail = Tail::new(segments(&files));
        let block = tail.previous().unwrap().unwrap();
        assert_eq!(block.damage, None, "length {len}");
        let records: Vec<_> = block.records().collect();
        let chained = records.last().is_some_and(|(_, more)| more.0);
        if !chained {
            assert_eq!(tail.end(), Some(reader.position()), "length {len}");
        }
    }
}

#[test]
fn a_tail_tells_of_damage_in_its_blocks_and_between_them() {
    let bytes = log_of(&[(Kind::Stdout, &vec![1; 300_000])]);
    let damages = |bytes: &[u8]| {
        let mut tail = Tail::new(segments(&[bytes]));
        let mut found = Vec::new();
        while let Some(block) = tail.previous().unwrap() {
            found.extend(block.damage);
        }
        found
    };
    assert_eq!(damages(&bytes), []);
    let mut altered = bytes.clone();
    altered[2 * 65_536 + 5 * 4_096 + 50] ^= 1;
    assert_eq!(
        damages(&altered),
        [damage(0, 2 * 65_536 + 5 * 4_096, Cause::Record)]
    );
    let mut without = bytes.clone();
    without.drain(65_536..131_072);
    assert_eq!(damages(&without), [damage(0, 65_536, Cause::Number)]);
    let mut blank = bytes.clone();
    blank[65_536..131_072].fill(0);
    assert_eq!(damages(&blank), [damage(0, 65_536, Cause::Record)]);
    let mut header = bytes;
    header[20] ^= 1;
    assert_eq!(damages(&header), [damage(0, 0, Cause::Header)]);
}

#[test]
fn reading_goes_on_from_any_position_and_is_found_again_by_number_and_time() {
    let sample = Sample::random(3, 100);
    let whole = all(&mut Reader::new(sample.segments()));
    for index in (0..whole.len()).step_by(7) {
        let (record, _) = whole[index];
        let rest = all(&mut Reader::resume(sample.segments(), record.after));
        assert!(rest == whole[index + 1..], "after {record:?}");

        let position = sample
            .segments()
            .locate(|number, _| number <= record.number)
            .unwrap();
        assert!(position.record <= record.number);
        let found = all(&mut Reader::resume(sample.segments(), position));
        assert!(
            found.iter().any(|(found, _)| *found == record),
            "{record:?}"
        );
        assert!(
            found[0].0.number + 900 > record.number,
            "no more than a block too early"
        );

        let position = sample
            .segments()
            .locate(|_, time_ns| time_ns < record.time_ns)
            .unwrap();
        assert!(position.record <= record.number);
    }
}

#[test]
fn what_rotation_removed_is_passed_over() {
    let sample = Sample::random(5, 300);
    let files: Vec<_> = (0..)
        .zip(sample.files.iter().map(|bytes| Scratch::holding(bytes)))
        .skip(2)
        .collect();
    assert!(!files.is_empty());
    let segments = Segments::open(Arc::new(keys()), IDENTITY, files).unwrap();
    let whole = all(&mut Reader::new(segments.clone()));
    let gone = Position {
        segment: 0,
        offset: 4_096,
        record: 1,
    };
    assert!(all(&mut Reader::resume(segments.clone(), gone)) == whole);
    assert!(all(&mut Reader::resume(segments.clone(), Position::default())) == whole);
    assert_eq!(segments.locate(|_, _| false).unwrap(), Position::default());
}

#[test]
fn a_log_begins_with_its_start_however_long() {
    for variable_bytes in [0, 5_000, 200_000] {
        let mut writer = writer();
        let start = start(variable_bytes);
        writer.append(Kind::Start, 1, &json(&start)).unwrap();
        let exit = r#"{"status":"exited","code":0,"endMs":1,"runtimeMs":1}"#;
        let opening = Opening {
            created_ns: 1,
            start: &json(&start),
            exit: Some(exit.as_bytes()),
            removed: 0,
        };
        let first = Scratch::bytes(&writer.rotate(Scratch::empty(), &opening).unwrap());
        let second = Scratch::bytes(writer.file());
        let beginning = |files: &[&[u8]]| beginning::beginning(&segments(files)).unwrap();
        let found = beginning(&[&first, &second]).unwrap();
        assert_eq!((&found.start, found.exit), (&start, None));
        let found = beginning(&[b"", &second]).unwrap();
        assert_eq!((&found.start, found.exit.unwrap().code), (&start, Some(0)));
        assert_eq!(beginning(&[&first[..200]]), None);
        assert_eq!(beginning(&[]), None);
    }
}

#[test]
fn a_reader_beside_a_writer_gets_all_of_it_in_order_and_sees_no_damage() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut writer = writer();
    sender
        .send((0, writer.file().try_clone().unwrap()))
        .unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut random = fastrand::Rng::with_seed(4);
            let mut byte = 0;
            for round in 0..3_000 {
                if round % 500 == 499 {
                    let file = Scratch::empty();
                    let copy = file.try_clone().unwrap();
                    let opening = Opening {
                        created_ns: 1,
                        start: b"{}",
                        exit: None,
                        removed: 0,
                    };
                    writer.rotate(file, &opening).unwrap();
                    sender.send((writer.segment(), copy)).unwrap();
                }
                let most = [3, 300, 20_000][random.usize(0..3)];
                let payload: Vec<u8> = (0..random.usize(1..most))
                    .map(|_| {
                        byte = (byte + 1) % 251;
                        u8::try_from(byte).unwrap()
                    })
                    .collect();
                writer.append(Kind::Stdout, 1, &payload).unwrap();
            }
            writer.end(1, &END).unwrap();
        });

        let (number, file) = receiver.recv().unwrap();
        let segments = Segments::open(Arc::new(keys()), IDENTITY, vec![(number, file)]).unwrap();
        let mut reader = Reader::new(segments);
        let mut byte = 0;
        loop {
            let story = read_on(&mut reader);
            assert_eq!(story.damage, []);
            for got in story.output() {
                byte = (byte + 1) % 251;
                assert_eq!(i32::from(got), byte);
            }
            if story.ending == Ending::Ended {
                return;
            }
            if let Ok((number, file)) = receiver.try_recv() {
                assert!(reader.add(number, file).unwrap());
            }
            reader.refresh().unwrap();
        }
    });
}

#[test]
fn a_segment_that_the_writer_has_not_begun_is_not_the_next_one_yet() {
    let first = log_of(&[(Kind::Stdout, b"output")]);
    let mut reader = Reader::new(segments(&[&first, b""]));
    assert_eq!(read_on(&mut reader).output(), b"output");
    assert!(!reader.add(1, Scratch::empty()).unwrap());
    assert!(reader.add(0, Scratch::empty()).is_err());
    let fresh = read_on(&mut Reader::new(segments(&[b""])));
    assert_eq!((fresh.records, fresh.ending), (vec![], Ending::Open));
}

#[test]
fn a_fact_of_which_only_a_part_is_there_yet_comes_when_all_of_it_is() {
    let bytes = log_of(&[
        (Kind::Stdout, b"before"),
        (Kind::Note, &json(&start(200_000))),
        (Kind::Stdout, b"after"),
    ]);
    let whole = read(&[&bytes]);
    assert_eq!(whole.records.len(), 3);
    let mut random = fastrand::Rng::with_seed(9);
    for _ in 0..50 {
        let len = random.usize(300..bytes.len() - 96);
        let file = Scratch::holding(&bytes[..len]);
        let copy = file.try_clone().unwrap();
        let segments = Segments::open(Arc::new(keys()), IDENTITY, vec![(0, copy)]).unwrap();
        let mut reader = Reader::new(segments);
        let first = read_on(&mut reader);
        assert_eq!(
            (first.records.len(), first.damage),
            (1, vec![]),
            "length {len}"
        );
        assert!(
            matches!(first.ending, Ending::TornTail { .. }),
            "length {len}"
        );
        file.write_all_at(&bytes[len..], len as u64).unwrap();
        reader.refresh().unwrap();
        assert_eq!(
            read_on(&mut reader).records,
            whole.records[1..],
            "length {len}"
        );
    }
}

#[test]
fn a_burst_is_read_at_once_and_is_over_after_some_small_reads_or_a_rest() {
    let mut writer = writer();
    let calm = writer.inlet().len();
    writer.append_read(Kind::Stdout, 1, 0..calm).unwrap();
    assert!(writer.inlet().len() >= 128 * 1024);
    for _ in 0..8 {
        assert!(writer.inlet().len() > calm);
        writer.append_read(Kind::Stdout, 1, 0..100).unwrap();
    }
    assert_eq!(writer.inlet().len(), calm);
    writer.append_read(Kind::Stdout, 1, 0..calm).unwrap();
    writer.rest();
    assert_eq!(writer.inlet().len(), calm);
    assert_eq!(
        read(&[&Scratch::bytes(writer.file())]).output(),
        vec![0; 2 * calm + 800]
    );
}
