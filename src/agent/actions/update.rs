//! `update`: what raises an alert, of a process that lives.
//!
//! Does not: change anything else about it.

use super::{Call, Outcome};
use crate::agent::answer::{Answer, alerts_in_words, called, document};

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
        let ms = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        settings.on_idle_ms = Some(ms).filter(|ms| *ms > 0); // else it is off
    }
    let info = manager.set_alerts(&process, &settings)?;
    let message = format!(
        "{} raises alerts {}",
        called(&info),
        alerts_in_words(&info.alerts)
    );
    Ok(Answer::new("update", message).with("process", document(&info)))
}
