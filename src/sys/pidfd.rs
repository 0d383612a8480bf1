//! A process held by a descriptor: its number cannot come to mean another one.
//!
//! `pidfd_open(2)`, Linux 5.3; where a sandbox refuses it, opening fails and the caller does without.
//! On macOS a bare pid must do: best effort, as the README says.
//! Does not: tell whether the process is the one that was meant; who opens looks again after.
#![expect(unsafe_code, reason = "system calls that libc does not wrap")]

use std::io;

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

    pub(crate) struct Handle(OwnedFd);

    pub(crate) fn open(pid: i32) -> io::Result<Handle> {
        if crate::sys::crash::without("pidfd") {
            return Err(io::Error::from_raw_os_error(libc::ENOSYS));
        }
        // SAFETY: pidfd_open(2) touches no memory, and gives a new descriptor or -1.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        if fd == -1 {
            return Err(io::Error::last_os_error());
        }
        let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
        // SAFETY: the kernel has just made it for us; it is close-on-exec.
        Ok(Handle(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub(crate) fn fd(handle: &Handle) -> BorrowedFd<'_> {
        handle.0.as_fd()
    }

    pub(crate) fn send(handle: &Handle, signal: i32) -> i64 {
        let info: *const libc::siginfo_t = std::ptr::null();
        // SAFETY: a null info means what kill(2) would send; no memory is touched.
        unsafe {
            libc::syscall(
                libc::SYS_pidfd_send_signal,
                handle.0.as_raw_fd(),
                signal,
                info,
                0,
            )
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(crate) type Handle = i32;

    pub(crate) fn open(pid: i32) -> std::io::Result<Handle> {
        Ok(pid)
    }

    pub(crate) fn send(handle: &Handle, signal: i32) -> i64 {
        // SAFETY: kill(2) touches no memory.
        i64::from(unsafe { libc::kill(*handle, signal) })
    }
}

/// A process that was there when this was opened.
pub(crate) struct PidFd(system::Handle);

impl PidFd {
    /// Opens `pid`.
    ///
    /// # Errors
    ///
    /// `ESRCH` when there is no such process, `ENOSYS` or `EPERM` where pidfds are not to be had.
    pub(crate) fn open(pid: i32) -> io::Result<Self> {
        system::open(pid).map(Self)
    }

    /// Sends `signal` to the process that was opened, or to nobody.
    ///
    /// # Errors
    ///
    /// `ESRCH` when it has ended, `EPERM` when it is another user's.
    pub(crate) fn send(&self, signal: i32) -> io::Result<()> {
        if system::send(&self.0, signal) == -1 {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    }
}

impl PidFd {
    /// A descriptor that is readable when the process has ended; `None` where there is none.
    #[cfg_attr(
        target_os = "linux",
        expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")
    )]
    #[cfg_attr(
        not(target_os = "linux"),
        expect(clippy::unused_self, reason = "a bare pid has none")
    )]
    pub(crate) fn fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        #[cfg(target_os = "linux")]
        return Some(system::fd(&self.0));
        #[cfg(not(target_os = "linux"))]
        None
    }
}

/// Waits until the process of `held` has ended, or `limit` is over.
pub(crate) fn await_end(held: &PidFd, limit: std::time::Duration) {
    #[cfg(target_os = "linux")]
    super::notify::readable(system::fd(&held.0), limit);
    #[cfg(not(target_os = "linux"))]
    {
        let deadline = std::time::Instant::now() + limit;
        while system::send(&held.0, 0) == 0 && std::time::Instant::now() < deadline {
            // Polling: there is no descriptor to wait on.
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}
