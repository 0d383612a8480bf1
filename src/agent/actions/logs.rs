//! `logs`: where the log of a process is, and a readable copy of it.
//!
//! Does not: write in clear what nobody asked for.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Call, Outcome};
use crate::agent::answer::{Answer, called};
use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::model::bytes::Bytes;
use crate::model::error::Error;
use crate::store::dir::StateDir;
use crate::sys::publish::Existing;
use crate::text::display::one_line;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let (manager, process) = call.process()?;
    if call.arguments.switch("export").unwrap_or(false) {
        return export(call, &manager, &process);
    }
    if call.arguments.text("dir").is_some() {
        return Err(
            Error::usage("parameter 'dir' of 'logs' goes with 'export' alone")
                .hint("add export=true to have a readable copy written there"),
        );
    }
    let info = process.info();
    let files = manager.log_files(&process)?;
    let id = format!("proc_{}", info.number);
    let mut answer = Answer::new("logs", format!("Logs of {}, encrypted:", called(&info)))
        .with("id", info.id.to_string())
        .with(
            "files",
            files
                .iter()
                .map(|file| json!({"path": shown(&file.path), "segment": file.segment, "bytes": file.bytes}))
                .collect::<Vec<Value>>(),
        );
    for file in &files {
        let path = shown(&file.path);
        answer = answer.line(&format!("{} ({} bytes)", one_line(&path), file.bytes));
    }
    let copy = call
        .agent
        .call_of("logs", &[("id", &id), ("export", "true")]);
    let output = call.agent.call_of("output", &[("id", &id)]);
    Ok(answer.next(format!(
        "Next: {output} reads the output, {copy} writes a readable copy"
    )))
}

fn export(call: &Call<'_>, manager: &Manager, process: &Observed) -> Outcome {
    let info = process.info();
    let (dir, existing) = match call.arguments.text("dir") {
        Some(dir) => (PathBuf::from(dir), Existing::Refused),
        // Named by the process: what is there is an older copy of the same.
        None => (default_dir(call, &info.id.to_string())?, Existing::Replaced),
    };
    let dir = std::path::absolute(&dir).unwrap_or(dir);
    let export = manager
        .export(process, &dir, [true, true], existing)
        .map_err(|error| match existing {
            Existing::Refused => error.hint("name another directory, or remove it"),
            Existing::Replaced => error,
        })?;
    let files: Vec<Value> = export
        .files
        .iter()
        .map(|file| json!({"path": shown(&file.path), "stream": file.stream.word(), "bytes": file.bytes}))
        .collect();
    let message = format!("Wrote the output of {} in clear:", called(&info));
    let mut answer = Answer::new("logs", message)
        .with("id", info.id.to_string())
        .with("files", files)
        .with("droppedBytes", export.dropped_bytes);
    for file in &export.files {
        let path = shown(&file.path);
        answer = answer.line(&format!("{} ({} bytes)", one_line(&path), file.bytes));
    }
    if export.dropped_bytes > 0 {
        answer = answer.note(&format!(
            "{} bytes of output are in none of them: they were dropped or lost before",
            export.dropped_bytes
        ));
    }
    answer =
        answer.note("anybody who may read these files can read the output: remove them after use");
    if let Err(damage) = &export.damage {
        answer = answer.damaged(damage);
    }
    Ok(answer)
}

/// A directory of this user's own, below one for temporary files: in memory where there is one.
fn default_dir(call: &Call<'_>, id: &str) -> Result<PathBuf, Error> {
    let environment = &call.agent.environment;
    let named = ["XDG_RUNTIME_DIR", "TMPDIR"].into_iter().find_map(|name| {
        let path = Path::new(environment.get(name)?);
        (path.is_absolute() && path.is_dir()).then(|| path.to_owned())
    });
    let base = named.unwrap_or_else(|| PathBuf::from("/tmp"));
    let user = nix::unistd::geteuid();
    // As safe as the state directory: nobody else has put it there, or may look into it.
    let own = StateDir::open_or_create(&base.join(format!("bgp-exports-{user}")))?;
    Ok(own.path().join(id))
}

fn shown(path: &Path) -> String {
    Bytes::from(path.as_os_str()).escaped()
}
