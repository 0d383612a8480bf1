//! `bgp verify`: looks at every record of key, state and logs.
//!
//! Does not: repair.

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::{Format, note};
use super::{Context, Outcome, Selection};
use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::manager::verify::Verified;
use crate::model::error::{Error, Kind};
use crate::model::id::ProcessId;
use crate::store::state::is_damage;
use crate::text::display::{human_bytes, one_line};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema: u32,
    intact: bool,
    /// What is wrong with the state.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a str>,
    logs: Vec<LogDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogDocument {
    id: String,
    /// Empty when nothing that is intact tells it.
    name: String,
    intact: bool,
    sealed: bool,
    records: u64,
    bytes: u64,
    torn_bytes: u64,
    findings: Vec<String>,
}

/// What was looked at.
#[derive(Default)]
struct Looked {
    /// What is wrong with the state.
    state: Option<Error>,
    logs: Vec<LogDocument>,
}

/// Verifies the logs of what `selection` picks; without IDs, also where the state is damaged. The key was
/// verified when it was opened.
///
/// # Errors
///
/// Damage (13), after all was looked at.
pub(crate) fn run(context: &mut Context, selection: &Selection) -> Outcome {
    let manager = Manager::open(&context.environment)?;
    let is_there = manager.is_some();
    let Looked { state, logs } = match manager {
        None if selection.is_named() => return Err(super::select::nothing_there(&selection.ids)),
        None => Looked::default(),
        Some(manager) => look(&manager, selection)?,
    };
    let intact = state.is_none() && logs.iter().all(|log| log.intact);
    match context.format {
        Format::Json => context.out.json(&Document {
            schema: SCHEMA,
            intact,
            state: state.as_ref().map(|error| error.message.as_str()),
            logs,
        })?,
        Format::Text => {
            for log in &logs {
                tell(context, log)?;
            }
            match &state {
                Some(error) => context.out.line(&one_line(&error.message))?,
                None if !is_there => context.out.line("nothing to verify: there is no key yet")?,
                None if intact => context.out.line("key and state: intact")?,
                None => (),
            }
        }
    }
    if state.is_some() {
        context.out.flush()?;
        note("'bgp repair' makes the state anew from the logs");
    }
    Ok(if intact { 0 } else { Kind::Damaged.exit_code() })
}

fn look(manager: &Manager, selection: &Selection) -> Result<Looked, Error> {
    match selection.observe(manager) {
        Ok(targets) => {
            let logs = targets.iter().map(|target| verify(manager, target));
            let logs = logs.filter(|log| selection.is_named() || !was_cleared(log));
            Ok(Looked {
                state: None,
                logs: logs.collect::<Result<_, _>>()?,
            })
        }
        Err(error) if !selection.is_named() && is_damage(&error) => {
            let told = manager.observe_by_logs()?.into_iter();
            let logs = told.map(|(id, target)| match target {
                Ok(target) => verify(manager, &target),
                Err(error) => found(LogDocument::of(id, ""), Err(error)),
            });
            Ok(Looked {
                state: Some(error),
                logs: logs.collect::<Result<_, _>>()?,
            })
        }
        Err(error) => Err(error),
    }
}

/// Whether it is nobody's any more.
fn was_cleared(found: &Result<LogDocument, Error>) -> bool {
    matches!(found, Err(error) if error.kind == Kind::NotFound)
}

fn verify(manager: &Manager, target: &Observed) -> Result<LogDocument, Error> {
    let entry = &target.entry;
    let document = LogDocument::of(entry.id, &entry.name);
    found(document, manager.verify(target))
}

impl LogDocument {
    fn of(id: ProcessId, name: &str) -> Self {
        Self {
            id: id.to_string(),
            name: name.to_owned(),
            intact: false,
            sealed: false,
            records: 0,
            bytes: 0,
            torn_bytes: 0,
            findings: Vec::new(),
        }
    }
}

/// Tells in `document` what was found.
fn found(
    mut document: LogDocument,
    verified: Result<Verified, Error>,
) -> Result<LogDocument, Error> {
    match verified {
        Ok(verified) => {
            document.intact = verified.findings.is_empty();
            document.sealed = verified.report.sealed;
            document.records = verified.report.records;
            document.bytes = verified.report.bytes;
            document.torn_bytes = verified.report.torn_bytes;
            document.findings = verified.findings;
        }
        Err(error) if matches!(error.kind, Kind::Damaged | Kind::Unsafe) => {
            document.findings.push(error.message);
        }
        Err(error) => return Err(error),
    }
    Ok(document)
}

fn tell(context: &mut Context, log: &LogDocument) -> Result<(), Error> {
    let who = match log.name.as_str() {
        "" => log.id.clone(),
        name => format!("{name} ({})", log.id),
    };
    for finding in &log.findings {
        context.out.line(&format!("{who}: {finding}"))?;
    }
    if log.intact {
        let end = match (log.sealed, log.torn_bytes) {
            (true, _) => "sealed".to_owned(),
            (false, 0) => "unsealed".to_owned(),
            (false, torn) => format!("unsealed, {torn} bytes of a torn tail"),
        };
        let (records, bytes) = (log.records, human_bytes(log.bytes));
        context
            .out
            .line(&format!("{who}: intact, {end}, {records} records, {bytes}"))?;
    }
    Ok(())
}
