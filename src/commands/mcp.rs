//! `bgp mcp`: the actions for agents as tools of the Model Context Protocol, on stdin and stdout.
//!
//! - [`lines`] reads messages of a bounded length, [`writer`] writes them, so that a client which does not
//!   read keeps nobody else waiting.
//! - [`protocol`] is what a message may be, [`server`] what is answered, in both eras of the protocol.
//! - [`calls`] does the actions, in their order, and lets nobody wait for one that takes long.
//!
//! Does not: write anything but protocol to the standard output, or end a process when the client goes,
//! unless asked to.

mod calls;
mod lines;
mod protocol;
mod server;
#[cfg(any(test, fuzzing))]
pub(crate) mod tests;
mod writer;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::out::note;
use super::{Context, Outcome};
use crate::agent::{Agent, Face};
use crate::manager::Manager;
use crate::manager::stop::StopOptions;
use crate::model::error::Error;
use crate::model::status::Reason;
use crate::store::password;
use crate::sys::notify::{FOREVER, either};
use crate::sys::signals::{Signals, exit_code};
use calls::Calls;
use lines::{Lines, Next};
use server::Server;
use writer::{Outlet, Writer};

/// How many messages are read ahead.
const AHEAD: usize = 64;
/// How long calls that are under way may take when the client has closed its end.
const LAST_CALLS: Duration = Duration::from_secs(20);
/// How often is looked whether they are done, in case nobody could tell.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long the client may take to read the last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// What becomes of the session's processes when the client goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtEnd {
    TheyRunOn,
    /// They are stopped and cleared.
    TheyEnd,
}

/// What happens to the server.
enum Event {
    Line(Vec<u8>),
    TooLong,
    /// The client has closed its end.
    End,
    /// A signal asks for the end.
    Asked(Signal),
    /// A call is done.
    Done,
    /// Nothing can be written any more; `None` when nobody reads.
    Unwritable(Option<Error>),
}

/// Serves until the end of the standard input.
///
/// # Errors
///
/// The standard output cannot be written (15). No password is told to whoever calls a tool.
pub(crate) fn run(context: &mut Context, at_end: AtEnd) -> Outcome {
    let taken = password::taken_once(&context.environment);
    if let Err(error) = &taken {
        note(&format!("{}; every call will be told so", error.message));
    }
    let (environment, locked) = match taken {
        Ok(environment) => (environment, None),
        Err(error) => (context.environment.clone(), Some(error)),
    };
    let mut agent = Agent::new(environment, Face::Tools)?;
    if at_end == AtEnd::TheyEnd && agent.session.is_none() {
        agent.session = Some(format!("mcp-{:08x}", fastrand::u32(..)));
    }
    agent.settings(); // these hold if the file is faulty when they are wanted first
    let session = agent.session.clone().filter(|_| at_end == AtEnd::TheyEnd);
    let agent = Arc::new(agent);
    let (sender, events) = sync_channel(AHEAD);
    if session.is_some() {
        take_signals(sender.clone())?; // before there are threads that would have them
    }
    read_ahead(sender.clone());
    let writer = Writer::begin(sender.clone());
    let calls = Calls::begin(Arc::clone(&agent), locked, writer.outlet(), sender);
    let server = Server::new(calls.clone(), writer.outlet());
    let result = serve(&events, &server, &writer.outlet());
    calls.hurry();
    let deadline = Instant::now() + LAST_CALLS;
    while result.is_ok() && calls.are_under_way() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        let _ = events.recv_timeout(left.min(LOOK_AGAIN)); // whatever comes, it is looked again
    }
    if let Some(session) = session {
        end_session(&agent, &session)?;
    }
    if result.is_ok() {
        writer.finish(LAST_ANSWERS)?;
    }
    let signal = result?;
    Ok(signal.map_or(0, exit_code))
}

/// Serves until the client goes, or a signal asks for the end: then this.
fn serve(
    events: &Receiver<Event>,
    server: &Server,
    outlet: &Outlet,
) -> Result<Option<Signal>, Error> {
    while let Ok(event) = events.recv() {
        outlet.check()?;
        match event {
            Event::Line(line) => server.take(&line),
            Event::TooLong => server.too_long(),
            Event::Done => {}
            Event::Asked(signal) => return Ok(Some(signal)),
            Event::End | Event::Unwritable(None) => break,
            Event::Unwritable(Some(error)) => return Err(error),
        }
    }
    Ok(None)
}

/// Has the signals that end a server told as events: what it started in its session is to end with it.
fn take_signals(events: SyncSender<Event>) -> Result<(), Error> {
    let signals = Signals::take(&[
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
    ])
    .map_err(|error| Error::system("cannot wait for signals", &error))?;
    thread::spawn(move || {
        loop {
            either(&signals, None, FOREVER);
            if let Some(signal) = signals.next() {
                let _ = events.send(Event::Asked(signal)); // the server may be at its end already
                return;
            }
        }
    });
    Ok(())
}

/// Reads messages on a thread of its own, so that the end of the input is seen whatever else is done.
fn read_ahead(events: SyncSender<Event>) {
    thread::spawn(move || {
        let mut lines = Lines::new(io::stdin());
        loop {
            let event = match lines.next() {
                Ok(Next::Line(line)) => Event::Line(line),
                Ok(Next::TooLong) => Event::TooLong,
                Ok(Next::End) | Err(_) => Event::End,
            };
            let is_last = matches!(event, Event::End);
            if events.send(event).is_err() || is_last {
                return;
            }
        }
    });
}

fn end_session(agent: &Agent, session: &str) -> Result<(), Error> {
    let Some(manager) = Manager::open(&agent.environment)? else {
        return Ok(());
    };
    let options = StopOptions {
        reason: Reason::Session,
        grace: None,
        configured: agent.settings().grace_of_file(),
    };
    let (_, errors) = manager.end_session(session, options)?;
    errors.into_iter().next().map_or(Ok(()), Err)
}
