//! Making a damaged or lost state anew, from `key` and the logs alone.
//!
//! A log tells what was asked (START), how it ended (EXIT, END), and under which settings its alerts are
//! raised; a status block that is there tells the rest. Who lives has its lease held, and is brought back as
//! live. The damaged state is kept aside.
//! Does not: touch a state that is intact, or mend a log.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::Manager;
use super::info::ProcessInfo;
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
use crate::store::state::{self, State};
use crate::sys::lock;

/// What a repair has brought about.
pub(crate) struct Repaired {
    /// What was wrong.
    pub(crate) why: Error,
    /// Where the damaged state is now, if there was one.
    pub(crate) kept: Option<PathBuf>,
    /// The processes that are back, the oldest first.
    pub(crate) processes: Vec<ProcessInfo>,
    /// Those of them whose logs are damaged elsewhere.
    pub(crate) damaged: Vec<ProcessId>,
    /// The logs that could not be read as far as needed, and why.
    pub(crate) missed: Vec<(ProcessId, String)>,
}

/// One process as its log tells of it.
struct Found {
    entry: Entry,
    is_damaged: bool,
}

impl Manager {
    /// Makes the state anew; `None` when it is intact, and nothing is changed.
    ///
    /// # Errors
    ///
    /// Locked (11), storage (15), unsafe (14). A state of a later version (13): nothing is changed then.
    pub(crate) fn repair(&self) -> Result<Option<Repaired>, Error> {
        let damaged = self.store.lock_whatever()?;
        let why = match &damaged.found {
            Ok(_) => return Ok(None),
            Err(error) if error.kind == Kind::Damaged && !state::is_newer(error) => error.clone(),
            Err(error) => return Err(error.clone()),
        };
        let mut state = State::default();
        let (mut damaged_logs, mut missed) = (Vec::new(), Vec::new());
        for (id, numbers) in self.logs_that_are_there()? {
            match self.bring_back(id, &numbers) {
                Ok(None) => {} // a start that has not got that far
                Ok(Some(found)) => {
                    if found.is_damaged {
                        damaged_logs.push(id);
                    }
                    state.processes.push(found.entry);
                }
                Err(error) => missed.push((id, error.message)),
            }
        }
        state.processes.sort_by_key(|entry| entry.number);
        let highest = state.processes.last().map_or(0, |entry| entry.number);
        state.next_number = highest.saturating_add(1);
        let kept = damaged.replace(&mut state)?;
        let observed = state.processes.into_iter().map(|entry| self.observe(entry));
        let processes = observed
            .map(|seen| Ok(seen?.into_info()))
            .collect::<Result<_, Error>>()?;
        Ok(Some(Repaired {
            why,
            kept,
            processes,
            damaged: damaged_logs,
            missed,
        }))
    }

    /// The segments that there are of each log, the lowest first.
    fn logs_that_are_there(&self) -> Result<BTreeMap<ProcessId, Vec<u64>>, Error> {
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
    fn bring_back(&self, id: ProcessId, numbers: &[u64]) -> Result<Option<Found>, Error> {
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
            if let Some(found) = self.read_facts(id, log, &segments)? {
                return Ok(Some(found));
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
    ) -> Result<Option<Found>, Error> {
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
        Ok(Some(Found {
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
