//! A supervisor as who starts it sees it: executed, handed its files and facts, asked for its verdict.
//!
//! To execute it takes about as long as to unlock the state: it is done first, and it waits.
//! Does not: put anything on record.

use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::unrunnable::not_executed;
use crate::crypto::Key;
use crate::model::bytes::search_path;
use crate::model::error::{self, Error, Kind};
use crate::model::facts::Start;
use crate::supervisor::launch::{self, Files, Launch, Verdict};
use crate::supervisor::{self, tree};
use crate::sys::crash;
use crate::sys::exec::Step;

/// How long the exec may take: a file system may be slow, and a caller does not wait for ever.
const EXEC_LIMIT: Duration = Duration::from_secs(10);

/// A supervisor that waits to be told what to do, or that nobody wants it.
pub(super) struct Image {
    socket: UnixStream,
    /// It forks and ends at once; its child is the supervisor.
    child: Child,
    is_free: bool,
}

impl Image {
    /// Executes it: `bgp`, or by default what runs now.
    ///
    /// # Errors
    ///
    /// When there may be no more processes or descriptors.
    pub(super) fn execute(bgp: Option<&Path>) -> Result<Self, Error> {
        let (socket, theirs) = UnixStream::pair().map_err(|error| failed(&error))?;
        for set in [UnixStream::set_read_timeout, UnixStream::set_write_timeout] {
            set(&socket, Some(EXEC_LIMIT)).map_err(|error| failed(&error))?;
        }
        let child = Command::new(bgp.map_or_else(supervisor_image, Path::to_owned))
            .arg0(tree::SUPERVISOR_NAME.to_string_lossy().as_ref())
            .arg(supervisor::ARGUMENT)
            .env_clear()
            .envs(crash::variables())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(&error))?;
        Ok(Self {
            socket,
            child,
            is_free: false,
        })
    }

    /// Hands over; it executes the command then.
    pub(super) fn hand_over(
        mut self,
        files: &Files<BorrowedFd>,
        key: &Key,
        launch: &Launch,
    ) -> Supervisor {
        let told = launch::send(&mut self.socket, files, key, launch);
        Supervisor { image: self, told }
    }
}

impl Drop for Image {
    /// Lets it know that nobody wants it, unless it is free, and waits until it has ended its tree.
    fn drop(&mut self) {
        if !self.is_free {
            let _ = self.socket.shutdown(Shutdown::Write);
            let _ = io::copy(&mut self.socket, &mut io::sink()); // to its end, or for as long as its limit
        }
        let _ = self.child.wait();
    }
}

/// A supervisor that was told what to do. Dropped, it ends what it runs.
pub(super) struct Supervisor {
    image: Image,
    told: io::Result<()>,
}

impl Supervisor {
    /// Waits for what came of the exec: the pid.
    ///
    /// # Errors
    ///
    /// Why there is none; nothing runs then, and log and lease are removed.
    pub(super) fn verdict(&mut self, start: &Start) -> Result<i32, Error> {
        let verdict = launch::receive_message::<Verdict>(&mut self.image.socket);
        let told = std::mem::replace(&mut self.told, Ok(()));
        // What could not be told was refused, or there is nobody.
        match verdict.or_else(|error| told.and(Err(error))) {
            Ok(Verdict::Started { pid }) => Ok(pid),
            Ok(Verdict::NotExecuted { step, errno }) => Err(explain(start, step, errno)),
            Ok(Verdict::Refused {
                message,
                errno: Some(errno),
            }) => Err(refused(&message, &io::Error::from_raw_os_error(errno))),
            Ok(Verdict::Refused {
                message,
                errno: None,
            }) => Err(Error::other(format!(
                "cannot start a supervisor: {message}"
            ))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Error::new(
                Kind::TimedOut,
                format!(
                    "the command was not executed within {} seconds",
                    EXEC_LIMIT.as_secs()
                ),
            )
            .hint("is its file system reachable?")),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Tells it that the process may be on record from now on.
    pub(super) fn recording(&mut self) {
        // If it died since, the process is shown as lost; there is nothing better to say here.
        let _ = self.image.socket.write_all(&[launch::RECORDING]);
    }

    /// Tells it that the process is on record, and lets it go.
    pub(super) fn recorded(mut self) {
        let _ = self.image.socket.write_all(&[launch::RECORDED]);
        self.image.is_free = true;
    }
}

fn failed(error: &io::Error) -> Error {
    refused("", error)
}

/// The system said `error` to the supervisor, which was about to make `call`, if that is known.
fn refused(call: &str, error: &io::Error) -> Error {
    const WHAT: &str = "cannot start a supervisor";
    match (error.raw_os_error(), call) {
        (Some(libc::EAGAIN), _) => cannot_fork(error),
        (Some(libc::ENOENT), "") if cfg!(target_os = "linux") => {
            Error::system(WHAT, error).hint("is /proc there? bgp needs it")
        }
        (_, "") => Error::system(WHAT, error),
        (Some(libc::EPERM | libc::ENOSYS), call) => {
            Error::other(format!("{WHAT}: {call}: {}", error::reason(error)))
                .hint("a sandbox around this command does not allow that call")
        }
        (_, call) => Error::system(format!("{WHAT}: {call}"), error),
    }
}

/// The binary that is executed as a supervisor: this one, even if its file was replaced meanwhile.
fn supervisor_image() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("bgp"))
}

fn cannot_fork(error: &io::Error) -> Error {
    Error::other(format!("cannot fork: {}", error::reason(error)))
        .hint("the limit of processes is reached: ulimit -u, or the container's")
}

fn explain(start: &Start, step: u8, errno: i32) -> Error {
    let error = io::Error::from_raw_os_error(errno);
    let program = start.program();
    let cwd = Path::new(start.cwd.as_os_str());
    let cannot = |what: &str| {
        Error::other(format!(
            "cannot start \"{}\": {what}: {}",
            program.display(),
            error::reason(&error)
        ))
    };
    match Step::from_number(step) {
        Step::Fork => return cannot_fork(&error),
        Step::Directory => {
            return Error::usage(format!(
                "cannot work in the directory '{}': {}",
                cwd.display(),
                error::reason(&error)
            ))
            .hint("--cwd DIR says where to run the command");
        }
        Step::Session => return cannot("setsid"),
        Step::Stdio => return cannot("its stdin, stdout and stderr"),
        Step::Execute => {}
    }
    not_executed(program, search_path(&start.env), cwd, errno)
}
