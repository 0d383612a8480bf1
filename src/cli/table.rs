//! What a command and a flag are. One row each is all that a new one takes.
//!
//! Does not: hold the rows; [`commands`](super::commands) does.

use crate::model::error::Kind;

/// One command of `bgp`.
#[derive(Debug)]
pub(crate) struct Command {
    pub(crate) verb: Verb,
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// The ways to call it, each without `bgp NAME`.
    pub(crate) usage: &'static [&'static str],
    pub(crate) operands: Operands,
    /// One line for the list of commands.
    pub(crate) summary: &'static str,
    /// Paragraphs for its own help.
    pub(crate) description: &'static [&'static str],
    /// Its flags, less those in [`EVERYWHERE`].
    pub(crate) flags: &'static [Flag],
    pub(crate) examples: &'static [Example],
    pub(crate) state: State,
    /// The failures that are its own, beside those of its kind.
    pub(crate) failures: &'static [Kind],
}

/// Which command it is, for whoever runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Start,
    List,
    Status,
    Output,
    Stream,
    Send,
    Screen,
    Attach,
    Signal,
    Stop,
    Restart,
    Wait,
    Watch,
    Alerts,
    Alert,
    Clear,
    EndSession,
    Verify,
    Repair,
    Doctor,
    Passwd,
    Ui,
    Lock,
    Config,
    Completions,
    Man,
    Process,
    Mcp,
    Skill,
    Help,
}

/// What may stand beside a command's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operands {
    None,
    /// One ID, or a flag that selects.
    Id,
    /// IDs or none. None are allowed beside a flag that selects.
    AnyIds,
    /// IDs, or a flag that selects.
    Ids,
    /// One ID, and a text of any bytes: or one of these flags in its place, or one that may stand beside it or alone.
    IdAndText {
        instead: &'static [&'static str],
        beside: &'static str,
    },
    /// One ID, and a signal by any of its spellings.
    IdAndSignal,
    /// The name of a command, or nothing.
    Topic,
    /// A shell that there are completions for.
    Shell,
    /// Any words.
    Words,
    /// The name of a session, or nothing.
    Session,
    /// `set`, a setting and its value; or nothing.
    Change,
    /// A command and its arguments, to which all belongs that follows its first word; or this flag.
    CommandOr(&'static str),
}

/// What a command does with the state directory, and so how it can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Untouched,
    Read,
    Changed,
}

/// A line that can be typed, and what it does.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) line: &'static str,
    pub(crate) does: &'static str,
}

/// One flag of one command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flag {
    pub(crate) long: &'static str,
    pub(crate) short: Option<char>,
    /// What it takes, and how help calls that; a switch takes nothing.
    pub(crate) value: Option<(Value, &'static str)>,
    pub(crate) repeatable: bool,
    /// What holds without it, as help says it.
    pub(crate) default: Option<&'static str>,
    /// It says which processes are meant, in place of IDs.
    pub(crate) selects: bool,
    /// Flags it contradicts; to be said on one side only.
    pub(crate) not_with: &'static [&'static str],
    /// A flag without which it means nothing.
    pub(crate) only_with: Option<&'static str>,
    pub(crate) help: &'static str,
}

/// What a flag's value is. It is checked before anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// A name for a process.
    Name,
    /// What processes are grouped by: one line of text.
    Label,
    /// Any bytes, but not none: a line for a shell.
    Bytes,
    /// A file or directory, which nobody has looked for.
    Path,
    Duration,
    /// A duration of 100 ms at least: how often something is looked at, or how long nothing happens.
    Interval,
    /// A whole number, from 0.
    Count,
    /// The number of a process, from 1.
    Pid,
    /// `no`, `on-failure` or `always`, with `:N` perhaps.
    Restart,
    /// `KEY=VALUE`, for the environment.
    Variable,
    /// `pipe`, `null` or a file.
    Stdin,
    /// A number of bytes.
    Size,
    /// A number of bytes that a log may have.
    LogSize,
    /// Columns and rows of a terminal.
    Window,
    /// A regular expression.
    Regex,
    /// A TCP port: 1 to 65535.
    Port,
    /// What to wait for: a regular expression, or `port:N`.
    Condition,
    /// A place in the output of a process, as bgp has told it.
    Cursor,
    /// Names of keys, with blanks between.
    Keys,
    /// A signal, by any of its spellings.
    Signal,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

/// The flags that every command has.
pub(crate) const EVERYWHERE: [Flag; 2] = [
    Flag::switch("json", "answer as one JSON document, errors too"),
    Flag::switch("help", "show this").short('h'),
];

impl Operands {
    /// Whether the operand at `index` is an ID.
    pub(crate) fn is_id(self, index: usize) -> bool {
        match self {
            Self::Id | Self::AnyIds | Self::Ids => true,
            Self::IdAndText { .. } | Self::IdAndSignal => index == 0,
            Self::None
            | Self::Topic
            | Self::Shell
            | Self::Session
            | Self::Words
            | Self::Change
            | Self::CommandOr(_) => false,
        }
    }
}

impl Command {
    /// All its flags, its own first.
    pub(crate) fn all_flags(&self) -> impl Iterator<Item = &'static Flag> {
        self.flags.iter().chain(&EVERYWHERE)
    }

    /// Its flag of this name.
    pub(crate) fn flag(&self, long: &str) -> Option<&'static Flag> {
        self.all_flags().find(|flag| flag.long == long)
    }

    /// Every way in which it can fail, in the order of the exit codes.
    pub(crate) fn all_failures(&self) -> impl Iterator<Item = (Kind, &'static str)> {
        let can = |kind: Kind| {
            let of_state = match kind {
                Kind::Other | Kind::Usage | Kind::Storage => true, // what is printed may go to a full disk
                Kind::NoPassword | Kind::WrongPassword | Kind::Damaged | Kind::Unsafe => {
                    self.state != State::Untouched
                }
                Kind::Locked => self.state == State::Changed,
                _ => false,
            };
            of_state || self.failures.contains(&kind)
        };
        Kind::ALL.into_iter().filter(move |(kind, _)| can(*kind))
    }
}

impl Flag {
    /// A flag that is there or not.
    pub(crate) const fn switch(long: &'static str, help: &'static str) -> Self {
        Self {
            long,
            short: None,
            value: None,
            repeatable: false,
            default: None,
            selects: false,
            not_with: &[],
            only_with: None,
            help,
        }
    }

    /// A flag with a value, which help calls `placeholder`.
    pub(crate) const fn with_value(
        long: &'static str,
        value: Value,
        placeholder: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            value: Some((value, placeholder)),
            ..Self::switch(long, help)
        }
    }

    pub(crate) const fn short(self, short: char) -> Self {
        Self {
            short: Some(short),
            ..self
        }
    }

    pub(crate) const fn repeatable(self) -> Self {
        Self {
            repeatable: true,
            ..self
        }
    }

    pub(crate) const fn default(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }

    pub(crate) const fn selects(self) -> Self {
        Self {
            selects: true,
            ..self
        }
    }

    pub(crate) const fn not_with(self, not_with: &'static [&'static str]) -> Self {
        Self { not_with, ..self }
    }

    pub(crate) const fn only_with(self, flag: &'static str) -> Self {
        Self {
            only_with: Some(flag),
            ..self
        }
    }
}
