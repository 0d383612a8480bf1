//! Columns that line up: one line a row, on a terminal no wider than it.
//!
//! Does not: print.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

use super::display::{cut, one_line, prefix, width};
use super::row::Look;
use super::style::Style;

/// Between two columns.
const GAP: &str = "  ";
/// What a terminal leaves of the last column at least, before other columns give way, and of the one
/// that does so first.
const LAST_MIN_COLUMNS: usize = 16;
const FLEXIBLE_MIN_COLUMNS: usize = 8;

/// Rows under a heading. Whatever the cells hold, each row is one line.
pub(crate) struct Table {
    columns: usize,
    /// The text of all cells, one behind the other, and of each where it ends and how wide it is.
    text: String,
    cells: Vec<Cell>,
    /// The row and column of cells that have a style.
    styles: Vec<(usize, usize, Style)>,
    optional: &'static [usize],
    flexible: Option<usize>,
}

#[derive(Clone, Copy)]
struct Cell {
    end: usize,
    width: usize,
}

/// How the columns stand: for each that is shown its index and its width.
type Layout = Vec<(usize, usize)>;

impl Table {
    /// A table with this heading and no rows.
    pub(crate) fn new<const N: usize>(heading: &[&str; N]) -> Self {
        let mut table = Self {
            columns: N,
            text: String::new(),
            cells: Vec::new(),
            styles: Vec::new(),
            optional: &[],
            flexible: None,
        };
        table.row(*heading);
        table
    }

    /// With room for so many rows: growing again and again costs more than filling them.
    pub(crate) fn with_room(mut self, rows: usize) -> Self {
        const CELL_BYTES: usize = 16;
        let cells = rows * self.columns;
        self.text.reserve(cells * CELL_BYTES);
        self.cells.reserve(cells);
        self
    }

    /// On a terminal that is too narrow these columns are left out, the first of them first. If it is
    /// still too narrow, the cells of `flexible` are cut.
    pub(crate) fn giving_way(self, optional: &'static [usize], flexible: usize) -> Self {
        Self {
            optional,
            flexible: Some(flexible),
            ..self
        }
    }

    /// Whether there is nothing but the heading.
    pub(crate) fn is_empty(&self) -> bool {
        self.cells.len() == self.columns
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.display_row(cells.each_ref().map(|cell| cell as &dyn Display));
    }

    /// The same with cells that are written where they will stand.
    pub(crate) fn display_row<const N: usize>(&mut self, cells: [&dyn Display; N]) {
        debug_assert_eq!(N, self.columns, "a cell for each column");
        for cell in cells {
            let begin = self.text.len();
            write!(self.text, "{cell}").expect("a string takes all");
            if let Cow::Owned(cell) = one_line(&self.text[begin..]) {
                self.text.truncate(begin);
                self.text.push_str(&cell);
            }
            self.cells.push(Cell {
                end: self.text.len(),
                width: width(&self.text[begin..]),
            });
        }
    }

    /// Shows a cell of the row that was added last in this style, where there are colours.
    pub(crate) fn style(&mut self, column: usize, style: Style) {
        let row = self.cells.len() / self.columns - 1;
        self.styles.push((row, column, style));
    }

    /// All lines, each with its newline. With `columns` no line is wider; without, as in a pipe, nothing
    /// is cut.
    pub(crate) fn render(&self, columns: Option<usize>, look: Look) -> String {
        let layout = self.layout(columns);
        let rows = self.cells.len() / self.columns;
        let widest: usize = layout.iter().map(|(_, width)| width + GAP.len()).sum();
        let line_bytes = columns.map_or(widest, |columns| columns.min(widest)) + 16;
        let mut lines = String::with_capacity(self.text.len().max(rows * line_bytes));
        for row in 0..rows {
            self.render_row(
                row,
                &layout,
                columns.unwrap_or(usize::MAX),
                look,
                &mut lines,
            );
        }
        lines
    }

    fn layout(&self, columns: Option<usize>) -> Layout {
        let mut layout: Layout = self.widths().into_iter().enumerate().collect();
        let Some(columns) = columns else {
            return layout;
        };
        let last = layout.last().map_or(0, |(_, width)| *width);
        let last = last.min(LAST_MIN_COLUMNS);
        let excess = |layout: &Layout| {
            let others = layout.iter().rev().skip(1);
            let needed = others.map(|(_, width)| width + GAP.len()).sum::<usize>() + last;
            needed.saturating_sub(columns)
        };
        for column in self.optional {
            if excess(&layout) > 0 {
                layout.retain(|(index, _)| index != column);
            }
        }
        let excess = excess(&layout);
        if let Some((_, width)) = layout
            .iter_mut()
            .find(|(index, _)| Some(*index) == self.flexible)
        {
            let narrowest = (*width).min(FLEXIBLE_MIN_COLUMNS);
            *width = width.saturating_sub(excess).max(narrowest);
        }
        layout
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.columns];
        for row in self.cells.chunks_exact(self.columns) {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = cell.width.max(*widest);
            }
        }
        widths
    }

    /// The text of a cell and its width.
    fn cell(&self, row: usize, column: usize) -> (&str, usize) {
        let index = row * self.columns + column;
        let begin = index
            .checked_sub(1)
            .map_or(0, |before| self.cells[before].end);
        let cell = self.cells[index];
        (&self.text[begin..cell.end], cell.width)
    }

    /// Adds a row, in at most `room` columns.
    fn render_row(&self, row: usize, layout: &Layout, room: usize, look: Look, lines: &mut String) {
        let filled = layout
            .iter()
            .rposition(|(column, _)| self.cell(row, *column).1 > 0)
            .map_or(0, |last| last + 1);
        let begins = |i: usize| {
            layout[..i]
                .iter()
                .map(|(_, width)| width + GAP.len())
                .sum::<usize>()
        };
        let shown_width = |i: usize| {
            let (column, widest) = layout[i];
            let (_, width) = self.cell(row, column);
            if i + 1 == layout.len() {
                width
            } else {
                width.min(widest)
            }
        };
        let needed = filled
            .checked_sub(1)
            .map_or(0, |last| begins(last) + shown_width(last));
        let is_cut = needed > room;
        let mut room = if is_cut { room.saturating_sub(1) } else { room };
        for (i, (column, widest)) in layout[..filled].iter().enumerate() {
            let (cell, cell_width) = self.cell(row, *column);
            let shown = if cell_width > shown_width(i) {
                cut(cell, *widest)
            } else {
                cell.into()
            };
            let shown = prefix(&shown, room);
            room -= width(shown);
            match self.style_of(row, *column) {
                Some(style) if look == Look::Colours => lines.push_str(&style.paint(shown)),
                _ => lines.push_str(shown),
            }
            if i + 1 < filled {
                let blanks = (widest + GAP.len() - shown_width(i)).min(room);
                lines.extend(std::iter::repeat_n(' ', blanks));
                room -= blanks;
            }
        }
        if is_cut {
            lines.push('…');
        }
        lines.push('\n');
    }

    fn style_of(&self, row: usize, column: usize) -> Option<Style> {
        let at = self.styles.binary_search_by_key(&row, |(row, _, _)| *row);
        let (_, styled, style) = self.styles.get(at.ok()?)?;
        (*styled == column).then_some(*style)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new(&["ID", "NAME", "COMMAND"]);
        table.row(["0a1b2c3d", "web", "npm run dev --port 3000"]);
        table.row([
            "ffffffff",
            "a-long-name",
            "printf 'a\nb\u{1b}[2J' \u{4e2d}\u{6587}",
        ]);
        table.row(["00000000", "", ""]);
        table
    }

    #[test]
    fn a_pipe_gets_all_and_one_line_a_row() {
        assert_eq!(
            sample().render(None, Look::Pipe),
            "\
ID        NAME         COMMAND
0a1b2c3d  web          npm run dev --port 3000
ffffffff  a-long-name  printf 'a\\nb\\x1b[2J' \u{4e2d}\u{6587}
00000000
"
        );
    }

    #[test]
    fn a_terminal_gets_what_fits() {
        assert_eq!(
            sample().render(Some(40), Look::Terminal),
            "\
ID        NAME         COMMAND
0a1b2c3d  web          npm run dev --po…
ffffffff  a-long-name  printf 'a\\nb\\x1b…
00000000
"
        );
        for columns in 1..60 {
            let lines = sample().render(Some(columns), Look::Terminal);
            assert_eq!(lines.lines().count(), 4);
            assert!(lines.lines().all(|line| width(line) <= columns), "{lines}");
        }
        assert_eq!(sample().render(Some(1), Look::Terminal), "…\n…\n…\n…\n");
    }

    #[test]
    fn columns_give_way_before_the_last_one_does() {
        let mut table =
            Table::new(&["ID", "NAME", "PID", "STARTED", "COMMAND"]).giving_way(&[3, 2], 1);
        table.row([
            "0a1b2c3d",
            "a-very-long-name",
            "12345",
            "12:00:00",
            "npm run development",
        ]);
        for (columns, expected) in [
            (
                99,
                "0a1b2c3d  a-very-long-name  12345  12:00:00  npm run development",
            ),
            (
                61,
                "0a1b2c3d  a-very-long-name  12345  12:00:00  npm run develop…",
            ),
            (60, "0a1b2c3d  a-very-long-name  12345  npm run development"),
            (50, "0a1b2c3d  a-very-long-name  npm run development"),
            (43, "0a1b2c3d  a-very-long-na…  npm run develop…"),
            (36, "0a1b2c3d  a-very-…  npm run develop…"),
            (30, "0a1b2c3d  a-very-…  npm run d…"),
            (20, "0a1b2c3d  a-very-… …"),
            (12, "0a1b2c3d  a…"),
            (10, "0a1b2c3d …"),
            (8, "0a1b2c3…"),
            (1, "…"),
        ] {
            let lines = table.render(Some(columns), Look::Terminal);
            assert_eq!(lines.lines().nth(1), Some(expected), "{columns}");
        }
    }

    #[test]
    fn a_styled_cell_takes_no_more_columns() {
        let mut table = Table::new(&["NAME", "STATUS", "COMMAND"]);
        table.row(["web", "running", "npm"]);
        table.style(1, Style::GREEN);
        assert_eq!(
            table.render(Some(80), Look::Colours),
            "NAME  STATUS   COMMAND\nweb   \x1b[0;32mrunning\x1b[m  npm\n"
        );
        assert_eq!(
            table.render(Some(9), Look::Colours),
            "NAME  ST…\nweb   \x1b[0;32mru\x1b[m…\n"
        );
        assert!(!table.render(Some(80), Look::Terminal).contains('\x1b'));
        assert!(!table.render(None, Look::Pipe).contains('\x1b'));
    }
}
