//! What may be said to an action: a name, what its value is, and what it means.
//!
//! Does not: read values; [`arguments`](super::arguments) does.

/// One parameter of one action.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// What holds without it, as a schema says it.
    pub(crate) default: Option<&'static str>,
    pub(crate) help: &'static str,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An id, `proc_N`, a name, or the beginning of an id.
    Id,
    /// A name for a process.
    Name,
    /// What processes are grouped by.
    Label,
    /// Text without a NUL that is not empty: a command, a path.
    Text,
    /// Any text.
    Data,
    Switch,
    Count,
    /// Seconds, or a text such as `500ms`.
    Duration,
    /// The same, and no shorter than what is worth looking for.
    Interval,
    /// The same, or `off`.
    IntervalOrOff,
    /// A TCP port.
    Port,
    /// The number of a process of the system.
    Pid,
    /// How large a log may be: bytes, or a text such as `64MiB`.
    LogSize,
    /// The size of a terminal: `80x24`.
    TerminalSize,
    /// A place in the output of a process.
    Cursor,
    Regex,
    /// What tells that it is ready: a regular expression for a line of output, or `port:N`.
    Condition,
    /// Keys by their names, with blanks between, or a list.
    Keys,
    /// A regular expression, or several; an empty text for none.
    Patterns,
    Restart,
    /// `KEY=VALUE`, several, or an object.
    Variables,
    OneOf(&'static [&'static str]),
}

impl Parameter {
    pub(crate) const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            kind,
            required: false,
            default: None,
            help,
        }
    }

    pub(crate) const fn required(self) -> Self {
        Self {
            required: true,
            ..self
        }
    }

    pub(crate) const fn default(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }
}
