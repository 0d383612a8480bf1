//! The loop of a supervisor: one poll, then whatever is ready, until the end is written.
//!
//! The leader's end is written when what the pipes held at that moment is in the log: who has seen the
//! end can read all that the leader wrote. The last word, END, is written when nothing of the tree lives.
//! Deadlines are state; nothing here sleeps.
//! Does not: write formats or walk trees itself.

mod again;
mod ending;
mod ready;
mod start;
mod window;

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::input::Input;
use super::journal::Journal;
use super::launch;
use super::leader::Leader;
use super::owner::Owner;
use super::peers::Peers;
use super::runs::Runs;
use super::stopping::Stopping;
use super::streams::Streams;
use super::terminal::Terminal;
use crate::control::server::Asked;
use crate::control::{Reply, Request};
use crate::model::error;
use crate::model::status::Reason;
use crate::store::files;
use crate::sys::group;
use crate::sys::image;
use crate::sys::signals::Signals;

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
    journal: Journal,
    leader: Leader,
    leader_lives: bool,
    input: Input,
    streams: Streams,
    terminal: Option<Terminal>,
    signals: Signals,
    peers: Peers,
    stopping: Stopping,
    /// When the first run began.
    began: Instant,
    /// When it has lived long enough.
    timeout_at: Option<Instant>,
    /// The process with which it ends.
    owner: Option<Owner>,
    /// What its restart policy says, if it has one.
    runs: Option<Box<Runs>>,
    tree_is_empty: bool,
    /// When to write END though a pipe is still open.
    end_at: Option<Instant>,
    /// Whether that was over when it was last looked at: from then on it wakes no more.
    end_is_due: bool,
    on_record: OnRecord,
}

impl Supervisor {
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
            self.end_its_time(ready.owner, now);
            let heard = self
                .streams
                .read_ready(ready.streams, &mut self.journal, now);
            self.tell_exit(heard, now);
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
            self.go_on_running(now);
            if self.has_ended(now) {
                match (self.on_record, &gone) {
                    (OnRecord::No, Some(_)) => {
                        self.journal.remove_segments();
                        files::remove(self.journal.logs(), &self.run, self.journal.id());
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

    fn deadline(&self, now: Instant) -> Option<Instant> {
        let nobody = self.tree_is_empty && cfg!(target_os = "linux"); // elsewhere it may be unseen
        let stop = self.stopping.deadline(now).filter(|_| !nobody);
        // Once it is empty, the end waits for end of file, or for the disk.
        let end = self.end_at.filter(|_| !self.end_is_due);
        [
            stop,
            end,
            self.peers.deadline(),
            self.journal.deadline(),
            self.streams.deadline(now),
            self.input.deadline(),
            self.timeout_at,
            self.owner.as_ref().and_then(|owner| owner.deadline(now)),
            self.next_run(),
            self.terminal.as_ref().and_then(Terminal::deadline),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Stops it when it has lived long enough, or when the process has ended with which it ends.
    fn end_its_time(&mut self, owner_woke: bool, now: Instant) {
        if self.timeout_at.is_some_and(|at| now >= at) {
            self.timeout_at = None;
            self.stop(Reason::Timeout, self.grace, now);
        }
        if let Some(owner) = &mut self.owner
            && owner.has_ended(owner_woke, now)
        {
            self.owner = None;
            self.stop(Reason::Owner, self.grace, now);
        }
    }

    fn take_signals(&mut self, now: Instant) {
        while let Some(signal) = self.signals.next() {
            if signal == Signal::SIGTERM {
                self.stop(Reason::SupervisorTerminated, self.grace, now);
            }
        }
        self.reap(now);
    }

    fn carry_out(&mut self, peer: u64, request: &Request, now: Instant) {
        let reply = match request {
            Request::Stop { reason, grace_ms } => {
                let grace = grace_ms.map_or(self.grace, Duration::from_millis);
                let call = self.stop_is_asked(*reason, grace, now);
                self.peers.answer(peer, &Reply::Accepted); // to look through a tree may take its time
                self.peers.await_end(peer);
                return self.end_tree(call, grace);
            }
            Request::Signal { number } => self.signal(*number, now),
            Request::Attach => self.attach(peer, now),
            Request::Resize(size) => self.resize(*size),
            Request::SetAlerts { settings } => {
                self.journal.set_alerts(settings, now);
                Reply::Accepted
            }
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
}
