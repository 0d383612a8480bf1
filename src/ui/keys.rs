//! Keys, made of the bytes that a terminal sends: UTF-8, control characters, and the sequences of xterm
//! that other terminals have in common with it (xterm's ctlseqs: "PC-Style Function Keys", "SGR Mouse").
//!
//! Own code: the reader of the crate that draws takes signals and the input for itself, and cannot
//! be waited for together with anything else.
//! Does not: know what a key is for, or when the bytes come. Nothing in the input makes it hold more
//! than [`PASTE_MAX_BYTES`].

/// The most that is taken of a text that is pasted, in bytes.
pub(super) const PASTE_MAX_BYTES: usize = 4096;
/// The longest sequence that is waited for to be whole.
const SEQUENCE_MAX_BYTES: usize = 32;

const PASTE_BEGIN: &[u8] = b"\x1b[200~";
const PASTE_END: &[u8] = b"\x1b[201~";

/// A key that was pressed, or what else a person does at a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    /// A letter with Control.
    Control(char),
    Enter,
    Tab,
    BackTab,
    Backspace,
    Escape,
    Up,
    Down,
    Home,
    End,
    PageUp,
    PageDown,
    /// The wheel, over this row of the screen.
    WheelUp {
        row: u16,
    },
    WheelDown {
        row: u16,
    },
    /// A text at once.
    Paste(String),
}

/// Takes bytes as they come.
#[derive(Default)]
pub(super) struct Decoder {
    held: Vec<u8>,
    /// Within a paste: what was pasted so far.
    pasted: Option<Vec<u8>>,
}

/// What stands at the beginning of the bytes.
enum Step {
    /// So many bytes are this key.
    Key(usize, Key),
    /// So many bytes are nothing that is known here.
    Unknown(usize),
    PasteBegins,
    /// The rest has not come yet.
    More,
}

impl Decoder {
    /// The keys that are whole with these bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.held.extend_from_slice(bytes);
        let mut keys = Vec::new();
        let mut at = 0;
        loop {
            if self.pasted.is_some() {
                match self.paste(at, &mut keys) {
                    Some(next) => at = next,
                    None => return keys,
                }
            }
            match step(&self.held[at..]) {
                Step::Key(len, key) => {
                    keys.push(key);
                    at += len;
                }
                Step::Unknown(len) => at += len,
                Step::PasteBegins => {
                    at += PASTE_BEGIN.len();
                    self.pasted = Some(Vec::new());
                }
                Step::More => {
                    self.held.drain(..at);
                    return keys;
                }
            }
        }
    }

    /// Whether what came last may be the Escape key, or the beginning of a sequence of which the rest
    /// comes in a moment.
    pub(super) fn is_undecided(&self) -> bool {
        self.pasted.is_none() && !self.held.is_empty()
    }

    /// Decides that nothing follows.
    pub(super) fn decide(&mut self) -> Option<Key> {
        if !self.is_undecided() {
            return None;
        }
        let held = std::mem::take(&mut self.held);
        (held == b"\x1b").then_some(Key::Escape)
    }

    /// Takes what is pasted, from `at` on; where it goes on behind it, if it ends.
    fn paste(&mut self, at: usize, keys: &mut Vec<Key>) -> Option<usize> {
        let pasted = self.pasted.as_mut()?;
        let rest = &self.held[at..];
        let end = memchr::memmem::find(rest, PASTE_END);
        // The beginning of its end may be what came last.
        let now = end.unwrap_or(rest.len().saturating_sub(PASTE_END.len() - 1));
        let room = PASTE_MAX_BYTES - pasted.len();
        pasted.extend_from_slice(&rest[..now.min(room)]);
        if end.is_none() {
            self.held.drain(..at + now);
            return None;
        }
        let text = String::from_utf8_lossy(pasted).into_owned();
        keys.push(Key::Paste(text));
        self.pasted = None;
        Some(at + now + PASTE_END.len())
    }
}

fn step(bytes: &[u8]) -> Step {
    let Some(first) = bytes.first() else {
        return Step::More;
    };
    match first {
        0x1b => escape(bytes),
        b'\r' | b'\n' => Step::Key(1, Key::Enter),
        b'\t' => Step::Key(1, Key::Tab),
        0x7f | 0x08 => Step::Key(1, Key::Backspace),
        0 => Step::Unknown(1),
        1..0x20 => Step::Key(1, Key::Control(char::from(first | 0x60))),
        _ => character(bytes),
    }
}

fn character(bytes: &[u8]) -> Step {
    let wanted = match bytes[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let whole = &bytes[..bytes.len().min(wanted)];
    match std::str::from_utf8(whole) {
        Ok(text) => match text.chars().next() {
            Some(c) if !c.is_control() => Step::Key(whole.len(), Key::Char(c)),
            _ => Step::Unknown(whole.len()),
        },
        Err(error) if error.error_len().is_none() => Step::More,
        Err(_) => Step::Unknown(1),
    }
}

fn escape(bytes: &[u8]) -> Step {
    match bytes.get(1) {
        None => Step::More,
        Some(b'[') => control_sequence(bytes),
        Some(b'O') => match bytes.get(2) {
            None => Step::More,
            Some(last) => known(3, &[], *last),
        },
        // Escape, and then another key.
        Some(_) => Step::Key(1, Key::Escape),
    }
}

fn control_sequence(bytes: &[u8]) -> Step {
    let parameters = &bytes[2..];
    let Some(len) = parameters
        .iter()
        .position(|byte| !(0x20..0x40).contains(byte))
    else {
        return if bytes.len() > SEQUENCE_MAX_BYTES {
            Step::Unknown(bytes.len())
        } else {
            Step::More
        };
    };
    if bytes.starts_with(PASTE_BEGIN) {
        return Step::PasteBegins;
    }
    if !(0x40..0x7f).contains(&parameters[len]) {
        return Step::Unknown(2 + len); // broken off by something else
    }
    known(3 + len, &parameters[..len], parameters[len])
}

fn known(len: usize, parameters: &[u8], last: u8) -> Step {
    let mut numbers = parameters
        .strip_prefix(b"<")
        .unwrap_or(parameters)
        .split(|byte| *byte == b';')
        .map(|digits| std::str::from_utf8(digits).ok()?.parse::<u16>().ok());
    let first = numbers.next().flatten();
    let key = match (last, first) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'H', _) | (b'~', Some(1 | 7)) => Key::Home,
        (b'F', _) | (b'~', Some(4 | 8)) => Key::End,
        (b'~', Some(5)) => Key::PageUp,
        (b'~', Some(6)) => Key::PageDown,
        (b'Z', _) => Key::BackTab,
        (b'M', Some(b)) if parameters.first() == Some(&b'<') => {
            let row = numbers.nth(1).flatten().unwrap_or(1).saturating_sub(1);
            match b & !0b1_1100 {
                64 => Key::WheelUp { row },
                65 => Key::WheelDown { row },
                _ => return Step::Unknown(len),
            }
        }
        _ => return Step::Unknown(len),
    };
    Step::Key(len, key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        let mut keys = decoder.push(bytes);
        keys.extend(decoder.decide());
        keys
    }

    #[test]
    fn bytes_are_keys() {
        use Key::*;
        for (bytes, expected) in [
            (&b"jq"[..], vec![Char('j'), Char('q')]),
            (
                "\u{e9}\u{1f600}".as_bytes(),
                vec![Char('\u{e9}'), Char('\u{1f600}')],
            ),
            (
                b"\r\n\t\x7f\x08",
                vec![Enter, Enter, Tab, Backspace, Backspace],
            ),
            (b"\x03\x1a", vec![Control('c'), Control('z')]),
            (b"\x1b", vec![Escape]),
            (b"\x1b\x1b", vec![Escape, Escape]),
            (b"\x1bq", vec![Escape, Char('q')]),
            (b"\x1b[A\x1b[B\x1bOA\x1b[1;5B", vec![Up, Down, Up, Down]),
            (
                b"\x1b[H\x1b[F\x1b[1~\x1b[4~\x1bOH",
                vec![Home, End, Home, End, Home],
            ),
            (b"\x1b[5~\x1b[6~\x1b[Z", vec![PageUp, PageDown, BackTab]),
            (
                b"\x1b[<64;3;7M\x1b[<65;3;1M\x1b[<0;3;7M\x1b[<0;3;7m",
                vec![WheelUp { row: 6 }, WheelDown { row: 0 }],
            ),
            (
                b"\x1b[200~x\ry\x1b[201~z",
                vec![Paste("x\ry".into()), Char('z')],
            ),
            (b"\x1b[3~\x1b[15~\x1bOP\0\xff\x80k", vec![Char('k')]),
            (b"\x1b[1\x1b[A", vec![Up]),
        ] {
            assert_eq!(
                keys(bytes),
                expected,
                "{:?}",
                bytes.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn a_key_may_come_in_pieces() {
        for bytes in [
            &b"\x1b[1;5A"[..],
            b"\x1b[<64;3;7M",
            "\u{1f600}".as_bytes(),
            b"\x1b[200~paste\x1b[201~",
        ] {
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for byte in bytes {
                seen.extend(decoder.push(&[*byte]));
            }
            assert_eq!(seen, keys(bytes));
            assert_eq!(seen.len(), 1);
            assert!(!decoder.is_undecided());
        }
    }

    #[test]
    fn random_bytes_never_panic_and_little_is_held() {
        let mut random = fastrand::Rng::with_seed(3);
        let alphabet = b"\x1b\x1b[[O<;;0126~~MABZ\xe2\x80jq";
        for _ in 0..500 {
            let mut decoder = Decoder::default();
            for _ in 0..200 {
                let bytes: Vec<u8> = (0..random.usize(..64))
                    .map(|_| {
                        if random.bool() {
                            alphabet[random.usize(..alphabet.len())]
                        } else {
                            random.u8(..)
                        }
                    })
                    .collect();
                decoder.push(&bytes);
                assert!(decoder.held.len() <= SEQUENCE_MAX_BYTES + 64);
                let pasted = decoder.pasted.as_ref().map_or(0, Vec::len);
                assert!(pasted <= PASTE_MAX_BYTES);
            }
        }
    }
}
