//! Files put into a directory that somebody else uses too: each is there whole, or not at all.
//!
//! - A file is written under a name of its own, made with `O_EXCL`, mode 0600 whatever the umask, and
//!   then given its name: no symbolic link that somebody put there is followed, no reader sees a part.
//! - The directory is used as it is when it is there, and made 0700 with what is above it when not.
//!
//! Does not: know what is in the files.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat, renameat};
use nix::sys::stat::{Mode, fchmod, fstatat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::fault::Fault;
use super::fs::sync_file;

const FILE_MODE: Mode = Mode::S_IRUSR.union(Mode::S_IWUSR);

/// What happens to a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It stays, and publishing fails with `EEXIST`.
    Refused,
    Replaced,
}

/// An open directory.
pub(crate) struct Target {
    fd: OwnedFd,
    path: PathBuf,
}

impl Target {
    /// Opens `path`, and makes it if it is missing.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self, Fault> {
        let fail = |action, error: io::Error| Fault::system(action, path, error);
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let fd = match open(path, flags, Mode::empty()) {
            Err(Errno::ENOENT) => {
                let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
                made.map_err(|error| fail("make the directory", error))?;
                open(path, flags, Mode::empty())
            }
            done => done,
        };
        Ok(Self {
            fd: fd.map_err(|error| fail("open the directory", error.into()))?,
            path: path.to_owned(),
        })
    }

    /// The path of `name` in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether anything is called `name`.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub(crate) fn has(&self, name: &str) -> Result<bool, Fault> {
        match fstatat(&self.fd, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(Fault::system("look at", self.path(name), error)),
        }
    }

    /// Begins a file that will be called `name`.
    ///
    /// # Errors
    ///
    /// As the system says.
    pub(crate) fn begin(&self, name: &str) -> Result<Draft<'_>, Fault> {
        let temporary = format!(".{name}.{:016x}.tmp", fastrand::u64(..));
        let fail = |error| Fault::system("create", self.path(&temporary), error);
        let flags =
            OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let fd = openat(&self.fd, temporary.as_str(), flags, FILE_MODE).map_err(fail)?;
        let draft = Draft {
            target: self,
            name: name.to_owned(),
            file: File::from(fd),
            temporary: temporary.clone(),
        };
        fchmod(&draft.file, FILE_MODE).map_err(fail)?;
        Ok(draft)
    }
}

/// A file that has not got its name yet. Dropped without [`publish`](Self::publish) it is gone.
pub(crate) struct Draft<'a> {
    target: &'a Target,
    name: String,
    temporary: String,
    file: File,
}

impl Draft<'_> {
    /// What to write to.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name, once its bytes are on the disk.
    ///
    /// # Errors
    ///
    /// As the system says; `EEXIST` for [`Existing::Refused`].
    pub(crate) fn publish(self, existing: Existing) -> Result<PathBuf, Fault> {
        let path = self.target.path(&self.name);
        let fail = |error: io::Error| Fault::system("write", &path, error);
        sync_file(&self.file).map_err(fail)?;
        let (fd, name, temporary) = (&self.target.fd, self.name.as_str(), self.temporary.as_str());
        let named = match existing {
            Existing::Replaced => renameat(fd, temporary, fd, name),
            Existing::Refused => match linkat(fd, temporary, fd, name, AtFlags::empty()) {
                // A file system without hard links: nothing better can be had there.
                Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno::ENOSYS) => {
                    if self.target.has(name)? {
                        Err(Errno::EEXIST)
                    } else {
                        renameat(fd, temporary, fd, name)
                    }
                }
                done => done,
            },
        };
        named.map_err(|error| fail(error.into()))?;
        Ok(path)
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        let flags = UnlinkatFlags::NoRemoveDir;
        let _ = unlinkat(&self.target.fd, self.temporary.as_str(), flags); // renamed: it is gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn write(
        target: &Target,
        name: &str,
        text: &str,
        existing: Existing,
    ) -> Result<PathBuf, Fault> {
        let draft = target.begin(name)?;
        draft.file().write_all(text.as_bytes()).unwrap();
        draft.publish(existing)
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| {
            entry.unwrap().file_name().to_string_lossy().into_owned()
        };
        entries.map(name).collect()
    }

    #[test]
    fn a_missing_directory_is_made_for_its_owner_alone() {
        let temp = TempDir::new();
        let path = temp.path().join("deep/down");
        let target = Target::open_or_create(&path).unwrap();
        let file = write(&target, "a", "text", Existing::Refused).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&path), mode(&file)), (0o700, 0o600));
        assert_eq!(mode(&temp.path().join("deep")), 0o700);
        assert_eq!(names(&path), ["a"]);
    }

    #[test]
    fn an_existing_directory_is_used_as_it_is() {
        let temp = TempDir::new();
        let path = temp.path().join("shared");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(&path, temp.path().join("link")).unwrap();
        let target = Target::open_or_create(&temp.path().join("link")).unwrap();
        write(&target, "a", "text", Existing::Refused).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o755
        );
        assert_eq!(fs::read_to_string(path.join("a")).unwrap(), "text");
    }

    #[test]
    fn what_has_the_name_stays_or_is_replaced_and_no_link_is_followed() {
        let temp = TempDir::new();
        let target = Target::open_or_create(temp.path()).unwrap();
        fs::write(temp.path().join("victim"), "old").unwrap();
        symlink("victim", temp.path().join("a")).unwrap();
        symlink("nowhere", temp.path().join("b")).unwrap();
        for name in ["a", "b", "victim"] {
            assert!(target.has(name).unwrap());
            let fault = write(&target, name, "new", Existing::Refused).unwrap_err();
            assert_eq!(fault.errno(), Some(Errno::EEXIST), "{name}");
        }
        for name in ["a", "b"] {
            let path = write(&target, name, "new", Existing::Replaced).unwrap();
            assert!(fs::symlink_metadata(&path).unwrap().is_file(), "{name}");
        }
        assert_eq!(
            fs::read_to_string(temp.path().join("victim")).unwrap(),
            "old"
        );
        assert!(!target.has("nowhere").unwrap());
        let mut left = names(temp.path());
        left.sort();
        assert_eq!(left, ["a", "b", "victim"]);
    }

    #[test]
    fn what_is_not_published_is_gone() {
        let temp = TempDir::new();
        let target = Target::open_or_create(temp.path()).unwrap();
        let draft = target.begin("a").unwrap();
        draft.file().write_all(b"part").unwrap();
        drop(draft);
        assert_eq!(names(temp.path()), [""; 0]);
    }
}
