//! What the library tells.
//!
//! Does not: look anything up.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::manager::info;
use crate::manager::wait::condition;
use crate::model::{error, status};
use crate::text::lines;

/// A failure: what went wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(error::Error);

impl Error {
    /// The exit code that the `bgp` program has for it, as its README lists them.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.0.kind.exit_code()
    }

    /// A word for it: `not-found`, `timed-out`, ….
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.0.kind.word()
    }

    /// What to do about it, when there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl From<error::Error> for Error {
    fn from(error: error::Error) -> Self {
        Self(error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// How a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProcessStatus {
    /// It waits to be run again.
    Starting,
    /// The command runs.
    Running,
    /// It was asked to stop and has not ended yet.
    Stopping,
    /// It ended with code 0.
    Exited,
    /// It ended after bgp was asked to stop it, or by TERM, INT, HUP or QUIT.
    Killed,
    /// Another signal ended it.
    Crashed,
    /// It ended with another code.
    Failed,
    /// Its supervisor was killed, or the machine went down: nobody knows how it ended.
    Lost,
}

impl ProcessStatus {
    /// Whether the command has not ended.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping)
    }
}

impl From<status::Status> for ProcessStatus {
    fn from(status: status::Status) -> Self {
        match status {
            status::Status::Starting => Self::Starting,
            status::Status::Running => Self::Running,
            status::Status::Stopping => Self::Stopping,
            status::Status::Exited => Self::Exited,
            status::Status::Killed => Self::Killed,
            status::Status::Crashed => Self::Crashed,
            status::Status::Failed => Self::Failed,
            status::Status::Lost => Self::Lost,
        }
    }
}

/// A process at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// 8 hex digits; no other process of the state directory has them.
    pub id: String,
    /// The N of `proc_N`.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// The pid of the command; it stays after the end. `None` when it was never known.
    pub pid: Option<i32>,
    /// The command as one would type it; bytes that are no UTF-8 are escaped.
    pub command: String,
    /// The arguments as they were given; of a line for a shell, the shell's.
    pub argv: Vec<OsString>,
    /// Its directory.
    pub cwd: PathBuf,
    /// How it is.
    pub status: ProcessStatus,
    /// Why it is so, where there is a reason: `stop`, `timeout`, `reboot`, ….
    pub reason: Option<&'static str>,
    /// When it was started.
    pub start_time: SystemTime,
    /// When the command ended; `None` while it runs or when nobody knows.
    pub end_time: Option<SystemTime>,
    /// Its code, if it ended by itself.
    pub exit_code: Option<i32>,
    /// The signal that ended it, as `SIGTERM`.
    pub signal: Option<String>,
    /// From its start to its end or until now, in whole milliseconds, on a clock that does not jump.
    pub runtime: Option<Duration>,
    /// How many of what it started live, once the command has ended.
    pub descendants: usize,
    /// What it is grouped by.
    pub group: Option<String>,
    /// The session it belongs to.
    pub session: Option<String>,
    /// The size of its log, in bytes.
    pub log_bytes: u64,
}

impl ProcessInfo {
    /// Whether it ended with code 0; `None` while it lives.
    #[must_use]
    pub fn success(&self) -> Option<bool> {
        (!self.status.is_live()).then_some(self.status == ProcessStatus::Exited)
    }
}

impl From<info::ProcessInfo> for ProcessInfo {
    fn from(info: info::ProcessInfo) -> Self {
        let command = info.command().escaped();
        let words = info.argv.iter();
        Self {
            id: info.id.to_string(),
            number: info.number,
            pid: info.pid,
            command,
            argv: words.map(|word| word.as_os_str().to_owned()).collect(),
            cwd: PathBuf::from(info.cwd.as_os_str()),
            status: info.status.into(),
            reason: info.reason.map(status::Reason::word),
            start_time: time(info.start_ms),
            end_time: info.exit.as_ref().map(|exit| time(exit.end_ms)),
            exit_code: info.exit.as_ref().and_then(|exit| exit.code),
            signal: info.exit.and_then(|exit| exit.signal),
            runtime: info.runtime_ms.map(Duration::from_millis),
            descendants: info.descendants,
            name: info.name,
            group: info.group,
            session: info.session,
            log_bytes: info.log_bytes,
        }
    }
}

/// The time that is so many milliseconds after 1970.
pub(super) fn time(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

/// Where a process wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output, or its terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

impl From<lines::Stream> for Stream {
    fn from(stream: lines::Stream) -> Self {
        match stream {
            lines::Stream::Out => Self::Stdout,
            lines::Stream::Err => Self::Stderr,
        }
    }
}

/// A line of output.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutputLine {
    /// Where it was written.
    pub stream: Stream,
    /// When its last byte was read.
    pub time: SystemTime,
    /// The line, decoded, without escape sequences; one above 16 KiB is cut in its middle.
    pub text: String,
    /// It has no newline (yet).
    pub partial: bool,
    /// Its beginning is further back than was read.
    pub continued: bool,
}

/// Lines of output, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Output {
    /// The lines, in the order in which they were read.
    pub lines: Vec<OutputLine>,
    /// The place behind them, for [`OutputOptions::after`](crate::OutputOptions::after).
    pub next_cursor: String,
    /// How many bytes that would be among them are gone, by rotation or a full disk.
    pub dropped_bytes: u64,
    /// Whether nothing more can come.
    pub eof: bool,
}

/// What ended a wait.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Came {
    /// The command ended.
    End,
    /// A line was found.
    Output {
        /// The line.
        text: String,
        /// The place behind it.
        next_cursor: String,
    },
    /// This pid, of its tree, listens on the port.
    Port {
        /// Who listens.
        pid: i32,
    },
    /// It was silent for long enough.
    Idle,
}

impl Came {
    pub(super) fn of(came: Option<&condition::Came>) -> Self {
        match came {
            Some(condition::Came::End) | None => Self::End,
            Some(condition::Came::Output(found)) => Self::Output {
                text: found.line.shown().into_owned(),
                next_cursor: found.cursor.to_string(),
            },
            Some(condition::Came::Port(port)) => Self::Port { pid: port.pid },
            Some(condition::Came::Idle) => Self::Idle,
        }
    }
}
