//! The last row: a question with what is typed, or what has happened, or what keys there are.
//!
//! Does not: draw anywhere else.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

use super::{BAR, FAINT, STRONG, put};
use crate::text::display::{one_line, width};
use crate::ui::actions::Focus;
use crate::ui::model::{Model, Tone};
use crate::ui::prompt::{Asking, Prompt};

pub(super) fn draw(model: &Model, row: Rect, buffer: &mut Buffer) {
    if row.height == 0 {
        return;
    }
    if let Some(asking) = &model.asking {
        question(asking, row, buffer);
    } else if let Some((notice, others)) = model.notice() {
        let colour = match notice.tone {
            Tone::Good => Color::Green,
            Tone::Bad => Color::Red,
            Tone::Alert => Color::Yellow,
        };
        let style = Style::new().fg(colour).patch(STRONG);
        let end = put(row, row.x + 1, &one_line(&notice.text), style, buffer);
        if others > 0 {
            put(row, end + 1, &format!("(+{others})"), FAINT, buffer);
        }
    } else {
        keys(model, row, buffer);
    }
}

fn question(asking: &Asking, row: Rect, buffer: &mut Buffer) {
    let (question, answers) = match &asking.prompt {
        Prompt::Filter { .. } => ("/".to_owned(), None),
        Prompt::Send { name, .. } => (format!("to {}: ", one_line(name)), None),
        Prompt::Stop { name, .. } => (
            format!("stop {}?", one_line(name)),
            Some([("y", "yes"), ("k", "kill at once"), ("n", "no")]),
        ),
    };
    let mut x = put(row, row.x + 1, &question, STRONG, buffer);
    if let Some(answers) = answers {
        hints(&answers, row, x + 1, buffer);
        return;
    }
    let text = one_line(&asking.text);
    let room = usize::from(row.right().saturating_sub(x + 1));
    x = put(row, x, end_of(&text, room), Style::new(), buffer);
    put(row, x, " ", BAR, buffer);
}

/// The end of `text` that has room in so many columns.
fn end_of(text: &str, columns: usize) -> &str {
    let mut rest = text;
    while width(rest) > columns {
        let mut chars = rest.chars();
        chars.next();
        rest = chars.as_str();
    }
    rest
}

fn keys(model: &Model, row: Rect, buffer: &mut Buffer) {
    let keys: &[(&str, &str)] = match model.focus() {
        Focus::Help => &[("any key", "back")],
        Focus::Stream => &[
            ("q", "back"),
            ("?", "help"),
            ("/", "filter"),
            ("f", "follow"),
            ("tab", "stdout/stderr"),
            ("s", "send"),
            ("a", "attach"),
            ("x", "stop"),
            ("r", "restart"),
        ],
        Focus::List | Focus::Text | Focus::Confirm => &[
            ("q", "quit"),
            ("?", "help"),
            ("enter", "stream"),
            ("x", "stop"),
            ("c", "clear"),
            ("/", "filter"),
            ("s", "send"),
            ("a", "attach"),
            ("r", "restart"),
            ("J K", "scroll"),
            ("tab", "stdout/stderr"),
        ],
    };
    hints(keys, row, row.x + 1, buffer);
}

/// Keys and what they do, those that have room.
fn hints(keys: &[(&str, &str)], row: Rect, mut x: u16, buffer: &mut Buffer) {
    for (key, does) in keys {
        let taken = key.len() + does.len() + 1;
        if usize::from(row.right().saturating_sub(x)) < taken {
            return;
        }
        x = put(row, x, key, STRONG, buffer);
        x = put(row, x + 1, does, FAINT, buffer) + 2;
    }
}
