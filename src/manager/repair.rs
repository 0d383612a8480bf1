//! Making a damaged or lost state anew, from `key` and the logs alone.
//!
//! The damaged state is kept aside. Who lives has its lease held, and is brought back as live.
//! Does not: touch a state that is intact, or mend a log.

use std::path::PathBuf;

use super::Manager;
use super::info::ProcessInfo;
use crate::model::error::Error;
use crate::model::id::ProcessId;
use crate::store::readers;
use crate::store::state::{self, State};

/// What a repair has brought about.
pub(crate) struct Repaired {
    /// What was wrong.
    pub(crate) why: Error,
    /// Where the damaged state is now, if there was one.
    pub(crate) kept: Option<PathBuf>,
    /// The processes that are back, the oldest first.
    pub(crate) processes: Vec<ProcessInfo>,
    /// Those of them whose logs are damaged elsewhere.
    pub(crate) damaged: Vec<ProcessId>,
    /// The logs that could not be read as far as needed, and why.
    pub(crate) missed: Vec<(ProcessId, String)>,
}

impl Manager {
    /// Makes the state anew; `None` when it is intact, and nothing is changed.
    ///
    /// # Errors
    ///
    /// Locked (11), storage (15), unsafe (14). A state of a later version (13): nothing is changed then.
    pub(crate) fn repair(&self) -> Result<Option<Repaired>, Error> {
        let damaged = self.store.lock_whatever()?;
        let why = match &damaged.found {
            Ok(_) => return Ok(None),
            Err(error) if state::is_damage(error) => error.clone(),
            Err(error) => return Err(error.clone()),
        };
        let mut state = State::default();
        let (mut damaged_logs, mut missed) = (Vec::new(), Vec::new());
        for (id, told) in self.told_by_logs()? {
            match told {
                Ok(told) => {
                    if told.is_damaged {
                        damaged_logs.push(id);
                    }
                    state.processes.push(told.entry);
                }
                Err(error) => missed.push((id, error.message)),
            }
        }
        state.processes.sort_by_key(|entry| entry.number);
        let highest = state.processes.last().map_or(0, |entry| entry.number);
        state.next_number = highest.saturating_add(1);
        // A number that a reader has had must not be another alert's.
        let had = readers::highest_alert_had(self.store.dir(), self.store.keys())?;
        state.next_alert = had.saturating_add(1);
        let kept = damaged.replace(&mut state)?;
        let observed = state.processes.into_iter().map(|entry| self.observe(entry));
        let processes = observed
            .map(|seen| Ok(seen?.into_info()))
            .collect::<Result<_, Error>>()?;
        Ok(Some(Repaired {
            why,
            kept,
            processes,
            damaged: damaged_logs,
            missed,
        }))
    }
}
