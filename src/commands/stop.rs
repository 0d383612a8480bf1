//! `bgp stop`: ends processes with all that belongs to them.
//!
//! Does not: say that something is stopped while any of it lives.

use super::documents::{One, Several};
use super::out::{Format, say_error};
use super::select::nothing_there;
use super::{Context, Outcome, Selection};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::observe::Observed;
use crate::manager::stop::{StopOptions, has_leftovers};
use crate::model::error::{Error, Kind};

/// Stops what `selection` picks: the named ones, or all that live.
///
/// # Errors
///
/// Not found (3), ambiguous (4), not running (5), survivors (8), timed out (124). With several, all are
/// tried, each failure is told, and the first one's code is given.
pub(crate) fn run(context: &mut Context, selection: &Selection, options: StopOptions) -> Outcome {
    let Some(manager) = Manager::open(&context.environment)? else {
        return if selection.is_named() {
            Err(nothing_there(&selection.ids))
        } else {
            tell(context, &[], &[])
        };
    };
    let mut targets = selection.observe(&manager)?;
    if !selection.is_named() {
        targets.retain(|target| target.is_live() || has_leftovers(target));
    }
    let results = manager.stop(&targets, options);
    let single = selection.ids.len() == 1;
    if single && let Some(Err(error)) = results.first() {
        return Err(error.clone());
    }
    let (mut stopped, mut failed) = (Vec::new(), Vec::new());
    for (target, result) in targets.iter().zip(results) {
        match result {
            Ok(info) => stopped.push(info),
            // Among all, one that ended by itself meanwhile is what was wanted.
            Err(error) if error.kind == Kind::NotRunning && !selection.is_named() => {}
            Err(error) => failed.push((target, error)),
        }
    }
    if single
        && context.format == Format::Json
        && let [info] = stopped.as_slice()
    {
        context.out.json(&One::new(info))?;
        return Ok(0);
    }
    tell(context, &stopped, &failed)
}

fn tell(context: &mut Context, stopped: &[ProcessInfo], failed: &[(&Observed, Error)]) -> Outcome {
    match context.format {
        Format::Json => {
            let errors = failed.iter().map(|(_, error)| error);
            context
                .out
                .json(&Several::new(stopped).with_errors(errors))?;
        }
        Format::Text => {
            for info in stopped {
                context.out.line(&format!(
                    "Stopped {} ({}): {}",
                    info.name,
                    info.id,
                    info.ending()
                ))?;
            }
            for (_, error) in failed {
                say_error(error);
            }
        }
    }
    Ok(failed
        .first()
        .map_or(0, |(_, error)| error.kind.exit_code()))
}
