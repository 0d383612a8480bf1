//! What the files of a process are called, and how they go.
//!
//! Names are made of the id alone: hex digits, so that no file system takes two for one.
//! Does not: open them.

use std::os::fd::AsFd;

use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::model::id::ProcessId;

/// The file of segment `segment` in `logs/`.
pub(crate) fn log(id: ProcessId, segment: u64) -> String {
    match segment {
        0 => format!("{id}.log.enc"),
        segment => format!("{id}.{segment}.log.enc"),
    }
}

/// The lease in `run/`.
pub(crate) fn lease(id: ProcessId) -> String {
    format!("{id}.lease")
}

/// The control socket in `run/`.
pub(crate) fn socket(id: ProcessId) -> String {
    format!("{id}.sock")
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
