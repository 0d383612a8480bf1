//! What holds for any bytes: of text, of ids, of a life, and of a peer that is a stranger.
//!
//! Each takes its decisions from the bytes of an input, so that a small file in `tests/corpus` says a whole case.
//!
//! Does not: look at what the disk holds: [`altered`](super::altered) and [`written`](super::written) do.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use serde_json::json;

use super::{Property, Tape};
use crate::control::frame::{self, Decoder, FRAME_MAX_BYTES};
use crate::control::hello::{self, Hello, NONCE_BYTES, Session};
use crate::control::server::{Hopeless, Peer};
use crate::crypto::Key;
use crate::manager::resolve::candidates;
use crate::model::error::Kind;
use crate::model::facts::Entry;
use crate::model::id::Id;
use crate::model::name;
use crate::model::status::{Event, How, Status};
use crate::store::state::State;
use crate::text::escapes::{self, pieces};
use crate::text::lines::{LINE_MAX_BYTES, Line, Lines, Stream, without_torn_end};
use crate::text::row::{self, Look};

/// Bytes that open, fill and end sequences.
const SEQUENCES: &[&[u8]] = &[
    b"\x1b",
    b"\x1b[",
    b"\x1b]0;",
    b"\x1bP",
    b"\x1b\\",
    b"\x07",
    b"\x18",
    b"\xc2\x9b",
    b"\xc2\x9d",
    b"\xc2\x9c",
    b"\xe2\x80",
    b"\xae",
    b"31m",
    b"2K",
    b";",
    b"?25h",
    b"38:2::1",
    b"\r",
    b"\n",
    b"\t",
    b"\x08",
    b"text",
    b"\x9b",
];

fn is_control(c: char, allowed: &[char]) -> bool {
    c.is_control() && !allowed.contains(&c)
}

/// Of escape sequences nothing is left, wherever they are cut.
pub(super) const ESCAPES: Property = Property {
    theme: "escapes",
    rounds: 10_000,
    words: SEQUENCES,
    check: || Box::new(escapes_are_taken_out),
};

fn escapes_are_taken_out(bytes: &[u8]) {
    let text = escapes::strip(bytes);
    assert!(
        !text.chars().any(|c| is_control(c, &['\n', '\t'])),
        "{text:?}"
    );
    assert_eq!(escapes::strip(text.as_bytes()), text, "it is text already");
    for at in 0..=bytes.len() {
        let (head, tail) = bytes.split_at(at);
        let mut before = pieces(head);
        before.by_ref().for_each(drop);
        let between_lines = head.last() == Some(&b'\n');
        if between_lines || before.is_between() && without_torn_end(head) == head {
            let halves = escapes::strip(head) + &escapes::strip(tail);
            assert!(
                halves == text || begins_torn(tail),
                "cut at {at}: {halves:?}, not {text:?}"
            );
        }
    }
    for line in bytes.split(|byte| *byte == b'\n') {
        let shown = row::shown(line, Look::Pipe);
        assert!(!shown.chars().any(|c| is_control(c, &['\t'])), "{shown:?}");
    }
}

/// Whether the first byte goes on with a character, and so may be one with what came before it.
fn begins_torn(bytes: &[u8]) -> bool {
    bytes
        .first()
        .is_some_and(|byte| (0x80..0xc0).contains(byte))
}

/// What one stream's lines are, in the order in which they came.
fn of(lines: &[Line<'static>], stream: Stream) -> Vec<Line<'static>> {
    let of_stream = lines.iter().filter(|line| line.stream == stream);
    of_stream
        .map(|line| Line {
            time_ns: 0,
            ..line.clone()
        })
        .collect()
}

/// Lines are the same, however their chunks were cut.
pub(super) const LINES: Property = Property {
    theme: "lines",
    rounds: 1_500,
    words: &[
        b"\n",
        b"\r\n",
        b"\r",
        b"a line\n",
        b"\xe2\x82\xac",
        b"\xff\xff\x40\x1f",
    ],
    check: || Box::new(lines_stay_the_same),
};

fn lines_stay_the_same(bytes: &[u8]) {
    let mut tape = Tape(bytes);
    let (mut chunked, mut given) = (Lines::new(), Vec::new());
    let mut whole: [Vec<u8>; 2] = Default::default();
    let mut room = 8 * LINE_MAX_BYTES;
    while !tape.is_over() {
        let how = tape.byte();
        let stream = Stream::ALL[usize::from(how & 1)];
        let chunk = if how >= 0xf0 {
            let times = (tape.number() as usize % (2 * LINE_MAX_BYTES)).min(room);
            vec![tape.byte(); times]
        } else {
            tape.take(usize::from(how >> 1)).to_vec()
        };
        room = room.saturating_sub(chunk.len());
        whole[stream as usize].extend_from_slice(&chunk);
        let pushed: Result<(), ()> = chunked.push(stream, 0, &chunk, |line| {
            given.push(line.into_owned());
            Ok(())
        });
        pushed.unwrap();
    }
    given.extend(chunked.unfinished());
    for stream in Stream::ALL {
        let bytes = &whole[stream as usize];
        let (mut at_once, mut expected) = (Lines::new(), Vec::new());
        let pushed: Result<(), ()> = at_once.push(stream, 0, bytes, |line| {
            expected.push(line.into_owned());
            Ok(())
        });
        pushed.unwrap();
        expected.extend(at_once.unfinished());
        let got = of(&given, stream);
        assert_eq!(got, of(&expected, stream));

        let parts: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let (last, finished) = parts.split_last().unwrap();
        assert_eq!(
            got.len(),
            finished.len() + usize::from(!last.is_empty()),
            "no line is lost"
        );
        for (line, part) in got.iter().zip(&parts) {
            assert!(line.bytes.len() <= LINE_MAX_BYTES);
            if part.len() <= LINE_MAX_BYTES {
                let end = if line.partial { b"".as_slice() } else { b"\r" };
                assert_eq!(*line.bytes, *part.strip_suffix(end).unwrap_or(part));
            }
        }
    }
}

fn entry(tape: &mut Tape, number: u64) -> Entry {
    const NAMES: [&str; 6] = ["web", "web-2", "a", "aa", "0", "proc"];
    let id: String = (0..8)
        .map(|n| {
            if n < 6 {
                'a'
            } else {
                char::from(b"ab0"[tape.below(3)])
            }
        })
        .collect();
    serde_json::from_value(json!({
        "id": id, "number": number, "name": NAMES[tape.below(NAMES.len())], "log": "00".repeat(16),
        "argv": ["sleep", "1"], "cwd": "/", "graceMs": 5000, "startMs": 1, "uptimeMs": 1, "boot": "b",
    }))
    .unwrap()
}

/// An argument means an id, a number, a name or a unique prefix, and nothing else.
pub(super) const IDS: Property = Property {
    theme: "ids",
    rounds: 10_000,
    words: &[b"aaaaaa", b"web", b"proc_", b"proc_1", b"0", b"a", b"-2"],
    check: || Box::new(an_argument_means_one_thing),
};

fn an_argument_means_one_thing(bytes: &[u8]) {
    let mut tape = Tape(bytes);
    let mut state = State::default();
    for number in 1..=tape.below(8) as u64 {
        let new = entry(&mut tape, number);
        if state.processes.iter().all(|old| old.id != new.id) {
            state.processes.push(new);
        }
    }
    let query = String::from_utf8_lossy(tape.0).into_owned();
    let that = |holds: &dyn Fn(&Entry) -> bool| -> Vec<u64> {
        let found = state.processes.iter().filter(|entry| holds(entry));
        found.map(|entry| entry.number).collect()
    };
    let prefixed = that(&|entry| !query.is_empty() && entry.id.to_string().starts_with(&query));
    let meant = [
        that(&|entry| entry.id.to_string() == query),
        that(&|entry| name::number(&query) == Some(entry.number)),
        that(&|entry| entry.name == query),
    ];
    let first = meant.into_iter().find(|found| !found.is_empty());
    match (candidates(&state, &query), first) {
        (Ok(found), first) => {
            assert!(first.is_some() || prefixed.len() == 1, "{query:?}");
            let found: Vec<u64> = found.iter().map(|entry| entry.number).collect();
            let expected = first.unwrap_or_else(|| prefixed[..1].to_vec());
            assert_eq!(found, expected, "{query:?}");
        }
        (Err(error), None) => match prefixed.len() {
            0 => assert_eq!(error.kind, Kind::NotFound),
            1 => panic!("{query:?} means {prefixed:?}"),
            _ => assert_eq!(error.kind, Kind::Ambiguous),
        },
        (Err(error), Some(first)) => panic!("{query:?} means {first:?}, not {}", error.message),
    }
}

/// A life is lived once, whatever happens in it.
pub(super) const STATUS: Property = Property {
    theme: "status",
    rounds: 20_000,
    words: &[b"\x02\x89\0\0\0", b"\x05\x0f\0\0\0", b"\x02\0\0\0\x80"],
    check: || Box::new(a_life_is_lived_once),
};

fn a_life_is_lived_once(bytes: &[u8]) {
    let mut tape = Tape(bytes);
    let (mut status, mut asked) = (Status::Starting, false);
    while !tape.is_over() {
        let event = match tape.below(6) {
            0 => Event::Started,
            1 => Event::StopAsked,
            2 => Event::Ended(How::Code(tape.number().cast_signed())),
            3 => Event::RestartPlanned,
            4 => Event::SupervisorGone,
            _ => Event::Ended(How::Signal(tape.number().cast_signed())),
        };
        if let Event::Ended(how) = event {
            let _ = how.shell_code();
        }
        let (was, now) = (status, status.after(event));
        match (was.is_live(), now.is_live()) {
            (false, true) => {
                assert_eq!((event, now), (Event::RestartPlanned, Status::Starting));
                assert_ne!(was, Status::Lost);
                asked = false;
            }
            (false, false) => assert_eq!(was, now, "an end is an end"),
            (true, _) => {}
        }
        asked |= was.is_live() && event == Event::StopAsked;
        if asked && was.is_live() {
            let end = [Status::Stopping, Status::Killed, Status::Lost];
            assert!(end.contains(&now), "asked to stop, and {}", now.word());
        }
        assert_eq!(
            now == Status::Lost,
            was == Status::Lost || was.is_live() && event == Event::SupervisorGone
        );
        status = now;
    }
}

fn key() -> Key {
    Key::from_bytes([3; 32])
}

/// What the supervisor makes of these bytes, from a peer that may have proved itself.
fn told(proves: bool, bytes: &[u8], cuts: &mut Tape) -> (String, bool) {
    let (mut stranger, ours) = UnixStream::pair().unwrap();
    let mut peer = Peer::greet(ours, 1, Instant::now()).unwrap();
    let mut greeting = [0; 5 + 16 + NONCE_BYTES];
    stranger.read_exact(&mut greeting).unwrap();
    let log = Id([4; 16]);
    if proves {
        let Ok(Hello::Nonce(nonce)) = hello::read_hello(&greeting[5..]) else {
            panic!("no hello");
        };
        let proof = Session::new(&key(), log, nonce, [5; NONCE_BYTES]).proof();
        stranger
            .write_all(&frame::encode(frame::Kind::Proof, &proof))
            .unwrap();
        assert!(peer.read(&key(), log).unwrap().is_empty());
    }
    let (mut asked, mut rest) = (String::new(), bytes);
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at((1 + cuts.below(200)).min(rest.len()));
        rest = behind;
        stranger.write_all(chunk).unwrap();
        match peer.read(&key(), log) {
            Ok(all) => asked.extend(all.iter().map(|one| format!("{one:?}"))),
            Err(Hopeless) => return (asked, false),
        }
    }
    (asked, true)
}

/// A stranger is asked nothing, and frames come whole however they are cut.
pub(super) const CONTROL: Property = Property {
    theme: "control",
    rounds: 1_500,
    words: &[
        b"\x01\0\0\0",
        b"\x28\0\0\0\x02",
        b"\x12\0\0\0\x04\"attach\"",
        b"\x06\0\0\0\x06\x01\0\0\0\0",
        b"\xff\xff\xff\xff",
        b"\x09\0\0\0\x06\x03\x10\0\0\0abc",
        b"{\"request\":\"attach\"}",
        b"\x15\0\0\0\x04{\"request\":\"attach\"}",
    ],
    check: || Box::new(frames_come_whole),
};

fn frames_come_whole(bytes: &[u8]) {
    let (cuts, bytes) = bytes.split_at(bytes.len().min(4));
    let (asked, _) = told(false, bytes, &mut Tape(cuts));
    assert_eq!(asked, "", "of one that has not proved itself");
    // What was asked before the peer was given up may be told with less, where more came at once.
    let (at_once, well) = told(true, bytes, &mut Tape(&[199; 64]));
    let (in_pieces, well_too) = told(true, bytes, &mut Tape(cuts));
    assert_eq!(well, well_too);
    assert!(if well {
        at_once == in_pieces
    } else {
        at_once.starts_with(&in_pieces) || in_pieces.starts_with(&at_once)
    });

    let mut decoder = Decoder::default();
    decoder.push(bytes);
    let mut left = bytes.len();
    while let Ok(Some((kind, payload))) = decoder.next(FRAME_MAX_BYTES) {
        left -= frame::encode(kind, &payload).len();
    }
    assert!(left <= bytes.len());
    let _ = (hello::read_hello(bytes), hello::read_proof(bytes));
}

#[test]
fn of_escape_sequences_nothing_is_left_wherever_they_are_cut() {
    ESCAPES.holds();
}

#[test]
fn lines_are_the_same_however_their_chunks_were_cut() {
    LINES.holds();
}

#[test]
fn an_argument_means_an_id_a_number_a_name_or_a_unique_prefix_and_nothing_else() {
    IDS.holds();
}

#[test]
fn a_life_is_lived_once_whatever_happens_in_it() {
    STATUS.holds();
}

#[test]
fn a_stranger_is_asked_nothing_and_frames_come_whole_however_they_are_cut() {
    CONTROL.holds();
}
