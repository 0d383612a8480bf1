//! What is said of a stop that did not end all of a process.
//!
//! Does not: find out who is left.

use crate::control::{HELD_BY_TRACER, Survivor};
use crate::manager::observe::Observed;
use crate::model::error::{Error, Kind};

/// The error for a process of which these could not be ended.
pub(super) fn survived(target: &Observed, survivors: &[Survivor]) -> Error {
    let list: Vec<String> = survivors
        .iter()
        .map(|survivor| format!("pid {} {} ({})", survivor.pid, survivor.name, survivor.why))
        .collect();
    if survivors.is_empty() {
        let what = "what is left of it could not be looked at";
        return Error::new(Kind::Survivors, format!("'{}': {what}", target.entry.name))
            .hint("its supervisor may have no descriptor left; try again");
    }
    let what = match survivors.len() {
        1 => "1 process could not be killed".to_owned(),
        count => format!("{count} processes could not be killed"),
    };
    let traced = survivors
        .iter()
        .any(|survivor| survivor.why.contains(HELD_BY_TRACER));
    let hint = if traced {
        "end the debugger, or detach it"
    } else {
        "they are another user's, or wait in the kernel; root can look"
    };
    Error::new(
        Kind::Survivors,
        format!("'{}': {what}: {}", target.entry.name, list.join(", ")),
    )
    .hint(hint)
}
