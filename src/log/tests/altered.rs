//! A log that was changed, cut, or put together from pieces: what is read is always what was written.

use super::*;
use crate::log::Position;
use crate::log::batch::Batch;
use crate::log::record::{self, Meta, segment_keys};
use crate::log::writer::Opening;
use crate::model::facts::LogEnd;

/// START, output, END; with where it ends.
fn small() -> (Vec<u8>, LogEnd) {
    let mut writer = writer();
    writer.append(Kind::Start, 2, &json(&start(0))).unwrap();
    writer.append(Kind::Stdout, 2, b"hello").unwrap();
    let end = writer.end(3, &END).unwrap();
    (Scratch::bytes(writer.file()), end)
}

/// Output of 1,000 bytes a record, over several blocks.
fn long(records: u8) -> Vec<u8> {
    let output: Vec<Vec<u8>> = (0..records).map(|byte| vec![byte; 1_000]).collect();
    let output: Vec<(Kind, &[u8])> = output
        .iter()
        .map(|bytes| (Kind::Stdout, &bytes[..]))
        .collect();
    log_of(&output)
}

fn findings(bytes: &[u8], end: &LogEnd) -> Vec<Damage> {
    crate::log::verify::verify(segments(&[bytes]), Some(end))
        .unwrap()
        .findings
}

#[test]
fn any_bit_that_is_flipped_leaves_a_prefix_and_is_found() {
    let (bytes, end) = small();
    let whole = read(&[&bytes]);
    assert_eq!((whole.records.len(), whole.ending), (3, Ending::Ended));
    assert_eq!(findings(&bytes, &end), []);
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let story = read(&[&altered]);
        assert!(whole.records.starts_with(&story.records), "bit {bit}");
        assert!(
            story.records.len() < 3 && story.ending != Ending::Ended,
            "bit {bit}"
        );
        let at_end = story.records.len() == 2;
        let torn = matches!(story.ending, Ending::TornTail { .. });
        assert_eq!(
            (story.damage.is_empty(), torn),
            (at_end, at_end),
            "bit {bit}"
        );
        assert!(!findings(&altered, &end).is_empty(), "bit {bit}");
    }
}

#[test]
fn a_cut_at_any_length_leaves_a_prefix_and_is_no_damage_unless_an_end_was_promised() {
    let (bytes, end) = small();
    let whole = read(&[&bytes]);
    let boundaries: Vec<usize> = ranges(&bytes).iter().map(|range| range.start).collect();
    for len in 0..bytes.len() {
        let story = read(&[&bytes[..len]]);
        let intact = boundaries
            .iter()
            .filter(|start| **start <= len)
            .count()
            .saturating_sub(1);
        assert_eq!(story.records, whole.records[..intact], "length {len}");
        assert_eq!(story.damage, [], "length {len}");
        let torn = match len {
            0 => 0,
            1..128 => len,
            _ => len - boundaries[intact],
        };
        let ending = match torn {
            0 => Ending::Open,
            torn => Ending::TornTail { bytes: torn as u64 },
        };
        assert_eq!(story.ending, ending, "length {len}");
        assert_eq!(
            findings(&bytes[..len], &end),
            [damage(0, len as u64, Cause::Cut)]
        );
    }
}

#[test]
fn zeros_after_a_cut_are_a_torn_tail_however_many() {
    let (bytes, _) = small();
    let whole = read(&[&bytes]);
    for len in 0..bytes.len() {
        for zeros in [1, 100, 65_536, 200_000] {
            let mut torn = bytes[..len].to_vec();
            torn.resize(len + zeros, 0);
            // A tag may end with zeros: then nothing was lost by the cut.
            if bytes.starts_with(&torn) || torn.starts_with(&bytes) {
                continue;
            }
            let story = read(&[&torn]);
            assert!(whole.records.starts_with(&story.records), "length {len}");
            assert_eq!(story.damage, [], "length {len}, {zeros} zeros");
            assert!(
                matches!(story.ending, Ending::TornTail { .. }),
                "length {len}"
            );
        }
    }
}

#[test]
fn records_that_were_swapped_repeated_or_removed_are_found() {
    let bytes = log_of(&[
        (Kind::Stdout, b"0"),
        (Kind::Stderr, b"1"),
        (Kind::Note, b"{}"),
        (Kind::Stdout, b"3"),
    ]);
    let whole = read(&[&bytes]);
    let ranges = ranges(&bytes);
    let check = |order: &[usize], intact: usize| {
        let mut altered = bytes[..128].to_vec();
        for index in order {
            altered.extend_from_slice(&bytes[ranges[*index].clone()]);
        }
        let story = read(&[&altered]);
        assert_eq!(story.records, whole.records[..intact], "{order:?}");
        let offset = ranges.get(intact).map_or(bytes.len(), |range| range.start) as u64;
        assert_eq!(
            story.damage,
            [damage(0, offset, Cause::Number)],
            "{order:?}"
        );
    };
    for one in 0..4 {
        for other in one + 1..4 {
            let mut order: Vec<usize> = (0..4).collect();
            order.swap(one, other);
            check(&order, one);
        }
        let mut order: Vec<usize> = (0..4).collect();
        order.insert(one, one);
        check(&order, one + 1);
        order.drain(one..one + 2);
        if one < 3 {
            check(&order, one); // without the last one it is a shorter log
        }
    }
}

#[test]
fn pieces_of_another_log_store_or_segment_are_no_records_of_this_one() {
    let bytes = log_of(&[
        (Kind::Stdout, b"0"),
        (Kind::Stdout, b"1"),
        (Kind::Stdout, b"2"),
    ]);
    let middle = ranges(&bytes)[1].clone();
    let other_log = Identity {
        log: Id([1; 16]),
        ..IDENTITY
    };
    let other_store = Identity {
        store: Id([1; 16]),
        ..IDENTITY
    };
    let meta = Meta {
        number: 1,
        time_ns: 2,
        kind: Kind::Stdout as u8,
        more: false,
    };
    for (identity, segment, belongs) in [
        (IDENTITY, 0, true),
        (IDENTITY, 1, false),
        (other_log, 0, false),
        (other_store, 0, false),
    ] {
        let mut piece = Vec::new();
        record::put(&mut piece, meta, b"X");
        let (keys, len) = (segment_keys(&keys(), &identity, segment), piece.len());
        record::seal(&keys, &mut piece, len, || Ok([3; 16])).unwrap();
        let mut altered = bytes.clone();
        altered[middle.clone()].copy_from_slice(&piece);
        let story = read(&[&altered]);
        let found = [damage(0, middle.start as u64, Cause::Record)];
        assert_eq!(story.damage.is_empty(), belongs);
        assert!(belongs || (story.records.len() == 1 && story.damage == found));
    }
}

#[test]
fn segments_that_changed_places_or_are_missing_are_found() {
    let mut writer = writer();
    let mut files = Vec::new();
    for number in 0..4 {
        if number > 0 {
            let opening = Opening {
                created_ns: 1,
                start: b"{}",
                exit: None,
                removed: 0,
            };
            files.push(Scratch::bytes(
                &writer.rotate(Scratch::empty(), &opening).unwrap(),
            ));
        }
        writer.append(Kind::Stdout, 2, b"output").unwrap();
    }
    files.push(Scratch::bytes(writer.file()));
    let [a, b, c, d] = [0, 1, 2, 3].map(|index| &files[index][..]);
    assert_eq!(read(&[a, b, c, d]).damage, []);

    let swapped = read(&[a, c, b, d]);
    assert_eq!(
        swapped.damage,
        [damage(1, 0, Cause::Header), damage(2, 0, Cause::Header)]
    );
    assert_eq!(swapped.output(), b"outputoutput", "the first and the last");

    let files = [(0, a), (1, b), (3, d)].map(|(number, bytes)| (number, Scratch::holding(bytes)));
    let gap = Segments::open(Arc::new(keys()), IDENTITY, files.into()).unwrap();
    let gap = read_on(&mut Reader::new(gap));
    assert_eq!(gap.damage, [damage(2, 0, Cause::Missing)]);
    assert_eq!(gap.output(), b"outputoutputoutput");

    let cut = read(&[a, &b[..b.len() - 1], c, d]);
    assert_eq!(cut.damage[0].cause, Cause::Record);
    let boundary = read(&[a, &b[..ranges(b)[1].start], c, d]);
    assert_eq!(boundary.damage, [damage(2, 0, Cause::Number)]);
    assert_eq!(boundary.output(), b"outputoutputoutput");
}

#[test]
fn reading_goes_on_at_the_next_block() {
    let bytes = long(250);
    let whole = read(&[&bytes]);
    let ranges = ranges(&bytes);
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..300 {
        let at = random.usize(128..bytes.len());
        let mut altered = bytes.clone();
        altered[at] ^= 1 << random.u8(0..8);
        let story = read(&[&altered]);
        let hit = ranges.iter().rposition(|range| range.start <= at).unwrap();
        let next_block = at / 65536 * 65536 + 65536;
        let mut expected = whole.records.clone();
        let lost = (0..ranges.len())
            .filter(|index| (hit..).contains(index) && ranges[*index].start < next_block);
        let lost: Vec<usize> = lost.collect();
        if ranges[hit].contains(&at) {
            lost.iter()
                .rev()
                .for_each(|index| drop(expected.remove(*index)));
        } // else it is filler, and nothing is lost
        assert_eq!(story.records, expected, "byte {at}");
        let torn = matches!(story.ending, Ending::TornTail { .. });
        assert_eq!(story.damage.len() + usize::from(torn), 1, "byte {at}");
    }
}

#[test]
fn a_record_that_was_moved_behind_damage_is_not_told_again() {
    let mut bytes = long(250);
    let whole = read(&[&bytes]);
    let ranges = ranges(&bytes);
    let before = ranges
        .iter()
        .rposition(|range| range.end <= 65_536)
        .unwrap();
    let moved = bytes[ranges[before].clone()].to_vec();
    bytes[65_540] ^= 1;
    bytes[131_072..131_072 + moved.len()].copy_from_slice(&moved);
    let story = read(&[&bytes]);
    let told: Vec<u64> = story.records.iter().map(|(number, ..)| *number).collect();
    assert_eq!(told[..=before], (0..=before as u64).collect::<Vec<u64>>());
    assert_eq!(
        story.damage,
        [
            damage(0, 65_536, Cause::Record),
            damage(0, 131_072, Cause::Number)
        ]
    );
    assert!(told.is_sorted_by(|one, next| one < next) && told.len() < whole.records.len());
}

#[test]
fn a_fact_that_is_too_long_is_damage_and_takes_no_more_memory() {
    let mut bytes = log_of(&[]);
    let mut batch = Batch::default();
    batch.begin(128, 0);
    batch.push(Kind::Note, 1, &vec![b' '; crate::log::FACT_MAX_BYTES + 1]);
    batch.push(Kind::Stdout, 1, &vec![1; 100_000]);
    batch.seal(&segment_keys(&keys(), &IDENTITY, 0)).unwrap();
    bytes.extend_from_slice(batch.bytes());
    let story = read(&[&bytes]);
    assert_eq!(
        (story.damage.len(), story.damage[0].cause),
        (1, Cause::Fact)
    );
    assert!(
        story
            .records
            .iter()
            .all(|(_, kind, _)| *kind == Kind::Stdout)
    );
    assert!(story.output().len() > 30_000);
}

#[test]
fn a_block_that_was_removed_repeated_or_blanked_is_found() {
    let bytes = long(250);
    let whole = read(&[&bytes]);
    let block = |index: usize| &bytes[index * 65536..((index + 1) * 65536).min(bytes.len())];
    for (order, lost) in [
        (&[0, 2, 3][..], true),
        (&[0, 1, 1, 2, 3], false),
        (&[0, 2, 1, 3], true),
    ] {
        let altered: Vec<u8> = order
            .iter()
            .flat_map(|index| block(*index))
            .copied()
            .collect();
        let story = read(&[&altered]);
        assert!(!story.damage.is_empty(), "{order:?}");
        assert!(
            story
                .records
                .iter()
                .all(|record| whole.records.contains(record))
        );
        assert!(story.records.is_sorted_by_key(|(number, ..)| *number));
        assert_eq!(
            story.records.len() < whole.records.len(),
            lost || order.len() > 4
        );
    }
    let mut blank = bytes.clone();
    blank[65_536..131_072].fill(0);
    let story = read(&[&blank]);
    assert_eq!(story.damage, [damage(0, 65_536, Cause::Record)]);
    assert!(story.records.len() > whole.records.len() * 2 / 3);
}

#[test]
fn a_fact_of_which_a_part_is_damaged_is_not_told() {
    let mut writer = writer();
    writer
        .append(Kind::Start, 1, &json(&start(200_000)))
        .unwrap();
    writer.append(Kind::Stdout, 1, b"output").unwrap();
    writer.append(Kind::Exit, 1, b"{}").unwrap();
    let bytes = Scratch::bytes(writer.file());
    assert_eq!(read(&[&bytes]).records.len(), 3);
    for at in (128..4 * 65_536 - 60_000).step_by(1_000) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        let story = read(&[&altered]);
        let kinds: Vec<Kind> = story.records.iter().map(|(_, kind, _)| *kind).collect();
        let block = at / 65_536;
        let expected: &[Kind] = if block < 3 {
            &[Kind::Stdout, Kind::Exit]
        } else {
            &[]
        };
        assert_eq!(kinds, expected, "byte {at}");
        assert_eq!(story.damage.len(), 1);
    }
    for range in ranges(&bytes) {
        let story = read(&[&bytes[..range.start]]);
        assert_eq!(story.damage, []);
        assert!(
            story
                .records
                .iter()
                .all(|(_, kind, payload)| *kind != Kind::Start || payload.len() > 200_000)
        );
    }
}

#[test]
fn nothing_may_follow_the_end() {
    let (bytes, _) = small();
    let end_at = bytes.len() as u64;
    let output = ranges(&bytes)[1].clone();
    for more in [&bytes[output], &[0], b"\xff", &vec![0; 100_000]] {
        let longer = [&bytes, more].concat();
        let story = read(&[&longer]);
        assert_eq!(story.damage, [damage(0, end_at, Cause::AfterEnd)]);
        assert_eq!(story.ending, Ending::Ended);
    }
    let story = read(&[&bytes, b"anything", b"more"]);
    assert_eq!(
        story.damage,
        [damage(1, 0, Cause::AfterEnd), damage(2, 0, Cause::AfterEnd)]
    );
    assert_eq!(story.records.len(), 3);
}

#[test]
fn garbage_of_any_sort_is_damage_or_a_torn_tail_and_quick() {
    let mut random = fastrand::Rng::with_seed(2);
    let (small, _) = small();
    for round in 0..200 {
        let mut bytes = if round % 2 == 0 {
            small[..128].to_vec()
        } else {
            Vec::new()
        };
        for _ in 0..random.usize(0..3_000) {
            // heads that could be a record's, with lengths of every sort
            let length = random.u32(0..6_000) / 16 * 16;
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&[1, 0, 0, 0]);
            bytes.extend_from_slice(&random.u64(..).to_le_bytes());
        }
        let story = read(&[&bytes]);
        assert_eq!(story.records, []);
        let torn = matches!(story.ending, Ending::TornTail { .. });
        assert!(torn || !story.damage.is_empty() || bytes.len() <= 128);
    }
}

#[test]
fn positions_that_are_none_read_nothing_wrong() {
    let bytes = long(250);
    let whole = read(&[&bytes]);
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..300 {
        let position = Position {
            segment: random.u64(0..3),
            offset: if random.bool() {
                random.u64(0..300_000)
            } else {
                random.u64(..)
            },
            record: if random.bool() {
                random.u64(0..300)
            } else {
                random.u64(..)
            },
        };
        let story = read_on(&mut Reader::resume(segments(&[&bytes]), position));
        assert!(
            story
                .records
                .iter()
                .all(|record| whole.records.contains(record)),
            "{position:?}"
        );
    }
}
