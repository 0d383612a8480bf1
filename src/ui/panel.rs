//! The panel's loop: one thread, which waits in poll(2) for keys, for changes and for signals, and
//! then reads and draws what has changed.
//!
//! Changes are looked at no more often than [`LIST_PAUSE`] and [`LOG_PAUSE`] say, and not more often
//! than they are worth: while nothing is new the pauses grow.
//! - [`handover`]: the terminal is given to others, and taken again.
//!
//! Does not: leave the terminal in another state than it was in, however it ends.

mod handover;

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ratatui::layout::Rect;

use super::actions::action;
use super::alerts::Alerts;
use super::effects::Hands;
use super::keys::{Decoder, Key};
use super::model::{Effect, Model, Tone};
use super::screen::{END, Screen};
use super::source::Source;
use super::{Options, view};
use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::model::error::Error;
use crate::sys::crash::panic_point;
use crate::sys::notify::{Notifier, wait_any};
use crate::sys::raw::RawTerminal;
use crate::sys::signals::{Signals, exit_code, suffer};
use crate::sys::window;

/// How soon the processes, and the log, are looked at again.
const LIST_PAUSE: Duration = Duration::from_millis(100);
const LIST_PAUSE_MAX: Duration = Duration::from_secs(2);
const LOG_PAUSE: Duration = Duration::from_millis(40);
/// How often they are looked at when nothing wakes; and when changes do, in case one was missed.
const POLL_ALONE: Duration = Duration::from_millis(500);
const POLL_WOKEN: Duration = Duration::from_secs(5);
/// How long the rest of a sequence may take that a key sends.
const REST_OF_KEY: Duration = Duration::from_millis(40);
/// How often a runtime that is shown changes.
const SECOND: Duration = Duration::from_secs(1);

/// The size of a terminal that tells none.
const SIZE_DEFAULT: (u16, u16) = (80, 24);

/// What ends the panel, by its own handling or by default.
const ENDING: [Signal; 4] = [
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
];

/// Why the panel ends.
enum Left {
    ByKey,
    By(Signal),
    TerminalGone,
}

/// Shows the panel until it is left.
///
/// # Errors
///
/// The terminal cannot be taken over.
pub(super) fn run(manager: &Manager, options: &Options<'_>) -> Result<u8, Error> {
    let cannot = |error: io::Error| Error::system("cannot take over the terminal", &error);
    let others = [Signal::SIGTSTP, Signal::SIGCONT, Signal::SIGWINCH];
    let signals = Signals::take(&[&ENDING[..], &others[..]].concat()).map_err(cannot)?;
    let terminal = RawTerminal::enter(END).map_err(cannot)?;
    let area = area();
    let now = Instant::now();
    let mut panel = Panel {
        manager,
        options,
        alerts: Alerts::default(),
        hands: Hands::new(manager, options.configured_grace),
        model: Model::new(area, now),
        seen: Vec::new(),
        changes: manager.watch_processes(),
        source: None,
        screen: Screen::new(area, options.colours).map_err(cannot)?,
        terminal: Some(terminal),
        decoder: Decoder::default(),
        key_due: None,
        list_due: now,
        list_seen: now,
        list_pause: LIST_PAUSE,
        log_due: None,
        log_seen: now,
        shown_at: now,
        changed: true,
    };
    let left = match panel.redraw() {
        Ok(()) => panel.run(&signals),
        Err(left) => left,
    };
    drop(panel); // the terminal is given back
    match left {
        Left::ByKey | Left::TerminalGone => Ok(0),
        Left::By(signal) => {
            suffer(signal).map_err(cannot)?;
            Ok(exit_code(signal)) // whoever handles it lives on
        }
    }
}

fn area() -> Rect {
    let (width, height) = window::size().unwrap_or(SIZE_DEFAULT);
    Rect::new(0, 0, width, height)
}

struct Panel<'a> {
    manager: &'a Manager,
    options: &'a Options<'a>,
    hands: Hands<'a>,
    alerts: Alerts,
    model: Model,
    /// The processes as they were seen last.
    seen: Vec<Observed>,
    changes: Notifier,
    source: Option<Source>,
    screen: Screen,
    /// `None` while it is given back.
    terminal: Option<RawTerminal>,
    decoder: Decoder,
    /// When nothing can follow any more that belongs to the key which has begun.
    key_due: Option<Instant>,
    /// When the processes are looked at, and when they were.
    list_due: Instant,
    list_seen: Instant,
    list_pause: Duration,
    /// When the log is, if it has changed, and when it was.
    log_due: Option<Instant>,
    log_seen: Instant,
    shown_at: Instant,
    /// What is shown is not what the model says.
    changed: bool,
}

impl Panel<'_> {
    fn run(&mut self, signals: &Signals) -> Left {
        loop {
            let now = Instant::now();
            self.changed |= self.model.tick(now);
            if now >= self.list_due {
                self.look_at_processes();
            }
            self.look_at_log(now);
            let second = self.model.list.any_lives() && now >= self.shown_at + SECOND;
            if self.changed || second {
                let model = &mut self.model;
                if self
                    .screen
                    .show(|buffer| view::draw(model, buffer))
                    .is_err()
                {
                    return Left::TerminalGone;
                }
                (self.shown_at, self.changed) = (now, false);
                panic_point!("panel-shown");
            }
            if let Some(left) = self.wait(signals) {
                return left;
            }
        }
    }

    /// Waits until something has to be done, and does what keys and signals ask for.
    fn wait(&mut self, signals: &Signals) -> Option<Left> {
        let now = Instant::now();
        let mut notifiers = Vec::new();
        let list_waits = self.list_due <= now + self.list_pause;
        if !list_waits {
            notifiers.push(&self.changes);
        }
        let log = self.source.as_ref().map(Source::notifier);
        let log = log.filter(|_| self.log_due.is_none() && self.model.log.follows());
        notifiers.extend(log);
        let Some(terminal) = &self.terminal else {
            return Some(Left::TerminalGone); // it is had all the time
        };
        let inputs = [terminal.as_fd(), signals.as_fd()];
        let limit = self.next_due().saturating_duration_since(now);
        let (seen, [key, signal]) = wait_any(&notifiers, inputs, limit);
        let mut seen = seen.into_iter();
        if !list_waits && seen.next() == Some(true) {
            self.list_due = self.list_due.min(self.list_seen + self.list_pause);
        }
        if seen.next() == Some(true) {
            self.log_due = Some(self.log_seen + LOG_PAUSE);
        }
        if signal && let Some(left) = self.take_signals(signals) {
            return Some(left);
        }
        let keys = if key {
            match self.read_keys() {
                Ok(keys) => keys,
                Err(left) => return Some(left),
            }
        } else if self.key_due.is_some_and(|due| Instant::now() >= due) {
            self.key_due = None;
            self.decoder.decide().into_iter().collect()
        } else {
            Vec::new()
        };
        keys.into_iter().find_map(|key| self.press(key))
    }

    fn read_keys(&mut self) -> Result<Vec<Key>, Left> {
        let mut bytes = [0; 4096];
        let terminal = self.terminal.as_ref().ok_or(Left::TerminalGone)?;
        match terminal.read(&mut bytes) {
            Ok(0) => Err(Left::TerminalGone),
            Ok(count) => {
                let keys = self.decoder.push(&bytes[..count]);
                let undecided = self.decoder.is_undecided();
                self.key_due = undecided.then(|| Instant::now() + REST_OF_KEY);
                Ok(keys)
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => Ok(Vec::new()),
                _ => Err(Left::TerminalGone),
            },
        }
    }

    fn next_due(&self) -> Instant {
        let runtimes = self.model.list.any_lives().then(|| self.shown_at + SECOND);
        let dues = [runtimes, self.key_due, self.log_due, self.model.next_tick()];
        dues.into_iter().flatten().fold(self.list_due, Instant::min)
    }

    fn look_at_processes(&mut self) {
        let in_place = self.manager.store.dir().check_in_place();
        match in_place.and_then(|()| self.manager.observe_all()) {
            Ok(seen) => {
                let infos = seen.iter().map(Observed::info).collect();
                self.seen = seen;
                let mut news = self.model.update(infos);
                news |= self.alerts.hear(self.manager, &self.seen, &mut self.model);
                news |= self.hands.go_on(&self.seen, &mut self.model);
                self.changed |= news;
                self.list_pause = if news {
                    LIST_PAUSE
                } else {
                    (self.list_pause * 2).min(LIST_PAUSE_MAX)
                };
            }
            Err(error) => self.tell(&error),
        }
        let poll = if self.changes.wakes() {
            POLL_WOKEN
        } else {
            POLL_ALONE
        };
        self.list_seen = Instant::now();
        self.list_due = self.list_seen + poll;
    }

    /// Reads the log of the selected process, if it has changed or is another than before.
    fn look_at_log(&mut self, now: Instant) {
        let wanted = self.model.list.selected().map(|process| process.id);
        let Some(id) = wanted else {
            if self.source.take().is_some() {
                self.model.log.clear();
            }
            return;
        };
        let wanted = (id, self.model.streams);
        let due = self.log_due.is_some_and(|due| now >= due);
        match &mut self.source {
            Some(source) if source.of() == wanted => {
                if due {
                    self.changed |= source.update(self.manager, &mut self.model.log);
                }
            }
            _ => {
                let process = self.seen.iter().find(|seen| seen.entry.id == id);
                if let Some(process) = process.cloned() {
                    let log = &mut self.model.log;
                    let source = Source::open(self.manager, process, wanted.1, log);
                    self.source = Some(source);
                    self.changed = true;
                }
            }
        }
        if due {
            self.log_due = None;
            self.log_seen = Instant::now();
        }
        let wakes = self
            .source
            .as_ref()
            .is_some_and(|source| source.notifier().wakes());
        if !wakes && self.log_due.is_none() && self.model.log.follows() {
            self.log_due = Some(self.log_seen + POLL_ALONE);
        }
    }

    fn press(&mut self, key: Key) -> Option<Left> {
        let action = action(self.model.focus(), key)?;
        self.changed = true;
        let effect = self.model.apply(action);
        // Whoever follows again wants to see what came meanwhile.
        self.log_due = self.log_due.or(Some(self.log_seen + LOG_PAUSE));
        let (seen, model) = (&self.seen, &mut self.model);
        match effect? {
            Effect::Quit => return Some(Left::ByKey),
            Effect::Suspend => return self.suspend().err(),
            Effect::Redraw => return self.redraw().err(),
            Effect::Stop(id, haste) => self.hands.stop(seen, id, haste, model),
            Effect::Restart(id) => self.hands.restart(seen, id, model),
            Effect::Clear => self.hands.clear(seen, model),
            Effect::Send(id, line) => self.hands.send(seen, id, &line, model),
            Effect::Attach(id) => {
                let target = self.hands.attachable(seen, id, model)?;
                return self.attach(target).err();
            }
            Effect::Older => {
                if let Some(source) = &mut self.source {
                    source.older(self.manager, &mut model.log);
                }
                return None;
            }
        }
        self.list_due = Instant::now();
        self.list_pause = LIST_PAUSE;
        None
    }

    fn take_signals(&mut self, signals: &Signals) -> Option<Left> {
        while let Some(signal) = signals.next() {
            let done = match signal {
                Signal::SIGTSTP => self.suspend(),
                Signal::SIGWINCH => self.redraw(),
                Signal::SIGCONT => self.take_over_again(),
                signal => Err(Left::By(signal)),
            };
            if let Err(left) = done {
                return Some(left);
            }
        }
        None
    }

    fn tell(&mut self, error: &Error) {
        self.model.tell(error.message.clone(), Tone::Bad);
        self.changed = true;
    }
}
