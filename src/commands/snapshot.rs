//! `bgp screen`: what stands on the screen of a process with a terminal.
//!
//! Does not: colour it; `attach` shows it as it is.

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::{Format, note};
use super::select;
use super::{Context, Outcome};
use crate::model::id::ProcessId;
use crate::model::size::Size;
use crate::text::display::for_terminal;
use crate::text::row::Look;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    id: ProcessId,
    name: &'a str,
    size: Size,
    cursor: CursorDocument,
    /// What the program called its window, or nothing.
    title: &'a str,
    /// Whether it is the second screen, of a full-screen program.
    alternate: bool,
    /// Whether all that could count was replayed.
    exact: bool,
    /// One for each row, without the blanks at its end.
    lines: &'a [String],
}

/// Rows and columns count from 0.
#[derive(Serialize)]
struct CursorDocument {
    row: u16,
    column: u16,
    visible: bool,
}

/// Shows the screen of the process that `id` means.
///
/// # Errors
///
/// Not found (3), ambiguous (4), no terminal (2), a damaged log (13): after what is intact of it.
pub(crate) fn run(context: &mut Context, id: &str) -> Outcome {
    let (manager, process) = select::one(context, id)?;
    let replay = manager.screen(&process)?;
    let screen = replay.screen();
    let lines = screen.rows();
    match context.format {
        Format::Json => {
            let cursor = screen.cursor();
            context.out.json(&Document {
                schema: SCHEMA,
                id: process.entry.id,
                name: &process.entry.name,
                size: screen.size(),
                cursor: CursorDocument {
                    row: cursor.row,
                    column: cursor.column,
                    visible: cursor.visible,
                },
                title: screen.title(),
                alternate: screen.is_alternate(),
                exact: replay.is_exact(),
                lines: &lines,
            })?;
        }
        Format::Text => {
            let written = lines.iter().rposition(|line| !line.is_empty());
            for line in &lines[..written.map_or(0, |last| last + 1)] {
                match context.look() {
                    Look::Pipe => context.out.line(line)?,
                    Look::Terminal | Look::Colours => context.out.line(&for_terminal(line))?,
                }
            }
            if let Some(reservation) = replay.reservation() {
                context.out.flush()?;
                note(&reservation);
            }
        }
    }
    replay.check(&process).map(|()| 0)
}
