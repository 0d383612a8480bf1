//! What is raised of a process, by its settings: its ends, lines that match, silence.
//!
//! - [`matching`]: which lines are told. Nothing is compiled or kept unless it was asked for.
//! - [`pace`]: what repeats is raised every 2 s at most, and how often it happened is counted.
//!
//! Of the ends of a process that is run again and again, the first is raised, and the last: between them
//! only one that came after a long run.
//! Does not: write anything down; the [`journal`](super::journal) does.

mod matching;
mod pace;

use std::time::{Duration, Instant};

use crate::log::Kind;
use crate::model::alert::{Event, Raised};
use crate::model::facts::{AlertSettings, Exit};
use crate::sys::clock;
use crate::text::display::excerpt;
use crate::text::lines::Stream;
use crate::text::row::{self, Look};
use matching::{LINE_TOLD_BYTES, Matcher};
use pace::Pace;

/// The most events that a status block has room for.
pub(super) const RAISED_MAX: usize = 7;
/// How much of the last output of a stream is kept, in bytes.
const TAIL_BYTES: usize = 256;
/// A run that lasted as long is no part of a crash loop.
const LOOP_RUN_MAX_MS: u64 = 10_000;

/// What is to be raised, and what was.
pub(super) struct Alerts {
    settings: AlertSettings,
    matcher: Option<Box<Matcher>>,
    pace: Pace,
    /// Of what is wrong with the log: no flood of lines may hold that back.
    log_pace: Pace,
    /// When the current run began; `None` while there is none.
    began: Option<Instant>,
    run: u64,
    /// Since when nothing was written; `None` when that is not asked for, or was raised.
    silent_since: Option<Instant>,
    tails: [Tail; 2],
    last_stream: Stream,
    seq: u64,
    outputs: u64,
    ends: u64,
    /// The loop of short runs that is going on was raised.
    loop_is_told: bool,
}

impl Alerts {
    pub(super) fn new(settings: &AlertSettings) -> Self {
        Self {
            settings: settings.clone(),
            matcher: Matcher::new(&settings.on_output, 0),
            pace: Pace::default(),
            log_pace: Pace::default(),
            began: None,
            run: 0,
            silent_since: None,
            tails: [Tail::default(); 2],
            last_stream: Stream::Out,
            seq: 0,
            outputs: 0,
            ends: 0,
            loop_is_told: false,
        }
    }

    /// From now on these settings count. Returns what the expressions of before had found and was held back.
    pub(super) fn set(&mut self, settings: &AlertSettings, now: Instant) -> Vec<Raised> {
        let mut held_back = Vec::new();
        if settings.on_output != self.settings.on_output {
            held_back.extend(std::iter::from_fn(|| self.output(now)));
            let before = self.matcher.take();
            self.outputs = before.as_ref().map_or(self.outputs, |it| it.total());
            self.matcher = Matcher::new(&settings.on_output, self.outputs);
            match (&mut self.matcher, before) {
                (None, _) => (),
                (Some(matcher), Some(before)) => matcher.go_on_in_the_lines_of(*before),
                (Some(matcher), None) => {
                    for stream in Stream::ALL {
                        matcher.go_on_behind(stream, self.tails[stream as usize].last_piece());
                    }
                }
            }
        }
        if settings.on_idle_ms != self.settings.on_idle_ms {
            let asked = settings.on_idle_ms.is_some() && self.began.is_some();
            self.silent_since = asked.then_some(now);
        }
        self.settings = settings.clone();
        held_back
    }

    /// A run has begun.
    pub(super) fn started(&mut self, began: Instant) {
        self.began = Some(began);
        self.run += 1;
        self.silent_since = self.settings.on_idle_ms.map(|_| began);
    }

    /// This was read.
    pub(super) fn read(&mut self, kind: Kind, bytes: &[u8]) {
        let stream = if kind == Kind::Stderr {
            Stream::Err
        } else {
            Stream::Out
        };
        self.tails[stream as usize].push(bytes);
        self.last_stream = stream;
        let asked_for_silence = self.began.is_some() && self.settings.on_idle_ms.is_some();
        if self.matcher.is_none() && !asked_for_silence {
            return;
        }
        let now = Instant::now();
        if asked_for_silence {
            self.silent_since = Some(now);
        }
        if let Some(matcher) = &mut self.matcher {
            matcher.read(stream, bytes, now);
        }
    }

    /// The next event that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<Raised> {
        if let Some(matcher) = &mut self.matcher {
            matcher.look_at_unfinished(Some(now));
            if matcher.has_found() && self.pace.allows(now) {
                return self.output(now);
            }
        }
        if self.silence_ends().is_some_and(|at| now >= at) && self.pace.allows(now) {
            self.silent_since = None;
            let line = self.last_line();
            return Some(Raised {
                silent_ms: self.settings.on_idle_ms,
                ..self.raise(Event::Idle, now, 0, line)
            });
        }
        None
    }

    /// The log is not what it should be, as `event` says.
    pub(super) fn of_log(&mut self, event: Event, now: Instant) -> Option<Raised> {
        let told = self.settings.wants(event) && self.log_pace.allows(now);
        told.then(|| self.raise(event, now, 0, None))
    }

    /// What matched and was held back: nothing comes any more, for now.
    pub(super) fn held_back(&mut self, now: Instant) -> Option<Raised> {
        self.matcher.as_mut()?.look_at_unfinished(None);
        self.output(now)
    }

    /// The end of a run, if it is to be raised.
    pub(super) fn ended(&mut self, exit: &Exit, now: Instant) -> Option<Raised> {
        self.silent_since = None;
        let event = Event::of_end(exit.status, exit.reason)?;
        let line = self.settings.wants(event).then(|| self.last_line());
        let raised = line.and_then(|line| {
            self.ends += 1;
            let ran_ms = exit.run_ms.unwrap_or(exit.runtime_ms);
            let in_a_loop = exit.again && ran_ms < LOOP_RUN_MAX_MS;
            let told = std::mem::replace(&mut self.loop_is_told, in_a_loop);
            (!(told && in_a_loop)).then(|| Raised {
                exit: Some(exit.clone()),
                restarting: exit.again,
                // Of the last run it is told how long the process was, as its status says.
                runtime_ms: if exit.again { ran_ms } else { exit.runtime_ms },
                time_ms: exit.end_ms,
                ..self.raise(event, now, self.ends, line)
            })
        });
        self.began = None;
        raised
    }

    /// When [`due`](Self::due) has something to give.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let matcher = self.matcher.as_ref();
        let held_back = matcher.is_some_and(|matcher| matcher.has_found());
        let prompt = matcher.and_then(|matcher| matcher.deadline());
        let paced = held_back.then(|| self.pace.next()).flatten();
        // A silence that is held back has to wait for the pace.
        let silence = self
            .silence_ends()
            .map(|at| self.pace.next().map_or(at, |next| at.max(next)));
        [paced, prompt, silence].into_iter().flatten().min()
    }

    fn silence_ends(&self) -> Option<Instant> {
        self.silent_since?
            .checked_add(Duration::from_millis(self.settings.on_idle_ms?))
    }

    fn output(&mut self, now: Instant) -> Option<Raised> {
        let matcher = self.matcher.as_mut()?;
        let (found, total) = (matcher.take()?, matcher.total());
        Some(Raised {
            pattern: Some(found.pattern),
            ..self.raise(Event::Output, now, total, Some(found.line))
        })
    }

    fn raise(&mut self, event: Event, now: Instant, total: u64, line: Option<String>) -> Raised {
        self.seq += 1;
        let began = self.began.unwrap_or(now);
        Raised {
            seq: self.seq,
            event,
            time_ms: clock::wall_ms(),
            runtime_ms: clock::milliseconds(now - began),
            run: self.run,
            total,
            line,
            pattern: None,
            exit: None,
            restarting: false,
            silent_ms: None,
        }
    }

    /// The last line that was written, as far as it is kept.
    fn last_line(&self) -> Option<String> {
        let tails = [self.last_stream, Stream::Out, Stream::Err];
        let mut lines = tails
            .iter()
            .map(|stream| self.tails[*stream as usize].last_line());
        lines.find(|line| !line.is_empty())
    }
}

/// Makes `raised` one of those that the status block has room for. Of what repeats the older goes first,
/// of the expression that has most: the count of the newer tells that there was more.
pub(super) fn add(all: &mut Vec<Raised>, raised: Raised) {
    all.push(raised);
    if all.len() <= RAISED_MAX {
        return;
    }
    let of_same = |one: &Raised| {
        let same = |other: &&Raised| other.event == one.event && other.pattern == one.pattern;
        all.iter().filter(same).count()
    };
    let goes = (0..all.len() - 1)
        .rev()
        .max_by_key(|&index| (!all[index].event.is_end(), of_same(&all[index])))
        .unwrap_or(0);
    all.remove(goes);
}

/// The last bytes of a stream.
#[derive(Clone, Copy)]
struct Tail {
    bytes: [u8; TAIL_BYTES],
    len: usize,
}

impl Default for Tail {
    fn default() -> Self {
        Self {
            bytes: [0; TAIL_BYTES],
            len: 0,
        }
    }
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let kept = self.len.min(TAIL_BYTES - bytes.len());
        self.bytes.copy_within(self.len - kept..self.len, 0);
        self.bytes[kept..kept + bytes.len()].copy_from_slice(bytes);
        self.len = kept + bytes.len();
    }

    /// What stands behind the last newline, as much of it as there is.
    fn last_piece(&self) -> &[u8] {
        let bytes = &self.bytes[..self.len];
        &bytes[memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1)..]
    }

    /// The last line that is not blank, from its beginning or as much of it as there is.
    fn last_line(&self) -> String {
        let mut lines = self.bytes[..self.len].rsplit(|byte| *byte == b'\n');
        lines
            .find_map(|line| {
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let line = line.utf8_chunks().map(|chunk| chunk.valid());
                let shown = row::shown(line.collect::<String>().as_bytes(), Look::Pipe)
                    .trim()
                    .to_owned();
                (!shown.is_empty()).then(|| excerpt(&shown, LINE_TOLD_BYTES))
            })
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
