//! What a process is doing: its entry in the state, then its lease, then its status block.
//!
//! The lease is probed first and the block read after: when the lease is free, the block is final. It is
//! the kernel that says whether a supervisor lives; no pid is ever believed.
//! Does not: change anything, but for [`Manager::observe_all`], which stores ends that are final, and events
//! as alerts.

use std::collections::HashSet;
use std::io;
use std::mem::take;
use std::ops::RangeInclusive;
use std::path::Path;

use super::Manager;
use super::info::ProcessInfo;
use crate::log::block::{self, BlockState};
use crate::model::error::Error;
use crate::model::facts::{Block, Entry, Lost};
use crate::model::id::ProcessId;
use crate::model::status::{Event, Reason, Status};
use crate::store::dir::Sub;
use crate::store::files;
use crate::store::state::State;
use crate::supervisor::tree;
use crate::sys::{clock, lock, proc};

/// An entry with what was seen of it.
#[derive(Debug, Clone)]
pub(crate) struct Observed {
    /// Without the end that it may know, which is in `block`.
    pub(crate) entry: Entry,
    /// Whether the state knows its end, and nothing else need be looked at.
    pub(super) recorded: bool,
    pub(crate) lease: Lease,
    /// The newest block that is intact.
    pub(crate) block: Option<Box<Block>>,
    /// Whether there is a block, and none that is intact.
    damaged: bool,
    /// The size of its log, all segments together.
    log_bytes: u64,
}

/// What was seen of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lease {
    /// The supervisor lives.
    Held,
    /// It does not.
    Free,
    /// There is none: the end is in the state, or the start came to nothing.
    Missing,
}

/// How far a log goes. What was observed holds for all that is read afterwards: the supervisor writes
/// the log first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// More may come.
    Open,
    /// The leader has ended; descendants may write more.
    LeaderEnded,
    /// Nothing comes any more.
    Ended,
}

impl Observed {
    /// Whether the end of all of it is recorded: then nothing of it changes any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.block.as_ref().is_some_and(|block| block.end.is_some())
    }

    /// What of its output is not in the log, which has no record that tells it.
    pub(crate) fn lost_at_end(&self) -> Lost {
        let end = self.block.as_ref().and_then(|block| block.end.as_ref());
        end.map(|end| end.lost).unwrap_or_default()
    }

    /// Whether its supervisor lives and has not said its last word.
    pub(crate) fn is_live(&self) -> bool {
        self.lease == Lease::Held && !self.has_ended()
    }

    /// The numbers of the segments of its log.
    pub(crate) fn segment_numbers(&self) -> RangeInclusive<u64> {
        self.block
            .as_ref()
            .map_or(0..=0, |block| block.first_segment..=block.last_segment)
    }

    /// The size of its log, all segments together.
    pub(crate) fn log_bytes(&self) -> u64 {
        self.log_bytes
    }

    /// Whether its supervisor has gone without a last word, so that it may have told less than there is.
    pub(crate) fn is_without_end(&self) -> bool {
        !self.is_live() && !self.has_ended()
    }

    /// How far its log goes.
    pub(crate) fn reach(&self) -> Reach {
        let leader_lives = self
            .block
            .as_ref()
            .is_none_or(|block| block.status.is_live());
        match (self.is_live(), leader_lives) {
            (true, true) => Reach::Open,
            (true, false) => Reach::LeaderEnded,
            (false, _) => Reach::Ended,
        }
    }

    /// Everything there is to say about it.
    pub(crate) fn info(&self) -> ProcessInfo {
        self.clone().into_info()
    }

    /// The same, for who needs nothing else.
    pub(crate) fn into_info(mut self) -> ProcessInfo {
        let (supervised, ended) = (self.is_live(), self.has_ended());
        let (boot, uptime_ms) = (take(&mut self.entry.boot), self.entry.uptime_ms);
        let mut info = ProcessInfo::of(self.entry);
        info.supervised = supervised;
        info.log_bytes = self.log_bytes;
        info.ended = ended;
        let same_boot = || boot == clock::boot_id();
        let Some(block) = self.block else {
            info.reason = Some(match (self.damaged, same_boot()) {
                (true, _) => Reason::Damaged,
                (false, true) => Reason::SupervisorKilled,
                (false, false) => Reason::Reboot,
            });
            return info;
        };
        info.pid = (block.pid > 0).then_some(block.pid);
        info.restarts = block.run.saturating_sub(1);
        info.status = block.status;
        info.reason = block.reason;
        if block.exit.is_none() && !info.supervised {
            info.status = block.status.after(Event::SupervisorGone);
            info.reason = Some(if same_boot() {
                Reason::SupervisorKilled
            } else {
                Reason::Reboot
            });
        }
        info.paused = info.supervised && block.paused;
        info.runtime_ms = match (&block.exit, info.status) {
            (Some(exit), _) => Some(exit.runtime_ms),
            (None, Status::Lost) => None,
            (None, _) => Some(clock::boottime_ms().saturating_sub(uptime_ms)),
        };
        if info.supervised && block.exit.is_some() {
            info.descendants = descendants(&block).len();
        }
        info.exit = block.exit;
        info.last_exit = block.last_exit;
        info
    }
}

/// The supervisor that wrote `block`, if it is there.
pub(super) fn supervisor_of(block: &Block) -> Option<proc::Stat> {
    proc::stat(block.supervisor_pid).filter(|stat| stat.start == block.supervisor_start)
}

/// The living tree below the supervisor of `block`: pids and names.
pub(crate) fn descendants(block: &Block) -> Vec<(i32, String)> {
    if supervisor_of(block).is_none() {
        return Vec::new(); // another pid namespace, or no /proc: nothing is claimed
    }
    let name = |stat: &proc::Stat| String::from_utf8_lossy(&stat.name).into_owned();
    tree::below(block.supervisor_pid)
        .iter()
        .map(|stat| (stat.pid, name(stat)))
        .collect()
}

impl Manager {
    /// All processes on record, oldest first. Ends that are final are copied into the state, and events
    /// made alerts, if its lock is free: after that they cost nothing.
    ///
    /// # Errors
    ///
    /// A damaged state or an unsafe file.
    pub(crate) fn observe_all(&self) -> Result<Vec<Observed>, Error> {
        let observed = self.observe_if(|_| true)?;
        if observed.iter().any(Observed::is_to_be_stored)
            && let Some(locked) = self.store.try_lock()?
        {
            // No room, say: then whoever comes next does it.
            let _ = self.store_news(locked, &observed)?;
        }
        Ok(observed)
    }

    /// Those that `wanted` picks, oldest first.
    ///
    /// # Errors
    ///
    /// As [`observe_all`](Self::observe_all).
    pub(crate) fn observe_if(
        &self,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<Observed>, Error> {
        let mut missing = HashSet::new();
        loop {
            let observed = self.observe_state(self.load()?, &wanted)?;
            let without_a_trace: HashSet<ProcessId> = observed
                .iter()
                .filter(|process| process.lease == Lease::Missing && process.block.is_none())
                .map(|process| process.entry.id)
                .collect();
            if without_a_trace.is_subset(&missing) {
                return Ok(observed);
            }
            // Somebody may have put its end into the state since we read it; then it is there now.
            missing = without_a_trace;
        }
    }

    fn observe_state(
        &self,
        state: State,
        wanted: impl Fn(&Entry) -> bool,
    ) -> Result<Vec<Observed>, Error> {
        let mut observed = Vec::with_capacity(state.processes.len());
        for entry in state.processes {
            if wanted(&entry) {
                observed.push(self.observe(entry)?);
            }
        }
        Ok(observed)
    }

    /// What `entry` is doing.
    ///
    /// # Errors
    ///
    /// An unsafe file in place of the lease.
    pub(crate) fn observe(&self, mut entry: Entry) -> Result<Observed, Error> {
        if let Some(block) = entry.ended.take() {
            let log_bytes = block.log_end.as_ref().map(|end| end.bytes);
            let observed = Observed {
                recorded: true,
                log_bytes: log_bytes.unwrap_or(0),
                entry,
                lease: Lease::Missing,
                block: Some(block),
                damaged: false,
            };
            return match log_bytes {
                Some(_) => Ok(observed),
                None => self.with_log_bytes(observed), // its disk has refused the log's END
            };
        }
        let run = self.store.dir().sub(Sub::Run)?;
        let Some(file) = run
            .map(|run| run.open_read(&files::lease(entry.id)))
            .transpose()?
            .flatten()
        else {
            return self.with_log_bytes(Observed {
                recorded: false,
                entry,
                lease: Lease::Missing,
                block: None,
                damaged: false,
                log_bytes: 0,
            });
        };
        let cannot = |error: io::Error| {
            Error::io("read the lease", Path::new(&files::lease(entry.id)), &error)
        };
        let held = lock::is_held(&file).map_err(cannot)?;
        let state = block::read(&file, &self.block_keys(&entry), entry.log).map_err(cannot)?;
        let damaged = matches!(state, BlockState::Damaged);
        let block = match state {
            BlockState::Valid { facts, .. } => Some(facts),
            BlockState::NotWritten | BlockState::Damaged => None,
        };
        self.with_log_bytes(Observed {
            recorded: false,
            entry,
            lease: if held { Lease::Held } else { Lease::Free },
            block,
            damaged,
            log_bytes: 0,
        })
    }

    /// Looks how long the log is: nothing else tells while it is written.
    fn with_log_bytes(&self, observed: Observed) -> Result<Observed, Error> {
        let Some(logs) = self.store.dir().sub(Sub::Logs)? else {
            return Ok(observed);
        };
        let (numbers, earlier) = (
            observed.segment_numbers(),
            observed
                .block
                .as_ref()
                .map_or(0, |block| block.earlier_bytes),
        );
        // A file that is no log of ours is told when it is read.
        let size = logs.size(&files::log(observed.entry.id, *numbers.end()));
        Ok(Observed {
            log_bytes: earlier + size.ok().flatten().unwrap_or(0),
            ..observed
        })
    }

    /// Observes one process again; `None` when it was cleared meanwhile.
    ///
    /// # Errors
    ///
    /// As [`observe_all`](Self::observe_all).
    pub(crate) fn observe_again(&self, entry: &Entry) -> Result<Option<Observed>, Error> {
        let seen = self.observe(entry.clone())?;
        if seen.lease != Lease::Missing || entry.ended.is_some() {
            return Ok(Some(seen));
        }
        Ok(self.observe_if(|other| other.id == entry.id)?.pop())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // A25
    #[test]
    fn a_wall_clock_that_jumped_makes_no_age_negative_or_wrong() {
        let year_ms = 365 * 24 * 60 * 60 * 1000;
        let now = (clock::wall_ms(), clock::boottime_ms());
        for start_ms in [now.0 + year_ms, now.0 - year_ms, 0, u64::MAX] {
            for (uptime_ms, least, most) in [
                (now.1.saturating_sub(5_000), 5_000, 60_000),
                (now.1 + year_ms, 0, 0), // of another boot, or made up
            ] {
                let entry = serde_json::json!({
                    "id": "00000001", "number": 1, "name": "web", "log": "00".repeat(16),
                    "argv": ["web"], "cwd": "/", "graceMs": 5000,
                    "startMs": start_ms, "uptimeMs": uptime_ms, "boot": clock::boot_id(),
                });
                let block = serde_json::json!({
                    "status": "running", "run": 1, "pid": 0, "pidStart": 0,
                    "supervisorPid": 0, "supervisorStart": 0, "boot": clock::boot_id(),
                });
                let observed = Observed {
                    entry: serde_json::from_value(entry).unwrap(),
                    recorded: false,
                    lease: Lease::Held,
                    block: serde_json::from_value(block).unwrap(),
                    damaged: false,
                    log_bytes: 0,
                };
                let info = observed.info();
                let runtime = info.runtime_ms.unwrap();
                assert!((least..=most).contains(&runtime), "{start_ms} {runtime}");
                assert_eq!((info.status, info.start_ms), (Status::Running, start_ms));
            }
        }
    }
}
