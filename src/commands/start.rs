//! `bgp start`: runs a command in the background, says what it is called, and waits until it is ready
//! if that is asked for.
//!
//! Does not: wait for anything else but the exec, or stop what is not ready in time.

use serde::Serialize;

use super::documents::{Failure, One, SCHEMA};
use super::out::{Format, note};
use super::output::LineDocument;
use super::wait::{self, ConditionDocument};
use super::words::begun;
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::observe::Observed;
use crate::manager::plan::StartOptions;
use crate::manager::wait::{WaitOptions, Waited};
use crate::model::error::{Error, Kind};
use crate::text::lines::Line;

/// Starts what `options` say, and then waits, if it is said for what.
///
/// # Errors
///
/// See [`Manager::start`]; it ended before it was ready (7), or is not ready in time (124).
pub(crate) fn run(
    context: &mut Context,
    options: &StartOptions,
    wait: Option<&WaitOptions>,
) -> Outcome {
    let (manager, info) = Manager::start(&context.environment, options)?;
    match (context.format, wait) {
        (Format::Json, Some(wait)) => return wait_in_json(context, &manager, info, wait),
        (Format::Json, None) => context.out.json(&One::new(&info))?,
        (Format::Text, _) => context.out.line(&begun("Started", &info))?,
    }
    let Some(wait) = wait else {
        return Ok(0);
    };
    context.out.flush()?; // whoever reads it need not wait for what follows
    let process = manager.resolve(&info.id.to_string())?;
    let waited = manager.wait(std::slice::from_ref(&process), wait, &mut note);
    match waited {
        Ok(waited) => {
            wait::tell(context, &waited, &wait.conditions)?;
            Ok(0)
        }
        Err(error) => {
            for line in last_lines(&manager, &process, &error) {
                note(&format!("{}: {}", info.name, line.shown()));
            }
            Err(runs_on(error, &info))
        }
    }
}

fn wait_in_json(
    context: &mut Context,
    manager: &Manager,
    started: ProcessInfo,
    options: &WaitOptions,
) -> Outcome {
    let process = manager.resolve(&started.id.to_string())?;
    let (waited, error) = match manager.wait(std::slice::from_ref(&process), options, &mut note) {
        Ok(mut waited) => (waited.pop(), None),
        Err(error) => (None, Some(runs_on(error, &started))),
    };
    let lines = error
        .as_ref()
        .map(|error| last_lines(manager, &process, error))
        .unwrap_or_default();
    let now = manager.observe_again(&process.entry)?;
    let info = match &waited {
        Some(Waited { info, .. }) => info.clone(),
        None => now.map_or(started, Observed::into_info),
    };
    context.out.json(&StartedAndWaited {
        schema: SCHEMA,
        process: &info,
        condition: waited
            .as_ref()
            .map(|waited| ConditionDocument::new(waited, &options.conditions)),
        error: error.as_ref().map(Failure::from),
        last_lines: lines.iter().map(LineDocument::of).collect(),
    })?;
    Ok(error.map_or(0, |error| error.kind.exit_code()))
}

/// What it wrote last, if it has ended.
fn last_lines(manager: &Manager, process: &Observed, error: &Error) -> Vec<Line<'static>> {
    if error.kind != Kind::EndedBefore {
        return Vec::new();
    }
    match manager.observe_again(&process.entry) {
        Ok(Some(process)) => manager.inspect(&process).last_lines,
        Ok(None) | Err(_) => Vec::new(), // the error that is told anyway counts
    }
}

/// The error with what becomes of the process, where that is not plain.
fn runs_on(error: Error, info: &ProcessInfo) -> Error {
    let name = &info.name;
    match error.kind {
        Kind::TimedOut => error.hint(format!(
            "it runs on: 'bgp output {name}' shows what it wrote, 'bgp stop {name}' ends it"
        )),
        _ => error,
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartedAndWaited<'a> {
    schema: u32,
    process: &'a ProcessInfo,
    condition: Option<ConditionDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    last_lines: Vec<LineDocument<'a>>,
}
