//! A line of output as cells with their looks: in the program's own colours, or if it has none, with
//! what it says of errors, warnings and levels highlighted.
//!
//! Does not: let anything of a line through but characters and looks.

use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthChar;

use super::log::LogLine;
use crate::text::display::{for_terminal, one_line};
use crate::text::row::Look;
use crate::text::style::{self, Colour};

/// One character with its look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) c: char,
    pub(super) style: Style,
}

const TAB_COLUMNS: usize = 8;
const NOTE: Style = Style::new().add_modifier(Modifier::DIM);

/// The cells of `line`, as long as it may be.
pub(super) fn cells(line: &LogLine) -> Vec<Cell> {
    match line {
        LogLine::Note(text) => plain(&format!("[{}]", one_line(text)), NOTE),
        LogLine::Output(line) => {
            let shown = line.shown_as(Look::Colours);
            if shown.contains('\x1b') {
                coloured(&shown)
            } else {
                highlighted(&for_terminal(&shown))
            }
        }
    }
}

/// The rows of so many columns that the cells take; one at least, and none without columns.
pub(super) fn wrap(cells: &[Cell], columns: usize) -> Vec<Range<usize>> {
    if columns == 0 {
        return Vec::new();
    }
    let mut rows = Vec::new();
    let (mut begin, mut taken) = (0, 0);
    for (at, cell) in cells.iter().enumerate() {
        let width = cell.c.width().unwrap_or(0);
        if taken + width > columns && at > begin {
            rows.push(begin..at);
            (begin, taken) = (at, 0);
        }
        taken += width;
    }
    rows.push(begin..cells.len());
    rows
}

/// The look that bgp's own text has in this style.
pub(super) fn look(style: style::Style) -> Style {
    let (ink, ground) = style.colours();
    let mut look = Style::new();
    if let Some(colour) = colour(ink) {
        look = look.fg(colour);
    }
    if let Some(colour) = colour(ground) {
        look = look.bg(colour);
    }
    for number in style.switched_on() {
        look = look.add_modifier(match number {
            1 => Modifier::BOLD,
            2 => Modifier::DIM,
            3 => Modifier::ITALIC,
            4 => Modifier::UNDERLINED,
            5 => Modifier::SLOW_BLINK,
            7 => Modifier::REVERSED,
            9 => Modifier::CROSSED_OUT,
            _ => Modifier::empty(),
        });
    }
    look
}

fn colour(colour: Colour) -> Option<Color> {
    const BASIC: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    match colour {
        Colour::Own => None,
        Colour::Basic(n) => BASIC.get(usize::from(n)).copied(),
        Colour::Indexed(n) => Some(Color::Indexed(n)),
        Colour::Rgb(red, green, blue) => Some(Color::Rgb(red, green, blue)),
    }
}

fn plain(text: &str, style: Style) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(text.len());
    add(&mut cells, &mut 0, text, style);
    cells
}

/// Adds `text`, with tabs as the blanks that they look like.
fn add(cells: &mut Vec<Cell>, column: &mut usize, text: &str, style: Style) {
    for c in text.chars() {
        if c == '\t' {
            let blanks = TAB_COLUMNS - *column % TAB_COLUMNS;
            cells.extend(std::iter::repeat_n(Cell { c: ' ', style }, blanks));
            *column += blanks;
        } else {
            cells.push(Cell { c, style });
            *column += c.width().unwrap_or(0);
        }
    }
}

/// Text in which every sequence is one for colours.
fn coloured(text: &str) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(text.len());
    let (mut column, mut style) = (0, style::Style::DEFAULT);
    let mut parts = text.split("\x1b[");
    add(
        &mut cells,
        &mut column,
        parts.next().unwrap_or(""),
        look(style),
    );
    for part in parts {
        let (parameters, text) = part.split_once('m').unwrap_or(("", part));
        style.apply(parameters.as_bytes());
        add(&mut cells, &mut column, text, look(style));
    }
    cells
}

fn highlighted(text: &str) -> Vec<Cell> {
    let mut cells = Vec::with_capacity(text.len());
    let mut column = 0;
    let mut rest = text;
    while let Some(begin) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        let word = &rest[begin..];
        let len = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let len = len.unwrap_or(word.len());
        let (before, from_word) = rest.split_at(begin);
        let (word, after) = from_word.split_at(len);
        add(&mut cells, &mut column, before, Style::new());
        add(&mut cells, &mut column, word, of_word(word));
        rest = after;
    }
    add(&mut cells, &mut column, rest, Style::new());
    cells
}

/// How a word looks that says how bad something is.
fn of_word(word: &str) -> Style {
    const LONGEST: usize = "critical".len();
    const BAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
    if word.ends_with("Error") || word.ends_with("Exception") {
        return BAD; // TypeError, as many languages call them
    }
    if word.len() > LONGEST + 1 {
        return Style::new();
    }
    match word.to_ascii_lowercase().as_str() {
        "error" | "errors" | "err" | "fatal" | "panic" | "panicked" | "critical" | "crit"
        | "emerg" | "fail" | "failed" | "failure" | "failures" | "exception" | "traceback"
        | "severe" => BAD,
        "warn" | "warning" | "warnings" => Style::new().fg(Color::Yellow),
        // Words of every day, unless they are written as levels are.
        _ => match word {
            "INFO" | "NOTICE" => Style::new().fg(Color::Cyan),
            "DEBUG" | "TRACE" => NOTE,
            _ => Style::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::lines::{Line, Stream};

    fn of(bytes: &[u8]) -> Vec<Cell> {
        cells(&LogLine::Output(Line {
            stream: Stream::Out,
            time_ns: 0,
            bytes: bytes.to_vec().into(),
            partial: false,
            continued: false,
            cut: None,
        }))
    }

    /// The text, with what has this colour in brackets.
    fn marked(bytes: &[u8], colour: Color) -> String {
        let mut text = String::new();
        let mut inside = false;
        for cell in of(bytes) {
            if (cell.style.fg == Some(colour)) != inside {
                inside = !inside;
                text.push(if inside { '[' } else { ']' });
            }
            text.push(cell.c);
        }
        text
    }

    #[test]
    fn what_says_how_bad_it_is_is_highlighted() {
        for (text, red) in [
            (
                &b"ERROR: no room. TypeError here"[..],
                "[ERROR]: no room. [TypeError] here",
            ),
            (b"error[E0308]: x", "[error][E0308]: x"),
            (b"terror errored no-errors", "terror errored no-[errors"),
            (b"\x1b[32mok\x1b[m ERROR", "ok ERROR"),
            ("caf\u{e9} failed".as_bytes(), "caf\u{e9} [failed"),
        ] {
            assert_eq!(marked(text, Color::Red), red);
        }
        assert_eq!(marked(b"a Warning: x", Color::Yellow), "a [Warning]: x");
        assert_eq!(marked(b"INFO info", Color::Cyan), "[INFO] info");
    }

    #[test]
    fn the_programs_colours_are_kept_and_nothing_else() {
        assert_eq!(
            marked(b"\x1b[31mred\x1b[0m not\x1b]0;t\x07", Color::Red),
            "[red] not"
        );
        assert_eq!(marked(b"\x1b[38;5;208mo", Color::Indexed(208)), "[o");
        let bold = of(b"\x1b[1;7mx");
        assert_eq!(
            bold[0].style.add_modifier,
            Modifier::BOLD | Modifier::REVERSED
        );
        let text: String = of(b"a\tb\x1b[2Jc\x07").iter().map(|cell| cell.c).collect();
        assert_eq!(text, "a       bc");
    }

    #[test]
    fn rows_are_as_wide_as_they_may_be() {
        let rows = |text: &str, columns| wrap(&plain(text, Style::new()), columns);
        assert_eq!(rows("", 5).len(), 1);
        assert_eq!(rows("12345", 5).len(), 1);
        assert_eq!(rows("123456", 5), [0..5, 5..6]);
        assert_eq!(rows("\u{4e2d}\u{6587}\u{4e2d}", 5), [0..2, 2..3]);
        assert_eq!(rows("e\u{301}e\u{301}", 1), [0..2, 2..4]);
        assert_eq!(rows("\u{4e2d}\u{4e2d}", 1), [0..1, 1..2]);
        assert!(rows("12345", 0).is_empty());
    }
}
