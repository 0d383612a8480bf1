//! Keys by their names, and the bytes that a terminal sends for them.
//!
//! The names are tmux's, the bytes xterm's (its manual, "PC-Style Function Keys").
//! Does not: send them, or know what a program makes of them.

use crate::text::similar::closest;

/// A key, with those that are held down meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    held: Held,
    base: Base,
}

/// Shift, Meta and Control.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Held {
    shift: bool,
    meta: bool,
    control: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Char(char),
    Enter,
    /// `CSI letter`; in the second mode of the cursor keys `SS3 letter`.
    Cursor(char),
    /// `SS3 letter`.
    Function(char),
    /// `CSI number ~`.
    Numbered(u8),
}

/// Whose keyboard it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyboard {
    /// A terminal's.
    Normal,
    /// A terminal's whose program asked for the second form of the cursor keys (DECCKM).
    Application,
    /// None: a pipe, where a line ends with a newline.
    Pipe,
}

const ESC: char = '\u{1b}';
const DELETE: char = '\u{7f}';

/// The names that a key may have, the usual one first, and the key.
const NAMED: &[(&[&str], Base)] = &[
    (&["Enter", "Return", "CR"], Base::Enter),
    (&["Tab"], Base::Char('\t')),
    (&["Esc", "Escape"], Base::Char(ESC)),
    (&["Space"], Base::Char(' ')),
    (&["BSpace", "Backspace"], Base::Char(DELETE)),
    (&["Up"], Base::Cursor('A')),
    (&["Down"], Base::Cursor('B')),
    (&["Right"], Base::Cursor('C')),
    (&["Left"], Base::Cursor('D')),
    (&["Home"], Base::Cursor('H')),
    (&["End"], Base::Cursor('F')),
    (&["PageUp", "PgUp", "PPage"], Base::Numbered(5)),
    (&["PageDown", "PgDn", "NPage"], Base::Numbered(6)),
    (&["IC", "Insert"], Base::Numbered(2)),
    (&["DC", "Delete", "Del"], Base::Numbered(3)),
    (&["F1"], Base::Function('P')),
    (&["F2"], Base::Function('Q')),
    (&["F3"], Base::Function('R')),
    (&["F4"], Base::Function('S')),
    (&["F5"], Base::Numbered(15)),
    (&["F6"], Base::Numbered(17)),
    (&["F7"], Base::Numbered(18)),
    (&["F8"], Base::Numbered(19)),
    (&["F9"], Base::Numbered(20)),
    (&["F10"], Base::Numbered(21)),
    (&["F11"], Base::Numbered(23)),
    (&["F12"], Base::Numbered(24)),
];

/// What a key may be, for the one who named none.
pub(crate) const ALL: &str = "C-a to C-z, M-x, Enter, Tab, S-Tab, Esc, Space, BSpace, Up, Down, Left, \
                              Right, Home, End, PageUp, PageDown, IC, DC, F1 to F12, or a single character; \
                              C-, M- and S- go before any of them";

/// The keys that `text` names, with blanks between; or the name that is none, and one that is near.
pub(crate) fn parse(text: &str) -> Result<Vec<Key>, (&str, Option<&'static str>)> {
    let keys = text.split_whitespace().map(|name| {
        one(name).ok_or_else(|| {
            let known = NAMED.iter().map(|(names, _)| names[0]);
            (name, closest(name, known))
        })
    });
    let keys: Vec<Key> = keys.collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err((text, None));
    }
    Ok(keys)
}

fn one(name: &str) -> Option<Key> {
    let (mut held, mut rest) = (Held::default(), name);
    loop {
        let mut chars = rest.chars();
        let (first, second) = (chars.next()?, chars.next());
        if second != Some('-') || chars.as_str().is_empty() {
            break;
        }
        match first {
            'C' | 'c' => held.control = true,
            'M' | 'm' => held.meta = true,
            'S' | 's' => held.shift = true,
            _ => return None,
        }
        rest = chars.as_str();
    }
    let base = base(rest)?;
    let is_typed = match base {
        Base::Char(c) => control(c).is_some() || !held.control,
        _ => true,
    };
    let shifts = !held.shift || !matches!(base, Base::Char(c) if c != '\t');
    (is_typed && shifts).then_some(Key { held, base })
}

fn base(name: &str) -> Option<Base> {
    let mut chars = name.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control()).then_some(Base::Char(c));
    }
    let is_its = |known: &&str| known.eq_ignore_ascii_case(name);
    let known = NAMED.iter().find(|(names, _)| names.iter().any(is_its));
    known.map(|(_, base)| *base)
}

/// What Control makes of a character, where it makes something of it.
fn control(c: char) -> Option<char> {
    match c {
        ' ' => Some('\0'),
        '?' => Some(DELETE),
        '@'..='_' | 'a'..='z' => char::from_u32(u32::from(c) & 0x1f),
        _ => None,
    }
}

impl Key {
    /// Whether it is another key in the second mode of the cursor keys.
    pub(crate) fn depends_on_mode(self) -> bool {
        matches!(self.base, Base::Cursor(_)) && self.held == Held::default()
    }

    /// Adds what `keyboard` sends for it.
    pub(crate) fn encode(self, keyboard: Keyboard, bytes: &mut Vec<u8>) {
        let Held {
            shift,
            meta,
            control: with_control,
        } = self.held;
        let number = 1 + u8::from(shift) + 2 * u8::from(meta) + 4 * u8::from(with_control);
        let is_plain = number == 1;
        let text = match self.base {
            Base::Char('\t') if shift => format!("{}{ESC}[Z", if meta { "\x1b" } else { "" }),
            Base::Char(c) => {
                let c = with_control.then(|| control(c)).flatten().unwrap_or(c);
                if meta {
                    format!("{ESC}{c}")
                } else {
                    c.to_string()
                }
            }
            Base::Enter => {
                let enter = if keyboard == Keyboard::Pipe {
                    '\n'
                } else {
                    '\r'
                };
                if meta {
                    format!("{ESC}{enter}")
                } else {
                    enter.to_string()
                }
            }
            Base::Cursor(letter) if is_plain && keyboard == Keyboard::Application => {
                format!("{ESC}O{letter}")
            }
            Base::Cursor(letter) if is_plain => format!("{ESC}[{letter}"),
            Base::Function(letter) if is_plain => format!("{ESC}O{letter}"),
            Base::Cursor(letter) | Base::Function(letter) => format!("{ESC}[1;{number}{letter}"),
            Base::Numbered(n) if is_plain => format!("{ESC}[{n}~"),
            Base::Numbered(n) => format!("{ESC}[{n};{number}~"),
        };
        bytes.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(text: &str, keyboard: Keyboard) -> String {
        let mut bytes = Vec::new();
        for key in parse(text).unwrap() {
            key.encode(keyboard, &mut bytes);
        }
        bytes.escape_ascii().to_string()
    }

    #[test]
    fn keys_send_what_a_terminal_sends() {
        for (names, bytes) in [
            ("C-a C-z C-C c-d", r"\x01\x1a\x03\x04"),
            (
                "C-@ C-Space C-[ C-\\ C-] C-^ C-_ C-?",
                r"\x00\x00\x1b\x1c\x1d\x1e\x1f\x7f",
            ),
            ("Enter Return Tab Esc Space BSpace", r"\r\r\t\x1b \x7f"),
            (
                "Up Down Right Left Home End",
                r"\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F",
            ),
            ("PageUp PageDown IC DC", r"\x1b[5~\x1b[6~\x1b[2~\x1b[3~"),
            ("F1 F2 F3 F4 F5", r"\x1bOP\x1bOQ\x1bOR\x1bOS\x1b[15~"),
            (
                "F6 F7 F8 F9 F10 F11 F12",
                r"\x1b[17~\x1b[18~\x1b[19~\x1b[20~\x1b[21~\x1b[23~\x1b[24~",
            ),
            (
                "M-x M-X M-C-x M-Enter M-BSpace",
                r"\x1bx\x1bX\x1b\x18\x1b\r\x1b\x7f",
            ),
            (
                "S-Tab C-Left M-Up S-F5 C-S-End C-F1",
                r"\x1b[Z\x1b[1;5D\x1b[1;3A\x1b[15;2~\x1b[1;6F\x1b[1;5P",
            ),
            ("q : - M-- C-- x", ""),
            ("enter pgup DEL", r"\r\x1b[5~\x1b[3~"),
        ] {
            if bytes.is_empty() {
                assert_eq!(parse(names), Err(("C--", None)));
            } else {
                assert_eq!(sent(names, Keyboard::Normal), bytes, "{names}");
            }
        }
        assert_eq!(
            sent("Up Home C-Up F1", Keyboard::Application),
            r"\x1bOA\x1bOH\x1b[1;5A\x1bOP"
        );
        assert_eq!(
            sent("q Enter C-c \u{e9}", Keyboard::Pipe),
            r"q\n\x03\xc3\xa9"
        );
    }

    #[test]
    fn what_is_no_key_is_named_with_one_that_is_near() {
        assert_eq!(parse("Up Entr"), Err(("Entr", Some("Enter"))));
        for none in [
            "", " ", "C-", "F13", "X-a", "C-\u{e9}", "S-a", "hello", "C-hello", "--",
        ] {
            assert!(parse(none).is_err(), "{none:?}");
        }
    }

    #[test]
    fn every_name_is_a_key_and_has_no_twin() {
        let names = || NAMED.iter().flat_map(|(names, _)| names.iter());
        for name in names() {
            assert!(one(name).is_some());
            assert_eq!(
                names()
                    .filter(|other| other.eq_ignore_ascii_case(name))
                    .count(),
                1
            );
        }
        for (names, _) in NAMED.iter().filter(|(names, _)| !names[0].starts_with('F')) {
            assert!(ALL.contains(names[0]), "{} is told", names[0]);
        }
    }
}
