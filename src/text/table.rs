//! Columns that line up: one line a row, on a terminal no wider than it.
//!
//! Does not: colour or print.

use super::display::{cut, one_line, width};

/// Between two columns.
const GAP: &str = "  ";
/// What a terminal leaves of the last column at least, before the lines themselves are cut.
const LAST_MIN_COLUMNS: usize = 10;

/// Rows under a heading. Whatever the cells hold, each row is one line.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this heading and no rows.
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self {
            rows: vec![heading.iter().map(|cell| (*cell).to_owned()).collect()],
        }
    }

    /// Adds a row with a cell for each column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        debug_assert_eq!(N, self.rows[0].len(), "a cell for each column");
        self.rows.push(
            cells
                .iter()
                .map(|cell| one_line(cell).into_owned())
                .collect(),
        );
    }

    /// All lines, each with its newline. With `columns` no line is wider: the last column is cut first;
    /// without, as in a pipe, nothing is cut.
    pub(crate) fn render(&self, columns: Option<usize>) -> String {
        let widths = self.widths();
        let last = widths.len().saturating_sub(1);
        let before_last: usize = widths[..last].iter().map(|width| width + GAP.len()).sum();
        let room_for_last =
            columns.map(|columns| columns.saturating_sub(before_last).max(LAST_MIN_COLUMNS));
        let mut lines = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (i, (cell, column)) in row.iter().zip(&widths).enumerate() {
                if i < last {
                    line.push_str(cell);
                    line.extend(std::iter::repeat_n(' ', column - width(cell)));
                    line.push_str(GAP);
                } else {
                    line.push_str(
                        &room_for_last.map_or_else(|| cell.into(), |room| cut(cell, room)),
                    );
                }
            }
            let line = line.trim_end();
            lines.push_str(&columns.map_or_else(|| line.into(), |columns| cut(line, columns)));
            lines.push('\n');
        }
        lines
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = vec![0; self.rows[0].len()];
        for row in &self.rows {
            for (widest, cell) in widths.iter_mut().zip(row) {
                *widest = width(cell).max(*widest);
            }
        }
        widths
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
            sample().render(None),
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
            sample().render(Some(40)),
            "\
ID        NAME         COMMAND
0a1b2c3d  web          npm run dev --po…
ffffffff  a-long-name  printf 'a\\nb\\x1b…
00000000
"
        );
        for columns in 1..60 {
            let lines = sample().render(Some(columns));
            assert_eq!(lines.lines().count(), 4);
            assert!(lines.lines().all(|line| width(line) <= columns), "{lines}");
        }
        assert_eq!(sample().render(Some(1)), "…\n…\n…\n…\n");
    }
}
