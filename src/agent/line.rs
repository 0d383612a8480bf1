//! `KEY=VALUE` words, and a whole line of them with quotes as a shell has them.
//!
//! Does not: know which keys there are, or expand anything.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::model::error::Error;
use crate::text::written::quoted as shown;

/// What `words` say: each `KEY=VALUE`, the value as it stands. A key that comes again makes a list.
///
/// # Errors
///
/// A usage error for a word that is none.
pub(crate) fn pairs(words: &[String]) -> Result<Map<String, Value>, Error> {
    let mut said = Map::new();
    for word in words {
        let Some((key, value)) = word.split_once('=').filter(|(key, _)| is_key(key)) else {
            return Err(Error::usage(format!("{} is not KEY=VALUE", shown(word)))
                .hint("put a value with spaces in quotes: command=\"npm run build\""));
        };
        let value = Value::String(value.to_owned());
        match said.get_mut(key) {
            None => {
                said.insert(key.to_owned(), value);
            }
            Some(Value::Array(all)) => all.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Ok(said)
}

/// Splits a line into words, as a shell would that expands nothing: quotes, and backslashes outside of
/// single ones.
///
/// # Errors
///
/// A usage error: a quote that is not closed.
pub(crate) fn words(line: &str) -> Result<Vec<String>, Error> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next() {
                        None => {
                            return Err(Error::usage(format!(
                                "a quote ({c}) is not closed in {}",
                                shown(line)
                            ))
                            .hint("close it, or put a backslash before it"));
                        }
                        Some(next) if next == c => break,
                        Some('\\') if c == '"' => match rest.next() {
                            Some(next @ ('"' | '\\' | '$' | '`')) => word.push(next),
                            Some(next) => word.extend(['\\', next]),
                            None => {}
                        },
                        Some(next) => word.push(next),
                    }
                }
            }
            '\\' => {
                let word = word.get_or_insert_default();
                word.extend(rest.next());
            }
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// `value` as it is typed after `KEY=`.
pub(crate) fn quoted(value: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_alphanumeric() || "%+,-./:@_^".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return value.into();
    }
    let mut text = String::from("\"");
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text.into()
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_splits_it() {
        for (line, expected) in [
            ("a=b  c=d\n", &["a=b", "c=d"][..]),
            ("command=\"npm run build\"", &["command=npm run build"]),
            ("command='echo \"a  b\"'", &["command=echo \"a  b\""]),
            (
                "command=\"echo \\\"a\\\" \\n\"",
                &["command=echo \"a\" \\n"],
            ),
            ("a=\\ b c=", &["a= b", "c="]),
            ("\"a=b\"'c'd", &["a=bcd"]),
            ("", &[]),
            ("''", &[""]),
        ] {
            assert_eq!(words(line).unwrap(), expected, "{line}");
        }
        for bad in ["a='b", "a=\"b\\\""] {
            assert!(words(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_quoted_is_read_back() {
        for value in [
            "",
            "a b",
            "it's",
            "\"$HOME\" `x` \\",
            "plain",
            "a=b",
            "caf\u{e9}",
        ] {
            let line = format!("key={}", quoted(value));
            let said = pairs(&words(&line).unwrap()).unwrap();
            assert_eq!(said["key"], value, "{line}");
        }
    }

    #[test]
    fn a_key_that_comes_again_makes_a_list() {
        let said = pairs(&["env=A=1".into(), "env=B=2".into(), "env=C".into()]).unwrap();
        assert_eq!(said["env"], serde_json::json!(["A=1", "B=2", "C"]));
        assert!(pairs(&["start".into()]).is_err());
        assert!(pairs(&["a b=c".into()]).is_err());
    }
}
