//! The JSON schemas of what an action takes, and of what it answers.
//!
//! Does not: check anything against them.

use serde_json::{Map, Value, json};

use super::parameter::{Kind, Parameter};
use super::table::{Action, Effect, Shape};

/// What an action takes.
pub(crate) fn input(action: &Action) -> Value {
    let properties: Map<String, Value> = action
        .parameters
        .iter()
        .map(|parameter| (parameter.name.to_owned(), property(parameter)))
        .collect();
    let required: Vec<&str> = action
        .parameters
        .iter()
        .filter(|parameter| parameter.required)
        .map(|parameter| parameter.name)
        .collect();
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn property(parameter: &Parameter) -> Value {
    let mut schema = match parameter.kind {
        Kind::Switch => json!({"type": "boolean"}),
        Kind::Count => json!({"type": "integer", "minimum": 0}),
        Kind::Duration => json!({"type": ["number", "string"], "minimum": 0}),
        Kind::Port => json!({"type": "integer", "minimum": 1, "maximum": 65535}),
        Kind::Variables => json!({"type": ["object", "array"],
            "additionalProperties": {"type": "string"}, "items": {"type": "string"}}),
        Kind::OneOf(words) => json!({"type": "string", "enum": words}),
        Kind::Id | Kind::Text => json!({"type": "string", "minLength": 1}),
        Kind::Name | Kind::Label | Kind::Data | Kind::Regex | Kind::Restart | Kind::Cursor => {
            json!({"type": "string"})
        }
    };
    let mut help = parameter.help.to_owned();
    if parameter.kind == Kind::Duration {
        help.push_str(" (seconds, or such as \"500ms\", \"5m\")");
    }
    if let Some(default) = parameter.default {
        match (parameter.kind, serde_json::from_str::<Value>(default)) {
            (Kind::Switch | Kind::Count, Ok(value)) => schema["default"] = value,
            (Kind::OneOf(_), _) => schema["default"] = default.into(),
            _ => help.push_str(&format!(" [default: {default}]")),
        }
    }
    schema["description"] = help.into();
    schema
}

/// What an action answers.
pub(crate) fn output(action: &Action) -> Value {
    let text = || json!({"type": "string"});
    let count = || json!({"type": "integer", "minimum": 0});
    let mut properties = Map::new();
    let mut required = vec!["schema", "action", "success", "message"];
    let mut add = |name: &'static str, schema: Value, is_required: bool| {
        properties.insert(name.to_owned(), schema);
        if is_required {
            required.push(name);
        }
    };
    add("schema", json!({"type": "integer"}), false);
    add(
        "action",
        json!({"type": "string", "const": action.name}),
        false,
    );
    add("success", json!({"type": "boolean"}), false);
    add("message", text(), false);
    add("next", text(), false);
    add(
        "notes",
        json!({"type": "array", "items": {"type": "string"}}),
        false,
    );
    let mut lines = || {
        add(
            "lines",
            list_of(
                json!({
                    "stream": {"enum": ["stdout", "stderr"]}, "text": {"type": "string"},
                    "partial": {"type": "boolean"}, "continued": {"type": "boolean"},
                }),
                &["stream", "text"],
            ),
            true,
        );
        add(
            "leftOut",
            list_of(
                json!({
                    "stream": {"enum": ["stdout", "stderr"]}, "lines": {"type": "integer"},
                    "bytes": {"type": "integer"}, "at": {"type": "integer"},
                }),
                &["stream", "lines", "bytes", "at"],
            ),
            false,
        );
        add("nextCursor", text(), true);
        add("droppedBytes", count(), true);
    };
    match action.result {
        Shape::Output | Shape::Waited | Shape::Inspection => lines(),
        _ => {}
    }
    match action.result {
        Shape::Process => add("process", process(), true),
        Shape::Processes => {
            add(
                "processes",
                json!({"type": "array", "items": process()}),
                true,
            );
            add("leftOut", count(), false);
        }
        Shape::Waited => {
            add("process", process(), true);
            add(
                "came",
                json!({"enum": ["end", "output", "port", "idle", null]}),
                true,
            );
            add("timedOut", json!({"type": "boolean"}), true);
        }
        Shape::Inspection => {
            add("process", process(), true);
            add("meaning", text(), true);
            add("hint", text(), false);
            add(
                "ports",
                list_of(
                    json!({
                        "port": {"type": "integer"}, "address": {"type": "string"},
                        "pid": {"type": "integer"}, "name": {"type": "string"},
                    }),
                    &["port", "address", "pid", "name"],
                ),
                true,
            );
            add(
                "tree",
                list_of(
                    json!({
                        "pid": {"type": "integer"}, "name": {"type": "string"},
                    }),
                    &["pid", "name"],
                ),
                true,
            );
        }
        Shape::Output => {
            add("id", text(), true);
            add("name", text(), true);
            add("status", text(), true);
            add("eof", json!({"type": "boolean"}), true);
        }
        Shape::Files => {
            add("id", text(), true);
            add(
                "files",
                list_of(
                    json!({
                        "path": {"type": "string"}, "bytes": {"type": "integer"},
                        "segment": {"type": "integer"}, "stream": {"enum": ["stdout", "stderr"]},
                    }),
                    &["path", "bytes"],
                ),
                true,
            );
            add("droppedBytes", count(), false);
        }
        Shape::Sent => {
            add("id", text(), true);
            add("name", text(), true);
            add("bytes", count(), true);
            add("eof", json!({"type": "boolean"}), true);
        }
    }
    json!({"type": "object", "properties": properties, "required": required})
}

fn list_of(properties: Value, required: &[&str]) -> Value {
    json!({"type": "array", "items":
        {"type": "object", "properties": properties, "required": required}})
}

/// The fields of a process, as far as a model needs to be told.
fn process() -> Value {
    let or_null = |kind: &str| json!({"type": [kind, "null"]});
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "number": {"type": "integer", "description": "N of proc_N"},
            "name": {"type": "string"},
            "pid": or_null("integer"),
            "command": {"type": "string"},
            "cwd": {"type": "string"},
            "status": {"enum": ["starting", "running", "stopping", "exited", "killed", "crashed",
                                "failed", "lost"]},
            "reason": or_null("string"),
            "startTime": {"type": "integer", "description": "milliseconds since 1970"},
            "endTime": or_null("integer"),
            "exitCode": or_null("integer"),
            "signal": or_null("string"),
            "success": {"type": ["boolean", "null"], "description": "null while it runs"},
            "runtimeMs": or_null("integer"),
        },
        "required": ["id", "number", "name", "pid", "command", "cwd", "status", "startTime",
                     "endTime", "exitCode", "success"],
    })
}

/// The hints that MCP gives with a tool; each is said, as what is not said is taken for the worst.
pub(crate) fn annotations(action: &Action) -> Value {
    let (reads, destroys, again) = match action.effect {
        Effect::Reads => (true, false, true),
        Effect::Runs => (false, true, false),
        Effect::Ends => (false, true, true),
        Effect::Writes => (false, false, true),
    };
    json!({
        "title": action.title,
        "readOnlyHint": reads,
        "destructiveHint": destroys,
        "idempotentHint": again,
        "openWorldHint": action.effect == Effect::Runs,
    })
}
