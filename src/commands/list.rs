//! `bgp list`: one line a process, oldest first.
//!
//! Does not: change anything, or fail because there is nothing.

use super::documents::Several;
use super::out::Format;
use super::words::{Clock, Pid, Runtime, ShortStatus, colour};
use super::{Context, Outcome, Selection};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::observe::Observed;
use crate::sys::clock;
use crate::text::table::Table;

/// Which of the processes are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Those of which something lives: the leader, or what it started.
    Running,
}

/// Lists what `selection` and `which` pick.
///
/// # Errors
///
/// No or a wrong password, a damaged or unsafe state.
pub(crate) fn run(context: &mut Context, selection: &Selection, which: Which) -> Outcome {
    let processes = match Manager::open(&context.environment)? {
        Some(manager) => selection.observe(&manager)?,
        None => Vec::new(),
    };
    let count = processes.len();
    let infos = processes
        .into_iter()
        .map(Observed::into_info)
        .filter(|info| which == Which::All || info.lives());
    match context.format {
        Format::Json => {
            let infos: Vec<ProcessInfo> = infos.collect();
            context.out.json(&Several::new(&infos))?;
        }
        Format::Text => {
            let columns = context.columns();
            let table = table(infos, count, columns);
            if !table.is_empty() {
                context.out.text(&table.render(columns, context.look()))?;
            }
        }
    }
    Ok(0)
}

/// Columns by their place.
const NAME: usize = 1;
const STATUS: usize = 2;
const PID: usize = 3;
const STARTED: usize = 4;
const RUNTIME: usize = 5;

fn table(infos: impl Iterator<Item = ProcessInfo>, count: usize, columns: Option<usize>) -> Table {
    let clock = Clock::local();
    let now_ms = clock::wall_ms();
    let started = |ms| match columns {
        Some(_) => clock.short_time(ms, now_ms),
        None => clock.date_time(ms),
    };
    let heading = [
        "ID", "NAME", "STATUS", "PID", "STARTED", "RUNTIME", "COMMAND",
    ];
    let mut table = Table::new(&heading)
        .with_room(count)
        .giving_way(&[STARTED, PID, RUNTIME], NAME);
    for info in infos {
        table.display_row([
            &info.id,
            &info.name,
            &ShortStatus(&info),
            &Pid(&info),
            &started(info.start_ms),
            &Runtime(&info),
            &info.command_line(),
        ]);
        table.style(STATUS, colour(&info));
        // The command ends now; to give all of it back piece by piece takes longer than to show it.
        std::mem::forget(info);
    }
    table
}
