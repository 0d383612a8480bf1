//! `bgp wait`: waits for ends, and gives the process's own code; or for what comes before an end.
//!
//! Does not: stop anything when its time is up.

use regex::bytes::Regex;
use serde::Serialize;

use super::documents::SCHEMA;
use super::out::{Format, note};
use super::output::LineDocument;
use super::select::nothing_there;
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::inspect::Port;
use crate::manager::output::cursor::Cursor;
use crate::manager::wait::condition::{Came, Conditions};
use crate::manager::wait::{Until, WaitOptions, Waited};
use crate::model::error::Error;
use crate::sys::clock;
use crate::text::display::for_terminal;

/// Whether a text answer tells the place to go on from, beside the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TellCursor {
    No,
    Yes,
}

/// Waits for the processes that `ids` mean.
///
/// # Errors
///
/// A cursor of another process (2), not found (3), ambiguous (4), ended before (7), timed out (124).
pub(crate) fn run(
    context: &mut Context,
    ids: &[String],
    options: &WaitOptions,
    tell_cursor: TellCursor,
) -> Outcome {
    let Some(manager) = Manager::open(&context.environment)? else {
        return Err(nothing_there(ids));
    };
    let targets = manager.resolve_all(ids)?;
    let mut waited = manager.wait(&targets, options, &mut note)?;
    if options.until == Until::Any {
        waited.retain(|waited| waited.came.is_some());
        waited.truncate(1);
    }
    tell(context, &waited, &options.conditions)?;
    if tell_cursor == TellCursor::Yes {
        for cursor in waited.iter().filter_map(cursor) {
            note(&format!("cursor {cursor}"));
        }
    }
    Ok(waited.iter().map(code).find(|code| *code != 0).unwrap_or(0))
}

/// Tells what came for each process.
///
/// # Errors
///
/// The output cannot be written.
pub(super) fn tell(
    context: &mut Context,
    waited: &[Waited],
    conditions: &Conditions,
) -> Result<(), Error> {
    let mut documents = waited
        .iter()
        .map(|waited| ConditionDocument::new(waited, conditions));
    match (context.format, waited) {
        (Format::Json, [one]) => context.out.json(&OneWaited {
            schema: SCHEMA,
            process: &one.info,
            condition: documents.next(),
        }),
        (Format::Json, all) => context.out.json(&AllWaited {
            schema: SCHEMA,
            processes: all.iter().map(|waited| &waited.info).collect(),
            conditions: documents.collect(),
        }),
        (Format::Text, all) => {
            for waited in all {
                let line = words(waited, conditions);
                let line = if context.columns().is_some() {
                    for_terminal(&line)
                } else {
                    line.into()
                };
                context.out.line(&line)?;
            }
            Ok(())
        }
    }
}

/// `web (9a7c8a3d): listens on 127.0.0.1:8080`.
fn words(waited: &Waited, conditions: &Conditions) -> String {
    let info = &waited.info;
    let what = match &waited.came {
        Some(Came::Output(found)) => format!("wrote: {}", found.line.shown()),
        Some(Came::Port(port)) => {
            let address = std::net::SocketAddr::new(port.address, port.port);
            format!("listens on {address}")
        }
        Some(Came::Idle) => {
            let idle = conditions.idle.unwrap_or_default();
            format!("has been silent for {} s", idle.as_secs_f64())
        }
        Some(Came::End) | None => info.ending(),
    };
    format!("{} ({}): {what}", info.name, info.id)
}

fn cursor(waited: &Waited) -> Option<&Cursor> {
    match &waited.came {
        Some(Came::Output(found)) => Some(&found.cursor),
        Some(Came::End | Came::Port(_) | Came::Idle) | None => None,
    }
}

/// 0 when what was waited for came; else the code that the process itself gave: 128 and the signal if
/// one ended it, 1 if nobody knows.
fn code(waited: &Waited) -> u8 {
    match waited.came {
        Some(Came::Output(_) | Came::Port(_) | Came::Idle) => 0,
        Some(Came::End) | None => {
            (waited.info.how()).map_or(1, |how| u8::try_from(how.shell_code()).unwrap_or(1))
        }
    }
}

#[derive(Serialize)]
struct OneWaited<'a> {
    schema: u32,
    process: &'a ProcessInfo,
    condition: Option<ConditionDocument<'a>>,
}

#[derive(Serialize)]
struct AllWaited<'a> {
    schema: u32,
    processes: Vec<&'a ProcessInfo>,
    conditions: Vec<ConditionDocument<'a>>,
}

/// What came, and for which process.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConditionDocument<'a> {
    id: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<LineDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<&'a Port>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_ms: Option<u64>,
}

impl<'a> ConditionDocument<'a> {
    pub(super) fn new(waited: &'a Waited, conditions: &'a Conditions) -> Self {
        let document = |kind| Self {
            id: waited.info.id.to_string(),
            kind,
            pattern: None,
            line: None,
            next_cursor: None,
            port: None,
            idle_ms: None,
        };
        match &waited.came {
            Some(Came::Output(found)) => Self {
                pattern: conditions.output.get(found.pattern).map(Regex::as_str),
                line: Some(LineDocument::of(&found.line)),
                next_cursor: Some(found.cursor.to_string()),
                ..document("output")
            },
            Some(Came::Port(port)) => Self {
                port: Some(port),
                ..document("port")
            },
            Some(Came::Idle) => Self {
                idle_ms: conditions.idle.map(clock::milliseconds),
                ..document("idle")
            },
            Some(Came::End) | None => document("end"),
        }
    }
}
