//! What an action is: its name, its parameters, what it does. [`rows`](super::rows) has all of them.
//!
//! Does not: do anything.

use serde_json::Value;

use super::Call;
use super::answer::Answer;
use super::parameter::{Kind, Parameter};
pub(crate) use super::rows::ACTIONS;
use crate::model::error::Error;

/// One action.
pub(crate) struct Action {
    pub(crate) name: &'static str,
    /// For a list, in a few words.
    pub(crate) title: &'static str,
    /// For a model that is to choose among them.
    pub(crate) description: &'static str,
    pub(crate) parameters: &'static [Parameter],
    /// Parameters of a call that is right.
    pub(crate) example: &'static [(&'static str, &'static str)],
    pub(crate) effect: Effect,
    /// What its structured result holds, beside what all have.
    pub(crate) result: Shape,
    pub(crate) run: fn(&Call<'_>) -> Result<Answer, Error>,
}

/// What it does to the world, for a host that decides whom to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes nothing.
    Reads,
    /// It runs commands or talks to one: anything may come of that.
    Runs,
    /// It ends or removes something; doing it again changes nothing more.
    Ends,
    /// It writes a file, and nothing else.
    Writes,
}

/// The shape of a structured result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Process,
    /// A process, and what came if something was waited for.
    Started,
    Processes,
    Inspection,
    Output,
    Files,
    Sent,
    Alerts,
    Screen,
    Waited,
}

impl Action {
    pub(crate) fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters
            .iter()
            .find(|parameter| parameter.name == name)
    }
}

/// The action that is called so.
pub(crate) fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

/// `value` as JSON has it, for a parameter of an action.
pub(super) fn json_of(action: &str, name: &str, value: &str) -> Value {
    let parameter = find(action).and_then(|action| action.parameter(name));
    match parameter.map(|parameter| parameter.kind) {
        Some(Kind::Switch | Kind::Count | Kind::Port) => {
            serde_json::from_str(value).unwrap_or_else(|_| value.into())
        }
        _ => value.into(),
    }
}
