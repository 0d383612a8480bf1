//! `kill`: ends a process with all that belongs to it.
//!
//! Does not: say that it is stopped while any of it lives.

use std::time::Duration;

use super::{Call, Outcome, contradiction, right};
use crate::agent::answer::{Answer, called, document, ended};
use crate::manager::stop::StopOptions;
use crate::model::error::{Error, Kind};
use crate::model::status::Reason;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let force = call.arguments.switch("force").unwrap_or(false);
    if force && call.arguments.duration("grace").is_some() {
        let hint = format!("give one of them; {}", right(call, "kill"));
        return Err(contradiction("kill", "force", "grace").hint(hint));
    }
    let (manager, process) = call.process()?;
    let options = StopOptions {
        reason: Reason::Stop,
        grace: force
            .then_some(Duration::ZERO)
            .or(call.arguments.duration("grace")),
        configured: call.agent.settings().grace_of_file(),
    };
    let id = format!("proc_{}", process.entry.number);
    let result = manager.stop(&[process], options).pop();
    let info = result
        .unwrap_or_else(|| Err(Error::other("nothing was stopped")))
        .map_err(|error| match error.kind {
            Kind::NotRunning => error.hint(format!(
                "{} removes it from the list",
                call.agent.call_of("clear", &[("id", &id)])
            )),
            _ => error,
        })?;
    let message = format!("Terminated {}: {}", called(&info), ended(&info));
    let clear = call.agent.call_of("clear", &[("id", &id)]);
    Ok(Answer::new("kill", message)
        .with("process", document(&info))
        .next(format!("Next: {clear} removes it with its log")))
}
