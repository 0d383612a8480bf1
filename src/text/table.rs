//! Columns that line up: one line a row, on a terminal no wider than it.
//!
//! Does not: print.

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
    rows: Vec<Row>,
    optional: &'static [usize],
    flexible: Option<usize>,
}

struct Row {
    cells: Vec<String>,
    styled: Option<(usize, Style)>,
}

/// How the columns stand: for each that is shown its index and its width.
type Layout = Vec<(usize, usize)>;

impl Table {
    /// A table with this heading and no rows.
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self {
            rows: vec![Row {
                cells: heading.iter().map(|cell| (*cell).to_owned()).collect(),
                styled: None,
            }],
            optional: &[],
            flexible: None,
        }
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

    /// Adds a row with a cell for each column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        debug_assert_eq!(N, self.rows[0].cells.len(), "a cell for each column");
        let cells = cells.map(|cell| one_line(cell).into_owned()).into();
        self.rows.push(Row {
            cells,
            styled: None,
        });
    }

    /// Shows a cell of the row that was added last in this style, where there are colours.
    pub(crate) fn style(&mut self, column: usize, style: Style) {
        if let Some(row) = self.rows.last_mut() {
            row.styled = Some((column, style));
        }
    }

    /// All lines, each with its newline. With `columns` no line is wider; without, as in a pipe, nothing
    /// is cut.
    pub(crate) fn render(&self, columns: Option<usize>, look: Look) -> String {
        let layout = self.layout(columns);
        let mut lines = String::new();
        for row in &self.rows {
            row.render(&layout, columns.unwrap_or(usize::MAX), look, &mut lines);
        }
        lines
    }

    fn layout(&self, columns: Option<usize>) -> Layout {
        let widths = self.widths();
        let mut layout: Layout = widths.iter().copied().enumerate().collect();
        let Some(columns) = columns else {
            return layout;
        };
        let last = widths
            .last()
            .map_or(0, |width| (*width).min(LAST_MIN_COLUMNS));
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
        let mut widths = vec![0; self.rows[0].cells.len()];
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(&row.cells) {
                *widest = width(cell).max(*widest);
            }
        }
        widths
    }
}

impl Row {
    /// Adds this row, in at most `room` columns.
    fn render(&self, layout: &Layout, room: usize, look: Look, lines: &mut String) {
        let shown = layout.iter().enumerate().map(|(i, (column, widest))| {
            let is_last = i + 1 == layout.len();
            let cell = &self.cells[*column];
            let cell = cut(cell, if is_last { usize::MAX } else { *widest });
            let blanks = *widest + GAP.len() - width(&cell).min(*widest);
            (*column, cell, blanks)
        });
        let mut shown: Vec<_> = shown.collect();
        while shown.last().is_some_and(|(_, cell, _)| cell.is_empty()) {
            shown.pop();
        }
        if let Some((_, _, blanks)) = shown.last_mut() {
            *blanks = 0; // none stand at the end of a line
        }
        let needed: usize = shown
            .iter()
            .map(|(_, cell, blanks)| width(cell) + blanks)
            .sum();
        let is_cut = needed > room;
        let mut room = if is_cut { room.saturating_sub(1) } else { room };
        for (column, cell, blanks) in shown {
            let cell = prefix(&cell, room);
            room -= width(cell);
            match self.styled {
                Some((styled, style)) if styled == column && look == Look::Colours => {
                    lines.push_str(&style.paint(cell));
                }
                _ => lines.push_str(cell),
            }
            let blanks = blanks.min(room);
            lines.extend(std::iter::repeat_n(' ', blanks));
            room -= blanks;
        }
        if is_cut {
            lines.push('…');
        }
        lines.push('\n');
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
