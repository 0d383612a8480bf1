//! A command for an alert: sh runs it, the alert comes on its standard input.
//!
//! It is in a group of its own, so that all of it can be ended: after 30 s, or when a signal ends who
//! watches.
//! Does not: judge what it says; its output goes to the standard error.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::model::error::reason;
use crate::model::signal;
use crate::store::environment::PASSWORD_VARIABLES;
use crate::sys::notify::either;
use crate::sys::signals::Signals;
use crate::sys::{group, pipe};

/// How long it may take.
const LIMIT: Duration = Duration::from_secs(30);

/// What came of it.
pub(super) struct Ended {
    /// What went wrong: `ended with code 3`.
    pub(super) failure: Option<String>,
    /// The signal that came meanwhile, and ends who watches.
    pub(super) signal: Option<Signal>,
}

/// Runs `line` with `input`, to its end, its time limit, or the next of `signals` that is not about children.
pub(super) fn run(line: &OsStr, input: &[u8], signals: &Signals) -> Ended {
    let failed = |what: String| Ended {
        failure: Some(what),
        signal: None,
    };
    let cannot = |error: &io::Error| failed(format!("cannot be run: {}", reason(error)));
    let errors = match io::stderr().as_fd().try_clone_to_owned() {
        Ok(errors) => errors,
        Err(error) => return cannot(&error),
    };
    let mut shell = Command::new("/bin/sh");
    for name in PASSWORD_VARIABLES {
        shell.env_remove(name);
    }
    let spawned = shell
        .arg("-c")
        .arg(line)
        .stdin(Stdio::piped())
        .stdout(Stdio::from(errors))
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return cannot(&error),
    };
    let mut stdin = child.stdin.take();
    if let Some(pipe) = &stdin
        && pipe::set_nonblocking(pipe).is_err()
    {
        stdin = None;
    }
    let deadline = Instant::now() + LIMIT;
    let mut rest = input;
    loop {
        write_some(&mut stdin, &mut rest);
        while let Some(signal) = signals.next() {
            if signal != Signal::SIGCHLD {
                end(&mut child);
                return Ended {
                    failure: None,
                    signal: Some(signal),
                };
            }
        }
        match child.try_wait() {
            Ok(Some(status)) => {
                return Ended {
                    failure: failure(status),
                    signal: None,
                };
            }
            Ok(None) => {}
            Err(error) => return cannot(&error),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            end(&mut child);
            return failed(format!(
                "took longer than {} s and was ended",
                LIMIT.as_secs()
            ));
        }
        either(signals, stdin.as_ref().map(AsFd::as_fd), left);
    }
}

/// Writes what there is room for; closes the pipe at the end, or when nobody reads.
fn write_some(stdin: &mut Option<ChildStdin>, rest: &mut &[u8]) {
    while let Some(pipe) = stdin {
        match pipe.write(rest) {
            Ok(count) if count < rest.len() => *rest = &rest[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => *stdin = None,
        }
    }
}

/// Ends it and what is left in its group.
fn end(child: &mut Child) {
    // Not waited for yet, so that the group is still its.
    let _ = i32::try_from(child.id()).map(|pid| group::signal(pid, libc::SIGKILL));
    let _ = child.wait();
}

fn failure(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("ended with code {code}")),
        (None, number) => Some(format!(
            "was ended by {}",
            signal::name(number.unwrap_or_default())
        )),
    }
}
