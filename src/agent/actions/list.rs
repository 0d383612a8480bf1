//! `list`: one line a process, oldest first.
//!
//! Does not: change anything, or fail because there is nothing.

use serde_json::{Value, json};

use super::{Call, Outcome, is_of};
use crate::agent::answer::{
    ANSWER_MAX_BYTES, Answer, command, document, item_bytes, runtime, status,
};
use crate::manager::info::ProcessInfo;

/// What an answer needs besides its rows, in bytes.
const ROOM_BYTES: usize = 1_000;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let running = call.arguments.switch("running").unwrap_or(false);
    let mut infos = Vec::new();
    if let Some(manager) = call.agent.manager()? {
        for process in manager.observe_all()? {
            if is_of(call, &process.entry) {
                infos.push(process.into_info());
            }
        }
    }
    infos.retain(|info| !running || info.lives());
    if infos.is_empty() {
        let start = call.agent.call_of(
            "start",
            &[("name", "my-build"), ("command", "npm run build")],
        );
        let what = if running {
            "No process runs"
        } else {
            "No processes"
        };
        let answer = Answer::new("list", what).with("processes", json!([]));
        return Ok(answer.next(format!("Next: {start} starts one")));
    }
    let live = infos.iter().filter(|info| info.lives()).count();
    let s = if infos.len() == 1 { "" } else { "es" };
    let message = format!("{} process{s}, {live} running:", infos.len());
    Ok(told(Answer::new("list", message), &infos))
}

/// Adds as many of `infos` to an answer as fit, those that live first, and says how many do not.
pub(super) fn told(mut answer: Answer, infos: &[ProcessInfo]) -> Answer {
    let rows: Vec<String> = infos.iter().map(row).collect();
    let documents: Vec<Value> = infos.iter().map(document).collect();
    let sizes = documents
        .iter()
        .zip(&rows)
        .map(|(document, row)| item_bytes(document, row));
    let lives = infos.iter().map(ProcessInfo::lives);
    let fits = which_fit(&lives.zip(sizes).collect::<Vec<_>>());
    let mut kept = Vec::new();
    for ((row, document), _) in rows
        .iter()
        .zip(documents)
        .zip(fits)
        .filter(|(_, fits)| *fits)
    {
        answer = answer.line(row);
        kept.push(document);
    }
    let left_out = infos.len() - kept.len();
    let answer = answer.with("processes", kept);
    if left_out == 0 {
        return answer;
    }
    answer.with("leftOut", left_out).note(&format!(
        "{left_out} are left out; those that live and the newest are told"
    ))
}

/// Which have room in an answer: those that live before those that have ended, the newest before the others.
/// Of each it is told whether it lives, and how large it is.
fn which_fit(all: &[(bool, usize)]) -> Vec<bool> {
    let mut room = ANSWER_MAX_BYTES - ROOM_BYTES;
    let mut fits = vec![false; all.len()];
    for wanted in [true, false] {
        for (n, (_, size)) in all
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, (lives, _))| *lives == wanted)
        {
            if *size > room {
                return fits;
            }
            room -= size;
            fits[n] = true;
        }
    }
    fits
}

fn row(info: &ProcessInfo) -> String {
    let (number, name) = (info.number, &info.name);
    let (status, runtime, command) = (status(info), runtime(info), command(info));
    format!("proc_{number} \"{name}\": {command} [{status}] {runtime}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lives_has_room_first_and_then_the_newest() {
        let half = ANSWER_MAX_BYTES / 2;
        for (all, expected) in [
            (&[][..], &[][..]),
            (&[(false, 1), (true, 1)], &[true, true]),
            (
                &[(true, half), (false, half), (false, 1)],
                &[true, false, true],
            ),
            (
                &[(false, half), (false, half), (false, 9)],
                &[false, true, true],
            ),
            (
                &[(true, half), (true, half), (false, 1)],
                &[false, true, false],
            ),
        ] {
            assert_eq!(which_fit(all), expected, "{all:?}");
        }
    }
}
