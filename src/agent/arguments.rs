//! What was said to an action, checked: every value is read here, before anything is done.
//!
//! Values come as JSON. Those of a line of `KEY=VALUE` are texts, and so a text is taken wherever it
//! means a number, a switch or a time.
//! Does not: look for a process or a file.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use regex::bytes::Regex;
use serde_json::{Map, Value};

use super::Face;
use super::numbers;
use super::parameter::{Kind, Parameter};
use super::table::Action;
use crate::config::table::log_size;
use crate::manager::output::cursor::Cursor;
use crate::manager::wait::condition::Conditions;
use crate::model::error::Error;
use crate::model::lifetime::Restart;
use crate::model::name;
use crate::model::size::Size;
use crate::text::keys::Key;
use crate::text::similar::closest;
use crate::text::written::{self, quoted};

/// The parameters that were given, checked.
#[derive(Debug, Default)]
pub(crate) struct Arguments(Vec<(&'static str, Given)>);

#[derive(Debug)]
enum Given {
    Text(String),
    Switch(bool),
    Count(u64),
    Duration(Duration),
    Pid(i32),
    Size(Size),
    Port(u16),
    Cursor(Cursor),
    Regex(Regex),
    Conditions(Conditions),
    Keys(Vec<Key>),
    Patterns(Vec<String>),
    Restart(Restart),
    Variables(Vec<(OsString, OsString)>),
}

impl Arguments {
    /// Reads what was said to `action`.
    ///
    /// # Errors
    ///
    /// A usage error that names the parameter, and shows a right call.
    pub(crate) fn read(
        action: &'static Action,
        said: &Map<String, Value>,
        face: Face,
    ) -> Result<Self, Error> {
        let right = || face.right_call(action.name, action.example);
        let mut given = Vec::new();
        for (name, value) in said {
            let Some(parameter) = action.parameter(name) else {
                return Err(unknown(action, name, &right()));
            };
            if value.is_null() {
                continue; // as if it was not said
            }
            let value = Given::read(parameter.kind, value).map_err(|error| {
                let hint = error.hint.map(|hint| hint + "; ").unwrap_or_default();
                Error::usage(format!("parameter '{}': {}", parameter.name, error.message))
                    .hint(hint + &right())
            })?;
            given.push((parameter.name, value));
        }
        let missing = |parameter: &&Parameter| {
            parameter.required && given.iter().all(|(name, _)| *name != parameter.name)
        };
        if let Some(parameter) = action.parameters.iter().find(missing) {
            let error = Error::usage(format!(
                "parameter '{}' of '{}' is missing: {}",
                parameter.name, action.name, parameter.help
            ));
            return Err(error.hint(right()));
        }
        Ok(Self(given))
    }

    fn get(&self, name: &str) -> Option<&Given> {
        let mut all = self.0.iter();
        all.find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Given::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Given::Switch(on)) => Some(*on),
            _ => None,
        }
    }

    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Some(Given::Count(count)) => Some(*count),
            _ => None,
        }
    }

    pub(crate) fn duration(&self, name: &str) -> Option<Duration> {
        match self.get(name) {
            Some(Given::Duration(duration)) => Some(*duration),
            _ => None,
        }
    }

    pub(crate) fn pid(&self, name: &str) -> Option<i32> {
        match self.get(name) {
            Some(Given::Pid(pid)) => Some(*pid),
            _ => None,
        }
    }

    pub(crate) fn size(&self, name: &str) -> Option<Size> {
        match self.get(name) {
            Some(Given::Size(size)) => Some(*size),
            _ => None,
        }
    }

    pub(crate) fn port(&self, name: &str) -> Option<u16> {
        match self.get(name) {
            Some(Given::Port(port)) => Some(*port),
            _ => None,
        }
    }

    pub(crate) fn cursor(&self, name: &str) -> Option<&Cursor> {
        match self.get(name) {
            Some(Given::Cursor(cursor)) => Some(cursor),
            _ => None,
        }
    }

    pub(crate) fn regex(&self, name: &str) -> Option<&Regex> {
        match self.get(name) {
            Some(Given::Regex(regex)) => Some(regex),
            _ => None,
        }
    }

    pub(crate) fn conditions(&self, name: &str) -> Option<&Conditions> {
        match self.get(name) {
            Some(Given::Conditions(conditions)) => Some(conditions),
            _ => None,
        }
    }

    pub(crate) fn keys(&self, name: &str) -> Option<&[Key]> {
        match self.get(name) {
            Some(Given::Keys(keys)) => Some(keys),
            _ => None,
        }
    }

    pub(crate) fn patterns(&self, name: &str) -> Option<&[String]> {
        match self.get(name) {
            Some(Given::Patterns(patterns)) => Some(patterns),
            _ => None,
        }
    }

    pub(crate) fn restart(&self, name: &str) -> Option<Restart> {
        match self.get(name) {
            Some(Given::Restart(restart)) => Some(*restart),
            _ => None,
        }
    }

    pub(crate) fn variables(&self, name: &str) -> &[(OsString, OsString)] {
        match self.get(name) {
            Some(Given::Variables(variables)) => variables,
            _ => &[],
        }
    }
}

fn unknown(action: &Action, name: &str, right: &str) -> Error {
    let error = Error::usage(format!(
        "'{}' has no parameter {}",
        action.name,
        quoted(name)
    ));
    let known = || action.parameters.iter().map(|parameter| parameter.name);
    let all: Vec<&str> = known().collect();
    match closest(name, known()) {
        Some(near) => error.hint(format!("did you mean '{near}'? {right}")),
        None if name == "name" && action.parameter("id").is_some() => {
            error.hint(format!("'id' takes a name too; {right}"))
        }
        None if all.is_empty() => error.hint(format!("it takes none; {right}")),
        None => error.hint(format!("it takes {}; {right}", all.join(", "))),
    }
}

impl Given {
    fn read(kind: Kind, value: &Value) -> Result<Self, Error> {
        if kind == Kind::Variables {
            return variables(value).map(Self::Variables);
        }
        if let (Kind::Patterns, Value::Array(all)) = (kind, value) {
            let one = |value: &Value| match Self::read(Kind::Regex, value)? {
                Self::Regex(pattern) => Ok(pattern.as_str().to_owned()),
                _ => Err(Error::usage("it is no list of texts")),
            };
            return all
                .iter()
                .map(one)
                .collect::<Result<_, _>>()
                .map(Self::Patterns);
        }
        if let (Kind::Keys, Value::Array(all)) = (kind, value) {
            let mut keys = Vec::new();
            for value in all {
                match Self::read(Kind::Keys, value)? {
                    Self::Keys(more) => keys.extend(more),
                    _ => return Err(Error::usage("it is no list of keys")),
                }
            }
            return Ok(Self::Keys(keys));
        }
        let text = match (kind, value) {
            (Kind::Switch, Value::Bool(on)) => return Ok(Self::Switch(*on)),
            (Kind::Count, Value::Number(number)) => {
                return numbers::whole(number).map(Self::Count).ok_or_else(|| {
                    Error::usage(format!("{number} is not a whole number from 0 on"))
                });
            }
            (Kind::Duration, Value::Number(number)) => {
                return numbers::duration(number).map(Self::Duration);
            }
            (Kind::Interval | Kind::IntervalOrOff, Value::Number(number)) => {
                return numbers::interval(number).map(Self::Duration);
            }
            (Kind::Port | Kind::Pid | Kind::LogSize, Value::Number(number)) => {
                Cow::Owned(numbers::text(number))
            }
            (_, Value::String(text)) => Cow::Borrowed(text.as_str()),
            _ => {
                return Err(Error::usage(format!(
                    "{} is not {}",
                    quoted(&value.to_string()),
                    kind.wanted()
                )));
            }
        };
        let text = text.as_ref();
        if text.contains('\0') && kind != Kind::Data {
            written::no_nul(text.as_bytes(), "it")?;
        }
        let not_empty = || match text {
            "" => Err(Error::usage("it is empty")),
            _ => Ok(Self::Text(text.to_owned())),
        };
        match kind {
            Kind::Id | Kind::Text => not_empty(),
            Kind::Data => Ok(Self::Text(text.to_owned())),
            Kind::Name => name::check(text).map(|()| Self::Text(text.to_owned())),
            Kind::Label => written::label(text).map(Self::Text),
            Kind::Switch => match text {
                "true" => Ok(Self::Switch(true)),
                "false" => Ok(Self::Switch(false)),
                _ => Err(Error::usage(format!(
                    "{} is neither true nor false",
                    quoted(text)
                ))),
            },
            Kind::Count => written::count(text).map(Self::Count),
            Kind::Port => written::port(text).map(Self::Port),
            Kind::Cursor => Cursor::parse(text).map(Self::Cursor),
            Kind::Duration => written::duration(text).map(Self::Duration),
            Kind::IntervalOrOff if text == "off" => Ok(Self::Duration(Duration::ZERO)),
            Kind::Interval | Kind::IntervalOrOff => written::interval(text).map(Self::Duration),
            Kind::Pid => written::pid(text).map(Self::Pid),
            Kind::LogSize => log_size(text).map(Self::Count),
            Kind::TerminalSize => written::terminal_size(text).map(Self::Size),
            Kind::Regex => written::regex(text).map(Self::Regex),
            Kind::Patterns if text.is_empty() => Ok(Self::Patterns(Vec::new())),
            Kind::Patterns => written::regex(text).map(|_| Self::Patterns(vec![text.to_owned()])),
            Kind::Condition => Conditions::parse(text).map(Self::Conditions),
            Kind::Keys => written::keys(text).map(Self::Keys),
            Kind::Restart => written::restart(text).map(Self::Restart),
            Kind::OneOf(words) if words.contains(&text) => Ok(Self::Text(text.to_owned())),
            Kind::OneOf(words) => Err(Error::usage(format!(
                "{} is none of {}",
                quoted(text),
                words.join(", ")
            ))),
            Kind::Variables => unreachable!("read above"),
        }
    }
}

impl Kind {
    /// What a value should have been, in words.
    fn wanted(self) -> &'static str {
        match self {
            Self::Switch => "true or false",
            Self::Count => "a whole number",
            Self::Duration | Self::Interval | Self::IntervalOrOff => {
                "a time in seconds, or a text such as 500ms"
            }
            Self::Pid => "the number of a process",
            Self::LogSize => "a number of bytes, or a text such as 64MiB",
            Self::Port => "a port, a number from 1 to 65535",
            Self::Variables => "KEY=VALUE, a list of that, or an object",
            _ => "a text",
        }
    }
}

fn variables(value: &Value) -> Result<Vec<(OsString, OsString)>, Error> {
    let one = |text: &str| {
        let bytes = written::variable(OsStr::new(text))?;
        let at = bytes.0.iter().position(|byte| *byte == b'=').unwrap_or(0);
        let part = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        Ok((part(&bytes.0[..at]), part(&bytes.0[at + 1..])))
    };
    let wanted = || Error::usage(format!("it is not {}", Kind::Variables.wanted()));
    match value {
        Value::String(text) => Ok(vec![one(text)?]),
        Value::Array(all) => all
            .iter()
            .map(|value| one(value.as_str().ok_or_else(wanted)?))
            .collect(),
        Value::Object(all) => all
            .iter()
            .map(|(key, value)| match value {
                _ if key.contains('=') => Err(Error::usage(format!(
                    "{} holds a '=', which no name can",
                    quoted(key)
                ))),
                Value::String(value) => one(&format!("{key}={value}")),
                Value::Number(value) if value.is_i64() || value.is_u64() => {
                    one(&format!("{key}={value}"))
                }
                // What was read of it may not be what was written.
                Value::Number(_) => Err(Error::usage(format!(
                    "{} is a number with a fraction, or beyond 64 bits",
                    quoted(key)
                ))
                .hint("write it as a text, in quotes")),
                Value::Bool(value) => one(&format!("{key}={value}")),
                _ => Err(wanted()),
            })
            .collect(),
        _ => Err(wanted()),
    }
}
