//! What is said for reading and for waiting: from the flags to what is asked for.
//!
//! Does not: check values; the parser has.

use std::time::Duration;

use super::matches::Matches;
use super::run::selection;
use super::table::Verb;
use crate::commands::logs::Existing;
use crate::commands::output::{Follow, From, Options};
use crate::commands::wait::TellCursor;
use crate::commands::{self, Context, Outcome};
use crate::manager::output::{Form, Query};
use crate::manager::wait::condition::Conditions;
use crate::manager::wait::{Until, WaitOptions};
use crate::sys::clock;

/// `output` and `stream`.
pub(super) fn output(context: &mut Context, id: &str, matches: &Matches) -> Outcome {
    let (stdout, stderr) = (matches.has("stdout"), matches.has("stderr"));
    let both = stdout == stderr;
    let streams = [both || stdout, both || stderr];
    let is_stream = matches.command.verb == Verb::Stream;
    let several = (!is_stream && id.is_empty()).then(|| selection(matches, Vec::new()));
    if !is_stream && matches.has("path") {
        return commands::logs::path(context, id);
    }
    if let Some(dir) = (!is_stream).then(|| matches.bytes("export")).flatten() {
        let existing = if matches.has("force") {
            Existing::Replaced
        } else {
            Existing::Refused
        };
        return commands::logs::export(context, id, dir.as_os_str().as_ref(), streams, existing);
    }
    let follow = match (matches.has("to-end"), is_stream || matches.has("follow")) {
        (true, _) => Follow::ToEnd,
        (false, true) => Follow::ToExit,
        (false, false) => Follow::No,
    };
    let since = matches.duration("since");
    let pattern = matches.regexes("grep").next().cloned();
    let max_bytes = (!is_stream).then(|| matches.number("max-bytes")).flatten();
    // What is asked for by another measure is not measured in lines besides.
    let from = if !is_stream && matches.has("new") {
        From::HadBy(matches.text("as").unwrap_or("default").to_owned())
    } else {
        let after = matches.cursors("after").next();
        after.map_or(From::Query, |cursor| From::After(cursor.clone()))
    };
    let goes_on = !matches!(from, From::Query);
    let default = if goes_on || since.is_some() || pattern.is_some() || max_bytes.is_some() {
        0
    } else {
        context.settings().default_tail_lines()
    };
    let lines = matches.number("lines").unwrap_or(default);
    let query = Query {
        streams,
        last: (lines > 0).then_some(lines),
        since_ns: since.map_or(0, |since| {
            clock::wall_ns().saturating_sub(nanoseconds(since))
        }),
        pattern,
        form: if matches.has("raw") {
            Form::Raw
        } else {
            Form::Lines
        },
    };
    let options = Options {
        query,
        follow,
        timestamps: matches.has("timestamps"),
        from,
        tell_cursor: tell_cursor(matches),
        max_bytes,
    };
    match several {
        Some(selection) => commands::output::run_each(context, &selection, &options),
        None => commands::output::run(context, id, &options),
    }
}

/// `wait`.
pub(super) fn wait(context: &mut Context, ids: Vec<String>, matches: &Matches) -> Outcome {
    let until = if matches.has("any") {
        Until::Any
    } else {
        Until::All
    };
    let options = WaitOptions {
        until,
        timeout: matches.duration("timeout"),
        conditions: Conditions {
            output: matches.regexes("output").cloned().collect(),
            after: matches.cursors("after").cloned().collect(),
            port: matches.port("port"),
            idle: matches.duration("idle"),
        },
    };
    let ids = selection(matches, ids).ids(context)?;
    commands::wait::run(context, &ids, &options, tell_cursor(matches))
}

fn tell_cursor(matches: &Matches) -> TellCursor {
    if matches.has("cursor") {
        TellCursor::Yes
    } else {
        TellCursor::No
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
