//! What is new of the processes goes into the state: ends that are final, and events, which get their
//! numbers there. Done by whoever sees it first, under the lock, and once.
//!
//! Does not: look at processes that have nothing new: a `list` of these takes no lock.

use std::mem::take;

use super::Patience;
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::observe::{Lease, Observed};
use crate::model::alert::{Alert, Event, Raised, Subject, Told};
use crate::model::error::Error;
use crate::model::facts::Entry;
use crate::model::status::Status;
use crate::store::dir::Sub;
use crate::store::files;
use crate::store::state::State;
use crate::store::unlocked::LockedState;
use crate::sys::clock;
use crate::sys::crash::crash_point;
use crate::text::display::excerpt;

/// How much of a command an alert keeps, in bytes as JSON.
const COMMAND_KEPT_BYTES: usize = 160;

impl Observed {
    /// Whether the state is to know something of it that it does not.
    pub(in crate::manager) fn is_to_be_stored(&self) -> bool {
        !self.recorded && (self.has_ended() || self.has_events() || self.is_newly_lost())
    }

    fn has_events(&self) -> bool {
        let raised = self.block.as_ref().and_then(|block| block.raised.last());
        raised.is_some_and(|raised| raised.seq > self.entry.told.seq)
    }

    fn is_newly_lost(&self) -> bool {
        let no_end = self.block.as_ref().is_none_or(|block| block.exit.is_none());
        let wanted = !self.entry.told.lost && self.entry.alerts.wants(Event::Lost);
        wanted && no_end && !self.recorded && self.lease != Lease::Held
    }
}

impl Manager {
    /// The state with all events numbered; or as it is, and that somebody else is changing it.
    ///
    /// # Errors
    ///
    /// Locked (11), damaged (13), storage (15).
    pub(super) fn state_with_news(&self, patience: Patience) -> Result<(State, bool), Error> {
        let mut state = self.load()?;
        let mut observed = Vec::with_capacity(state.processes.len());
        for entry in take(&mut state.processes) {
            observed.push(self.observe(entry)?);
        }
        if observed.iter().any(Observed::is_to_be_stored) {
            let locked = match patience {
                Patience::Patient => Some(self.store.lock()?),
                Patience::None => self.store.try_lock()?,
            };
            match locked {
                Some(locked) => return Ok((self.store_news(locked, &observed)??, false)),
                None => return Ok((self.load()?, true)),
            }
        }
        state.processes = observed.into_iter().map(|process| process.entry).collect();
        Ok((state, false))
    }

    /// Stores what is new of `observed`, and removes the leases of which nothing is needed any more. Gives
    /// the state as it is then, or why it could not be written.
    ///
    /// # Errors
    ///
    /// A damaged state, an unsafe file.
    pub(in crate::manager) fn store_news(
        &self,
        mut locked: LockedState,
        observed: &[Observed],
    ) -> Result<Result<State, Error>, Error> {
        let mut folded = Vec::new();
        let mut new = Vec::new();
        for process in observed.iter().filter(|process| process.is_to_be_stored()) {
            let id = process.entry.id;
            let state = &mut locked.state;
            let Some(index) = state.processes.iter().position(|entry| entry.id == id) else {
                continue; // it was cleared
            };
            if state.processes[index].ended.is_some() {
                continue; // somebody else was faster
            }
            let events = self.take_events(state, index, process)?;
            new.extend(in_their_order(events, |alert| alert.time_ms));
            if process.has_ended() {
                let mut block = process.block.clone();
                if let Some(block) = &mut block {
                    block.raised.clear(); // they are alerts now
                }
                state.processes[index].ended = block;
                folded.push(id);
            }
        }
        if !new.is_empty() || !folded.is_empty() {
            new.sort_by_key(|(time_ms, _)| *time_ms);
            let new = new.into_iter().map(|(_, alert)| alert).collect();
            locked.state.add_alerts(new)?;
            if let Err(error) = locked.save() {
                return Ok(Err(error));
            }
            crash_point!("alerts-numbered");
        }
        if let Some(run) = self.store.dir().sub(Sub::Run)? {
            for id in folded {
                run.remove(&files::lease(id))?;
            }
        }
        Ok(Ok(take(&mut locked.state)))
    }

    /// What `seen` tells of the process at `index` and was not told before: alerts, to be added to `state`.
    ///
    /// # Errors
    ///
    /// A damaged state, an unsafe file.
    pub(in crate::manager) fn take_events(
        &self,
        state: &mut State,
        index: usize,
        seen: &Observed,
    ) -> Result<Vec<Alert>, Error> {
        let entry = &state.processes[index];
        let mut told = entry.told.clone();
        let mut alerts = Vec::new();
        let raised = seen.block.iter().flat_map(|block| &block.raised);
        for raised in raised.filter(|raised| raised.seq > entry.told.seq) {
            alerts.push(alert(raised, seen, &mut told));
        }
        // Its end may have been stored since it was looked at; under the lock nobody can do so.
        if seen.is_newly_lost() {
            let now = self.observe(entry.clone())?;
            if now.is_newly_lost() {
                told.lost = true;
                alerts.push(lost(now));
            }
        }
        state.processes[index].told = told;
        Ok(alerts)
    }
}

/// `events` of one process, each with its time to sort by, so that they stay in their order: an end has the time
/// of the end, and a line that it was written before may have been looked at after that.
fn in_their_order<T>(
    events: Vec<T>,
    time_ms: impl Fn(&T) -> u64,
) -> impl Iterator<Item = (u64, T)> {
    let mut latest = 0;
    events.into_iter().map(move |event| {
        latest = time_ms(&event).max(latest);
        (latest, event)
    })
}

fn alert(raised: &Raised, seen: &Observed, told: &mut Told) -> Alert {
    told.seq = raised.seq;
    let before = match raised.event {
        Event::Output => Some(&mut told.outputs),
        Event::Idle | Event::Tampered | Event::Gap => None,
        _ => Some(&mut told.ends),
    };
    let count = before.map_or(1, |before| {
        raised
            .total
            .saturating_sub(std::mem::replace(before, raised.total))
    });
    let info = ProcessInfo::of(Entry {
        ended: None,
        ..seen.entry.clone()
    });
    let exit = raised.exit.as_ref();
    Alert {
        number: 0,
        event: raised.event,
        time_ms: raised.time_ms,
        count: count.max(1),
        line: raised.line.clone(),
        restarting: raised.restarting,
        silent_ms: raised.silent_ms,
        extra: serde_json::Map::default(),
        process: Subject {
            status: exit.map_or(Status::Running, |exit| exit.status),
            reason: exit.and_then(|exit| exit.reason),
            pid: seen.block.as_ref().map(|block| block.pid),
            exit: exit.cloned(),
            runtime_ms: Some(raised.runtime_ms),
            log_bytes: seen.log_bytes(),
            run: raised.run,
            ..subject(info)
        },
    }
}

fn lost(seen: Observed) -> Alert {
    let info = seen.into_info();
    Alert {
        number: 0,
        event: Event::Lost,
        time_ms: clock::wall_ms(),
        count: 1,
        line: None,
        restarting: false,
        silent_ms: None,
        extra: serde_json::Map::default(),
        process: subject(info),
    }
}

fn subject(info: ProcessInfo) -> Subject {
    Subject {
        command: excerpt(&info.command().escaped(), COMMAND_KEPT_BYTES),
        id: info.id,
        number: info.number,
        name: info.name,
        status: info.status,
        reason: info.reason,
        pid: info.pid,
        exit: info.exit,
        start_ms: info.start_ms,
        runtime_ms: info.runtime_ms,
        log_bytes: info.log_bytes,
        run: info.restarts + 1,
        group: info.group,
        session: info.session,
    }
}

impl Subject {
    /// As if it were on record: of a process that is cleared.
    pub(super) fn as_entry(&self) -> Entry {
        Entry {
            id: self.id,
            number: self.number,
            name: self.name.clone(),
            log: crate::model::id::Id([0; 16]),
            argv: Vec::new(),
            shell_line: Some(self.command.as_str().into()),
            cwd: "".into(),
            group: self.group.clone(),
            session: self.session.clone(),
            alerts: crate::model::facts::AlertSettings::default(),
            previous: None,
            grace_ms: 0,
            grace_by_default: true,
            pty: None,
            start_ms: self.start_ms,
            uptime_ms: 0,
            boot: String::new(),
            told: Told::default(),
            ended: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_process_raises_keeps_its_order() {
        let one = vec![(5, "line"), (4, "end")];
        let another = vec![(1, "idle"), (5, "other")];
        let keyed = |events| in_their_order(events, |(time_ms, _): &(u64, &str)| *time_ms);
        let mut all: Vec<_> = keyed(one).chain(keyed(another)).collect();
        all.sort_by_key(|(time_ms, _)| *time_ms);
        let told: Vec<&str> = all.into_iter().map(|(_, (_, word))| word).collect();
        assert_eq!(told, ["idle", "line", "end", "other"]);
    }
}
