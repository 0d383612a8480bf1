//! Whether the standard output is a terminal, how wide it is, and whether it wants colours.
//!
//! Does not: write to it.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};

use crate::text::row::Look;

/// The columns of a terminal that tells none.
const COLUMNS_DEFAULT: usize = 80;

/// The columns that a table on the standard output may take; `None`, and so all it wants, unless that
/// is a terminal. `variable` is `COLUMNS`, which counts before what the terminal says when asked.
pub(crate) fn columns(
    variable: Option<&OsStr>,
    ask: impl FnOnce() -> Option<u16>,
) -> Option<usize> {
    io::stdout()
        .is_terminal()
        .then(|| terminal_columns(variable, ask))
}

/// How output looks where the standard output goes: colours only for a terminal that has them, and whose
/// user has not asked for none (`NO_COLOR`, see no-color.org; `TERM=dumb`).
pub(crate) fn look(no_color: Option<&OsStr>, term: Option<&OsStr>) -> Look {
    if io::stdout().is_terminal() {
        terminal_look(no_color, term)
    } else {
        Look::Pipe
    }
}

fn terminal_look(no_color: Option<&OsStr>, term: Option<&OsStr>) -> Look {
    let wants_none = no_color.is_some_and(|value| !value.is_empty());
    let has_none = term.is_none_or(|term| term.is_empty() || term == "dumb");
    if wants_none || has_none {
        Look::Terminal
    } else {
        Look::Colours
    }
}

fn terminal_columns(variable: Option<&OsStr>, ask: impl FnOnce() -> Option<u16>) -> usize {
    variable
        .and_then(OsStr::to_str)
        .and_then(|text| text.parse().ok())
        .or_else(|| ask().map(usize::from))
        .filter(|columns| *columns > 0)
        .unwrap_or(COLUMNS_DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_have_them_and_people_who_want_them() {
        for (no_color, term, look) in [
            (None, Some("xterm"), Look::Colours),
            (Some(""), Some("xterm"), Look::Colours),
            (Some("1"), Some("xterm"), Look::Terminal),
            (None, Some("dumb"), Look::Terminal),
            (None, Some(""), Look::Terminal),
            (None, None, Look::Terminal),
        ] {
            let found = terminal_look(no_color.map(OsStr::new), term.map(OsStr::new));
            assert_eq!(found, look, "{no_color:?} {term:?}");
        }
    }

    #[test]
    fn a_terminal_has_columns_whatever_it_says() {
        for (variable, told, columns) in [
            (None, None, 80),
            (None, Some(132), 132),
            (None, Some(0), 80),
            (Some("1"), Some(132), 1),
            (Some("40"), None, 40),
            (Some("0"), None, 80),
            (Some(""), Some(132), 132),
            (Some("wide"), Some(132), 132),
        ] {
            let found = terminal_columns(variable.map(OsStr::new), || told);
            assert_eq!(found, columns, "{variable:?} {told:?}");
        }
    }
}
