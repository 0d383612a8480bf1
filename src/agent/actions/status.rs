//! `status`: all about a process.
//!
//! Does not: change anything.

use serde::Serialize;
use serde_json::Value;

use super::output::{last_lines, told};
use super::{Call, Outcome};
use crate::agent::answer::{Answer, called, command, document, runtime};
use crate::agent::hints;
use crate::text::display::human_bytes;

/// How many of the last lines are told, and within how many bytes.
const LAST_LINES: u64 = 10;
const LAST_BYTES: usize = 8_000;
/// How many descendants and ports are told.
const NAMED: usize = 20;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let (manager, process) = call.process()?;
    let found = manager.inspect(&process);
    let info = &found.info;
    let message = format!(
        "{} [{}]: {}, {}",
        called(info),
        info.ending(),
        info.meaning(),
        runtime(info)
    );
    let mut answer = Answer::new("status", message)
        .line(&format!("command: {}", command(info)))
        .line(&format!("directory: {}", info.cwd.escaped()));
    if let Some(hint) = &found.hint {
        let hint = hints::hint_to(call.agent.face, hint);
        answer = answer.line(&format!("hint: {hint}")).with("hint", hint);
    }
    if let Some(pid) = info.pid {
        answer = answer.line(&format!("pid: {pid}, id: {}", info.id));
    }
    let ports: Vec<String> = found
        .ports
        .iter()
        .take(NAMED)
        .map(|port| format!("{} ({} {})", port.port, port.name, port.pid))
        .collect();
    if !ports.is_empty() {
        answer = answer.line(&format!("ports: {}", ports.join(", ")));
    }
    if !found.tree.is_empty() {
        let named = found.tree.iter().take(NAMED);
        let named: Vec<String> = named
            .map(|member| format!("{} {}", member.name, member.pid))
            .collect();
        let count = found.tree.len();
        answer = answer.line(&format!("descendants: {count}: {}", named.join(", ")));
    }
    if let Some(bytes) = found.used.and_then(|used| used.resident_bytes) {
        answer = answer
            .line(&format!("memory: {}", human_bytes(bytes)))
            .with("residentBytes", bytes);
    }
    answer = answer
        .with("process", document(info))
        .with("meaning", info.meaning());
    let ports = found.ports.iter().take(NAMED).map(to_value);
    answer = answer.with("ports", ports.collect::<Vec<Value>>());
    let tree = found.tree.iter().take(NAMED).map(to_value);
    answer = answer
        .with("tree", tree.collect::<Vec<Value>>())
        .line("Its last lines:");
    Ok(told(
        answer,
        last_lines(&manager, &process, LAST_LINES, LAST_BYTES)?,
    ))
}

fn to_value(found: impl Serialize) -> Value {
    serde_json::to_value(found).unwrap_or_default()
}
