//! The file that is to be a command's stdin.
//!
//! It is opened once more for each further run, by another process: a path that means a descriptor of the
//! caller, as `/dev/stdin` does, would mean one of that process's own then. What the descriptor has open is
//! taken in its place, where that has a path.
//! Does not: open it for another run; the supervisor does.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

use crate::model::bytes::Bytes;
use crate::model::error::{self, Error};
use crate::model::facts::Stdin;
use crate::model::lifetime::Restart;
use crate::sys::links;

/// Opens the file that is to be the command's stdin, as the caller and from where the caller is:
/// without waiting for a writer. Returns what is to be opened for another run, too.
///
/// # Errors
///
/// Usage (2): it cannot be opened; or not again, and there may be another run.
pub(super) fn open(asked: &Stdin, restart: Restart) -> Result<(Option<OwnedFd>, Stdin), Error> {
    let Stdin::File(path) = asked else {
        return Ok((None, asked.clone()));
    };
    let asked = path.as_os_str();
    let cannot = |error: io::Error| {
        Error::usage(format!(
            "cannot open '{}' as stdin: {}",
            asked.display(),
            error::reason(&error)
        ))
        .hint("--stdin takes 'pipe', 'null' or a file that can be read")
    };
    let path = std::path::absolute(asked).map_err(cannot)?; // where a restart finds it again
    let mut options = std::fs::OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(&path)
        .map_err(cannot)?;
    let kind = file.metadata().map_err(cannot)?.file_type();
    if kind.is_dir() || kind.is_socket() {
        return Err(cannot(io::Error::from_raw_os_error(libc::EISDIR)));
    }
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty())).map_err(|error| cannot(error.into()))?;
    let lasting = if means_a_descriptor(&path) {
        path_of(&file)
    } else {
        Some(path.clone())
    };
    if lasting.is_none() && !restart.is_never() {
        return Err(Error::usage(format!(
            "--restart: '{}' cannot be opened again as stdin for another run",
            asked.display()
        ))
        .hint("--stdin takes a file with a path of its own then; or leave --restart out"));
    }
    let fact = Stdin::File(Bytes::from(lasting.unwrap_or(path).as_os_str()));
    Ok((Some(file.into()), fact))
}

/// Opens what [`open`] said is to be opened again.
///
/// # Errors
///
/// Usage (2): as there; it was a descriptor of a process that is gone.
pub(super) fn open_again(
    asked: &Stdin,
    restart: Restart,
) -> Result<(Option<OwnedFd>, Stdin), Error> {
    if let Stdin::File(path) = asked
        && means_a_descriptor(Path::new(path.as_os_str()))
    {
        return Err(Error::usage(format!(
            "its stdin '{}' cannot be opened again",
            path.as_os_str().display()
        ))
        .hint("it was an open file of who started it; start it anew, with a stdin that is there"));
    }
    open(asked, restart)
}

/// Whether the absolute `path` leads through the process that opens it, so that it means something else to
/// each.
fn means_a_descriptor(path: &Path) -> bool {
    let own = PathBuf::from(format!("/proc/{}", std::process::id()));
    let is_own = |path: &Path| {
        let tops = ["/dev/fd", "/proc/self", "/proc/thread-self"].map(Path::new);
        path.starts_with(&own) || tops.iter().any(|top| path.starts_with(top))
    };
    // Through all links but the last: /proc/self becomes the number of this process.
    let leads_through_own = |path: PathBuf| {
        let real = path.parent().map(Path::canonicalize);
        is_own(&path) || matches!(real, Some(Ok(real)) if is_own(&real))
    };
    links::followed(path).any(leads_through_own) || links::followed(path).count() > links::LINKS_MAX
}

/// The path of what `file` has open, if it has one; see `proc_pid_fd(5)`. None where the system has no such
/// files.
fn path_of(file: &File) -> Option<PathBuf> {
    let told = std::fs::read_link(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd())).ok()?;
    let (there, open) = (std::fs::metadata(&told).ok()?, file.metadata().ok()?);
    let is_it = told.is_absolute() && (there.dev(), there.ino()) == (open.dev(), open.ino());
    // What is anonymous, as in `pipe:[7]`, has no path.
    is_it.then_some(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_means_a_descriptor_however_it_is_written() {
        let temp = TempDir::new();
        let at = |name: &str| temp.path().join(name);
        std::fs::write(at("plain"), "").unwrap();
        for (name, target) in [
            ("to-plain", at("plain")),
            ("to-stdin", "/dev/stdin".into()),
            ("to-link", at("to-stdin")),
            ("ring", at("ring")),
        ] {
            symlink(target, at(name)).unwrap();
        }
        symlink("/dev/fd", at("directory")).unwrap();
        let own = format!("/proc/{}/fd/0", std::process::id());
        for (path, means) in [
            ("/dev/stdin".into(), true),
            ("/dev/fd/0".into(), true),
            ("/proc/self/fd/0".into(), true),
            ("/proc/self/cwd/plain".into(), true),
            ("/dev/null".into(), false),
            ("/proc/1/fd/0".into(), false),
            ("/no/such/file".into(), false),
            (own, true),
        ]
        .map(|(path, means): (String, bool)| (PathBuf::from(path), means))
        .into_iter()
        .chain([
            (at("plain"), false),
            (at("to-plain"), false),
            (at("to-stdin"), true),
            (at("to-link"), true),
            (at("directory/0"), true),
            (at("ring"), true),
        ]) {
            assert_eq!(means_a_descriptor(&path), means, "{}", path.display());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_open_file_has_a_path_while_it_is_there() {
        let temp = TempDir::new();
        let path = temp.path().canonicalize().unwrap().join("file");
        std::fs::write(&path, "").unwrap();
        let file = File::open(&path).unwrap();
        assert_eq!(path_of(&file), Some(path.clone()));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(path_of(&file), None);
        let mut told = path.clone().into_os_string();
        told.push(" (deleted)");
        std::fs::write(&told, "").unwrap();
        assert_eq!(path_of(&file), None, "another file");
        let (read, _write) = crate::sys::pipe::pipe().unwrap();
        assert_eq!(path_of(&read.into()), None);
    }
}
