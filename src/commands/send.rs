//! `bgp send`: writes to the standard input of a process, and tells how much of it was taken.
//!
//! All that is to be sent is read before any of it is sent: what others send must not wait for a slow
//! file.
//! Does not: show or keep what is sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::documents::{Failure, SCHEMA};
use super::out::Format;
use super::select;
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::input::{After, Message};
use crate::manager::observe::Observed;
use crate::model::error::{self, Error};
use crate::model::id::ProcessId;
use crate::text::keys::Key;

/// The longest message, in bytes: all of it is in memory while it is sent.
const MESSAGE_MAX_BYTES: usize = 64 * 1024 * 1024;

/// What is asked for.
pub(crate) struct SendOptions {
    pub(crate) source: Source,
    pub(crate) after: After,
    pub(crate) limit: Duration,
}

/// Where the bytes come from.
pub(crate) enum Source {
    /// A text, and whether Enter follows.
    Text(Vec<u8>, Enter),
    Keys(Vec<Key>),
    File(PathBuf),
    /// Our own standard input.
    Stdin,
}

/// Whether a text is followed by what the Enter key sends: a newline, and on a terminal a carriage return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enter {
    Follows,
    No,
}

/// What was sent, and why not all, if not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema: u32,
    id: ProcessId,
    name: &'a str,
    /// How many bytes were taken.
    bytes: usize,
    /// How many there were.
    total_bytes: usize,
    /// Whether the standard input was closed after them.
    eof: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Failure<'a>>,
}

/// Sends what `options` say to the process that `id` means.
///
/// # Errors
///
/// Not found (3), ambiguous (4), not running or its stdin closed (5), not all taken in time (124).
pub(crate) fn run(context: &mut Context, id: &str, options: &SendOptions) -> Outcome {
    let (manager, target) = select::one(context, id)?;
    let message = Message {
        bytes: read(&options.source, &manager, &target)?,
        after: options.after,
        limit: options.limit,
    };
    let sent = manager.send(&target, &message);
    let name = &target.entry.name;
    let eof = options.after == After::Closed && sent.error.is_none();
    if context.format == Format::Json {
        context.out.json(&Document {
            schema: SCHEMA,
            id: target.entry.id,
            name,
            bytes: sent.bytes,
            total_bytes: message.bytes.len(),
            eof,
            error: sent.error.as_ref().map(Failure::from),
        })?;
        return Ok(sent.error.map_or(0, |error| error.kind.exit_code()));
    }
    if let Some(error) = sent.error {
        return Err(error);
    }
    let unit = if sent.bytes == 1 { "byte" } else { "bytes" };
    let is_pty = target.entry.pty.is_some();
    context.out.line(&match (sent.bytes, eof) {
        (0, true) if is_pty => format!("Sent an end of file to {name}"),
        (0, true) => format!("Closed the stdin of {name}"),
        (bytes, true) if is_pty => {
            format!("Sent {bytes} {unit} and an end of file to {name}")
        }
        (bytes, true) => format!("Sent {bytes} {unit} to {name}, and closed its stdin"),
        (bytes, false) => format!("Sent {bytes} {unit} to {name}"),
    })?;
    Ok(0)
}

fn read(source: &Source, manager: &Manager, target: &Observed) -> Result<Vec<u8>, Error> {
    match source {
        Source::Text(text, Enter::No) => Ok(text.clone()),
        Source::Text(text, Enter::Follows) => Ok([text, target.enter_key()].concat()),
        Source::Keys(keys) => Ok(manager.typed(keys, target)),
        Source::Stdin => read_all(io::stdin().lock(), Path::new("-")),
        Source::File(path) => {
            let unusable = |error: &io::Error| {
                let reason = error::reason(error);
                Error::usage(format!(
                    "--file: cannot open '{}': {reason}",
                    path.display()
                ))
                .hint("a file that can be read, or '-' for bgp's own standard input")
            };
            let file = File::open(path).map_err(|error| unusable(&error))?;
            if file.metadata().is_ok_and(|found| found.is_dir()) {
                return Err(unusable(&io::Error::from_raw_os_error(libc::EISDIR)));
            }
            read_all(file, path)
        }
    }
}

fn read_all(from: impl Read, path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    from.take(MESSAGE_MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::io("read", path, &error))?;
    if bytes.len() > MESSAGE_MAX_BYTES {
        return Err(Error::usage(format!(
            "--file: '{}' is longer than the 64 MiB that are sent at one time",
            path.display()
        ))
        .hint("send it in parts, or start the process with --stdin FILE"));
    }
    Ok(bytes)
}
