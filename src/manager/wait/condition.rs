//! What may be waited for beside the end, and what it was that came.
//!
//! Does not: look.

use std::time::Duration;

use regex::bytes::Regex;

use crate::manager::inspect::Port;
use crate::manager::observe::Observed;
use crate::manager::output::cursor::Cursor;
use crate::manager::output::find::Found;
use crate::model::error::Error;
use crate::text::written;

/// Conditions, the first of which that holds ends the wait for a process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    /// One of these is found in a line of its output.
    pub(crate) output: Vec<Regex>,
    /// Where to look from, for the process that the cursor is of; else from the beginning.
    pub(crate) after: Vec<Cursor>,
    /// One of its tree listens there.
    pub(crate) port: Option<u16>,
    /// It has written nothing for so long, since the wait began.
    pub(crate) idle: Option<Duration>,
}

/// What ended the wait for a process.
#[derive(Debug, Clone)]
pub(crate) enum Came {
    /// Its leader ended, which was all that was waited for.
    End,
    Output(Box<Found>),
    Port(Port),
    Idle,
}

impl Conditions {
    /// `port:N`, or a regular expression for a line of output.
    ///
    /// # Errors
    ///
    /// A usage error: empty, no port, no regular expression.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let none = Self::default();
        match text.strip_prefix("port:") {
            _ if text.is_empty() => {
                Err(Error::usage("it is empty").hint("a variable in its place may be unset"))
            }
            Some(port) => Ok(Self {
                port: Some(written::port(port)?),
                ..none
            }),
            None => Ok(Self {
                output: vec![written::regex(text)?],
                ..none
            }),
        }
    }

    /// Whether only the end is waited for.
    pub(crate) fn is_empty(&self) -> bool {
        self.output.is_empty() && self.port.is_none() && self.idle.is_none()
    }

    /// Whether the output has to be read.
    pub(super) fn read_output(&self) -> bool {
        !self.output.is_empty() || self.idle.is_some()
    }

    /// That each cursor is of one of `targets`.
    pub(super) fn check_cursors(&self, targets: &[Observed]) -> Result<(), Error> {
        for cursor in &self.after {
            let of = targets
                .iter()
                .find(|target| target.entry.id == cursor.process())
                .or(targets.first());
            if let Some(target) = of {
                cursor.belongs_to(&target.entry)?;
            }
        }
        Ok(())
    }

    /// What is waited for, as it follows "before".
    pub(super) fn words(&self) -> String {
        let mut words = Vec::new();
        if !self.output.is_empty() {
            words.push("a line of output matched".to_owned());
        }
        if let Some(port) = self.port {
            words.push(format!("port {port} was listened on"));
        }
        if self.idle.is_some() {
            words.push("it was silent for so long".to_owned());
        }
        words.join(" or ")
    }
}
