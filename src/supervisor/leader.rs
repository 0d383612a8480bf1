//! The command itself: pipes or a terminal for its stdio, then fork and exec, and how that went.
//!
//! Does not: wait for its end, or read its output.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};

use super::outlet::Outlet;
use super::terminal::Terminal;
use crate::model::bytes::{Bytes, search_path};
use crate::model::facts::{Start, Stdin};
use crate::model::size::Size;
use crate::sys::exec::{self, Command, Controlling, FAILURE_BYTES, Failure, Step};
use crate::sys::image::Limits;
use crate::sys::{pipe, proc};

/// How long an exec may take that nobody waits for, in ms.
const EXEC_LIMIT_MS: u16 = 10_000;

/// The first process of the tree.
pub(super) struct Leader {
    pub(super) pid: i32,
    /// When the kernel says it started; see [`proc::Stat::start`].
    pub(super) start: u64,
    pub(super) began: Instant,
}

/// Our ends of its stdio.
pub(super) struct Ends {
    pub(super) stdin: Option<Outlet>,
    pub(super) stdout: OwnedFd,
    /// None with a terminal, which has one stream.
    pub(super) stderr: Option<OwnedFd>,
    pub(super) terminal: Option<Terminal>,
}

/// Its own ends.
struct OwnEnds([OwnedFd; 3]);

/// Why there is no leader.
pub(super) enum Trouble {
    NotExecuted(Failure),
    /// Who asked for it has gone away meanwhile.
    CallerGone,
    System(io::Error),
}

impl<E: Into<io::Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::System(error.into())
    }
}

/// Executes the command of `start`. `stdin` is the file that was opened for it, if one was asked for.
/// Who asks for it may go away meanwhile; with no `caller` the exec has 10 s.
///
/// # Errors
///
/// [`Trouble`]; then nothing of it runs.
pub(super) fn launch(
    start: &Start,
    limits: Limits,
    stdin: Option<OwnedFd>,
    caller: Option<&UnixStream>,
) -> Result<(Leader, Ends), Trouble> {
    let command = command(start, limits)?;
    let (own_ends, ends) = match start.pty {
        Some(size) => terminal(size)?,
        None => pipes(&start.stdin, stdin)?,
    };
    let (status_read, status_write) = pipe::pipe()?;

    let began = Instant::now();
    let inherited = own_ends.0.each_ref().map(AsFd::as_fd);
    let pid = exec::spawn(&command, inherited, status_write.as_fd()).map_err(|error| {
        Trouble::NotExecuted(Failure {
            step: Step::Fork,
            errno: error.raw_os_error().unwrap_or(libc::EAGAIN),
        })
    })?;
    drop((own_ends, status_write));

    match outcome(status_read, caller)? {
        Outcome::Executed => {
            let leader = Leader {
                pid: pid.as_raw(),
                start: proc::stat(pid.as_raw()).map_or(0, |stat| stat.start),
                began,
            };
            Ok((leader, ends))
        }
        Outcome::Failed(failure) => Err(Trouble::NotExecuted(failure)),
        Outcome::CallerGone => {
            let _ = kill(pid, Signal::SIGKILL); // our unreaped child
            Err(Trouble::CallerGone)
        }
    }
}

fn pipes(asked: &Stdin, file: Option<OwnedFd>) -> io::Result<(OwnEnds, Ends)> {
    let (out_read, out_write) = pipe::pipe()?;
    let (err_read, err_write) = pipe::pipe()?;
    let (in_read, in_write) = match (asked, file) {
        (Stdin::Pipe, _) => pipe::pipe().map(|(read, write)| (read, Some(write)))?,
        (Stdin::File(_), Some(file)) => (file, None),
        (Stdin::File(_) | Stdin::Null, _) => (File::open("/dev/null")?.into(), None),
    };
    for end in [&out_read, &err_read].into_iter().chain(&in_write) {
        pipe::set_nonblocking(end)?;
    }
    let ends = Ends {
        stdin: in_write.map(|end| Outlet::Pipe(File::from(end))),
        stdout: out_read,
        stderr: Some(err_read),
        terminal: None,
    };
    Ok((OwnEnds([in_read, out_write, err_write]), ends))
}

fn terminal(size: Size) -> io::Result<(OwnEnds, Ends)> {
    let (terminal, slave) = Terminal::new(size.within_limits())?;
    let ends = Ends {
        stdin: Some(Outlet::Terminal(terminal.keyboard()?)),
        stdout: terminal.output()?,
        stderr: None,
        terminal: Some(terminal),
    };
    Ok((
        OwnEnds([slave.try_clone()?, slave.try_clone()?, slave]),
        ends,
    ))
}

fn command(start: &Start, limits: Limits) -> io::Result<Command> {
    let paths = exec::candidates(start.program(), search_path(&start.env));
    let bytes = |list: &[Bytes]| exec::c_strings(list.iter().map(|item| item.0.as_slice()));
    Ok(Command {
        paths: exec::c_strings(paths.iter().map(|path| path.as_os_str().as_bytes()))?,
        argv: bytes(&start.argv)?,
        env: bytes(&start.env)?,
        cwd: std::ffi::CString::new(start.cwd.0.as_slice())?,
        umask: start.umask,
        limits,
        terminal: match start.pty {
            Some(_) => Controlling::Stdin,
            None => Controlling::None,
        },
    })
}

enum Outcome {
    Executed,
    Failed(Failure),
    CallerGone,
}

/// Waits for the exec, which may take as long as a slow file system does, or for the caller to give up.
fn outcome(status: OwnedFd, caller: Option<&UnixStream>) -> io::Result<Outcome> {
    let limit = match caller {
        Some(_) => PollTimeout::NONE, // he has a limit of his own
        None => EXEC_LIMIT_MS.into(),
    };
    loop {
        let mut fds = vec![PollFd::new(status.as_fd(), PollFlags::POLLIN)];
        fds.extend(caller.map(|caller| PollFd::new(caller.as_fd(), PollFlags::POLLIN)));
        match poll(&mut fds, limit) {
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        }
        if fds[0].any().unwrap_or(true) {
            let mut bytes = Vec::with_capacity(FAILURE_BYTES);
            File::from(status)
                .take(FAILURE_BYTES as u64)
                .read_to_end(&mut bytes)?;
            return Ok(match Failure::from_bytes(&bytes) {
                Some(failure) => Outcome::Failed(failure),
                None => Outcome::Executed,
            });
        }
        return Ok(Outcome::CallerGone); // it says nothing before the verdict, so it has closed
    }
}

/// Opens the file of a command's stdin anew, if it has one, for another run from its beginning.
///
/// # Errors
///
/// See open(2). A FIFO is opened without waiting for its writer.
pub(super) fn reopen_stdin(asked: &Stdin) -> io::Result<Option<OwnedFd>> {
    let Stdin::File(path) = asked else {
        return Ok(None);
    };
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path.as_os_str())?;
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(Some(file.into()))
}
