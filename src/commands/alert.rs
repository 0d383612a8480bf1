//! `bgp alert`: what raises an alert, of a process that lives.
//!
//! Does not: tell alerts; `alerts` and `watch` do.

use super::documents::One;
use super::out::Format;
use super::select;
use super::words::alerts;
use super::{Context, Outcome};
use crate::model::facts::AlertSettings;

/// Makes `change` to the alert settings of the process that `id` means.
///
/// # Errors
///
/// Not found (3), ambiguous (4), not running (5), usage (2), locked (11).
pub(crate) fn run(
    context: &mut Context,
    id: &str,
    change: impl FnOnce(AlertSettings) -> AlertSettings,
) -> Outcome {
    let (manager, target) = select::one(context, id)?;
    let settings = change(target.entry.alerts.clone());
    let info = manager.set_alerts(&target, &settings)?;
    match context.format {
        Format::Json => context.out.json(&One::new(&info))?,
        Format::Text => context.out.line(&format!(
            "{} ({}) raises alerts: {}",
            info.name,
            info.id,
            alerts(&info.alerts)
        ))?,
    }
    Ok(0)
}
