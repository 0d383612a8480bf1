//! A process held by a descriptor: its number cannot come to mean another one.
//!
//! pidfd_open(2), Linux 5.3. Where there is none, opening fails and the caller does without.
//! Does not: tell whether the process is the one that was meant; look again after opening.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "system calls that libc does not wrap")
)]

use std::io;
use std::os::fd::OwnedFd;
#[cfg(target_os = "linux")]
use std::os::fd::{AsRawFd, FromRawFd, RawFd};

/// A process that was there when this was opened.
pub(crate) struct PidFd(#[cfg_attr(not(target_os = "linux"), expect(dead_code))] OwnedFd);

impl PidFd {
    /// Opens `pid`.
    ///
    /// # Errors
    ///
    /// `ESRCH` when there is no such process, `ENOSYS` or `EPERM` where pidfds are not to be had.
    #[cfg(target_os = "linux")]
    pub(crate) fn open(pid: i32) -> io::Result<Self> {
        // SAFETY: pidfd_open(2) touches no memory, and gives a new descriptor or -1.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        if fd == -1 {
            return Err(io::Error::last_os_error());
        }
        let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
        // SAFETY: the kernel has just made it for us; it is close-on-exec.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Sends `signal` to the process that was opened, or to nobody.
    ///
    /// # Errors
    ///
    /// `ESRCH` when it has ended, `EPERM` when it is another user's.
    #[cfg(target_os = "linux")]
    pub(crate) fn send(&self, signal: i32) -> io::Result<()> {
        let info: *const libc::siginfo_t = std::ptr::null();
        // SAFETY: a null info means what kill(2) would send; no memory is touched.
        let rc = unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                self.0.as_raw_fd(),
                signal,
                info,
                0,
            )
        };
        if rc == -1 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn open(_pid: i32) -> io::Result<Self> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    #[cfg(not(target_os = "linux"))]
    pub(crate) fn send(&self, _signal: i32) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}
