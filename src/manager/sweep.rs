//! Removing files that belong to no process: of starts that were killed half-way, and of clears.
//!
//! A start holds its lease from before it has a log until it is on record, so files whose lease is free,
//! and whose id the state does not know, are nobody's.
//! Does not: touch the files of a listed process, or anything whose lease is held.

use std::collections::BTreeSet;

use super::Manager;
use crate::model::error::Error;
use crate::model::id::ProcessId;
use crate::store::dir::Sub;
use crate::store::files;
use crate::store::state::State;
use crate::sys::lock;

impl Manager {
    /// Removes what no process of `state`, which is locked, has to do with.
    ///
    /// # Errors
    ///
    /// A directory that cannot be read or written.
    pub(super) fn sweep(&self, state: &State) -> Result<(), Error> {
        let dir = self.store.dir();
        let (Some(logs), Some(run)) = (dir.sub(Sub::Logs)?, dir.sub(Sub::Run)?) else {
            return Ok(());
        };
        let known: BTreeSet<ProcessId> = state.processes.iter().map(|entry| entry.id).collect();
        let names = [(logs, logs.names()?), (run, run.names()?)];
        let mut strangers = BTreeSet::new();
        for (_, list) in &names {
            strangers.extend(list.iter().filter_map(|name| files::owner(name)));
        }
        for id in strangers.difference(&known) {
            // Locked for good until it is gone: a start that has just made it chooses another id.
            let lease = run.open_write(&files::lease(*id))?;
            let free = lease
                .as_ref()
                .is_none_or(|lease| lock::try_exclusive(lease).unwrap_or(false));
            if !free {
                continue;
            }
            for (sub, list) in &names {
                for name in list.iter().filter(|name| files::owner(name) == Some(*id)) {
                    sub.remove(name)?;
                }
            }
        }
        Ok(())
    }
}
