//! What was said on a command line, once all of it is checked.
//!
//! Does not: hold defaults; what was not said is absent.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use regex::bytes::Regex;

use super::table::{Command, Flag, Value};
use super::values::{self, quoted};
use crate::commands::out::Format;
use crate::config::table::log_size;
use crate::manager::output::cursor::Cursor;
use crate::manager::wait::condition::Conditions;
use crate::model::bytes::Bytes;
use crate::model::error::Error;
use crate::model::facts::Stdin;
use crate::model::lifetime::Restart;
use crate::model::size::Size;
use crate::model::{name, signal};
use crate::text::keys::Key;

/// A command with its flags and operands, all of them checked.
#[derive(Debug)]
pub(crate) struct Matches {
    pub(crate) command: &'static Command,
    pub(super) flags: Vec<(&'static Flag, Parsed)>,
    pub(super) operands: Vec<OsString>,
}

/// The value of a flag, checked.
#[derive(Debug)]
pub(super) enum Parsed {
    Switch,
    Text(String),
    Bytes(Bytes),
    Duration(Duration),
    Number(u64),
    Stdin(Stdin),
    Window(Size),
    Regex(Regex),
    Keys(Vec<Key>),
    Port(u16),
    Conditions(Conditions),
    Cursor(Cursor),
    Pid(i32),
    Restart(Restart),
}

impl Matches {
    pub(super) fn new(command: &'static Command) -> Self {
        Self {
            command,
            flags: Vec::new(),
            operands: Vec::new(),
        }
    }

    /// Whether the flag was given.
    pub(crate) fn has(&self, long: &str) -> bool {
        self.values(long).next().is_some()
    }

    pub(crate) fn format(&self) -> Format {
        if self.has("json") {
            Format::Json
        } else {
            Format::Text
        }
    }

    /// The value of a flag for a name, a label or one of some words.
    pub(crate) fn text(&self, long: &str) -> Option<&str> {
        self.values(long).find_map(|value| match value {
            Parsed::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// The value of a flag for bytes or a path.
    pub(crate) fn bytes(&self, long: &str) -> Option<&Bytes> {
        self.all_bytes(long).next()
    }

    /// All values of a flag for variables, in the order given.
    pub(crate) fn all_bytes(&self, long: &str) -> impl Iterator<Item = &Bytes> {
        self.values(long).filter_map(|value| match value {
            Parsed::Bytes(bytes) => Some(bytes),
            _ => None,
        })
    }

    /// The values of these flags for bytes, variables and paths, each with its flag, in the order given.
    pub(crate) fn in_order(
        &self,
        longs: &'static [&'static str],
    ) -> impl Iterator<Item = (&'static str, &Bytes)> {
        let given = self.flags.iter();
        given.filter_map(|(flag, value)| match value {
            Parsed::Bytes(bytes) if longs.contains(&flag.long) => Some((flag.long, bytes)),
            _ => None,
        })
    }

    pub(crate) fn duration(&self, long: &str) -> Option<Duration> {
        self.values(long).find_map(|value| match value {
            Parsed::Duration(duration) => Some(*duration),
            _ => None,
        })
    }

    /// The value of a flag for a count or a size.
    pub(crate) fn number(&self, long: &str) -> Option<u64> {
        self.values(long).find_map(|value| match value {
            Parsed::Number(number) => Some(*number),
            _ => None,
        })
    }

    pub(crate) fn stdin(&self, long: &str) -> Option<&Stdin> {
        self.values(long).find_map(|value| match value {
            Parsed::Stdin(stdin) => Some(stdin),
            _ => None,
        })
    }

    /// The size of a terminal.
    pub(crate) fn size(&self, long: &str) -> Option<Size> {
        self.values(long).find_map(|value| match value {
            Parsed::Window(size) => Some(*size),
            _ => None,
        })
    }

    pub(crate) fn pid(&self, long: &str) -> Option<i32> {
        self.values(long).find_map(|value| match value {
            Parsed::Pid(pid) => Some(*pid),
            _ => None,
        })
    }

    pub(crate) fn restart(&self, long: &str) -> Option<Restart> {
        self.values(long).find_map(|value| match value {
            Parsed::Restart(restart) => Some(*restart),
            _ => None,
        })
    }

    /// All keys that a flag names, in the order given.
    pub(crate) fn keys(&self, long: &str) -> Vec<Key> {
        let values = self.values(long).filter_map(|value| match value {
            Parsed::Keys(keys) => Some(keys),
            _ => None,
        });
        values.flatten().copied().collect()
    }

    /// All values of a flag for regular expressions.
    pub(crate) fn regexes(&self, long: &str) -> impl Iterator<Item = &Regex> {
        self.values(long).filter_map(|value| match value {
            Parsed::Regex(regex) => Some(regex),
            _ => None,
        })
    }

    pub(crate) fn port(&self, long: &str) -> Option<u16> {
        self.values(long).find_map(|value| match value {
            Parsed::Port(port) => Some(*port),
            _ => None,
        })
    }

    /// What a flag says is to be waited for.
    pub(crate) fn conditions(&self, long: &str) -> Option<&Conditions> {
        self.values(long).find_map(|value| match value {
            Parsed::Conditions(conditions) => Some(conditions),
            _ => None,
        })
    }

    /// All values of a flag for cursors.
    pub(crate) fn cursors(&self, long: &str) -> impl Iterator<Item = &Cursor> {
        self.values(long).filter_map(|value| match value {
            Parsed::Cursor(cursor) => Some(cursor),
            _ => None,
        })
    }

    /// The IDs, as they were typed; none is empty.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.operands.iter().filter_map(|operand| operand.to_str())
    }

    /// The text after the ID.
    pub(crate) fn text_after_id(&self) -> Option<&OsStr> {
        self.operands.get(1).map(OsString::as_os_str)
    }

    /// The session that is named.
    pub(crate) fn session(&self) -> Option<&str> {
        self.operands.first().and_then(|name| name.to_str())
    }

    /// The number of the signal after the ID.
    pub(crate) fn signal_after_id(&self) -> Option<i32> {
        signal::number(self.text_after_id()?.to_str()?)
    }

    /// A setting and its new value, as they were typed.
    pub(crate) fn change(&self) -> Option<(&OsStr, &OsStr)> {
        match self.operands.as_slice() {
            [_, setting, value] => Some((setting, value)),
            _ => None,
        }
    }

    /// The command to run with its arguments, untouched; empty if a flag stands in its place.
    pub(crate) fn command_line(&self) -> &[OsString] {
        &self.operands
    }

    fn values(&self, long: &str) -> impl Iterator<Item = &Parsed> {
        debug_assert!(
            self.command.flag(long).is_some(),
            "{} has no --{long}",
            self.command.name
        );
        self.flags
            .iter()
            .filter(move |(flag, _)| flag.long == long)
            .map(|(_, value)| value)
    }
}

impl Parsed {
    /// Reads `value` as what `kind` says it is.
    ///
    /// # Errors
    ///
    /// A usage error that names the value; the flag's name is to be put before it.
    pub(super) fn read(kind: Value, value: OsString) -> Result<Self, Error> {
        match kind {
            Value::Bytes | Value::Path => {
                return Ok(Parsed::Bytes(not_empty(value)?));
            }
            Value::Variable => return values::variable(&value).map(Parsed::Bytes),
            Value::Stdin => {
                return Ok(Parsed::Stdin(match value.as_bytes() {
                    b"pipe" => Stdin::Pipe,
                    b"null" => Stdin::Null,
                    _ => Stdin::File(not_empty(value)?),
                }));
            }
            _ => {}
        }
        let Some(text) = value.to_str() else {
            let shown = quoted(&Bytes::from(value.as_os_str()).escaped());
            return Err(Error::usage(format!("{shown} is not UTF-8")).hint("write it in UTF-8"));
        };
        match kind {
            Value::Name => name::check(text).map(|()| Parsed::Text(text.to_owned())),
            Value::Label => values::label(text).map(Parsed::Text),
            Value::Duration => values::duration(text).map(Parsed::Duration),
            Value::Interval => values::interval(text).map(Parsed::Duration),
            Value::Count => values::count(text).map(Parsed::Number),
            Value::Size => values::size(text).map(Parsed::Number),
            Value::LogSize => log_size(text).map(Parsed::Number),
            Value::Window => values::terminal_size(text).map(Parsed::Window),
            Value::Pid => values::pid(text).map(Parsed::Pid),
            Value::Restart => values::restart(text).map(Parsed::Restart),
            Value::Keys => values::keys(text).map(Parsed::Keys),
            Value::Regex => values::regex(text).map(Parsed::Regex),
            Value::Port => values::port(text).map(Parsed::Port),
            Value::Condition => Conditions::parse(text).map(Parsed::Conditions),
            Value::Cursor => Cursor::parse(text).map(Parsed::Cursor),
            Value::Signal => signal::number(text)
                .map(|_| Parsed::Text(text.to_owned()))
                .ok_or_else(|| {
                    Error::usage(format!("{} is not a signal", quoted(text)))
                        .hint("a signal is TERM, SIGTERM or 15, for example")
                }),
            Value::OneOf(words) if words.contains(&text) => Ok(Parsed::Text(text.to_owned())),
            Value::OneOf(words) => Err(Error::usage(format!(
                "{} is none of its values",
                quoted(text)
            ))
            .hint(format!("one of: {}", words.join(", ")))),
            Value::Bytes | Value::Path | Value::Variable | Value::Stdin => {
                unreachable!("taken as bytes above")
            }
        }
    }
}

fn not_empty(value: OsString) -> Result<Bytes, Error> {
    if value.is_empty() {
        return Err(Error::usage("it is empty").hint("a variable in its place may be unset"));
    }
    values::no_nul(value.as_bytes(), "it")?;
    Ok(Bytes(value.into_vec()))
}
