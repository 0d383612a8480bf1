//! `wait`: returns when a process has ended, or says how to go on when the time is up.
//!
//! Does not: stop anything.

use std::time::{Duration, Instant};

use super::output::{last_lines, told};
use super::{Call, Outcome};
use crate::agent::answer::{Answer, called, document, runtime, status};
use crate::manager::info::ProcessInfo;
use crate::manager::wait::Until;
use crate::model::error::{Error, Kind};

/// How long is waited when nobody says it: less than clients wait for an answer, which is a minute.
const LIMIT_DEFAULT: Duration = Duration::from_secs(50);
/// How often is looked whether somebody still waits for the answer.
const ATTENTION: Duration = Duration::from_millis(250);
/// How many lines are told of one that has ended, and within how many bytes.
const LAST_LINES: u64 = 10;
const LAST_BYTES: usize = 8_000;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let (manager, process) = call.process()?;
    let asked = call.arguments.duration("timeout").unwrap_or(LIMIT_DEFAULT);
    let limit = call
        .longest_wait
        .map_or(asked, |longest| asked.min(longest));
    let deadline = Instant::now() + limit;
    let targets = [process];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let slice = left.min(ATTENTION);
        match manager.wait(&targets, Until::All, Some(slice)) {
            Ok(_) => break,
            Err(error) if error.kind != Kind::TimedOut => return Err(error),
            Err(_) if left > slice && !call.is_abandoned() => {}
            Err(_) => {
                let now = manager.observe_again(&targets[0].entry)?;
                let info = now.map_or_else(|| targets[0].info(), |now| now.info());
                return Ok(still_running(call, &info, limit));
            }
        }
    }
    let now = manager.observe_again(&targets[0].entry)?.ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            format!("'{}' was cleared meanwhile", targets[0].entry.name),
        )
    })?;
    let info = now.info();
    let message = format!(
        "{} has ended: {} after {}",
        called(&info),
        info.ending(),
        runtime(&info)
    );
    let answer = Answer::new("wait", message)
        .with("process", document(&info))
        .with("timedOut", false)
        .line("Its last lines:");
    Ok(told(
        answer,
        last_lines(&manager, &now, LAST_LINES, LAST_BYTES)?,
    ))
}

fn still_running(call: &Call<'_>, info: &ProcessInfo, limit: Duration) -> Answer {
    let id = format!("proc_{}", info.number);
    let mut answer = Answer::new(
        "wait",
        format!(
            "{} still runs after {} of waiting: {}, {} since its start",
            called(info),
            crate::text::display::HumanDuration(limit),
            status(info),
            runtime(info)
        ),
    )
    .with("process", document(info))
    .with("timedOut", true);
    answer.code = Kind::TimedOut.exit_code();
    let wait = call.agent.call_of("wait", &[("id", &id)]);
    let output = call
        .agent
        .call_of("output", &[("id", &id), ("lines", "20")]);
    answer.next(format!(
        "Next: {wait} waits on, {output} shows what it has written; it runs on meanwhile"
    ))
}
