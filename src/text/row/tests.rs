//! Lines as they are shown, in a pipe and on a terminal.

use super::*;

#[test]
fn a_line_shows_its_last_state() {
    let cases: &[(&[u8], &str)] = &[
        (b"", ""),
        (b"plain\ttext", "plain\ttext"),
        (b"windows\r", "windows"),
        (b" 10%\r 50%\r100%", "100%"),
        (b" 10%\r 50%\r100%\r", "100%"),
        (b"downloading\rdone", "doneloading"),
        (b"downloading\r\x1b[Kdone", "done"),
        (b"downloading\x1b[2K\rdone", "done"),
        (b"downloading\x1b[1G\x1b[0Kdone", "done"),
        (b"\x1b[32mok\x1b[0m\r\x1b[31mno\x1b[0m", "no"),
        (b"|\x08/\x08-\x08\\", "\\"),
        (b"abc\x08\x08X", "aXc"),
        (b"abcdef\x1b[3DX", "abcXef"),
        (b"abc\x1b[2CX", "abc  X"),
        (b"abc\x1b[1K", "   "),
        (b"abcdef\x1b[3G\x1b[2Pz", "abzf"),
        (
            b"[ ok ]\r\x1b[60000Gx",
            &("[ ok ]".to_owned() + &" ".repeat(249) + "x"),
        ),
        (b"name\x1b[999C", "name"),
        ("caf\u{e9} 1\rcaf\u{e9} 2".as_bytes(), "caf\u{e9} 2"),
        (b"\xff\rx", "x"),
        (b"a\tb\r\tc", "a\tc"),
        (b"a\tb\rxyz", "xyz     b"),
        (b"a\tb\r\x1b[3Cx", "a  x    b"),
        (b"12345678\tb\r\tc", "12345678c       b"),
        (b"12345678\tb\rx", "x2345678\tb"),
    ];
    for (bytes, text) in cases {
        assert_eq!(
            shown(bytes, Look::Pipe),
            *text,
            "{:?}",
            bytes.escape_ascii().to_string()
        );
    }
}

#[test]
fn random_bytes_leave_no_control_but_tab() {
    let mut random = fastrand::Rng::with_seed(2);
    let alphabet = b"\x1b[\x1b[KGCDP12;\r\r\x08\t\xc2\x9b\xe2text\x7f";
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..random.usize(..48))
            .map(|_| alphabet[random.usize(..alphabet.len())])
            .collect();
        let text = shown(&bytes, Look::Pipe);
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\t'),
            "{:?} gave {text:?}",
            bytes.escape_ascii().to_string()
        );
    }
}

#[test]
fn a_terminal_keeps_the_colours_and_nothing_else() {
    let cases: &[(&[u8], &str, &str)] = &[
        (b"plain", "plain", "plain"),
        (b"\x1b[31mred\x1b[0m", "\x1b[0;31mred\x1b[m", "red"),
        (
            b"\x1b[1;31mnot ended",
            "\x1b[0;1;31mnot ended\x1b[m",
            "not ended",
        ),
        (b"\x1b[32mok\x1b[0m\r\x1b[31mno", "\x1b[0;31mno\x1b[m", "no"),
        (b"\x1b[32mgreen\r\x1b[0mX", "X\x1b[0;32mreen\x1b[m", "Xreen"),
        (b"\x1b[41m \x1b[K\x1b[m.", "\x1b[0;41m \x1b[m.", " ."),
        (b"\x1b]52;c;c2VjcmV0\x07a\x1b[2Jb\x1b[?1049hc", "abc", "abc"),
        (b"\x1b[8mhidden\x1b[>4;2mtext", "hiddentext", "hiddentext"),
        (b"bell\x07\x1b[10;20Hx\x1bc", "bellx", "bellx"),
        (
            "a\u{202e}b\u{9b}31mc".as_bytes(),
            "a\\u{202e}b\x1b[0;31mc\x1b[m",
            "a\\u{202e}bc",
        ),
        ("a\u{202e}b".as_bytes(), "a\\u{202e}b", "a\\u{202e}b"),
        (b"\x1b[35ma\tb", "\x1b[0;35ma\tb\x1b[m", "a\tb"),
        (b"torn \xe2\x82", "torn \u{fffd}", "torn \u{fffd}"),
    ];
    for (bytes, colours, without) in cases {
        let written = bytes.escape_ascii();
        assert_eq!(shown(bytes, Look::Colours), *colours, "{written}");
        assert_eq!(shown(bytes, Look::Terminal), *without, "{written}");
    }
}

#[test]
fn random_bytes_leave_a_terminal_nothing_to_obey_but_colours() {
    let mut random = fastrand::Rng::with_seed(6);
    let alphabet = b"\x1b\x1b[[]P_^X;:?>!0123456789mmmKhA\x07\x08\x9b\xc2\x9d\xe2\x80\xae\t\rtext";
    for round in 0..20_000 {
        let bytes: Vec<u8> = (0..random.usize(..64))
            .map(|_| match round % 2 {
                0 => random.u8(..),
                _ => alphabet[random.usize(..alphabet.len())],
            })
            .filter(|byte| *byte != b'\n')
            .collect();
        let text = shown(&bytes, Look::Colours);
        let written = bytes.escape_ascii();
        let mut left = text.as_ref();
        let mut coloured = false;
        while let Some((before, sequence)) = left.split_once('\x1b') {
            assert!(
                !before.contains(|c| is_dangerous(c) && c != '\t'),
                "{written}"
            );
            let (inside, after) = sequence.split_once('m').unwrap();
            let known = inside.strip_prefix('[').unwrap();
            assert!(
                known.bytes().all(|byte| b"0123456789;".contains(&byte)),
                "{written}"
            );
            coloured = !known.is_empty();
            left = after;
        }
        assert!(
            !left.contains(|c| is_dangerous(c) && c != '\t'),
            "{written}"
        );
        assert!(!coloured, "{written}: the colours do not end with the line");
        let plain = shown(&bytes, Look::Terminal);
        assert!(
            !plain.contains(|c| is_dangerous(c) && c != '\t'),
            "{written}"
        );
    }
}

#[test]
fn a_row_tells_whether_it_only_grew() {
    for (bytes, grew, redrawn) in [
        (&b""[..], true, false),
        (b"prompt> ", true, false),
        (b"\x1b[31mprompt> \x1b[0m", true, false),
        (b"a\tb\t", true, false),
        (b"10%\r", false, false),
        (b"10%\r20%", false, true),
        (b"ab\x08", false, false),
        (b"ab\x1b[K", true, false),
        (b"ab\r\x1b[K", false, true),
        (b"ab\x1b[2K", false, true),
        (b"ab\x1b[5C", false, false),
        (b"\x1b]0;title", true, false),
    ] {
        let row = Row::of(bytes);
        let written = bytes.escape_ascii();
        assert_eq!(
            (row.only_grew(), row.was_redrawn()),
            (grew, redrawn),
            "{written}"
        );
    }
}

#[test]
fn the_rest_of_a_row_is_shown_in_its_colours() {
    let row = Row::of(b"\x1b[31mname? bgp");
    assert_eq!(row.len(), 9);
    assert_eq!(row.shown_from(6, Look::Colours), "\x1b[0;31mbgp\x1b[m");
    assert_eq!(row.shown_from(6, Look::Pipe), "bgp");
    assert_eq!(row.shown_from(99, Look::Pipe), "");
    assert_eq!(Row::of("\u{4e2d}\tx".as_bytes()).columns(), 10);
}
