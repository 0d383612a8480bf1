//! `bgp start`: runs a command in the background, and says what it is called.
//!
//! Does not: wait for anything but the exec.

use super::documents::One;
use super::out::Format;
use super::words::begun;
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
        Format::Text => context.out.line(&begun("Started", &info))?,
    }
    Ok(0)
}
