//! The actions, one file each: what was said is done, and answered.
//!
//! Does not: do anything that the [`manager`](crate::manager) does not offer.

pub(super) mod alerts;
pub(super) mod clear;
pub(super) mod kill;
pub(super) mod list;
pub(super) mod logs;
pub(super) mod output;
pub(super) mod restart;
pub(super) mod screen;
pub(super) mod send;
pub(super) mod start;
pub(super) mod status;
pub(super) mod update;
pub(super) mod wait;

use super::Call;
use super::answer::Answer;
use super::table;
use crate::model::error::Error;
use crate::model::facts::Entry;

/// What an action ends with.
type Outcome = Result<Answer, Error>;

/// Whether `entry` is of the group and session that were asked for.
fn is_of(call: &Call<'_>, entry: &Entry) -> bool {
    let fits =
        |asked: Option<&str>, has: &Option<String>| asked.is_none() || asked == has.as_deref();
    fits(call.arguments.text("group"), &entry.group)
        && fits(call.arguments.text("session"), &entry.session)
}

/// The error for two parameters of which one at most may be said.
fn contradiction(action: &str, one: &str, other: &str) -> Error {
    Error::usage(format!(
        "parameters '{one}' and '{other}' of '{action}' contradict each other"
    ))
}

/// A call of `action` that is right, for a hint.
fn right(call: &Call<'_>, action: &str) -> String {
    let example = table::find(action).map_or(&[][..], |action| action.example);
    call.agent.face.right_call(action, example)
}
