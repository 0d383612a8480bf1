//! The state directory: where it is, whether it is ours alone, on what it lies, and whether it opens.
//!
//! Does not: make or change anything there.

use super::{Finding, Health};
use crate::model::error::Error;
use crate::store::dir::{self, KEY, LOCK, STATE, StateDir, Sub};
use crate::store::environment::Environment;
use crate::store::password;
use crate::store::unlocked::Store;
use crate::sys::{filesystem, lock};
use crate::text::display::human_bytes;

/// With less room than this the next log may not fit.
const ROOM_MIN_BYTES: u64 = 16 * 1024 * 1024;

pub(super) fn examine(environment: &Environment) -> Vec<Finding> {
    let path = match dir::location(environment) {
        Ok(path) => path,
        Err(error) => return vec![Finding::error("directory", error)],
    };
    let shown = path.display().to_string();
    let mut findings = Vec::new();
    match StateDir::open_existing(&path) {
        Err(error) => findings.push(Finding::error("directory", error)),
        Ok(None) => {
            let what = format!("{shown} is not there yet: the first start makes it");
            findings.push(Finding::fine("directory", what));
            findings.extend(filesystem_of(&path));
        }
        Ok(Some(dir)) => {
            findings.push(Finding::fine("directory", shown));
            findings.push(modes(&dir));
            findings.extend(filesystem_of(&path));
            findings.push(state_lock(&dir));
            findings.push(opens(environment));
        }
    }
    findings
}

/// Whether all files and directories are ours alone.
fn modes(dir: &StateDir) -> Finding {
    let look = || -> Result<usize, Error> {
        let mut files = 0;
        for name in [KEY, STATE, LOCK] {
            files += usize::from(dir.top().size(name)?.is_some());
        }
        for sub in [Sub::Logs, Sub::Run, Sub::Readers] {
            let Some(sub) = dir.sub(sub)? else { continue };
            for name in sub.names()? {
                // Sockets are no files; nobody else can enter the directory they are in.
                if name.strip_suffix(".sock").is_none() {
                    files += usize::from(sub.size(&name)?.is_some());
                }
            }
        }
        Ok(files)
    };
    match look() {
        Ok(files) => Finding::fine("modes", format!("{files} files, ours alone")),
        Err(error) => Finding::error("modes", error),
    }
}

/// On what `path`, or what there is of it, lies.
fn filesystem_of(path: &std::path::Path) -> Vec<Finding> {
    let there = path.ancestors().find(|path| path.exists());
    let Some(found) = there.and_then(|there| filesystem::of(there).ok()) else {
        return Vec::new();
    };
    let mut findings = vec![if found.is_shared {
        Finding::wrong(
            "file system",
            format!(
                "{}: locks and renames there may not be those of one machine",
                found.name
            ),
            "set BGP_DIR to a directory on a local file system",
        )
    } else {
        Finding::fine("file system", found.name)
    }];
    let room = human_bytes(found.free_bytes);
    findings.push(if found.is_read_only {
        Finding::wrong(
            "room",
            "it is mounted read-only",
            "set BGP_DIR to a directory that can be written",
        )
    } else if found.free_bytes < ROOM_MIN_BYTES {
        Finding::wrong(
            "room",
            format!("{room} are free"),
            "make room, or 'bgp clear' what has ended",
        )
    } else {
        Finding::fine("room", format!("{room} are free"))
    });
    findings
}

fn state_lock(dir: &StateDir) -> Finding {
    let held = dir.top().open_read(LOCK).ok().flatten();
    match held.map(|file| lock::is_held(&file)) {
        Some(Ok(true)) => Finding::note(
            "lock",
            "another command is changing the state",
            "look again; if it stays so, that command hangs or is stopped: any command that waits names its pid",
        ),
        Some(Err(error)) => Finding::wrong(
            "lock",
            format!("the file system cannot lock: {error}"),
            "set BGP_DIR to a directory on a local file system",
        ),
        Some(Ok(false)) | None => Finding::fine("lock", "free"),
    }
}

/// Whether the password opens the key, and the key the state.
fn opens(environment: &Environment) -> Finding {
    match password::is_given(environment) {
        Err(error) => return Finding::error("password", error),
        Ok(false) => {
            return Finding::note(
                "password",
                "no variable gives it, so that key and state were not opened",
                "set BG_PASSWORD, BG_PASSWORD_FILE or BG_PASSWORD_COMMAND",
            );
        }
        Ok(true) => {}
    }
    match Store::open_existing(environment) {
        Err(error) => Finding::error("password", error),
        Ok(None) => Finding::fine("password", "given; there is no key yet"),
        Ok(Some(store)) => match store.read_state() {
            Err(error) => Finding::error("state", error),
            Ok(state) => Finding {
                health: Health::Fine,
                ..Finding::fine(
                    "state",
                    format!("opens; {} processes are listed", state.processes.len()),
                )
            },
        },
    }
}
