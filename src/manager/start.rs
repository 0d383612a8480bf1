//! Start is a transaction: what is not listed does not run, and what runs is listed.
//!
//! 1. Everything is checked; nothing is written.
//! 2. Log and lease are made, the lease is locked.
//! 3. The state is locked and loaded, the name checked, the number taken.
//! 4. The supervisor is launched; it tells what came of the exec.
//! 5. The state is written, its lock released.
//! 6. The supervisor is told that the process is on record. One that is not told ends its tree, and
//!    writes that down if it was told before that it may be on record.
//!
//! Does not: wait for anything but the exec.

use std::fs::File;
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::Manager;
use super::info::ProcessInfo;
use super::plan::{IfTaken, Plan, StartOptions, plan};
use super::unrunnable::not_executed;
use super::variables::variable;
use nix::errno::Errno;

use crate::crypto::random_bytes;
use crate::model::alert::Told;
use crate::model::error::{self, Error, Kind};
use crate::model::facts::{Entry, Start};
use crate::model::id::{Id, LogId, ProcessId};
use crate::model::status::Status;
use crate::store::dir::Sub;
use crate::store::environment::Environment;
use crate::store::files;
use crate::supervisor::launch::{self, Files, Launch, Verdict};
use crate::supervisor::{self, tree};
use crate::sys::crash::crash_point;
use crate::sys::exec::Step;
use crate::sys::fault::Fault;
use crate::sys::{clock, lock};

/// How long the exec may take: a file system may be slow, and a caller does not wait for ever.
const EXEC_LIMIT: Duration = Duration::from_secs(10);
/// How many random ids are tried before something is wrong with the generator.
const ID_TRIES: usize = 100;

/// How often a name is made free for a start that replaces, when others want it too.
const REPLACE_TRIES: usize = 3;

/// The files of a process that is not on record yet; removed unless it comes to be.
struct Claim<'a> {
    manager: &'a Manager,
    id: ProcessId,
    log: File,
    lease: File,
    kept: bool,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let dir = self.manager.store.dir();
        if let (false, Ok(Some(logs)), Ok(Some(run))) =
            (self.kept, dir.sub(Sub::Logs), dir.sub(Sub::Run))
        {
            files::remove(logs, run, self.id);
        }
    }
}

impl Manager {
    /// Starts what `options` say and returns at once.
    ///
    /// # Errors
    ///
    /// Usage (2), name taken (6), locked (11), damaged or unsafe state (13, 14), storage (15), the
    /// command cannot be run or is not found (126, 127). Nothing runs then and nothing is on record.
    pub(crate) fn start(
        environment: &Environment,
        options: &StartOptions,
    ) -> Result<(Self, ProcessInfo), Error> {
        let plan = plan(options, environment)?;
        let manager = Self::open_or_create(environment)?;
        let info = manager.start_planned(options, &plan)?;
        Ok((manager, info))
    }

    /// Starts `plan`; who has the name goes first, if that is what `options` say.
    pub(super) fn start_planned(
        &self,
        options: &StartOptions,
        plan: &Plan,
    ) -> Result<ProcessInfo, Error> {
        let mut tries = REPLACE_TRIES;
        loop {
            self.make_way(options)?;
            match self.try_start(options, plan) {
                // Somebody else was faster; then he is the one to replace.
                Err(error)
                    if error.kind == Kind::InTheWay
                        && options.if_taken == IfTaken::Replace
                        && tries > 1 =>
                {
                    tries -= 1;
                }
                result => return result,
            }
        }
    }

    fn try_start(&self, options: &StartOptions, plan: &Plan) -> Result<ProcessInfo, Error> {
        let mut claim = self.claim()?;
        crash_point!("start-claimed");
        let log: LogId = Id(random_bytes()?);

        let mut locked = self.store.lock()?;
        let name = self.choose_name(&locked.state, options, plan)?;
        let number = locked.state.next_number;
        let start = Start {
            id: claim.id,
            number,
            env: plan
                .env
                .iter()
                .cloned()
                .chain([
                    variable(b"BGP_ID", claim.id.to_string().as_bytes()),
                    variable(b"BGP_NAME", name.as_bytes()),
                ])
                .collect(),
            name,
            argv: plan.argv.clone(),
            shell_line: plan.shell_line.clone(),
            cwd: plan.cwd.clone(),
            umask: plan.umask,
            stdin: plan.stdin_fact.clone(),
            grace_ms: millis(options.grace.unwrap_or(options.grace_default)),
            grace_by_default: options.grace.is_none(),
            group: options.group.clone(),
            session: options.session.clone(),
            alerts: options.alerts.clone(),
            previous: plan.previous,
            start_ms: clock::wall_ms(),
            uptime_ms: clock::boottime_ms(),
            boot: clock::boot_id(),
        };
        let entry = entry_of(&start, log);
        let launch = Launch {
            start,
            log,
            store: self.store.keys().store(),
        };
        let (mut socket, pid) = self.launch(&claim, &launch, plan.stdin.as_ref())?;
        crash_point!("start-launched");

        // A supervisor that died since is shown as lost; there is nothing better to say here.
        let _ = socket.write_all(&[launch::RECORDING]);
        locked.state.next_number += 1;
        locked.state.processes.push(entry.clone());
        if let Err(error) = locked.save() {
            abandon(socket);
            return Err(error);
        }
        claim.kept = true;
        drop(locked);
        crash_point!("start-recorded");
        let _ = socket.write_all(&[launch::RECORDED]);
        let seen = self.observe_again(&entry)?;
        let cleared = || ProcessInfo {
            status: Status::Running, // it was
            ..ProcessInfo::of(entry.clone())
        };
        Ok(ProcessInfo {
            pid: Some(pid),
            ..seen.map_or_else(cleared, |seen| seen.info())
        })
    }

    /// Makes lease and log under an id that nobody has. The lease is locked before the log is there, so
    /// that nobody takes the log for one that was left behind.
    fn claim(&self) -> Result<Claim<'_>, Error> {
        let logs = self.store.dir().make_sub(Sub::Logs)?;
        let run = self.store.dir().make_sub(Sub::Run)?;
        for _ in 0..ID_TRIES {
            let id: ProcessId = Id(random_bytes()?);
            let taken = |fault: &Fault| fault.errno() == Some(Errno::EEXIST);
            let lease = match run.create_new(&files::lease(id)) {
                Err(fault) if taken(&fault) => continue,
                lease => lease?,
            };
            let path = run.path(&files::lease(id));
            let locked =
                lock::try_exclusive(&lease).map_err(|error| Error::io("lock", &path, &error))?;
            // Somebody may be removing it as nobody's, or may have done so before it was locked.
            let is_there = lease.metadata().is_ok_and(|lease| lease.nlink() > 0);
            if !locked || !is_there {
                continue;
            }
            match logs.create_new(&files::log(id, 0)) {
                Ok(log) => {
                    return Ok(Claim {
                        manager: self,
                        id,
                        log,
                        lease,
                        kept: false,
                    });
                }
                Err(fault) => {
                    run.remove(&files::lease(id))?;
                    if !taken(&fault) {
                        return Err(fault.into());
                    }
                }
            }
        }
        Err(Error::other("cannot find an id that is not taken"))
    }

    /// Executes a supervisor, hands over, and waits for its verdict. Returns the socket to commit on.
    fn launch(
        &self,
        claim: &Claim,
        launch: &Launch,
        stdin: Option<&OwnedFd>,
    ) -> Result<(UnixStream, i32), Error> {
        let failed = |error: &io::Error| match error.raw_os_error() {
            Some(libc::EAGAIN) => cannot_fork(error),
            _ => Error::system("cannot start a supervisor", error),
        };
        let (mut ours, theirs) = UnixStream::pair().map_err(|error| failed(&error))?;
        for set in [UnixStream::set_read_timeout, UnixStream::set_write_timeout] {
            set(&ours, Some(EXEC_LIMIT)).map_err(|error| failed(&error))?;
        }
        let mut image = Command::new(supervisor_image())
            .arg0(tree::SUPERVISOR_NAME.to_string_lossy().as_ref())
            .arg(supervisor::ARGUMENT)
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed(&error))?;
        let logs = self.store.dir().make_sub(Sub::Logs)?;
        let run = self.store.dir().make_sub(Sub::Run)?;
        let files = Files {
            log: claim.log.as_fd(),
            lease: claim.lease.as_fd(),
            logs: logs.as_fd(),
            run: run.as_fd(),
            stdin: stdin.map(AsFd::as_fd),
        };
        let key = self.store.keys().log_key(launch.log);
        let told = launch::send(&mut ours, &files, &key, launch);
        let _ = image.wait(); // it forks and ends at once; its child is the supervisor
        let verdict = launch::receive_message::<Verdict>(&mut ours);
        // What could not be told was refused, or there is nobody.
        match verdict.or_else(|error| told.and(Err(error))) {
            Ok(Verdict::Started { pid }) => Ok((ours, pid)),
            Ok(Verdict::NotExecuted { step, errno }) => Err(explain(&launch.start, step, errno)),
            Ok(Verdict::Refused {
                errno: Some(errno), ..
            }) => Err(failed(&io::Error::from_raw_os_error(errno))),
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
}

/// Lets the supervisor know that nobody wants it, and waits until it has ended its tree.
fn abandon(mut socket: UnixStream) {
    let _ = socket.shutdown(Shutdown::Write);
    let _ = io::copy(&mut socket, &mut io::sink()); // to its end, or for as long as its time limit
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
    let program = start
        .argv
        .first()
        .map(super::super::model::bytes::Bytes::as_os_str)
        .unwrap_or_default();
    let cwd = Path::new(start.cwd.as_os_str());
    if step == Step::Fork as u8 {
        return cannot_fork(&error);
    }
    if step == Step::Directory as u8 {
        return Error::usage(format!(
            "cannot work in the directory '{}': {}",
            cwd.display(),
            error::reason(&error)
        ))
        .hint("--cwd DIR says where to run the command");
    }
    if step == Step::Session as u8 || step == Step::Stdio as u8 {
        let call = if step == Step::Session as u8 {
            "setsid"
        } else {
            "dup2"
        };
        return Error::other(format!(
            "cannot start \"{}\": {call}: {}",
            program.display(),
            error::reason(&error)
        ));
    }
    let path = start
        .env
        .iter()
        .find_map(|variable| variable.0.strip_prefix(b"PATH="));
    let path = path.map(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes);
    not_executed(program, path, cwd, errno)
}

fn entry_of(start: &Start, log: LogId) -> Entry {
    Entry {
        id: start.id,
        number: start.number,
        name: start.name.clone(),
        log,
        argv: start.argv.clone(),
        shell_line: start.shell_line.clone(),
        cwd: start.cwd.clone(),
        group: start.group.clone(),
        session: start.session.clone(),
        alerts: start.alerts.clone(),
        previous: start.previous,
        grace_ms: start.grace_ms,
        grace_by_default: start.grace_by_default,
        start_ms: start.start_ms,
        uptime_ms: start.uptime_ms,
        boot: start.boot.clone(),
        told: Told::default(),
        ended: None,
    }
}

/// `duration` in whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
