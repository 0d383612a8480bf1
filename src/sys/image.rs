//! The process image of a supervisor: how it lets go of its caller and hides what it knows.
//!
//! Does not: decide the order; the supervisor's own module tells that story.
#![expect(unsafe_code, reason = "fork(2), close_range(2) and madvise(2)")]

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::unistd::{ForkResult, fork};

/// The soft and hard limit of something, as getrlimit(2) gives them.
pub(crate) type Limit = (u64, u64);

/// What of the caller's limits is the command's alone: a supervisor has others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Of core files, in bytes.
    pub(crate) core: Limit,
    /// Of the processor's time, in seconds.
    pub(crate) time: Limit,
}

/// Closes every descriptor from 3 on: whatever a caller left open is not ours.
pub(crate) fn close_inherited() {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: close_range(2) touches no memory. Nothing in this image owns a descriptor above 2
        // yet: it is called first, before anything is opened.
        let rc = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
        if rc == 0 {
            return;
        }
    }
    let listed: Vec<i32> = std::fs::read_dir("/dev/fd")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    for fd in listed.into_iter().filter(|fd| *fd > 2) {
        // SAFETY: as above; the descriptor of the listing itself is closed already, EBADF is harmless.
        unsafe { libc::close(fd) };
    }
}

/// A copy of the standard input, above 2, that does not survive an exec. Makes none of the buffers that
/// [`std::io::stdin`] makes.
///
/// # Errors
///
/// `EBADF` when there is none, `EMFILE` when there is no room. See fcntl(2), `F_DUPFD_CLOEXEC`.
pub(crate) fn duplicate_stdin() -> io::Result<OwnedFd> {
    use std::os::fd::{BorrowedFd, FromRawFd};
    // SAFETY: nobody closes descriptor 0 during the call; if it is not open the call says so.
    let stdin = unsafe { BorrowedFd::borrow_raw(libc::STDIN_FILENO) };
    let copy = fcntl(stdin, FcntlArg::F_DUPFD_CLOEXEC(3))?;
    // SAFETY: fcntl(2) has just made this descriptor, and nobody else knows its number.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Goes on as a child; the caller's process ends here.
///
/// # Errors
///
/// `EAGAIN` at the limit of processes, `ENOMEM`. See fork(2).
pub(crate) fn continue_as_child() -> io::Result<()> {
    // SAFETY: this image has one thread, so the child finds every lock and the heap in order.
    match unsafe { fork() }? {
        // SAFETY: _exit(2) ends the process at once; nothing of it is used after.
        ForkResult::Parent { .. } => unsafe { libc::_exit(0) },
        ForkResult::Child => Ok(()),
    }
}

/// Keeps this process out of core dumps, debuggers and /proc readers of the same user. See
/// prctl(2), `PR_SET_DUMPABLE`; on other systems the core limit alone must do.
pub(crate) fn forbid_inspection() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false); // refused by some sandboxes: then as good as it gets
}

/// Allows no core file, and as much of the processor's time as it takes where we may: who comes to the hard
/// limit is killed, and what it has used is for the command to answer for. Returns what the limits were.
///
/// # Errors
///
/// See setrlimit(2).
pub(crate) fn set_own_limits() -> io::Result<Limits> {
    let core = getrlimit(Resource::RLIMIT_CORE)?;
    setrlimit(Resource::RLIMIT_CORE, 0, core.1)?;
    let time = getrlimit(Resource::RLIMIT_CPU)?;
    let _ = lift_time_limit(); // else the hard one holds; SIGXCPU, which comes with the soft one, is ignored
    Ok(Limits { core, time })
}

/// May fail with `EPERM` where there is a hard limit: only `CAP_SYS_RESOURCE` may raise one.
fn lift_time_limit() -> nix::Result<()> {
    setrlimit(Resource::RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY)
}

/// So many seconds of the processor's time a supervisor that is started here may use, then it is killed; `None`
/// where it may use any.
pub(crate) fn own_time_limit() -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_CPU).ok()?;
    if hard == RLIM_INFINITY {
        return None;
    }
    if lift_time_limit().is_err() {
        return Some(hard);
    }
    let _ = setrlimit(Resource::RLIMIT_CPU, soft, hard); // it was only to see whether we may
    None
}

/// While this exists the process may have many descriptors at once.
pub(crate) struct ManyDescriptors {
    /// How many that are.
    pub(crate) count: usize,
    has_raised: bool,
}

/// Who needs a raised limit: it is the whole process's, and several threads may need it at once.
struct Raised {
    by: usize,
    /// The caller's limit, which holds again when nobody needs more.
    before: Limit,
}

static RAISED: Mutex<Option<Raised>> = Mutex::new(None);

impl ManyDescriptors {
    /// Raises the limit as far as it can be raised, if the caller's is less than `wanted`. What is started
    /// while it is raised has it too, so it is raised only then.
    pub(crate) fn allow(wanted: usize) -> Self {
        let mut raised = RAISED.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = || getrlimit(Resource::RLIMIT_NOFILE).unwrap_or_default();
        let (by, before) = match &*raised {
            Some(raised) => (raised.by, raised.before),
            None => (0, limit()),
        };
        let count = |(soft, _): Limit| usize::try_from(soft).unwrap_or(usize::MAX);
        let has_raised = (1..wanted).contains(&count(before)); // none are those of a limit that is not told
        if !has_raised {
            return Self {
                count: count(before),
                has_raised,
            };
        }
        *raised = Some(Raised { by: by + 1, before });
        if by == 0 {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, before.1, before.1); // else it stays as it is
        }
        Self {
            count: count(limit()),
            has_raised,
        }
    }
}

impl Drop for ManyDescriptors {
    fn drop(&mut self) {
        if !self.has_raised {
            return;
        }
        let mut raised = RAISED.lock().unwrap_or_else(PoisonError::into_inner);
        *raised = raised.take().and_then(|Raised { by, before }| {
            if by > 1 {
                return Some(Raised { by: by - 1, before });
            }
            let _ = setrlimit(Resource::RLIMIT_NOFILE, before.0, before.1); // it was so before
            None
        });
    }
}

/// Becomes the parent of every orphan below it; says whether the system can do that.
pub(crate) fn adopt_orphans() -> bool {
    #[cfg(target_os = "linux")]
    {
        nix::sys::prctl::set_child_subreaper(true).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        false
    }
}

/// Whether the system can do that.
pub(crate) fn can_adopt_orphans() -> bool {
    #[cfg(target_os = "linux")]
    {
        nix::sys::prctl::get_child_subreaper().is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        false
    }
}

/// Names this process for ps(1) and for a supervisor above that looks for it.
pub(crate) fn set_name(name: &std::ffi::CStr) {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_name(name); // only a name
    #[cfg(not(target_os = "linux"))]
    let _ = name;
}

/// Gives the kernel back the part of the stack that deeper calls have used: a process that waits for most
/// of its life does it with little.
#[inline(never)]
pub(crate) fn give_stack_back() {
    #[cfg(target_os = "linux")]
    {
        let marker = 0_u8;
        let page = 4096; // where pages are larger it is an odd address for some of them, and refused
        let here = (&raw const marker).addr();
        // Below this frame, and the one of the call that follows.
        let end = (here - 512) & !(page - 1);
        let used_most = 16 * page;
        // SAFETY: the range lies below the stack pointer in the main thread's stack, where nothing is
        // kept; its pages read as zeros when the stack comes there again. See madvise(2).
        unsafe {
            libc::madvise(
                std::ptr::without_provenance_mut(end - used_most),
                used_most,
                libc::MADV_DONTNEED,
            );
        }
    }
}

/// The umask, without changing it where the system tells it.
pub(crate) fn umask() -> u32 {
    #[cfg(target_os = "linux")]
    if let Some(mask) = std::fs::read_to_string("/proc/self/status")
        .ok()
        .and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("Umask:"))?;
            u32::from_str_radix(line.trim(), 8).ok()
        })
    {
        return mask;
    }
    let mask = nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    nix::sys::stat::umask(mask);
    libc::mode_t::into(mask.bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_descriptors_is_raised_for_many_alone_and_is_the_callers_after_the_last() {
        let soft = || getrlimit(Resource::RLIMIT_NOFILE).unwrap().0;
        let (callers, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let lower = callers - 1; // as good as the caller's for what runs beside this
        let can_be_raised = setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
        let highest = if can_be_raised { hard } else { lower };
        setrlimit(Resource::RLIMIT_NOFILE, lower, hard).unwrap();
        let few = ManyDescriptors::allow(65);
        assert_eq!(
            (soft(), few.count),
            (lower, usize::try_from(lower).unwrap())
        );
        let first = ManyDescriptors::allow(usize::MAX);
        let second = ManyDescriptors::allow(usize::MAX);
        assert_eq!(
            (soft(), second.count),
            (highest, usize::try_from(highest).unwrap())
        );
        drop(first);
        drop(few);
        assert_eq!(soft(), highest, "one needs it still");
        drop(second);
        assert_eq!(soft(), lower);
        setrlimit(Resource::RLIMIT_NOFILE, callers, hard).unwrap();
    }
}
