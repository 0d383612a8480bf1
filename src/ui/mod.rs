//! `bgp ui`: the panel in which a person sees all processes, one's output, and does something about them.
//!
//! - [`keys`] makes keys of what a terminal sends, [`actions`] says what a key means where.
//! - [`model`] is what is shown: [`list`] the processes, [`log`] the lines of one, [`prompt`] what is typed.
//!   It changes by actions and by what is read, and asks for [`Effect`](model::Effect)s; it is pure.
//! - [`view`] draws the model onto a buffer, [`layout`] says where, [`paint`] in which colours.
//! - [`source`] reads a log from its end, [`effects`] does what was asked for, both through the manager.
//! - [`alerts`] hears what processes raise, and consumes nothing.
//! - [`panel`] is the loop: one thread, which waits for the terminal, for changes and for signals.
//!
//! Does not: read a whole log, consume an alert, wait for anything that takes long, or obey what a
//! process writes.

mod actions;
mod alerts;
mod effects;
mod keys;
mod layout;
mod list;
mod log;
mod model;
mod paint;
mod panel;
mod prompt;
mod screen;
mod source;
mod view;

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::model::error::{Error, Kind};
use crate::store::environment::Environment;

/// What the panel is given.
pub(crate) struct Options<'a> {
    pub(crate) environment: &'a Environment,
    pub(crate) colours: Colours,
    /// What the configuration says now of how long a stop may take.
    pub(crate) configured_grace: Option<Duration>,
    /// Takes over the terminal of a process, from the one that the panel has given back.
    pub(crate) attach: &'a dyn Fn(&Manager, Observed) -> Result<Attached, Error>,
}

/// What became of a terminal that was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attached {
    /// It was left, or its process has ended; what is to be told.
    Over(Option<String>),
    /// A signal ends the panel too.
    By(Signal),
    /// Our terminal is gone.
    TerminalGone,
}

/// Whether the terminal has colours and its user wants them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    On,
    Off,
}

/// Shows the panel until it is left.
///
/// # Errors
///
/// No terminal (2), nothing there yet (3); no or a wrong password, a damaged or unsafe state.
pub(crate) fn run(options: &Options<'_>) -> Result<u8, Error> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Err(
            Error::usage("the panel needs a terminal for input and output")
                .hint("'bgp list' shows the same processes as text"),
        );
    }
    let Some(manager) = Manager::open(options.environment)? else {
        return Err(
            Error::new(Kind::NotFound, "there are no processes to show yet")
                .hint("nothing was started here yet: bgp start COMMAND"),
        );
    };
    panel::run(&manager, options)
}
