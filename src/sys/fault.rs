//! Why a file could not be had: the system refused, or the file is not safe to use.
//!
//! Does not: choose words or exit codes; `model::error` does, from these.

use std::io;
use std::path::PathBuf;

use nix::errno::Errno;

/// What failed, with which file.
#[derive(Debug)]
pub(crate) struct Fault {
    /// An infinitive phrase ("open").
    pub(crate) action: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) cause: Cause,
}

/// Why it failed.
#[derive(Debug)]
pub(crate) enum Cause {
    /// The system call's error.
    System(io::Error),
    /// It is there, but somebody else could have put it there, or could read or change it.
    Unsafe(Danger),
    /// It is longer than it may be, and was not read.
    TooLong { max_bytes: u64 },
}

/// What makes a file or directory unsafe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Danger {
    /// A symbolic link.
    Symlink,
    /// Something else where a directory must be.
    NotADirectory,
    /// Something else (a FIFO, a directory, a device) where a regular file must be.
    NotAFile,
    /// It belongs to the user of this number.
    Owner(u32),
    /// A directory that others may enter, read or change: its permission bits.
    OpenDirectory(u32),
    /// A file that others may read or change: its permission bits.
    OpenFile(u32),
    /// The number of its hard links, more than one.
    HardLinks(u64),
    /// Anyone may rename what is in its parent directory, which has these permission bits.
    OpenParent(u32),
}

impl Fault {
    pub(crate) fn system(
        action: &'static str,
        path: impl Into<PathBuf>,
        error: impl Into<io::Error>,
    ) -> Self {
        Self {
            action,
            path: path.into(),
            cause: Cause::System(error.into()),
        }
    }

    pub(crate) fn danger(path: impl Into<PathBuf>, danger: Danger) -> Self {
        Self {
            action: "use",
            path: path.into(),
            cause: Cause::Unsafe(danger),
        }
    }

    /// The system's error number, if it was the system that refused.
    pub(crate) fn errno(&self) -> Option<Errno> {
        match &self.cause {
            Cause::System(error) => error.raw_os_error().map(Errno::from_raw),
            Cause::Unsafe(_) | Cause::TooLong { .. } => None,
        }
    }
}
