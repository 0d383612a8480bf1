//! What is written for a setting: its name, and its value, read strictly or refused with a remedy.
//!
//! Does not: know flags; nor read durations, sizes and numbers, which [`written`](crate::text::written) does.

use std::ffi::OsStr;

use crate::config as settings;
use crate::config::table::{Kind, SETTINGS, Setting, Unit};
use crate::model::bytes::Bytes;
use crate::model::error::Error;
use crate::text::similar::closest;
#[cfg(test)]
use crate::text::written::LABEL_MAX_BYTES;
pub(crate) use crate::text::written::{
    count, duration, interval, keys, label, no_nul, pid, port, quoted, regex, restart, size,
    terminal_size, variable,
};

/// The value of `setting`: a number as it stands in the file, or as a duration or a size.
///
/// # Errors
///
/// A usage error that names the setting and what is allowed.
pub(crate) fn of_setting(setting: &Setting, text: &OsStr) -> Result<settings::Value, Error> {
    let refused = |why: String| {
        let name = setting.dotted();
        Error::usage(format!("{name} {why}")).hint("'bgp help config' explains the settings")
    };
    let shown = quoted(&Bytes::from(text).escaped());
    let number = |text: &str| match setting.kind {
        Kind::Path => None,
        Kind::Number { unit, .. } => match unit {
            Unit::Lines => count(text).ok(),
            Unit::Seconds => {
                let time = duration(text).ok()?;
                (time.subsec_nanos() == 0).then_some(time.as_secs())
            }
            Unit::Bytes => size(text).ok(),
        },
    };
    let json = match (setting.kind, text.to_str()) {
        (Kind::Path, Some(text)) => Some(text.into()),
        (Kind::Number { .. }, Some(text)) => number(text).map(Into::into),
        (_, None) => None,
    };
    match json {
        Some(json) => setting.check(&json).map_err(refused),
        None => Err(refused(format!(
            "is {shown}, but must be {}",
            setting.allowed()
        ))),
    }
}

/// The setting that is called so.
///
/// # Errors
///
/// A usage error with the nearest one.
pub(crate) fn setting(name: &OsStr) -> Result<&'static Setting, Error> {
    let name = name.to_string_lossy();
    settings::table::find(&name).ok_or_else(|| {
        let all: Vec<String> = SETTINGS.iter().map(Setting::dotted).collect();
        let below = name.strip_prefix("processes.").unwrap_or(&name);
        let error = Error::usage(format!("unknown setting {}", quoted(&name)));
        match closest(below, all.iter().map(String::as_str)) {
            Some(near) => error.hint(format!("did you mean {near}? 'bgp config' lists them all")),
            None => error.hint(format!("the settings are {}", all.join(", "))),
        }
    })
}

#[cfg(test)]
mod tests;
