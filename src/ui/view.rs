//! Draws the model.
//!
//! Does not: change anything but the list's first row, or draw a character that a terminal would obey.

mod footer;
mod help;

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::log::Window;
use super::model::{Model, Streams, View};
use super::paint::{self, Cell};
use crate::manager::info::ProcessInfo;
use crate::manager::words::{Pid, ShortStatus, colour};
use crate::text::display::{cut, one_line, width};

const BAR: Style = Style::new().add_modifier(Modifier::REVERSED);
const FAINT: Style = Style::new().add_modifier(Modifier::DIM);
const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);

/// Draws all of it.
pub(super) fn draw(model: &mut Model, buffer: &mut Buffer) {
    let layout = model.layout();
    title(model, layout.title, buffer);
    if model.help {
        let top = layout.title.bottom();
        let height = layout.footer.y.saturating_sub(top);
        help::draw(
            Rect {
                y: top,
                height,
                ..layout.log
            },
            buffer,
        );
    } else {
        let columns = Columns::of(model, layout.list.width);
        heading(&columns, layout.heading, buffer);
        list(model, &columns, layout.list, buffer);
        rule(model, layout.rule, buffer);
        log(model, layout.log, buffer);
    }
    footer::draw(model, layout.footer, buffer);
}

/// Writes `text` from column `x` of the row on, as far as there is room; gives where it ends.
fn put(row: Rect, x: u16, text: &str, style: Style, buffer: &mut Buffer) -> u16 {
    if row.height == 0 || x >= row.right() {
        return x;
    }
    let room = usize::from(row.right() - x);
    buffer.set_stringn(x, row.y, text, room, style).0
}

/// The same up to the right edge.
fn put_right(row: Rect, from: u16, text: &str, style: Style, buffer: &mut Buffer) {
    let room = row.right().saturating_sub(from);
    let text = cut(text, usize::from(room));
    let x = row.right() - u16::try_from(width(&text)).unwrap_or(room);
    put(row, x, &text, style, buffer);
}

fn title(model: &Model, row: Rect, buffer: &mut Buffer) {
    if row.height == 0 {
        return;
    }
    buffer.set_style(row, BAR);
    let (text, right) = match (model.view, model.list.selected()) {
        (View::Stream(_), Some(process)) => (of_process(process), log_state(model)),
        _ => (counts(model), filter(model.list.filter())),
    };
    let end = put(row, row.x, &format!(" {text}"), BAR.patch(STRONG), buffer);
    put_right(row, end + 1, &format!("{right} "), BAR, buffer);
}

fn counts(model: &Model) -> String {
    let counts = model.list.counts();
    let mut text = format!("bgp  {} running", counts.live);
    for (count, what) in [(counts.bad, "failed"), (counts.ended, "ended")] {
        if count > 0 {
            write!(text, "  {count} {what}").expect("a string takes all");
        }
    }
    text
}

fn filter(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    format!("/{}", one_line(text))
}

fn of_process(process: &ProcessInfo) -> String {
    format!("{}  {}", one_line(&process.name), ShortStatus(process))
}

/// What of the log is shown.
fn log_state(model: &Model) -> String {
    let mut parts = Vec::new();
    if !model.log.filter().is_empty() {
        parts.push(filter(model.log.filter()));
    }
    match model.streams {
        Streams::Both => {}
        Streams::Out => parts.push("stdout".to_owned()),
        Streams::Err => parts.push("stderr".to_owned()),
    }
    if !model.log.follows() {
        parts.push("more below".to_owned());
    }
    parts.join("  ")
}

fn rule(model: &Model, row: Rect, buffer: &mut Buffer) {
    if row.height == 0 {
        return;
    }
    let line = "─".repeat(usize::from(row.width));
    put(row, row.x, &line, FAINT, buffer);
    if let Some(process) = model.list.selected() {
        let name = format!(" {} ", one_line(&process.name));
        let end = put(row, row.x + 2, &name, STRONG, buffer);
        let state = log_state(model);
        if !state.is_empty() {
            put_right(row, end + 1, &format!(" {state} "), FAINT, buffer);
        }
    }
}

/// How wide the columns of the list are; those of no width are not there.
struct Columns {
    name: usize,
    status: usize,
    pid: usize,
    runtime: usize,
}

impl Columns {
    fn of(model: &Model, columns: u16) -> Self {
        let shown = model.list.shown();
        let widest = |text: &dyn Fn(&ProcessInfo) -> usize, min: usize, max: usize| {
            let widest = shown.iter().map(|process| text(process)).max();
            widest.unwrap_or(0).clamp(min, max)
        };
        let wide = columns >= 70;
        Self {
            name: widest(
                &|process| width(&process.name),
                4,
                if wide { 24 } else { 14 },
            ),
            status: widest(&|process| ShortStatus(process).to_string().len(), 7, 18),
            pid: if wide { 7 } else { 0 },
            runtime: if columns >= 50 { 8 } else { 0 },
        }
    }

    /// Writes one row; gives the columns where each cell stands.
    fn row(&self, row: Rect, cells: [(&str, Style); 5], buffer: &mut Buffer) {
        let widths = [self.name, self.status, self.pid, self.runtime, usize::MAX];
        let mut x = row.x + 1;
        for ((text, style), columns) in cells.into_iter().zip(widths) {
            if columns == 0 {
                continue;
            }
            let room = columns.min(usize::from(row.right().saturating_sub(x)));
            put(row, x, &cut(text, room), style, buffer);
            x = x
                .saturating_add(u16::try_from(columns).unwrap_or(u16::MAX))
                .saturating_add(2);
        }
    }
}

fn heading(columns: &Columns, row: Rect, buffer: &mut Buffer) {
    let cells = ["NAME", "STATUS", "PID", "RUNTIME", "COMMAND"].map(|text| (text, FAINT));
    columns.row(row, cells, buffer);
}

fn list(model: &mut Model, columns: &Columns, area: Rect, buffer: &mut Buffer) {
    let top = model.list.first_row(usize::from(area.height));
    let model = &*model;
    let shown = model.list.shown();
    if shown.is_empty() {
        let text = if model.list.is_empty() {
            "no processes: bgp start COMMAND"
        } else {
            "none has what is looked for"
        };
        put(area, area.x + 1, text, FAINT, buffer);
        return;
    }
    for (row, process) in area.rows().zip(shown.iter().skip(top)) {
        let status = paint::look(colour(process));
        let selected = if model.list.is_selected(process) {
            buffer.set_style(row, BAR);
            BAR
        } else {
            Style::new()
        };
        let plain = if process.status.is_live() {
            Style::new()
        } else {
            FAINT
        };
        let (short, pid) = (ShortStatus(process).to_string(), Pid(process).to_string());
        let runtime = model.list.runtime(process, model.now);
        let command = process.command_line().to_string();
        let cells = [
            (process.name.as_str(), STRONG),
            (&short, status),
            (&pid, plain),
            (&runtime, plain),
            (&one_line(&command), plain),
        ];
        let cells = cells.map(|(text, style)| (text, selected.patch(style)));
        columns.row(row, cells, buffer);
    }
}

fn log(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let window = Window {
        columns: usize::from(area.width),
        rows: usize::from(area.height),
    };
    let rows = model.log.visible(window);
    if rows.is_empty() && model.log.failure.is_none() {
        let text = if model.list.selected().is_none() {
            ""
        } else if model.log.filter().is_empty() {
            "no output"
        } else {
            "no line has what is looked for"
        };
        put(area, area.x + 1, text, FAINT, buffer);
    }
    for (row, cells) in area.rows().zip(rows) {
        put_cells(row, &cells, buffer);
    }
    if let Some(failure) = &model.log.failure {
        let red = Style::new().fg(Color::Red);
        put(area, area.x, &one_line(failure), red, buffer);
    }
}

/// Writes cells, those that look alike together: characters may belong together.
fn put_cells(row: Rect, cells: &[Cell], buffer: &mut Buffer) {
    let mut x = row.x;
    for alike in cells.chunk_by(|one, other| one.style == other.style) {
        let text: String = alike.iter().map(|cell| cell.c).collect();
        x = put(row, x, &text, alike[0].style, buffer);
    }
}

#[cfg(test)]
mod tests;
