//! Lines of chunks that end anywhere, and what the longest of them take.

use super::*;

/// The lines of the chunks: `o` or `e`, `+` where it is partial, then what is shown.
fn shown(chunks: &[(Stream, &[u8])]) -> Vec<String> {
    let mut lines = Lines::new();
    let mut all = Vec::new();
    for (time, (stream, chunk)) in chunks.iter().enumerate() {
        all.extend(lines.pushed(*stream, time as u64, chunk));
    }
    all.extend(lines.unfinished());
    all.iter()
        .map(|line| {
            let stream = &line.stream.word()[3..4];
            let partial = if line.partial { "+" } else { "" };
            format!("{stream}{partial} {}", line.shown())
        })
        .collect()
}

#[test]
fn a_line_is_whole_however_it_was_written() {
    use Stream::{Err, Out};
    type Case<'a> = (&'a [(Stream, &'a [u8])], &'a [&'a str]);
    let cases: &[Case] = &[
        (&[], &[]),
        (&[(Out, b"")], &[]),
        (&[(Out, b"a\nb\n")], &["o a", "o b"]),
        (&[(Out, b"\n\n")], &["o ", "o "]),
        (&[(Out, b"abc"), (Out, b"def\n")], &["o abcdef"]),
        (&[(Out, b"abc"), (Out, b"\n")], &["o abc"]),
        (&[(Out, b"no newline")], &["o+ no newline"]),
        (&[(Out, b"dos\r\n")], &["o dos"]),
        (&[(Out, b"dos\r"), (Out, b"\n")], &["o dos"]),
        (
            &[(Out, b"1%\r"), (Out, b"2%\r3"), (Out, b"%\r")],
            &["o+ 3%"],
        ),
        (&[(Out, b"caf\xc3"), (Out, b"\xa9\n")], &["o caf\u{e9}"]),
        (&[(Out, b"\x1b[3"), (Out, b"1mred\n")], &["o red"]),
        (
            &[(Out, b"ab"), (Err, b"xy"), (Out, b"c\n"), (Err, b"z\n")],
            &["o abc", "e xyz"],
        ),
        (
            &[
                (Out, b"\xe2\x82"),
                (Err, b"\xf0\x9f"),
                (Out, b"\xac\n"),
                (Err, b"\x98\x80"),
            ],
            &["o \u{20ac}", "e+ \u{1f600}"],
        ),
        (
            &[(Err, b"prompt> "), (Out, b"x"), (Err, b"!"), (Out, b"\n")],
            &["o x", "e+ prompt> !"],
        ),
        (
            &[(Out, b"late"), (Err, b"early"), (Out, b"r")],
            &["e+ early", "o+ later"],
        ),
    ];
    for (chunks, lines) in cases {
        assert_eq!(shown(chunks), *lines, "{chunks:?}");
    }
}

#[test]
fn an_unfinished_line_may_still_be_finished() {
    let mut lines = Lines::new();
    assert_eq!(lines.pushed(Stream::Out, 1, b"name? "), []);
    assert_eq!(lines.unfinished()[0].shown(), "name? ");
    let line = &lines.pushed(Stream::Out, 2, b"bgp\n")[0];
    assert_eq!((&*line.shown(), line.time_ns), ("name? bgp", 2));
    assert_eq!(lines.unfinished(), []);
}

/// One line of these chunks, and what it takes to hold it.
fn long(chunks: impl Iterator<Item = Vec<u8>>) -> (Line<'static>, usize) {
    let mut lines = Lines::new();
    let mut held = 0;
    for chunk in chunks {
        assert_eq!(lines.pushed(Stream::Out, 0, &chunk), []);
        let unfinished = &lines.streams[0];
        held = held.max(unfinished.head.capacity() + unfinished.tail.capacity());
    }
    let line = lines.pushed(Stream::Out, 0, b"\n").remove(0);
    (line, held)
}

#[test]
fn a_line_as_long_as_is_allowed_is_whole_and_one_byte_more_is_not() {
    for step in [1, 7, 4096, 100_000] {
        let chunks = |length| {
            let bytes: Vec<u8> = (b'a'..=b'z').cycle().take(length).collect();
            bytes.chunks(step).map(<[u8]>::to_vec).collect::<Vec<_>>()
        };
        let whole = chunks(LINE_MAX_BYTES);
        let (line, _) = long(whole.clone().into_iter());
        assert_eq!(
            (line.bytes.into_owned(), line.cut),
            (whole.concat(), None),
            "by {step}"
        );

        let longer = chunks(LINE_MAX_BYTES + 1);
        let (line, _) = long(longer.clone().into_iter());
        let mut expected = longer.concat();
        expected.remove(END_BYTES);
        let cut = Cut {
            at: END_BYTES,
            bytes: 1,
        };
        assert_eq!(
            (line.bytes.into_owned(), line.cut),
            (expected, Some(cut)),
            "by {step}"
        );
    }
}

#[test]
fn an_endless_line_keeps_its_ends_in_little_memory() {
    let chunk = vec![b'x'; 65536];
    let begin = std::iter::once(b"begin".to_vec());
    let end = std::iter::once(b"end".to_vec());
    let (line, held) = long(begin.chain(std::iter::repeat_n(chunk, 1024)).chain(end));
    let text = line.shown();
    assert!(text.starts_with("beginxxx") && text.ends_with("xxxend"));
    assert!(text.contains("x…[67092488 bytes left out]…x"), "{text}");
    assert!(text.len() < LINE_MAX_BYTES + 64);
    assert!(held <= 8 * END_BYTES, "{held}");
}

#[test]
fn an_endless_progress_bar_is_its_last_state() {
    let states = (0..100_000).map(|n| format!("\r{n:6} of 100000").into_bytes());
    let (line, _) = long(states);
    assert_eq!((&*line.shown(), line.cut), (" 99999 of 100000", None));

    let states = (0..100_000).map(|n| format!("{n:6} of 100000\r").into_bytes());
    let (line, _) = long(states);
    assert_eq!(line.shown(), " 99999 of 100000");
}

#[test]
fn one_overwriting_at_the_end_does_not_hide_a_long_line() {
    let chunks = [vec![b'x'; 100_000], b"\rdone".to_vec()];
    let (line, _) = long(chunks.into_iter());
    assert!(line.shown().starts_with("xxx"));
    assert_eq!(line.cut.map(|cut| cut.bytes), Some(100_005 - 16384));
}

#[test]
fn a_cut_tears_no_character() {
    for shift in 0..4 {
        let text = "a".repeat(shift) + &"\u{1f600}".repeat(8000);
        let (line, _) = long(std::iter::once(text.clone().into_bytes()));
        let cut = line.cut.unwrap();
        assert!(!line.shown().contains(char::REPLACEMENT_CHARACTER));
        assert_eq!(line.bytes.len() as u64 + cut.bytes, text.len() as u64);
    }
    let binary = vec![0xbf; 20_000];
    let (line, _) = long(std::iter::once(binary));
    assert_eq!(line.bytes.len() as u64 + line.cut.unwrap().bytes, 20_000);
}

#[test]
fn random_chunks_give_the_lines_of_each_stream() {
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..2_000 {
        let mut written = [Vec::new(), Vec::new()];
        let mut read: [Vec<Vec<u8>>; 2] = Default::default();
        let mut lines = Lines::new();
        let mut keep = |line: Line| read[line.stream as usize].push(line.bytes.into_owned());
        for time in 0..random.u64(..12) {
            let stream = *random.choice(Stream::ALL.iter()).unwrap();
            let chunk: Vec<u8> = (0..random.usize(..9))
                .map(|_| b"\n\n\xc3\xa9\xffab"[random.usize(..7)])
                .collect();
            written[stream as usize].extend_from_slice(&chunk);
            lines
                .pushed(stream, time, &chunk)
                .into_iter()
                .for_each(&mut keep);
        }
        lines.unfinished().into_iter().for_each(&mut keep);
        for stream in Stream::ALL {
            let whole = &written[stream as usize];
            let mut expected: Vec<Vec<u8>> = whole
                .split(|byte| *byte == b'\n')
                .map(<[u8]>::to_vec)
                .collect();
            if expected.last().is_some_and(Vec::is_empty) {
                expected.pop();
            }
            assert_eq!(read[stream as usize], expected, "{}", whole.escape_ascii());
        }
    }
}
