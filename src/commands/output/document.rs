//! The parts of the JSON document of `output`, which is written line by line.
//!
//! Does not: write it.

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct LineDocument<'a> {
    pub(super) stream: &'static str,
    pub(super) time: u64,
    pub(super) text: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) partial: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) continued: bool,
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
pub(super) struct Rest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_out: Option<Vec<GapDocument>>,
    pub(super) next_cursor: String,
    pub(super) dropped_bytes: u64,
    pub(super) eof: bool,
}
