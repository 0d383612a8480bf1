//! The lines of one process's output that are held, and which of them are on the screen.
//!
//! The place is where the screen's last row is: the end, along with it; or a line, which stays where it
//! is however much is written. Memory is bounded by [`LINES_MAX`] and [`BYTES_MAX`].
//! Does not: read a log, or hold more of it than its end.

use std::collections::VecDeque;

use super::paint::{self, Cell};
use crate::text::lines::Line;
use crate::text::row::Look;

/// The most lines that are held, and the most bytes of them.
pub(super) const LINES_MAX: usize = 20_000;
pub(super) const BYTES_MAX: usize = 8 * 1024 * 1024;

/// What is shown as a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LogLine {
    Output(Line<'static>),
    /// What is to be said beside the output.
    Note(String),
}

struct Held {
    line: LogLine,
    /// The filter lets it through.
    wanted: bool,
}

/// Where the last row of the screen is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    line: u64,
    /// So many rows of the line are below it.
    below: usize,
}

/// How wide and high the part of the screen is that shows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// See the module.
#[derive(Default)]
pub(super) struct Log {
    lines: VecDeque<Held>,
    /// The number of the first of them.
    first: u64,
    bytes: usize,
    /// What the streams wrote after their last newlines.
    unfinished: Vec<Held>,
    /// `None`: the end.
    place: Option<Place>,
    filter: String,
    /// Nothing is to be had from before the first line.
    pub(super) no_older: bool,
    /// Why there are no lines.
    pub(super) failure: Option<String>,
}

impl Log {
    /// Holds nothing any more, and follows what comes.
    pub(super) fn clear(&mut self) {
        let filter = std::mem::take(&mut self.filter);
        *self = Self {
            filter,
            ..Self::default()
        };
    }

    /// Exchanges all lines for `lines`, which end as late or later and go further back; what is on the
    /// screen stays there.
    pub(super) fn reload(&mut self, lines: Vec<LogLine>, unfinished: Vec<Line<'static>>) {
        let place = self.place.take();
        let (numbered, count) = (self.first, self.lines.len());
        let first = self.lines.front().map(|held| &held.line);
        let same = first.and_then(|first| lines.iter().position(|line| line == first));
        // Not found: as far from the end as before.
        let same = same.unwrap_or(lines.len().saturating_sub(count)) as u64;
        self.lines.clear();
        self.bytes = 0;
        self.first = numbered.saturating_sub(same);
        let offset = self.first + same - numbered;
        for line in lines {
            self.push(line);
        }
        self.set_unfinished(unfinished);
        self.place = place.map(|place| Place {
            line: place.line + offset,
            ..place
        });
    }

    /// Takes the next line.
    pub(super) fn push(&mut self, line: LogLine) {
        self.bytes += taken(&line);
        let wanted = wants(&self.filter, &line);
        self.lines.push_back(Held { line, wanted });
        while (self.bytes > BYTES_MAX || self.lines.len() > LINES_MAX)
            && let Some(oldest) = self.lines.pop_front()
        {
            self.bytes -= taken(&oldest.line);
            self.first += 1;
            self.no_older = false;
        }
    }

    /// Takes what is written after the last newlines.
    pub(super) fn set_unfinished(&mut self, lines: Vec<Line<'static>>) {
        let held = |line| {
            let line = LogLine::Output(line);
            let wanted = wants(&self.filter, &line);
            Held { line, wanted }
        };
        self.unfinished = lines.into_iter().map(held).collect();
    }

    /// Whether its end is on the screen.
    pub(super) fn follows(&self) -> bool {
        self.place.is_none()
    }

    pub(super) fn follow(&mut self) {
        self.place = None;
    }

    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    pub(super) fn set_filter(&mut self, filter: &str) {
        filter.clone_into(&mut self.filter);
        for held in self.lines.iter_mut().chain(&mut self.unfinished) {
            held.wanted = wants(filter, &held.line);
        }
        self.place = None;
    }

    pub(super) fn line_count(&self) -> usize {
        self.lines.len()
    }

    /// Whether as much is held as ever will be.
    pub(super) fn is_full(&self) -> bool {
        self.lines.len() >= LINES_MAX || self.bytes >= BYTES_MAX / 2
    }

    /// Whether the first line that is held is on the screen.
    pub(super) fn shows_first(&self, window: Window) -> bool {
        self.rows_up_to(self.bottom(), window, window.rows + 1) <= window.rows
    }

    /// Goes so many rows down, and no further up than the first line.
    pub(super) fn scroll(&mut self, rows: isize, window: Window) {
        let Some(mut place) = self.bottom() else {
            return;
        };
        for _ in 0..rows.unsigned_abs() {
            let next = if rows < 0 {
                self.up(place, window)
            } else {
                self.down(place, window)
            };
            match next {
                Some(next) => place = next,
                None => break,
            }
        }
        self.settle(place, window);
    }

    /// Goes to the first line that is held.
    pub(super) fn scroll_to_top(&mut self, window: Window) {
        if let Some(line) = self.next_wanted(self.first) {
            let below = self.row_count(line, window).saturating_sub(1);
            self.settle(Place { line, below }, window);
        }
    }

    /// The rows that are on the screen, from the top.
    pub(super) fn visible(&self, window: Window) -> Vec<Vec<Cell>> {
        let mut rows = Vec::new();
        let mut place = self.bottom();
        while let Some(Place { line, below }) = place
            && rows.len() < window.rows
        {
            let cells = self.cells(line);
            let ranges = paint::wrap(&cells, window.columns);
            let seen = ranges.len().saturating_sub(below);
            for range in ranges[..seen].iter().rev().take(window.rows - rows.len()) {
                rows.push(cells[range.clone()].to_vec());
            }
            place = self
                .wanted_before(line)
                .map(|line| Place { line, below: 0 });
        }
        rows.reverse();
        rows
    }

    /// Makes `place` the last row, unless the screen would not be full then.
    fn settle(&mut self, mut place: Place, window: Window) {
        let full = self.rows_up_to(Some(place), window, window.rows);
        for _ in full..window.rows {
            match self.down(place, window) {
                Some(next) => place = next,
                None => break,
            }
        }
        self.place = (Some(place) != self.end()).then_some(place);
    }

    fn end(&self) -> Option<Place> {
        let behind = self.first + (self.lines.len() + self.unfinished.len()) as u64;
        let line = self.wanted_before(behind)?;
        Some(Place { line, below: 0 })
    }

    fn bottom(&self) -> Option<Place> {
        match self.place {
            None => self.end(),
            Some(place) if self.held(place.line).is_some_and(|held| held.wanted) => Some(place),
            Some(place) => {
                let line = self.next_wanted(place.line.max(self.first));
                line.map(|line| Place { line, below: 0 }).or(self.end())
            }
        }
    }

    /// How many rows there are from the first line to `place`, up to `enough`.
    fn rows_up_to(&self, place: Option<Place>, window: Window, enough: usize) -> usize {
        let mut rows = 0;
        let mut place = place;
        while let Some(Place { line, below }) = place
            && rows < enough
        {
            rows += self.row_count(line, window).saturating_sub(below);
            place = self
                .wanted_before(line)
                .map(|line| Place { line, below: 0 });
        }
        rows
    }

    fn up(&self, place: Place, window: Window) -> Option<Place> {
        if place.below + 1 < self.row_count(place.line, window) {
            return Some(Place {
                below: place.below + 1,
                ..place
            });
        }
        let line = self.wanted_before(place.line)?;
        Some(Place { line, below: 0 })
    }

    fn down(&self, place: Place, window: Window) -> Option<Place> {
        if let Some(below) = place.below.checked_sub(1) {
            return Some(Place { below, ..place });
        }
        let line = self.next_wanted(place.line + 1)?;
        let below = self.row_count(line, window).saturating_sub(1);
        Some(Place { line, below })
    }

    fn held(&self, line: u64) -> Option<&Held> {
        let at = usize::try_from(line.checked_sub(self.first)?).ok()?;
        match at.checked_sub(self.lines.len()) {
            None => self.lines.get(at),
            Some(at) => self.unfinished.get(at),
        }
    }

    fn wanted_before(&self, line: u64) -> Option<u64> {
        (self.first..line)
            .rev()
            .find(|line| self.held(*line).is_some_and(|held| held.wanted))
    }

    fn next_wanted(&self, line: u64) -> Option<u64> {
        (line..)
            .map_while(|line| Some((line, self.held(line)?)))
            .find(|(_, held)| held.wanted)
            .map(|(line, _)| line)
    }

    fn cells(&self, line: u64) -> Vec<Cell> {
        self.held(line)
            .map(|held| paint::cells(&held.line))
            .unwrap_or_default()
    }

    fn row_count(&self, line: u64, window: Window) -> usize {
        paint::wrap(&self.cells(line), window.columns).len()
    }
}

/// The memory it takes.
fn taken(line: &LogLine) -> usize {
    size_of::<Held>()
        + match line {
            LogLine::Output(line) => line.bytes.len(),
            LogLine::Note(text) => text.len(),
        }
}

fn wants(filter: &str, line: &LogLine) -> bool {
    match line {
        _ if filter.is_empty() => true,
        LogLine::Output(line) => line
            .shown_as(Look::Terminal)
            .to_lowercase()
            .contains(&filter.to_lowercase()),
        LogLine::Note(_) => false,
    }
}

#[cfg(test)]
mod tests;
