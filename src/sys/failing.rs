//! System calls on own files that fail because a test asked for it. In a release build none do.
//!
//! `BGP_FAIL_AT=CALL:N` lets the Nth such call of this process fail, `CALL:N+` that one and all after it;
//! `BGP_FAIL_SUPERVISOR_AT` says the same to the supervisors that it makes. What there is: `create`, `remove`,
//! `rename`, `sync`, `truncate`, `write` (nothing is written), `short` (a write takes a small part, and says so) and
//! `torn` (a write takes a small part, and the next none).
//! Does not: touch what bgp reads, or files that are not its own.

/// Fails here, with `?`, if a test asked for it.
macro_rules! fail_point {
    ($call:literal) => {
        #[cfg(debug_assertions)]
        $crate::sys::failing::called($call)?;
    };
}
pub(crate) use fail_point;

#[cfg(debug_assertions)]
mod asked {
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};

    use nix::errno::Errno;

    /// One part of so many is taken by a write that is cut short: less than what matters of a status block.
    const TAKEN: usize = 32;

    /// How many calls there were of what is to fail: only one sort is.
    static CALLS: AtomicU32 = AtomicU32::new(0);

    /// What was asked for, and by how many calls this one is beyond the one that is named.
    struct Turn {
        call: String,
        beyond: u32,
        goes_on: bool,
    }

    /// Whether something was asked for of this call, which goes by these names.
    fn turn(names: &[&str]) -> Option<Turn> {
        let wanted = std::env::var("BGP_FAIL_AT").ok()?;
        let (call, number) = wanted.split_once(':')?;
        if !names.contains(&call) {
            return None;
        }
        let goes_on = number.ends_with('+');
        let first: u32 = number.trim_end_matches('+').parse().ok()?;
        let this = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
        Some(Turn {
            call: call.to_owned(),
            beyond: this.checked_sub(first)?,
            goes_on,
        })
    }

    fn fail(errno: Errno) -> io::Error {
        crate::sys::crash::tell();
        errno.into()
    }

    /// What [`fail_point!`] does in a debug build.
    pub(crate) fn called(name: &str) -> io::Result<()> {
        let errno = if name == "create" {
            Errno::ENOSPC
        } else {
            Errno::EIO
        };
        match turn(&[name]) {
            Some(turn) if turn.beyond == 0 || turn.goes_on => Err(fail(errno)),
            Some(_) | None => Ok(()),
        }
    }

    /// How many of `len` bytes a write is to take.
    pub(crate) fn writing(len: usize) -> io::Result<usize> {
        let Some(turn) = turn(&["write", "short", "torn"]) else {
            return Ok(len);
        };
        match (turn.call.as_str(), turn.beyond) {
            ("write", beyond) if beyond == 0 || turn.goes_on => Err(fail(Errno::ENOSPC)),
            ("short", beyond) if beyond == 0 || turn.goes_on => {
                crate::sys::crash::tell();
                Ok(len.div_ceil(TAKEN))
            }
            ("torn", beyond) if beyond < 2 || turn.goes_on => match beyond % 2 {
                0 => Ok(len.div_ceil(TAKEN)),
                _ => Err(fail(Errno::ENOSPC)),
            },
            _ => Ok(len),
        }
    }
}
#[cfg(debug_assertions)]
pub(crate) use asked::{called, writing};
