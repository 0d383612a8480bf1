//! `restart`: stops a process if need be, and starts it anew.
//!
//! Does not: look at the caller's environment for it.

use super::{Call, Outcome};
use crate::agent::answer::{Answer, command, document, told};
use crate::model::error::Error;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let (manager, process) = call.process()?;
    let result = manager.restart(&[process]).pop();
    let info = result.unwrap_or_else(|| Err(Error::other("nothing was restarted")))?;
    let id = format!("proc_{}", info.number);
    let message = format!(
        "Restarted \"{}\" ({id}, {}, pid {}): {}",
        info.name,
        info.id,
        info.pid.unwrap_or_default(),
        command(&info)
    );
    let output = call.agent.call_of("output", &[("id", &id)]);
    Ok(Answer::new("restart", message)
        .with("process", document(&info))
        .also(&told(call.agent.face, &info))
        .next(format!("Next: {output} shows what it writes")))
}
