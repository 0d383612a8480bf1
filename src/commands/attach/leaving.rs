//! How an attached terminal is left: the key for it, and what undoes what the program may have set.
//!
//! Does not: read or write.

/// The key: `C-\`.
const KEY: u8 = 0x1c;
/// The same as a program gets it that has asked for the newer way to tell keys ("CSI u").
const LONG_KEY: &[u8] = b"\x1b[92;5u";

/// Undoes what a program may have set, and goes to a fresh line: the second screen, colours and character
/// sets, margins and wrapping, cursor, keys, pastes, the mouse.
pub(super) const GOODBYE: &[u8] = b"\x18\x1b\\\x1b[?2026l\x1b[?1049l\x1b[m\x1b(B\x0f\x1b[r\x1b[?6l\x1b[?7h\
    \x1b[4l\x1b[?25h\x1b[0 q\x1b[?1l\x1b>\x1b[?2004l\x1b[?1004l\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\
    \x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[>4m\x1b[=0u\x1b[999;1H\r\n";

/// What stands before the key in what is typed, and whether the key is there.
pub(super) fn split(typed: &[u8]) -> (&[u8], bool) {
    let long = typed
        .windows(LONG_KEY.len())
        .position(|part| part == LONG_KEY);
    let short = typed.iter().position(|byte| *byte == KEY);
    match short.into_iter().chain(long).min() {
        Some(at) => (&typed[..at], true),
        None => (typed, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_in_both_its_forms_and_only_what_stands_before_is_typed() {
        for (typed, before, leaves) in [
            (&b"abc"[..], &b"abc"[..], false),
            (b"\x1c", b"", true),
            (b"ab\x1cc\x1c", b"ab", true),
            (b"ab\x1b[92;5u", b"ab", true),
            (b"\x1b[92;5", b"\x1b[92;5", false),
            (b"", b"", false),
        ] {
            assert_eq!(split(typed), (before, leaves));
        }
    }
}
