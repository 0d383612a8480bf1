//! `bgp signal`: one signal to the group of a process.
//!
//! Does not: end a tree; `stop` does.

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::Format;
use super::select;
use super::{Context, Outcome};
use crate::model::id::ProcessId;
use crate::model::signal;

/// What was sent to whom.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    id: ProcessId,
    name: &'a str,
    /// By its name.
    signal: &'a str,
}

/// Sends the signal of this number to the process that `id` means.
///
/// # Errors
///
/// Not found (3), ambiguous (4), not running (5).
pub(crate) fn run(context: &mut Context, id: &str, number: i32) -> Outcome {
    let (manager, target) = select::one(context, id)?;
    manager.signal(&target, number)?;
    let (id, name, signal) = (target.entry.id, &target.entry.name, signal::name(number));
    match context.format {
        Format::Json => context.out.json(&Document {
            schema: SCHEMA,
            id,
            name,
            signal: &signal,
        })?,
        Format::Text => context
            .out
            .line(&format!("Sent {signal} to {name} ({id})"))?,
    }
    Ok(0)
}
