//! To be woken when something changes: a process's life, or its log.
//!
//! Does not: tell what changed.

use super::Manager;
use super::observe::Observed;
use crate::store::files;
use crate::sys::notify::Notifier;

impl Manager {
    /// Wakes when a process starts, ends or is cleared, or what its status block says changes.
    pub(crate) fn watch_processes(&self) -> Notifier {
        let dir = self.store.dir().path();
        Notifier::watch(&[dir, &dir.join("run")])
    }

    /// Wakes when `process` writes, up to the segment that it was observed in.
    pub(crate) fn watch_log(&self, process: &Observed) -> Notifier {
        let name = files::log(process.entry.id, *process.segment_numbers().end());
        Notifier::watch(&[&self.store.dir().path().join("logs").join(name)])
    }
}
