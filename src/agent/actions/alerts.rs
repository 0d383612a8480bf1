//! `alerts`: what happened that the agent has not been told, and then counts as told.
//!
//! Does not: wait for anything to happen.

use serde_json::json;

use super::{Call, Outcome};
use crate::agent::answer::{ANSWER_MAX_BYTES, Answer};
use crate::manager::alerts::{Delivery, Patience, Whose};

/// Under what name agents read.
const READER: &str = "agent";
/// What an answer needs besides the alerts, in bytes.
const ROOM_BYTES: usize = 1_000;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let none = || Answer::new("alerts", "No alerts").with("alerts", json!([]));
    let Some(manager) = call.agent.manager()? else {
        return Ok(none());
    };
    let news = manager.news(READER, &Whose::Everybodys, Patience::Patient)?;
    let (mut lines, mut documents, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    let mut room = ANSWER_MAX_BYTES - ROOM_BYTES;
    for pending in &news.pending {
        let (alert, info) = (&pending.alert, &pending.info);
        let line = format!("alert {}: {}", alert.number, pending.message());
        let document = json!({
            "seq": alert.number, "time": alert.time_ms, "event": alert.event.word(),
            "count": alert.count, "line": alert.line, "id": info.id.to_string(), "name": info.name,
            "message": pending.message(),
        });
        let size = document.to_string().len().max(line.len()) + 1;
        if size > room {
            break;
        }
        room -= size;
        lines.push(line);
        documents.push(document);
        shown.push(alert.number);
    }
    if shown.is_empty() {
        return Ok(none());
    }
    let s = if shown.len() == 1 { "" } else { "s" };
    let mut answer =
        Answer::new("alerts", format!("{} alert{s}:", shown.len())).with("alerts", documents);
    for line in &lines {
        answer = answer.line(line);
    }
    let more = news.pending.len() - shown.len();
    if more > 0 {
        let again = call.agent.call_of("alerts", &[]);
        answer = answer.next(format!("Next: {more} more are pending: {again}"));
    }
    let peek = call.arguments.switch("peek").unwrap_or(false);
    if !peek {
        answer.once_told = Some(Box::new(move || {
            manager.deliver(READER, &Whose::Everybodys, Patience::Patient, |pending| {
                let told = pending
                    .iter()
                    .take_while(|one| shown.contains(&one.alert.number));
                Delivery {
                    told: told.count(),
                    outcome: Ok(()),
                }
            })
        }));
    }
    Ok(answer)
}
