//! What is kept within a budget, and that nothing is uncounted.

use super::*;

fn line(stream: Stream, text: &str) -> ShownLine {
    ShownLine {
        stream,
        time_ns: 0,
        partial: false,
        continued: false,
        head: text.to_owned(),
        gap_bytes: 0,
        tail: String::new(),
    }
}

/// What fits: lines as they are, and `<stream: lines, bytes>` for what does not.
fn fit(max_bytes: u64, lines: &[(Stream, String)]) -> Vec<String> {
    let mut budget = Budget::new(max_bytes);
    for (stream, text) in lines {
        budget.take(line(*stream, text));
    }
    budget
        .finish()
        .into_iter()
        .map(|part| match part {
            Part::Line(line) => line.text().into_owned(),
            Part::LeftOut(gap) => {
                format!("<{}: {}, {}>", gap.stream.word(), gap.lines, gap.bytes)
            }
        })
        .collect()
}

fn numbered(stream: Stream, count: usize) -> Vec<(Stream, String)> {
    (0..count).map(|n| (stream, format!("{n:03}"))).collect()
}

#[test]
fn both_ends_are_kept_and_the_rest_is_told() {
    use Stream::{Err, Out};
    assert_eq!(fit(40, &numbered(Out, 10)).len(), 10);
    assert_eq!(
        fit(39, &numbered(Out, 10)),
        [
            "000",
            "001",
            "002",
            "003",
            "<stdout: 1, 4>",
            "005",
            "006",
            "007",
            "008",
            "009"
        ]
    );
    assert_eq!(
        fit(16, &numbered(Err, 1000)),
        ["000", "001", "<stderr: 996, 3984>", "998", "999"]
    );
    assert_eq!(fit(1000, &[]), [""; 0]);
}

#[test]
fn no_stream_hides_the_other() {
    use Stream::{Err, Out};
    let mut lines = numbered(Err, 500);
    lines.insert(250, (Out, "the answer".to_owned()));
    assert_eq!(
        fit(30, &lines),
        [
            "000",
            "001",
            "<stderr: 496, 1984>",
            "the answer",
            "498",
            "499"
        ]
    );
    let mut lines = numbered(Out, 100);
    lines.extend(numbered(Err, 100));
    assert_eq!(
        fit(32, &lines),
        [
            "000",
            "001",
            "<stdout: 96, 384>",
            "098",
            "099",
            "000",
            "001",
            "<stderr: 96, 384>",
            "098",
            "099"
        ]
    );
}

#[test]
fn one_long_line_gives_its_ends() {
    let text = "a".repeat(500) + &"b".repeat(500);
    assert_eq!(
        fit(11, &[(Stream::Out, text.clone())]),
        ["aaaaa…[990 bytes left out]…bbbbb"]
    );
    assert_eq!(
        fit(12, &[(Stream::Out, text.clone()), (Stream::Out, text)]),
        ["aaaaa…[995 bytes left out]…", "…[995 bytes left out]…bbbbb"]
    );
    assert_eq!(
        fit(7, &[(Stream::Out, "\u{1f600}".repeat(9))]),
        ["…[32 bytes left out]…\u{1f600}"]
    );
}

#[test]
fn what_was_left_out_of_a_line_before_is_counted_too() {
    let cut_line = || ShownLine {
        head: "a".repeat(10),
        gap_bytes: 1000,
        tail: "b".repeat(10),
        ..line(Stream::Out, "")
    };
    let shown = |max_bytes, lines: Vec<ShownLine>| {
        let mut budget = Budget::new(max_bytes);
        for line in lines {
            budget.take(line);
        }
        let text = |part| match part {
            Part::Line(line) => line.text().into_owned(),
            Part::LeftOut(gap) => format!("<{}, {}>", gap.lines, gap.bytes),
        };
        budget.finish().into_iter().map(text).collect::<Vec<_>>()
    };
    let whole = "aaaaaaaaaa…[1000 bytes left out]…bbbbbbbbbb";
    assert_eq!(shown(21, vec![cut_line()]), [whole]);
    assert_eq!(
        shown(9, vec![cut_line()]),
        ["aaaa…[1012 bytes left out]…bbbb"]
    );
    let small = || line(Stream::Out, "x");
    assert_eq!(
        shown(12, vec![cut_line(), small()]),
        ["aaaaa…[1015 bytes left out]…", "x"]
    );
    assert_eq!(
        shown(14, vec![small(), small(), small(), cut_line()]),
        ["x", "x", "x", "…[1013 bytes left out]…bbbbbbb"]
    );
    assert_eq!(
        shown(8, vec![small(), small(), cut_line(), small(), small()]),
        ["x", "x", "<1, 1021>", "x", "x"]
    );
}

#[test]
fn every_byte_is_shown_or_counted() {
    let mut random = fastrand::Rng::with_seed(8);
    for round in 0..20_000 {
        let lines: Vec<(Stream, String)> = (0..random.usize(..30))
            .map(|_| {
                let stream = *random.choice(Stream::ALL.iter()).unwrap();
                let length = if random.u8(..9) == 0 { 60 } else { 6 };
                (stream, "x".repeat(random.usize(..length)))
            })
            .collect();
        let max_bytes = random.u64(1..200);
        let cost = |text: &str| text.len() as u64 + 1;
        let total: u64 = lines.iter().map(|(_, text)| cost(text)).sum();
        let (mut shown, mut told) = (0, 0);
        for text in fit(max_bytes, &lines) {
            if let Some(gap) = text.strip_prefix('<') {
                let bytes = gap.trim_end_matches('>').rsplit(' ').next().unwrap();
                told += bytes.parse::<u64>().unwrap();
            } else {
                let left_out = text.split_once('[').map_or(0, |(_, rest)| {
                    rest.split(' ').next().unwrap().parse().unwrap()
                });
                told += left_out;
                shown += text.matches('x').count() as u64 + 1;
            }
        }
        assert_eq!(shown + told, total, "round {round}");
        if total <= max_bytes {
            assert_eq!(told, 0, "round {round}: there was room for all");
        }
        assert!(
            shown <= max_bytes + 4,
            "round {round}: {shown} of {max_bytes}"
        );
    }
}

#[test]
fn memory_is_bounded() {
    let mut budget = Budget::new(1000);
    for _ in 0..100_000 {
        budget.take(line(Stream::Out, &"y".repeat(99)));
    }
    let ends = &budget.streams[0];
    assert!(ends.first.len() + ends.last.len() <= 22);
}
