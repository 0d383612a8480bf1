//! Waiting for ends, or for what comes before: a line of output, a port, silence. Woken when a status
//! block or a log changes, and looking by itself besides.
//!
//! - [`condition`]: what may be waited for, and what it was that came.
//! - [`watched`]: one process that is waited for.
//!
//! Does not: hold any lock, keep anything from going on, or leave anything behind.

pub(crate) mod condition;
mod port;
mod watched;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Manager;
use super::info::ProcessInfo;
use super::observe::Observed;
use crate::model::error::{Error, Kind};
use crate::sys::notify::Notifier;
use condition::{Came, Conditions};
use watched::Watched;

/// How often is looked when changes wake, in case one was missed.
const POLL_WOKEN: Duration = Duration::from_secs(5);
/// How often is looked when nothing wakes.
const POLL_ALONE: Duration = Duration::from_millis(200);

/// How often is looked whether the wait is abandoned, when it can be.
const ATTENTION: Duration = Duration::from_millis(250);

/// How many of the processes must have come so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    All,
    Any,
}

/// What to wait for, and how long.
#[derive(Debug, Clone)]
pub(crate) struct WaitOptions {
    pub(crate) until: Until,
    pub(crate) timeout: Option<Duration>,
    pub(crate) conditions: Conditions,
}

/// A process at the end of a wait.
#[derive(Debug, Clone)]
pub(crate) struct Waited {
    pub(crate) info: ProcessInfo,
    /// What came; `None` for one that was not needed.
    pub(crate) came: Option<Came>,
}

impl Manager {
    /// Waits until one of the conditions holds for each of `targets`, or for the first of them; without
    /// conditions, until their leaders have ended. Gives what they are then, in their order; `note` is
    /// told what is to be said meanwhile.
    ///
    /// # Errors
    ///
    /// A cursor of none of them (2), one was cleared meanwhile (3), ended before any condition held (7),
    /// the time is up (124).
    pub(crate) fn wait(
        &self,
        targets: &[Observed],
        options: &WaitOptions,
        note: &mut dyn FnMut(&str),
    ) -> Result<Vec<Waited>, Error> {
        self.wait_unless(targets, options, note, None)
    }

    /// The same; and when `abandoned` is set meanwhile, it ends as if its time was up.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait).
    pub(crate) fn wait_unless(
        &self,
        targets: &[Observed],
        options: &WaitOptions,
        note: &mut dyn FnMut(&str),
        abandoned: Option<&AtomicBool>,
    ) -> Result<Vec<Waited>, Error> {
        let is_abandoned = || abandoned.is_some_and(|flag| flag.load(Ordering::Relaxed));
        let deadline = options
            .timeout
            .and_then(|timeout| Instant::now().checked_add(timeout)); // else it is never over
        options.conditions.check_cursors(targets)?;
        let mut all: Vec<Watched> = targets
            .iter()
            .map(|target| Watched::begin(self, target, &options.conditions))
            .collect::<Result<_, _>>()?;
        let mut paths = Vec::new();
        let mut notifier = Notifier::watch(&[]);
        loop {
            // The first wait on another notifier only begins to watch, then all is looked at again: so nothing
            // falls between, and its interval is chosen by what it can do.
            let now = self.paths(&all);
            if paths != now {
                notifier = Notifier::watch(&now.iter().map(PathBuf::as_path).collect::<Vec<_>>());
                paths = now;
            }
            for watched in &mut all {
                watched.look(self, &options.conditions, note)?;
            }
            if let Some(done) = decide(&all, options) {
                return done.map(|()| all.into_iter().map(Watched::into_waited).collect());
            }
            let now = Instant::now();
            if is_abandoned() || deadline.is_some_and(|deadline| deadline <= now) {
                return Err(timed_out(&all, &options.conditions));
            }
            let poll = if notifier.wakes() {
                POLL_WOKEN
            } else {
                POLL_ALONE
            };
            let poll = abandoned.map_or(poll, |_| poll.min(ATTENTION));
            let next = all.iter().filter_map(Watched::look_at).chain(deadline);
            let limit = next.fold(poll, |limit, at| {
                limit.min(at.saturating_duration_since(now))
            });
            notifier.wait(limit, &[]);
        }
    }

    /// Where changes show of what is still waited for.
    fn paths(&self, all: &[Watched]) -> Vec<PathBuf> {
        let dir = self.store.dir().path();
        let logs = all.iter().filter_map(Watched::log_to_watch);
        logs.map(|name| dir.join("logs").join(name))
            .chain([dir.join("run")])
            .collect()
    }
}

/// Whether enough has come; an error when it cannot come any more.
fn decide(all: &[Watched], options: &WaitOptions) -> Option<Result<(), Error>> {
    let come = all.iter().filter(|watched| watched.has_come()).count();
    let mut gone = all.iter().filter(|watched| watched.is_gone());
    let ended = |watched: &Watched| watched.ended_before(&options.conditions);
    match options.until {
        Until::Any if come > 0 => Some(Ok(())),
        Until::All if come == all.len() => Some(Ok(())),
        Until::All => Some(Err(ended(gone.next()?))),
        Until::Any if gone.clone().count() == all.len() => Some(Err(ended(gone.next()?))),
        Until::Any => None,
    }
}

fn timed_out(all: &[Watched], conditions: &Conditions) -> Error {
    let missing = all.iter().filter(|watched| !watched.has_come());
    let missing: Vec<&str> = missing.map(Watched::name).collect();
    let first = missing.first().copied().unwrap_or_default();
    let missing = missing.join(", ");
    if conditions.is_empty() {
        return Error::new(
            Kind::TimedOut,
            format!("timed out; still running: {missing}"),
        )
        .hint("they run on; wait again, or stop them");
    }
    let what = conditions.words();
    let mut message = format!("timed out before {what}: {missing}");
    if let Some(held) = all.iter().find_map(Watched::port_held) {
        message.push_str("; ");
        message.push_str(held);
    }
    Error::new(Kind::TimedOut, message).hint(format!(
        "'bgp output {first}' shows what was written; wait again, or stop it"
    ))
}
