//! What was said about alerts: the settings, upon those that held before, and how alerts are told.
//!
//! Does not: check values; the parser has, and the manager does.

use super::matches::Matches;
use crate::commands::alerts::{Code, Then};
use crate::commands::watch::{Until, WatchOptions};
use crate::commands::{self, Context, Outcome};
use crate::model::facts::AlertSettings;

/// `bgp alerts`.
pub(super) fn alerts(context: &mut Context, matches: &Matches) -> Outcome {
    let then = if matches.has("peek") {
        Then::Leave
    } else {
        Then::Acknowledge
    };
    let code = if matches.has("exit-code") {
        Code::TellsIfAny
    } else {
        Code::Plain
    };
    commands::alerts::run(context, reader(matches), then, code)
}

/// `bgp watch`.
pub(super) fn watch(context: &mut Context, matches: &Matches) -> Outcome {
    let options = WatchOptions {
        ids: matches.ids().map(str::to_owned).collect(),
        reader: reader(matches).to_owned(),
        interval: matches
            .duration("interval")
            .unwrap_or_else(|| context.settings().watch_interval()),
        timeout: matches.duration("timeout"),
        until: if matches.has("once") {
            Until::Told
        } else {
            Until::Interrupted
        },
        exec: matches
            .bytes("exec")
            .map(|line| line.as_os_str().to_owned()),
    };
    commands::watch::run(context, &options)
}

/// `bgp alert ID`.
pub(super) fn alert(context: &mut Context, matches: &Matches) -> Outcome {
    let id = matches.ids().next().unwrap_or_default();
    commands::alert::run(context, id, |before| settings(matches, before))
}

/// Under which name alerts are read.
fn reader(matches: &Matches) -> &str {
    matches.text("as").unwrap_or("default")
}

/// `before`, with what was said. Expressions and a silence that are said take the place of those before.
pub(super) fn settings(matches: &Matches, before: AlertSettings) -> AlertSettings {
    let said = |on: &str, off: &str, before: bool| {
        let has = |long: &str| matches.command.flag(long).is_some() && matches.has(long);
        (before || has(on)) && !has(off)
    };
    let patterns: Vec<String> = matches
        .regexes("alert-on-output")
        .map(|pattern| pattern.as_str().to_owned())
        .collect();
    let idle = matches.duration("alert-on-idle");
    AlertSettings {
        on_success: said("alert-on-success", "no-alert-on-success", before.on_success),
        on_failure: said("alert-on-failure", "no-alert-on-failure", before.on_failure),
        on_kill: said("alert-on-kill", "no-alert-on-kill", before.on_kill),
        on_output: if patterns.is_empty() {
            let keeps = said("alert-on-output", "no-alert-on-output", true);
            before.on_output.into_iter().filter(|_| keeps).collect()
        } else {
            patterns
        },
        on_idle_ms: match idle {
            Some(idle) => u64::try_from(idle.as_millis()).ok(),
            None => before
                .on_idle_ms
                .filter(|_| said("alert-on-idle", "no-alert-on-idle", true)),
        },
    }
}
