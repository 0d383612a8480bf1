//! Private files below a directory that is held open.
//!
//! - Every path has one component and is looked up in an open directory (openat(2)): nobody can exchange
//!   a directory on the way once it is open.
//! - What is opened is looked at through its descriptor (fstat(2)): the owner, no bit for group and
//!   others, its kind, one hard link. A symbolic link is not followed and a FIFO does not block.
//! - What is made is 0600 or 0700 whatever the umask says.
//!
//! Does not: lock, or know what is in the files.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmod, fchmodat, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, fsync, geteuid, unlinkat};

use check::{check_file, kind, permission_bits};

use super::failing::fail_point;
use super::fault::{Cause, Danger, Fault};

/// The most names that [`Dir::names`] gives: far more than processes a store can have.
pub(crate) const NAMES_MAX: usize = 1_000_000;

const FILE_MODE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);
const DIR_MODE: Mode = Mode::S_IRWXU;
const DIR_FLAGS: OFlag = OFlag::O_RDONLY
    .union(OFlag::O_DIRECTORY)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_CLOEXEC);
const FILE_FLAGS: OFlag = OFlag::O_NOFOLLOW
    .union(OFlag::O_NONBLOCK) // a FIFO must not hang us; regular files do not care
    .union(OFlag::O_NOCTTY)
    .union(OFlag::O_CLOEXEC);

/// An open directory that belongs to us and is closed to everybody else.
#[derive(Debug)]
pub(crate) struct Dir {
    fd: OwnedFd,
    path: PathBuf, // for messages, and never opened again
}

impl Dir {
    /// Opens `path`, an absolute path; `None` when nothing is there.
    ///
    /// # Errors
    ///
    /// [`Danger`] for a symbolic link, another owner, any bit for group or others, or a parent in which
    /// anyone may rename.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Fault> {
        let Some(parent) = open_parent(path)? else {
            return Ok(None);
        };
        open_dir(&parent, last_name(path), path)
    }

    /// Opens `path`, an absolute path, and makes what is missing of it.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn create(path: &Path) -> Result<Self, Fault> {
        if let Some(dir) = Self::open(path)? {
            return Ok(dir);
        }
        let mut missing: Vec<&Path> = path
            .ancestors()
            .skip(1)
            .take_while(|above| !above.exists())
            .collect();
        while let Some(above) = missing.pop() {
            let parent = open_any(above.parent().unwrap_or(Path::new("/")))?;
            make_dir(&parent, last_name(above), above)?;
        }
        let parent = open_parent(path)?
            .ok_or_else(|| Fault::system("make the directory", path, Errno::ENOENT))?;
        create_dir(&parent, last_name(path), path)
    }

    /// Opens the directory `name` in this one; `None` when nothing is there.
    ///
    /// # Errors
    ///
    /// [`Danger`] when it is not ours alone.
    pub(crate) fn open_dir(&self, name: &str) -> Result<Option<Self>, Fault> {
        open_dir(&self.fd, OsStr::new(name), &self.path(name))
    }

    /// Opens the directory `name` in this one, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// As [`open_dir`](Self::open_dir).
    pub(crate) fn create_dir(&self, name: &str) -> Result<Self, Fault> {
        create_dir(&self.fd, OsStr::new(name), &self.path(name))
    }

    /// Opens the file `name` for reading; `None` when nothing is there.
    ///
    /// # Errors
    ///
    /// [`Danger`] when it is not a regular file of ours alone.
    pub(crate) fn open_read(&self, name: &str) -> Result<Option<File>, Fault> {
        self.open_file(name, OFlag::O_RDONLY)
    }

    /// The size of the file `name`, in bytes; `None` when nothing is there.
    ///
    /// # Errors
    ///
    /// [`Danger`] when it is not a regular file of ours alone.
    pub(crate) fn size(&self, name: &str) -> Result<Option<u64>, Fault> {
        match fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => match check_file(&stat) {
                Ok(()) => Ok(Some(u64::try_from(stat.st_size).unwrap_or(0))),
                Err(danger) => Err(Fault::danger(self.path(name), danger)),
            },
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(Fault::system("look at", self.path(name), error)),
        }
    }

    /// Opens the file `name` for reading and writing; `None` when nothing is there.
    ///
    /// # Errors
    ///
    /// As [`open_read`](Self::open_read).
    pub(crate) fn open_write(&self, name: &str) -> Result<Option<File>, Fault> {
        self.open_file(name, OFlag::O_RDWR)
    }

    /// Makes the file `name`, for reading and writing. `EEXIST` when there is one.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub(crate) fn create_new(&self, name: &str) -> Result<File, Fault> {
        create_file(&self.fd, name).map_err(|error| Fault::system("create", self.path(name), error))
    }

    /// Opens the file `name` for reading and writing, and makes it empty if it is missing.
    ///
    /// # Errors
    ///
    /// As [`open_read`](Self::open_read).
    pub(crate) fn open_or_create(&self, name: &str) -> Result<File, Fault> {
        loop {
            if let Some(file) = self.open_write(name)? {
                return Ok(file);
            }
            match self.create_new(name) {
                Err(fault) if fault.errno() == Some(Errno::EEXIST) => (), // somebody was faster
                done => return done,
            }
        }
    }

    /// All of the file `name`; `None` when nothing is there.
    ///
    /// # Errors
    ///
    /// [`Cause::TooLong`] beyond `max_bytes`, before anything is read; [`Danger`] when it is not ours alone.
    pub(crate) fn read(&self, name: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Fault> {
        let Some(file) = self.open_read(name)? else {
            return Ok(None);
        };
        let fail = |error: io::Error| Fault::system("read", self.path(name), error);
        let too_long = || Fault {
            action: "read",
            path: self.path(name),
            cause: Cause::TooLong { max_bytes },
        };
        let size = file.metadata().map_err(fail)?.len();
        if size > max_bytes {
            return Err(too_long());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(size).map_err(|_| too_long())?);
        let mut bounded = file.take(max_bytes + 1); // it may grow meanwhile
        bounded.read_to_end(&mut bytes).map_err(fail)?;
        if bytes.len() as u64 > max_bytes {
            return Err(too_long());
        }
        Ok(Some(bytes))
    }

    /// Removes the file `name`; whether there was one.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, Fault> {
        match remove_file(&self.fd, name) {
            Ok(()) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
            Err(error) => Err(Fault::system("remove", self.path(name), error)),
        }
    }

    /// The names of all that is in it, in no order. One that is not UTF-8 was not made by bgp and is left out.
    ///
    /// # Errors
    ///
    /// `E2BIG` beyond [`NAMES_MAX`].
    pub(crate) fn names(&self) -> Result<Vec<String>, Fault> {
        let fail = |error| Fault::system("list", &self.path, error);
        let fd = openat(&self.fd, ".", DIR_FLAGS, Mode::empty()).map_err(fail)?;
        let mut listing = nix::dir::Dir::from_fd(fd).map_err(fail)?;
        let mut names = Vec::new();
        for entry in listing.iter() {
            let entry = entry.map_err(fail)?;
            match entry.file_name().to_str() {
                Err(_) | Ok("." | "..") => (),
                Ok(_) if names.len() == NAMES_MAX => return Err(fail(Errno::E2BIG)),
                Ok(name) => names.push(name.to_owned()),
            }
        }
        Ok(names)
    }

    /// The path of `name` in it, for messages.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Its own path, for messages.
    pub(crate) fn own_path(&self) -> &Path {
        &self.path
    }

    /// Whether its path leads to it still.
    pub(crate) fn is_in_place(&self) -> bool {
        let (Ok(here), Ok(there)) = (fstat(&self.fd), nix::sys::stat::stat(&self.path)) else {
            return false;
        };
        (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)
    }

    fn open_file(&self, name: &str, access: OFlag) -> Result<Option<File>, Fault> {
        let danger = |danger| Fault::danger(self.path(name), danger);
        let fd = match openat(&self.fd, name, FILE_FLAGS | access, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::ELOOP) => return Err(danger(Danger::Symlink)),
            // A directory opened for writing; a socket or a device without its driver.
            Err(Errno::EISDIR | Errno::ENXIO | Errno::EOPNOTSUPP) => {
                return Err(danger(Danger::NotAFile));
            }
            Err(error) => return Err(Fault::system("open", self.path(name), error)),
        };
        let stat = fstat(&fd).map_err(|error| Fault::system("look at", self.path(name), error))?;
        check_file(&stat).map_err(danger)?;
        Ok(Some(File::from(fd)))
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Makes the file `name` in `dir`, for reading and writing: 0600, whatever the umask.
///
/// # Errors
///
/// `EEXIST` when there is one, `ENOSPC`, `EMFILE`: as the system says.
pub(crate) fn create_file(dir: impl AsFd, name: &str) -> io::Result<File> {
    fail_point!("create");
    let flags = FILE_FLAGS | OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL;
    let fd = openat(dir, name, flags, FILE_MODE)?;
    fchmod(&fd, FILE_MODE)?;
    Ok(File::from(fd))
}

/// Removes the file `name` from `dir`.
///
/// # Errors
///
/// As the system says.
pub(crate) fn remove_file(dir: impl AsFd, name: &str) -> io::Result<()> {
    fail_point!("remove");
    Ok(unlinkat(dir, name, UnlinkatFlags::NoRemoveDir)?)
}

fn last_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(OsStr::new("."))
}

/// The directory above `path`; `None` when there is none.
fn open_parent(path: &Path) -> Result<Option<OwnedFd>, Fault> {
    let above = match path.file_name() {
        Some(_) => path.parent().unwrap_or(Path::new("/")),
        None => path, // the root, or it ends in "..": the name is then "."
    };
    match open_any(above) {
        Ok(fd) => {
            let stat = fstat(&fd).map_err(|error| Fault::system("look at", above, error))?;
            let bits = permission_bits(&stat);
            // Anyone could exchange the state directory, unless the sticky bit forbids it.
            if bits & 0o1002 == 0o0002 {
                return Err(Fault::danger(path, Danger::OpenParent(bits)));
            }
            Ok(Some(fd))
        }
        Err(fault) if fault.errno() == Some(Errno::ENOENT) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Opens a directory that need not be ours, links followed.
fn open_any(path: &Path) -> Result<OwnedFd, Fault> {
    let flags = DIR_FLAGS.difference(OFlag::O_NOFOLLOW);
    let opened = match nix::fcntl::open(path, flags, Mode::empty()) {
        // One may pass through it (/home is often 0711): good for all but fsync.
        #[cfg(target_os = "linux")]
        Err(Errno::EACCES) => nix::fcntl::open(path, flags | OFlag::O_PATH, Mode::empty()),
        done => done,
    };
    opened.map_err(|error| Fault::system("open the directory", path, error))
}

fn open_dir(parent: &impl AsFd, name: &OsStr, path: &Path) -> Result<Option<Dir>, Fault> {
    let danger = |danger| Fault::danger(path, danger);
    let fd = match openat(parent, name, DIR_FLAGS, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::ENOENT) => return Ok(None),
        // Linux says ENOTDIR of a symbolic link too, when it may not follow it.
        Err(error @ (Errno::ELOOP | Errno::ENOTDIR)) => {
            let link = fstatat(parent, name, AtFlags::AT_SYMLINK_NOFOLLOW)
                .is_ok_and(|stat| kind(&stat) == SFlag::S_IFLNK);
            return Err(danger(if link || error == Errno::ELOOP {
                Danger::Symlink
            } else {
                Danger::NotADirectory
            }));
        }
        Err(error) => return Err(Fault::system("open the directory", path, error)),
    };
    let stat = fstat(&fd).map_err(|error| Fault::system("look at", path, error))?;
    if stat.st_uid != geteuid().as_raw() {
        return Err(danger(Danger::Owner(stat.st_uid)));
    }
    let bits = permission_bits(&stat);
    if bits & 0o077 != 0 {
        return Err(danger(Danger::OpenDirectory(bits)));
    }
    Ok(Some(Dir {
        fd,
        path: path.to_owned(),
    }))
}

fn create_dir(parent: &impl AsFd, name: &OsStr, path: &Path) -> Result<Dir, Fault> {
    loop {
        if let Some(dir) = open_dir(parent, name, path)? {
            return Ok(dir);
        }
        make_dir(parent, name, path)?;
    }
}

/// Makes a directory of 0700; it may be there already.
fn make_dir(parent: &impl AsFd, name: &OsStr, path: &Path) -> Result<(), Fault> {
    let fail = |error| Fault::system("make the directory", path, error);
    match mkdirat(parent, name.as_bytes(), DIR_MODE) {
        Ok(()) => (),
        Err(Errno::EEXIST) => return Ok(()),
        Err(error) => return Err(fail(error)),
    }
    match openat(parent, name, DIR_FLAGS, Mode::empty()) {
        Ok(fd) => fchmod(&fd, DIR_MODE).map_err(fail)?,
        // A umask of 0777 has made it a directory that we cannot open ourselves.
        Err(Errno::EACCES) => fchmodat(
            parent,
            name.as_bytes(),
            DIR_MODE,
            FchmodatFlags::FollowSymlink,
        )
        .map_err(fail)?,
        Err(error) => return Err(fail(error)),
    }
    fsync(parent).ok(); // what is put into it is synced later, and would be lost with it
    Ok(())
}

mod check;
mod replace;

pub(crate) use replace::{Replacement, sync_dir, sync_file};

#[cfg(test)]
mod tests;
