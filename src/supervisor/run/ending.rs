//! How a run ends: children reaped, the leader's end written, the tree stopped and killed, and the last word.
//!
//! Does not: decide when to stop, or what is run next.

use std::time::{Duration, Instant};

use super::{OnRecord, Supervisor};
use crate::control::{NoInput, Reply};
use crate::model::facts::Exit;
use crate::model::status::{Event, How, Reason, Status};
use crate::store::files;
use crate::supervisor::journal::Publish;
use crate::supervisor::stopping::{Call, Kill};
use crate::supervisor::terminal::Terminal;
use crate::supervisor::tree;
use crate::sys::clock;
use crate::sys::crash::crash_point;
use crate::sys::group;
use crate::sys::reap::{self, Change, Reaped, Usage};

/// How long end of file is waited for when nothing of the tree lives: a stranger may hold a pipe.
const END_OF_FILE_LIMIT: Duration = Duration::from_secs(1);
/// How many rounds of killing and reaping are done before the loop looks at anything else: a process
/// that keeps forking must not be faster.
const KILL_ROUNDS: usize = 500;

impl Supervisor {
    /// Takes note of every child that changed.
    pub(super) fn reap(&mut self, now: Instant) {
        let mut leader_end = None;
        loop {
            let reaped = reap::next();
            if matches!(reaped, Reaped::Child { .. }) {
                self.stopping.child_changed();
            }
            match reaped {
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
        let exit = self.exit(how, core_dumped, usage, now);
        match &mut self.terminal {
            None => self.write_exit(exit, now),
            Some(terminal) => {
                terminal.leader_ended(exit, now);
                self.streams.read_waiting(&mut self.journal); // also its end, if nobody else holds it
                self.tell_exit(false, now);
            }
        }
    }

    /// What is to be written down of a leader that has ended.
    pub(super) fn exit(&self, how: How, core_dumped: bool, usage: Usage, now: Instant) -> Exit {
        let status = self.journal.status().after(Event::Ended(how));
        let asked = self.journal.reason();
        let reason = asked.or((status == Status::Killed).then_some(Reason::Signal));
        let (code, signal) = match how {
            How::Code(code) => (Some(code), None),
            How::Signal(signal) => (None, Some(crate::model::signal::name(signal))),
        };
        Exit {
            status,
            reason,
            code,
            signal,
            core_dumped,
            end_ms: clock::wall_ms(),
            runtime_ms: clock::milliseconds(now - self.began),
            run_ms: None,
            again: false,
            error: None,
            user_ms: usage.user_ms,
            system_ms: usage.system_ms,
            max_rss_kib: usage.max_rss_kib,
        }
    }

    /// Writes the end of a leader with a terminal when nothing more comes; `heard` tells that something came.
    pub(super) fn tell_exit(&mut self, heard: bool, now: Instant) {
        let Some(terminal) = &mut self.terminal else {
            return;
        };
        if heard {
            terminal.heard(now);
        }
        if let Some(exit) = terminal.take_exit(self.streams.have_ended(), now) {
            self.write_exit(exit, now);
        }
    }

    fn write_exit(&mut self, exit: Exit, now: Instant) {
        // When nothing else lives and nothing more can come, END follows at once and is published with it.
        let last =
            self.tree_is_empty && self.on_record == OnRecord::Yes && self.streams.have_ended();
        self.run_ended(exit, if last { Publish::Later } else { Publish::Now }, now);
    }

    /// Asks the whole tree to end, and sets the time at which it is made to. Asking again can only
    /// make that time earlier. It will not be run again.
    pub(super) fn stop(&mut self, reason: Reason, grace: Duration, now: Instant) {
        let call = self.stop_is_asked(reason, grace, now);
        self.end_tree(call, grace);
    }

    /// Takes note of a stop, which [`end_tree`](Self::end_tree) begins.
    pub(super) fn stop_is_asked(&mut self, reason: Reason, grace: Duration, now: Instant) -> Call {
        let call = self.stopping.ask(now + grace);
        if self.runs.as_mut().is_some_and(|runs| runs.cancel()) {
            let runtime_ms = clock::milliseconds(now - self.began);
            self.journal.stopped_between_runs(reason, runtime_ms);
        } else if call == Call::Anew {
            self.journal.stop_asked(reason, self.leader_lives);
        }
        call
    }

    /// Sends TERM to all there is, if that is not done and there is a grace.
    pub(super) fn end_tree(&mut self, call: Call, grace: Duration) {
        if call == Call::Again || grace.is_zero() {
            return;
        }
        tree::terminate(self.leader_lives.then_some(self.leader.pid));
        if self.terminal.is_some() && self.leader_lives {
            // Its terminal goes: an interactive shell, which ignores TERM, ends by this.
            let _ = group::signal(self.leader.pid, libc::SIGHUP);
        }
    }

    /// Kills what outlived its grace, and tells what cannot be killed.
    pub(super) fn go_on_stopping(&mut self, now: Instant) {
        match self.stopping.kills(now) {
            Kill::Nobody => return,
            Kill::Children => {}
            Kill::Tree => tree::kill_below(),
        }
        let mut before = Vec::new();
        for _ in 0..KILL_ROUNDS {
            let killed = tree::kill_children(self.leader.pid, self.leader_lives);
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
    pub(super) fn has_ended(&mut self, now: Instant) -> bool {
        if !self.tree_is_empty || self.waits_for_next_run() {
            return false;
        }
        self.streams.read_waiting(&mut self.journal);
        self.tell_exit(false, now);
        self.end_is_due = self.end_at.is_some_and(|end_at| now >= end_at);
        (self.streams.have_ended() || self.end_is_due)
            && !self.waits_for_next_run() // which an end that was just told may have planned
            && !self.terminal.as_ref().is_some_and(Terminal::keeps_exit)
            && self.journal.is_settled(now)
    }

    pub(super) fn write_end(&mut self) {
        self.peers.listener = None;
        files::remove_socket(&self.run, self.journal.id());
        crash_point!("end-begun");
        self.journal.end();
        self.peers.tell_end(&Reply::Ended);
    }
}
