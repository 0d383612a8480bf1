//! The loop of a supervisor: one poll, then whatever is ready, until the end is written.
//!
//! The leader's end is written when what the pipes held at that moment is in the log: who has seen the
//! end can read all that the leader wrote. The last word, END, is written when nothing of the tree lives.
//! Deadlines are state; nothing here sleeps. Does not: write formats or walk trees itself.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::input::Input;
use super::journal::{Journal, Publish};
use super::launch::{self, Files, Launch, Verdict};
use super::leader::{self, Leader, Trouble};
use super::peers::Peers;
use super::streams::{Got, Source};
use super::tree;
use crate::control::server::Asked;
use crate::control::{self, NoInput, Reply, Request};
use crate::crypto::Key;
use crate::log::Kind;
use crate::model::error;
use crate::model::facts::Exit;
use crate::model::status::{Event, How, Reason, Status};
use crate::store::files;
use crate::sys::image::Limit;
use crate::sys::reap::{self, Change, Reaped, Usage};
use crate::sys::signals::Signals;
use crate::sys::{clock, group, notify, socket};

/// How long end of file is waited for when nothing of the tree lives: a stranger may hold a pipe.
const END_OF_FILE_LIMIT: Duration = Duration::from_secs(1);
/// How often what does not die is killed again: its children come to us at times we do not see.
const KILL_AGAIN: Duration = Duration::from_millis(5);
/// How long KILL may take before what is left is called survivors. A process in an uninterruptible
/// call, or another user's, does not die.
const KILL_LIMIT: Duration = Duration::from_secs(2);
/// How many rounds of killing and reaping are done before the loop looks at anything else: a process
/// that keeps forking must not be faster.
const KILL_ROUNDS: usize = 500;

/// Where a stop stands.
#[derive(Clone, Copy)]
enum Stopping {
    No,
    /// TERM is sent; KILL follows at this time.
    Asked {
        until: Instant,
    },
    /// KILL is being sent, since this time.
    Killing {
        since: Instant,
    },
    /// What is left could not be killed; it is waited for.
    GivenUp,
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
    sources: Vec<Source>,
    signals: Signals,
    peers: Peers,
    stopping: Stopping,
    tree_is_empty: bool,
    /// When to write END though a pipe is still open.
    end_at: Option<Instant>,
    committed: bool,
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
        core_limit: Limit,
        caller: &mut UnixStream,
    ) -> Result<Self, Verdict> {
        let id = launch.start.id;
        let (run, logs) = (files.run, files.logs);
        let stdin = files.stdin;
        let ready = || -> std::io::Result<_> {
            let listener = socket::listen_in(run.as_fd(), &files::socket(id))?;
            let signals = Signals::take(&[Signal::SIGCHLD, Signal::SIGTERM])?;
            let journal = Journal::begin(files.log, files.lease, key, launch)?;
            Ok((listener, signals, journal))
        };
        let begun = ready()
            .map_err(|error| Verdict::refused(&error))
            .and_then(|ready| {
                let launched = leader::launch(&launch.start, core_limit, stdin, caller);
                launched
                    .map(|launched| (ready, launched))
                    .map_err(|trouble| match trouble {
                        Trouble::NotExecuted(failure) => Verdict::NotExecuted {
                            step: failure.step as u8,
                            errno: failure.errno,
                        },
                        Trouble::System(error) => Verdict::refused(&error),
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
        let supervisor = Self {
            grace: Duration::from_millis(launch.start.grace_ms),
            run,
            logs,
            journal,
            leader_lives: true,
            input: Input::new(ends.stdin, &launch.start.stdin),
            sources: vec![
                Source::new(ends.stdout, Kind::Stdout),
                Source::new(ends.stderr, Kind::Stderr),
            ],
            signals,
            peers: Peers::new(listener, control, launch.log),
            stopping: Stopping::No,
            tree_is_empty: false,
            end_at: None,
            committed: false,
            leader,
        };
        // If this cannot be said, the caller is gone; the loop reads that as end of file.
        let _ = launch::send_message(
            caller,
            &Verdict::Started {
                pid: supervisor.leader.pid,
            },
        );
        Ok(supervisor)
    }

    /// Supervises until the end is written, and the process is on record; or until the caller has
    /// gone without putting it on record: then its tree is ended, and log and lease are removed.
    pub(crate) fn run(&mut self, caller: &mut UnixStream) {
        let mut abandoned = false;
        loop {
            let ready = self.wait((!self.committed && !abandoned).then_some(&*caller));
            let now = Instant::now();
            if ready.caller {
                let mut word = [0];
                if let Ok(1) = caller.read(&mut word) {
                    self.committed = true;
                } else {
                    abandoned = true;
                    self.stop(Reason::Stop, Duration::ZERO, now);
                }
            }
            if ready.signals {
                self.take_signals(now);
            }
            self.read_output(&ready.sources);
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
            self.journal.tick(now);
            self.go_on_stopping(now);
            if self.has_ended(now) {
                if abandoned {
                    files::remove(&self.logs, &self.run, self.journal.id());
                    return;
                }
                if self.committed {
                    self.write_end();
                    return;
                }
            }
        }
    }

    /// Waits until something is ready or a deadline is reached.
    fn wait(&self, caller: Option<&UnixStream>) -> Ready {
        let mut fds = Vec::with_capacity(8);
        let mut add = |fd, flags| fds.push(PollFd::new(fd, flags));
        add(self.signals.as_fd(), PollFlags::POLLIN);
        let listener = self.peers.listening();
        for fd in [caller.map(AsFd::as_fd), listener].into_iter().flatten() {
            add(fd, PollFlags::POLLIN);
        }
        for source in &self.sources {
            add(source.as_fd(), PollFlags::POLLIN);
        }
        for peer in &self.peers.connected {
            let out = if peer.wants_to_write() {
                PollFlags::POLLOUT
            } else {
                PollFlags::empty()
            };
            add(peer.as_fd(), PollFlags::POLLIN | out);
        }
        if let Some(stdin) = self.input.waits_for_room() {
            add(stdin, PollFlags::POLLOUT); // the last: it only wakes
        }
        let limit = self.deadline().map_or(PollTimeout::NONE, |deadline| {
            notify::timeout(deadline.saturating_duration_since(Instant::now()))
        });
        if poll(&mut fds, limit).is_err() {
            return Ready::default(); // EINTR, or no memory for a moment: looked at again
        }
        // POLLHUP and POLLERR count: a pipe at its end has nothing else.
        let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(false));
        let mut next = || ready.next().unwrap_or(false);
        Ready {
            signals: next(),
            caller: caller.is_some() && next(),
            listener: listener.is_some() && next(),
            sources: self.sources.iter().map(|_| next()).collect(),
            peers: (0..self.peers.connected.len()).filter(|_| next()).collect(),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let stop = match self.stopping {
            Stopping::Asked { until } => Some(until),
            Stopping::Killing { .. } => Some(Instant::now() + KILL_AGAIN),
            Stopping::No | Stopping::GivenUp => None,
        };
        // Once it is empty, the end waits for end of file, or for the disk.
        let end = self.end_at.filter(|at| *at > Instant::now());
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
        for index in 0..self.sources.len() {
            let mut left = self.sources[index].waiting();
            while left > 0 {
                match self.read_source(index, left) {
                    0 => break,
                    count => left = left.saturating_sub(count),
                }
            }
        }
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
        let last = self.tree_is_empty && self.committed && self.drain();
        self.journal
            .exited(exit, if last { Publish::Later } else { Publish::Now });
    }

    /// Reads everything there is now; says whether all streams have ended.
    fn drain(&mut self) -> bool {
        let mut index = 0;
        while index < self.sources.len() {
            let before = self.sources.len();
            while self.sources.len() == before && self.read_source(index, usize::MAX) > 0 {}
            if self.sources.len() == before {
                index += 1;
            }
        }
        self.sources.is_empty()
    }

    fn read_output(&mut self, ready: &[bool]) {
        let mut index = 0;
        for ready in ready {
            let before = self.sources.len();
            if *ready {
                self.read_source(index, usize::MAX);
            }
            if self.sources.len() == before {
                index += 1;
            }
        }
    }

    /// Reads once from a source into the log; one that has ended is dropped. Returns how many bytes.
    fn read_source(&mut self, index: usize, limit: usize) -> usize {
        let Some(source) = self.sources.get_mut(index) else {
            return 0;
        };
        match self.journal.read_from(source, limit) {
            Got::Bytes(count) => count,
            Got::Nothing => 0,
            Got::EndOfFile => {
                let ended = self.sources.remove(index);
                self.journal.closed(ended.kind);
                0
            }
        }
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
        let until = now + grace;
        match self.stopping {
            Stopping::Asked { until: earlier } => {
                self.stopping = Stopping::Asked {
                    until: until.min(earlier),
                };
                return;
            }
            Stopping::Killing { .. } => return,
            Stopping::No | Stopping::GivenUp => {}
        }
        self.stopping = Stopping::Asked { until };
        self.journal.stop_asked(reason, self.leader_lives);
        if !grace.is_zero() {
            tree::terminate(self.leader_lives.then_some(self.leader.pid));
        }
    }

    /// Kills what outlived its grace, and tells what cannot be killed.
    fn go_on_stopping(&mut self, now: Instant) {
        if let Stopping::Asked { until } = self.stopping
            && now >= until
        {
            self.stopping = Stopping::Killing { since: now };
        }
        let Stopping::Killing { since } = self.stopping else {
            return;
        };
        for _ in 0..KILL_ROUNDS {
            if self.tree_is_empty || tree::kill_children(self.leader.pid) == 0 {
                break;
            }
            self.reap(now);
        }
        self.reap(now);
        if !self.tree_is_empty && now >= since + KILL_LIMIT {
            let processes = tree::survivors();
            self.stopping = Stopping::GivenUp;
            self.peers.tell_end(&Reply::Survivors { processes });
        }
    }

    /// Whether nothing of the tree lives and all it wrote is read.
    fn has_ended(&mut self, now: Instant) -> bool {
        if !self.tree_is_empty {
            return false;
        }
        let drained = self.drain();
        (drained || self.end_at.is_some_and(|end_at| now >= end_at)) && self.journal.is_settled(now)
    }

    fn write_end(&mut self) {
        self.peers.listener = None;
        files::remove_socket(&self.run, self.journal.id());
        self.journal.end();
        self.peers.tell_end(&Reply::Ended);
    }
}

/// What a poll found.
#[derive(Default)]
struct Ready {
    signals: bool,
    caller: bool,
    listener: bool,
    sources: Vec<bool>,
    peers: Vec<usize>,
}
