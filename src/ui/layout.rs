//! Where on the screen things are: a function of its size.
//!
//! Does not: draw. Whatever the size, everything it gives lies on the screen.

use ratatui::layout::Rect;

/// The rows of a screen, from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) title: Rect,
    /// What the columns of the list are; of no height on a small screen.
    pub(super) heading: Rect,
    pub(super) list: Rect,
    /// Whose log is below.
    pub(super) rule: Rect,
    pub(super) log: Rect,
    pub(super) footer: Rect,
}

/// A screen of fewer rows has no heading.
const HEADING_FROM_ROWS: u16 = 12;
/// The list gets so many rows before half of the screen counts.
const LIST_ROWS: u16 = 3;

impl Layout {
    /// The list with `count` processes, and a log below.
    pub(super) fn of_list(screen: Rect, count: usize) -> Self {
        let heading = u16::from(screen.height >= HEADING_FROM_ROWS);
        let room = screen.height.saturating_sub(3 + heading); // title, rule, footer
        let wanted = u16::try_from(count.max(1)).unwrap_or(u16::MAX);
        let list = wanted.min((room / 2).max(LIST_ROWS)).min(room);
        Self::of_rows(screen, [1, heading, list, 1, room - list])
    }

    /// The log alone.
    pub(super) fn of_stream(screen: Rect) -> Self {
        Self::of_rows(screen, [1, 0, 0, 0, screen.height.saturating_sub(2)])
    }

    fn of_rows(screen: Rect, heights: [u16; 5]) -> Self {
        let mut y = screen.y;
        // The footer has its row first: it asks.
        let mut left = screen.height.saturating_sub(1);
        let [title, heading, list, rule, log] = heights.map(|height| {
            let rows = Rect {
                y,
                height: height.min(left),
                ..screen
            };
            y += rows.height;
            left -= rows.height;
            rows
        });
        let footer = Rect {
            y,
            height: (screen.bottom() - y).min(1),
            ..screen
        };
        Self {
            title,
            heading,
            list,
            rule,
            log,
            footer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(layout: Layout) -> [u16; 6] {
        let Layout {
            title,
            heading,
            list,
            rule,
            log,
            footer,
        } = layout;
        [title, heading, list, rule, log, footer].map(|rect| rect.height)
    }

    #[test]
    fn every_size_has_its_rows() {
        for (width, height, count, expected) in [
            (40, 10, 200, [1, 0, 3, 1, 4, 1]),
            (80, 24, 3, [1, 1, 3, 1, 17, 1]),
            (80, 24, 200, [1, 1, 10, 1, 10, 1]),
            (200, 60, 200, [1, 1, 28, 1, 28, 1]),
            (80, 24, 0, [1, 1, 1, 1, 19, 1]),
            (10, 4, 9, [1, 0, 1, 1, 0, 1]),
            (10, 1, 9, [0, 0, 0, 0, 0, 1]),
            (0, 0, 9, [0, 0, 0, 0, 0, 0]),
        ] {
            let screen = Rect::new(0, 0, width, height);
            let found = rows(Layout::of_list(screen, count));
            assert_eq!(found, expected, "{width}x{height}");
            assert_eq!(found.iter().sum::<u16>(), height);
            let found = rows(Layout::of_stream(screen));
            assert_eq!(found.iter().sum::<u16>(), height);
        }
    }
}
