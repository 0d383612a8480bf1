//! `update`: what raises an alert, of a process that lives.
//!
//! Does not: change anything else about it.

use super::{Call, Outcome};
use crate::agent::answer::{Answer, called, document};
use crate::manager::words;
use crate::sys::clock;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let (manager, process) = call.process()?;
    let said = call.arguments;
    let mut settings = process.entry.alerts.clone();
    for (name, setting) in [
        ("alertOnSuccess", &mut settings.on_success),
        ("alertOnFailure", &mut settings.on_failure),
        ("alertOnKill", &mut settings.on_kill),
    ] {
        if let Some(on) = said.switch(name) {
            *setting = on;
        }
    }
    if let Some(patterns) = said.patterns("alertOnOutput") {
        settings.on_output = patterns.to_vec();
    }
    if let Some(idle) = said.duration("alertOnIdle") {
        let off = idle.is_zero();
        settings.on_idle_ms = (!off).then(|| clock::milliseconds(idle));
    }
    let info = manager.set_alerts(&process, &settings)?;
    let message = format!(
        "{} raises alerts {}",
        called(&info),
        words::alerts(&info.alerts)
    );
    Ok(Answer::new("update", message).with("process", document(&info)))
}
