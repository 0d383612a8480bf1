//! What is wrong with the set-up: the directory, the password, and what the system lets us do.
//!
//! Works without a password as far as that goes, asks for none, and makes nothing. Each finding says what was
//! looked at, what is there, and what to do if that is not good.
//! Does not: look into logs; `verify` does.

mod machine;
mod place;

use serde::Serialize;

use crate::config::Configuration;
use crate::model::error::Error;
use crate::store::environment::Environment;

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Health {
    Fine,
    /// It works, but somebody may want to know.
    Note,
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    pub(crate) check: &'static str,
    pub(crate) health: Health,
    /// What is there.
    pub(crate) what: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Finding {
    fn fine(check: &'static str, what: impl Into<String>) -> Self {
        Self {
            check,
            health: Health::Fine,
            what: what.into(),
            hint: None,
        }
    }

    fn note(check: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            health: Health::Note,
            hint: Some(hint.into()),
            ..Self::fine(check, what)
        }
    }

    fn wrong(check: &'static str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            health: Health::Wrong,
            ..Self::note(check, what, hint)
        }
    }

    fn error(check: &'static str, error: Error) -> Self {
        Self {
            health: Health::Wrong,
            hint: error.hint,
            ..Self::fine(check, error.message)
        }
    }
}

/// Looks at everything.
pub(crate) fn examine(environment: &Environment, configuration: &Configuration) -> Vec<Finding> {
    let mut findings = place::examine(environment);
    findings.extend(machine::examine(environment, configuration));
    findings
}
