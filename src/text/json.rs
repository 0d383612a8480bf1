//! JSON on one line, in which everything is escaped that a terminal would obey.
//!
//! Does not: know what is in it.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

use super::display::is_dangerous;
use crate::model::error::Error;

/// `document` as one line of JSON.
///
/// # Errors
///
/// It cannot be JSON: a map whose keys are no strings, for example.
pub(crate) fn to_json(document: &impl Serialize) -> Result<String, Error> {
    let mut json = Vec::new();
    document
        .serialize(&mut Serializer::with_formatter(&mut json, Harmless))
        .map_err(|error| Error::other(format!("cannot make JSON: {error}")))?;
    String::from_utf8(json).map_err(|error| Error::other(format!("cannot make JSON: {error}")))
}

/// How many bytes [`to_json`] makes of `document`.
pub(crate) fn json_len(document: &impl Serialize) -> usize {
    to_json(document).map_or(0, |json| json.len())
}

/// Compact JSON that escapes DEL, C1 and what turns text around, where JSON itself would not.
struct Harmless;

impl Formatter for Harmless {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_dangerous) {
            CompactFormatter.write_string_fragment(writer, &rest[..at])?;
            let mut chars = rest[at..].chars();
            if let Some(c) = chars.next() {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
            rest = chars.as_str();
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_one_line_that_no_terminal_obeys() {
        for (text, expected) in [
            ("plain caf\u{e9} \u{1f600}", "\"plain caf\u{e9} \u{1f600}\""),
            ("a\"b\\c\n\t", r#""a\"b\\c\n\t""#),
            ("\u{1b}[2J\u{7}", r#""\u001b[2J\u0007""#),
            ("\u{7f}\u{9b}2J\u{85}", r#""\u007f\u009b2J\u0085""#),
            ("a\u{202e}b\u{2066}", r#""a\u202eb\u2066""#),
        ] {
            let json = to_json(&text).unwrap();
            assert_eq!(json, expected);
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
        let keyed = std::collections::BTreeMap::from([("\u{9b}", 1)]);
        assert_eq!(to_json(&keyed).unwrap(), r#"{"\u009b":1}"#);
    }
}
