//! The value of a setting: from JSON, checked against its row, and back.
//!
//! Does not: know where it was written.

use std::ffi::{OsStr, OsString};

use serde_json::Value as Json;

use super::table::{Kind, Setting};
use crate::model::bytes::Bytes;
use crate::text::display::{cut, one_line};

/// The longest path: `PATH_MAX` of Linux, without its NUL.
const PATH_MAX_BYTES: usize = 4095;
/// How much of a refused value a message repeats.
const QUOTED_MAX_COLUMNS: usize = 60;

/// What a setting is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(OsString),
    Number(u64),
}

impl Value {
    /// As it stands in the file. What is no UTF-8 (only the environment can say that) is escaped.
    pub(crate) fn json(&self) -> Json {
        match self {
            Self::Text(text) => Bytes::from(text.as_os_str()).escaped().into(),
            Self::Number(number) => (*number).into(),
        }
    }

    /// As a person reads it.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Text(text) => Bytes::from(text.as_os_str()).escaped(),
            Self::Number(number) => number.to_string(),
        }
    }

    pub(super) fn text(&self) -> &OsStr {
        match self {
            Self::Text(text) => text,
            Self::Number(_) => OsStr::new(""),
        }
    }

    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(_) => 0,
        }
    }
}

impl Setting {
    /// Reads `json` as what the row says it is.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what it must be; to follow its name.
    pub(crate) fn check(&self, json: &Json) -> Result<Value, String> {
        let value = match (self.kind, json) {
            (Kind::Path, Json::String(path)) if is_path(path) => Some(Value::Text(path.into())),
            (Kind::Number { min, max, .. }, Json::Number(number)) => number
                .as_u64()
                .filter(|number| (min..=max).contains(number))
                .map(Value::Number),
            _ => None,
        };
        value.ok_or_else(|| format!("is {}, but must be {}", quoted(json), self.allowed()))
    }
}

fn is_path(text: &str) -> bool {
    text.starts_with('/') && text.len() <= PATH_MAX_BYTES && !text.contains(char::is_control)
}

/// `json` as a message repeats it: on one line, and not all of it.
pub(super) fn quoted(json: &Json) -> String {
    let text: String = match json {
        Json::Object(_) => return "an object".to_owned(),
        Json::Array(_) => return "a list".to_owned(),
        other => other.to_string(),
    };
    let start: String = text.chars().take(QUOTED_MAX_COLUMNS + 1).collect();
    cut(&one_line(&start), QUOTED_MAX_COLUMNS).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::table::{Key, SETTINGS};
    use serde_json::json;

    #[test]
    fn a_value_is_what_its_row_says_or_is_refused_with_what_is_allowed() {
        let long = format!("/{}", "x".repeat(PATH_MAX_BYTES));
        let lines = "but must be a whole number from 0 to 1000000";
        let path = "but must be an absolute path";
        for (key, json, told) in [
            (Key::DefaultTailLines, json!(0), None),
            (Key::DefaultTailLines, json!(1_000_000), None),
            (
                Key::DefaultTailLines,
                json!(1_000_001),
                Some(format!("is 1000001, {lines}")),
            ),
            (
                Key::DefaultTailLines,
                json!(-1),
                Some(format!("is -1, {lines}")),
            ),
            (
                Key::DefaultTailLines,
                json!(2.5),
                Some(format!("is 2.5, {lines}")),
            ),
            (
                Key::DefaultTailLines,
                json!("20"),
                Some(format!("is \"20\", {lines}")),
            ),
            (
                Key::DefaultTailLines,
                json!(null),
                Some(format!("is null, {lines}")),
            ),
            (
                Key::DefaultTailLines,
                json!(true),
                Some(format!("is true, {lines}")),
            ),
            (
                Key::DefaultTailLines,
                json!([1]),
                Some(format!("is a list, {lines}")),
            ),
            (
                Key::DefaultTailLines,
                json!({"a": 1}),
                Some(format!("is an object, {lines}")),
            ),
            (
                Key::IntervalSeconds,
                json!(0),
                Some("is 0, but must be a whole number of seconds from 1 to 86400".to_owned()),
            ),
            (
                Key::MaxBytes,
                json!(1_048_575),
                Some(
                    "is 1048575, but must be a whole number of bytes from 1048576 to 1099511627776"
                        .to_owned(),
                ),
            ),
            (Key::MaxBytes, json!(67_108_864), None),
            (Key::ShellPath, json!("/bin/bash"), None),
            (
                Key::ShellPath,
                json!("bash"),
                Some(format!("is \"bash\", {path}")),
            ),
            (Key::ShellPath, json!(""), Some(format!("is \"\", {path}"))),
            (
                Key::ShellPath,
                json!("/a\u{0}b"),
                Some(format!("is \"/a\\u0000b\", {path}")),
            ),
            (Key::ShellPath, json!(5), Some(format!("is 5, {path}"))),
        ] {
            assert_eq!(SETTINGS[key as usize].check(&json).err(), told, "{json}");
        }
        let told = SETTINGS[Key::ShellPath as usize]
            .check(&json!(long))
            .unwrap_err();
        assert!(told.len() < 120, "{told}");
    }
}
