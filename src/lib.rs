//! `bgp` runs commands in the background: one small supervisor each, everything sealed at rest.
//!
//! Modules read downwards, each naming only those below it:
//! `cli → commands, library, ui → agent → manager → supervisor → config → control, log, store → crypto, text → model → sys`.

#![cfg_attr(
    any(test, fuzzing),
    expect(clippy::unwrap_used, reason = "a test fails by panicking")
)]

mod agent;
mod cli;
mod commands;
mod config;
mod control;
mod crypto;
mod library;
mod log;
mod manager;
mod model;
mod store;
mod supervisor;
mod sys;
#[cfg(any(test, fuzzing))]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod ui;

use std::ffi::OsString;
use std::process::ExitCode;

#[cfg(fuzzing)]
pub use testing::targets as fuzzing;

pub use library::ProcessManager;
pub use library::events::{ManagerEvent, Subscription};
pub use library::info::{Came, Error, Output, OutputLine, ProcessInfo, ProcessStatus, Stream};
pub use library::options::{OutputOptions, StartOptions, WaitFor};

use nix::sys::signal::Signal;

/// What the `bgp` program does: a command, or, executed by `bgp start`, the supervision of a process.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments
        .peek()
        .is_some_and(|first| first == supervisor::ARGUMENT)
    {
        return supervisor::main();
    }
    command(arguments.collect())
}

/// Carries out one command.
#[inline(never)] // its variables would stand below a supervisor's for all its life
fn command(arguments: Vec<OsString>) -> ExitCode {
    sys::image::forbid_inspection(); // the password and its keys are in here
    // A caller that ignores SIGCHLD would keep us from waiting for a child.
    sys::signals::restore_default(&[Signal::SIGCHLD]);
    sys::signals::ignore(&[Signal::SIGXFSZ]); // a limit of file sizes is an error, not the end
    cli::run::run(
        arguments,
        store::environment::Environment::of_this_process(),
    )
}
