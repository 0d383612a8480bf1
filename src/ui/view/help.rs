//! The keys there are.
//!
//! Does not: do what they do.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{FAINT, STRONG, put};

/// The most important first, for a small screen.
pub(super) const KEYS: [(&str, &str); 16] = [
    ("j k", "down, up"),
    ("enter", "stream"),
    ("x", "stop"),
    ("c", "clear"),
    ("q esc", "quit/back"),
    ("J K ^D ^U", "log"),
    ("PgUp PgDn", "page"),
    ("g G", "ends"),
    ("f", "follow"),
    ("/", "filter"),
    ("tab", "out/err"),
    ("s", "send line"),
    ("a", "attach"),
    ("r", "restart"),
    ("^L", "redraw"),
    ("^Z", "suspend"),
];

/// As wide as the longest key and what it does.
const COLUMN: u16 = 20;
const KEY: u16 = 10;

pub(super) fn draw(area: Rect, buffer: &mut Buffer) {
    let rows = area.height.max(1);
    let (mut x, mut y) = (area.x, area.y);
    for (key, does) in KEYS {
        if y >= area.bottom() {
            (x, y) = (x + COLUMN, area.y);
        }
        if x + COLUMN > area.right().max(COLUMN) || rows > area.height {
            return;
        }
        let row = Rect {
            y,
            height: 1,
            ..area
        };
        put(row, x, key, STRONG, buffer);
        put(row, x + KEY, does, FAINT, buffer);
        y += 1;
    }
}
