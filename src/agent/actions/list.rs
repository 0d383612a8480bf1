//! `list`: one line a process, oldest first.
//!
//! Does not: change anything, or fail because there is nothing.

use serde_json::{Value, json};

use super::{Call, Outcome, is_of};
use crate::agent::answer::{
    ANSWER_MAX_BYTES, Answer, both_ends, command, document, runtime, status,
};
use crate::manager::info::ProcessInfo;

/// What an answer needs besides its rows, in bytes.
const ROOM_BYTES: usize = 1_000;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let running = call.arguments.switch("running").unwrap_or(false);
    let mut infos = Vec::new();
    if let Some(manager) = call.agent.manager()? {
        for process in manager.observe_all()? {
            if is_of(call, &process.entry) {
                infos.push(process.into_info());
            }
        }
    }
    infos.retain(|info| !running || info.status.is_live());
    if infos.is_empty() {
        let start = call.agent.call_of(
            "start",
            &[("name", "my-build"), ("command", "npm run build")],
        );
        let what = if running {
            "No process runs"
        } else {
            "No processes"
        };
        let answer = Answer::new("list", what).with("processes", json!([]));
        return Ok(answer.next(format!("Next: {start} starts one")));
    }
    let live = infos.iter().filter(|info| info.status.is_live()).count();
    let s = if infos.len() == 1 { "" } else { "es" };
    let message = format!("{} process{s}, {live} running:", infos.len());
    Ok(told(Answer::new("list", message), &infos))
}

/// Adds as many of `infos` to an answer as fit, and says which do not.
pub(super) fn told(mut answer: Answer, infos: &[ProcessInfo]) -> Answer {
    let rows: Vec<String> = infos.iter().map(row).collect();
    let documents: Vec<Value> = infos.iter().map(document).collect();
    let sizes: Vec<usize> = documents
        .iter()
        .zip(&rows)
        .map(|(document, row)| document.to_string().len().max(row.len()) + 1)
        .collect();
    let (first, last) = both_ends(&sizes, ANSWER_MAX_BYTES - ROOM_BYTES);
    let left_out = first..infos.len() - last;
    let mut kept = Vec::new();
    for (n, (row, document)) in rows.iter().zip(documents).enumerate() {
        if left_out.contains(&n) {
            if n == left_out.start {
                let (from, to) = (&infos[n], &infos[left_out.end - 1]);
                let count = left_out.len();
                answer = answer.line(&format!(
                    "…[{count} left out, proc_{} to proc_{}]…",
                    from.number, to.number
                ));
            }
        } else {
            answer = answer.line(row);
            kept.push(document);
        }
    }
    let answer = answer.with("processes", kept);
    match left_out.len() {
        0 => answer,
        count => answer.with("leftOut", count),
    }
}

fn row(info: &ProcessInfo) -> String {
    let (number, name) = (info.number, &info.name);
    let (status, runtime, command) = (status(info), runtime(info), command(info));
    format!("proc_{number} \"{name}\": {command} [{status}] {runtime}")
}
