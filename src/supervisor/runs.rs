//! Whether and when a command that has ended is run again, as its restart policy says; and how.
//!
//! Each run gets everything anew: stdin, pipes, session. What of the tree the earlier one left behind is
//! ended first, as a stop would do it, so that no port or file is held by a run that is over.
//! Does not: end anything, or write anything down.

use std::io;
use std::time::{Duration, Instant};

use super::leader::{self, Ends, Leader, Trouble};
use crate::model::bytes::Bytes;
use crate::model::error::reason;
use crate::model::facts::{Start, Stdin};
use crate::model::lifetime::{Backoff, When};
use crate::model::status::Status;
use crate::sys::exec::{Failure, Step};
use crate::sys::image::Limits;
use crate::text::display::excerpt;

/// The most that is told of a path, in bytes.
const NAMED_BYTES: usize = 100;

/// The runs of a command that has a restart policy.
pub(super) struct Runs {
    start: Start,
    limits: Limits,
    backoff: Backoff,
    restarts: u64,
    /// When the next run is due, while it waits for that.
    due: Option<Instant>,
}

/// Why a command could not be run again.
pub(super) struct Failed {
    /// The code a shell gives then.
    pub(super) code: i32,
    pub(super) why: String,
}

impl Runs {
    /// For what `start` asked; `None` when it is run once, whatever comes. `first` is the first pause,
    /// if not the usual one.
    pub(super) fn new(start: &Start, limits: Limits, first: Option<Duration>) -> Option<Box<Self>> {
        (!start.lifetime.restart.is_never()).then(|| {
            Box::new(Self {
                start: start.clone(),
                limits,
                backoff: Backoff::new(first),
                restarts: 0,
                due: None,
            })
        })
    }

    /// Takes note that a run has ended so, after this time; whether there will be another.
    pub(super) fn plan(&mut self, status: Status, ran: Duration, now: Instant) -> bool {
        let policy = self.start.lifetime.restart;
        let wanted = match policy.when {
            When::Never => false,
            When::OnFailure => matches!(status, Status::Failed | Status::Crashed),
            When::Always => true,
        };
        if !wanted || policy.max.is_some_and(|max| self.restarts >= max) {
            return false;
        }
        self.restarts += 1;
        self.due = Some(now + self.backoff.after(ran, fastrand::f64()));
        true
    }

    /// Whether the next run waits for its time.
    pub(super) fn wait(&self) -> bool {
        self.due.is_some()
    }

    /// There will be no other run. Whether one waited for its time.
    pub(super) fn cancel(&mut self) -> bool {
        self.start.lifetime.restart = crate::model::lifetime::Restart::default();
        self.due.take().is_some()
    }

    /// When the next run is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Runs the command again.
    ///
    /// # Errors
    ///
    /// When it cannot be executed.
    pub(super) fn run(&mut self) -> Result<(Leader, Ends), Failed> {
        self.due = None;
        let stdin = leader::reopen_stdin(&self.start.stdin).map_err(|error| {
            let file = match &self.start.stdin {
                Stdin::File(path) => named(path),
                Stdin::Pipe | Stdin::Null => String::new(), // nothing is opened for these
            };
            failed(126, &format!("cannot open '{file}' as stdin"), &error)
        })?;
        leader::launch(&self.start, self.limits, stdin, None)
            .map_err(|trouble| self.not_launched(trouble))
    }

    fn not_launched(&self, trouble: Trouble) -> Failed {
        let program = || self.start.argv.first().map(named).unwrap_or_default();
        match trouble {
            Trouble::NotExecuted(Failure { step, errno }) => {
                let error = io::Error::from_raw_os_error(errno);
                let cannot = match step {
                    Step::Fork => "cannot fork".to_owned(),
                    Step::Session | Step::Stdio => "cannot prepare its session".to_owned(),
                    Step::Directory => {
                        format!("cannot work in the directory '{}'", named(&self.start.cwd))
                    }
                    Step::Execute => format!("cannot run '{}'", program()),
                };
                let not_found = step == Step::Execute && errno == libc::ENOENT;
                failed(if not_found { 127 } else { 126 }, &cannot, &error)
            }
            Trouble::CallerGone => Failed {
                code: 126,
                why: format!("'{}' was not executed within 10 s", program()),
            },
            Trouble::System(error) => failed(126, "cannot make its stdio", &error),
        }
    }

    pub(super) fn stdin(&self) -> &Stdin {
        &self.start.stdin
    }
}

fn failed(code: i32, cannot: &str, error: &io::Error) -> Failed {
    Failed {
        code,
        why: format!("{cannot}: {}", reason(error)),
    }
}

/// The name of a file, as much of it as a status block has room for.
fn named(path: &Bytes) -> String {
    excerpt(&path.escaped(), NAMED_BYTES)
}
