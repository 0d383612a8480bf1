//! `bgp watch`: tells alerts when they are raised.
//!
//! It looks, tells what its reader has not had, acknowledges that, and waits: to be woken by a change in
//! `run/`, for the interval, or for a signal that ends it. Signals are read, never handled: what was told is
//! acknowledged before it ends.
//! Does not: write anything but acknowledgements, or end because something could not be looked at.

mod exec;

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde::Serialize;

use super::documents::SCHEMA;
use super::out::{Format, Out, error_document, to_json};
use super::select::nothing_there;
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::alerts::{Delivery, Patience, Pending, Whom, Whose};
use crate::model::error::{Error, Kind};
use crate::model::facts::Entry;
use crate::store::environment::Environment;
use crate::store::lock::{self, PATIENCE};
use crate::sys::notify::{FOREVER, Notifier, either};
use crate::sys::signals::{Signals, exit_code};

/// How soon it looks again when somebody else is about to write down what it wants to read.
const BUSY_AGAIN: Duration = Duration::from_millis(50);
/// The hint of one whose last look could not be done.
const BUSY_HINT: &str = "another command has the state or this reader: what has happened meanwhile is told \
                         the next time";
/// How many alerts are told before they are acknowledged.
const BATCH: usize = 32;

/// What was asked for.
pub(crate) struct WatchOptions {
    pub(crate) ids: Vec<String>,
    pub(crate) reader: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) until: Until,
    /// A line for sh, for each alert.
    pub(crate) exec: Option<OsString>,
}

/// When it ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    Interrupted,
    /// When something was told.
    Told,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    #[serde(flatten)]
    alert: &'a Pending,
}

/// The one who watches.
struct Watch<'a> {
    options: &'a WatchOptions,
    format: Format,
    out: &'a mut Out,
    signals: Signals,
    /// The signal that ends it, once it has come.
    ended_by: Option<Signal>,
    /// When its time is over.
    deadline: Option<Instant>,
    /// The numbers of what was told, and perhaps not acknowledged.
    told: HashSet<u64>,
    /// What kept it from looking the last time.
    complaint: Option<Error>,
    /// Since when somebody else has what it needs.
    busy_since: Option<Instant>,
}

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Nothing,
    Told,
    /// There may be more in a moment.
    Busy,
}

/// Tells alerts until it is interrupted, or what `options` say.
///
/// # Errors
///
/// Not found (3), ambiguous (4), timed out (124); what keeps its first look from being done.
pub(crate) fn run(context: &mut Context, options: &WatchOptions) -> Outcome {
    let taken = [
        Signal::SIGINT,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGCHLD,
    ];
    let mut manager = Manager::open(&context.environment)?;
    let whose = match &manager {
        _ if options.ids.is_empty() => Whose::Everybodys,
        None => return Err(nothing_there(&options.ids)),
        Some(manager) => {
            let targets = manager.resolve_all(&options.ids)?.into_iter();
            Whose::Of(
                targets
                    .map(|target| whom(target.entry, &options.ids))
                    .collect(),
            )
        }
    };
    let mut watch = Watch {
        options,
        format: context.format,
        out: &mut context.out,
        signals: Signals::take(&taken)
            .map_err(|error| Error::system("cannot wait for signals", &error))?,
        ended_by: None,
        deadline: options.timeout.map(|limit| Instant::now() + limit),
        told: HashSet::new(),
        complaint: None,
        busy_since: None,
    };
    // The first look fails as any command does; later ones are told, and done again.
    if let Some(manager) = &manager {
        match manager.news(&options.reader, &whose, Patience::None) {
            Err(error) if error.kind != Kind::Locked => return Err(error),
            _ => {}
        }
    }
    watch.go_on(&mut manager, &context.environment, &whose)
}

fn whom(entry: Entry, asked: &[String]) -> Whom {
    Whom {
        id: entry.id,
        number: entry.number,
        name: asked.contains(&entry.name).then_some(entry.name),
    }
}

impl Watch<'_> {
    fn go_on(
        &mut self,
        manager: &mut Option<Manager>,
        environment: &Environment,
        whose: &Whose,
    ) -> Outcome {
        let mut notifier = Notifier::watch(&[]);
        let mut watches = false;
        loop {
            if let Some(Err(gone)) = manager.as_ref().map(|it| it.store.dir().check_in_place()) {
                self.complain(&gone);
                (*manager, watches) = (None, false);
                notifier = Notifier::watch(&[]);
            }
            if let Some(manager) = &*manager
                && !(watches && notifier.wakes())
            {
                notifier = manager.notifier(); // before it looks, so that it misses nothing
                watches = true;
            }
            let look = self.look_and_tell(manager, environment, whose);
            self.take_signals();
            if let Some(signal) = self.ended_by {
                return Ok(exit_code(signal));
            }
            if let Some(error) = self.out.failure() {
                return Err(error.clone()); // what it could not tell is told the next time
            }
            if self.out.nobody_reads() || look == Look::Told && self.options.until == Until::Told {
                return Ok(0);
            }
            let left = self.left();
            if left.is_some_and(|left| left.is_zero()) {
                let hint = match look {
                    Look::Busy => BUSY_HINT,
                    Look::Nothing | Look::Told => "what happens from now on is told the next time",
                };
                return Err(Error::new(Kind::TimedOut, "the time to watch is over").hint(hint));
            }
            let nap = match look {
                Look::Told => Duration::ZERO, // there may be more than one batch
                Look::Busy => BUSY_AGAIN,
                Look::Nothing => self.options.interval,
            };
            let nap = left.map_or(nap, |left| left.min(nap));
            let stdout = io::stdout();
            let reader = [stdout.as_fd()];
            if !notifier.wait_or(nap, Some(self.signals.as_fd()), &reader) {
                return Ok(0); // nobody reads any more
            }
        }
    }

    /// One look. What keeps it from being done is told once, until it can be done again.
    fn look_and_tell(
        &mut self,
        manager: &mut Option<Manager>,
        environment: &Environment,
        whose: &Whose,
    ) -> Look {
        match self.look(manager, environment, whose) {
            Ok(Look::Busy) => self.is_held(lock::locked_by("another command", "the state")),
            Err(error) if error.kind == Kind::Locked => self.is_held(error),
            Ok(look) => {
                (self.complaint, self.busy_since) = (None, None);
                look
            }
            Err(error) => {
                self.complain_once(error);
                Look::Nothing
            }
        }
    }

    /// Somebody else has what it needs; that is told when it has lasted as long as commands wait.
    fn is_held(&mut self, error: Error) -> Look {
        let since = *self.busy_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= PATIENCE {
            self.complain_once(error);
        }
        Look::Busy
    }

    fn complain_once(&mut self, error: Error) {
        if self.complaint.as_ref() != Some(&error) {
            self.complain(&error);
            self.complaint = Some(error);
        }
    }

    fn look(
        &mut self,
        manager: &mut Option<Manager>,
        environment: &Environment,
        whose: &Whose,
    ) -> Result<Look, Error> {
        if manager.is_none() {
            *manager = Manager::open(environment)?;
        }
        let Some(manager) = manager else {
            return Ok(Look::Nothing); // nothing was started here yet
        };
        let reader = &self.options.reader;
        let news = manager.news(reader, whose, Patience::None)?;
        if news.pending.is_empty() {
            return Ok(if news.busy { Look::Busy } else { Look::Nothing });
        }
        let mut look = Look::Nothing;
        manager.deliver(reader, whose, Patience::None, |pending| {
            let before = self.told.len();
            let delivery = self.tell(pending);
            if self.told.len() > before {
                look = Look::Told;
            }
            delivery
        })?;
        self.told.clear(); // all of it is acknowledged
        Ok(look)
    }

    /// Tells as many of `pending` as are acknowledged at once.
    fn tell(&mut self, pending: &[Pending]) -> Delivery {
        let batch = if self.options.exec.is_some() {
            1
        } else {
            BATCH
        };
        let mut told = 0;
        for alert in pending.iter().take(batch) {
            if !self.told.contains(&alert.alert.number) {
                match self.tell_one(alert) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        return Delivery {
                            told,
                            outcome: Err(error),
                        };
                    }
                }
                self.told.insert(alert.alert.number);
            }
            told += 1;
        }
        Delivery {
            told,
            outcome: Ok(()),
        }
    }

    /// Whether it was told; not so when it is to end, or nobody reads.
    fn tell_one(&mut self, alert: &Pending) -> Result<bool, Error> {
        let json = to_json(&Document {
            schema: SCHEMA,
            alert,
        })?;
        let line = match self.format {
            Format::Json => json.clone(),
            Format::Text => alert.line(),
        };
        if !self.waits_for_room() {
            return Ok(false);
        }
        self.out.line(&line)?;
        self.out.flush()?;
        if self.out.nobody_reads() {
            return Ok(false);
        }
        if let Some(command) = &self.options.exec {
            let ended = exec::run(command, json.as_bytes(), &self.signals);
            self.ended_by = self.ended_by.or(ended.signal);
            if let Some(what) = ended.failure {
                let number = alert.alert.number;
                self.complain(&Error::other(format!(
                    "the command for alert {number} {what}"
                )));
            }
        }
        Ok(true)
    }

    /// How long it may go on, if there is a limit.
    fn left(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Waits until a line can be written without waiting; not when a signal or its time ends it before.
    fn waits_for_room(&mut self) -> bool {
        loop {
            self.take_signals();
            let limit = self.left().unwrap_or(FOREVER);
            if self.ended_by.is_some() {
                return false;
            }
            if either(&self.signals, Some(io::stdout().as_fd()), limit).1 {
                return true;
            }
            if self.left().is_some_and(|left| left.is_zero()) {
                return false;
            }
        }
    }

    fn take_signals(&mut self) {
        while let Some(signal) = self.signals.next() {
            if signal != Signal::SIGCHLD {
                self.ended_by = self.ended_by.or(Some(signal));
            }
        }
    }

    /// What goes wrong is told where alerts are: whoever reads these must know that some may be missing.
    fn complain(&mut self, error: &Error) {
        if !self.waits_for_room() {
            return;
        }
        let told = match self.format {
            Format::Json => self.out.json(&error_document(error)),
            Format::Text => self.out.line(&format!("watch: {}", error.message)),
        };
        let _ = told.and_then(|()| self.out.flush()); // there is nobody else to tell
    }
}
