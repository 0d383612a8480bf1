//! One process's supervisor: its parent, its logger, and the only one that signals it while it lives.
//!
//! 1. [`launch`]: `bgp start` hands over open files, one key and the facts.
//! 2. [`leader`]: the command is executed, as the leader of its own session.
//! 3. [`run`]: the loop: output into the log, children reaped, requests carried out, the end written.
//! 4. [`input`]: what clients send to the command's stdin, one message after the other.
//! 5. [`tree`]: who belongs to the process, and how all of it is ended.
//! 6. [`journal`]: what is written, in which order, and what happens when the disk refuses ([`held`]).
//!
//! It is the bgp binary executed afresh with an empty environment: one thread, no big heap copied, no
//! password anywhere. Does not: know the password, the state, or any other process's log.

mod held;
mod input;
mod journal;
pub(crate) mod launch;
mod leader;
mod peers;
mod run;
mod streams;
pub(crate) mod tree;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use nix::sys::signal::Signal;

use crate::sys::image::Limit;
use crate::sys::{image, signals};
use launch::Verdict;

/// The argument that makes the bgp binary a supervisor.
pub(crate) const ARGUMENT: &str = "__supervise";

/// Signals that would end or stop a supervisor for no good reason, and those that a full disk or a
/// closed pipe send where an error is wanted.
const IGNORED: [Signal; 10] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTSTP,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGPIPE,
    Signal::SIGXFSZ,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
];

/// What the bgp binary does when it is executed as a supervisor, with the socketpair as stdin.
pub(crate) fn main() -> ExitCode {
    image::close_inherited();
    image::forbid_inspection();
    match detach() {
        Ok((mut socket, core_limit)) => supervise(&mut socket, core_limit),
        Err(_) => ExitCode::FAILURE, // the other end reads end of file, and says so
    }
}

/// Leaves the caller's session, terminal, directory and descriptors.
fn detach() -> io::Result<(UnixStream, Limit)> {
    let core_limit = image::forbid_core_files()?;
    let socket = UnixStream::from(image::duplicate_above_stdio(io::stdin())?);
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    drop(null);
    nix::unistd::setsid()?;
    image::continue_as_child()?; // no session leader: it can never get a terminal
    image::set_name(tree::SUPERVISOR_NAME);
    nix::unistd::chdir("/")?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    signals::unblock_all();
    signals::restore_default(&[Signal::SIGCHLD, Signal::SIGTERM]);
    signals::ignore(&IGNORED);
    image::adopt_orphans();
    Ok((socket, core_limit))
}

fn supervise(socket: &mut UnixStream, core_limit: Limit) -> ExitCode {
    let verdict = match launch::receive(socket) {
        Ok((files, key, launch)) => {
            match run::Supervisor::start(files, &key, &launch, core_limit, socket) {
                Ok(mut supervisor) => {
                    drop((key, launch));
                    supervisor.run(socket);
                    return ExitCode::SUCCESS;
                }
                Err(verdict) => verdict,
            }
        }
        Err(error) => Verdict::refused(&error),
    };
    let _ = launch::send_message(socket, &verdict); // nobody there: then nobody is told
    ExitCode::FAILURE
}
