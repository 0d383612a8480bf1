//! Every setting there is, one row each: the source of the parser of the file, the help, and all lists.
//!
//! Does not: read or hold values.

use super::value::Value;
use crate::model::error::Error;
use crate::text::written;

/// Which setting it is, for whoever asks for its value. A number into the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    ShellPath,
    DefaultTailLines,
    GraceSeconds,
    IntervalSeconds,
    MaxBytes,
}

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) key: Key,
    /// Its place in the file, below `processes`, and its name.
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: Default,
    /// What it does, for help.
    pub(crate) help: &'static str,
}

/// What its value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An absolute path, as a string.
    Path,
    /// A whole number of these, in these bounds.
    Number { unit: Unit, min: u64, max: u64 },
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Lines,
    Seconds,
    Bytes,
}

/// What holds when the file does not say it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Default {
    Number(u64),
    /// The shell that the caller's environment names, in these words.
    Shell(&'static str),
}

/// The object at the top of the file that all settings are in.
pub(crate) const TOP: &str = "processes";

/// The settings, in the order of the file.
pub(crate) const SETTINGS: [Setting; 5] = [
    Setting {
        key: Key::ShellPath,
        group: "execution",
        name: "shellPath",
        kind: Kind::Path,
        default: Default::Shell("$SHELL if it is sh, bash, dash, ksh or zsh, else /bin/sh"),
        help: "the shell that runs the line of 'start -c'",
    },
    Setting {
        key: Key::DefaultTailLines,
        group: "output",
        name: "defaultTailLines",
        kind: Kind::Number {
            unit: Unit::Lines,
            min: 0,
            max: 1_000_000,
        },
        default: Default::Number(20),
        help: "how many lines 'output' shows; 0 for all",
    },
    Setting {
        key: Key::GraceSeconds,
        group: "stop",
        name: "graceSeconds",
        kind: Kind::Number {
            unit: Unit::Seconds,
            min: 0,
            max: 24 * 60 * 60,
        },
        default: Default::Number(5),
        help: "how long a process may take to end when it is stopped, before it is killed",
    },
    Setting {
        key: Key::IntervalSeconds,
        group: "watch",
        name: "intervalSeconds",
        kind: Kind::Number {
            unit: Unit::Seconds,
            min: 1,
            max: 24 * 60 * 60,
        },
        default: Default::Number(5),
        help: "how often 'watch' looks, when nothing wakes it",
    },
    Setting {
        key: Key::MaxBytes,
        group: "logs",
        name: "maxBytes",
        kind: Kind::Number {
            unit: Unit::Bytes,
            min: 1 << 20, // a few blocks, and room for a long START in each segment
            max: 1 << 40,
        },
        default: Default::Number(64 << 20),
        help: "how large the log of one process may grow, before its oldest output is dropped",
    },
];

impl Setting {
    /// What it is called: `output.defaultTailLines`.
    pub(crate) fn dotted(&self) -> String {
        format!("{}.{}", self.group, self.name)
    }

    /// What its value may be, in words.
    pub(crate) fn allowed(&self) -> String {
        match self.kind {
            Kind::Path => "an absolute path".to_owned(),
            Kind::Number { unit, min, max } => {
                let unit = match unit {
                    Unit::Lines => "",
                    Unit::Seconds => " of seconds",
                    Unit::Bytes => " of bytes",
                };
                format!("a whole number{unit} from {min} to {max}")
            }
        }
    }

    /// What holds when nobody says it, in words.
    pub(crate) fn default_words(&self) -> String {
        match self.default {
            Default::Number(number) => number.to_string(),
            Default::Shell(words) => words.to_owned(),
        }
    }

    /// A value for an example.
    pub(super) fn example(&self) -> Value {
        match self.default {
            Default::Number(number) => Value::Number(number),
            Default::Shell(_) => Value::Text("/bin/bash".into()),
        }
    }
}

/// The setting that is called so: `output.defaultTailLines`, or with `processes.` before it.
pub(crate) fn find(dotted: &str) -> Option<&'static Setting> {
    let below = dotted
        .strip_prefix(TOP)
        .and_then(|rest| rest.strip_prefix('.'))
        .unwrap_or(dotted);
    SETTINGS.iter().find(|setting| setting.dotted() == below)
}

/// How large a log may be: what is allowed for `logs.maxBytes`, written as a size.
///
/// # Errors
///
/// A usage error: no size, or too small or too large for a log.
pub(crate) fn log_size(text: &str) -> Result<u64, Error> {
    let bytes = written::size(text)?;
    let setting = find("logs.maxBytes").expect("it is in the table");
    setting.check(&bytes.into()).map(|_| bytes).map_err(|_| {
        let message = format!("{} is no size for a log", written::quoted(text));
        Error::usage(message).hint(setting.allowed())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_a_number_into_the_table_and_each_default_is_allowed() {
        for (i, setting) in SETTINGS.iter().enumerate() {
            assert_eq!(setting.key as usize, i);
            assert_eq!(find(&setting.dotted()).unwrap().key, setting.key);
            let full = format!("{TOP}.{}", setting.dotted());
            assert_eq!(find(&full).unwrap().key, setting.key);
            let example = setting.example();
            assert_eq!(setting.check(&example.json()), Ok(example));
            assert!(!setting.help.ends_with('.'));
        }
        for wrong in ["", "shellPath", "execution", "processes.", "output.", "x.y"] {
            assert!(find(wrong).is_none(), "{wrong}");
        }
    }
}
