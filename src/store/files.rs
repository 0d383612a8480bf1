//! What the files of a process are called, and how they go.
//!
//! Names are made of the id alone: hex digits, so that no file system takes two for one.
//! Does not: open them.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use nix::fcntl::AtFlags;
use nix::sys::stat::fstatat;
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::model::id::ProcessId;
use crate::sys::fs::{create_file, remove_file};

/// The file of segment `segment` in `logs/`.
pub(crate) fn log(id: ProcessId, segment: u64) -> String {
    match segment {
        0 => format!("{id}.log.enc"),
        segment => format!("{id}.{segment}.log.enc"),
    }
}

/// Makes the file of segment `segment` in `logs`.
///
/// # Errors
///
/// `EEXIST` when there is one, `ENOSPC`, `EMFILE`: as the system says.
pub(crate) fn create_log(logs: impl AsFd, id: ProcessId, segment: u64) -> io::Result<File> {
    create_file(logs, &log(id, segment))
}

/// Device and inode of what has the name of segment `segment` in `logs`.
pub(crate) fn log_identity(logs: impl AsFd, id: ProcessId, segment: u64) -> Option<(u64, u64)> {
    let name = log(id, segment);
    let stat = fstatat(logs, name.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW).ok()?;
    #[expect(
        clippy::useless_conversion,
        reason = "its type differs between systems"
    )]
    Some((u64::try_from(stat.st_dev).ok()?, stat.st_ino.into()))
}

/// Removes segment `segment` from `logs`.
///
/// # Errors
///
/// As the system says.
pub(crate) fn remove_log(logs: impl AsFd, id: ProcessId, segment: u64) -> io::Result<()> {
    remove_file(logs, &log(id, segment))
}

/// The lease in `run/`.
pub(crate) fn lease(id: ProcessId) -> String {
    format!("{id}.lease")
}

/// The control socket in `run/`.
pub(crate) fn socket(id: ProcessId) -> String {
    format!("{id}.sock")
}

/// The process that a file in `logs/` or `run/` of this name belongs to.
pub(crate) fn owner(name: &str) -> Option<ProcessId> {
    let (id, rest) = name.split_once('.')?;
    let segment = rest.strip_suffix(".log.enc");
    let of_segment = segment.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    let is_ours = ["log.enc", "lease", "sock"].contains(&rest) || of_segment;
    is_ours.then(|| ProcessId::parse(id)).flatten()
}

/// The process and the number of the segment that a file in `logs/` of this name is.
pub(crate) fn segment(name: &str) -> Option<(ProcessId, u64)> {
    let id = owner(name)?;
    let rest = name.strip_suffix("log.enc")?.split_once('.')?.1;
    let number = match rest.strip_suffix('.') {
        None => 0,
        Some(number) => number.parse().ok()?,
    };
    (log(id, number) == name).then_some((id, number))
}

/// Removes the first segment, the lease and the socket of a process that did not come to be.
pub(crate) fn remove(logs: impl AsFd, run: impl AsFd, id: ProcessId) {
    let _ = unlinkat(logs, log(id, 0).as_str(), UnlinkatFlags::NoRemoveDir); // may be gone already
    let _ = unlinkat(&run, lease(id).as_str(), UnlinkatFlags::NoRemoveDir);
    remove_socket(run, id);
}

/// Removes the socket: the last that its owner does before the end, so that what was there is his.
pub(crate) fn remove_socket(run: impl AsFd, id: ProcessId) {
    let _ = unlinkat(run, socket(id).as_str(), UnlinkatFlags::NoRemoveDir); // may be gone already
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_whose_it_is() {
        let id = ProcessId::parse("00c0ffee").unwrap();
        for name in [log(id, 0), log(id, 12), lease(id), socket(id)] {
            assert_eq!(owner(&name), Some(id), "{name}");
        }
        for number in [0, 1, 12, u64::MAX] {
            assert_eq!(segment(&log(id, number)), Some((id, number)));
        }
        for name in [
            "00c0ffee.lease",
            "00c0ffee.00.log.enc",
            "00c0ffee.0.log.enc",
        ] {
            assert_eq!(segment(name), None, "{name}");
        }
        for name in [
            "",
            "00c0ffee",
            "00c0ffee.txt",
            "key",
            "x.lease",
            "00c0ffee.x.log.enc",
        ] {
            assert_eq!(owner(name), None, "{name}");
        }
    }
}
