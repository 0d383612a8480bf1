//! Takes terminal escape sequences out of bytes that any program may have written.
//!
//! What a sequence is: ECMA-48 (control sequences, control strings, C1 in both its forms) and the
//! manual of xterm (BEL ends a string); `ESC k` begins a title, as screen and tmux have it. A sequence
//! that is not finished takes what a terminal would take, but never more than the rest of its line.
//! Own code, not the crate for it: that drops tabs, knows no `\r`, and lets an unfinished string
//! swallow the lines that follow.
//! Does not: obey any sequence; [`row`](super::row) obeys the few that redraw a line.

use std::str::Utf8Chunks;

/// The text alone: UTF-8 (what is none becomes U+FFFD), of the controls only newline and tab.
#[cfg(any(test, fuzzing))]
pub(crate) fn strip(bytes: &[u8]) -> String {
    pieces(bytes)
        .filter_map(|piece| match piece {
            Piece::Char(c) => Some(c),
            Piece::Control('\n') => Some('\n'),
            Piece::Control('\t') => Some('\t'),
            Piece::Control(_) | Piece::Sequence(_) => None,
        })
        .collect()
}

/// One of the things that output is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A character to be seen: no control.
    Char(char),
    /// A control character, but neither ESC nor one that opens a sequence.
    Control(char),
    /// A finished control sequence (CSI) without private marks or intermediates. What stands before its
    /// last character is in [`Pieces::parameters`], until the next piece is taken.
    Sequence(Sequence),
}

/// What a control sequence asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// Its last character, which says what it does: `K` erases in the line.
    pub(crate) action: char,
    /// Its first number, if it has one.
    pub(crate) number: Option<u16>,
}

/// The pieces of `bytes`, in order. Sequences nobody can want are left out.
pub(crate) fn pieces(bytes: &[u8]) -> Pieces<'_> {
    Pieces {
        chunks: bytes.utf8_chunks(),
        valid: "".chars(),
        invalid: false,
        state: State::Text,
        parameters: Vec::new(),
    }
}

/// The longest text of numbers that is kept of a control sequence: 16 of the longest there are.
const PARAMETERS_MAX_BYTES: usize = 64;

/// See [`pieces`].
pub(crate) struct Pieces<'a> {
    chunks: Utf8Chunks<'a>,
    valid: std::str::Chars<'a>,
    /// After `valid` comes something that is no UTF-8.
    invalid: bool,
    state: State,
    parameters: Vec<u8>,
}

#[derive(Clone, Copy)]
enum State {
    Text,
    /// After ESC.
    Escape,
    /// After ESC and an intermediate, as in `ESC ( B`.
    Intermediate,
    /// After CSI.
    Control {
        number: Option<u16>,
        numbers: Numbers,
    },
    /// In a string (OSC, DCS, APC, PM, SOS, title), up to its end.
    String,
}

/// How far the numbers of a control sequence have been read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    First,
    Later,
    /// There is one with parts (`38:5:1`), as only the sequence for colours has them.
    Parts,
    /// A private mark or an intermediate: none of the sequences that anything here obeys.
    Foreign,
}

const CSI: State = State::Control {
    number: None,
    numbers: Numbers::First,
};

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            let c = self.next_char()?;
            if let Some(piece) = self.step(c) {
                return Some(piece);
            }
        }
    }
}

impl Pieces<'_> {
    /// The numbers of the sequence that was given last: digits, `;` and `:`. `None` if they were too many.
    pub(crate) fn parameters(&self) -> Option<&[u8]> {
        (self.parameters.len() <= PARAMETERS_MAX_BYTES).then_some(&self.parameters)
    }

    /// Whether what was taken so far does not end within a sequence.
    pub(crate) fn is_between(&self) -> bool {
        matches!(self.state, State::Text)
    }

    fn next_char(&mut self) -> Option<char> {
        loop {
            if let Some(c) = self.valid.next() {
                return Some(c);
            }
            if std::mem::take(&mut self.invalid) {
                return Some(char::REPLACEMENT_CHARACTER);
            }
            let chunk = self.chunks.next()?;
            self.valid = chunk.valid().chars();
            self.invalid = !chunk.invalid().is_empty();
        }
    }

    fn step(&mut self, c: char) -> Option<Piece> {
        let state = std::mem::replace(&mut self.state, State::Text);
        match (state, c) {
            // Most of these mean the same wherever they stand: a new sequence, or the end of one.
            (_, '\u{1b}') => self.to(State::Escape),
            (_, '\u{9b}') | (State::Escape, '[') => {
                self.parameters.clear();
                self.to(CSI)
            }
            (_, '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}')
            | (State::Escape, ']' | 'P' | 'X' | '^' | '_' | 'k') => self.to(State::String),
            (_, '\u{9c}' | '\u{18}' | '\u{1a}')
            | (State::String, '\u{7}')
            | (State::Escape | State::Intermediate, '0'..='~') => None,
            (_, '\n') => Some(Piece::Control(c)),

            (State::Text, _) => Some(seen(c)),
            (State::String, _) => self.to(State::String),
            (State::Escape | State::Intermediate, ' '..='/') => self.to(State::Intermediate),
            (State::Control { number, numbers }, ' '..='?') => {
                if self.parameters.len() <= PARAMETERS_MAX_BYTES {
                    self.parameters.push(c as u8); // one of ASCII
                }
                self.to(with_parameter(number, numbers, c))
            }
            (State::Control { number, numbers }, '@'..='~') => match numbers {
                Numbers::Foreign => None,
                Numbers::Parts if c != 'm' => None,
                Numbers::First | Numbers::Later | Numbers::Parts => {
                    Some(Piece::Sequence(Sequence { action: c, number }))
                }
            },
            (State::Escape | State::Intermediate | State::Control { .. }, _) => {
                if c.is_control() {
                    self.state = state; // a terminal obeys it, and then goes on with the sequence
                }
                Some(seen(c))
            }
        }
    }

    /// Goes on in `state`, with nothing to hand out.
    fn to(&mut self, state: State) -> Option<Piece> {
        self.state = state;
        None
    }
}

fn seen(c: char) -> Piece {
    if c.is_control() {
        Piece::Control(c)
    } else {
        Piece::Char(c)
    }
}

fn with_parameter(number: Option<u16>, numbers: Numbers, c: char) -> State {
    let digit = c.to_digit(10).and_then(|digit| u16::try_from(digit).ok());
    match (numbers, digit) {
        (Numbers::First, Some(digit)) => State::Control {
            number: Some(number.unwrap_or(0).saturating_mul(10).saturating_add(digit)),
            numbers,
        },
        (Numbers::First | Numbers::Later, None) if c == ';' => State::Control {
            number,
            numbers: Numbers::Later,
        },
        (Numbers::Later, Some(_)) => State::Control { number, numbers },
        (Numbers::First | Numbers::Later | Numbers::Parts, _) if c == ':' || c == ';' => {
            State::Control {
                number,
                numbers: Numbers::Parts,
            }
        }
        (Numbers::Parts, Some(_)) => State::Control { number, numbers },
        _ => State::Control {
            number,
            numbers: Numbers::Foreign,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_sequence_is_left() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain\ttext\nmore", "plain\ttext\nmore"),
            (b"\x1b[31mred\x1b[0m", "red"),
            (b"\x1b[38:2::255:0:0mred\x1b[m", "red"),
            (b"\x1b[?25lhidden\x1b[?25h", "hidden"),
            (b"\x1b[>4;2mx\x1b[=1cy\x1b[<1;2;3Mz", "xyz"),
            (b"\x1b[!px\x1b[1 qy\x1b[?1$pz", "xyz"),
            (b"\x1b]0;title\x07text", "text"),
            (b"\x1b]52;c;c2VjcmV0\x1b\\text", "text"),
            (b"\x1b]8;;http://a/\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\x1b]0;t\xc2\x9ctext", "text"),
            (
                b"\x1bP1$r0m\x1b\\a\x1b_G\x1b\\b\x1b^pm\x1b\\c\x1bXsos\x1b\\d",
                "abcd",
            ),
            (b"\x1bkpane title\x1b\\text", "text"),
            (
                b"\x1b(Ba\x1b)0b\x1b%/Gb\x1b#8c\x1b=d\x1b>e\x1b7f\x1bMg\x1bch",
                "abbcdefgh",
            ),
            (
                b"\xc2\x9b31mred\xc2\x9dtitle\x07 \xc2\x90dcs\xc2\x9c.\xc2\x85",
                "red .",
            ),
            (b"a\x07b\x08c\x0bd\x0ce\x0ef\x7fg\0h\ri", "abcdefghi"),
            // invalid UTF-8 is shown as such, and a bare 0x9b is no CSI to a UTF-8 terminal
            (b"a\x9b31mb\xff", "a\u{fffd}31mb\u{fffd}"),
            ("caf\u{e9} \u{1f600}".as_bytes(), "caf\u{e9} \u{1f600}"),
            // broken and unfinished ones
            (b"\x1b\x1b[31mx", "x"),
            (b"\x1b[31\x1b[0mx", "x"),
            (b"\x1b[3\x181mx", "1mx"),
            (b"\x1b[3\n1mx", "\n1mx"),
            (b"\x1b[3\t1mx", "\tx"),
            (b"\x1b]0;never ended\nnext line", "\nnext line"),
            (b"\x1bP never ended \x1b[31mx", "x"),
            (b"text\x1b", "text"),
            (b"text\x1b[12", "text"),
            (b"\x1b[\xc3\xa9\x1b\xc3\xa9", "\u{e9}\u{e9}"),
        ];
        for (bytes, text) in cases {
            assert_eq!(
                strip(bytes),
                *text,
                "{:?}",
                bytes.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn sequences_that_redraw_a_line_come_through_with_their_number() {
        let sequences = |bytes| {
            pieces(bytes)
                .map(|piece| match piece {
                    Piece::Sequence(Sequence { action, number }) => (action, number),
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(
            sequences(b"\x1b[K\x1b[2K\x1b[12;7H\x1b[;7H\x1b[99999999G\x1b[?2K"),
            [
                ('K', None),
                ('K', Some(2)),
                ('H', Some(12)),
                ('H', None),
                ('G', Some(u16::MAX))
            ]
        );
    }

    #[test]
    fn random_bytes_leave_no_control_but_newline_and_tab() {
        let mut random = fastrand::Rng::with_seed(1);
        // Bytes that open, fill and end sequences, so that random strings of them get far.
        let alphabet =
            b"\x1b\x1b[]P_^Xk\\;:?>!0 9mKhA\x07\x18\x9b\x9c\x9d\xc2\xe2\x80\xae\n\t\rtext";
        for round in 0..20_000 {
            let bytes: Vec<u8> = (0..random.usize(..64))
                .map(|_| match round % 2 {
                    0 => random.u8(..),
                    _ => alphabet[random.usize(..alphabet.len())],
                })
                .collect();
            let text = strip(&bytes);
            assert!(
                !text
                    .chars()
                    .any(|c| c.is_control() && c != '\n' && c != '\t'),
                "{:?} gave {text:?}",
                bytes.escape_ascii().to_string()
            );
            let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count();
            assert_eq!(lines(&bytes), lines(text.as_bytes()), "no line is lost");
        }
    }
}
