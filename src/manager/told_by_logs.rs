//! The processes as the logs alone tell of them, where the state cannot be read.
//!
//! A log tells what was asked (START), how it ended (EXIT, END), and under which settings its alerts are
//! raised; a status block that is there tells the rest.
//! Does not: change anything, or read the state.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use super::Manager;
use super::start::entry_of;
use crate::log::block::{self, BlockState};
use crate::log::header;
use crate::log::segments::Segments;
use crate::log::verify::{self, Report};
use crate::log::{Identity, LogKeys};
use crate::model::error::{Error, Kind};
use crate::model::facts::{Block, Entry};
use crate::model::id::{LogId, ProcessId};
use crate::store::dir::Sub;
use crate::store::files;
use crate::sys::lock;

/// What there is of each log, or why there is nothing.
pub(crate) type ByLog<T> = Vec<(ProcessId, Result<T, Error>)>;

/// One process as its log tells of it.
pub(super) struct Told {
    pub(super) entry: Entry,
    /// Whether something is wrong with its log elsewhere.
    pub(super) is_damaged: bool,
}

impl Manager {
    /// What each log that is there tells, or why it tells nothing.
    ///
    /// # Errors
    ///
    /// Storage (15), unsafe (14).
    pub(super) fn told_by_logs(&self) -> Result<ByLog<Told>, Error> {
        let there = self.logs_that_are_there()?;
        let told = there.iter().filter_map(|(id, numbers)| {
            let told = self.told_by_log(*id, numbers).transpose()?; // or a start that has not got that far
            Some((*id, told))
        });
        Ok(told.collect())
    }

    /// The segments that there are of each log, the lowest first.
    pub(super) fn logs_that_are_there(&self) -> Result<BTreeMap<ProcessId, Vec<u64>>, Error> {
        let mut found = BTreeMap::<ProcessId, Vec<u64>>::new();
        let Some(logs) = self.store.dir().sub(Sub::Logs)? else {
            return Ok(found);
        };
        for name in logs.names()? {
            if let Some((id, segment)) = files::segment(&name) {
                found.entry(id).or_default().push(segment);
            }
        }
        for numbers in found.values_mut() {
            numbers.sort_unstable();
        }
        Ok(found)
    }

    /// The entry of the process `id`; `None` when its log is empty.
    fn told_by_log(&self, id: ProcessId, numbers: &[u64]) -> Result<Option<Told>, Error> {
        let mut segments = Vec::new();
        for number in numbers {
            if let Some(file) = self.open_segment(id, *number)? {
                segments.push((*number, file));
            }
        }
        let mut claims: Vec<LogId> = Vec::new();
        let mut is_empty = true;
        for (_, file) in &segments {
            is_empty &= file.metadata().is_ok_and(|found| found.len() == 0);
            let claimed = header::peek(file).ok().flatten();
            let ours = claimed.filter(|header| header.identity.store == self.store.keys().store());
            claims.extend(ours.map(|header| header.identity.log));
        }
        claims.dedup();
        if is_empty {
            return Ok(None);
        }
        for log in claims {
            if let Some(told) = self.read_facts(id, log, &segments)? {
                return Ok(Some(told));
            }
        }
        Err(Error::new(
            Kind::Damaged,
            "what was asked (START) is damaged, or is another's",
        ))
    }

    /// What the log `log` of the process `id` tells; `None` when it does not say what was asked.
    fn read_facts(
        &self,
        id: ProcessId,
        log: LogId,
        files: &[(u64, File)],
    ) -> Result<Option<Told>, Error> {
        let cannot = |error| Error::io("read the log", files::log(id, 0).as_ref(), &error);
        let store = self.store.keys().store();
        let keys = Arc::new(LogKeys::derive(&self.store.keys().log_key(log), log));
        let copies = files
            .iter()
            .map(|(number, file)| Ok((*number, file.try_clone()?)));
        let copies = copies.collect::<Result<_, _>>().map_err(cannot)?;
        let segments = Segments::open(Arc::clone(&keys), Identity { log, store }, copies);
        let report = verify::verify(segments.map_err(cannot)?, None).map_err(cannot)?;
        let Some(start) = report.start.as_ref().filter(|start| start.id == id) else {
            return Ok(None);
        };
        let mut entry = entry_of(start, log);
        if let Some(alerts) = &report.alerts {
            entry.alerts = alerts.clone();
        }
        if !self.has_block(id, &keys, log)? {
            entry.ended = ended(&report, &start.boot, files).map(Box::new);
        }
        Ok(Some(Told {
            entry,
            is_damaged: !report.findings.is_empty(),
        }))
    }

    /// Whether the lease of the process tells of it: it lives, or its block is intact.
    fn has_block(&self, id: ProcessId, keys: &LogKeys, log: LogId) -> Result<bool, Error> {
        let Some(run) = self.store.dir().sub(Sub::Run)? else {
            return Ok(false);
        };
        let Some(file) = run.open_read(&files::lease(id))? else {
            return Ok(false);
        };
        let cannot = |error| Error::io("read the lease", files::lease(id).as_ref(), &error);
        let read = block::read(&file, &keys.block, log).map_err(cannot)?;
        Ok(lock::is_held(&file).map_err(cannot)? || matches!(read, BlockState::Valid { .. }))
    }
}

/// What the state knew of a process whose end was final, as far as its log tells that.
fn ended(report: &Report, boot: &str, files: &[(u64, File)]) -> Option<Block> {
    let exit = report.exit.clone()?;
    let last = files.last()?;
    let last_bytes = last.1.metadata().map_or(0, |found| found.len());
    Some(Block {
        status: exit.status,
        reason: exit.reason,
        run: report.run.max(1),
        pid: report.pid.unwrap_or(0),
        pid_start: 0,
        supervisor_pid: 0,
        supervisor_start: 0,
        boot: boot.to_owned(),
        paused: false,
        size: None,
        first_segment: files.first().map_or(0, |(number, _)| *number),
        last_segment: last.0,
        earlier_bytes: report.bytes.saturating_sub(last_bytes),
        exit: Some(exit),
        last_exit: None,
        end: report.end.clone(),
        log_end: report.log_end.clone(),
        raised: Vec::new(),
    })
}
