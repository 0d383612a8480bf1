//! The size of a terminal: columns and rows, within bounds.
//!
//! Does not: know what has that size.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Columns and rows, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Size {
    pub(crate) columns: u16,
    pub(crate) rows: u16,
}

impl Size {
    /// What a terminal has when nobody says more: what the first ones had.
    pub(crate) const DEFAULT: Self = Self {
        columns: 80,
        rows: 24,
    };
    /// The fewest and the most columns and rows. Whoever shows a screen keeps all of its cells in memory.
    pub(crate) const LIMITS: (u16, u16) = (2, 1000);

    /// The size that `text` names, as `80x24` does.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (columns, rows) = text.split_once(['x', 'X'])?;
        let number = |text: &str| -> Option<u16> {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten()
        };
        let size = Self {
            columns: number(columns)?,
            rows: number(rows)?,
        };
        (size == size.within_limits()).then_some(size)
    }

    /// The nearest size that there may be.
    pub(crate) fn within_limits(self) -> Self {
        let (least, most) = Self::LIMITS;
        Self {
            columns: self.columns.clamp(least, most),
            rows: self.rows.clamp(least, most),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.columns, self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_columns_by_rows_within_limits() {
        for text in ["80x24", "2x2", "1000x1000", "200X60"] {
            let size = Size::parse(text).unwrap();
            assert_eq!(size.to_string(), text.to_lowercase());
        }
        for text in [
            "", "x", "80", "80x", "x24", "0x0", "1x24", "80x1", "1001x24", "80x99999", "+80x24",
            "-1x24", "80x24x1", "80 x 24",
        ] {
            assert_eq!(Size::parse(text), None, "{text:?}");
        }
    }
}
