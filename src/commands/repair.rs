//! `bgp repair`: makes a damaged state anew from the logs.
//!
//! Does not: mend logs, or touch a state that is intact.

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::{Format, note};
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::repair::Repaired;
use crate::model::error::Kind;
use crate::model::id::ProcessId;
use crate::text::display::one_line;

/// What no log tells.
const NOT_IN_LOGS: &str = "alerts, the pids of processes that had ended, and processes whose \
                           logs are gone were in the state alone, and are not back";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema: u32,
    repaired: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
    processes: &'a [ProcessInfo],
    damaged_logs: &'a [ProcessId],
    missed: Vec<MissedDocument<'a>>,
}

#[derive(Serialize)]
struct MissedDocument<'a> {
    id: ProcessId,
    why: &'a str,
}

/// Repairs the state.
///
/// # Errors
///
/// As [`Manager::repair`]. Some of the logs could not be read (13), after the state was made anew.
pub(crate) fn run(context: &mut Context) -> Outcome {
    let manager = Manager::open(&context.environment)?;
    let repaired = manager.as_ref().map(Manager::repair).transpose()?.flatten();
    let Some(repaired) = repaired else {
        match context.format {
            Format::Json => context.out.json(&Document {
                schema: SCHEMA,
                repaired: false,
                why: None,
                kept: None,
                processes: &[],
                damaged_logs: &[],
                missed: Vec::new(),
            })?,
            Format::Text => (context.out).line("The state is intact: nothing to repair")?,
        }
        return Ok(0);
    };
    tell(context, &repaired)?;
    Ok(if repaired.missed.is_empty() {
        0
    } else {
        Kind::Damaged.exit_code()
    })
}

fn tell(context: &mut Context, repaired: &Repaired) -> Result<(), crate::model::error::Error> {
    let kept = repaired
        .kept
        .as_ref()
        .map(|path| path.display().to_string());
    if context.format == Format::Json {
        let missed = repaired.missed.iter();
        return context.out.json(&Document {
            schema: SCHEMA,
            repaired: true,
            why: Some(&repaired.why.message),
            kept,
            processes: &repaired.processes,
            damaged_logs: &repaired.damaged,
            missed: missed
                .map(|(id, why)| MissedDocument { id: *id, why })
                .collect(),
        });
    }
    let live = repaired
        .processes
        .iter()
        .filter(|info| info.supervised)
        .count();
    context.out.line(&format!(
        "Repaired the state: {} processes are back, {live} of them live",
        repaired.processes.len()
    ))?;
    if let Some(kept) = kept {
        context
            .out
            .line(&format!("The damaged one is kept as {}", one_line(&kept)))?;
    }
    for id in &repaired.damaged {
        context.out.line(&format!(
            "{id}: its log is damaged; 'bgp verify {id}' tells where"
        ))?;
    }
    for (id, why) in &repaired.missed {
        context.out.line(&format!("{id}: not back: {why}"))?;
    }
    context.out.flush()?;
    if !repaired.missed.is_empty() {
        note(
            "'bgp clear' without an ID removes logs that belong to no process: copy them first if they matter",
        );
    }
    note(NOT_IN_LOGS);
    Ok(())
}
