//! What is shown, and how it changes: by what a person does, what is read, and the time.
//!
//! Does not: read a log, do anything to a process, or draw. What has to be done it gives as [`Effect`]s.

use std::time::{Duration, Instant};

use ratatui::layout::Rect;

use super::actions::{Action, Focus};
use super::layout::Layout;
use super::list::List;
use super::log::{Log, Window};
use super::prompt::{Asking, Prompt};
use crate::manager::info::ProcessInfo;
use crate::manager::words::{Runtime, ShortStatus};
use crate::model::id::ProcessId;

/// How long a notice is shown.
const NOTICE_TIME: Duration = Duration::from_secs(8);

/// What is to be done, beside what is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    Quit,
    Suspend,
    /// Draw all of it anew: something else has drawn there.
    Redraw,
    Stop(ProcessId, Haste),
    Restart(ProcessId),
    Clear,
    /// A line, without what Enter sends.
    Send(ProcessId, String),
    /// Take over its terminal.
    Attach(ProcessId),
    /// Read further back.
    Older,
}

/// How a process is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    WithGrace,
    AtOnce,
}

/// Of which of its streams the log is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Streams {
    #[default]
    Both,
    Out,
    Err,
}

impl Streams {
    pub(super) fn wanted(self) -> [bool; 2] {
        [self != Self::Err, self != Self::Out]
    }

    fn next(self) -> Self {
        match self {
            Self::Both => Self::Out,
            Self::Out => Self::Err,
            Self::Err => Self::Both,
        }
    }
}

/// How a notice looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    /// What a process raised.
    Alert,
}

/// Something that was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) text: String,
    pub(super) tone: Tone,
    at: Instant,
}

/// Whether the log has the whole height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    List,
    Stream(ProcessId),
}

/// See the module.
pub(super) struct Model {
    pub(super) list: List,
    pub(super) log: Log,
    pub(super) view: View,
    pub(super) streams: Streams,
    pub(super) asking: Option<Asking>,
    pub(super) help: bool,
    pub(super) screen: Rect,
    pub(super) now: Instant,
    /// Those that are told, the newest last.
    notices: Vec<Notice>,
}

impl Model {
    pub(super) fn new(screen: Rect, now: Instant) -> Self {
        Self {
            list: List::default(),
            log: Log::default(),
            view: View::List,
            streams: Streams::Both,
            asking: None,
            help: false,
            screen,
            now,
            notices: Vec::new(),
        }
    }

    pub(super) fn layout(&self) -> Layout {
        match self.view {
            View::List => Layout::of_list(self.screen, self.list.shown().len()),
            View::Stream(_) => Layout::of_stream(self.screen),
        }
    }

    pub(super) fn focus(&self) -> Focus {
        match (&self.asking, self.help, self.view) {
            (Some(asking), _, _) if matches!(asking.prompt, Prompt::Stop { .. }) => Focus::Confirm,
            (Some(_), _, _) => Focus::Text,
            (None, true, _) => Focus::Help,
            (None, false, View::List) => Focus::List,
            (None, false, View::Stream(_)) => Focus::Stream,
        }
    }

    /// Takes what there is now; whether anything changed.
    pub(super) fn update(&mut self, processes: Vec<ProcessInfo>) -> bool {
        let (changed, ended) = self.list.update(processes, self.now);
        for process in ended {
            let (name, status) = (&process.name, ShortStatus(&process));
            let text = match process.runtime_ms {
                Some(_) => format!("{name} {status} after {}", Runtime(&process)),
                None => format!("{name} {status}"),
            };
            let tone = match process.success() {
                Some(true) => Tone::Good,
                _ => Tone::Bad,
            };
            self.tell(text, tone);
        }
        if let View::Stream(id) = self.view
            && self.list.selected().is_none_or(|process| process.id != id)
        {
            self.view = View::List;
            self.log.set_filter("");
            self.tell("it was cleared".to_owned(), Tone::Bad);
        }
        changed
    }

    /// Tells something for a while.
    pub(super) fn tell(&mut self, text: String, tone: Tone) {
        let at = self.now;
        self.notices.push(Notice { text, tone, at });
    }

    /// The newest notice, and how many others there are beside it.
    pub(super) fn notice(&self) -> Option<(&Notice, usize)> {
        let (newest, others) = self.notices.split_last()?;
        Some((newest, others.len()))
    }

    /// It is `now`. Whether something that was told is over.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        self.now = now;
        let count = self.notices.len();
        self.notices
            .retain(|notice| now.saturating_duration_since(notice.at) < NOTICE_TIME);
        self.notices.len() < count
    }

    /// When the next thing that was told is over.
    pub(super) fn next_tick(&self) -> Option<Instant> {
        self.notices.first().map(|notice| notice.at + NOTICE_TIME)
    }

    /// Does what can be done here, and gives what has to be done elsewhere.
    pub(super) fn apply(&mut self, action: Action) -> Option<Effect> {
        let window = self.window();
        match action {
            Action::Quit => return Some(Effect::Quit),
            Action::Suspend => return Some(Effect::Suspend),
            Action::Redraw => return Some(Effect::Redraw),
            Action::Clear => return Some(Effect::Clear),
            Action::Restart => return Some(Effect::Restart(self.list.selected()?.id)),
            Action::Attach => return Some(Effect::Attach(self.list.selected()?.id)),
            Action::Back => self.back(),
            Action::Help => self.help = true,
            Action::NextStreams => self.streams = self.streams.next(),
            Action::Open => {
                self.view = View::Stream(self.list.selected()?.id);
                self.log.follow();
            }
            Action::Move(steps) => self.list.step(steps),
            Action::MovePage(pages) => {
                let page = isize::try_from(self.layout().list.height.max(1)).unwrap_or(1);
                self.list.step(pages * page);
            }
            Action::MoveToFirst => self.list.select(0),
            Action::MoveToLast => self.list.select(usize::MAX),
            Action::Wheel { row, steps } => {
                if row < self.layout().rule.y && self.view == View::List {
                    self.list.step(steps.signum());
                } else {
                    return self.scroll(steps, window);
                }
            }
            Action::Scroll(rows) => return self.scroll(rows, window),
            Action::ScrollHalf(times) => {
                return self.scroll(times * of_rows(window.rows / 2), window);
            }
            Action::ScrollPage(times) => {
                return self.scroll(times * of_rows(window.rows.saturating_sub(1)), window);
            }
            Action::ScrollToTop => {
                self.log.scroll_to_top(window);
                return self.older(window);
            }
            Action::Follow => self.log.follow(),
            Action::AskFilter => {
                let before = match self.view {
                    View::List => self.list.filter(),
                    View::Stream(_) => self.log.filter(),
                };
                let before = before.to_owned();
                self.asking = Some(Asking::new(Prompt::Filter { before }));
            }
            Action::AskSend => {
                let (id, name) = self.target()?;
                self.asking = Some(Asking::new(Prompt::Send { id, name }));
            }
            Action::AskStop => {
                let (id, name) = self.target()?;
                self.asking = Some(Asking::new(Prompt::Stop { id, name }));
            }
            Action::Type(c) => self.type_text(|asking| asking.add(c.encode_utf8(&mut [0; 4]))),
            Action::TypeAll(text) => self.type_text(|asking| asking.add(&text)),
            Action::Erase => self.type_text(Asking::erase),
            Action::EraseAll => self.type_text(Asking::erase_all),
            Action::Stop => return self.stop(Haste::WithGrace),
            Action::Kill => return self.stop(Haste::AtOnce),
            Action::Submit => return self.submit(),
        }
        None
    }

    /// The selected process.
    fn target(&self) -> Option<(ProcessId, String)> {
        let process = self.list.selected()?;
        Some((process.id, process.name.clone()))
    }

    fn window(&self) -> Window {
        let log = self.layout().log;
        Window {
            columns: usize::from(log.width),
            rows: usize::from(log.height),
        }
    }

    fn scroll(&mut self, rows: isize, window: Window) -> Option<Effect> {
        self.log.scroll(rows, window);
        if rows < 0 { self.older(window) } else { None }
    }

    /// Reads further back when somebody wants to see what is before the first line.
    fn older(&self, window: Window) -> Option<Effect> {
        let more = !self.log.no_older && !self.log.is_full();
        (more && self.log.shows_first(window)).then_some(Effect::Older)
    }

    fn back(&mut self) {
        if let Some(asking) = self.asking.take() {
            if let Prompt::Filter { before } = asking.prompt {
                self.set_filter(&before);
            }
        } else if self.help {
            self.help = false;
        } else if let View::Stream(_) = self.view {
            self.view = View::List;
            self.log.set_filter("");
        } else {
            self.list.set_filter("");
        }
    }

    fn type_text(&mut self, change: impl FnOnce(&mut Asking)) {
        let Some(asking) = &mut self.asking else {
            return;
        };
        change(asking);
        if let Prompt::Filter { .. } = asking.prompt {
            let text = asking.text.clone();
            self.set_filter(&text);
        }
    }

    fn set_filter(&mut self, text: &str) {
        match self.view {
            View::List => self.list.set_filter(text),
            View::Stream(_) => self.log.set_filter(text),
        }
    }

    fn stop(&mut self, haste: Haste) -> Option<Effect> {
        match self.asking.take()?.prompt {
            Prompt::Stop { id, .. } => Some(Effect::Stop(id, haste)),
            Prompt::Filter { .. } | Prompt::Send { .. } => None,
        }
    }

    fn submit(&mut self) -> Option<Effect> {
        let asking = self.asking.take()?;
        match asking.prompt {
            Prompt::Send { id, .. } => Some(Effect::Send(id, asking.text)),
            Prompt::Filter { .. } | Prompt::Stop { .. } => None,
        }
    }
}

fn of_rows(rows: usize) -> isize {
    isize::try_from(rows.max(1)).unwrap_or(isize::MAX)
}

#[cfg(test)]
pub(super) mod tests;
