//! What processes raise beside their ends: a line that was asked for, silence, a run that is begun again.
//!
//! Alerts are looked up when the processes on record say that there are others than before.
//! Does not: consume an alert, or tell an end; that is seen in the list.

use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::model::alert::Told;
use crate::model::id::ProcessId;

use super::model::{Model, Tone};

/// See the module.
#[derive(Default)]
pub(super) struct Alerts {
    /// What of each process's events had been made alerts.
    told: Vec<(ProcessId, Told)>,
    /// The number of the last alert; `None` before it was looked for.
    last: Option<u64>,
}

impl Alerts {
    /// Tells what was raised since the last time, and nothing the first time. Whether there was any.
    pub(super) fn hear(&mut self, manager: &Manager, seen: &[Observed], model: &mut Model) -> bool {
        let entries = seen.iter().map(|process| &process.entry);
        let told: Vec<_> = entries
            .map(|entry| (entry.id, entry.told.clone()))
            .collect();
        if self.last.is_some() && told == self.told {
            return false;
        }
        let Ok(news) = manager.alerts_above(self.last.unwrap_or(0)) else {
            return false; // who reads alerts is told why; here it is tried again
        };
        if !news.busy {
            self.told = told;
        }
        let is_first = self.last.is_none();
        let numbers = news.pending.iter().map(|pending| pending.alert.number);
        self.last = Some(numbers.max().or(self.last).unwrap_or(0));
        let mut any = false;
        for pending in &news.pending {
            let alert = &pending.alert;
            if !is_first && (!alert.event.is_end() || alert.restarting) {
                model.tell(pending.notice(), Tone::Alert);
                any = true;
            }
        }
        any
    }
}
