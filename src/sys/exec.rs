//! Running a command: everything is prepared before fork(2), so that between fork and exec nothing is
//! allocated, and only calls of signal-safety(7) and bare system calls are made.
//!
//! Does not: search paths or make pipes; who calls has done that.
#![expect(
    unsafe_code,
    reason = "fork(2), execve(2) and what stands between them"
)]

use std::ffi::{CString, NulError, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use nix::unistd::{ForkResult, Pid};

use super::image::{Limit, Limits};

/// What is to be run, and in what surroundings.
pub(crate) struct Command {
    /// The paths to try, in this order.
    pub(crate) paths: Vec<CString>,
    pub(crate) argv: Vec<CString>,
    /// `NAME=value` each.
    pub(crate) env: Vec<CString>,
    pub(crate) cwd: CString,
    pub(crate) umask: u32,
    pub(crate) limits: Limits,
    pub(crate) terminal: Controlling,
}

/// What controls the session of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Controlling {
    /// Nothing.
    None,
    /// The terminal that is its stdin.
    Stdin,
}

/// Where it failed. The numbers travel through a pipe between two processes of the same binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Step {
    Fork = 1,
    Session = 2,
    Stdio = 3,
    Directory = 4,
    Execute = 5,
}

impl Step {
    pub(crate) fn from_number(number: u8) -> Self {
        match number {
            1 => Self::Fork,
            2 => Self::Session,
            3 => Self::Stdio,
            4 => Self::Directory,
            _ => Self::Execute,
        }
    }
}

/// Why a command could not be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) step: Step,
    pub(crate) errno: i32,
}

/// The length of a failure on the status pipe, in bytes.
pub(crate) const FAILURE_BYTES: usize = 5;

impl Failure {
    fn to_bytes(self) -> [u8; FAILURE_BYTES] {
        let errno = self.errno.to_le_bytes();
        [self.step as u8, errno[0], errno[1], errno[2], errno[3]]
    }

    /// What the child wrote into the status pipe; nothing when it was executed.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (step, errno) = bytes.split_first()?;
        let errno = i32::from_le_bytes(errno.try_into().ok()?);
        Some(Self {
            step: Step::from_number(*step),
            errno,
        })
    }
}

/// Makes C strings of byte strings.
///
/// # Errors
///
/// When one holds a NUL.
pub(crate) fn c_strings<'a>(
    strings: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<CString>, NulError> {
    strings.into_iter().map(CString::new).collect()
}

/// The files that `program` may mean, as execvp(3) would try them: itself if it has a slash, else one
/// for each directory of `path` (an empty one is the working directory), by default `/bin:/usr/bin`.
pub(crate) fn candidates(program: &OsStr, path: Option<&OsStr>) -> Vec<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return vec![program.into()];
    }
    let path = path.map_or(&b"/bin:/usr/bin"[..], OsStr::as_bytes);
    path.split(|byte| *byte == b':')
        .map(|directory| {
            let mut file = directory.to_vec();
            file.extend_from_slice(if directory.is_empty() { b"./" } else { b"/" });
            file.extend_from_slice(program.as_bytes());
            PathBuf::from(OsString::from_vec(file))
        })
        .collect()
}

/// Starts `command` as the leader of a new session; what goes wrong after the fork is written to
/// `status`, which closes when the command is executed.
///
/// The leader dies with its parent (prctl(2), `PR_SET_PDEATHSIG`, on Linux), has default signal
/// dispositions, an empty mask and the descriptors 0, 1, 2 and no others: ours are all close-on-exec.
///
/// # Errors
///
/// What fork(2) gives.
pub(crate) fn spawn(
    command: &Command,
    stdio: [BorrowedFd; 3],
    status: BorrowedFd,
) -> io::Result<Pid> {
    let argv = pointers(&command.argv);
    let env = pointers(&command.env);
    let parent = nix::unistd::getpid();
    // SAFETY: the supervisor has one thread, so the child finds every lock in order. It calls `run`, which
    // allocates nothing and returns only when something failed, and then write(2) and _exit(2).
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let failure = run(command, &argv, &env, stdio.map(|fd| fd.as_raw_fd()), parent);
            let bytes = failure.to_bytes();
            // SAFETY: `bytes` is ours and as long as we say; _exit(2) takes no handler with it.
            unsafe {
                libc::write(status.as_raw_fd(), bytes.as_ptr().cast(), bytes.len());
                libc::_exit(127)
            }
        }
    }
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|s| s.as_ptr())
        .chain([std::ptr::null()])
        .collect()
}

/// The child's life until exec. Returns only what went wrong.
fn run(
    command: &Command,
    argv: &[*const libc::c_char],
    env: &[*const libc::c_char],
    stdio: [i32; 3],
    parent: Pid,
) -> Failure {
    let fail = |step| Failure {
        step,
        errno: nix::errno::Errno::last_raw(),
    };
    // SAFETY: every call here is listed in signal-safety(7) or is a bare system call; the pointers
    // are to C strings and arrays that the parent made before the fork and that outlive it.
    unsafe {
        if libc::setsid() == -1 {
            return fail(Step::Session);
        }
        default_signals();
        #[cfg(target_os = "linux")]
        {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            if libc::getppid() != parent.as_raw() {
                libc::_exit(127); // the supervisor died before the line above
            }
        }
        #[cfg(not(target_os = "linux"))]
        let _ = parent;
        for (target, fd) in (0..).zip(stdio) {
            if libc::dup2(fd, target) == -1 {
                return fail(Step::Stdio);
            }
        }
        // A session without one may have it. See ioctl_tty(2), TIOCSCTTY.
        if command.terminal == Controlling::Stdin && control_session(libc::STDIN_FILENO, 0).is_err()
        {
            return fail(Step::Stdio);
        }
        libc::umask(command.umask as libc::mode_t);
        let rlimit = |(soft, hard): Limit| libc::rlimit {
            rlim_cur: soft,
            rlim_max: hard,
        };
        let (core, time) = (rlimit(command.limits.core), rlimit(command.limits.time));
        libc::setrlimit(libc::RLIMIT_CORE, &raw const core);
        libc::setrlimit(libc::RLIMIT_CPU, &raw const time);
        if libc::chdir(command.cwd.as_ptr()) == -1 {
            return fail(Step::Directory);
        }
        let mut errno = libc::ENOENT;
        for path in &command.paths {
            libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr());
            match nix::errno::Errno::last_raw() {
                libc::ENOENT | libc::ENOTDIR => {}
                // Another directory may have it.
                error @ (libc::EACCES | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT) => {
                    errno = error;
                }
                other => {
                    return Failure {
                        step: Step::Execute,
                        errno: other,
                    };
                }
            }
        }
        Failure {
            step: Step::Execute,
            errno,
        }
    }
}

nix::ioctl_write_int_bad!(
    /// Makes a terminal the controlling one of this session.
    control_session,
    libc::TIOCSCTTY
);

/// Default dispositions for all signals, and none blocked.
///
/// # Safety
///
/// Only between fork and exec: handlers of this image would be lost.
unsafe fn default_signals() {
    // SAFETY: sigaction(2) and sigprocmask(2) with values on our stack; an invalid signal number is
    // EINVAL. A zeroed sigaction is SIG_DFL with no flags and an empty mask.
    unsafe {
        let action: libc::sigaction = std::mem::zeroed();
        for signal in 1..=64 {
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_searched_as_execvp_does() {
        let found = |program: &str, path: Option<&str>| -> Vec<String> {
            let files = candidates(program.as_ref(), path.map(OsStr::new));
            files
                .iter()
                .map(|file| file.display().to_string())
                .collect()
        };
        assert_eq!(found("ls", Some("/a:/b")), ["/a/ls", "/b/ls"]);
        assert_eq!(found("ls", Some(":/b:")), ["./ls", "/b/ls", "./ls"]);
        assert_eq!(found("ls", None), ["/bin/ls", "/usr/bin/ls"]);
        assert_eq!(found("./ls", Some("/a")), ["./ls"]);
        assert_eq!(found("a/b", None), ["a/b"]);
    }

    #[test]
    fn a_failure_survives_the_pipe() {
        for step in [
            Step::Fork,
            Step::Session,
            Step::Stdio,
            Step::Directory,
            Step::Execute,
        ] {
            let failure = Failure {
                step,
                errno: libc::E2BIG,
            };
            assert_eq!(Failure::from_bytes(&failure.to_bytes()), Some(failure));
        }
        assert_eq!(Failure::from_bytes(b""), None);
    }
}
