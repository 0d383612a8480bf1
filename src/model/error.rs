//! What can go wrong, as a person and a script see it: a kind with its exit code, a message, a hint.
//!
//! Does not: print; the command line does, in text or JSON, from the same fields.

use std::fmt;
use std::io;
use std::path::Path;

use crate::sys::fault::{Cause, Danger, Fault};

/// What sort of failure it is. Each has one exit code, which scripts depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Anything without a code of its own.
    Other = 1,
    /// The command line or the configuration is wrong; nothing was done.
    Usage = 2,
    /// No such process.
    NotFound = 3,
    /// More than one process is meant.
    Ambiguous = 4,
    /// The process does not run, or its stdin is closed.
    NotRunning = 5,
    /// A live process is in the way.
    InTheWay = 6,
    /// The process ended before what was waited for.
    EndedBefore = 7,
    /// Something could not be killed.
    Survivors = 8,
    /// `alerts --exit-code` found alerts.
    AlertsPending = 9,
    /// No password, or an empty one.
    NoPassword = 10,
    /// Another command holds the state's lock.
    Locked = 11,
    /// The password is not the one of this state directory.
    WrongPassword = 12,
    /// A key, state or log is damaged or was altered.
    Damaged = 13,
    /// The state directory or a file in it is not safe to use.
    Unsafe = 14,
    /// The disk is full, read-only or failing.
    Storage = 15,
    /// The time was up.
    TimedOut = 124,
    /// The command cannot be run.
    CannotRun = 126,
    /// The command is not found.
    CommandNotFound = 127,
    /// Hung up (SIGHUP).
    HungUp = 129,
    /// Interrupted (SIGINT).
    Interrupted = 130,
    /// Terminated (SIGTERM).
    Terminated = 143,
}

impl Kind {
    /// Every kind with its meaning, in the order of the codes: the source of help and README.
    pub(crate) const ALL: [(Self, &'static str); 21] = [
        (Self::Other, "anything else"),
        (Self::Usage, "usage, configuration"),
        (Self::NotFound, "no such process"),
        (Self::Ambiguous, "ambiguous"),
        (Self::NotRunning, "not running, or its stdin is closed"),
        (
            Self::InTheWay,
            "a live process is in the way (name taken, clear)",
        ),
        (Self::EndedBefore, "ended before what was waited for"),
        (Self::Survivors, "survivors: something could not be killed"),
        (Self::AlertsPending, "`alerts --exit-code`: there were some"),
        (Self::NoPassword, "no password"),
        (Self::Locked, "the state is locked by another command"),
        (Self::WrongPassword, "wrong password"),
        (Self::Damaged, "damaged or altered key, state or log"),
        (
            Self::Unsafe,
            "unsafe state directory or file (owner, mode, symlink, kind)",
        ),
        (Self::Storage, "storage (disk full, read-only, I/O)"),
        (Self::TimedOut, "timed out"),
        (Self::CannotRun, "the command cannot be run"),
        (Self::CommandNotFound, "the command is not found"),
        (Self::HungUp, "hung up"),
        (Self::Interrupted, "interrupted"),
        (Self::Terminated, "terminated"),
    ];

    /// The exit code of a command that fails so.
    #[must_use]
    pub(crate) fn exit_code(self) -> u8 {
        self as u8
    }

    /// The word for it in JSON.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Usage => "usage",
            Self::NotFound => "not-found",
            Self::Ambiguous => "ambiguous",
            Self::NotRunning => "not-running",
            Self::InTheWay => "in-the-way",
            Self::EndedBefore => "ended-before",
            Self::Survivors => "survivors",
            Self::AlertsPending => "alerts-pending",
            Self::NoPassword => "no-password",
            Self::Locked => "locked",
            Self::WrongPassword => "wrong-password",
            Self::Damaged => "damaged",
            Self::Unsafe => "unsafe",
            Self::Storage => "storage",
            Self::TimedOut => "timed-out",
            Self::CannotRun => "cannot-run",
            Self::CommandNotFound => "command-not-found",
            Self::HungUp => "hung-up",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }
}

/// A failure with its remedy. The message starts lowercase and has no period; the hint says what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Error {
    /// The sort of failure, and so the exit code.
    pub kind: Kind,
    /// What went wrong, and with what.
    pub message: String,
    /// What to do about it, when there is something.
    pub hint: Option<String>,
}

impl Error {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(Kind::Other, message)
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The same failure with what to do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same failure with this said beside the hint there is.
    #[must_use]
    pub(crate) fn also(self, what: &str) -> Self {
        let hint = match &self.hint {
            Some(hint) => format!("{hint}; {what}"),
            None => what.to_owned(),
        };
        self.hint(hint)
    }

    /// The same failure in a directory that somebody has named: a hint at `BGP_DIR` would mislead.
    #[must_use]
    pub(crate) fn elsewhere(self) -> Self {
        match &self.hint {
            Some(own) if !own.contains("BGP_DIR") => self,
            _ => self.hint("name a directory that you may write to"),
        }
    }

    /// A system call on `path` failed; `action` is an infinitive phrase ("open the log").
    ///
    /// A disk that is full, read-only or failing is [`Kind::Storage`], a symbolic link where none may be
    /// [`Kind::Unsafe`], all else [`Kind::Other`].
    pub(crate) fn io(action: &str, path: &Path, error: &io::Error) -> Self {
        Self::system(format!("cannot {action} '{}'", path.display()), error)
    }

    /// The system said `error` to what `message` says was tried; kinds as in [`io`](Self::io).
    pub(crate) fn system(message: impl fmt::Display, error: &io::Error) -> Self {
        let message = format!("{message}: {}", reason(error));
        match error.raw_os_error() {
            Some(libc::EFBIG) => Self::new(Kind::Storage, message)
                .hint("the limit of file sizes is reached: ulimit -f"),
            Some(libc::ENOSPC | libc::EDQUOT | libc::EROFS | libc::EIO) => {
                Self::new(Kind::Storage, message).hint("make room on the disk, or set BGP_DIR to another place")
            }
            Some(libc::ELOOP) => Self::new(Kind::Unsafe, message)
                .hint("a symbolic link stands where bgp keeps a file; look who put it there, and remove it"),
            Some(libc::ENOTDIR) => {
                Self::other(message).hint("a file stands where a directory is needed; is BGP_DIR right?")
            }
            Some(libc::EACCES | libc::EPERM) => {
                Self::other(message).hint("whose is it? BGP_DIR must be a directory of your own")
            }
            Some(libc::EMFILE | libc::ENFILE) => {
                Self::other(message).hint("the limit of open files is reached: ulimit -n")
            }
            _ => Self::other(message),
        }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let Fault {
            action,
            path,
            cause,
        } = fault;
        match cause {
            Cause::System(error) => Self::io(action, &path, &error),
            Cause::Unsafe(danger) => unsafe_file(&path, danger),
            Cause::TooLong { max_bytes } => Self::new(
                Kind::Damaged,
                format!(
                    "'{}' is longer than the {max_bytes} bytes it may have",
                    path.display()
                ),
            )
            .hint("'bgp verify' tells what else is damaged"),
        }
    }
}

fn unsafe_file(path: &Path, danger: Danger) -> Error {
    let path = path.display();
    let planted = || "look who put it there, and remove it".to_owned();
    let elsewhere = "set BGP_DIR to a directory of your own";
    let (what, hint) = match danger {
        Danger::Symlink => ("is a symbolic link".to_owned(), planted()),
        Danger::NotADirectory => ("is not a directory".to_owned(), planted()),
        Danger::NotAFile => ("is not a regular file".to_owned(), planted()),
        Danger::HardLinks(links) => (format!("has {links} hard links"), planted()),
        Danger::Owner(uid) => (format!("belongs to user {uid}"), elsewhere.to_owned()),
        Danger::OpenDirectory(mode) => (
            format!("is open to others (mode {mode:04o})"),
            format!("look what others did there, then: chmod 700 '{path}'"),
        ),
        Danger::OpenFile(mode) => (
            format!("is open to others (mode {mode:04o})"),
            format!("look what others did to it, then: chmod 600 '{path}'"),
        ),
        Danger::OpenParent(mode) => (
            format!("can be exchanged by anyone (its parent has mode {mode:04o})"),
            elsewhere.to_owned(),
        ),
    };
    Error::new(
        Kind::Unsafe,
        format!("it is not safe to use '{path}', which {what}"),
    )
    .hint(hint)
}

/// The system's words for `error`, without the number that Rust adds.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_quoted_without_a_number() {
        for (code, words) in [
            (libc::EAGAIN, "Resource temporarily unavailable"),
            (libc::E2BIG, "Argument list too long"),
            (libc::ENOENT, "No such file or directory"),
        ] {
            assert_eq!(reason(&io::Error::from_raw_os_error(code)), words);
        }
        assert_eq!(reason(&io::Error::other("our own")), "our own");
    }

    #[test]
    fn every_kind_has_its_own_code_and_word() {
        let mut codes: Vec<u8> = Kind::ALL.iter().map(|(kind, _)| kind.exit_code()).collect();
        let mut words: Vec<&str> = Kind::ALL.iter().map(|(kind, _)| kind.word()).collect();
        assert!(codes.is_sorted());
        codes.dedup();
        words.sort_unstable();
        words.dedup();
        assert_eq!(
            (codes.len(), words.len()),
            (Kind::ALL.len(), Kind::ALL.len())
        );
    }
}
