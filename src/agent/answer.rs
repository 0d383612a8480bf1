//! What an action answers: a short text for a model, and the same as a document.
//!
//! Both are bounded, and it is said how much is left out.
//! Does not: print.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Face;
use crate::manager::info::ProcessInfo;
use crate::manager::words;
use crate::model::error::Error;
use crate::model::status::{How, Status};
use crate::text::display::{HumanDuration, one_line};
use crate::text::json::json_len;

/// The longest answer, in bytes, as text and as a document.
pub(crate) const ANSWER_MAX_BYTES: usize = 50_000;
/// The most of a command that a document tells, in bytes; a text tells less.
const COMMAND_MAX_BYTES: usize = 2_000;
const COMMAND_MAX_CHARS: usize = 80;

/// What an action answers.
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) document: Map<String, Value>,
    /// The exit code of the tool.
    pub(crate) code: u8,
    /// What is to be done once it has been told.
    pub(crate) once_told: Option<Box<OnceTold>>,
}

pub(crate) type OnceTold = dyn FnOnce() -> Result<(), Error> + Send;

impl Answer {
    /// `message` says in a line what happened.
    pub(crate) fn new(action: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut document = Map::new();
        document.insert("schema".into(), 1.into());
        document.insert("action".into(), action.into());
        document.insert("success".into(), true.into());
        document.insert("message".into(), message.as_str().into());
        Self {
            text: message,
            document,
            code: 0,
            once_told: None,
        }
    }

    /// Adds a line to the text.
    #[must_use]
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.text.push('\n');
        self.text.push_str(line);
        self
    }

    /// Adds a field to the document.
    #[must_use]
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.document.insert(field.into(), value.into());
        self
    }

    /// Says what may be called next.
    #[must_use]
    pub(crate) fn next(self, next: String) -> Self {
        self.line(&next).with("next", next)
    }

    /// Says something that should be known beside the answer.
    #[must_use]
    pub(crate) fn note(self, note: &str) -> Self {
        self.noted(note).line(&format!("Note: {note}"))
    }

    /// Adds a line to the text, and to the notes of the document.
    #[must_use]
    pub(crate) fn also(self, line: &str) -> Self {
        self.noted(line).line(line)
    }

    /// Says what is damaged, and ends with the code for it.
    #[must_use]
    pub(crate) fn damaged(mut self, damage: &Error) -> Self {
        self.code = damage.kind.exit_code();
        self.note(&damage.message)
    }

    fn noted(mut self, note: &str) -> Self {
        let notes = self.document.entry("notes").or_insert_with(|| json!([]));
        if let Value::Array(notes) = notes {
            notes.push(note.into());
        }
        self
    }

    /// The document, taken out of it.
    pub(crate) fn take_document(&mut self) -> Value {
        Value::Object(std::mem::take(&mut self.document))
    }

    /// That it has been told.
    ///
    /// # Errors
    ///
    /// What comes of it cannot be stored: it will be told again.
    pub(crate) fn has_been_told(self) -> Result<(), Error> {
        self.once_told.map_or(Ok(()), |once_told| once_told())
    }
}

/// A process as documents tell it: without its words, and not all of a long command.
pub(crate) fn document(info: &ProcessInfo) -> Value {
    let mut value = serde_json::to_value(info).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        for field in ["argv", "argvBase64", "commandBase64", "cwdBase64"] {
            fields.remove(field);
        }
        if let Some(Value::String(command)) = fields.get_mut("command") {
            *command = shortened(command, COMMAND_MAX_BYTES);
        }
    }
    value
}

/// `text`, and where it is longer than so many bytes its beginning, and how much follows.
pub(crate) fn shortened(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let mut end = max_bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…[{} bytes left out]", &text[..end], text.len() - end)
}

/// `"web" (proc_3)`.
pub(crate) fn called(info: &ProcessInfo) -> String {
    format!("\"{}\" (proc_{})", info.name, info.number)
}

/// The command on a line, not all of a long one.
pub(crate) fn command(info: &ProcessInfo) -> String {
    let line = info.command_line().to_string();
    let line = one_line(&line);
    if line.chars().count() <= COMMAND_MAX_CHARS {
        return line.into_owned();
    }
    let start: String = line.chars().take(COMMAND_MAX_CHARS - 1).collect();
    start + "…"
}

/// The status at a glance: `running`, `exit(1)` is `failed(1)`, `killed(TERM)`.
pub(crate) fn status(info: &ProcessInfo) -> String {
    let mut text = info.status.word().to_owned();
    match (info.status, info.how()) {
        (Status::Failed | Status::Crashed, Some(How::Code(code))) => {
            let _ = write!(text, "({code})");
        }
        (Status::Killed | Status::Crashed, Some(How::Signal(_))) => {
            let signal = info.exit.as_ref().and_then(|exit| exit.signal.as_deref());
            let signal = signal.unwrap_or_default().trim_start_matches("SIG");
            let _ = write!(text, "({signal})");
        }
        _ => {}
    }
    if info.paused {
        text.push_str(", paused");
    }
    if info.descendants > 0 {
        let _ = write!(text, ", {} descendants live", info.descendants);
    }
    text
}

/// How long it ran or has run.
pub(crate) fn runtime(info: &ProcessInfo) -> String {
    info.runtime_ms.map_or_else(
        || "for an unknown time".to_owned(),
        |ms| HumanDuration(std::time::Duration::from_millis(ms)).to_string(),
    )
}

/// What one of many takes of an answer, as a text or as a document.
pub(crate) fn item_bytes(document: &impl Serialize, text: &str) -> usize {
    json_len(document).max(text.len()) + 1
}

/// How it ended, and how long it ran.
pub(crate) fn ended(info: &ProcessInfo) -> String {
    let after = match info.runtime_ms {
        Some(_) => runtime(info),
        None => "an unknown time".to_owned(),
    };
    format!("{} after {after}", info.ending())
}

/// What is told of its end without being asked for, and what replaces polling.
pub(crate) fn told(face: Face, info: &ProcessInfo) -> String {
    let id = format!("proc_{}", info.number);
    let wait = face.call_of("wait", &[("id", &id)]);
    let alerts = face.call_of("alerts", &[]);
    let raised = words::alerts(&info.alerts);
    format!(
        "Alerts: {raised}. No need to poll: {wait} returns when it has ended, {alerts} tells alerts"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_says_how_much_is_left_out() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("abc\u{e9}", 4), "abc…[2 bytes left out]");
    }
}
