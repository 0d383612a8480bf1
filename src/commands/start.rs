//! `bgp start`: runs a command in the background, and says what it is called.
//!
//! Does not: wait for anything but the exec.

use super::documents::One;
use super::out::Format;
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::plan::StartOptions;

/// Starts what `options` say.
///
/// # Errors
///
/// See [`Manager::start`].
pub(crate) fn run(context: &mut Context, options: &StartOptions) -> Outcome {
    let (_, info) = Manager::start(&context.environment, options)?;
    match context.format {
        Format::Json => context.out.json(&One::new(&info))?,
        Format::Text => {
            let pid = info
                .pid
                .map_or_else(|| "?".to_owned(), |pid| pid.to_string());
            let (name, id, number) = (&info.name, info.id, info.number);
            context
                .out
                .line(&format!("Started {name} ({id}, proc_{number}, pid {pid})"))?;
        }
    }
    Ok(0)
}
