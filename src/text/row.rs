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
    let plain = is_plain(line) || !text.contains(|c: char| c.is_control() && c != '\t');
    plain.then_some(text)
}

/// Whether `line` is ASCII without controls but tabs.
pub(crate) fn is_plain(line: &[u8]) -> bool {
    let plain = |byte: u8| (byte.wrapping_sub(b' ') < 0x5f) || (byte == b'\t');
    line.iter().fold(true, |all, byte| all & plain(*byte)) // to the end: the compiler makes it wide
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
mod tests;
