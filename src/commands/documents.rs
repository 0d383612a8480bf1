//! The JSON documents, each with its schema number.
//!
//! Does not: hold anything that text does not show too.

use serde::Serialize;

use crate::manager::info::ProcessInfo;
use crate::model::error::Error;

/// The version of all documents.
pub(crate) const SCHEMA: u32 = 1;

/// One process.
#[derive(Serialize)]
pub(super) struct One<'a, P = ProcessInfo> {
    schema: u32,
    process: &'a P,
}

impl<'a, P> One<'a, P> {
    pub(super) fn new(process: &'a P) -> Self {
        Self {
            schema: SCHEMA,
            process,
        }
    }
}

/// Several processes, and the errors of those that could not be done.
#[derive(Serialize)]
pub(super) struct Several<'a, P = ProcessInfo> {
    schema: u32,
    processes: Vec<&'a P>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Failure<'a>>,
}

/// An error beside what was done.
#[derive(Serialize)]
pub(super) struct Failure<'a> {
    code: u8,
    kind: &'static str,
    message: &'a str,
    hint: Option<&'a str>,
}

impl<'a> From<&'a Error> for Failure<'a> {
    fn from(error: &'a Error) -> Self {
        Self {
            code: error.kind.exit_code(),
            kind: error.kind.word(),
            message: &error.message,
            hint: error.hint.as_deref(),
        }
    }
}

impl<'a, P> Several<'a, P> {
    pub(super) fn new(processes: impl IntoIterator<Item = &'a P>) -> Self {
        Self {
            schema: SCHEMA,
            processes: processes.into_iter().collect(),
            errors: Vec::new(),
        }
    }

    pub(super) fn with_errors(mut self, errors: impl IntoIterator<Item = &'a Error>) -> Self {
        self.errors = errors.into_iter().map(Failure::from).collect();
        self
    }
}
