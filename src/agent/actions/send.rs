//! `send`: writes to the standard input of a process.
//!
//! Does not: keep what was sent.

use super::{Call, Outcome, contradiction};
use crate::agent::answer::{Answer, called};
use crate::manager::input::{After, Message, SEND_LIMIT_DEFAULT};
use crate::model::error::Error;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let said = call.arguments;
    let eof = said.switch("eof").unwrap_or(false);
    let right = |name: &str, value: &str| {
        let words = [("id", "proc_1"), (name, value)];
        call.agent.face.right_call("send", &words)
    };
    let (text, keys) = (said.text("text"), said.keys("key"));
    match (text, keys) {
        (Some(_), Some(_)) => {
            return Err(contradiction("send", "text", "key").hint(right("key", "Enter")));
        }
        (None, None) if !eof => {
            let message = "parameter 'text' of 'send' is missing: what to write";
            return Err(Error::usage(message).hint(right("text", "yes")));
        }
        _ => {}
    }
    let (manager, process) = call.process()?;
    let mut bytes = text.unwrap_or_default().as_bytes().to_vec();
    if text.is_some() && said.switch("newline").unwrap_or(true) {
        bytes.extend(process.enter_key());
    }
    bytes.extend(manager.typed(keys.unwrap_or_default(), &process));
    let limit = said.duration("timeout").unwrap_or(SEND_LIMIT_DEFAULT);
    let message = Message {
        bytes,
        after: if eof { After::Closed } else { After::StaysOpen },
        limit: call.bounded(limit),
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
    let next = if info.pty.is_some() && keys.is_some() {
        call.agent.call_of("screen", &[("id", &id)])
    } else {
        call.agent
            .call_of("output", &[("id", &id), ("lines", "20")])
    };
    Ok(Answer::new(
        "send",
        format!("Sent {} byte{s} to {}{closed}", sent.bytes, called(&info)),
    )
    .with("id", info.id.to_string())
    .with("name", info.name)
    .with("bytes", sent.bytes)
    .with("eof", eof)
    .next(format!("Next: {next} shows what it answers")))
}
