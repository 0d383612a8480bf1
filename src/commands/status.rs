//! `bgp status`: all there is to know about a process.
//!
//! Does not: change anything.

use std::fmt::Write as _;

use super::documents::{One, Several};
use super::out::Format;
use super::select::nothing_there;
use super::words::{Clock, meaning, runtime};
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::observe::{Observed, descendants};
use crate::manager::output::{Form, Piece, Query};
use crate::text::display::{human_bytes, one_line};

/// How many of the last lines are shown.
const LAST_LINES: u64 = 5;
/// How many descendants are named.
const NAMED_DESCENDANTS: usize = 8;

/// Shows the processes that `ids` mean.
///
/// # Errors
///
/// Not found (3), ambiguous (4); a damaged or unsafe state.
pub(crate) fn run(context: &mut Context, ids: &[String]) -> Outcome {
    let Some(manager) = Manager::open(&context.environment)? else {
        return Err(nothing_there(ids));
    };
    let processes = manager.resolve_all(ids)?;
    let infos: Vec<ProcessInfo> = processes.iter().map(Observed::info).collect();
    match context.format {
        Format::Json if infos.len() == 1 => context.out.json(&One::new(&infos[0]))?,
        Format::Json => context.out.json(&Several::new(&infos))?,
        Format::Text => {
            for (index, (process, info)) in processes.iter().zip(&infos).enumerate() {
                let gap = if index > 0 { "\n" } else { "" };
                let text = format!(
                    "{gap}{}{}",
                    describe(process, info),
                    last_lines(&manager, process)
                );
                context.out.text(&text)?;
            }
        }
    }
    Ok(0)
}

fn describe(process: &Observed, info: &ProcessInfo) -> String {
    let clock = Clock::local();
    let mut text = format!("{} ({}, proc_{})\n", info.name, info.id, info.number);
    let mut row = |label: &str, value: &str| {
        writeln!(text, "  {label:<11} {}", one_line(value)).expect("a string takes all");
    };
    row("status", &format!("{}: {}", info.ending(), meaning(info)));
    row("command", &info.command().escaped());
    row("directory", &info.cwd.escaped());
    if let Some(pid) = info.pid {
        row("pid", &pid.to_string());
    }
    row("started", &clock.date_time(info.start_ms));
    if let Some(exit) = &info.exit {
        row("ended", &clock.date_time(exit.end_ms));
    }
    row("runtime", &runtime(info));
    if let Some(exit) = &info.exit {
        let core = if exit.core_dumped {
            ", core dumped"
        } else {
            ""
        };
        let used = format!(
            "{:.2} s user, {:.2} s system, {} resident at most{core}",
            seconds(exit.user_ms),
            seconds(exit.system_ms),
            human_bytes(exit.max_rss_kib * 1024),
        );
        row("used", &used);
    }
    if info.supervised
        && let Some(block) = &process.block
    {
        let below = descendants(block);
        let others: Vec<String> = below
            .iter()
            .filter(|(pid, _)| *pid != block.pid)
            .map(|(pid, name)| format!("{pid} {name}"))
            .collect();
        if !others.is_empty() {
            let more = others.len().saturating_sub(NAMED_DESCENDANTS);
            let tail = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            let named = others
                .iter()
                .take(NAMED_DESCENDANTS)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            row("descendants", &format!("{named}{tail}"));
        }
    }
    for (label, value) in [("group", &info.group), ("session", &info.session)] {
        if let Some(value) = value {
            row(label, value);
        }
    }
    row("alerts", &alerts(info));
    row("log", &human_bytes(info.log_bytes));
    text
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

fn alerts(info: &ProcessInfo) -> String {
    let on = [
        (info.alerts.on_success, "success"),
        (info.alerts.on_failure, "failure"),
        (info.alerts.on_kill, "kill"),
    ];
    let on: Vec<&str> = on
        .iter()
        .filter(|(on, _)| *on)
        .map(|(_, word)| *word)
        .collect();
    if on.is_empty() {
        "none".to_owned()
    } else {
        format!("on {}", on.join(", "))
    }
}

/// The last lines of output; a log that cannot be read is said to be so, and is no failure here.
fn last_lines(manager: &Manager, process: &Observed) -> String {
    let query = Query {
        streams: [true, true],
        last: Some(LAST_LINES),
        form: Form::Lines,
    };
    let mut lines = Vec::new();
    let read = manager.read_output(process, query).and_then(|mut reading| {
        reading.drain(&mut |piece| {
            if let Piece::Line(line) = piece {
                lines.push(line);
            }
            Ok(())
        })?;
        lines.extend(reading.unfinished());
        reading.check(&process.entry.name)
    });
    let mut text = String::new();
    if let Err(error) = read {
        text.push_str("  output      ");
        text.push_str(&one_line(&error.message));
        text.push('\n');
    }
    if !lines.is_empty() {
        text.push_str("  last lines\n");
    }
    for line in lines {
        text.push_str("    ");
        text.push_str(&one_line(&line.shown()));
        text.push('\n');
    }
    text
}
