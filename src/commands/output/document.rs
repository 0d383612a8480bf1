//! The parts of the JSON document of `output`, which is written line by line.
//!
//! Does not: write it.

use std::borrow::Cow;

use serde::Serialize;

use crate::commands::documents::Failure;
use crate::text::lines::Line;

#[derive(Serialize)]
pub(in crate::commands) struct LineDocument<'a> {
    pub(super) stream: &'static str,
    pub(super) time: u64,
    pub(super) text: Cow<'a, str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) partial: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) continued: bool,
}

impl<'a> LineDocument<'a> {
    pub(in crate::commands) fn of(line: &'a Line<'_>) -> Self {
        Self {
            stream: line.stream.word(),
            time: line.time_ns / 1_000_000,
            text: line.shown(),
            partial: line.partial,
            continued: line.continued,
        }
    }
}

#[derive(Serialize)]
pub(super) struct GapDocument {
    pub(super) stream: &'static str,
    pub(super) lines: u64,
    pub(super) bytes: u64,
    /// Before which of the lines it is.
    pub(super) at: u64,
}

/// What follows the lines in the document.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_out: Option<Vec<GapDocument>>,
    pub(super) next_cursor: String,
    pub(super) dropped_bytes: u64,
    pub(super) eof: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<Failure<'a>>,
}
