//! `bgp clear`: removes ended processes with their logs.
//!
//! Does not: remove one that lives, named or not.

use std::time::Duration;

use super::documents::Several;
use super::out::Format;
use super::select::nothing_there;
use super::{Context, Outcome, Selection};
use crate::manager::Manager;
use crate::manager::clear::{Leave, in_the_way};
use crate::manager::info::ProcessInfo;
use crate::sys::clock;

/// Clears what `selection` picks, of what has ended; of that, if asked, what ended longer ago than
/// `older_than`.
///
/// # Errors
///
/// Not found (3), ambiguous (4), a named one lives (6): then nothing is cleared. Locked (11).
pub(crate) fn run(
    context: &mut Context,
    selection: &Selection,
    older_than: Option<Duration>,
) -> Outcome {
    let Some(manager) = Manager::open(&context.environment)? else {
        return if selection.is_named() {
            Err(nothing_there(&selection.ids))
        } else {
            tell(context, &[])
        };
    };
    let mut targets = selection.observe(&manager)?;
    manager.settle(&mut targets)?;
    if selection.is_named()
        && let Some(error) = targets.iter().find_map(in_the_way)
    {
        return Err(error);
    }
    if let Some(age) = older_than {
        let latest = clock::wall_ms().saturating_sub(clock::milliseconds(age));
        targets.retain(|target| {
            let info = target.info();
            info.exit.as_ref().map_or(info.start_ms, |exit| exit.end_ms) <= latest
        });
    }
    let leave = if selection.is_named() {
        Leave::All
    } else {
        Leave::Nothing
    };
    let cleared = manager.clear(&targets, leave)?;
    tell(context, &cleared)
}

fn tell(context: &mut Context, cleared: &[ProcessInfo]) -> Outcome {
    match context.format {
        Format::Json => context.out.json(&Several::new(cleared))?,
        Format::Text => {
            for info in cleared {
                context
                    .out
                    .line(&format!("Cleared {} ({})", info.name, info.id))?;
            }
        }
    }
    Ok(0)
}
