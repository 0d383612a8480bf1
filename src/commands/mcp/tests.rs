//! What holds whatever bytes a client sends: each answer is one message, to who asked, and of a bounded length.
//!
//! Does not: do what a call asks for. The store is locked here, so a call ends when its arguments were read.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Event;
use super::calls::Calls;
use super::lines::{Lines, Next};
use super::server::Server;
use super::writer::Outlet;
use crate::agent::{Agent, Face};
use crate::model::error::{Error, Kind};
use crate::store::environment::Environment;
use crate::testing::{Check, Property};

/// Each answer is one message, to who asked, and of a bounded length, whatever a client sends.
pub(crate) const MCP: Property = Property {
    theme: "mcp",
    rounds: 600,
    words: &[
        b"\n",
        b"{",
        b"}",
        b"\"",
        b",",
        b"null",
        b"[",
        b"\"id\":",
        b"\"id\":1",
        b"\"jsonrpc\":\"2.0\"",
        b"\"method\":",
        b"\"params\":",
        b"\"arguments\":{",
        b"\"name\":\"process_start\"",
        b"\"name\":\"process_output\"",
        b"\"command\":\"true\"",
        b"\"_meta\":{",
        b"\"io.modelcontextprotocol/protocolVersion\":",
        b"\"2026-07-28\"",
        b"\"requestId\":1",
        b"1e999",
        b"-0",
        b"\\ud800",
        b"\\u0000",
    ],
    check: whatever_is_sent,
};

/// The longest line here, so that inputs are soon too long.
const SHORT_LINE_BYTES: usize = 2_000;
/// More than the longest answer that does not depend on the message: the list of the tools.
const ANSWER_BYTES: usize = 128 * 1024;
/// How much more one byte of a message can make of an answer: `\u0000` in a text in a text, twice.
const TIMES: usize = 24;
/// How long a call may take whose store is locked, on a busy machine.
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// A server of its own, and what it writes.
struct Desk {
    calls: Calls,
    server: Server,
    written: Box<dyn Fn() -> Vec<String>>,
    _events: Receiver<Event>,
}

impl Desk {
    fn new() -> Self {
        let environment = Environment::new([("BGP_DIR", "/nowhere"), ("HOME", "/nowhere")]);
        let agent = Arc::new(Agent::new(environment, Face::Tools).unwrap());
        let (sender, events) = sync_channel(1);
        let (outlet, written) = Outlet::to_reader();
        let locked = Some(Error::new(Kind::NoPassword, "no password"));
        let calls = Calls::begin(agent, locked, outlet.clone(), sender);
        Self {
            server: Server::new(calls.clone(), outlet),
            calls,
            written: Box::new(written),
            _events: events,
        }
    }

    /// Waits until all calls are done, and gives what was written meanwhile.
    fn answers(&self) -> Vec<String> {
        let begun = Instant::now();
        while self.calls.are_under_way() {
            assert!(begun.elapsed() < CALL_LIMIT, "a call does not end");
            thread::yield_now();
        }
        (self.written)()
    }
}

/// The id of a request; none of what asks for nothing.
enum Asks {
    Nothing,
    For(Value),
    /// It is no message, and whoever sent it is told so.
    Wrongly,
}

/// What a line asks for, as the specification has it.
fn asked(line: &[u8]) -> Asks {
    if line.trim_ascii().is_empty() {
        return Asks::Nothing;
    }
    let Ok(Value::Object(message)) = serde_json::from_slice(line) else {
        return Asks::Wrongly;
    };
    if message.get("jsonrpc") != Some(&json!("2.0")) {
        return Asks::Wrongly;
    }
    match (message.get("method"), message.get("id")) {
        (Some(Value::String(_)), None) => Asks::Nothing,
        (Some(Value::String(_)), Some(id @ (Value::String(_) | Value::Number(_)))) => {
            Asks::For(id.clone())
        }
        (None, _) if message.contains_key("result") || message.contains_key("error") => {
            Asks::Nothing
        }
        _ => Asks::Wrongly,
    }
}

fn whatever_is_sent() -> Check {
    let desk = Desk::new();
    Box::new(move |bytes| {
        let (how, bytes) = bytes.split_first().unwrap_or((&0, bytes));
        let one_by_one = how & 1 == 0;
        let mut lines = Lines::with_limits(bytes, 1 + usize::from(how / 2), SHORT_LINE_BYTES);
        let mut expected = bytes.split(|byte| *byte == b'\n').peekable();
        let (mut requests, mut replies) = (0, 0);
        loop {
            let line = match lines.next().unwrap() {
                Next::Line(line) => {
                    assert_eq!(Some(&line[..]), expected.next(), "another line");
                    assert!(line.len() <= SHORT_LINE_BYTES);
                    desk.server.take(&line);
                    line
                }
                Next::TooLong => {
                    let long = expected.next().expect("a line");
                    assert!(long.len() > SHORT_LINE_BYTES);
                    desk.server.too_long();
                    b"too long".to_vec()
                }
                Next::End => break,
            };
            let asks = asked(&line);
            requests += usize::from(!matches!(asks, Asks::Nothing));
            if one_by_one {
                let answers = desk.answers();
                replies += answers.len();
                match (asks, &answers[..]) {
                    (Asks::Nothing, []) => {}
                    (Asks::For(id), [answer]) => assert_eq!(answered(answer, line.len()), id),
                    (Asks::Wrongly, [answer]) => drop(answered(answer, line.len())),
                    _ => panic!("{} gets {answers:?}", line.escape_ascii()),
                }
            }
        }
        let left: Vec<&[u8]> = expected.collect();
        assert!(left.is_empty() || left == [b""], "{left:?} were not read");
        for answer in desk.answers() {
            answered(&answer, SHORT_LINE_BYTES);
            replies += 1;
        }
        assert!(replies <= requests, "{replies} answers to {requests}");
    })
}

/// Whom an answer is for; `line_bytes` is the length of what it answers.
fn answered(answer: &str, line_bytes: usize) -> Value {
    assert!(answer.len() <= ANSWER_BYTES + TIMES * line_bytes);
    assert!(!answer.contains(|c: char| c.is_control()), "{answer:?}");
    let answer: Value = serde_json::from_str(answer).expect("an answer is JSON");
    assert_eq!(answer["jsonrpc"], "2.0");
    match (answer.get("result"), answer.get("error")) {
        (Some(result), None) => assert!(result.is_object()),
        (None, Some(error)) => {
            assert!(error["code"].is_i64() && error["message"].is_string());
        }
        _ => panic!("{answer} is no answer"),
    }
    answer["id"].clone()
}

#[test]
fn each_answer_is_one_message_to_who_asked_whatever_is_sent() {
    MCP.holds();
}
