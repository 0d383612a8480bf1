//! `wait`: returns when a process has ended, or says how to go on when the time is up.
//!
//! Does not: stop anything.

use std::time::{Duration, Instant};

use super::output::{Shown, last_lines, told};
use super::{Call, Outcome, right};
use crate::agent::answer::{Answer, called, document, ended, runtime, shortened, status};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::observe::Observed;
use crate::manager::wait::condition::{Came, Conditions};
use crate::manager::wait::{Until, WaitOptions, Waited};
use crate::model::error::{Error, Kind};
use crate::text::display::HumanDuration;

/// How long is waited when nobody says it: less than clients wait for an answer, which is a minute.
const LIMIT_DEFAULT: Duration = Duration::from_secs(50);
/// How many lines are told of one that has ended, and within how many bytes.
const LAST_LINES: u64 = 10;
const LAST_BYTES: usize = 8_000;
/// How much is told of the line that was waited for, in bytes.
const LINE_BYTES: usize = 2_000;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let said = call.arguments;
    if said.cursor("after").is_some() && said.regex("output").is_none() {
        let message = "parameter 'after' of 'wait' means nothing without 'output'";
        return Err(Error::usage(message).hint(format!("give output too; {}", right(call, "wait"))));
    }
    let (manager, process) = call.process()?;
    let conditions = Conditions {
        output: said.regex("output").cloned().into_iter().collect(),
        after: said.cursor("after").cloned().into_iter().collect(),
        port: said.port("port"),
        idle: said.duration("idle"),
    };
    let asked = said.duration("timeout");
    let begin = |message| Answer::new("wait", message);
    answered(call, (&manager, process), conditions, asked, &begin)
}

/// Waits, and answers with what came; `begin` makes an answer of the words for it.
pub(super) fn answered(
    call: &Call<'_>,
    (manager, process): (&Manager, Observed),
    conditions: Conditions,
    asked: Option<Duration>,
    begin: &dyn Fn(String) -> Answer,
) -> Outcome {
    let limit = call.bounded(asked.unwrap_or(LIMIT_DEFAULT));
    let options = WaitOptions {
        until: Until::All,
        timeout: Some(limit),
        conditions,
    };
    let targets = [process];
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(text.to_owned());
    let since = Instant::now();
    let waited = manager.wait_unless(&targets, &options, &mut note, Some(call.abandoned));
    let mut answer = match waited {
        Ok(mut waited) => match waited.pop() {
            Some(waited) => came(manager, &waited, &options.conditions, begin)?,
            None => return Err(Error::other("nothing was waited for")),
        },
        Err(error) if error.kind == Kind::TimedOut => {
            let now = manager.observe_again(&targets[0].entry)?;
            let now = now.as_ref().unwrap_or(&targets[0]);
            let waited = since.elapsed().min(limit); // less when nobody waits for the answer any more
            let told = nothing_came(&now.info(), &options, waited, begin);
            let shown = last_lines(manager, now, LAST_LINES, LAST_BYTES)?;
            told_of(told, shown, &now.info(), call)
        }
        Err(error) => return Err(error),
    };
    for note in &notes {
        answer = answer.note(note);
    }
    Ok(answer)
}

/// That it ended before what was waited for came.
pub(super) fn ended_before(
    manager: &Manager,
    process: &Observed,
    error: &Error,
    begin: &dyn Fn(String) -> Answer,
) -> Outcome {
    let mut answer = begin(error.message.clone())
        .with("success", false)
        .with("process", document(&process.info()))
        .with("came", "end")
        .with("timedOut", false);
    answer.code = error.kind.exit_code();
    let shown = last_lines(manager, process, LAST_LINES, LAST_BYTES)?;
    Ok(told(answer.line("Its last lines:"), shown))
}

/// What was waited for came.
fn came(
    manager: &Manager,
    waited: &Waited,
    conditions: &Conditions,
    begin: &dyn Fn(String) -> Answer,
) -> Outcome {
    let info = &waited.info;
    let name = called(info);
    let (word, message) = match &waited.came {
        Some(Came::Output(found)) => {
            let line = shortened(&found.line.shown(), LINE_BYTES);
            ("output", format!("{name} has written: {line}"))
        }
        Some(Came::Port(port)) => {
            let address = std::net::SocketAddr::new(port.address, port.port);
            ("port", format!("{name} listens on {address}"))
        }
        Some(Came::Idle) => {
            let idle = HumanDuration(conditions.idle.unwrap_or_default());
            ("idle", format!("{name} has written nothing for {idle}"))
        }
        Some(Came::End) | None => ("end", format!("{name} has ended: {}", ended(info))),
    };
    let answer = begin(message)
        .with("process", document(info))
        .with("came", word)
        .with("timedOut", false);
    let process = manager.resolve(&info.id.to_string())?;
    let mut shown = last_lines(manager, &process, LAST_LINES, LAST_BYTES)?;
    if let Some(Came::Output(found)) = &waited.came {
        shown.go_on_from(&found.cursor); // not behind what was never looked at
    }
    Ok(told(answer.line("Its last lines:"), shown))
}

/// Nothing of it came in the time that was `waited`.
fn nothing_came(
    info: &ProcessInfo,
    options: &WaitOptions,
    waited: Duration,
    begin: &dyn Fn(String) -> Answer,
) -> Answer {
    let waited = HumanDuration(waited);
    let what = if options.conditions.is_empty() {
        "still runs".to_owned()
    } else {
        format!("is {}, and what was waited for has not come", status(info))
    };
    let message = format!(
        "{} {what} after {waited} of waiting, {} since its start",
        called(info),
        runtime(info)
    );
    let mut answer = begin(message)
        .with("process", document(info))
        .with("came", serde_json::Value::Null)
        .with("timedOut", true);
    answer.code = Kind::TimedOut.exit_code();
    answer
}

/// Its last lines, and how to go on.
fn told_of(answer: Answer, shown: Shown, info: &ProcessInfo, call: &Call<'_>) -> Answer {
    let id = format!("proc_{}", info.number);
    let wait = call.agent.call_of("wait", &[("id", &id)]);
    told(answer.line("Its last lines:"), shown).next(format!(
        "Next: {wait} waits on, with the same conditions if there were any; it runs on meanwhile"
    ))
}
