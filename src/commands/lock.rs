//! `bgp lock`: forgets the cached key, so that the next command needs the password's full work again.
//!
//! Does not: need the password, or touch anything that runs.

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::Format;
use super::{Context, Outcome};
use crate::store::unlocked::forget_key;

#[derive(Serialize)]
struct Document {
    schema: u32,
    forgotten: bool,
}

/// Forgets the key of this store.
///
/// # Errors
///
/// An unsafe state directory.
pub(crate) fn run(context: &mut Context) -> Outcome {
    let forgotten = forget_key(&context.environment)?;
    match context.format {
        Format::Json => context.out.json(&Document {
            schema: SCHEMA,
            forgotten,
        })?,
        Format::Text if forgotten => context.out.line("Forgot the cached key")?,
        Format::Text => context.out.line("No key was cached")?,
    }
    Ok(0)
}
