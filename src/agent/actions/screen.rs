//! `screen`: what stands on the screen of a process with a terminal.
//!
//! Does not: colour it.

use serde_json::json;

use super::{Call, Outcome};
use crate::agent::answer::{Answer, called, status};

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let (manager, process) = call.process()?;
    let replay = manager.screen(&process)?;
    let screen = replay.screen();
    let mut rows = screen.rows();
    let written = rows.iter().rposition(|row| !row.is_empty());
    rows.truncate(written.map_or(0, |last| last + 1));
    let (info, size, cursor) = (process.info(), screen.size(), screen.cursor());
    let (row, column) = (cursor.row, cursor.column);
    let message = format!(
        "{} [{}]: its screen, cursor in row {row}, column {column}",
        called(&info),
        status(&info)
    );
    let mut answer = Answer::new("screen", message)
        .with("id", info.id.to_string())
        .with("name", info.name)
        .with("size", serde_json::to_value(size).unwrap_or_default())
        .with(
            "cursor",
            json!({"row": row, "column": column, "visible": cursor.visible}),
        );
    for row in &rows {
        answer = answer.line(row);
    }
    Ok(answer.with("rows", rows))
}
