//! The process in whose tree the caller itself runs, if it does: it cannot outlive a stop of that one.
//!
//! Does not: stop anything.

use super::observe::Observed;
use crate::model::error::{Error, Kind};
use crate::supervisor::tree;
use crate::sys::proc::{self, Stat};

/// Which of `targets` is the one in whose tree this process runs.
pub(super) fn around_us(targets: &[Observed]) -> Option<usize> {
    let above = supervisor_above()?;
    let is_it = |target: &Observed| {
        let block = target.block.as_ref().filter(|_| target.is_live());
        block.is_some_and(|block| {
            (above.pid, above.start) == (block.supervisor_pid, block.supervisor_start)
        })
    };
    targets.iter().position(is_it)
}

/// Refuses what would stop `target` first, and then go on.
///
/// # Errors
///
/// It is the one in whose tree this process runs (6).
pub(super) fn refuse_around_us(target: &Observed) -> Result<(), Error> {
    if around_us(std::slice::from_ref(target)).is_none() {
        return Ok(());
    }
    let name = &target.entry.name;
    let message = format!("'{name}' is what this call runs in, and would end it before it is done");
    Err(Error::new(Kind::InTheWay, message).hint(
        "call it from elsewhere; or start it with --restart always, and let it end by itself",
    ))
}

/// The nearest supervisor among our ancestors: trees do not reach below another.
fn supervisor_above() -> Option<Stat> {
    let mut stat = proc::stat(std::process::id().cast_signed())?;
    while stat.parent > 1 {
        stat = proc::stat(stat.parent)?;
        if tree::is_supervisor(&stat) {
            return Some(stat);
        }
    }
    None
}
