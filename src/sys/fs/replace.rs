//! Replacing a file as a whole, so that a crash at any moment leaves the old bytes or the new.
//!
//! Does not: lock; who replaces a file holds its lock.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, renameat};
use nix::sys::stat::fstatat;
use nix::unistd::fsync;

use super::Dir;
use super::check::check_file;
use crate::sys::crash::crash_point;
use crate::sys::failing::fail_point;
use crate::sys::fault::Fault;
use crate::sys::sink;

impl Dir {
    /// Puts `bytes` in the place of the file `name`, whether there is one or not: after a crash at any
    /// moment it holds the old bytes or the new. When this returns, the new ones are on the disk.
    ///
    /// The caller holds the lock of this file: a leftover of an earlier crash is removed.
    ///
    /// # Errors
    ///
    /// As the system says, mostly about space; the old bytes are still there then.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        self.prepare(name, bytes)?.commit()
    }

    /// Writes `bytes` beside the file `name`, on the disk itself, and leaves that as it is: the slow half
    /// of [`replace`](Self::replace).
    ///
    /// # Errors
    ///
    /// As of [`replace`](Self::replace).
    pub(crate) fn prepare(&self, name: &str, bytes: &[u8]) -> Result<Replacement<'_>, Fault> {
        let temporary = format!("{name}.tmp");
        self.check_replaceable(name)?;
        if self.check_replaceable(&temporary)? {
            self.remove(&temporary)?;
        }
        let file = self.create_new(&temporary)?;
        crash_point!("replace-created");
        let replacement = Replacement {
            dir: self,
            name: name.to_owned(),
            temporary: Some(temporary),
        };
        write_and_sync(&file, bytes)
            .map_err(|error| Fault::system("write", self.path(&format!("{name}.tmp")), error))?;
        Ok(replacement)
    }

    /// Renames the file `name` to `NAME.damaged-N`, with an N that is free, and returns that name; `None` when
    /// nothing is there. The caller holds the lock of this file.
    ///
    /// # Errors
    ///
    /// As the system says; [`Danger`](crate::sys::fault::Danger) when it is not a file of ours alone.
    pub(crate) fn set_aside(&self, name: &str) -> Result<Option<String>, Fault> {
        if !self.check_replaceable(name)? {
            return Ok(None);
        }
        for number in 1.. {
            let aside = format!("{name}.damaged-{number}");
            match fstatat(&self.fd, aside.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
                Ok(_) => (),
                Err(Errno::ENOENT) => {
                    self.rename(name, &aside)
                        .map_err(|error| Fault::system("set aside", self.path(name), error))?;
                    self.sync()?;
                    return Ok(Some(aside));
                }
                Err(error) => return Err(Fault::system("look at", self.path(&aside), error)),
            }
        }
        Ok(None)
    }

    /// Waits until what was made, renamed and removed in it is on the disk.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub(crate) fn sync(&self) -> Result<(), Fault> {
        sync_dir(&self.fd).map_err(|error| Fault::system("sync", &self.path, error))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fail_point!("rename");
        Ok(renameat(&self.fd, from, &self.fd, to)?)
    }

    /// Whether `name` is there, as a file that may be replaced or removed.
    fn check_replaceable(&self, name: &str) -> Result<bool, Fault> {
        match fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => match check_file(&stat) {
                Ok(()) => Ok(true),
                Err(danger) => Err(Fault::danger(self.path(name), danger)),
            },
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(Fault::system("look at", self.path(name), error)),
        }
    }
}

/// What is about to be in the place of a file; dropped, it is removed.
#[must_use]
pub(crate) struct Replacement<'a> {
    dir: &'a Dir,
    name: String,
    /// The file's name until then.
    temporary: Option<String>,
}

impl Replacement<'_> {
    /// Puts it there. When this returns, it is on the disk.
    ///
    /// # Errors
    ///
    /// As the system says; the old bytes are still there then. If the directory alone could not be synced,
    /// the new ones are, and nobody knows whether they would survive a power cut.
    pub(crate) fn commit(&mut self) -> Result<(), Fault> {
        crash_point!("replace-synced");
        if let Some(temporary) = &self.temporary {
            self.dir
                .rename(temporary, &self.name)
                .map_err(|error| Fault::system("replace", self.dir.path(&self.name), error))?;
        }
        self.temporary = None;
        crash_point!("replace-renamed");
        self.dir.sync()
    }

    /// Whether it is there, on the disk or not.
    pub(crate) fn is_in_place(&self) -> bool {
        self.temporary.is_none()
    }
}

impl Drop for Replacement<'_> {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            self.dir.remove(temporary).ok(); // it makes room; the next writer would remove it too
        }
    }
}

/// Waits until the bytes of `file` are on the disk itself.
///
/// Source: fsync(2); on macOS `F_FULLFSYNC` of fcntl(2), which is what the standard library calls
/// there, and fsync where the file system knows no such thing.
///
/// # Errors
///
/// As the system says; what was written before may then be lost.
pub(crate) fn sync_file(file: &File) -> io::Result<()> {
    fail_point!("sync");
    match file.sync_all() {
        #[cfg(target_os = "macos")]
        Err(error) if error.raw_os_error() == Some(libc::ENOTSUP) => Ok(fsync(file)?),
        done => done,
    }
}

/// Waits until what was made, renamed and removed in `dir` is on the disk.
///
/// # Errors
///
/// As the system says.
pub(crate) fn sync_dir(dir: impl AsFd) -> io::Result<()> {
    fail_point!("sync");
    match fsync(dir) {
        Ok(()) | Err(Errno::EINVAL) => Ok(()), // some file systems cannot, and need not
        Err(error) => Err(error.into()),
    }
}

fn write_and_sync(file: &File, bytes: &[u8]) -> io::Result<()> {
    sink::write_all(file, bytes, 0)?;
    crash_point!("replace-written");
    sync_file(file)
}
