//! What a message of the protocol may be: JSON-RPC 2.0, one message a line.
//!
//! Two eras are spoken. In the older one a client opens with `initialize`, and versions go by date up to
//! 2025-11-25. In the newer one there is no opening: each request names its version in `params._meta`, and
//! each result says that it is complete.
//! Source: the specification of the Model Context Protocol, versions 2024-11-05 to 2026-07-28.
//!
//! Does not: know any method.

use serde_json::{Map, Value, json};

/// The versions of the older era, the newest first.
pub(super) const INITIALIZED: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// The versions of the newer one.
pub(super) const STATELESS: [&str; 1] = ["2026-07-28"];

/// Where a request of the newer era names its version.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// What is wrong with a message, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    NotJson = -32700,
    InvalidRequest = -32600,
    NoSuchMethod = -32601,
    InvalidParams = -32602,
    UnsupportedVersion = -32022,
}

/// What a client says.
#[derive(Debug)]
pub(super) enum Message {
    Request(Request),
    Notification {
        method: String,
        params: Map<String, Value>,
    },
    /// An answer to what nobody asked.
    Answer,
}

#[derive(Debug)]
pub(super) struct Request {
    /// A text or a number.
    pub(super) id: Value,
    pub(super) method: String,
    pub(super) params: Map<String, Value>,
    pub(super) era: Era,
}

/// How results look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    Initialized,
    Stateless,
}

/// Why a message is none, and whom to tell.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) id: Value,
    pub(super) code: Code,
    pub(super) message: String,
    pub(super) data: Option<Value>,
}

impl Refusal {
    pub(super) fn new(id: Value, code: Code, message: impl Into<String>) -> Self {
        Self {
            id,
            code,
            message: message.into(),
            data: None,
        }
    }

    pub(super) fn into_json(self) -> Value {
        let mut error = json!({"code": self.code as i32, "message": self.message});
        if let Some(data) = self.data {
            error["data"] = data;
        }
        json!({"jsonrpc": "2.0", "id": self.id, "error": error})
    }
}

/// Reads the messages in a line: one, or those of a batch, which one version of the protocol has. What is none
/// is to be told to who sent it.
pub(super) fn read(line: &[u8]) -> Vec<Result<Message, Refusal>> {
    match serde_json::from_slice(line) {
        Ok(Value::Array(batch)) if !batch.is_empty() => batch.into_iter().map(message).collect(),
        Ok(value) => vec![message(value)],
        Err(error) => {
            let why = format!("not JSON: {error}");
            vec![Err(Refusal::new(Value::Null, Code::NotJson, why))]
        }
    }
}

fn message(value: Value) -> Result<Message, Refusal> {
    let invalid = |id: &Value, why: &str| Refusal::new(id.clone(), Code::InvalidRequest, why);
    let Value::Object(mut object) = value else {
        return Err(invalid(&Value::Null, "a message is a JSON object"));
    };
    let id = object.remove("id");
    let shown = match &id {
        Some(id @ (Value::String(_) | Value::Number(_))) => id.clone(),
        _ => Value::Null,
    };
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return Err(invalid(&shown, "'jsonrpc' is not \"2.0\""));
    }
    let method = match object.remove("method") {
        Some(Value::String(method)) => method,
        None if object.contains_key("result") || object.contains_key("error") => {
            return Ok(Message::Answer);
        }
        _ => return Err(invalid(&shown, "'method' is missing, or no text")),
    };
    if id.is_some() && shown.is_null() {
        return Err(invalid(&shown, "'id' is neither a text nor a number"));
    }
    let params = match object.remove("params") {
        None => Map::new(),
        Some(Value::Object(params)) => params,
        Some(_) if id.is_none() => Map::new(),
        Some(_) => {
            return Err(Refusal::new(
                shown,
                Code::InvalidParams,
                "'params' is no object",
            ));
        }
    };
    let Some(id) = id else {
        return Ok(Message::Notification { method, params });
    };
    let era = era(&id, &method, &params)?;
    Ok(Message::Request(Request {
        id,
        method,
        params,
        era,
    }))
}

fn era(id: &Value, method: &str, params: &Map<String, Value>) -> Result<Era, Refusal> {
    let named = params.get("_meta").and_then(|meta| meta.get(VERSION_KEY));
    match named {
        None if method == "server/discover" => Ok(Era::Stateless),
        None => Ok(Era::Initialized),
        Some(Value::String(version)) if STATELESS.contains(&version.as_str()) => Ok(Era::Stateless),
        Some(requested) => Err(Refusal {
            data: Some(json!({"supported": STATELESS, "requested": requested})),
            ..Refusal::new(
                id.clone(),
                Code::UnsupportedVersion,
                "this version of the protocol is not spoken here",
            )
        }),
    }
}

/// The answer to a request.
pub(super) fn answer(id: &Value, era: Era, mut result: Value) -> Value {
    if era == Era::Stateless {
        result["resultType"] = "complete".into();
    }
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_refused_to_whom_it_came_from() {
        for (line, id, code) in [
            ("", json!(null), Code::NotJson),
            ("{", json!(null), Code::NotJson),
            ("[]", json!(null), Code::InvalidRequest),
            ("3", json!(null), Code::InvalidRequest),
            (
                r#"{"id":1,"method":"ping"}"#,
                json!(1),
                Code::InvalidRequest,
            ),
            (
                r#"{"jsonrpc":"1.0","id":"a","method":"ping"}"#,
                json!("a"),
                Code::InvalidRequest,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1}"#,
                json!(1),
                Code::InvalidRequest,
            ),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":2}"#,
                json!(1),
                Code::InvalidRequest,
            ),
            (
                r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
                json!(null),
                Code::InvalidRequest,
            ),
            (
                r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#,
                json!(null),
                Code::InvalidRequest,
            ),
            (
                r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
                json!(null),
                Code::InvalidRequest,
            ),
            (
                r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#,
                json!(null),
                Code::InvalidRequest,
            ),
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}"#,
                json!(7),
                Code::InvalidParams,
            ),
        ] {
            let refusal = read(line.as_bytes()).remove(0).unwrap_err();
            assert_eq!((&refusal.id, refusal.code), (&id, code), "{line}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(
            read(deep.as_bytes()).remove(0).unwrap_err().code,
            Code::NotJson
        );
    }

    #[test]
    fn a_request_says_which_era_it_is_of() {
        let read = |version: &str, method: &str| {
            let meta = json!({"_meta": {VERSION_KEY: version}});
            let params = if version.is_empty() { json!({}) } else { meta };
            let line = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
            match super::read(line.to_string().as_bytes()).remove(0) {
                Ok(Message::Request(request)) => Ok(request.era),
                Ok(_) => panic!("no request"),
                Err(refusal) => Err((refusal.code as i32, refusal.data.unwrap())),
            }
        };
        assert_eq!(read("", "tools/list"), Ok(Era::Initialized));
        assert_eq!(read("", "server/discover"), Ok(Era::Stateless));
        assert_eq!(read("2026-07-28", "tools/list"), Ok(Era::Stateless));
        let data = json!({"supported": ["2026-07-28"], "requested": "2027-01-01"});
        assert_eq!(read("2027-01-01", "tools/list"), Err((-32022, data)));
    }
}
