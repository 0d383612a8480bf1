//! `alerts`: what happened that the agent has not been told, and then counts as told.
//!
//! Does not: wait for anything to happen.

use serde_json::json;

use super::{Call, Outcome};
use crate::agent::answer::{ANSWER_MAX_BYTES, Answer, OnceTold, item_bytes};
use crate::agent::hints;
use crate::manager::alerts::{Patience, Whose};

/// Under what name agents read.
const READER: &str = "agent";
/// What an answer needs besides the alerts, in bytes.
const ROOM_BYTES: usize = 1_000;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let none = || Answer::new("alerts", "No alerts").with("alerts", json!([]));
    let Some(manager) = call.agent.manager()? else {
        return Ok(none());
    };
    let (whose, patience) = (Whose::Everybodys, Patience::Patient);
    let peeked = manager.news(READER, &whose, patience)?;
    let peek = call.arguments.switch("peek").unwrap_or(false);
    let taken = if peek || peeked.pending.is_empty() {
        None
    } else {
        // Until it is told, so that whoever else reads as agent is not told the same.
        Some(manager.take_news(READER, &whose, patience)?)
    };
    let news = taken.as_ref().map_or(&peeked, |taken| &taken.news);
    let (mut lines, mut documents) = (Vec::new(), Vec::new());
    let mut room = ANSWER_MAX_BYTES - ROOM_BYTES;
    for pending in &news.pending {
        let (alert, info) = (&pending.alert, &pending.info);
        let message = pending.message_with(|line| {
            hints::call_of(call.agent.face, line).unwrap_or_else(|| format!("bgp {line}"))
        });
        let line = format!("alert {}: {message}", alert.number);
        let document = json!({
            "seq": alert.number, "time": alert.time_ms, "event": alert.event.word(),
            "count": alert.count, "line": alert.line, "id": info.id.to_string(), "name": info.name,
            "message": message,
        });
        let size = item_bytes(&document, &line);
        if size > room {
            break;
        }
        room -= size;
        lines.push(line);
        documents.push(document);
    }
    let shown = lines.len();
    if shown == 0 {
        return Ok(none());
    }
    let s = if shown == 1 { "" } else { "s" };
    let mut answer = Answer::new("alerts", format!("{shown} alert{s}:")).with("alerts", documents);
    for line in &lines {
        answer = answer.line(line);
    }
    let more = news.pending.len() - shown;
    if more > 0 {
        let again = call.agent.call_of("alerts", &[]);
        answer = answer.next(format!("Next: {more} more are pending: {again}"));
    }
    answer.once_told =
        taken.map(|taken| Box::new(move || manager.acknowledge(taken, shown)) as Box<OnceTold>);
    Ok(answer)
}
