//! `bgp output` and `bgp stream`: what a process wrote, and what it writes from now on.
//!
//! Does not: consume anything, but for what `--new` shows to the reader whom that is for.

mod document;
mod printer;

use std::os::fd::AsFd;
use std::time::Duration;

use super::out::{Format, note, say_error};
use super::select;
use super::wait::TellCursor;
use super::{Context, Outcome, Selection};
use crate::manager::Manager;
use crate::manager::clear::cleared;
use crate::manager::observe::{Observed, Reach};
use crate::manager::output::cursor::Cursor;
use crate::manager::output::{Query, Reading};
use crate::model::error::Error;
use crate::sys::notify::Notifier;
pub(super) use document::LineDocument;
use printer::{Printer, Round};

/// How often a followed log is looked at when changes wake, in case one was missed, and when nothing does.
const POLL_WOKEN: Duration = Duration::from_secs(2);
const POLL_ALONE: Duration = Duration::from_millis(50);

/// What to show.
pub(crate) struct Options {
    pub(crate) query: Query,
    pub(crate) follow: Follow,
    pub(crate) timestamps: bool,
    pub(crate) from: From,
    pub(crate) tell_cursor: TellCursor,
    /// The most bytes of lines; not while following.
    pub(crate) max_bytes: Option<u64>,
}

/// Where to begin.
#[derive(Debug, Clone)]
pub(crate) enum From {
    /// Where the query says.
    Query,
    /// Behind this place.
    After(Cursor),
    /// Behind what the reader of this name has had.
    HadBy(String),
}

/// How long to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    No,
    /// Until the leader has ended.
    ToExit,
    /// Until nothing of the tree lives.
    ToEnd,
}

impl Follow {
    fn ends(self, reach: Reach) -> bool {
        match self {
            Self::No => true,
            Self::ToExit => reach >= Reach::LeaderEnded,
            Self::ToEnd => reach == Reach::Ended,
        }
    }
}

/// Shows the output of the process that `id` means.
///
/// # Errors
///
/// Not found (3), ambiguous (4), a damaged log (13): after what is intact of it. Cleared meanwhile (3).
pub(crate) fn run(context: &mut Context, id: &str, options: &Options) -> Outcome {
    let (manager, process) = select::one(context, id)?;
    one(context, &manager, process, options)
}

fn one(context: &mut Context, manager: &Manager, process: Observed, options: &Options) -> Outcome {
    context.out.hold_more()?;
    let (reader, cursor) = match &options.from {
        From::Query => (None, None),
        From::After(cursor) => (None, Some(cursor.clone())),
        From::HadBy(name) => {
            let (reader, cursor) = manager.read_as(name, &process)?;
            (Some(reader), cursor)
        }
    };
    let mut printer = Printer::new(context, options, &process);
    let shown = show(manager, process, options, cursor.as_ref(), &mut printer);
    let (ended, next) = printer.end(shown);
    if context.out.nobody_reads() {
        return Ok(0); // whoever wanted to read it has gone: there is nothing left to be told
    }
    if let Some(next) = next {
        context.out.flush()?;
        if options.tell_cursor == TellCursor::Yes {
            note(&format!("cursor {next}"));
        }
        if let Some(reader) = reader {
            reader.save(&next)?;
        }
    }
    ended
}

/// Shows the output of each that `selection` picks, under a line with its name.
///
/// # Errors
///
/// Not found (3): there is none. Of several failures each is told, and the first one's code is given.
pub(crate) fn run_each(context: &mut Context, selection: &Selection, options: &Options) -> Outcome {
    let (manager, targets) = selection.observe_some(context)?;
    let mut first = 0;
    for (index, target) in targets.into_iter().enumerate() {
        if context.format == Format::Text {
            let (name, id) = (&target.entry.name, target.entry.id);
            let apart = if index > 0 { "\n" } else { "" };
            context.out.line(&format!("{apart}==> {name} ({id}) <=="))?;
        }
        let code = match one(context, &manager, target, options) {
            Ok(code) => code,
            Err(error) => {
                context.out.flush()?;
                say_error(&error);
                error.kind.exit_code()
            }
        };
        if first == 0 {
            first = code;
        }
        if context.out.nobody_reads() {
            break;
        }
    }
    Ok(first)
}

fn show(
    manager: &Manager,
    mut process: Observed,
    options: &Options,
    cursor: Option<&Cursor>,
    printer: &mut Printer<'_>,
) -> Result<(), Error> {
    let mut notifier = watch(manager, &process, options.follow);
    let query = options.query.clone();
    let mut reading = match cursor {
        Some(cursor) => manager.read_output_after(&process, query, cursor)?,
        None => manager.read_output(&process, query)?,
    };
    loop {
        // It was observed before the log was looked at: who has ended has written all of it.
        let reach = process.reach();
        let round = if options.follow.ends(reach) {
            Round::Last
        } else {
            Round::More
        };
        if round == Round::Last {
            reading.drain(&mut |piece| printer.take(piece))?;
            let checked = reading.check(&process);
            printer.finish_round(&reading, round, reach, checked.as_ref().err())?;
            return checked;
        }
        take_all(&mut reading, printer, round, reach)?;
        let poll = if notifier.wakes() {
            POLL_WOKEN
        } else {
            POLL_ALONE
        };
        if !notifier.wait(poll, &[std::io::stdout().as_fd()]) {
            return Ok(()); // nobody reads any more
        }
        if let Some(now) = manager.observe_again(&process.entry)? {
            process = now;
        } else {
            reading.catch_up_alone()?;
            take_all(&mut reading, printer, Round::Last, Reach::Ended)?;
            return Err(cleared(&process.entry));
        }
        if reading.catch_up(manager, &process)? {
            notifier = watch(manager, &process, options.follow);
        }
    }
}

fn take_all(
    reading: &mut Reading,
    printer: &mut Printer<'_>,
    round: Round,
    reach: Reach,
) -> Result<(), Error> {
    reading.drain(&mut |piece| printer.take(piece))?;
    printer.finish_round(reading, round, reach, None)
}

fn watch(manager: &Manager, process: &Observed, follow: Follow) -> Notifier {
    if follow == Follow::No {
        return Notifier::watch(&[]);
    }
    let dir = manager.store.dir().path();
    let segment = process.block.as_ref().map_or(0, |block| block.last_segment);
    let log = dir
        .join("logs")
        .join(crate::store::files::log(process.entry.id, segment));
    Notifier::watch(&[&log, &dir.join("run")])
}
