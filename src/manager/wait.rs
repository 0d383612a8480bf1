//! Waiting for ends: woken when a status block changes, and looking by itself besides.
//!
//! Does not: hold any lock, or keep anything from going on.

use std::time::{Duration, Instant};

use super::Manager;
use super::info::ProcessInfo;
use super::observe::Observed;
use crate::model::error::{Error, Kind};
use crate::sys::notify::Notifier;

/// How often is looked when changes wake, in case one was missed.
const POLL_WOKEN: Duration = Duration::from_secs(5);
/// How often is looked when nothing wakes.
const POLL_ALONE: Duration = Duration::from_millis(200);

/// How many of the processes must have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    All,
    Any,
}

impl Manager {
    /// Waits until the leaders of `targets` have ended, and gives what they are then, in their order.
    ///
    /// # Errors
    ///
    /// The time is up (124); one was cleared meanwhile (3).
    pub(crate) fn wait(
        &self,
        targets: &[Observed],
        until: Until,
        timeout: Option<Duration>,
    ) -> Result<Vec<ProcessInfo>, Error> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let notifier = Notifier::watch(&[&self.store.dir().path().join("run")]);
        let poll = if notifier.wakes() {
            POLL_WOKEN
        } else {
            POLL_ALONE
        };
        let mut seen: Vec<ProcessInfo> = targets.iter().map(Observed::info).collect();
        loop {
            for (target, info) in targets.iter().zip(&mut seen) {
                if info.status.is_live() {
                    *info = self
                        .observe_again(&target.entry)?
                        .ok_or_else(|| cleared(target))?
                        .info();
                }
            }
            let mut ended = seen.iter().map(|info| !info.status.is_live());
            let enough = match until {
                Until::All => ended.all(|ended| ended),
                Until::Any => ended.any(|ended| ended),
            };
            if enough {
                return Ok(seen);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(timed_out(&seen));
            }
            notifier.wait(left.map_or(poll, |left| left.min(poll)), &[]);
        }
    }
}

fn cleared(target: &Observed) -> Error {
    Error::new(
        Kind::NotFound,
        format!("'{}' was cleared meanwhile", target.entry.name),
    )
    .hint("somebody else removed it; its end is not known any more")
}

fn timed_out(seen: &[ProcessInfo]) -> Error {
    let running: Vec<&str> = seen
        .iter()
        .filter(|info| info.status.is_live())
        .map(|info| info.name.as_str())
        .collect();
    Error::new(
        Kind::TimedOut,
        format!("timed out; still running: {}", running.join(", ")),
    )
    .hint("they run on; wait again, or stop them")
}
