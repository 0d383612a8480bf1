//! Where the configuration file is, and how it is read and replaced.
//!
//! It is nobody's secret: its owner and mode are its own affair, and links to it are followed.
//! Does not: know what is in it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::model::error::{Error, Kind, reason};
use crate::store::environment::Environment;
use crate::sys::fs::sync_file;
use crate::sys::input;
use crate::sys::links;
use crate::sys::lock::try_exclusive;

/// The longest file.
pub(super) const MAX_BYTES: usize = 64 * 1024;
/// How long one `config set` waits for another.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where it is: `$XDG_CONFIG_HOME/bgp/config.json`, else `~/.config/bgp/config.json`; `None` where there
/// is no home. An empty variable counts as none (XDG Base Directory Specification).
///
/// # Errors
///
/// A usage error when the variable that counts is relative, as for the state directory.
pub(super) fn location(environment: &Environment) -> Result<Option<PathBuf>, Error> {
    for (name, below) in [
        ("XDG_CONFIG_HOME", "bgp/config.json"),
        ("HOME", ".config/bgp/config.json"),
    ] {
        let value = environment.get(name).filter(|value| !value.is_empty());
        match value.map(Path::new) {
            Some(base) if base.is_absolute() => return Ok(Some(base.join(below))),
            Some(base) => {
                return Err(Error::usage(format!(
                    "{name} is not an absolute path: '{}'",
                    base.display()
                ))
                .hint(format!(
                    "set {name} to a path that begins with /, or unset it"
                )));
            }
            None => {}
        }
    }
    Ok(None)
}

/// All of the file at `path`; `None` when nothing is there, or behind a directory that is not for us: of
/// a home that is another user's (sudo, a service) nobody can say that it has a configuration.
///
/// # Errors
///
/// A usage error: it cannot be read, is no regular file, or longer than [`MAX_BYTES`]. What the system
/// lacks is no fault of the file and has its own kind.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    let error = match input::read_file(path, MAX_BYTES) {
        Ok(text) => return Ok(Some(text)),
        Err(error) => error,
    };
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => return Ok(None),
        io::ErrorKind::PermissionDenied if fs::metadata(path).is_err() => return Ok(None),
        _ => {}
    }
    // No fault of the file.
    if let Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM | libc::EIO) = error.raw_os_error() {
        return Err(Error::io("read the configuration", path, &error));
    }
    Err(Error::usage(format!(
        "cannot read the configuration '{}': {}",
        path.display(),
        reason(&error)
    ))
    .hint("mend the file or remove it; 'bgp help config' tells what may be in it"))
}

/// Replaces the file at `path` by what `change` makes of its text: after a crash at any moment there is
/// the old text or the new, and two who change it at once both succeed. What is above it is made.
///
/// # Errors
///
/// What `change` gives, then nothing is written; `Storage` and what else the system says.
pub(super) fn replace(
    path: &Path,
    change: impl FnOnce(Option<Vec<u8>>) -> Result<String, Error>,
) -> Result<(), Error> {
    let target = target_of(path);
    let above = target.parent().unwrap_or(Path::new("/"));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(above)
        .map_err(|error| cannot("make the directory", above, &error))?;
    let directory = File::open(above).map_err(|error| cannot("open", above, &error))?;
    lock(&directory, path)?;

    let text = change(read(path)?)?;
    if text.len() > MAX_BYTES {
        let message = format!(
            "'{}' would be longer than {MAX_BYTES} bytes",
            path.display()
        );
        return Err(Error::usage(message).hint("remove from it what is no setting"));
    }
    let temporary = target.with_extension("json.tmp");
    let written = write(&temporary, &target, text.as_bytes())
        .and_then(|()| fs::rename(&temporary, &target))
        .map_err(|error| cannot("write", &target, &error));
    if written.is_err() {
        let _ = fs::remove_file(&temporary); // it may not even have been made
        return written;
    }
    let _ = directory.sync_all(); // some file systems cannot; the text itself is on the disk
    Ok(())
}

/// The file that `path` means: a link stays one, also one to a file that is not there yet.
fn target_of(path: &Path) -> PathBuf {
    fs::canonicalize(path)
        .ok()
        .or_else(|| links::followed(path).last())
        .unwrap_or_else(|| path.to_owned())
}

/// Waits until nobody else changes the file. The lock is that of its directory, so that nothing is left.
fn lock(directory: &File, path: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + PATIENCE;
    // Where there are no locks (some network file systems), nobody waits.
    while let Ok(false) = try_exclusive(directory) {
        if Instant::now() >= deadline {
            let message = format!("'{}' is being changed by another command", path.display());
            return Err(Error::new(Kind::Locked, message).hint("try again"));
        }
        // flock(2) has no time limit. Not all at once, or the unlucky one waits for ever.
        thread::sleep(Duration::from_millis(fastrand::u64(5..20)));
    }
    Ok(())
}

fn write(temporary: &Path, target: &Path, text: &[u8]) -> io::Result<()> {
    let _ = fs::remove_file(temporary); // what a crash may have left
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(temporary)?;
    if let Ok(old) = fs::metadata(target) {
        let mode = old.permissions().mode() & 0o777;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    file.write_all(text)?;
    sync_file(&file)
}

fn cannot(action: &str, path: &Path, error: &io::Error) -> Error {
    let error = Error::io(action, path, error);
    match error.kind {
        Kind::Storage => error.hint("make room where the configuration is kept"),
        _ => error.hint("the configuration must be in a place that you may write"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::os::unix::fs::symlink;

    #[test]
    fn the_place_comes_from_two_variables_in_this_order() {
        let place = |variables: &[(&str, &str)]| {
            location(&Environment::new(variables.iter().copied()))
                .map(|path| path.map(|path| path.to_str().unwrap().to_owned()))
                .map_err(|error| error.message)
        };
        let (xdg, home) = (("XDG_CONFIG_HOME", "/x"), ("HOME", "/h"));
        let at = |path: &str| Ok(Some(path.to_owned()));
        assert_eq!(place(&[xdg, home]), at("/x/bgp/config.json"));
        assert_eq!(place(&[home]), at("/h/.config/bgp/config.json"));
        let empty = ("XDG_CONFIG_HOME", "");
        assert_eq!(place(&[empty, home]), at("/h/.config/bgp/config.json"));
        assert_eq!(place(&[]), Ok(None));
        assert_eq!(
            place(&[("XDG_CONFIG_HOME", "x"), home]),
            Err("XDG_CONFIG_HOME is not an absolute path: 'x'".to_owned())
        );
    }

    #[test]
    fn a_file_is_replaced_with_its_mode_through_a_link_and_nothing_is_left() {
        let temp = TempDir::new();
        let (real, link) = (temp.path().join("real.json"), temp.path().join("link.json"));
        fs::write(&real, "old").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        symlink(&real, &link).unwrap();
        fs::write(temp.path().join("real.json.tmp"), "of a crash").unwrap();
        replace(&link, |old| {
            assert_eq!(old.as_deref(), Some(&b"old"[..]));
            Ok("new".to_owned())
        })
        .unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"new");
        let mode = fs::metadata(&real).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2);
        let refused = replace(&link, |_| Ok("x".repeat(MAX_BYTES + 1)));
        assert_eq!(refused.unwrap_err().kind, Kind::Usage);
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }

    #[test]
    fn a_link_to_a_file_that_is_not_there_yet_stays_one() {
        let temp = TempDir::new();
        let (first, second) = (temp.path().join("first"), temp.path().join("second"));
        symlink("second", &first).unwrap();
        symlink("kept/real.json", &second).unwrap();
        replace(&first, |old| {
            assert_eq!(old, None);
            Ok("new".to_owned())
        })
        .unwrap();
        let real = temp.path().join("kept/real.json");
        assert_eq!(fs::read(real).unwrap(), b"new");
        for link in [first, second] {
            assert!(fs::symlink_metadata(link).unwrap().is_symlink());
        }
    }

    #[test]
    fn what_two_change_at_once_is_both_there() {
        let temp = TempDir::new();
        let path = temp.path().join("deep/down/config.json");
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..8 {
                        let more = |old: Option<Vec<u8>>| {
                            Ok("x".repeat(old.map_or(0, |old| old.len()) + 1))
                        };
                        replace(&path, more).unwrap();
                    }
                });
            }
        });
        assert_eq!(fs::read(&path).unwrap().len(), 32);
    }

    #[test]
    fn what_is_not_there_is_absent_and_what_cannot_be_read_is_told() {
        let temp = TempDir::new();
        let path = temp.path().join("config.json");
        assert_eq!(read(&path), Ok(None));
        fs::write(&path, "{}").unwrap();
        assert_eq!(read(&path.join("below")), Ok(None));
        let long = " ".repeat(MAX_BYTES + 1);
        fs::write(&path, long).unwrap();
        let error = read(&path).unwrap_err();
        assert_eq!(error.kind, Kind::Usage);
        assert!(error.message.ends_with("it is longer than 65536 bytes"));
        let error = read(temp.path()).unwrap_err();
        assert!(error.message.ends_with("Is a directory"), "{error}");
    }
}
