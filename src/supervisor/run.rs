//! The loop of a supervisor: one poll, then whatever is ready, until the end is written.
//!
//! The leader's end is written when what the pipes held at that moment is in the log: who has seen the
//! end can read all that the leader wrote. The last word, END, is written when nothing of the tree lives.
//! Deadlines are state; nothing here sleeps.
//! Does not: write formats or walk trees itself.

mod ready;

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::input::Input;
use super::journal::{Journal, Publish};
use super::launch::{self, Files, Launch, Verdict};
use super::leader::{self, Leader, Trouble};
use super::peers::Peers;
use super::stopping::{Call, Stopping};
use super::streams::Streams;
use super::tree;
use crate::control::server::Asked;
use crate::control::{self, NoInput, Reply, Request};
use crate::crypto::Key;
use crate::model::error;
use crate::model::facts::Exit;
use crate::model::status::{Event, How, Reason, Status};
use crate::store::files;
use crate::sys::image::{self, Limit};
use crate::sys::reap::{self, Change, Reaped, Usage};
use crate::sys::signals::Signals;
use crate::sys::{clock, group, socket};

/// How long end of file is waited for when nothing of the tree lives: a stranger may hold a pipe.
const END_OF_FILE_LIMIT: Duration = Duration::from_secs(1);
/// How many rounds of killing and reaping are done before the loop looks at anything else: a process
/// that keeps forking must not be faster.
const KILL_ROUNDS: usize = 500;

/// Whether commands can know of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnRecord {
    No,
    /// Whoever starts it is about to put it there.
    Perhaps,
    Yes,
}

/// One process's supervisor.
pub(crate) struct Supervisor {
    grace: Duration,
    run: OwnedFd,
    logs: OwnedFd,
    journal: Journal,
    leader: Leader,
    leader_lives: bool,
    input: Input,
    streams: Streams,
    signals: Signals,
    peers: Peers,
    stopping: Stopping,
    tree_is_empty: bool,
    /// When to write END though a pipe is still open.
    end_at: Option<Instant>,
    on_record: OnRecord,
}

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
        core_limit: Limit,
        caller: &mut UnixStream,
    ) -> Result<Box<Self>, Verdict> {
        let id = launch.start.id;
        let (run, logs) = (files.run, files.logs);
        let stdin = files.stdin;
        let ready = || -> std::io::Result<_> {
            let listener = socket::listen_in(run.as_fd(), &files::socket(id))?;
            let signals = Signals::take(&[Signal::SIGCHLD, Signal::SIGTERM])?;
            let journal = Journal::begin(files.log, files.lease, key, launch, boot)?;
            Ok((listener, signals, journal))
        };
        let begun = ready().map_err(Verdict::from).and_then(|ready| {
            let launched = leader::launch(&launch.start, core_limit, stdin, caller);
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
        journal.started(&leader);
        let control = control::key(key, launch.log);
        let supervisor = Box::new(Self {
            grace: Duration::from_millis(launch.start.grace_ms),
            run,
            logs,
            journal,
            leader_lives: true,
            input: Input::new(ends.stdin, &launch.start.stdin),
            streams: Streams::new(ends.stdout, ends.stderr),
            signals,
            peers: Peers::new(listener, control, launch.log),
            stopping: Stopping::No,
            tree_is_empty: false,
            end_at: None,
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
        Ok(supervisor)
    }

    /// Supervises until the end is written, and the process is on record. If the caller goes without a
    /// word that it is, its tree is ended; and if it cannot be on record, log and lease are removed.
    pub(crate) fn run(mut self: Box<Self>, caller: UnixStream) {
        let mut caller = Some(caller); // until he has said his last word
        let mut gone = None;
        loop {
            let ready = self.wait(caller.as_ref());
            let now = Instant::now();
            if ready.caller
                && let Some(mut socket) = caller.take()
            {
                let mut word = [0];
                match socket.read(&mut word) {
                    Ok(1) if word == [launch::RECORDING] => {
                        self.on_record = OnRecord::Perhaps;
                        caller = Some(socket);
                    }
                    Ok(1) => {
                        self.on_record = OnRecord::Yes;
                        image::give_stack_back(); // from here on it mostly waits
                    }
                    _ => {
                        self.stop(Reason::Owner, Duration::ZERO, now);
                        gone = Some(socket); // open until all has ended, if he waits for that
                    }
                }
            }
            if ready.signals {
                self.take_signals(now);
            }
            self.streams.read_ready(ready.streams, &mut self.journal);
            if ready.listener {
                self.peers.accept(now);
            }
            for index in ready.peers.into_iter().rev() {
                let (peer, asked) = self.peers.read(index);
                for asked in asked {
                    match asked {
                        Asked::Request(request) => self.carry_out(peer, &request, now),
                        Asked::Input(part) => self.input.take(peer, part, now),
                    }
                }
            }
            self.peers.expire(now);
            self.pass_input_on(now);
            if self.journal.tick(now) {
                self.streams.rest();
            }
            self.go_on_stopping(now);
            if self.has_ended(now) {
                match (self.on_record, &gone) {
                    (OnRecord::No, Some(_)) => {
                        files::remove(&self.logs, &self.run, self.journal.id());
                        return;
                    }
                    (OnRecord::Perhaps, Some(_)) | (OnRecord::Yes, _) => {
                        self.write_end();
                        return;
                    }
                    (OnRecord::No | OnRecord::Perhaps, None) => {} // he will tell
                }
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        let stop = self.stopping.deadline(now);
        // Once it is empty, the end waits for end of file, or for the disk.
        let end = self.end_at.filter(|at| *at > now);
        [
            stop,
            end,
            self.peers.deadline(),
            self.journal.deadline(),
            self.input.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn take_signals(&mut self, now: Instant) {
        while let Some(signal) = self.signals.next() {
            if signal == Signal::SIGTERM {
                self.stop(Reason::SupervisorTerminated, self.grace, now);
            }
        }
        self.reap(now);
    }

    /// Takes note of every child that changed.
    fn reap(&mut self, now: Instant) {
        let mut leader_end = None;
        loop {
            match reap::next() {
                Reaped::Child { pid, change, usage }
                    if pid == self.leader.pid && self.leader_lives =>
                {
                    match change {
                        Change::Exited(code) => leader_end = Some((How::Code(code), false, usage)),
                        Change::Signaled(signal, core) => {
                            leader_end = Some((How::Signal(signal), core, usage));
                        }
                        Change::Stopped => self.journal.paused(true),
                        Change::Continued => self.journal.paused(false),
                    }
                    self.leader_lives = leader_end.is_none();
                }
                Reaped::Child { .. } => {}
                Reaped::NoChange => break,
                Reaped::NoChildren => {
                    self.tree_is_empty = true;
                    break;
                }
            }
        }
        if let Some((how, core_dumped, usage)) = leader_end {
            self.leader_ended(how, core_dumped, usage, now);
        }
        if !self.leader_lives && !self.tree_is_empty {
            self.tree_is_empty = tree::is_empty();
        }
        if self.tree_is_empty && self.end_at.is_none() {
            self.end_at = Some(now + END_OF_FILE_LIMIT);
        }
    }

    fn leader_ended(&mut self, how: How, core_dumped: bool, usage: Usage, now: Instant) {
        self.streams.read_waiting(&mut self.journal);
        self.input.close(NoInput::Ended);
        let status = self.journal.status().after(Event::Ended(how));
        let asked = self.journal.reason();
        let reason = asked.or((status == Status::Killed).then_some(Reason::Signal));
        let (code, signal) = match how {
            How::Code(code) => (Some(code), None),
            How::Signal(signal) => (None, Some(crate::model::signal::name(signal))),
        };
        let exit = Exit {
            status,
            reason,
            code,
            signal,
            core_dumped,
            end_ms: clock::wall_ms(),
            runtime_ms: u64::try_from((now - self.leader.began).as_millis()).unwrap_or(u64::MAX),
            user_ms: usage.user_ms,
            system_ms: usage.system_ms,
            max_rss_kib: usage.max_rss_kib,
        };
        // When nothing else lives and nothing more can come, END follows at once and is published with it.
        let last =
            self.tree_is_empty && self.on_record == OnRecord::Yes && self.streams.have_ended();
        self.journal
            .exited(exit, if last { Publish::Later } else { Publish::Now });
    }

    fn carry_out(&mut self, peer: u64, request: &Request, now: Instant) {
        let reply = match request {
            Request::Stop { reason, grace_ms } => {
                self.stop(
                    *reason,
                    grace_ms.map_or(self.grace, Duration::from_millis),
                    now,
                );
                self.peers.await_end(peer);
                Reply::Accepted
            }
            Request::Signal { number } => self.signal(*number, now),
        };
        self.peers.answer(peer, &reply);
    }

    /// Signals the leader's group, which is the leader's as long as the leader is not reaped.
    fn signal(&mut self, number: i32, now: Instant) -> Reply {
        self.reap(now);
        if !self.leader_lives {
            return Reply::NotRunning;
        }
        match group::signal(self.leader.pid, number) {
            Ok(()) => Reply::Accepted,
            Err(error) => Reply::Refused {
                message: error::reason(&error),
            },
        }
    }

    /// Writes to the command's stdin what there is room for, and answers who sent it.
    fn pass_input_on(&mut self, now: Instant) {
        let peers = &self.peers;
        self.input.forget_all_but(|peer| peers.has(peer));
        for (peer, reply) in self.input.go_on(now) {
            self.peers.answer(peer, &reply);
        }
    }

    /// Asks the whole tree to end, and sets the time at which it is made to. Asking again can only
    /// make that time earlier.
    fn stop(&mut self, reason: Reason, grace: Duration, now: Instant) {
        if self.stopping.ask(now + grace) == Call::Again {
            return;
        }
        self.journal.stop_asked(reason, self.leader_lives);
        if !grace.is_zero() {
            tree::terminate(self.leader_lives.then_some(self.leader.pid));
        }
    }

    /// Kills what outlived its grace, and tells what cannot be killed.
    fn go_on_stopping(&mut self, now: Instant) {
        if !self.stopping.kills(now) {
            return;
        }
        let mut before = Vec::new();
        for _ in 0..KILL_ROUNDS {
            let killed = tree::kill_children(self.leader.pid);
            self.reap(now);
            if self.tree_is_empty || killed == before {
                break; // nothing comes any more, and who is dying will tell
            }
            before = killed;
        }
        if !self.tree_is_empty && self.stopping.gives_up(now) {
            let processes = tree::survivors();
            self.peers.tell_end(&Reply::Survivors { processes });
        }
    }

    /// Whether nothing of the tree lives and all it wrote is read.
    fn has_ended(&mut self, now: Instant) -> bool {
        if !self.tree_is_empty {
            return false;
        }
        self.streams.read_waiting(&mut self.journal);
        (self.streams.have_ended() || self.end_at.is_some_and(|end_at| now >= end_at))
            && self.journal.is_settled(now)
    }

    fn write_end(&mut self) {
        self.peers.listener = None;
        files::remove_socket(&self.run, self.journal.id());
        self.journal.end();
        self.peers.tell_end(&Reply::Ended);
    }
}
