//! A terminal without a window: what the bytes of a program leave on its screen.
//!
//! The `vt100` crate does the work. It obeys what moves, writes and erases, and nothing that reaches out of
//! the screen: no answers to the program, no clipboard, no files.
//! Does not: know where the bytes come from, or show anything.

use std::num::NonZeroU16;

use vt100::{Callbacks, Parser, Screen};

use crate::model::size::Size;

/// The longest title that is kept, in bytes.
const TITLE_MAX_BYTES: usize = 1024;

/// A screen, and what wrote on it so far.
pub(crate) struct Emulator {
    parser: Parser<Told>,
}

/// What a program says beside what it writes on the screen.
#[derive(Default)]
struct Told {
    title: String,
}

impl Callbacks for Told {
    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        let title = &title[..title.len().min(TITLE_MAX_BYTES)];
        self.title = String::from_utf8_lossy(title).into_owned();
    }
}

/// Where the next character is written: from 0 on, at the top left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) row: u16,
    pub(crate) column: u16,
    pub(crate) visible: bool,
}

impl Emulator {
    /// An empty screen of this size.
    pub(crate) fn new(size: Size) -> Self {
        let (rows, columns) = extent(size);
        Self {
            parser: Parser::new_with_callbacks(rows, columns, 0, Told::default()),
        }
    }

    /// Takes what the program writes. A sequence may be cut anywhere.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
    }

    /// Gives the screen another size.
    pub(crate) fn resize(&mut self, size: Size) {
        let (rows, columns) = extent(size);
        self.parser.set_size(rows, columns);
    }

    pub(crate) fn size(&self) -> Size {
        let (rows, columns) = self.parser.screen().size();
        Size {
            columns: columns.get(),
            rows: rows.get(),
        }
    }

    /// The text of each row, without the blanks at its end.
    pub(crate) fn rows(&self) -> Vec<String> {
        let rows = self.parser.screen().rows(0, self.size().columns);
        rows.map(|mut row| {
            row.truncate(row.trim_end_matches(' ').len());
            row
        })
        .collect()
    }

    pub(crate) fn cursor(&self) -> Cursor {
        let (row, column) = self.parser.screen().cursor_position();
        let Size { columns, rows } = self.size();
        Cursor {
            row: row.min(rows - 1),
            column: column.min(columns - 1), // behind the last one, until the next character is written
            visible: !self.parser.screen().hide_cursor(),
        }
    }

    /// What the program called its window; empty if it did not.
    pub(crate) fn title(&self) -> &str {
        &self.parser.callbacks().title
    }

    /// Whether it is the second screen, which full-screen programs leave behind them as it was.
    pub(crate) fn is_alternate(&self) -> bool {
        self.parser.screen().alternate_screen()
    }

    /// Whether the program wants the cursor keys in their second form. See DECCKM in xterm's manual.
    pub(crate) fn wants_application_keys(&self) -> bool {
        self.parser.screen().application_cursor()
    }

    /// The sequences that draw this screen on a terminal of its size, with colours, cursor and modes.
    pub(crate) fn redraw(&self) -> Vec<u8> {
        self.parser.screen().state_formatted().into_bytes()
    }
}

/// The same for the library.
fn extent(size: Size) -> (NonZeroU16, NonZeroU16) {
    let size = size.within_limits();
    let number = |n| NonZeroU16::new(n).unwrap_or(NonZeroU16::MIN);
    (number(size.rows), number(size.columns))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(columns: u16, rows: u16) -> Size {
        Size { columns, rows }
    }

    #[test]
    fn a_screen_is_what_the_last_bytes_left_on_it() {
        let mut screen = Emulator::new(size(10, 3));
        screen.write(b"one\r\ntwo\r\nthree\r\nfour\x1b[1;1Htw\x1b]2;a title\x07\x1b[?1h");
        assert_eq!(screen.rows(), ["two", "three", "four"]);
        let cursor = screen.cursor();
        assert_eq!((cursor.row, cursor.column, cursor.visible), (0, 2, true));
        assert!(screen.wants_application_keys() && !screen.is_alternate());
        assert_eq!(screen.title(), "a title");
        screen.write(b"\x1b[?1049h\x1b[?25l\x1b[H\x1b[2Jfull");
        assert!(screen.is_alternate() && !screen.cursor().visible);
        assert_eq!(screen.rows(), ["full", "", ""]);
        screen.write(b"\x1b[?1049l");
        assert_eq!(screen.rows(), ["two", "three", "four"]);
        screen.resize(size(4, 2));
        assert_eq!(screen.size(), size(4, 2));
    }

    #[test]
    fn what_is_drawn_anew_is_the_same() {
        let mut screen = Emulator::new(size(20, 4));
        screen.write(b"\x1b[31mred\x1b[m plain\r\n\x1b[1;4mbold\x1b[m\x1b[?2004h\x1b[?1h\x1b[2;3H");
        let mut other = Emulator::new(size(20, 4));
        other.write(&screen.redraw());
        assert_eq!(other.rows(), screen.rows());
        assert_eq!(other.cursor(), screen.cursor());
        assert_eq!(other.redraw(), screen.redraw());
    }

    /// Bytes that open, fill and end sequences, so that random strings of them get far.
    fn hostile(random: &mut fastrand::Rng, round: u32) -> Vec<u8> {
        let pieces: &[&[u8]] = &[
            b"\x1b[",
            b"\x1b]",
            b"\x1bP",
            b"\x1b_",
            b"\x1b^",
            b"\x1b(0",
            b"\x1bc",
            b"\x1b7",
            b"\x1b8",
            b"\x1bM",
            b"\x1bD",
            b"\x9b",
            b";",
            b"?",
            b"1",
            b"0",
            b"65535",
            b"99999999999",
            b"H",
            b"J",
            b"K",
            b"L",
            b"M",
            b"P",
            b"@",
            b"X",
            b"S",
            b"T",
            b"r",
            b"m",
            b"h",
            b"l",
            b"?1049h",
            b"?1049l",
            b"?47h",
            b"?6h",
            b"?7l",
            b"\x07",
            b"\x08",
            b"\t",
            b"\n",
            b"\r",
            b"\x0e",
            b"\x0f",
            b"\xff",
            b"text",
            "\u{4e2d}\u{6587}".as_bytes(),
            "e\u{301}".as_bytes(),
            "\u{1f469}\u{200d}\u{1f4bb}".as_bytes(),
            "\u{202e}".as_bytes(),
            b"52;c;aGk=\x07",
            b"8;10;10t",
            b"\x1b[8;65535;65535t",
            b"\x1b[5;2r",
            b"\x1b[999;999H",
            b"0;title\x1b\\",
        ];
        (0..random.usize(..200))
            .flat_map(|_| match round % 3 {
                0 => vec![random.u8(..)],
                _ => pieces[random.usize(..pieces.len())].to_vec(),
            })
            .collect()
    }

    // C16
    #[test]
    fn no_bytes_break_it_at_any_size() {
        let mut random = fastrand::Rng::with_seed(7);
        for round in 0..3_000 {
            let any = |random: &mut fastrand::Rng| match random.u8(..4) {
                0 => size(random.u16(2..5), random.u16(2..5)),
                1 => size(random.u16(2..200), 2),
                2 => size(2, random.u16(2..200)),
                _ => size(random.u16(2..200), random.u16(2..60)),
            };
            let mut screen = Emulator::new(any(&mut random));
            for _ in 0..random.usize(1..6) {
                screen.write(&hostile(&mut random, round));
                if random.bool() {
                    screen.resize(any(&mut random));
                }
                let (rows, cursor) = (screen.rows(), screen.cursor());
                assert_eq!(rows.len(), usize::from(screen.size().rows));
                assert!(cursor.row < screen.size().rows && cursor.column < screen.size().columns);
                let no_control = |row: &String| !row.chars().any(char::is_control);
                assert!(rows.iter().all(no_control), "{rows:?}");
                let _ = screen.redraw();
            }
        }
    }
}
