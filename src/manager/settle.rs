//! A moment's patience with a process that has ended: its leader is gone, nothing of it lives, and its
//! supervisor is about to say its last word. Who has waited for the end may clear it, or take its name.
//!
//! Does not: wait for anything that lives.

use std::time::{Duration, Instant};

use super::Manager;
use super::observe::{Observed, descendants};
use crate::model::error::Error;

/// How long a last word may take: a stranger may hold a pipe, or the disk be slow.
const LAST_WORD_LIMIT: Duration = Duration::from_secs(2);
/// How often is looked when nothing wakes.
const POLL: Duration = Duration::from_millis(50);

impl Observed {
    /// Whether nothing of it lives but its supervisor.
    fn is_ending(&self) -> bool {
        let ended = self.block.as_ref().filter(|block| block.exit.is_some());
        self.is_live() && ended.is_some_and(|block| descendants(block).is_empty())
    }
}

impl Manager {
    /// Waits for those of `targets` that are ending, 2 s at most for all together, and looks at them again.
    ///
    /// # Errors
    ///
    /// As [`observe_all`](Self::observe_all).
    pub(crate) fn settle(&self, targets: &mut [Observed]) -> Result<(), Error> {
        if !targets.iter().any(Observed::is_ending) {
            return Ok(());
        }
        let notifier = self.notifier();
        let deadline = Instant::now() + LAST_WORD_LIMIT;
        for target in targets {
            // `None`: somebody else has cleared it.
            while let Some(now) = self.observe_again(&target.entry)? {
                *target = now;
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() || !target.is_ending() {
                    break;
                }
                notifier.wait(left.min(POLL), &[]);
            }
        }
        Ok(())
    }
}
