//! What a line of output looks like after all that the program did to redraw it.
//!
//! A row as a terminal of endless width would show it: `\r` goes back and what follows overwrites, and
//! so do backspace and the sequences with which progress bars move and erase within their line. One
//! character is one cell, and tab stops are 8 apart.
//! Does not: follow a program that moves between lines; every line stands for itself.

use super::escapes::{Piece, Sequence, pieces};

/// As far as a sequence may move right of what is written: a real terminal stops at its edge.
const COLUMNS_MAX: usize = 256;

/// The last state of one line, as text without controls but tabs.
pub(crate) fn last_state(line: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(line)
        && !text.contains(|c: char| c.is_control() && c != '\t')
    {
        return text.to_owned();
    }
    let mut row = Row::default();
    for piece in pieces(line) {
        match piece {
            Piece::Char(c) => row.write(c),
            Piece::Control(control) => row.control(control),
            Piece::Sequence(sequence) => row.obey(sequence),
        }
    }
    row.text()
}

/// Stands in the cells that a tab takes after its own.
const FILLER: char = '\0';
const TAB_COLUMNS: usize = 8;

#[derive(Default)]
struct Row {
    cells: Vec<char>,
    column: usize,
}

impl Row {
    fn text(self) -> String {
        self.cells.into_iter().filter(|c| *c != FILLER).collect()
    }

    fn write(&mut self, c: char) {
        self.open_tab();
        if self.column >= self.cells.len() {
            self.cells.resize(self.column, ' ');
            self.cells.push(c);
        } else {
            self.cells[self.column] = c;
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
                    self.cells.resize(stop, FILLER);
                }
                self.column = stop; // over what is written it passes, and erases nothing
            }
            _ => {}
        }
    }

    /// Where a tab is about to be broken, it becomes the spaces that it looks like.
    fn open_tab(&mut self) {
        let Some('\t' | &FILLER) = self.cells.get(self.column) else {
            return;
        };
        let begin = self.column / TAB_COLUMNS * TAB_COLUMNS;
        let end = self.cells.len().min(begin + TAB_COLUMNS);
        for cell in &mut self.cells[begin..end] {
            if matches!(*cell, '\t' | FILLER) {
                *cell = ' ';
            }
        }
    }

    fn obey(&mut self, sequence: Sequence) {
        let number = sequence.number.map_or(0, usize::from);
        let steps = number.max(1);
        match (sequence.action, number) {
            ('K', 0) => self.cells.truncate(self.column),
            ('K', 1) => {
                let end = self.cells.len().min(self.column + 1);
                self.cells[..end].fill(' ');
            }
            ('K', 2) => self.cells.clear(),
            ('G', _) => self.go_to(steps - 1),
            ('C', _) => self.go_to(self.column.saturating_add(steps)),
            ('D', _) => self.column = self.column.saturating_sub(steps),
            ('P', _) if self.column < self.cells.len() => {
                self.open_tab();
                let end = self.cells.len().min(self.column + steps);
                self.cells.drain(self.column..end);
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
                last_state(bytes),
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
            let text = last_state(&bytes);
            assert!(
                !text.chars().any(|c| c.is_control() && c != '\t'),
                "{:?} gave {text:?}",
                bytes.escape_ascii().to_string()
            );
        }
    }
}
