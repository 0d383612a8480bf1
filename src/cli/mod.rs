//! The command line as a person or a script meets it: what can be said, and how it is answered.
//!
//! - [`table`] says what a command and a flag are, [`commands`] has a row for each that there is.
//! - [`parse`] and [`help`] derive from these rows, and so will everything else that lists flags.
//! - [`run`] hands what was said to the command.
//!
//! Does not: do what a command says.

mod alerts;
pub(crate) mod commands;
mod completions;
pub(crate) mod help;
mod man;
pub(crate) mod matches;
mod panel;
pub(crate) mod parse;
mod reading;
pub(crate) mod run;
pub(crate) mod table;
pub(crate) mod values;
