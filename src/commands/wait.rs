//! `bgp wait`: waits for ends, and gives the process's own code.
//!
//! Does not: stop anything when its time is up.

use std::time::Duration;

use super::documents::{One, Several};
use super::out::Format;
use super::select::nothing_there;
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::wait::Until;

/// Waits for the processes that `ids` mean.
///
/// # Errors
///
/// Not found (3), ambiguous (4), timed out (124).
pub(crate) fn run(
    context: &mut Context,
    ids: &[String],
    until: Until,
    timeout: Option<Duration>,
) -> Outcome {
    let Some(manager) = Manager::open(&context.environment)? else {
        return Err(nothing_there(ids));
    };
    let targets = manager.resolve_all(ids)?;
    let mut infos = manager.wait(&targets, until, timeout)?;
    if until == Until::Any {
        infos.retain(|info| !info.status.is_live());
        infos.truncate(1);
    }
    match context.format {
        Format::Json if infos.len() == 1 => context.out.json(&One::new(&infos[0]))?,
        Format::Json => context.out.json(&Several::new(&infos))?,
        Format::Text => {
            for info in &infos {
                context
                    .out
                    .line(&format!("{} ({}): {}", info.name, info.id, info.ending()))?;
            }
        }
    }
    Ok(infos.iter().map(code).find(|code| *code != 0).unwrap_or(0))
}

/// The code that the process itself gave: 128 and the signal if one ended it, 1 if nobody knows.
fn code(info: &ProcessInfo) -> u8 {
    info.how()
        .map_or(1, |how| u8::try_from(how.shell_code()).unwrap_or(1))
}
