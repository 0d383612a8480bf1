//! Pipes: made close-on-exec, read without waiting, asked how much they hold.
//!
//! Does not: know which stream it is.
#![expect(unsafe_code, reason = "ioctl(2) FIONREAD")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// A pipe, (read end, write end), both close-on-exec.
///
/// # Errors
///
/// `EMFILE` or `ENFILE` when there is no room for descriptors. See pipe(2).
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    #[cfg(target_os = "linux")]
    {
        Ok(nix::unistd::pipe2(OFlag::O_CLOEXEC)?)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let (read, write) = nix::unistd::pipe()?;
        for end in [&read, &write] {
            fcntl(end, FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
        }
        Ok((read, write))
    }
}

/// Makes reads and writes of `fd` return at once. Only for ends that are ours alone: the flag belongs
/// to the open file, so a child that shares it would have it too.
///
/// # Errors
///
/// See fcntl(2).
pub(crate) fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_truncate(fcntl(fd.as_fd(), FcntlArg::F_GETFL)?);
    fcntl(fd.as_fd(), FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Makes a pipe hold `bytes`, where the system can do that and allows it; else it stays as it is. See
/// fcntl(2), `F_SETPIPE_SZ`.
pub(crate) fn set_capacity(fd: impl AsFd, bytes: usize) {
    #[cfg(target_os = "linux")]
    if let Ok(bytes) = libc::c_int::try_from(bytes) {
        let _ = fcntl(fd, FcntlArg::F_SETPIPE_SZ(bytes)); // EPERM, EBUSY: then not
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (fd, bytes);
}

/// How many bytes can be read from `fd` now. See `ioctl_tty(2)`, `FIONREAD`.
///
/// # Errors
///
/// See ioctl(2).
pub(crate) fn readable_bytes(fd: impl AsFd) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int, into ours.
    let rc = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut count) };
    if rc == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Whether somebody holds the other end of `write_end`. See poll(2), `POLLERR`.
pub(crate) fn has_reader(write_end: impl AsFd) -> bool {
    let mut fds = [PollFd::new(write_end.as_fd(), PollFlags::empty())];
    match poll(&mut fds, PollTimeout::ZERO) {
        Ok(_) => !fds[0].any().unwrap_or(false),
        Err(_) => true, // a write will tell
    }
}
