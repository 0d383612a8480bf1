//! The text of the configuration file: one JSON object, every key of it known.
//!
//! ```text
//! {"processes": {"execution": {"shellPath": "/bin/bash"}, "output": {"defaultTailLines": 20}, …}}
//! ```
//!
//! Does not: read or write the file.

use serde_json::{Map, Value as Json};

use super::table::{SETTINGS, Setting, TOP};
use super::value::{Value, quoted};
use crate::text::display::one_line;
use crate::text::similar::closest;

/// What is wrong with a text, to follow the name of its file; and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: String,
    pub(super) hint: String,
}

/// A text that is one JSON object.
pub(super) struct Document(Map<String, Json>);

impl Document {
    /// One that says nothing.
    pub(super) fn empty() -> Self {
        Self(Map::new())
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// It is not one JSON object.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Fault> {
        match serde_json::from_slice(text) {
            Ok(Json::Object(top)) => Ok(Self(top)),
            Ok(other) => Err(not_an_object("all of it", &other, &[TOP])),
            Err(error) => Err(Fault {
                what: format!("is not JSON: {}", one_line(&error.to_string())),
                hint: "mend the file or remove it; 'bgp help config' tells what may be in it"
                    .to_owned(),
            }),
        }
    }

    /// What it sets, and to what.
    ///
    /// # Errors
    ///
    /// The first key that is unknown or has a value that is not allowed.
    pub(super) fn settings(&self) -> Result<Vec<(&'static Setting, Value)>, Fault> {
        check_keys("", &self.0, &[TOP])?;
        let Some(all) = self.0.get(TOP) else {
            return Ok(Vec::new());
        };
        let groups = groups();
        let all = object(TOP, all, &groups)?;
        check_keys(TOP, all, &groups)?;
        let mut found = Vec::new();
        for (group, values) in all {
            let place = format!("{TOP}.{group}");
            let names = names(group);
            let values = object(&place, values, &names)?;
            check_keys(&place, values, &names)?;
            let rows = SETTINGS.iter().filter(|setting| setting.group == group);
            for setting in rows {
                if let Some(json) = values.get(setting.name) {
                    let value = setting.check(json).map_err(|why| refused(setting, &why))?;
                    found.push((setting, value));
                }
            }
        }
        Ok(found)
    }

    /// Sets `setting` to `value`, and leaves all else as it is.
    ///
    /// # Errors
    ///
    /// Something else stands where an object must be, so that there is no place for it.
    pub(super) fn set(&mut self, setting: &Setting, value: &Value) -> Result<(), Fault> {
        let mut within = &mut self.0;
        let mut place = String::new();
        for key in [TOP, setting.group] {
            place = join(&place, key);
            let inner = within
                .entry(key)
                .or_insert_with(|| Json::Object(Map::new()));
            match inner {
                Json::Object(map) => within = map,
                other => return Err(not_an_object(&format!("'{place}'"), other, &[])),
            }
        }
        within.insert(setting.name.to_owned(), value.json());
        Ok(())
    }

    /// The text for it, for people to edit.
    pub(super) fn text(&self) -> String {
        let pretty = serde_json::to_string_pretty(&self.0).expect("its keys are strings");
        pretty + "\n"
    }
}

fn groups() -> Vec<&'static str> {
    let mut groups: Vec<_> = SETTINGS.iter().map(|setting| setting.group).collect();
    groups.dedup();
    groups
}

fn names(group: &str) -> Vec<&'static str> {
    let rows = SETTINGS.iter().filter(|setting| setting.group == group);
    rows.map(|setting| setting.name).collect()
}

fn join(place: &str, key: &str) -> String {
    match place {
        "" => key.to_owned(),
        place => format!("{place}.{key}"),
    }
}

fn object<'a>(
    place: &str,
    json: &'a Json,
    allowed: &[&str],
) -> Result<&'a Map<String, Json>, Fault> {
    json.as_object()
        .ok_or_else(|| not_an_object(&format!("'{place}'"), json, allowed))
}

fn not_an_object(place: &str, json: &Json, allowed: &[&str]) -> Fault {
    let keys = match allowed {
        [] => String::new(),
        keys => format!(" with {}", keys.join(", ")),
    };
    Fault {
        what: format!(
            "has a wrong value: {place} is {}, but must be an object{keys}",
            quoted(json)
        ),
        hint: "mend the file; 'bgp help config' tells what may be in it".to_owned(),
    }
}

fn check_keys(place: &str, map: &Map<String, Json>, allowed: &[&'static str]) -> Result<(), Fault> {
    let Some(unknown) = map.keys().find(|key| !allowed.contains(&key.as_str())) else {
        return Ok(());
    };
    let meant = match closest(unknown, allowed.iter().copied()) {
        Some(near) => format!("did you mean '{}'? ", join(place, near)),
        None => String::new(),
    };
    let shown: String = unknown.chars().take(80).collect();
    Err(Fault {
        what: format!(
            "has the unknown key '{}', but allowed there is only {}",
            join(place, &one_line(&shown)),
            allowed.join(", ")
        ),
        hint: format!("{meant}'bgp help config' lists all of them"),
    })
}

fn refused(setting: &Setting, why: &str) -> Fault {
    let dotted = setting.dotted();
    Fault {
        what: format!("has a wrong value: '{TOP}.{dotted}' {why}"),
        hint: format!(
            "mend the file, or: bgp config set {dotted} {}",
            setting.example().words()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let document = Document::parse(text.as_bytes()).map_err(|fault| fault.what)?;
        let settings = document.settings().map_err(|fault| fault.what)?;
        Ok(settings
            .iter()
            .map(|(setting, value)| (setting.dotted(), value.words()))
            .collect())
    }

    #[test]
    fn the_shape_that_is_documented_is_read() {
        let text = r#"{"processes": {"execution": {"shellPath": "/bin/bash"}, "output":
            {"defaultTailLines": 20}, "stop": {"graceSeconds": 5}, "watch": {"intervalSeconds": 5},
            "logs": {"maxBytes": 67108864}}}"#;
        let mut found = read(text).unwrap();
        found.sort();
        let expected = [
            ("execution.shellPath", "/bin/bash"),
            ("logs.maxBytes", "67108864"),
            ("output.defaultTailLines", "20"),
            ("stop.graceSeconds", "5"),
            ("watch.intervalSeconds", "5"),
        ];
        assert_eq!(found, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
        for nothing in [
            "{}",
            r#"{"processes":{}}"#,
            r#" {"processes":{"stop":{}}} "#,
        ] {
            assert_eq!(read(nothing), Ok(Vec::new()));
        }
    }

    #[test]
    fn what_is_unknown_or_wrong_is_named_with_what_is_allowed() {
        for (text, told) in [
            (
                "",
                "is not JSON: EOF while parsing a value at line 1 column 0",
            ),
            (
                "{} x",
                "is not JSON: trailing characters at line 1 column 4",
            ),
            (
                "[]",
                "has a wrong value: all of it is a list, but must be an object with processes",
            ),
            (
                r#"{"process":{}}"#,
                "has the unknown key 'process', but allowed there is only processes",
            ),
            (
                r#"{"processes":5}"#,
                "has a wrong value: 'processes' is 5, but must be an object with execution, output, stop, watch, logs",
            ),
            (
                r#"{"processes":{"outptu":{}}}"#,
                "has the unknown key 'processes.outptu', but allowed there is only execution, output, stop, watch, logs",
            ),
            (
                r#"{"processes":{"output":null}}"#,
                "has a wrong value: 'processes.output' is null, but must be an object with defaultTailLines",
            ),
            (
                r#"{"processes":{"output":{"lines":1}}}"#,
                "has the unknown key 'processes.output.lines', but allowed there is only defaultTailLines",
            ),
            (
                r#"{"processes":{"output":{"defaultTailLines":"all"}}}"#,
                "has a wrong value: 'processes.output.defaultTailLines' is \"all\", but must be a whole number from 0 to 1000000",
            ),
        ] {
            assert_eq!(read(text), Err(told.to_owned()), "{text}");
        }
        let nested = "[".repeat(60_000);
        assert!(read(&nested).unwrap_err().contains("recursion limit"));
        let fault = Document::parse(br#"{"processes":{"outptu":{}}}"#)
            .ok()
            .and_then(|document| document.settings().err());
        assert!(
            fault
                .unwrap()
                .hint
                .starts_with("did you mean 'processes.output'?")
        );
    }

    #[test]
    fn setting_one_leaves_the_others() {
        let mut document =
            Document::parse(br#"{"processes":{"stop":{"graceSeconds":9},"outptu":[1]}}"#)
                .unwrap_or_else(|_| Document::empty());
        let setting = crate::config::table::find("output.defaultTailLines").unwrap();
        assert_eq!(document.set(setting, &Value::Number(50)), Ok(()));
        let text: String = document.text().split_whitespace().collect();
        assert_eq!(
            text,
            r#"{"processes":{"outptu":[1],"output":{"defaultTailLines":50},"stop":{"graceSeconds":9}}}"#
        );
        let mut wrong =
            Document::parse(br#"{"processes":{"output":5}}"#).unwrap_or_else(|_| Document::empty());
        assert!(wrong.set(setting, &Value::Number(50)).is_err());
    }
}
