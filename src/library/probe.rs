//! Whether an executable is a bgp of this version, which can act as a supervisor.
//!
//! Does not: look for one.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::model::error::{Error, reason};
use crate::sys::notify::readable;

/// How long it may take to say its version.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// The longest answer that is read, in bytes.
const ANSWER_MAX_BYTES: u64 = 256;

/// The absolute path of `bgp`, which has said that it is one.
///
/// # Errors
///
/// A usage error that says what it is instead.
pub(super) fn executable(bgp: &Path) -> Result<PathBuf, Error> {
    let shown = bgp.display();
    let wrong = |what: String| {
        Error::usage(format!("'{shown}' cannot be the supervisor: {what}"))
            .hint("name the executable of the bgp program, as in /usr/local/bin/bgp")
    };
    let path = std::path::absolute(bgp).map_err(|error| wrong(reason(&error)))?;
    let file = std::fs::metadata(&path).map_err(|error| wrong(reason(&error)))?;
    let me = std::env::current_exe().and_then(std::fs::metadata);
    if me.is_ok_and(|me| (me.dev(), me.ino()) == (file.dev(), file.ino())) {
        return Err(wrong("it is this program itself".into()));
    }
    let mut child = Command::new(&path)
        .arg("--version")
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| wrong(reason(&error)))?;
    let mut answer = String::new();
    if let Some(stdout) = child.stdout.take()
        && readable(&stdout, ANSWER_LIMIT)
    {
        // What is no text is no version either.
        let _ = stdout.take(ANSWER_MAX_BYTES).read_to_string(&mut answer);
    }
    let _ = child.kill(); // it has ended, or is none
    let _ = child.wait();
    let ours = concat!("bgp ", env!("CARGO_PKG_VERSION"));
    match answer.trim_end() {
        answer if answer == ours => Ok(path),
        other if other.starts_with("bgp ") => {
            Err(wrong(format!("it is {other}, and this is {ours}")))
        }
        _ => Err(wrong("it is no bgp".into())),
    }
}
