//! One process that is waited for: looked at again and again, until something comes or nothing can.
//!
//! Does not: wait.

use std::time::{Duration, Instant};

use super::Waited;
use super::condition::{Came, Conditions};
use super::port::{Awaited, Seen};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::observe::{Observed, Reach};
use crate::manager::output::{Form, Query, Reading};
use crate::model::error::{Error, Kind};
use crate::store::files;
use crate::sys::clock;

/// A process that is waited for.
pub(super) struct Watched {
    process: Observed,
    info: ProcessInfo,
    reading: Option<Reading>,
    port: Option<Awaited>,
    silence: Option<Silence>,
    /// Whether output is looked for, and not only silence.
    searches: bool,
    came: Option<Came>,
    /// It ended, and nothing of what was waited for had come.
    gone: bool,
}

/// How long a process has been silent.
struct Silence {
    wanted: Duration,
    since: Instant,
    /// When its last output was read, nanoseconds since 1970.
    last_ns: u64,
}

impl Watched {
    pub(super) fn begin(
        manager: &Manager,
        target: &Observed,
        conditions: &Conditions,
    ) -> Result<Self, Error> {
        let cursor = (conditions.after.iter()).find(|after| after.process() == target.entry.id);
        let query = Query {
            streams: [true, true],
            last: conditions.output.is_empty().then_some(1),
            since_ns: 0,
            pattern: None,
            form: Form::Lines,
        };
        let reading = match cursor {
            _ if !conditions.read_output() => None,
            Some(cursor) => Some(manager.read_output_after(target, query, cursor)?),
            None => {
                let mut reading = manager.read_output(target, query)?;
                reading.only_current_run(target)?;
                Some(reading)
            }
        };
        Ok(Self {
            reading,
            port: conditions.port.map(Awaited::new),
            silence: conditions.idle.map(|wanted| Silence {
                wanted,
                since: Instant::now(),
                last_ns: 0,
            }),
            searches: !conditions.output.is_empty(),
            came: None,
            gone: false,
            process: target.clone(),
            info: target.info(),
        })
    }

    /// Looks whether something has come.
    pub(super) fn look(
        &mut self,
        manager: &Manager,
        conditions: &Conditions,
        note: &mut dyn FnMut(&str),
    ) -> Result<(), Error> {
        if self.came.is_some() || self.gone {
            return Ok(());
        }
        if self.info.status.is_live() {
            let now = manager.observe_again(&self.process.entry)?;
            self.process = now.ok_or_else(|| self.cleared())?;
            self.info = self.process.info();
        }
        let lives = self.info.status.is_live();
        // It was observed before its log is looked at: who has ended has written all of it.
        self.came = match self.find(manager, conditions)? {
            None if lives => self.listening(note).or_else(|| self.silent()),
            came => came,
        };
        if !lives && self.came.is_none() {
            if conditions.is_empty() {
                self.came = Some(Came::End);
            } else {
                self.gone = true;
            }
        }
        Ok(())
    }

    fn find(&mut self, manager: &Manager, conditions: &Conditions) -> Result<Option<Came>, Error> {
        let Some(reading) = &mut self.reading else {
            return Ok(None);
        };
        reading.catch_up(manager, &self.process)?;
        let found = reading.find(&conditions.output, self.process.reach())?;
        if found.is_none() && self.process.reach() == Reach::Ended {
            reading.check(&self.process)?; // nobody knows what stood where it is damaged
        }
        Ok(found.map(|found| Came::Output(Box::new(found))))
    }

    fn listening(&mut self, note: &mut dyn FnMut(&str)) -> Option<Came> {
        let awaited = self.port.as_mut()?;
        if awaited.look_at > Instant::now() {
            return None;
        }
        match awaited.look(&self.process) {
            Seen::Ours(port) => Some(Came::Port(port)),
            Seen::Other => {
                note(awaited.held.as_deref().unwrap_or_default());
                None
            }
            Seen::Nobody => None,
        }
    }

    /// Whether it has been silent for long enough.
    fn silent(&mut self) -> Option<Came> {
        let silence = self.silence.as_mut()?;
        let last_ns = self.reading.as_ref().map_or(0, Reading::last_ns);
        if silence.last_ns != last_ns {
            silence.last_ns = last_ns;
            let ago = Duration::from_nanos(clock::wall_ns().saturating_sub(last_ns));
            let then = Instant::now().checked_sub(ago);
            silence.since = then.map_or(silence.since, |then| then.max(silence.since));
        }
        (silence.since.elapsed() >= silence.wanted).then_some(Came::Idle)
    }

    /// When to look again, whether something wakes or not.
    pub(super) fn look_at(&self) -> Option<Instant> {
        if self.came.is_some() || self.gone {
            return None;
        }
        let silent = self.silence.as_ref();
        let silent = silent.and_then(|silence| silence.since.checked_add(silence.wanted));
        let port = self.port.as_ref().map(|port| port.look_at);
        silent.into_iter().chain(port).min()
    }

    /// The segment that is written, if its growing has to wake.
    pub(super) fn log_to_watch(&self) -> Option<String> {
        let waits = self.searches && self.came.is_none() && !self.gone;
        waits.then(|| files::log(self.process.entry.id, *self.process.segment_numbers().end()))
    }

    pub(super) fn has_come(&self) -> bool {
        self.came.is_some()
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    pub(super) fn name(&self) -> &str {
        &self.info.name
    }

    pub(super) fn port_held(&self) -> Option<&str> {
        self.port.as_ref()?.held.as_deref()
    }

    /// The error when it ended, and nothing of what was waited for had come.
    pub(super) fn ended_before(&self, conditions: &Conditions) -> Error {
        let (name, id) = (self.name(), self.info.id);
        let (what, ending) = (conditions.words(), self.info.ending());
        let mut message = format!("'{name}' ended before {what}: {ending}");
        if let Some(held) = self.port_held() {
            message.push_str("; ");
            message.push_str(held);
        }
        Error::new(Kind::EndedBefore, message).hint(format!(
            "'bgp status {id}' tells more, 'bgp output {id}' what it wrote"
        ))
    }

    fn cleared(&self) -> Error {
        Error::new(
            Kind::NotFound,
            format!("'{}' was cleared meanwhile", self.name()),
        )
        .hint("somebody else removed it; its end is not known any more")
    }

    pub(super) fn into_waited(self) -> Waited {
        Waited {
            info: self.info,
            came: self.came,
        }
    }
}
