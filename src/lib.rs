//! `bgp` runs commands in the background: one small supervisor each, everything sealed at rest.
//!
//! Modules read downwards, each naming only those below it:
//! `cli → commands → manager → supervisor, watch → control, log, store → crypto, text, model → sys`.

mod cli;
mod commands;
mod control;
mod crypto;
mod log;
mod manager;
mod model;
mod store;
mod supervisor;
mod sys;
#[cfg(test)]
mod testing;
mod text;

use std::process::ExitCode;

/// What the `bgp` program does: a command, or, executed by `bgp start`, the supervision of a process.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == supervisor::ARGUMENT) {
        return supervisor::main();
    }
    sys::image::forbid_inspection(); // the password and its keys are in here
    cli::run::run(arguments.collect(), store::environment::Environment::of_this_process())
}
