//! `output`: the last lines that a process wrote, within the bounds of an answer.
//!
//! Does not: consume anything.

use serde_json::{Value, json};

use super::{Call, Outcome};
use crate::agent::Agent;
use crate::agent::answer::{ANSWER_MAX_BYTES, Answer, called, status};
use crate::config::Source;
use crate::config::table::Key;
use crate::manager::Manager;
use crate::manager::observe::{Observed, Reach};
use crate::manager::output::cursor::Cursor;
use crate::manager::output::rest::Rest;
use crate::manager::output::{Form, Piece, Query};
use crate::model::error::Error;
use crate::sys::clock;
use crate::text::budget::{Budget, Part, ShownLine};
use crate::text::json::json_len;
use crate::text::lines::Stream;

/// How many of the last lines are shown, when neither the caller nor the configuration says it.
const LINES_DEFAULT: u64 = 100;
/// What an answer needs besides the lines, in bytes.
const ROOM_BYTES: usize = 2_000;
/// How often less is read because JSON made more of it.
const TRIES: usize = 8;

/// What was read, and what was not.
pub(super) struct Shown {
    parts: Vec<Part>,
    counts: [u64; 2],
    cursor: String,
    dropped_bytes: u64,
    notes: Vec<String>,
    damage: Option<Error>,
}

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let (manager, process) = call.process()?;
    let query = query(call);
    let after = call.arguments.cursor("after");
    let shown = read(call.agent, (&manager, &process), &query, after)?;
    let info = process.info();
    let [out, err] = shown.counts;
    let [s_out, s_err] = shown.counts.map(|count| if count == 1 { "" } else { "s" });
    let message = format!(
        "{} [{}]: {out} stdout line{s_out}, {err} stderr line{s_err}",
        called(&info),
        status(&info)
    );
    let limited = query.last.is_some_and(|last| out + err >= last);
    let id = format!("proc_{}", info.number);
    let mut answer = Answer::new("output", message)
        .with("id", info.id.to_string())
        .with("name", info.name.as_str())
        .with("status", info.status.word())
        .with("eof", process.reach() == Reach::Ended);
    answer = told(answer, shown);
    if let (true, Some(last)) = (limited, query.last) {
        let mut same = vec![("id", id.as_str()), ("lines", "0")];
        same.extend(
            call.arguments
                .text("stream")
                .map(|stream| ("stream", stream)),
        );
        same.extend((call.arguments.regex("grep")).map(|grep| ("grep", grep.as_str())));
        let all = call.agent.call_of("output", &same);
        answer = answer.note(&format!(
            "these are the last {last} lines that were asked for; {all} reads from the beginning"
        ));
    }
    Ok(answer)
}

fn query(call: &Call<'_>) -> Query {
    let said = call.arguments;
    let settings = call.agent.settings();
    let configured = settings
        .all()
        .any(|(setting, held)| setting.key == Key::DefaultTailLines && held.source == Source::File);
    let stream = said.text("stream").unwrap_or("both");
    let since = said.duration("since");
    let pattern = said.regex("grep").cloned();
    let measured = since.is_some() || pattern.is_some() || said.cursor("after").is_some();
    let default = match (measured, configured) {
        (true, _) => 0, // what is asked for by another measure is not measured in lines besides
        (false, true) => settings.default_tail_lines(),
        (false, false) => LINES_DEFAULT,
    };
    let lines = said.count("lines").unwrap_or(default);
    Query {
        streams: [stream != "stderr", stream != "stdout"],
        last: (lines > 0).then_some(lines),
        since_ns: since.map_or(0, |since| {
            let since = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
            clock::wall_ns().saturating_sub(since)
        }),
        pattern,
        form: Form::Lines,
    }
}

/// The last lines of `process`, for an answer about something else.
pub(super) fn last_lines(
    manager: &Manager,
    process: &Observed,
    lines: u64,
    max_bytes: usize,
) -> Result<Shown, Error> {
    let query = Query {
        streams: [true, true],
        last: Some(lines),
        since_ns: 0,
        pattern: None,
        form: Form::Lines,
    };
    read_within(manager, process, &query, None, max_bytes)
}

/// Reads as much as fits into an answer, as text and, where it is one, as a document.
fn read(
    agent: &Agent,
    (manager, process): (&Manager, &Observed),
    query: &Query,
    after: Option<&Cursor>,
) -> Result<Shown, Error> {
    let max_bytes = ANSWER_MAX_BYTES - ROOM_BYTES;
    let mut budget = max_bytes;
    let mut shown = read_within(manager, process, query, after, budget)?;
    for _ in 0..TRIES {
        let size = shown.size(agent.documents);
        if size <= max_bytes {
            break;
        }
        budget = (budget * max_bytes / size * 9 / 10).max(1);
        shown = read_within(manager, process, query, after, budget)?;
    }
    Ok(shown)
}

fn read_within(
    manager: &Manager,
    process: &Observed,
    query: &Query,
    after: Option<&Cursor>,
    max_bytes: usize,
) -> Result<Shown, Error> {
    let mut budget = Budget::new(max_bytes as u64);
    let mut counts = [0; 2];
    let mut notes = Vec::new();
    let mut reading = match after {
        Some(cursor) => manager.read_output_after(process, query.clone(), cursor)?,
        None => manager.read_output(process, query.clone())?,
    };
    let mut take = |line: &crate::text::lines::Line<'_>| {
        counts[line.stream as usize] += 1;
        budget.take(ShownLine::of(line));
    };
    reading.drain(&mut |piece| {
        match piece {
            Piece::Line(line) => take(&line),
            Piece::Note(note) => notes.push(note),
            Piece::Bytes(..) => {}
        }
        Ok(())
    })?;
    reading.rest(process.reach()).iter().for_each(&mut take);
    Ok(Shown {
        parts: budget.finish(),
        counts,
        cursor: reading.cursor(Rest::Shown(process.reach())).to_string(),
        dropped_bytes: reading.dropped_bytes(),
        notes,
        damage: reading.check(process).err(),
    })
}

impl Shown {
    /// Tells this place as the one to go on from.
    pub(super) fn go_on_from(&mut self, cursor: &Cursor) {
        self.cursor = cursor.to_string();
    }

    /// The bytes it takes as text or, where it is one, in a document, whichever is more.
    fn size(&self, as_document: bool) -> usize {
        let text: usize = self.parts.iter().map(|part| text(part).len() + 1).sum();
        if !as_document {
            return text;
        }
        let (lines, left_out) = self.documents();
        text.max(json_len(&lines) + json_len(&left_out))
    }

    fn documents(&self) -> (Vec<Value>, Vec<Value>) {
        let (mut lines, mut left_out) = (Vec::new(), Vec::new());
        for part in &self.parts {
            match part {
                Part::Line(line) => {
                    let mut document = json!({"stream": line.stream.word(), "text": line.text()});
                    if line.partial {
                        document["partial"] = true.into();
                    }
                    if line.continued {
                        document["continued"] = true.into();
                    }
                    lines.push(document);
                }
                Part::LeftOut(gap) => left_out.push(json!({
                    "stream": gap.stream.word(), "lines": gap.lines, "bytes": gap.bytes,
                    "at": lines.len(),
                })),
            }
        }
        (lines, left_out)
    }
}

/// Adds what was read to an answer.
pub(super) fn told(mut answer: Answer, shown: Shown) -> Answer {
    for part in &shown.parts {
        answer = answer.line(&text(part));
    }
    let (lines, left_out) = shown.documents();
    answer = answer
        .with("lines", lines)
        .with("nextCursor", shown.cursor)
        .with("droppedBytes", shown.dropped_bytes);
    if !left_out.is_empty() {
        answer = answer.with("leftOut", left_out);
    }
    for note in &shown.notes {
        answer = answer.note(note);
    }
    match &shown.damage {
        Some(damage) => answer.damaged(damage),
        None => answer,
    }
}

/// A line as a text has it: that it is of stderr is said, and how much is left out.
fn text(part: &Part) -> String {
    match part {
        Part::Line(line) => match line.stream {
            Stream::Out => line.text().into_owned(),
            Stream::Err => format!("[stderr] {}", line.text()),
        },
        Part::LeftOut(gap) => {
            let (stream, lines, bytes) = (gap.stream.word(), gap.lines, gap.bytes);
            let s = if lines == 1 { "" } else { "s" };
            format!("…[{stream}: {lines} line{s}, {bytes} bytes left out]…")
        }
    }
}
