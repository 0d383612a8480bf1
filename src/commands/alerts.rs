//! `bgp alerts`: what happened that this reader has not had yet.
//!
//! Does not: wait for anything to happen; `watch` does.

use serde::Serialize;

use super::documents::SCHEMA;
use super::out::{Format, Out};
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::alerts::{Delivery, Patience, Pending, Whose};
use crate::model::error::{Error, Kind};

/// Whether what is shown counts as told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Acknowledge,
    Leave,
}

/// What the exit code says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// Whether all went well.
    Plain,
    /// Whether there was any: 9.
    TellsIfAny,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    alerts: &'a [Pending],
}

/// Shows the pending alerts of the reader called `reader`.
///
/// # Errors
///
/// Locked (11), storage (15), a damaged or unsafe state.
pub(crate) fn run(context: &mut Context, reader: &str, then: Then, code: Code) -> Outcome {
    let Some(manager) = Manager::open(&context.environment)? else {
        show(&mut context.out, context.format, &[])?;
        return Ok(0);
    };
    let news = manager.news(reader, &Whose::Everybodys, Patience::Patient)?;
    let mut count = news.pending.len();
    if then == Then::Leave || count == 0 {
        show(&mut context.out, context.format, &news.pending)?;
    } else {
        let (out, format) = (&mut context.out, context.format);
        let mut any = false;
        manager.deliver(reader, &Whose::Everybodys, Patience::Patient, |pending| {
            (any, count) = (true, pending.len());
            let outcome = show(out, format, pending);
            let read = outcome.is_ok() && !out.nobody_reads();
            Delivery {
                told: if read { count } else { 0 },
                outcome,
            }
        })?;
        if !any {
            count = 0; // somebody else who reads under this name was faster
            show(out, format, &[])?;
        }
    }
    Ok(match code {
        Code::TellsIfAny if count > 0 => Kind::AlertsPending.exit_code(),
        Code::TellsIfAny | Code::Plain => 0,
    })
}

fn show(out: &mut Out, format: Format, alerts: &[Pending]) -> Result<(), Error> {
    match format {
        Format::Json => out.json(&Document {
            schema: SCHEMA,
            alerts,
        })?,
        Format::Text => {
            for alert in alerts {
                out.line(&alert.line())?;
            }
        }
    }
    out.flush()
}
