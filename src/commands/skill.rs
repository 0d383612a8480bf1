//! `bgp skill`: the instructions for agents, printed or installed.
//!
//! Does not: overwrite what bgp did not write.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::Format;
use super::{Context, Outcome};
use crate::model::bytes::Bytes;
use crate::model::error::Error;
use crate::sys::publish::{Existing, Target};
use crate::text::display::one_line;

/// The instructions, as the Agent Skills specification asks for them.
const SKILL: &str = include_str!("skill/SKILL.md");
/// What the file is called.
const NAME: &str = "SKILL.md";
/// What stands in every one that bgp has written.
const MARK: &str = "<!-- written by bgp skill -->";
/// How much of a file is looked at for the mark, in bytes.
const LOOKED_AT_BYTES: u64 = 64 * 1024;

#[derive(Serialize)]
struct Shown {
    schema: u32,
    text: &'static str,
}

#[derive(Serialize)]
struct Installed {
    schema: u32,
    path: String,
}

/// Prints it.
///
/// # Errors
///
/// The output cannot be written.
pub(crate) fn show(context: &mut Context) -> Outcome {
    match context.format {
        Format::Json => context.out.json(&Shown {
            schema: SCHEMA,
            text: SKILL,
        })?,
        Format::Text => context.out.text(SKILL)?,
    }
    Ok(0)
}

/// Writes it into `dir`, which is made if it is missing.
///
/// # Errors
///
/// A file is there that bgp did not write (1); storage (15).
pub(crate) fn install(context: &mut Context, dir: &Path) -> Outcome {
    let path = write(dir).map_err(Error::elsewhere)?;
    match context.format {
        Format::Json => context.out.json(&Installed {
            schema: SCHEMA,
            path,
        })?,
        Format::Text => context.out.line(&format!("Wrote {}", one_line(&path)))?,
    }
    Ok(0)
}

fn write(dir: &Path) -> Result<String, Error> {
    let target = Target::open_or_create(dir)?;
    let path = target.path(NAME);
    let existing = match (target.has(NAME)?, is_ours(&path)) {
        (false, _) => Existing::Refused,
        (true, true) => Existing::Replaced,
        (true, false) => {
            let message = format!("'{}' is there, and bgp did not write it", path.display());
            return Err(Error::other(message).hint("remove it, or name another directory"));
        }
    };
    let draft = target.begin(NAME)?;
    let mut file = draft.file();
    file.write_all(SKILL.as_bytes())
        .map_err(|error| Error::io("write", &path, &error))?;
    Ok(Bytes::from(draft.publish(existing)?.as_os_str()).escaped())
}

fn is_ours(path: &Path) -> bool {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    let mut bytes = Vec::new();
    let read = |bytes: &mut Vec<u8>| {
        let file = File::open(path)?;
        file.take(LOOKED_AT_BYTES).read_to_end(bytes)
    };
    is_file && read(&mut bytes).is_ok() && memchr::memmem::find(&bytes, MARK.as_bytes()).is_some()
}
