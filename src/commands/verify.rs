//! `bgp verify`: looks at every record of key, state and logs.
//!
//! Does not: repair.

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::Format;
use super::{Context, Outcome, Selection};
use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::model::error::{Error, Kind};
use crate::text::display::human_bytes;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema: u32,
    intact: bool,
    logs: Vec<LogDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogDocument {
    id: String,
    name: String,
    intact: bool,
    sealed: bool,
    records: u64,
    bytes: u64,
    torn_bytes: u64,
    findings: Vec<String>,
}

/// Verifies the logs of what `selection` picks. Key and state have been verified when they were opened.
///
/// # Errors
///
/// Damage (13), after all was looked at.
pub(crate) fn run(context: &mut Context, selection: &Selection) -> Outcome {
    let targets_of = |manager: &Manager| selection.observe(manager);
    let logs = match Manager::open(&context.environment)? {
        None if selection.is_named() => return Err(super::select::nothing_there(&selection.ids)),
        None => Vec::new(),
        Some(manager) => targets_of(&manager)?
            .iter()
            .map(|target| verify(&manager, target))
            .filter(|found| selection.is_named() || !was_cleared(found))
            .collect::<Result<_, _>>()?,
    };
    let damaged = logs.iter().filter(|log| !log.intact).count();
    match context.format {
        Format::Json => context.out.json(&Document {
            schema: SCHEMA,
            intact: damaged == 0,
            logs,
        })?,
        Format::Text => {
            for log in &logs {
                tell(context, log)?;
            }
            if damaged == 0 {
                context.out.line("key and state: intact")?;
            }
        }
    }
    Ok(if damaged == 0 {
        0
    } else {
        Kind::Damaged.exit_code()
    })
}

/// Whether it is nobody's any more.
fn was_cleared(found: &Result<LogDocument, Error>) -> bool {
    matches!(found, Err(error) if error.kind == Kind::NotFound)
}

fn verify(manager: &Manager, target: &Observed) -> Result<LogDocument, Error> {
    let entry = &target.entry;
    let mut document = LogDocument {
        id: entry.id.to_string(),
        name: entry.name.clone(),
        intact: false,
        sealed: false,
        records: 0,
        bytes: 0,
        torn_bytes: 0,
        findings: Vec::new(),
    };
    match manager.verify(target) {
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
    let (name, id) = (&log.name, &log.id);
    for finding in &log.findings {
        context.out.line(&format!("{name} ({id}): {finding}"))?;
    }
    if log.intact {
        let end = match (log.sealed, log.torn_bytes) {
            (true, _) => "sealed".to_owned(),
            (false, 0) => "unsealed".to_owned(),
            (false, torn) => format!("unsealed, {torn} bytes of a torn tail"),
        };
        let (records, bytes) = (log.records, human_bytes(log.bytes));
        context.out.line(&format!(
            "{name} ({id}): intact, {end}, {records} records, {bytes}"
        ))?;
    }
    Ok(())
}
