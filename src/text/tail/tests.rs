//! The last lines, found backwards, are those that reading all of it finds.

use super::*;
use crate::text::lines::Line;

type Chunk = (Stream, Vec<u8>);

/// The last lines of `chunks`, looked at backwards in blocks of so many chunks, and how many
/// chunks that took.
fn last(wanted: u64, chunks: &[Chunk], block: usize) -> (Lines, Vec<Line<'static>>, usize) {
    let mut tail = Tail::new(wanted);
    let mut begin = chunks.len();
    while begin > 0 && tail.needs_more() {
        let end = begin;
        begin = begin.saturating_sub(block);
        for (stream, chunk) in chunks[begin..end].iter().rev() {
            tail.before(*stream, chunk);
        }
    }
    let mut lines = if begin == 0 {
        tail.lines_from_start([false; 2])
    } else {
        tail.lines_from_here()
    };
    let mut read = Vec::new();
    for (time, (stream, chunk)) in chunks.iter().enumerate().skip(begin) {
        read.extend(lines.pushed(*stream, time as u64, chunk));
    }
    read.extend(lines.unfinished());
    (lines, read, chunks.len() - begin)
}

/// The same, by reading all and sorting the lines by the position of their ends.
fn last_of_all(wanted: usize, chunks: &[Chunk]) -> Vec<Line<'static>> {
    let mut lines = Lines::new();
    let mut ends = Vec::new();
    let mut last_bytes = [0; 2];
    let mut position = 0;
    for (time, (stream, chunk)) in chunks.iter().enumerate() {
        for byte in chunk {
            position += 1;
            last_bytes[*stream as usize] = position;
            for line in lines.pushed(*stream, time as u64, &[*byte]) {
                ends.push((position, line));
            }
        }
    }
    for line in lines.unfinished() {
        ends.push((last_bytes[line.stream as usize], line));
    }
    ends.sort_by_key(|(position, _)| *position);
    let mut wanted: Vec<Line<'static>> = ends
        .into_iter()
        .rev()
        .take(wanted)
        .map(|(_, line)| line)
        .collect();
    wanted.reverse();
    wanted.sort_by_key(|line| line.partial); // stable: unfinished ones are read last
    wanted
}

#[test]
fn going_back_finds_what_reading_all_finds() {
    let mut random = fastrand::Rng::with_seed(4);
    for round in 0..20_000 {
        let chunks: Vec<Chunk> = (0..random.usize(..12))
            .map(|_| {
                let stream = *random.choice(Stream::ALL.iter()).unwrap();
                let bytes = (0..random.usize(..7)).map(|_| b"\n\nabc"[random.usize(..5)]);
                (stream, bytes.collect())
            })
            .collect();
        let wanted = random.usize(1..8);
        let block = random.usize(1..5);
        let (_, read, _) = last(wanted as u64, &chunks, block);
        assert_eq!(
            read,
            last_of_all(wanted, &chunks),
            "round {round}: {wanted} of {chunks:?}"
        );
    }
}

#[test]
fn across_a_gap_both_ways_find_the_same_lines() {
    let mut random = fastrand::Rng::with_seed(5);
    for round in 0..20_000 {
        let mut parts: Vec<Option<Chunk>> = Vec::new();
        for _ in 0..random.usize(..12) {
            let stream = *random.choice(Stream::ALL.iter()).unwrap();
            let len = random.usize(1..7);
            let bytes = (0..len).map(|_| b"\n\nabc"[random.usize(..5)]);
            let chunk = bytes.collect();
            parts.push((random.usize(..4) > 0).then_some((stream, chunk)));
        }
        parts.extend(Stream::ALL.map(|stream| Some((stream, b"\n".to_vec()))));
        let forward = |mut lines: Lines| {
            let mut read = Vec::new();
            for (time, part) in parts.iter().enumerate() {
                read.extend(match part {
                    Some((stream, chunk)) => lines.pushed(*stream, time as u64, chunk),
                    None => lines.passed([true; 2]),
                });
            }
            read
        };
        let wanted = random.usize(1..8);
        let mut tail = Tail::new(wanted as u64);
        for part in parts.iter().rev() {
            match part {
                Some((stream, chunk)) => tail.before(*stream, chunk),
                None => tail.gap(),
            }
        }
        let all = forward(Lines::new());
        let last = &all[all.len().saturating_sub(wanted)..];
        let found = forward(tail.lines_from_start([false; 2]));
        assert_eq!(found, last, "round {round}: {wanted} of {parts:?}");
    }
}

#[test]
fn no_more_is_read_than_the_lines_take() {
    let chunks: Vec<Chunk> = (0..10_000)
        .map(|n| (Stream::Out, format!("line {n}\n").into_bytes()))
        .collect();
    let (_, read, looked_at) = last(20, &chunks, 1);
    assert_eq!(read.len(), 20);
    assert_eq!(read[0].shown(), "line 9980");
    assert_eq!(
        looked_at, 21,
        "the newline before tells where the first begins"
    );
}

#[test]
fn reading_goes_on_with_what_is_written_later() {
    let chunks = [
        (Stream::Err, b"old prompt> ".to_vec()),
        (Stream::Out, b"one\ntwo\nthr".to_vec()),
    ];
    let (mut lines, read, _) = last(2, &chunks, 9);
    let text: Vec<String> = read.iter().map(|line| line.shown().into_owned()).collect();
    assert_eq!(text, ["two", "thr"]);
    assert_eq!(lines.pushed(Stream::Out, 9, b"ee\n")[0].shown(), "three");
    assert_eq!(lines.unfinished(), [], "the prompt is still an old one");
    lines.pushed(Stream::Err, 9, b"y");
    assert_eq!(lines.unfinished()[0].shown(), "old prompt> y");
}

#[test]
fn a_beginning_too_far_back_is_given_up_and_said_so() {
    let chunk = vec![b'x'; 65536];
    let mut chunks: Vec<Chunk> = vec![(Stream::Out, b"first\n".to_vec())];
    chunks.extend(std::iter::repeat_n((Stream::Out, chunk), 600));
    chunks.push((Stream::Out, b"end\nlast\n".to_vec()));
    let (_, read, looked_at) = last(5, &chunks, 1);
    assert!(looked_at < 260, "{looked_at}");
    let flags: Vec<(bool, bool)> = read
        .iter()
        .map(|line| (line.continued, line.cut.is_some()))
        .collect();
    assert_eq!(flags, [(true, true), (false, false)]);
    assert!(read[0].shown().ends_with("xxxend"));
}

#[test]
fn the_bytes_of_the_last_lines_are_known_exactly() {
    use Stream::{Err, Out};
    type Case<'a> = (&'a [(Stream, &'a str)], u64, &'a str);
    let cases: &[Case] = &[
        (&[(Out, "a\nb\nc\n")], 2, "b\nc\n"),
        (&[(Out, "a\nb\r\nc")], 2, "b\r\nc"),
        (&[(Out, "a\nb"), (Out, "b\nc\n")], 2, "bb\nc\n"),
        (&[(Out, "a\n"), (Err, "E\n"), (Out, "b\n")], 2, "E\nb\n"),
        (
            &[(Out, "one "), (Err, "E\n"), (Out, "two\n")],
            2,
            "one E\ntwo\n",
        ),
        (
            &[(Out, "one\ntwo "), (Err, "E\nF\n"), (Out, "three\n")],
            2,
            "two F\nthree\n",
        ),
        (&[(Err, "old> "), (Out, "a\nb\nc\n")], 2, "b\nc\n"),
        (&[(Out, "a\n")], 5, "a\n"),
        (&[], 5, ""),
    ];
    for (chunks, wanted, expected) in cases {
        let mut tail = Tail::new(*wanted);
        for (stream, chunk) in chunks.iter().rev() {
            tail.before(*stream, chunk.as_bytes());
        }
        let mut unwanted = tail.unwanted_bytes();
        let mut text = String::new();
        for (stream, chunk) in *chunks {
            let skip = unwanted[*stream as usize].min(chunk.len() as u64);
            unwanted[*stream as usize] -= skip;
            text.push_str(&chunk[usize::try_from(skip).unwrap()..]);
        }
        assert_eq!(text, *expected, "{wanted} of {chunks:?}");
    }
}

#[test]
fn beginnings_are_searched_for_until_each_stream_has_one() {
    let mut tail = Tail::for_beginnings([true, true]);
    assert!(tail.needs_more());
    tail.before(Stream::Out, b"a\nb");
    assert!(tail.needs_more());
    tail.before(Stream::Err, b"no end");
    assert!(tail.needs_more());
    tail.before(Stream::Err, b"x\ny");
    assert!(!tail.needs_more());
    assert!(!Tail::for_beginnings([false, false]).needs_more());
    let mut quiet = Tail::for_beginnings([true, true]);
    let mut looked_at = 0;
    while quiet.needs_more() {
        quiet.before(Stream::Out, &[b'\n'; 4096]);
        looked_at += 4096;
    }
    assert_eq!(looked_at, BEGINNINGS_MAX_BYTES);
}

#[test]
fn a_quiet_stream_is_not_searched_for_when_the_lines_are_there() {
    let mut chunks: Vec<Chunk> = vec![(Stream::Err, b"long ago\n".to_vec())];
    chunks.extend((0..1000).map(|n| (Stream::Out, format!("{n}\n").into_bytes())));
    let (_, read, looked_at) = last(3, &chunks, 1);
    assert_eq!((read.len(), looked_at), (3, 4));
}
