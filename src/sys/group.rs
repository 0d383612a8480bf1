//! Process groups, signalled by number: real-time signals have no names.
//!
//! Does not: tell whose group it is. A number stays a group's as long as its leader is not reaped.
#![expect(unsafe_code, reason = "kill(2) with a number that may have no name")]

use std::io;

/// Sends the signal of this number to every process of `group`.
///
/// # Errors
///
/// `EINVAL` for a signal there is not, and for what is no group of ours; `EPERM` when none of its
/// processes may be signalled. See kill(2).
pub(crate) fn signal(group: i32, number: i32) -> io::Result<()> {
    if group <= 1 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL)); // 0 is our own, -1 is everybody
    }
    // SAFETY: kill(2) touches no memory.
    if unsafe { libc::kill(-group, number) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_everybody_nor_oneself_is_a_group() {
        for group in [i32::MIN, -1, 0, 1] {
            let error = signal(group, 0).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{group}");
        }
    }
}
