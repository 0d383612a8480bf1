//! What is asked of the person on the last row, and what is typed there.
//!
//! Does not: know what is done with it.

use crate::model::id::ProcessId;

/// The longest text that can be typed, in bytes.
const TEXT_MAX_BYTES: usize = 4096;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Prompt {
    /// What is looked for in the list or the log; the text that was looked for before.
    Filter { before: String },
    /// A line for a process.
    Send { id: ProcessId, name: String },
    /// Whether a process is to be stopped.
    Stop { id: ProcessId, name: String },
}

/// A question with what is typed so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asking {
    pub(super) prompt: Prompt,
    pub(super) text: String,
}

impl Asking {
    pub(super) fn new(prompt: Prompt) -> Self {
        let text = match &prompt {
            Prompt::Filter { before } => before.clone(),
            Prompt::Send { .. } | Prompt::Stop { .. } => String::new(),
        };
        Self { prompt, text }
    }

    pub(super) fn add(&mut self, text: &str) {
        for c in text.chars() {
            if self.text.len() + c.len_utf8() <= TEXT_MAX_BYTES {
                self.text.push(if c == '\r' { '\n' } else { c });
            }
        }
    }

    pub(super) fn erase(&mut self) {
        self.text.pop();
    }

    pub(super) fn erase_all(&mut self) {
        self.text.clear();
    }
}
