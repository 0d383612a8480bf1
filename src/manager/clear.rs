//! Removing ended processes from the record, with their logs.
//!
//! The entry goes first, the files after: whoever is interrupted leaves files that nobody lists, never
//! an entry without its log.
//! Does not: touch anything that lives.

use std::collections::HashSet;

use super::Manager;
use super::info::ProcessInfo;
use super::leftovers;
use super::observe::Observed;
use crate::model::error::{Error, Kind};
use crate::model::facts::Entry;
use crate::model::id::ProcessId;
use crate::model::status::Status;
use crate::store::dir::Sub;
use crate::store::files;
use crate::sys::crash::crash_point;

impl Manager {
    /// Removes those of `targets` that have ended, and gives what they were; with [`Leave::Nothing`]
    /// files that belong to nobody, too.
    ///
    /// # Errors
    ///
    /// Locked (11), storage (15); an unsafe or damaged state.
    pub(crate) fn clear(
        &self,
        targets: &[Observed],
        leave: Leave,
    ) -> Result<Vec<ProcessInfo>, Error> {
        let mut locked = self.store.lock()?;
        if leave == Leave::Nothing {
            self.sweep(&locked.state)?;
        }
        let (mut cleared, mut may_have_more) = (Vec::new(), false);
        for target in targets {
            let index = locked
                .state
                .processes
                .iter()
                .position(|entry| entry.id == target.entry.id);
            let Some(index) = index else { continue }; // somebody else was faster
            let now = self.observe(locked.state.processes[index].clone())?;
            if in_the_way(&now).is_none() {
                let events = self.take_events(&mut locked.state, index, &now)?;
                locked.state.add_alerts(events)?; // who is away hears of it still
                may_have_more |= now.is_without_end() || now.segment_numbers() != (0..=0);
                cleared.push(now.info());
                locked.state.processes.remove(index);
            }
        }
        if cleared.is_empty() {
            return Ok(Vec::new());
        }
        locked.save()?;
        drop(locked);
        crash_point!("clear-saved");
        if may_have_more {
            self.remove_segments(&cleared.iter().map(|info| info.id).collect())?;
        }
        for info in &cleared {
            self.remove_files(info.id)?;
        }
        Ok(cleared)
    }

    /// Removes all segments of these logs, also those that a rotation cut short has left.
    fn remove_segments(&self, ids: &HashSet<ProcessId>) -> Result<(), Error> {
        let Some(logs) = self.store.dir().sub(Sub::Logs)? else {
            return Ok(());
        };
        for name in logs.names()? {
            if files::owner(&name).is_some_and(|id| ids.contains(&id)) {
                logs.remove(&name)?;
            }
        }
        Ok(())
    }

    fn remove_files(&self, id: ProcessId) -> Result<(), Error> {
        if let Some(logs) = self.store.dir().sub(Sub::Logs)? {
            logs.remove(&files::log(id, 0))?;
        }
        if let Some(run) = self.store.dir().sub(Sub::Run)? {
            run.remove(&files::lease(id))?;
            run.remove(&files::socket(id))?;
        }
        Ok(())
    }
}

/// What is to be left beside the processes that are not cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leave {
    /// Whatever is there.
    All,
    /// Nothing that belongs to nobody.
    Nothing,
}

/// What to say of a process that was there a moment ago.
pub(crate) fn cleared(entry: &Entry) -> Error {
    Error::new(
        Kind::NotFound,
        format!("'{}' was cleared meanwhile", entry.name),
    )
    .hint("somebody removed it, and its log")
}

/// Why a process cannot be cleared: it lives, or what a killed supervisor left of it does.
pub(crate) fn in_the_way(process: &Observed) -> Option<Error> {
    let entry = &process.entry;
    let lives = |what: String| {
        Error::new(
            Kind::InTheWay,
            format!("'{}' ({}) {what}", entry.name, entry.id),
        )
        .hint(format!("'bgp stop {}' first", entry.id))
    };
    if process.is_live() {
        let info = process.info();
        return Some(match info.descendants {
            _ if info.status == Status::Starting => lives("will be run again".into()),
            0 if info.status.is_live() => lives("still runs".into()),
            0 => lives("has ended, but its log is not complete yet".into()),
            count => lives(format!("has ended, but {count} of its descendants live")),
        });
    }
    if process.has_ended() {
        return None;
    }
    match leftovers::find(entry, process.block.as_deref()).len() {
        0 => None,
        count => Some(lives(format!(
            "has lost its supervisor, but {count} of its processes live"
        ))),
    }
}
