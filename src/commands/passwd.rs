//! `bgp passwd`: another password for the same key; all that is sealed stays as it is.
//!
//! Does not: touch logs or state, or anything that runs.

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::Format;
use super::{Context, Outcome};
use crate::store::password;
use crate::store::unlocked::Store;

#[derive(Serialize)]
struct Document {
    schema: u32,
    changed: bool,
}

/// Changes the password; where there is no store yet, makes one, whose password is the new one.
///
/// # Errors
///
/// A wrong password (12), none or an empty new one (10), locked (11), storage (15). The old one counts then.
pub(crate) fn run(context: &mut Context) -> Outcome {
    let store = Store::open_or_create(&context.environment)?;
    let new = password::replacement(&context.environment)?;
    store.change_password(&new, &context.environment)?;
    match context.format {
        Format::Json => context.out.json(&Document {
            schema: SCHEMA,
            changed: true,
        })?,
        Format::Text => (context.out).line("Changed the password; what runs goes on")?,
    }
    Ok(0)
}
