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
        Kind::Interval | Kind::IntervalOrOff => {
            json!({"type": ["number", "string"], "minimum": 0.1})
        }
        Kind::Pid => json!({"type": "integer", "minimum": 1}),
        Kind::LogSize => json!({"type": ["integer", "string"]}),
        Kind::Port => json!({"type": "integer", "minimum": 1, "maximum": 65535}),
        Kind::Variables => json!({"type": ["object", "array"],
            "additionalProperties": {"type": "string"}, "items": {"type": "string"}}),
        Kind::Patterns | Kind::Keys => {
            json!({"type": ["string", "array"], "items": {"type": "string"}})
        }
        Kind::OneOf(words) => json!({"type": "string", "enum": words}),
        Kind::Id | Kind::Text => json!({"type": "string", "minLength": 1}),
        Kind::Name
        | Kind::Label
        | Kind::Data
        | Kind::Regex
        | Kind::Condition
        | Kind::Restart
        | Kind::Cursor
        | Kind::TerminalSize => {
            json!({"type": "string"})
        }
    };
    let mut help = parameter.help.to_owned();
    match parameter.kind {
        Kind::Duration | Kind::Interval => {
            help.push_str(" (seconds, or such as \"500ms\", \"5m\")");
        }
        Kind::IntervalOrOff => {
            help.push_str(" (seconds, or such as \"500ms\", \"5m\"; \"off\" for never)");
        }
        Kind::LogSize => help.push_str(" (bytes, or such as \"64MiB\")"),
        _ => {}
    }
    if let Some(default) = parameter.default {
        match (parameter.kind, serde_json::from_str::<Value>(default)) {
            (Kind::Switch | Kind::Count, Ok(value)) => schema["default"] = value,
            (Kind::OneOf(_), _) => schema["default"] = default.into(),
            _ => help = format!("{help} [default: {default}]"),
        }
    }
    schema["description"] = help.into();
    schema
}

/// What an action answers.
pub(crate) fn output(action: &Action) -> Value {
    let mut fields = vec![
        ("schema", whole(), NEEDED),
        (
            "action",
            json!({"type": "string", "const": action.name}),
            NEEDED,
        ),
        ("success", switch(), NEEDED),
        ("message", text(), NEEDED),
        ("next", text(), MAYBE),
        ("notes", json!({"type": "array", "items": text()}), MAYBE),
    ];
    fields.extend(own_fields(action.result));
    object(&fields)
}

/// A field of an object: its name, its schema, whether it is always there.
type Field = (&'static str, Value, bool);

const NEEDED: bool = true;
const MAYBE: bool = false;

fn own_fields(shape: Shape) -> Vec<Field> {
    let mut fields = match shape {
        Shape::Process => vec![("process", process(), NEEDED)],
        Shape::Processes => vec![
            ("processes", list_of(process()), NEEDED),
            ("leftOut", whole(), MAYBE),
        ],
        Shape::Started => vec![
            ("process", process(), NEEDED),
            ("came", came(), MAYBE),
            ("timedOut", switch(), MAYBE),
            ("lines", list_of(line()), MAYBE),
            ("leftOut", list_of(gap()), MAYBE),
            ("nextCursor", text(), MAYBE),
            ("droppedBytes", whole(), MAYBE),
        ],
        Shape::Waited => vec![
            ("process", process(), NEEDED),
            ("came", came(), NEEDED),
            ("timedOut", switch(), NEEDED),
        ],
        Shape::Inspection => vec![
            ("process", process(), NEEDED),
            ("meaning", text(), NEEDED),
            ("hint", text(), MAYBE),
            ("residentBytes", whole(), MAYBE),
            ("ports", list_of(port()), NEEDED),
            ("tree", list_of(member()), NEEDED),
        ],
        Shape::Output => vec![
            ("id", text(), NEEDED),
            ("name", text(), NEEDED),
            ("status", text(), NEEDED),
            ("eof", switch(), NEEDED),
        ],
        Shape::Files => vec![
            ("id", text(), NEEDED),
            ("files", list_of(file()), NEEDED),
            ("droppedBytes", whole(), MAYBE),
        ],
        Shape::Alerts => vec![("alerts", list_of(alert()), NEEDED)],
        Shape::Screen => vec![
            ("id", text(), NEEDED),
            ("name", text(), NEEDED),
            ("size", json!({}), NEEDED),
            ("cursor", json!({"type": "object"}), NEEDED),
            ("exact", switch(), NEEDED),
            ("rows", list_of(text()), NEEDED),
            ("leftOut", whole(), MAYBE),
        ],
        Shape::Sent => vec![
            ("id", text(), NEEDED),
            ("name", text(), NEEDED),
            ("bytes", whole(), NEEDED),
            ("eof", switch(), NEEDED),
        ],
    };
    if matches!(shape, Shape::Waited | Shape::Inspection | Shape::Output) {
        fields.extend([
            ("lines", list_of(line()), NEEDED),
            ("leftOut", list_of(gap()), MAYBE),
            ("nextCursor", text(), NEEDED),
            ("droppedBytes", whole(), NEEDED),
        ]);
    }
    fields
}

fn object(fields: &[Field]) -> Value {
    let needed = fields.iter().filter(|(_, _, needed)| *needed);
    let required: Vec<&str> = needed.map(|(name, ..)| *name).collect();
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, schema, _)| ((*name).to_owned(), schema.clone()))
        .collect();
    json!({"type": "object", "properties": properties, "required": required})
}

#[expect(clippy::needless_pass_by_value, reason = "made for it")]
fn list_of(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn text() -> Value {
    json!({"type": "string"})
}

fn switch() -> Value {
    json!({"type": "boolean"})
}

fn whole() -> Value {
    json!({"type": "integer", "minimum": 0})
}

fn stream() -> Value {
    json!({"enum": ["stdout", "stderr"]})
}

/// What ended a wait; null when the time did.
fn came() -> Value {
    json!({"enum": ["end", "output", "port", "idle", null]})
}

fn line() -> Value {
    object(&[
        ("stream", stream(), NEEDED),
        ("text", text(), NEEDED),
        ("partial", switch(), MAYBE),
        ("continued", switch(), MAYBE),
    ])
}

/// What is left out of a stream, before which of the lines.
fn gap() -> Value {
    object(&[
        ("stream", stream(), NEEDED),
        ("lines", whole(), NEEDED),
        ("bytes", whole(), NEEDED),
        ("at", whole(), NEEDED),
    ])
}

fn file() -> Value {
    object(&[
        ("path", text(), NEEDED),
        ("bytes", whole(), NEEDED),
        ("segment", whole(), MAYBE),
        ("stream", stream(), MAYBE),
    ])
}

fn alert() -> Value {
    object(&[
        ("seq", whole(), NEEDED),
        ("time", whole(), NEEDED),
        ("event", text(), NEEDED),
        ("id", text(), NEEDED),
        ("name", text(), NEEDED),
        ("message", text(), NEEDED),
    ])
}

fn port() -> Value {
    object(&[
        ("port", whole(), NEEDED),
        ("address", text(), NEEDED),
        ("pid", whole(), NEEDED),
        ("name", text(), NEEDED),
    ])
}

fn member() -> Value {
    object(&[("pid", whole(), NEEDED), ("name", text(), NEEDED)])
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
