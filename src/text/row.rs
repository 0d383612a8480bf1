//! What a line of output looks like after all that the program did to redraw it.
//!
//! A row as a terminal of endless width would show it: `\r` goes back and what follows overwrites, and
//! so do backspace and the sequences with which progress bars move and erase within their line. One
//! character is one cell, and tab stops are 8 apart.
//! Does not: follow a program that moves between lines; every line stands for itself.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

use super::display::{escape_into, for_terminal, is_dangerous};
use super::escapes::{Piece, Sequence, pieces};
use super::style::{RESET, Style};

/// As far as a sequence may move right of what is written: a real terminal stops at its edge.
const COLUMNS_MAX: usize = 256;

/// Where a line goes, and so what may be left in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Text alone: no controls but tabs.
    Pipe,
    /// For a terminal without colours: what misleads a reader is made visible besides.
    Terminal,
    /// The same with the program's colours, which end with the line.
    Colours,
}

/// The last state of one line.
pub(crate) fn shown(line: &[u8], look: Look) -> Cow<'_, str> {
    if let Some(text) = as_written(line) {
        return match look {
            Look::Pipe => Cow::Borrowed(text),
            Look::Terminal | Look::Colours => for_terminal(text),
        };
    }
    Cow::Owned(Row::of(line).shown_from(0, look))
}

/// `line`, if it is text without controls but tabs: what is written is then what is shown.
pub(crate) fn as_written(line: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(line).ok()?;
    let plain = |byte: &u8| (*byte >= b' ' && *byte < 0x7f) || *byte == b'\t';
    let plain =
        text.as_bytes().iter().all(plain) || !text.contains(|c: char| c.is_control() && c != '\t');
    plain.then_some(text)
}

/// Stands in the cells that a tab takes after its own.
const FILLER: char = '\0';
const TAB_COLUMNS: usize = 8;

/// One line as it stands.
#[derive(Default)]
pub(crate) struct Row {
    cells: Vec<Cell>,
    column: usize,
    style: Style,
    redrawn: bool,
    /// It ends within a sequence.
    unfinished: bool,
}

#[derive(Clone, Copy)]
struct Cell {
    c: char,
    style: Style,
}

const BLANK: Cell = Cell {
    c: ' ',
    style: Style::DEFAULT,
};

impl Row {
    /// What `line` leaves.
    pub(crate) fn of(line: &[u8]) -> Self {
        let mut row = Self::default();
        let mut pieces = pieces(line);
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Char(c) => row.write(c),
                Piece::Control(control) => row.control(control),
                Piece::Sequence(Sequence { action: 'm', .. }) => {
                    if let Some(parameters) = pieces.parameters() {
                        row.style.apply(parameters);
                    }
                }
                Piece::Sequence(sequence) => row.obey(sequence),
            }
        }
        row.unfinished = !pieces.is_between();
        row
    }

    /// How many cells it has.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The columns it takes on a terminal.
    pub(crate) fn columns(&self) -> usize {
        let columns = |cell: &Cell| match cell.c {
            '\t' | FILLER => 1,
            c => c.width().unwrap_or(0),
        };
        self.cells.iter().map(columns).sum()
    }

    /// Whether what is written next stands behind all of it, and all that was written did: so far the
    /// line only grew.
    pub(crate) fn only_grew(&self) -> bool {
        !self.redrawn && self.column == self.cells.len()
    }

    /// Whether it ends within a sequence.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// Whether something in it was written over or erased.
    pub(crate) fn was_redrawn(&self) -> bool {
        self.redrawn
    }

    /// Its text, from a cell on.
    pub(crate) fn shown_from(&self, from: usize, look: Look) -> String {
        let cells = self.cells.get(from..).unwrap_or_default();
        let mut text = String::with_capacity(cells.len());
        let mut style = Style::DEFAULT;
        for cell in cells.iter().filter(|cell| cell.c != FILLER) {
            if look == Look::Colours && cell.style != style {
                style = cell.style;
                if style.is_default() {
                    text.push_str(RESET);
                } else {
                    style.begin(&mut text);
                }
            }
            if look != Look::Pipe && cell.c != '\t' && is_dangerous(cell.c) {
                escape_into(&mut text, cell.c);
            } else {
                text.push(cell.c);
            }
        }
        if !style.is_default() {
            text.push_str(RESET);
        }
        text
    }

    fn write(&mut self, c: char) {
        self.open_tab();
        let cell = Cell {
            c,
            style: self.style,
        };
        if self.column >= self.cells.len() {
            self.cells.resize(self.column, BLANK);
            self.cells.push(cell);
        } else {
            self.cells[self.column] = cell;
            self.redrawn = true;
        }
        self.column += 1;
    }

    fn control(&mut self, control: char) {
        match control {
            '\r' => self.column = 0,
            '\u{8}' => self.column = self.column.saturating_sub(1),
            '\t' => {
                let stop = (self.column / TAB_COLUMNS + 1) * TAB_COLUMNS;
                if self.column >= self.cells.len() {
                    self.write('\t');
                    let filler = Cell {
                        c: FILLER,
                        style: self.style,
                    };
                    self.cells.resize(stop, filler);
                }
                self.column = stop; // over what is written it passes, and erases nothing
            }
            _ => {}
        }
    }

    /// Where a tab is about to be broken, it becomes the spaces that it looks like.
    fn open_tab(&mut self) {
        let Some('\t' | FILLER) = self.cells.get(self.column).map(|cell| cell.c) else {
            return;
        };
        let begin = self.column / TAB_COLUMNS * TAB_COLUMNS;
        let end = self.cells.len().min(begin + TAB_COLUMNS);
        for cell in &mut self.cells[begin..end] {
            if matches!(cell.c, '\t' | FILLER) {
                cell.c = ' ';
            }
        }
    }

    fn obey(&mut self, sequence: Sequence) {
        let number = sequence.number.map_or(0, usize::from);
        let steps = number.max(1);
        match (sequence.action, number) {
            ('K', 0) => {
                self.redrawn |= self.column < self.cells.len();
                self.cells.truncate(self.column);
            }
            ('K', 1) => {
                let end = self.cells.len().min(self.column + 1);
                self.redrawn |= end > 0;
                self.cells[..end].fill(BLANK);
            }
            ('K', 2) => {
                self.redrawn |= !self.cells.is_empty();
                self.cells.clear();
            }
            ('G', _) => self.go_to(steps - 1),
            ('C', _) => self.go_to(self.column.saturating_add(steps)),
            ('D', _) => self.column = self.column.saturating_sub(steps),
            ('P', _) if self.column < self.cells.len() => {
                self.open_tab();
                let end = self.cells.len().min(self.column + steps);
                self.cells.drain(self.column..end);
                self.redrawn = true;
            }
            _ => {}
        }
    }

    fn go_to(&mut self, column: usize) {
        self.column = column.min(self.cells.len().max(COLUMNS_MAX - 1));
    }
}

#[cfg(test)]
mod tests {
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
        let alphabet =
            b"\x1b\x1b[[]P_^X;:?>!0123456789mmmKhA\x07\x08\x9b\xc2\x9d\xe2\x80\xae\t\rtext";
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
}
