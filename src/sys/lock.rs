//! flock(2): a lock that the kernel frees when the last copy of the descriptor is closed.
//!
//! Closing frees it, also after `kill -9` and a reboot. Nothing here ever unlocks: `LOCK_UN` frees the
//! lock for every process that shares the open file, and a parent that returns would take it from the
//! supervisor which inherited it.
//! Does not: open files or wait.
#![expect(unsafe_code, reason = "the wrapper of nix unlocks when it is dropped")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

/// Takes the exclusive lock of `file` for as long as any copy of the descriptor is open; whether it
/// was to be had.
///
/// # Errors
///
/// `ENOLCK` when the kernel or the file system has no lock to give. Source: flock(2).
pub(crate) fn try_exclusive(file: &File) -> io::Result<bool> {
    flock(file, libc::LOCK_EX | libc::LOCK_NB)
}

/// Whether somebody holds the exclusive lock of `fresh`.
///
/// `fresh` must be an open of its own, for reading, and be closed soon: until then it has a shared
/// lock. Shared, so that two who look at once do not take each other for the holder.
///
/// # Errors
///
/// As [`try_exclusive`].
pub(crate) fn is_held(fresh: &File) -> io::Result<bool> {
    flock(fresh, libc::LOCK_SH | libc::LOCK_NB).map(|free| !free)
}

fn flock(file: &File, operation: i32) -> io::Result<bool> {
    loop {
        // SAFETY: flock(2) touches no memory of ours; a bad descriptor would be EBADF.
        if unsafe { libc::flock(file.as_raw_fd(), operation) } == 0 {
            return Ok(true);
        }
        match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            error if error.kind() == io::ErrorKind::Interrupted => (),
            error => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fs::Dir;
    use crate::testing::{TempDir, eventually};

    /// The bug this guards against: 1. a parent locks the lease; 2. its supervisor inherits the open
    /// file; 3. the parent drops its copy, and a wrapper that unlocks on drop declares the supervisor dead.
    #[test]
    fn a_lock_survives_the_drop_of_one_of_two_copies() {
        let temp = TempDir::new();
        let dir = Dir::open(temp.path()).unwrap().unwrap();
        let file = dir.create_new("lease").unwrap();
        let probe = || is_held(&dir.open_read("lease").unwrap().unwrap()).unwrap();
        assert!(!probe());
        assert!(try_exclusive(&file).unwrap());
        let copy = file.try_clone().unwrap();
        drop(file);
        assert!(probe() && probe());
        drop(copy);
        eventually("the lock is free", || !probe());
    }

    #[test]
    fn two_who_look_at_once_both_see_it_free() {
        let temp = TempDir::new();
        let dir = Dir::open(temp.path()).unwrap().unwrap();
        dir.create_new("lease").unwrap();
        let looking = [(), ()].map(|()| dir.open_read("lease").unwrap().unwrap());
        for file in &looking {
            assert!(!is_held(file).unwrap());
        }
        let other = dir.open_write("lease").unwrap().unwrap();
        assert!(!try_exclusive(&other).unwrap());
    }

    #[test]
    fn who_looks_while_others_look_is_never_told_that_a_dead_one_lives() {
        let temp = TempDir::new();
        let dir = Dir::open(temp.path()).unwrap().unwrap();
        dir.create_new("lease").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for look in 0..50_000 {
                        let fresh = dir.open_read("lease").unwrap().unwrap();
                        assert!(!is_held(&fresh).unwrap(), "look {look}");
                    }
                });
            }
        });
    }
}
