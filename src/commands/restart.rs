//! `bgp restart`: stops processes if need be, and starts them anew.
//!
//! Does not: look at the caller's environment for them.

use std::collections::HashMap;

use super::documents::{One, Several};
use super::out::{Format, say_error};
use super::words::begun;
use super::{Context, Outcome, Selection};
use crate::manager::observe::Observed;

/// Restarts what `selection` picks: the named ones, or of each name the live or else the newest one.
///
/// # Errors
///
/// Not found (3): also a group or session of none; ambiguous (4), name taken (6), survivors (8), damaged log
/// (13), the command cannot be run or is not found (126, 127). With several, all are tried, each failure is
/// told, and the first one's code is given.
pub(crate) fn run(context: &mut Context, selection: &Selection) -> Outcome {
    let (manager, mut targets) = selection.observe_some(context)?;
    if !selection.is_named() {
        targets = newest_of_each_name(targets);
    }
    let mut results = manager.restart(&targets);
    if selection.ids.len() == 1
        && let Some(result) = results.pop()
    {
        let info = result?;
        match context.format {
            Format::Json => context.out.json(&One::new(&info))?,
            Format::Text => context.out.line(&begun("Restarted", &info))?,
        }
        return Ok(0);
    }
    let (infos, errors): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let infos: Vec<_> = infos.into_iter().filter_map(Result::ok).collect();
    let errors: Vec<_> = errors.into_iter().filter_map(Result::err).collect();
    match context.format {
        Format::Json => context
            .out
            .json(&Several::new(&infos).with_errors(&errors))?,
        Format::Text => {
            for info in &infos {
                context.out.line(&begun("Restarted", info))?;
            }
            errors.iter().for_each(say_error);
        }
    }
    Ok(errors.first().map_or(0, |error| error.kind.exit_code()))
}

/// Earlier runs stay on record; they are not what a group or a session is made of.
fn newest_of_each_name(targets: Vec<Observed>) -> Vec<Observed> {
    let mut newest: HashMap<String, Observed> = HashMap::new();
    for target in targets {
        let older = newest.get(&target.entry.name);
        if older.is_none_or(|older| target.is_live() || !older.is_live()) {
            newest.insert(target.entry.name.clone(), target);
        }
    }
    let mut targets: Vec<Observed> = newest.into_values().collect();
    targets.sort_by_key(|target| target.entry.number);
    targets
}
