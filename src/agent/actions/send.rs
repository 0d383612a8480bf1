//! `send`: writes to the standard input of a process.
//!
//! Does not: keep what was sent.

use super::{Call, Outcome};
use crate::agent::answer::{Answer, called};
use crate::manager::input::{After, Message, SEND_LIMIT_DEFAULT};
use crate::model::error::Error;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let eof = call.arguments.switch("eof").unwrap_or(false);
    let text = call.arguments.text("text");
    if text.is_none() && !eof {
        let right = call
            .agent
            .call_of("send", &[("id", "proc_1"), ("text", "yes")]);
        return Err(
            Error::usage("parameter 'text' of 'send' is missing: what to write")
                .hint(format!("a right call: {right}")),
        );
    }
    let (manager, process) = call.process()?;
    let mut bytes = text.unwrap_or_default().as_bytes().to_vec();
    if text.is_some() && call.arguments.switch("newline").unwrap_or(true) {
        bytes.push(if process.entry.pty.is_some() {
            b'\r'
        } else {
            b'\n'
        }); // as the Enter key does
    }
    let message = Message {
        bytes,
        after: if eof { After::Closed } else { After::StaysOpen },
        limit: SEND_LIMIT_DEFAULT,
    };
    let sent = manager.send(&process, &message);
    if let Some(error) = sent.error {
        return Err(error);
    }
    let info = process.info();
    let s = if sent.bytes == 1 { "" } else { "s" };
    let closed = match (eof, info.pty.is_some()) {
        (true, true) => ", and an end of file",
        (true, false) => ", and closed its stdin",
        (false, _) => "",
    };
    let id = format!("proc_{}", info.number);
    let output = call
        .agent
        .call_of("output", &[("id", &id), ("lines", "20")]);
    Ok(Answer::new(
        "send",
        format!("Sent {} byte{s} to {}{closed}", sent.bytes, called(&info)),
    )
    .with("id", info.id.to_string())
    .with("name", info.name)
    .with("bytes", sent.bytes)
    .with("eof", eof)
    .next(format!("Next: {output} shows what it answers")))
}
