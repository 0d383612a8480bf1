//! What a coverage-guided fuzzer feeds: each property that the tests look at, by its name (`tests/fuzz` is the fuzzer).
//!
//! Does not: make inputs, or say what holds: the properties do.

use super::altered::{LOG, STATE_FILE};
use super::properties::{CONTROL, ESCAPES, IDS, LINES, STATUS};
use super::written::RECORDS;
use super::{Check, Property};
use crate::commands::mcp::tests::MCP;

const PROPERTIES: [Property; 9] = [
    LOG, RECORDS, STATE_FILE, CONTROL, MCP, ESCAPES, LINES, IDS, STATUS,
];

/// A property of bytes.
pub struct Target {
    /// What inputs are likely to be made of.
    pub words: &'static [&'static [u8]],
    /// Panics if the property does not hold.
    pub check: Check,
}

/// The target called `name`, which is that of its directory in `tests/corpus`.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    let found = PROPERTIES.iter().find(|property| property.theme == name)?;
    Some(Target {
        words: found.words,
        check: (found.check)(),
    })
}
