//! The log of one process, read from its end and then as it grows.
//!
//! What is read at once has a bound: when more than [`CATCH_UP_BYTES`] came since, it begins at the end
//! again, and while somebody looks at older lines nothing is read.
//! Does not: read what nobody sees.

use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::manager::output::{Form, Piece, Query, Reading};
use crate::model::error::Error;
use crate::model::id::ProcessId;
use crate::sys::notify::Notifier;

use super::log::{BYTES_MAX, LINES_MAX, Log, LogLine};
use super::model::Streams;

/// What is read first, and how much more each time somebody goes back beyond it.
const LINES_FIRST: u64 = 500;
const LINES_TIMES: u64 = 5;
const REACH_FIRST_BYTES: u64 = 1024 * 1024;
/// The most that is read of what came meanwhile, in bytes of the log.
const CATCH_UP_BYTES: u64 = 2 * 1024 * 1024;

/// See the module.
pub(super) struct Source {
    process: Observed,
    streams: Streams,
    reading: Option<Reading>,
    notifier: Notifier,
    /// How many lines were asked for.
    lines: u64,
    /// How long the log was when it was read last.
    read_bytes: u64,
    damage_told: bool,
}

impl Source {
    /// Reads the last lines of `process` into `log`, which forgets what it holds.
    pub(super) fn open(
        manager: &Manager,
        process: Observed,
        streams: Streams,
        log: &mut Log,
    ) -> Self {
        log.clear();
        let mut source = Self {
            notifier: manager.watch_log(&process),
            read_bytes: 0,
            process,
            streams,
            reading: None,
            lines: LINES_FIRST,
            damage_told: false,
        };
        source.begin(manager, REACH_FIRST_BYTES, log);
        source
    }

    /// Whose log it is, and which streams of it.
    pub(super) fn of(&self) -> (ProcessId, Streams) {
        (self.process.entry.id, self.streams)
    }

    /// Wakes when there is more.
    pub(super) fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    /// Reads what came meanwhile, if the end is on the screen. Whether there was anything.
    pub(super) fn update(&mut self, manager: &Manager, log: &mut Log) -> bool {
        if !log.follows() {
            return false;
        }
        match manager.observe_again(&self.process.entry) {
            Ok(Some(now)) => self.process = now,
            Ok(None) => return false, // cleared: the list tells
            Err(error) => return fail(log, &error),
        }
        let bytes = self.process.log_bytes();
        let more = bytes.checked_sub(self.read_bytes);
        let Some(reading) = self
            .reading
            .as_mut()
            .filter(|_| more.is_some_and(|more| more <= CATCH_UP_BYTES))
        else {
            log.clear();
            self.lines = LINES_FIRST;
            self.notifier = manager.watch_log(&self.process);
            self.begin(manager, REACH_FIRST_BYTES, log);
            return true;
        };
        if more == Some(0) {
            return false;
        }
        self.read_bytes = bytes;
        match reading.catch_up(manager, &self.process) {
            Ok(true) => self.notifier = manager.watch_log(&self.process),
            Ok(false) => {}
            Err(error) => return fail(log, &error),
        }
        match drain(reading) {
            Ok(lines) => lines.into_iter().for_each(|line| log.push(line)),
            Err(error) => return fail(log, &error),
        }
        log.set_unfinished(reading.unfinished());
        self.tell_damage(log);
        true
    }

    /// Reads further back.
    pub(super) fn older(&mut self, manager: &Manager, log: &mut Log) {
        let held = log.line_count();
        self.lines = (self.lines * LINES_TIMES).min(LINES_MAX as u64);
        self.begin(manager, BYTES_MAX as u64, log);
        log.no_older |= log.line_count() <= held;
    }

    fn begin(&mut self, manager: &Manager, reach_bytes: u64, log: &mut Log) {
        let query = Query {
            streams: self.streams.wanted(),
            last: Some(self.lines),
            since_ns: 0,
            pattern: None,
            form: Form::Lines,
        };
        self.read_bytes = self.process.log_bytes();
        let read = manager
            .read_output_within(&self.process, query, reach_bytes)
            .and_then(|mut reading| Ok((drain(&mut reading)?, reading)));
        match read {
            Ok((lines, reading)) => {
                let unfinished = reading.unfinished();
                let count = (lines.len() + unfinished.len()) as u64;
                log.no_older = reading.begins_at_start() && count < self.lines;
                log.reload(lines, unfinished);
                self.reading = Some(reading);
                self.tell_damage(log);
            }
            Err(error) => {
                fail(log, &error);
            }
        }
    }

    fn tell_damage(&mut self, log: &mut Log) {
        if let Some(reading) = &self.reading
            && let Err(error) = reading.check(&self.process)
            && !self.damage_told
        {
            self.damage_told = true;
            log.push(LogLine::Note(error.message));
        }
    }
}

fn drain(reading: &mut Reading) -> Result<Vec<LogLine>, Error> {
    let mut lines = Vec::new();
    reading.drain(&mut |piece| {
        match piece {
            Piece::Line(line) => lines.push(LogLine::Output(line.into_owned())),
            Piece::Note(text) => lines.push(LogLine::Note(text)),
            Piece::Bytes(..) => {} // not of this form
        }
        Ok(())
    })?;
    Ok(lines)
}

fn fail(log: &mut Log, error: &Error) -> bool {
    log.failure = Some(error.message.clone());
    true
}
