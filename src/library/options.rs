//! What the library can be asked for.
//!
//! Does not: check what needs the store.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use regex::bytes::Regex;

use super::info::Error;
use crate::config::Settings;
use crate::manager::plan::{self, IfTaken, What};
use crate::manager::variables::{Inherited, Variables};
use crate::manager::wait::condition::Conditions;
use crate::model::error;
use crate::model::facts::{AlertSettings, Stdin};
use crate::model::lifetime::Restart;
use crate::text::written::DURATION_MAX;

/// What to start, and how. Made with [`command`](Self::command) or [`shell_line`](Self::shell_line);
/// the fields may then be set.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own, as on the command line"
)]
pub struct StartOptions {
    what: Asked,
    /// What to call it; by default a name is made from the command.
    pub name: Option<String>,
    /// Where it runs; by default where this program is.
    pub cwd: Option<PathBuf>,
    /// Variables added to its environment; of one that is given twice the last counts.
    pub env: Vec<(OsString, OsString)>,
    /// Whether it gets nothing of this program's environment.
    pub clear_env: bool,
    /// Whether its standard input is empty, in place of a pipe for [`send`](crate::ProcessManager::send).
    pub stdin_null: bool,
    /// What it is grouped by.
    pub group: Option<String>,
    /// The session it belongs to.
    pub session: Option<String>,
    /// From TERM to KILL when it is stopped; by default the configuration's.
    pub grace: Option<Duration>,
    /// How long it may live, if there is a limit; then it is stopped.
    pub timeout: Option<Duration>,
    /// Whether a live process of that name is stopped first; else the name is taken.
    pub replace: bool,
    /// Whether an event is raised when it ends well; off by default.
    pub alert_on_success: bool,
    /// Whether one is raised when it fails; on by default.
    pub alert_on_failure: bool,
    /// Whether one is raised when it is stopped or killed; off by default.
    pub alert_on_kill: bool,
}

#[derive(Debug, Clone)]
enum Asked {
    Argv(Vec<OsString>),
    Line(OsString),
}

impl StartOptions {
    /// A command and its arguments; no shell looks at them.
    pub fn command<S: Into<OsString>>(words: impl IntoIterator<Item = S>) -> Self {
        Self::new(Asked::Argv(words.into_iter().map(Into::into).collect()))
    }

    /// One line for a shell: the one that the configuration names, `$SHELL` or `/bin/sh`.
    pub fn shell_line(line: impl Into<OsString>) -> Self {
        Self::new(Asked::Line(line.into()))
    }

    fn new(what: Asked) -> Self {
        let alerts = AlertSettings::default();
        Self {
            what,
            name: None,
            cwd: None,
            env: Vec::new(),
            clear_env: false,
            stdin_null: false,
            group: None,
            session: None,
            grace: None,
            timeout: None,
            replace: false,
            alert_on_success: alerts.on_success,
            alert_on_failure: alerts.on_failure,
            alert_on_kill: alerts.on_kill,
        }
    }

    pub(super) fn planned(&self, settings: &Settings) -> Result<plan::StartOptions, error::Error> {
        for label in [&self.group, &self.session].into_iter().flatten() {
            check_label(label)?;
        }
        for (name, _) in &self.env {
            let bytes = name.as_encoded_bytes();
            if bytes.is_empty() || bytes.contains(&b'=') || bytes.contains(&0) {
                let name = name.display();
                return Err(error::Error::usage(format!("'{name}' names no variable"))
                    .hint("a name is not empty and has no '=' and no NUL"));
            }
        }
        if self.replace && self.name.is_none() {
            return Err(
                error::Error::usage("replace means nothing without a name").hint("give a name too")
            );
        }
        let what = match &self.what {
            Asked::Argv(argv) => What::Argv(argv.clone()),
            Asked::Line(line) => What::ShellLine {
                shell: settings.shell_path().to_owned(),
                line: line.clone(),
            },
        };
        let env = self.env.iter();
        Ok(plan::StartOptions {
            what,
            name: self.name.clone(),
            cwd: self.cwd.clone(),
            inherited: if self.clear_env {
                Inherited::Nothing
            } else {
                Inherited::All
            },
            env: env
                .map(|(name, value)| Variables::One(name.clone(), value.clone()))
                .collect(),
            stdin: if self.stdin_null {
                Stdin::Null
            } else {
                Stdin::Pipe
            },
            pty: None,
            grace: self.grace.map(|grace| grace.min(DURATION_MAX)),
            grace_default: settings.grace(),
            group: self.group.clone(),
            session: self.session.clone(),
            alerts: AlertSettings {
                on_success: self.alert_on_success,
                on_failure: self.alert_on_failure,
                on_kill: self.alert_on_kill,
                ..AlertSettings::default()
            },
            max_log_bytes: settings.log_max_bytes(),
            timeout: self.timeout,
            with_pid: None,
            restart: Restart::default(),
            if_taken: if self.replace {
                IfTaken::Replace
            } else {
                IfTaken::Refuse
            },
        })
    }
}

/// A group or session is one line of text.
fn check_label(label: &str) -> Result<(), error::Error> {
    const LABEL_MAX_BYTES: usize = 128;
    if label.is_empty() || label.len() > LABEL_MAX_BYTES || label.contains(char::is_control) {
        return Err(error::Error::usage(
            "a group or session is empty, too long or more than a line",
        )
        .hint("it is 1 to 128 bytes of text without control characters"));
    }
    Ok(())
}

/// What of an output to read. By default all of it, which takes as much memory as it is long.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OutputOptions {
    /// Only the last so many lines. Does not count beside `after`.
    pub last: Option<u64>,
    /// Only what came after this place: the `next_cursor` of an earlier [`Output`](crate::Output).
    pub after: Option<String>,
}

impl OutputOptions {
    /// The last so many lines.
    #[must_use]
    pub fn last(lines: u64) -> Self {
        Self {
            last: Some(lines),
            after: None,
        }
    }

    /// All that came after the `next_cursor` of an earlier [`Output`](crate::Output).
    pub fn after(cursor: impl Into<String>) -> Self {
        Self {
            last: None,
            after: Some(cursor.into()),
        }
    }
}

/// What to wait for. The first that holds counts.
#[derive(Debug, Clone)]
pub struct WaitFor {
    pub(super) conditions: Conditions,
}

impl WaitFor {
    /// The end of the command.
    #[must_use]
    pub fn end() -> Self {
        Self {
            conditions: Conditions::default(),
        }
    }

    /// A line of output in which this regular expression is found, written before or after now; also a
    /// line that has no newline yet.
    ///
    /// # Errors
    ///
    /// It is no regular expression (2).
    pub fn output(regex: &str) -> Result<Self, Error> {
        let regex = Regex::new(regex).map_err(|error| {
            let all = error.to_string();
            let reason = all.lines().last().unwrap_or_default();
            error::Error::usage(format!("not a regular expression: {reason}"))
                .hint("a backslash before a character takes it literally")
        })?;
        let mut wait = Self::end();
        wait.conditions.output.push(regex);
        Ok(wait)
    }

    /// It, or what it started, listens on this TCP port.
    #[must_use]
    pub fn port(port: u16) -> Self {
        let mut wait = Self::end();
        wait.conditions.port = Some(port);
        wait
    }

    /// It has written nothing for so long.
    #[must_use]
    pub fn idle(idle: Duration) -> Self {
        let mut wait = Self::end();
        wait.conditions.idle = Some(idle);
        wait
    }

    /// Looks for a line only behind this place: a `next_cursor` of that process.
    ///
    /// # Errors
    ///
    /// It is no cursor (2).
    pub fn after(mut self, cursor: impl AsRef<OsStr>) -> Result<Self, Error> {
        let text = cursor.as_ref().to_string_lossy();
        let cursor = crate::manager::output::cursor::Cursor::parse(&text)?;
        self.conditions.after = vec![cursor];
        Ok(self)
    }
}
