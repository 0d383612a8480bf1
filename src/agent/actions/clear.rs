//! `clear`: removes ended processes with their logs.
//!
//! Does not: remove one that lives, named or not.

use serde_json::json;

use super::list::told;
use super::{Call, Outcome, contradiction, is_of, right};
use crate::agent::answer::Answer;
use crate::manager::clear::{Leave, in_the_way};

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let is_named = call.arguments.text("id").is_some();
    for label in ["group", "session"] {
        if is_named && call.arguments.text(label).is_some() {
            let hint = format!("give one of them; {}", right(call, "clear"));
            return Err(contradiction("clear", "id", label).hint(hint));
        }
    }
    let (manager, mut targets, leave) = if is_named {
        let (manager, process) = call.process()?;
        (manager, vec![process], Leave::All)
    } else {
        let Some(manager) = call.agent.manager()? else {
            return Ok(nothing());
        };
        let mut all = manager.observe_all()?;
        all.retain(|process| is_of(call, &process.entry));
        (manager, all, Leave::Nothing)
    };
    manager.settle(&mut targets)?;
    if leave == Leave::All
        && let Some(process) = targets.first()
        && let Some(error) = in_the_way(process)
    {
        let id = format!("proc_{}", process.entry.number);
        let kill = call.agent.call_of("kill", &[("id", &id)]);
        return Err(error.hint(format!("{kill} first")));
    }
    let cleared = manager.clear(&targets, leave)?;
    if cleared.is_empty() {
        return Ok(nothing());
    }
    let s = if cleared.len() == 1 { "" } else { "es" };
    let message = format!("Cleared {} process{s} with their logs:", cleared.len());
    Ok(told(Answer::new("clear", message), &cleared))
}

fn nothing() -> Answer {
    Answer::new("clear", "Nothing to clear: no process has ended").with("processes", json!([]))
}
