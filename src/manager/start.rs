//! Start is a transaction: what is not listed does not run, and what runs is listed.
//!
//! 1. Everything is checked; nothing is written.
//! 2. Log and lease are made, the lease is locked.
//! 3. The state is locked and loaded, the name checked, the number taken.
//! 4. The supervisor is told to execute the command. Meanwhile the new state is written beside the old.
//!    It tells what came of the exec.
//! 5. The new state takes the old one's place, its lock is released.
//! 6. The supervisor is told that the process is on record. One that is not told ends its tree, and
//!    writes that down if it was told before that it may be on record.
//!
//! Does not: wait for anything but the exec.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use nix::errno::Errno;

use super::Manager;
use super::info::ProcessInfo;
use super::launch::Image;
use super::plan::{IfTaken, Plan, StartOptions, plan};
use super::variables::variable;
use crate::crypto::random_bytes;
use crate::model::alert::Told;
use crate::model::error::{Error, Kind};
use crate::model::facts::{Entry, Start};
use crate::model::id::{Id, LogId, ProcessId};
use crate::model::status::Status;
use crate::store::dir::Sub;
use crate::store::environment::Environment;
use crate::store::files;
use crate::supervisor::launch::{Files, Launch};
use crate::sys::crash::crash_point;
use crate::sys::fault::Fault;
use crate::sys::{clock, lock};

/// How many random ids are tried before something is wrong with the generator.
const ID_TRIES: usize = 100;
/// How often a name is made free for a start that replaces, when others want it too.
const REPLACE_TRIES: usize = 32;

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
        let image = Image::execute(None)?; // it gets ready while we unlock the store
        let manager = Self::open_or_create(environment)?;
        let info = manager.start_planned(options, &plan, Some(image))?;
        Ok((manager, info))
    }

    /// Starts what `options` say with this store open, and returns at once; `environment` is the caller's.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub(crate) fn start_here(
        &self,
        environment: &Environment,
        options: &StartOptions,
    ) -> Result<ProcessInfo, Error> {
        let plan = plan(options, environment)?;
        self.store.begin_state()?;
        self.start_planned(options, &plan, None)
    }

    /// Starts `plan`; who has the name goes first, if that is what `options` say.
    pub(super) fn start_planned(
        &self,
        options: &StartOptions,
        plan: &Plan,
        mut image: Option<Image>,
    ) -> Result<ProcessInfo, Error> {
        let mut tries = REPLACE_TRIES;
        loop {
            self.make_way(options)?;
            let image = match image.take() {
                Some(image) => image,
                None => Image::execute(self.supervisor.as_deref())?,
            };
            match self.try_start(options, plan, image) {
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

    fn try_start(
        &self,
        options: &StartOptions,
        plan: &Plan,
        image: Image,
    ) -> Result<ProcessInfo, Error> {
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
            pty: options.pty,
            grace_ms: clock::milliseconds(options.grace.unwrap_or(options.grace_default)),
            grace_by_default: options.grace.is_none(),
            group: options.group.clone(),
            session: options.session.clone(),
            alerts: options.alerts.clone(),
            max_log_bytes: options.max_log_bytes,
            lifetime: plan.lifetime.clone(),
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
            #[cfg(debug_assertions)]
            backoff_ms: std::env::var("BGP_TEST_BACKOFF_MS")
                .ok()
                .and_then(|text| text.parse().ok()),
        };
        let files = Files {
            log: claim.log.as_fd(),
            lease: claim.lease.as_fd(),
            logs: self.store.dir().make_sub(Sub::Logs)?.as_fd(),
            run: self.store.dir().make_sub(Sub::Run)?.as_fd(),
            stdin: plan.stdin.as_ref().map(AsFd::as_fd),
        };
        let key = self.store.keys().log_key(log);
        let mut supervisor = image.hand_over(&files, &key, &launch);
        crash_point!("start-handed-over");
        // While it executes the command.
        locked.state.next_number += 1;
        locked.state.processes.push(entry.clone());
        let prepared = locked.prepare();
        crash_point!("start-prepared");
        let pid = supervisor.verdict(&launch.start)?;
        crash_point!("start-launched");

        let mut state = prepared?;
        supervisor.recording();
        crash_point!("start-recording");
        let committed = state.commit();
        claim.kept = state.is_in_place();
        committed?;
        drop(locked);
        crash_point!("start-recorded");
        supervisor.recorded();
        let seen = self.observe_again(&entry).ok().flatten(); // it runs, whatever cannot be read now
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
            crash_point!("start-leased");
            let path = run.path(&files::lease(id));
            let locked = match lock::try_exclusive(&lease) {
                Ok(locked) => locked,
                Err(error) => {
                    run.remove(&files::lease(id))?;
                    return Err(Error::io("lock", &path, &error));
                }
            };
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
}

pub(super) fn entry_of(start: &Start, log: LogId) -> Entry {
    Entry {
        id: start.id,
        number: start.number,
        name: start.name.clone(),
        log,
        argv: start.argv.clone(),
        shell_line: start.shell_line.clone(),
        cwd: start.cwd.clone(),
        pty: start.pty,
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
