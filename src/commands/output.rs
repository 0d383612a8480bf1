//! `bgp output`: what a process wrote, and what it writes from now on.
//!
//! A pipe gets text without escape sequences. While following, a line without its newline is shown as far
//! as it goes, so that a prompt can be seen. Does not: consume anything.

use std::os::fd::AsFd;
use std::time::Duration;

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::{Format, note};
use super::select::nothing_there;
use super::words::Clock;
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::manager::output::{Piece, Query, Reach, Reading};
use crate::model::error::{Error, Kind};
use crate::sys::notify::Notifier;
use crate::text::lines::Line;

/// How often a followed log is looked at when changes wake, in case one was missed, and when nothing does.
const POLL_WOKEN: Duration = Duration::from_secs(2);
const POLL_ALONE: Duration = Duration::from_millis(50);

/// What to show.
pub(crate) struct Options {
    pub(crate) query: Query,
    pub(crate) follow: Follow,
    pub(crate) timestamps: bool,
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

/// Shows the output of the process that `id` means.
///
/// # Errors
///
/// Not found (3), ambiguous (4), a damaged log (13): after what is intact of it.
pub(crate) fn run(context: &mut Context, id: &str, options: &Options) -> Outcome {
    let Some(manager) = Manager::open(&context.environment)? else {
        return Err(nothing_there(&[id.to_owned()]));
    };
    let mut process = manager.resolve(id)?;
    let notifier = watch(&manager, &process);
    let mut reading = manager.read_output(&process, options.query)?;
    let mut printer = Printer::new(context, options, &process);
    loop {
        let reach = reading.drain(&mut |piece| printer.take(piece))?;
        let writes = process.is_live();
        let done = printer.out_is_closed()
            || !writes
            || match options.follow {
                Follow::No => true,
                Follow::ToExit => reach >= Reach::LeaderEnded,
                Follow::ToEnd => reach == Reach::Ended,
            };
        printer.finish_round(
            &reading,
            if done { Round::Last } else { Round::More },
            reach,
            writes,
        )?;
        if done {
            break;
        }
        let poll = if notifier.wakes() {
            POLL_WOKEN
        } else {
            POLL_ALONE
        };
        if notifier.wait(poll, &[std::io::stdout().as_fd()]) {
            break; // nobody reads any more
        }
        // Looked at before the log is: who has ended has written all of it.
        process = manager
            .observe_again(&process.entry)?
            .ok_or_else(|| cleared(&process))?;
        reading.catch_up(&manager, &process)?;
    }
    reading.check(&process.entry.name)?;
    Ok(0)
}

fn watch(manager: &Manager, process: &Observed) -> Notifier {
    let dir = manager.store.dir().path();
    let segment = process.block.as_ref().map_or(0, |block| block.last_segment);
    let log = dir
        .join("logs")
        .join(crate::store::files::log(process.entry.id, segment));
    Notifier::watch(&[&log, &dir.join("run")])
}

fn cleared(process: &Observed) -> Error {
    Error::new(
        Kind::NotFound,
        format!("'{}' was cleared meanwhile", process.entry.name),
    )
    .hint("somebody removed it; all that was read has been shown")
}

/// Whether more rounds follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    More,
    Last,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema: u32,
    id: String,
    lines: Vec<LineDocument>,
    next_cursor: String,
    dropped_bytes: u64,
    eof: bool,
}

#[derive(Serialize)]
struct LineDocument {
    stream: &'static str,
    time: u64,
    text: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    partial: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continued: bool,
}

impl LineDocument {
    fn of(line: &Line) -> Self {
        Self {
            stream: line.stream.word(),
            time: line.time_ns / 1_000_000,
            text: line.shown(),
            partial: line.partial,
            continued: line.continued,
        }
    }
}

/// Who writes what is read.
struct Printer<'a> {
    context: &'a mut Context,
    clock: Option<Clock>,
    id: String,
    follows: bool,
    /// For JSON: the lines of this round.
    lines: Vec<LineDocument>,
    /// How much of each stream's unfinished line is on the screen.
    shown: [usize; 2],
    /// The stream whose unfinished line the cursor stands in.
    within: Option<usize>,
}

impl<'a> Printer<'a> {
    fn new(context: &'a mut Context, options: &Options, process: &Observed) -> Self {
        Self {
            context,
            clock: options.timestamps.then(Clock::local),
            id: process.entry.id.to_string(),
            follows: options.follow != Follow::No,
            lines: Vec::new(),
            shown: [0; 2],
            within: None,
        }
    }

    fn out_is_closed(&self) -> bool {
        self.context.out.is_closed()
    }

    fn take(&mut self, piece: Piece) -> Result<(), Error> {
        match (piece, self.context.format) {
            (Piece::Note(text), _) => {
                note(&text);
                Ok(())
            }
            (Piece::Bytes(bytes), _) => self.context.out.bytes(&bytes),
            (Piece::Line(line), Format::Json) => {
                self.lines.push(LineDocument::of(&line));
                Ok(())
            }
            (Piece::Line(line), Format::Text) => self.show(&line),
        }
    }

    /// Writes a line, or the rest of one that is on the screen in part.
    fn show(&mut self, line: &Line) -> Result<(), Error> {
        let stream = line.stream as usize;
        let shown = std::mem::take(&mut self.shown[stream]);
        let text = line.shown();
        let rest = text.get(shown..).unwrap_or(&text);
        if self.within.is_some_and(|within| within != stream) {
            self.context.out.text("\n")?;
        }
        if shown == 0 {
            self.stamp(line)?;
        }
        self.context.out.text(rest)?;
        if line.partial {
            self.shown[stream] = text.len();
            self.within = Some(stream);
        } else {
            self.context.out.text("\n")?;
            self.within = None;
        }
        Ok(())
    }

    fn stamp(&mut self, line: &Line) -> Result<(), Error> {
        match &self.clock {
            Some(clock) => self
                .context
                .out
                .text(&format!("{} ", clock.stamp(line.time_ns))),
            None => Ok(()),
        }
    }

    /// All that is there has been taken: shows unfinished lines, and lets go of everything held back.
    fn finish_round(
        &mut self,
        reading: &Reading,
        round: Round,
        reach: Reach,
        writes: bool,
    ) -> Result<(), Error> {
        let unfinished = reading.unfinished();
        if self.context.format == Format::Json {
            // While following, a line is given once: when it is whole, or nothing more comes.
            if round == Round::Last {
                self.lines.extend(unfinished.iter().map(LineDocument::of));
            }
            if round == Round::Last || !self.lines.is_empty() {
                let position = reading.position();
                let document = Document {
                    schema: SCHEMA,
                    id: self.id.clone(),
                    lines: std::mem::take(&mut self.lines),
                    next_cursor: format!(
                        "{}.{}.{}",
                        position.segment, position.offset, position.record
                    ),
                    dropped_bytes: reading.dropped_bytes,
                    eof: reach == Reach::Ended || !writes,
                };
                self.context.out.json(&document)?;
            }
        } else {
            for line in &unfinished {
                let grown =
                    self.can_grow(line) && line.bytes.len() > self.shown[line.stream as usize];
                if grown || round == Round::Last {
                    self.show(line)?;
                }
            }
            if round == Round::Last && self.within.take().is_some() {
                self.context.out.text("\n")?;
            }
        }
        if round == Round::Last && !writes && reading.torn_bytes() > 0 {
            note(&format!("torn tail: {} bytes", reading.torn_bytes()));
        }
        self.context.out.flush()
    }

    /// Whether an unfinished line can be shown now and continued later: while following, if it has
    /// nothing that could still change what is shown of it.
    fn can_grow(&self, line: &Line) -> bool {
        self.follows
            && line.cut.is_none()
            && line.bytes.iter().all(|byte| *byte >= b' ' && *byte != 0x7f)
            && std::str::from_utf8(&line.bytes).is_ok_and(|text| text == line.shown())
    }
}
