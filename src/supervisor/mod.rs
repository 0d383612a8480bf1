//! One process's supervisor: its parent, its logger, and the only one that signals it while it lives.
//!
//! 1. [`launch`]: `bgp start` hands over open files, one key and the facts.
//! 2. [`leader`]: the command is executed, as the leader of its own session.
//! 3. [`run`]: the loop: output into the log, children reaped, requests carried out, the end written.
//! 4. [`input`]: what clients ([`peers`]) send to the command's stdin ([`outlet`]), one message after the other;
//!    [`terminal`]: what takes the place of its pipes, if that was asked for.
//! 5. [`tree`]: who belongs to the process, and how all of it is ended; [`stopping`]: when.
//! 6. [`owner`]: the process with which it ends; [`runs`]: whether and when the command is run again.
//! 7. [`journal`]: what is written, in which order, in which segment ([`rotation`]), and what happens when the
//!    disk refuses ([`held`]); [`streams`]: where it comes from, and how often it is read ([`pace`]).
//! 8. [`alerts`]: what is raised of the process, by its settings.
//!
//! It is the bgp binary executed afresh with an empty environment: one thread, no big heap copied, no
//! password anywhere.
//! Does not: know the password, the state, or any other process's log.

mod alerts;
mod held;
mod input;
mod journal;
pub(crate) mod launch;
mod leader;
mod outlet;
mod owner;
mod pace;
mod peers;
mod rotation;
mod run;
mod runs;
mod stopping;
mod streams;
mod terminal;
pub(crate) mod tree;

use std::fs::OpenOptions;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use nix::sys::signal::Signal;

use crate::sys::exec::Step;
use crate::sys::image::Limits;
use crate::sys::{clock, image, signals};
use launch::Verdict;
use run::Supervisor;

/// The argument that makes the bgp binary a supervisor.
pub(crate) const ARGUMENT: &str = "__supervise";

/// Signals that would end or stop a supervisor for no good reason, and those that a full disk or a
/// closed pipe send where an error is wanted.
const IGNORED: [Signal; 11] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGPIPE,
    Signal::SIGXFSZ,
    Signal::SIGXCPU,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// What the bgp binary does when it is executed as a supervisor, with the socketpair as stdin.
pub(crate) fn main() -> ExitCode {
    image::close_inherited();
    image::forbid_inspection();
    image::set_name(tree::SUPERVISOR_NAME); // soon: a stop of the tree above passes over us by it
    let Ok(socket) = image::duplicate_stdin() else {
        return ExitCode::FAILURE; // the other end reads end of file, and says so
    };
    let mut socket = UnixStream::from(socket);
    match detach().and_then(|limits| begin(&mut socket, limits)) {
        Ok(supervisor) => {
            supervisor.run(socket);
            ExitCode::SUCCESS
        }
        Err(verdict) => {
            let _ = launch::send_message(&mut socket, &verdict); // nobody there: then nobody is told
            ExitCode::FAILURE
        }
    }
}

/// Leaves the caller's session, terminal, directory and descriptors. Returns those of his limits that are
/// the command's alone.
#[inline(never)]
fn detach() -> Result<Limits, Verdict> {
    let limits = image::set_own_limits().map_err(|error| Verdict::refused("setrlimit", error))?;
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")
        .map_err(|error| Verdict::refused("open /dev/null", error))?;
    nix::unistd::dup2_stdin(&null)
        .and_then(|()| nix::unistd::dup2_stdout(&null))
        .and_then(|()| nix::unistd::dup2_stderr(&null))
        .map_err(|error| Verdict::refused("dup2", error))?;
    drop(null);
    nix::unistd::setsid().map_err(|error| Verdict::refused("setsid", error))?;
    // No session leader: it can never get a terminal.
    image::continue_as_child().map_err(|error| Verdict::NotExecuted {
        step: Step::Fork as u8,
        errno: error.raw_os_error().unwrap_or(libc::EAGAIN),
    })?;
    nix::unistd::chdir("/").map_err(|error| Verdict::refused("chdir", error))?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    signals::unblock_all();
    signals::restore_default(&[Signal::SIGCHLD, Signal::SIGTERM]);
    signals::ignore(&IGNORED);
    image::adopt_orphans();
    Ok(limits)
}

/// Is told what to do, and does it.
#[inline(never)] // what it needs of the stack is given back
fn begin(socket: &mut UnixStream, limits: Limits) -> Result<Box<Supervisor>, Verdict> {
    let boot = clock::boot_id();
    let (files, key, launch) = launch::receive(socket)?;
    Supervisor::start(files, &key, &launch, boot, limits, socket)
}
