//! `bgp end-session`: stops all of a session and clears it, for the hook that runs when its owner closes.
//!
//! Does not: fail where there is nothing to end.

use super::documents::Several;
use super::out::{Format, say_error};
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::stop::StopOptions;
use crate::model::error::Error;

/// Ends the session `name`.
///
/// # Errors
///
/// Survivors (8), a supervisor that does not answer (1): all others are ended all the same. Locked (11).
pub(crate) fn run(context: &mut Context, name: &str, options: StopOptions) -> Outcome {
    let (cleared, errors) = match Manager::open(&context.environment)? {
        Some(manager) => manager.end_session(name, options)?,
        None => (Vec::new(), Vec::new()),
    };
    tell(context, &cleared, &errors)?;
    Ok(errors.first().map_or(0, |error| error.kind.exit_code()))
}

fn tell(context: &mut Context, cleared: &[ProcessInfo], errors: &[Error]) -> Result<(), Error> {
    match context.format {
        Format::Json => context.out.json(&Several::new(cleared).with_errors(errors)),
        Format::Text => {
            for info in cleared {
                let (name, id, ending) = (&info.name, info.id, info.ending());
                context
                    .out
                    .line(&format!("Cleared {name} ({id}): {ending}"))?;
            }
            errors.iter().for_each(say_error);
            Ok(())
        }
    }
}
