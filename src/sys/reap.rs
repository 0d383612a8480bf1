//! Children that changed: what wait4(2) tells, without waiting.
//!
//! Does not: decide what a change means.
#![expect(unsafe_code, reason = "wait4(2), for the resources used")]

use nix::errno::Errno;

/// What a child did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Exited(i32),
    /// Killed by the signal of this number; whether it dumped core.
    Signaled(i32, bool),
    Stopped,
    Continued,
}

/// What an ended child and its reaped children used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub(crate) user_ms: u64,
    pub(crate) system_ms: u64,
    pub(crate) max_rss_kib: u64,
}

/// The next child that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaped {
    Child {
        pid: i32,
        change: Change,
        usage: Usage,
    },
    /// There are children, and none has changed.
    NoChange,
    /// There are no children at all.
    NoChildren,
}

/// Takes the next change of any child; an ended one is reaped.
pub(crate) fn next() -> Reaped {
    let mut status = 0;
    loop {
        // SAFETY: zeroed is a valid rusage (plain numbers); wait4(2) writes into our two variables.
        let (pid, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            let flags = libc::WNOHANG | libc::WUNTRACED | libc::WCONTINUED;
            (
                libc::wait4(-1, &raw mut status, flags, &raw mut usage),
                usage,
            )
        };
        return match pid {
            0 => Reaped::NoChange,
            -1 if Errno::last() == Errno::EINTR => continue,
            -1 => Reaped::NoChildren,
            pid => Reaped::Child {
                pid,
                change: change(status),
                usage: used(&usage),
            },
        };
    }
}

fn change(status: i32) -> Change {
    if libc::WIFEXITED(status) {
        Change::Exited(libc::WEXITSTATUS(status))
    } else if libc::WIFSIGNALED(status) {
        Change::Signaled(libc::WTERMSIG(status), libc::WCOREDUMP(status))
    } else if libc::WIFSTOPPED(status) {
        Change::Stopped
    } else {
        Change::Continued
    }
}

fn used(usage: &libc::rusage) -> Usage {
    #[expect(
        clippy::cast_sign_loss,
        reason = "the kernel gives no negative times or sizes"
    )]
    let ms = |time: libc::timeval| time.tv_sec as u64 * 1000 + time.tv_usec as u64 / 1000;
    #[expect(clippy::cast_sign_loss, reason = "as above")]
    let rss = usage.ru_maxrss as u64;
    // KiB on Linux, bytes on macOS: getrusage(2).
    let max_rss_kib = if cfg!(target_os = "macos") {
        rss / 1024
    } else {
        rss
    };
    Usage {
        user_ms: ms(usage.ru_utime),
        system_ms: ms(usage.ru_stime),
        max_rss_kib,
    }
}
