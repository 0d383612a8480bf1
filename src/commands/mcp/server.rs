//! What is answered to a message.
//!
//! Does not: wait for anything; what may take its time is given to [`calls`](super::calls).

use serde_json::{Map, Value, json};

use super::calls::{Calls, Job};
use super::lines::LINE_MAX_BYTES;
use super::protocol::{Code, Era, INITIALIZED, Message, Refusal, Request, STATELESS, answer, read};
use super::writer::Outlet;
use crate::agent::schema;
use crate::agent::table::{ACTIONS, find};
use crate::text::written::quoted;

/// What stands before the name of an action, to make a tool's name that says what it is about.
const PREFIX: &str = "process_";
/// How long a client may keep what never changes while the server runs: an hour.
const KEPT_MS: u64 = 60 * 60 * 1000;

/// What a model is told before it calls anything.
const INSTRUCTIONS: &str = "Background processes that outlive this session: start servers, watchers, builds \
    and tests with process_start, and go on working. Do not poll: process_wait returns when a process has \
    ended, or when it has written a line, listens on a port, or is silent. process_output reads without \
    consuming anything. An id is proc_N, a name, or an id. Stop what you started with process_kill, and \
    remove what has ended with process_clear.";

pub(super) struct Server {
    calls: Calls,
    outlet: Outlet,
}

impl Server {
    pub(super) fn new(calls: Calls, outlet: Outlet) -> Self {
        Self { calls, outlet }
    }

    /// Answers the messages in a line, each by itself, now or when it is done.
    pub(super) fn take(&self, line: &[u8]) {
        if line.trim_ascii().is_empty() {
            return;
        }
        for message in read(line) {
            self.answer(message);
        }
    }

    fn answer(&self, message: Result<Message, Refusal>) {
        match message {
            Ok(Message::Request(request)) => {
                let (id, era) = (request.id.clone(), request.era);
                match self.request(request) {
                    Ok(Some(result)) => self.outlet.send(&answer(&id, era, result)),
                    Ok(None) => {} // answered when it is done
                    Err(refusal) => self.outlet.send(&refusal.into_json()),
                }
            }
            Ok(Message::Notification { method, params }) => {
                if let ("notifications/cancelled", Some(id)) =
                    (method.as_str(), params.get("requestId"))
                {
                    self.calls.cancel(id);
                }
            }
            Ok(Message::Answer) => {}
            Err(refusal) => self.outlet.send(&refusal.into_json()),
        }
    }

    /// Answers a message of which nothing is known but that it was too long.
    pub(super) fn too_long(&self) {
        let message = format!("a message is longer than {LINE_MAX_BYTES} bytes, and was not read");
        self.outlet
            .send(&Refusal::new(Value::Null, Code::InvalidRequest, message).into_json());
    }

    fn request(&self, request: Request) -> Result<Option<Value>, Refusal> {
        match request.method.as_str() {
            "initialize" => initialize(&request).map(Some),
            "ping" => Ok(Some(json!({}))),
            "server/discover" => Ok(Some(discover())),
            "tools/list" => tools(&request).map(Some),
            "tools/call" => {
                let job = job(request)?;
                self.calls.take(job).map(|()| None)
            }
            method => Err(Refusal::new(
                request.id.clone(),
                Code::NoSuchMethod,
                format!("no method {}", quoted(method)),
            )),
        }
    }
}

fn server_info() -> Value {
    json!({"name": "bgp", "title": "Background processes", "version": env!("CARGO_PKG_VERSION")})
}

fn initialize(request: &Request) -> Result<Value, Refusal> {
    let asked = request
        .params
        .get("protocolVersion")
        .and_then(Value::as_str);
    let Some(asked) = asked else {
        let why = "'protocolVersion' is missing, or no text";
        return Err(Refusal::new(request.id.clone(), Code::InvalidParams, why));
    };
    let version = INITIALIZED.iter().find(|known| **known == asked);
    Ok(json!({
        "protocolVersion": version.unwrap_or(&INITIALIZED[0]),
        "capabilities": {"tools": {"listChanged": false}},
        "serverInfo": server_info(),
        "instructions": INSTRUCTIONS,
    }))
}

fn discover() -> Value {
    json!({
        "supportedVersions": STATELESS,
        "capabilities": {"tools": {"listChanged": false}},
        "instructions": INSTRUCTIONS,
        "ttlMs": KEPT_MS,
        "cacheScope": "public",
        "_meta": {"io.modelcontextprotocol/serverInfo": server_info()},
    })
}

fn tools(request: &Request) -> Result<Value, Refusal> {
    if request
        .params
        .get("cursor")
        .is_some_and(|cursor| !cursor.is_null())
    {
        let why = "no such cursor: all tools are on one page";
        return Err(Refusal::new(request.id.clone(), Code::InvalidParams, why));
    }
    let tools: Vec<Value> = ACTIONS
        .iter()
        .map(|action| {
            json!({
                "name": format!("{PREFIX}{}", action.name),
                "title": action.title,
                "description": action.description,
                "inputSchema": schema::input(action),
                "outputSchema": schema::output(action),
                "annotations": schema::annotations(action),
            })
        })
        .collect();
    let mut result = json!({"tools": tools});
    if request.era == Era::Stateless {
        result["ttlMs"] = KEPT_MS.into();
        result["cacheScope"] = "public".into();
    }
    Ok(result)
}

fn job(mut request: Request) -> Result<Job, Refusal> {
    let invalid = |why: String| Refusal::new(request.id.clone(), Code::InvalidParams, why);
    let name = request.params.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| invalid("'name' is missing, or no text".into()))?;
    let action = name.strip_prefix(PREFIX).and_then(find);
    let action = action.ok_or_else(|| invalid(format!("no tool {}", quoted(name))))?;
    let said = match request.params.get_mut("arguments").map(Value::take) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(said)) => said,
        Some(_) => return Err(invalid("'arguments' is no object".into())),
    };
    Ok(Job {
        id: request.id,
        era: request.era,
        action,
        said,
    })
}
