//! The processes in the order in which they are shown, which of them is selected, and what has ended
//! since they were looked at before.
//!
//! Those that live come first, and of these and of the others the newest.
//! Does not: look at anything by itself.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::manager::info::ProcessInfo;
use crate::manager::words::{Runtime, ShortStatus};
use crate::model::id::ProcessId;
use crate::model::status::Status;
use crate::sys::clock;

/// See the module.
#[derive(Default)]
pub(super) struct List {
    processes: Vec<ProcessInfo>,
    /// When they were looked at; `None` before the first time.
    seen_at: Option<Instant>,
    filter: String,
    selected: Option<ProcessId>,
    /// Where the selection stands among those that are shown, in case it goes.
    place: usize,
    /// The first that is on the screen.
    top: usize,
}

/// How many processes are how.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) live: usize,
    /// Failed, crashed or lost.
    pub(super) bad: usize,
    /// Ended otherwise.
    pub(super) ended: usize,
}

impl List {
    /// Takes what there is now; gives those that have ended meanwhile. Whether anything changed.
    pub(super) fn update(
        &mut self,
        mut now: Vec<ProcessInfo>,
        at: Instant,
    ) -> (bool, Vec<ProcessInfo>) {
        let before: HashMap<ProcessId, (Status, bool)> = self
            .processes
            .iter()
            .map(|process| (process.id, (process.status, process.paused)))
            .collect();
        let is_first = self.seen_at.is_none();
        let mut changed = is_first || before.len() != now.len();
        let mut ended = Vec::new();
        for process in &now {
            let was = before.get(&process.id);
            changed |= was != Some(&(process.status, process.paused));
            let lived = was.is_none_or(|(status, _)| status.is_live());
            if lived && !is_first && !process.status.is_live() {
                ended.push(process.clone());
            }
        }
        now.sort_by_key(|process| (!process.status.is_live(), std::cmp::Reverse(process.number)));
        self.processes = now;
        self.seen_at = Some(at);
        self.keep_selection();
        (changed, ended)
    }

    /// Those that the filter lets through.
    pub(super) fn shown(&self) -> Vec<&ProcessInfo> {
        let wanted = self.filter.to_lowercase();
        self.processes
            .iter()
            .filter(|process| fits(process, &wanted))
            .collect()
    }

    pub(super) fn selected(&self) -> Option<&ProcessInfo> {
        let id = self.selected?;
        self.processes.iter().find(|process| process.id == id)
    }

    pub(super) fn is_selected(&self, process: &ProcessInfo) -> bool {
        self.selected == Some(process.id)
    }

    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    pub(super) fn set_filter(&mut self, filter: &str) {
        filter.clone_into(&mut self.filter);
        self.keep_selection();
    }

    /// Selects another, so many steps down.
    pub(super) fn step(&mut self, steps: isize) {
        self.select(self.place.saturating_add_signed(steps));
    }

    pub(super) fn select(&mut self, place: usize) {
        let shown = self.shown();
        let place = place.min(shown.len().saturating_sub(1));
        let selected = shown.get(place).map(|process| process.id);
        (self.place, self.selected) = (place, selected);
    }

    /// Whether any of them lives.
    pub(super) fn any_lives(&self) -> bool {
        self.processes
            .iter()
            .any(|process| process.status.is_live())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for process in &self.processes {
            match process.status {
                Status::Starting | Status::Running | Status::Stopping => counts.live += 1,
                Status::Crashed | Status::Failed | Status::Lost => counts.bad += 1,
                Status::Exited | Status::Killed => counts.ended += 1,
            }
        }
        counts
    }

    /// Which of those that are shown are on a screen of so many rows: the selected one is.
    pub(super) fn first_row(&mut self, rows: usize) -> usize {
        let count = self.shown().len();
        self.top = self.top.min(count.saturating_sub(rows));
        if self.place < self.top {
            self.top = self.place;
        } else if self.place >= self.top + rows {
            self.top = (self.place + 1).saturating_sub(rows);
        }
        self.top
    }

    /// How long `process`, which is one of these, has run by `now`.
    pub(super) fn runtime(&self, process: &ProcessInfo, now: Instant) -> String {
        let mut process = process.clone();
        if process.status.is_live()
            && let (Some(ms), Some(at)) = (&mut process.runtime_ms, self.seen_at)
        {
            let since = now.saturating_duration_since(at) + Duration::from_millis(*ms);
            *ms = clock::milliseconds(since);
            if *ms >= 1000 {
                *ms -= *ms % 1000;
            }
        }
        Runtime(&process).to_string()
    }

    /// The same one stays selected; if it is gone, the one that stands in its place.
    fn keep_selection(&mut self) {
        let shown = self.shown();
        let place = shown.iter().position(|process| self.is_selected(process));
        self.select(place.unwrap_or(if self.selected.is_some() {
            self.place
        } else {
            0
        }));
    }
}

/// Whether `wanted`, in lower case, is found in anything of it that is shown.
fn fits(process: &ProcessInfo, wanted: &str) -> bool {
    let found = |text: &str| text.to_lowercase().contains(wanted);
    wanted.is_empty()
        || found(&process.name)
        || found(&process.command_line().to_string())
        || found(&ShortStatus(process).to_string())
        || found(&process.id.to_string())
        || process.group.as_deref().is_some_and(found)
        || process.session.as_deref().is_some_and(found)
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::{info, numbered};
    use super::*;

    fn names(list: &List) -> String {
        let names: Vec<&str> = list
            .shown()
            .iter()
            .map(|process| process.name.as_str())
            .collect();
        names.join(" ")
    }

    #[test]
    fn the_living_and_the_newest_come_first() {
        let mut list = List::default();
        let now = Instant::now();
        list.update(
            vec![
                info(1, "old", Status::Running),
                info(2, "bad", Status::Failed),
                info(3, "new", Status::Running),
                info(4, "done", Status::Exited),
            ],
            now,
        );
        assert_eq!(names(&list), "new old done bad");
        assert_eq!(list.selected().unwrap().name, "new");
        assert_eq!(
            list.counts(),
            Counts {
                live: 2,
                bad: 1,
                ended: 1
            }
        );
    }

    #[test]
    fn the_same_one_stays_selected_and_its_neighbour_when_it_goes() {
        let mut list = List::default();
        let now = Instant::now();
        let all = || numbered(5);
        list.update(all(), now); // p5 p4 p3 p2 p1
        list.step(2);
        assert_eq!(list.selected().unwrap().name, "p3");
        let mut ended = all();
        ended[2].status = Status::Failed;
        let (changed, notices) = list.update(ended, now);
        assert_eq!((changed, notices.len()), (true, 1));
        assert_eq!(names(&list), "p5 p4 p2 p1 p3");
        assert_eq!(list.selected().unwrap().name, "p3");
        let mut fewer = all();
        fewer.remove(2);
        list.update(fewer, now);
        assert_eq!(list.selected().unwrap().name, "p1");
        list.update(Vec::new(), now);
        assert!(list.selected().is_none());
        list.update(all(), now);
        assert_eq!(list.selected().unwrap().name, "p5");
        assert!(!list.update(all(), now).0);
    }

    #[test]
    fn a_filter_looks_at_all_that_is_shown() {
        let mut list = List::default();
        let now = Instant::now();
        list.update(
            vec![
                info(1, "web", Status::Running),
                info(2, "db", Status::Failed),
            ],
            now,
        );
        for (filter, shown) in [
            ("WEB", "web"),
            ("failed", "db"),
            ("00000002", "db"),
            ("", "web db"),
            ("none", ""),
        ] {
            list.set_filter(filter);
            assert_eq!(names(&list), shown, "{filter}");
        }
    }

    #[test]
    fn the_selected_one_is_on_the_screen() {
        let mut list = List::default();
        list.update(numbered(100), Instant::now());
        assert_eq!(list.first_row(10), 0);
        list.step(10);
        assert_eq!(list.first_row(10), 1);
        list.select(usize::MAX);
        assert_eq!(list.first_row(10), 90);
        assert_eq!(list.first_row(50), 50);
        list.select(0);
        assert_eq!(list.first_row(10), 0);
        assert_eq!(list.first_row(0), 1);
    }
}
