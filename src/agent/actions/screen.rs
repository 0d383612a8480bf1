//! `screen`: what stands on the screen of a process with a terminal, within the bounds of an answer.
//!
//! Does not: colour it.

use serde_json::json;

use super::{Call, Outcome};
use crate::agent::answer::{ANSWER_MAX_BYTES, Answer, called, item_bytes, status};

/// What an answer needs besides the rows, in bytes.
const ROOM_BYTES: usize = 2_000;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let (manager, process) = call.process()?;
    let replay = manager.screen(&process)?;
    let screen = replay.screen();
    let mut rows = screen.rows();
    let written = rows.iter().rposition(|row| !row.is_empty());
    rows.truncate(written.map_or(0, |last| last + 1));
    let fit = fitting(&rows);
    let left_out = rows.len() - fit;
    rows.truncate(fit);
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
        )
        .with("exact", replay.is_exact());
    for row in &rows {
        answer = answer.line(row);
    }
    answer = answer.with("rows", rows);
    if left_out > 0 {
        let s = if left_out == 1 { "" } else { "s" };
        answer = answer
            .with("leftOut", left_out)
            .note(&format!("{left_out} row{s} below these are left out"));
    }
    Ok(match (replay.check(&process), replay.reservation()) {
        (Err(damage), _) => answer.damaged(&damage),
        (Ok(()), Some(reservation)) => answer.note(&reservation),
        (Ok(()), None) => answer,
    })
}

/// How many of the rows have room, from the first on.
fn fitting(rows: &[String]) -> usize {
    let mut room = ANSWER_MAX_BYTES - ROOM_BYTES;
    rows.iter()
        .take_while(|row| {
            let left = room.checked_sub(item_bytes(row, row));
            room = left.unwrap_or(0);
            left.is_some()
        })
        .count()
}
