//! The state directory: where it is, what is in it, and the way to it.
//!
//! | path | what |
//! |---|---|
//! | `key` | the master key, sealed under the password's |
//! | `processes.json.enc`, `processes.lock` | the state, and the lock of those who change it |
//! | `readers/` | a document and a lock for each reader |
//! | `logs/`, `run/` | logs and leases, each written by its supervisor |
//!
//! Does not: say what is in the files; their modules do.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::environment::Environment;
use crate::model::error::{Error, Kind};
use crate::sys::fs::Dir;

/// The file of the sealed master key.
pub(crate) const KEY: &str = "key";
/// The file of the sealed state.
pub(crate) const STATE: &str = "processes.json.enc";
/// The file whose flock(2) is held to change the state.
pub(crate) const LOCK: &str = "processes.lock";

/// A directory in the state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sub {
    /// Sealed logs.
    Logs,
    /// Leases and control sockets.
    Run,
    /// What each reader has had.
    Readers,
}

impl Sub {
    const ALL: [Self; 3] = [Self::Logs, Self::Run, Self::Readers];

    fn name(self) -> &'static str {
        match self {
            Self::Logs => "logs",
            Self::Run => "run",
            Self::Readers => "readers",
        }
    }
}

/// The open state directory. Everything in it is reached through its descriptor.
#[derive(Debug)]
pub(crate) struct StateDir {
    dir: Dir,
    subs: [OnceLock<Dir>; Sub::ALL.len()],
}

impl StateDir {
    /// Opens it; `None` when there is none, and nothing is written.
    ///
    /// # Errors
    ///
    /// `Unsafe` when it is not ours alone.
    pub(crate) fn open_existing(path: &Path) -> Result<Option<Self>, Error> {
        Ok(Dir::open(path)?.map(Self::new))
    }

    /// Opens it, and makes it with what is above it if it is missing.
    ///
    /// # Errors
    ///
    /// `Unsafe` when it is not ours alone, `Storage` when it cannot be made.
    pub(crate) fn open_or_create(path: &Path) -> Result<Self, Error> {
        Ok(Self::new(Dir::create(path)?))
    }

    fn new(dir: Dir) -> Self {
        Self {
            dir,
            subs: Default::default(),
        }
    }

    /// The directory itself, with `key`, the state and its lock.
    pub(crate) fn top(&self) -> &Dir {
        &self.dir
    }

    /// The directory `sub`; `None` when there is none yet.
    ///
    /// # Errors
    ///
    /// `Unsafe` when it is not ours alone.
    pub(crate) fn sub(&self, sub: Sub) -> Result<Option<&Dir>, Error> {
        let once = &self.subs[sub as usize];
        if once.get().is_none() {
            match self.dir.open_dir(sub.name())? {
                Some(dir) => once.get_or_init(|| dir),
                None => return Ok(None),
            };
        }
        Ok(once.get())
    }

    /// The directory `sub`, made if it is missing.
    ///
    /// # Errors
    ///
    /// `Unsafe` when it is not ours alone, `Storage` when it cannot be made.
    pub(crate) fn make_sub(&self, sub: Sub) -> Result<&Dir, Error> {
        let once = &self.subs[sub as usize];
        if let Some(dir) = once.get() {
            return Ok(dir);
        }
        let dir = self.dir.create_dir(sub.name())?;
        Ok(once.get_or_init(|| dir))
    }

    /// That its path leads to it still. Who stays for long would look at what nobody else sees.
    ///
    /// # Errors
    ///
    /// `NotFound` once it was removed or renamed, or another was put in its place.
    pub(crate) fn check_in_place(&self) -> Result<(), Error> {
        if self.dir.is_in_place() {
            return Ok(());
        }
        let message = format!(
            "the state directory '{}' was removed or replaced",
            self.path().display()
        );
        Err(Error::new(Kind::NotFound, message)
            .hint("what ran in it is found again where the directory was moved to"))
    }

    /// Where it is, for messages.
    pub(crate) fn path(&self) -> &Path {
        self.dir.own_path()
    }
}

/// Where the state directory is: `$BGP_DIR` made absolute, else `$XDG_STATE_HOME/bgp`, else
/// `$HOME/.local/state/bgp`. There is no other place, and never one in `/tmp`.
///
/// An empty `XDG_STATE_HOME` or `HOME` counts as none (XDG Base Directory Specification).
///
/// # Errors
///
/// A usage error when the variable that counts is empty, relative or missing.
pub(crate) fn location(environment: &Environment) -> Result<PathBuf, Error> {
    let set = |name| {
        let value = environment.get(name).filter(|value| !value.is_empty());
        value.map(Path::new)
    };
    if environment.get("BGP_DIR").is_some_and(OsStr::is_empty) {
        return Err(Error::usage("BGP_DIR is empty")
            .hint("set BGP_DIR to a directory of your own, or unset it"));
    }
    if let Some(dir) = set("BGP_DIR") {
        return std::path::absolute(dir)
            .map_err(|error| Error::io("make an absolute path of", dir, &error));
    }
    for (name, below) in [("XDG_STATE_HOME", "bgp"), ("HOME", ".local/state/bgp")] {
        match set(name) {
            Some(base) if base.is_absolute() => return Ok(base.join(below)),
            Some(base) => {
                return Err(Error::usage(format!(
                    "{name} is not an absolute path: '{}'",
                    base.display()
                ))
                .hint(format!(
                    "set {name} to a path that begins with /, or BGP_DIR to a directory of your own"
                )));
            }
            None => (),
        }
    }
    Err(
        Error::usage("there is no place for the state: HOME is not set")
            .hint("set BGP_DIR to a directory of your own, or HOME"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::error::Kind;
    use crate::testing::TempDir;

    #[test]
    fn the_place_comes_from_three_variables_in_this_order() {
        let place = |variables: &[(&str, &str)]| {
            location(&Environment::new(variables.iter().copied()))
                .map(|path| path.to_str().unwrap().to_owned())
                .map_err(|error| (error.kind, error.message))
        };
        let (dir, xdg, home) = (("BGP_DIR", "/b"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h"));
        let usage = |message: &str| Err((Kind::Usage, message.to_owned()));
        assert_eq!(place(&[dir, xdg, home]).as_deref(), Ok("/b"));
        assert_eq!(place(&[xdg, home]).as_deref(), Ok("/x/bgp"));
        assert_eq!(place(&[home]).as_deref(), Ok("/h/.local/state/bgp"));
        assert_eq!(
            place(&[("XDG_STATE_HOME", ""), home]).as_deref(),
            Ok("/h/.local/state/bgp")
        );
        let relative = place(&[("BGP_DIR", "here")]).unwrap();
        assert!(relative.starts_with('/') && relative.ends_with("/here"));
        assert_eq!(place(&[("BGP_DIR", ""), home]), usage("BGP_DIR is empty"));
        assert_eq!(
            place(&[("XDG_STATE_HOME", "x"), home]),
            usage("XDG_STATE_HOME is not an absolute path: 'x'")
        );
        assert_eq!(
            place(&[("HOME", "h")]),
            usage("HOME is not an absolute path: 'h'")
        );
        let nowhere = usage("there is no place for the state: HOME is not set");
        assert_eq!(place(&[]), nowhere);
        assert_eq!(place(&[("HOME", "")]), nowhere);
    }

    #[test]
    fn looking_for_it_makes_nothing() {
        let temp = TempDir::new();
        let path = temp.path().join("deep/down/bgp");
        assert!(StateDir::open_existing(&path).unwrap().is_none());
        assert!(!temp.path().join("deep").exists());
        let dir = StateDir::open_or_create(&path).unwrap();
        for sub in Sub::ALL {
            assert!(dir.sub(sub).unwrap().is_none());
            dir.make_sub(sub).unwrap();
            let found = StateDir::open_existing(&path).unwrap().unwrap();
            assert!(found.sub(sub).unwrap().is_some());
        }
    }
}
