//! `bgp logs ID --path` and `--export DIR`: where a log is, and its output in clear.
//!
//! Does not: show output; [`output`](super::output) does.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::{Format, note};
use super::select;
use super::{Context, Outcome};
use crate::model::bytes::Bytes;
use crate::model::id::ProcessId;
pub(crate) use crate::sys::publish::Existing;
use crate::text::display::one_line;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema: u32,
    id: ProcessId,
    files: Vec<FileDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_bytes: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FileDocument {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segment: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<&'static str>,
    bytes: u64,
}

impl FileDocument {
    fn new(path: &Path, bytes: u64) -> Self {
        let path = Bytes(path.as_os_str().as_bytes().to_vec());
        Self {
            path: path.escaped(),
            path_base64: path.base64_if_needed(),
            segment: None,
            stream: None,
            bytes,
        }
    }
}

/// Tells the files of the log of the process that `id` means, and their sizes.
///
/// # Errors
///
/// Not found (3), ambiguous (4).
pub(crate) fn path(context: &mut Context, id: &str) -> Outcome {
    let (manager, process) = select::one(context, id)?;
    let files: Vec<FileDocument> = manager
        .log_files(&process)?
        .iter()
        .map(|file| FileDocument {
            segment: Some(file.segment),
            ..FileDocument::new(&file.path, file.bytes)
        })
        .collect();
    match context.format {
        Format::Json => context.out.json(&Document {
            schema: SCHEMA,
            id: process.entry.id,
            files,
            dropped_bytes: None,
        })?,
        Format::Text => {
            for file in files {
                let path = one_line(&file.path);
                context.out.line(&format!("{path}\t{}", file.bytes))?;
            }
        }
    }
    Ok(0)
}

/// Writes the output of the process that `id` means into files in `dir`.
///
/// # Errors
///
/// Not found (3), ambiguous (4), a damaged log (13): after what is intact of it was written. A file is
/// there already (1).
pub(crate) fn export(
    context: &mut Context,
    id: &str,
    dir: &Path,
    streams: [bool; 2],
    existing: Existing,
) -> Outcome {
    let (manager, process) = select::one(context, id)?;
    let export = manager.export(&process, dir, streams, existing)?;
    match context.format {
        Format::Json => {
            let files = export
                .files
                .iter()
                .map(|file| FileDocument {
                    stream: Some(file.stream.word()),
                    ..FileDocument::new(&file.path, file.bytes)
                })
                .collect();
            context.out.json(&Document {
                schema: SCHEMA,
                id: process.entry.id,
                files,
                dropped_bytes: Some(export.dropped_bytes),
            })?;
        }
        Format::Text => {
            for file in &export.files {
                let path = file.path.display().to_string();
                let path = one_line(&path);
                context
                    .out
                    .line(&format!("Wrote {path} ({} bytes)", file.bytes))?;
            }
            if export.dropped_bytes > 0 {
                note(&format!(
                    "{} bytes of output are in none of them: they were dropped or lost before",
                    export.dropped_bytes
                ));
            }
        }
    }
    export.damage.map(|()| 0)
}
