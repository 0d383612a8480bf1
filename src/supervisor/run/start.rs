//! A supervisor's beginning: socket, log and lease are made ready, then the command is executed.
//!
//! Does not: wait for anything but the exec.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::sys::signal::Signal;

use super::{OnRecord, Supervisor};
use crate::control;
use crate::crypto::Key;
use crate::store::files;
use crate::supervisor::input::Input;
use crate::supervisor::journal::Journal;
use crate::supervisor::launch::{self, Files, Launch, Verdict};
use crate::supervisor::leader::{self, Trouble};
use crate::supervisor::owner::Owner;
use crate::supervisor::peers::Peers;
use crate::supervisor::runs::Runs;
use crate::supervisor::stopping::Stopping;
use crate::supervisor::streams::Streams;
use crate::sys::crash::crash_point;
use crate::sys::image::Limits;
use crate::sys::signals::Signals;
use crate::sys::socket;

impl Supervisor {
    /// Executes the command and says so to `caller`.
    ///
    /// # Errors
    ///
    /// The verdict to send instead; nothing runs then, and log and lease are removed.
    pub(crate) fn start(
        files: Files<OwnedFd>,
        key: &Key,
        launch: &Launch,
        boot: String,
        limits: Limits,
        caller: &mut UnixStream,
    ) -> Result<Box<Self>, Verdict> {
        let id = launch.start.id;
        let (run, logs) = (files.run, files.logs);
        let stdin = files.stdin;
        let ready = || -> Result<_, Verdict> {
            let listener = socket::listen_in(run.as_fd(), &files::socket(id))
                .map_err(|error| Verdict::refused("a socket to listen on", error))?;
            let signals = Signals::take(&[Signal::SIGCHLD, Signal::SIGTERM])
                .map_err(|error| Verdict::refused("signalfd", error))?;
            let journal =
                Journal::begin(files.log, files.lease, logs.try_clone()?, key, launch, boot)?;
            Ok((listener, signals, journal))
        };
        let begun = ready().and_then(|ready| {
            crash_point!("supervisor-ready");
            let launched = leader::launch(&launch.start, limits, stdin, Some(caller));
            launched
                .map(|launched| (ready, launched))
                .map_err(|trouble| match trouble {
                    Trouble::NotExecuted(failure) => Verdict::NotExecuted {
                        step: failure.step as u8,
                        errno: failure.errno,
                    },
                    Trouble::System(error) => error.into(),
                    Trouble::CallerGone => Verdict::Refused {
                        message: String::new(),
                        errno: None,
                    },
                })
        });
        let ((listener, signals, mut journal), (leader, ends)) = match begun {
            Ok(begun) => begun,
            Err(verdict) => {
                files::remove(&logs, &run, id);
                return Err(verdict);
            }
        };
        crash_point!("supervisor-executed");
        journal.started(&leader);
        crash_point!("supervisor-published");
        let lifetime = &launch.start.lifetime;
        let control = control::key(key, launch.log);
        let supervisor = Box::new(Self {
            grace: Duration::from_millis(launch.start.grace_ms),
            run,
            journal,
            leader_lives: true,
            input: Input::new(ends.stdin, &launch.start.stdin),
            streams: Streams::new(ends.stdout, ends.stderr),
            terminal: ends.terminal,
            signals,
            peers: Peers::new(listener, control, launch.log),
            stopping: Stopping::No,
            began: leader.began,
            timeout_at: lifetime
                .timeout_ms
                .and_then(|limit| leader.began.checked_add(Duration::from_millis(limit))),
            owner: lifetime.owner.map(|owner| Owner::find(owner, leader.began)),
            runs: Runs::new(&launch.start, limits, launch.first_pause()),
            tree_is_empty: false,
            end_at: None,
            end_is_due: false,
            on_record: OnRecord::No,
            leader,
        });
        // If this cannot be said, the caller is gone; the loop reads that as end of file.
        let _ = launch::send_message(
            caller,
            &Verdict::Started {
                pid: supervisor.leader.pid,
            },
        );
        crash_point!("supervisor-told");
        Ok(supervisor)
    }
}
