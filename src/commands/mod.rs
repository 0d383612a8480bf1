//! The commands, one file each: what was asked for is done, and told in text or JSON.
//!
//! - [`out`] owns the standard output; [`documents`] are the JSON documents.
//!
//! Does not: parse arguments, or do anything that the [`manager`](crate::manager) does not offer.

pub(crate) mod alert;
pub(crate) mod alerts;
pub(crate) mod attach;
pub(crate) mod clear;
pub(crate) mod complete;
pub(crate) mod config;
pub(crate) mod doctor;
mod documents;
pub(crate) mod end_session;
pub(crate) mod list;
pub(crate) mod lock;
pub(crate) mod logs;
pub(crate) mod mcp;
pub(crate) mod out;
pub(crate) mod output;
pub(crate) mod passwd;
pub(crate) mod process;
pub(crate) mod repair;
pub(crate) mod restart;
mod screen;
mod select;
pub(crate) mod send;
pub(crate) mod signal;
pub(crate) mod skill;
pub(crate) mod snapshot;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod stop;
pub(crate) mod verify;
pub(crate) mod wait;
pub(crate) mod watch;

pub(crate) use select::Selection;

use crate::config::{Configuration, Settings};
use crate::manager::words;
use crate::model::error::Error;
use crate::store::environment::Environment;
use crate::sys::window;
use crate::text::row::Look;
use out::{Format, Out};

/// What every command is given.
pub(crate) struct Context {
    pub(crate) environment: Environment,
    pub(crate) configuration: Configuration,
    pub(crate) format: Format,
    pub(crate) out: Out,
}

impl Context {
    /// What holds, by the configuration or by default.
    pub(crate) fn settings(&self) -> &Settings {
        &self.configuration.settings
    }

    /// The width of the terminal that the output goes to; `None` when it goes elsewhere.
    fn columns(&self) -> Option<usize> {
        screen::columns(self.environment.get("COLUMNS"), window::columns)
    }

    /// How text looks where the output goes.
    pub(crate) fn look(&self) -> Look {
        screen::look(
            self.environment.get("NO_COLOR"),
            self.environment.get("TERM"),
        )
    }
}

/// What a command ends with: its exit code, or what went wrong.
pub(crate) type Outcome = Result<u8, Error>;
