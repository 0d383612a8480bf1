//! How foreign text, sizes and times are shown to a person.
//!
//! Does not: know whether there is a terminal; the caller says what it wants.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `text` with everything in it made visible that a terminal would obey, hide or turn around: controls
/// but newline and tab, and the characters that change the direction of writing.
pub(crate) fn for_terminal(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_dangerous(c) && c != '\n' && c != '\t')
}

/// The same on one line: newline and tab are `\n` and `\t` too. For names, commands, paths, messages.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escape(text, is_dangerous)
}

/// Whether a terminal or a reader can be misled by `c`.
///
/// Those are the controls of C0 and C1, and of Unicode the line separators and what reorders text (the
/// "Trojan Source" characters: marks, embeddings, overrides, isolates).
pub(crate) fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}')
}

fn escape(text: &str, unwanted: impl Fn(char) -> bool) -> Cow<'_, str> {
    let printable = |byte: u8| byte.wrapping_sub(b' ') < 0x5f;
    // To the end, so that the compiler makes it wide; most text is ASCII.
    let plain = text.bytes().fold(true, |all, byte| all & printable(byte));
    if plain || !text.contains(&unwanted) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if unwanted(c) {
            escape_into(&mut escaped, c);
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Adds `c` as it is written when nobody is to obey it: `\n`, `\x1b`, `\u{202e}`.
pub(super) fn escape_into(text: &mut String, c: char) {
    match c {
        '\n' | '\t' | '\r' => text.extend(c.escape_default()),
        '\0'..='\u{7f}' => {
            write!(text, "\\x{:02x}", u32::from(c)).expect("a string takes all");
        }
        _ => text.extend(c.escape_unicode()),
    }
}

/// The columns that `text` takes on a terminal, if it has no controls.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.width()
}

/// `text` in at most so many columns, with `…` in place of what had to go.
pub(crate) fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    // A string may be narrower than its characters one by one, never wider than its bytes.
    if text.len() <= columns || width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else {
        return Cow::Borrowed("");
    };
    Cow::Owned(format!("{}…", prefix(text, room)))
}

/// The beginning of `text`, in at most so many columns.
pub(crate) fn prefix(text: &str, columns: usize) -> &str {
    if text.len() <= columns {
        return text;
    }
    let mut used = 0;
    let end = text
        .char_indices()
        .find(|(_, c)| {
            used += c.width().unwrap_or(0);
            used > columns
        })
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// The beginning of `text` on one line, in at most `max_bytes` as a JSON string without its quotes, with
/// `…` in place of what had to go. `max_bytes` is 3 at least.
pub(crate) fn excerpt(text: &str, max_bytes: usize) -> String {
    const MARK: char = '…';
    // What is cut away need not be escaped first.
    let enough = text
        .char_indices()
        .nth(max_bytes + 1)
        .map_or(text.len(), |(at, _)| at);
    let text = one_line(&text[..enough]);
    let (mut used, mut room) = (0, 0);
    for (at, c) in text.char_indices() {
        used += c.len_utf8() + usize::from(matches!(c, '"' | '\\'));
        if used > max_bytes {
            return format!("{}{MARK}", &text[..room]);
        }
        if used + MARK.len_utf8() <= max_bytes {
            room = at + c.len_utf8();
        }
    }
    text.into_owned()
}

/// `text` with the blanks that its tabs stand for, where it begins at the left edge.
pub(crate) fn without_tabs(text: &str) -> Cow<'_, str> {
    const TAB_COLUMNS: usize = 8;
    if !text.contains('\t') {
        return Cow::Borrowed(text);
    }
    let mut untabbed = String::with_capacity(text.len() + 16);
    for (i, part) in text.split('\t').enumerate() {
        if i > 0 {
            let blanks = TAB_COLUMNS - width(&untabbed) % TAB_COLUMNS;
            untabbed.extend(std::iter::repeat_n(' ', blanks));
        }
        untabbed.push_str(part);
    }
    Cow::Owned(untabbed)
}

/// `text` in lines of at most so many columns, broken at spaces; a longer word stands alone.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// `512 B`, `1.5 KiB`, `64 MiB`.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = (bytes.ilog2() / 10) as usize;
    let unit = 1_u64 << (10 * power);
    let (whole, tenths) = (
        bytes / unit,
        u128::from(bytes % unit) * 10 / u128::from(unit),
    );
    match (whole, tenths) {
        (0..10, 1..=9) => format!("{whole}.{tenths} {}", UNITS[power - 1]),
        _ => format!("{whole} {}", UNITS[power - 1]),
    }
}

/// `350ms`, `12s`, `3m 2s`, `1h 5m`, `2d 3h`: the two largest units there are.
pub(crate) struct HumanDuration(pub(crate) Duration);

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (large, small) = match seconds {
            0 if self.0.is_zero() => return f.write_str("0s"),
            0 => return write!(f, "{}ms", self.0.as_millis()),
            1..60 => return write!(f, "{seconds}s"),
            60..3_600 => ((seconds / 60, "m"), (seconds % 60, "s")),
            3_600..86_400 => ((seconds / 3_600, "h"), (seconds % 3_600 / 60, "m")),
            _ => ((seconds / 86_400, "d"), (seconds % 86_400 / 3_600, "h")),
        };
        write!(f, "{}{}", large.0, large.1)?;
        if small.0 > 0 {
            write!(f, " {}{}", small.0, small.1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_seen_instead() {
        for (text, terminal, line) in [
            ("plain caf\u{e9} \u{4e2d}\u{6587} \u{1f600}", None, None),
            ("back\\slash", None, None),
            ("a\nb\tc", None, Some("a\\nb\\tc")),
            ("a\rb", Some("a\\rb"), Some("a\\rb")),
            ("\u{1b}[2J", Some("\\x1b[2J"), Some("\\x1b[2J")),
            (
                "\u{7}\0\u{7f}",
                Some("\\x07\\x00\\x7f"),
                Some("\\x07\\x00\\x7f"),
            ),
            ("\u{9b}2J", Some("\\u{9b}2J"), Some("\\u{9b}2J")),
            (
                "a\u{202e}b\u{2066}",
                Some("a\\u{202e}b\\u{2066}"),
                Some("a\\u{202e}b\\u{2066}"),
            ),
            (
                "\u{200f}\u{2028}",
                Some("\\u{200f}\\u{2028}"),
                Some("\\u{200f}\\u{2028}"),
            ),
        ] {
            assert_eq!(for_terminal(text), terminal.unwrap_or(text));
            assert_eq!(one_line(text), line.unwrap_or(text));
        }
    }

    #[test]
    fn text_is_cut_by_columns_not_by_characters() {
        for (text, columns, expected) in [
            ("command", 7, "command"),
            ("command", 6, "comma…"),
            ("command", 1, "…"),
            ("command", 0, ""),
            ("", 0, ""),
            ("\u{4e2d}\u{6587}\u{5b57}", 6, "\u{4e2d}\u{6587}\u{5b57}"),
            ("\u{4e2d}\u{6587}\u{5b57}", 5, "\u{4e2d}\u{6587}…"),
            ("\u{4e2d}\u{6587}\u{5b57}", 4, "\u{4e2d}…"),
            ("e\u{301}e\u{301}", 2, "e\u{301}e\u{301}"),
        ] {
            let short = cut(text, columns);
            assert_eq!(short, expected, "{text} in {columns}");
            assert!(width(&short) <= columns);
        }
    }

    #[test]
    fn tabs_become_blanks() {
        for (text, expected) in [
            ("none", "none"),
            ("a\tb", "a       b"),
            ("\tx", "        x"),
            ("1234567\tx", "1234567 x"),
            ("12345678\tx", "12345678        x"),
            ("\u{4e2d}\t\tx", "\u{4e2d}              x"),
        ] {
            assert_eq!(without_tabs(text), expected);
        }
    }

    #[test]
    fn text_is_wrapped_at_spaces() {
        for (text, columns, expected) in [
            ("", 5, &[][..]),
            ("one two three", 7, &["one two", "three"]),
            ("one two three", 6, &["one", "two", "three"]),
            ("longerthanthat a", 5, &["longerthanthat", "a"]),
        ] {
            assert_eq!(wrap(text, columns), expected);
        }
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (10_239, "9.9 KiB"),
            (10_240, "10 KiB"),
            (67_108_864, "64 MiB"),
            (1_048_575, "1023 KiB"),
            (u64::MAX, "15 EiB"),
        ] {
            assert_eq!(human_bytes(bytes), expected);
        }
    }

    #[test]
    fn durations_have_two_units_at_most() {
        for (milliseconds, expected) in [
            (0, "0s"),
            (350, "350ms"),
            (999, "999ms"),
            (12_345, "12s"),
            (60_000, "1m"),
            (182_000, "3m 2s"),
            (3_900_000, "1h 5m"),
            (7_200_000, "2h"),
            (86_399_999, "23h 59m"),
            (183_600_000, "2d 3h"),
        ] {
            let duration = HumanDuration(Duration::from_millis(milliseconds));
            assert_eq!(duration.to_string(), expected);
        }
        assert_eq!(HumanDuration(Duration::from_nanos(10)).to_string(), "0ms");
        assert!(HumanDuration(Duration::MAX).to_string().ends_with('h'));
    }
}
