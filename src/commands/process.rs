//! `bgp process`: the tool for agents, one call of an action.
//!
//! Does not: know the actions; [`agent`](crate::agent) does.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read};
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde_json::{Map, Value};

use super::out::Format;
use super::{Context, Outcome};
use crate::agent::arguments::Arguments;
use crate::agent::table::{ACTIONS, Action};
use crate::agent::{Agent, Call, Face, line, table};
use crate::model::bytes::Bytes;
use crate::model::error::Error;
use crate::text::display::for_terminal;
use crate::text::similar::closest;
use crate::text::written::quoted;

/// The most that is read from the standard input, in bytes: more than a system takes as a command.
const SAID_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Does what `words` say: `KEY=VALUE` each, or one JSON object, or one line of `KEY=VALUE`; without any,
/// what the standard input says in one of these ways.
///
/// # Errors
///
/// A usage error that names the parameter and shows a right call; whatever the action fails with.
pub(crate) fn run(context: &mut Context, words: &[OsString]) -> Outcome {
    let mut said = said(words)?;
    let action = action(&mut said)?;
    let arguments = Arguments::read(action, &said, Face::Line)?;
    let mut agent = Agent::new(context.environment.clone(), Face::Line)?;
    agent.documents = context.format == Format::Json;
    let call = Call {
        agent: &agent,
        arguments: &arguments,
        abandoned: &AtomicBool::new(false),
        longest_wait: None,
    };
    let mut answer = call.run(action)?;
    let code = answer.code;
    match context.format {
        Format::Json => context.out.json(&answer.take_document())?,
        Format::Text if io::stdout().is_terminal() => {
            for line in answer.text.lines() {
                context.out.line(&for_terminal(line))?;
            }
        }
        Format::Text => context.out.line(&answer.text)?,
    }
    context.out.flush()?;
    if !context.out.nobody_reads() {
        answer.has_been_told()?;
    }
    Ok(code)
}

/// What was said, in whatever way.
fn said(words: &[OsString]) -> Result<Map<String, Value>, Error> {
    let words: Vec<String> = words
        .iter()
        .map(|word| {
            word.to_str().map(str::to_owned).ok_or_else(|| {
                let shown = quoted(&Bytes::from(word.as_os_str()).escaped());
                Error::usage(format!("{shown} is not UTF-8")).hint("write it in UTF-8")
            })
        })
        .collect::<Result<_, _>>()?;
    match words.as_slice() {
        [] => text(&of_stdin()?),
        [dash] if dash == "-" => text(&of_stdin()?),
        [one] if one.trim_start().starts_with('{') => text(one),
        // A whole call in one argument: no value of an action has a space in it.
        [one] if one.trim_start().starts_with("action=") && one.contains(char::is_whitespace) => {
            text(one)
        }
        words => line::pairs(words),
    }
}

fn text(text: &str) -> Result<Map<String, Value>, Error> {
    if !text.trim_start().starts_with('{') {
        return line::pairs(&line::words(text)?);
    }
    serde_json::from_str(text).map_err(|error| {
        Error::usage(format!("what was said is not a JSON object: {error}"))
            .hint(format!("for example: process '{}'", example_json()))
    })
}

fn example_json() -> &'static str {
    r#"{"action":"start","name":"my-build","command":"npm run build"}"#
}

fn of_stdin() -> Result<String, Error> {
    if io::stdin().is_terminal() {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    io::stdin()
        .take(SAID_MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::io("read", Path::new("-"), &error))?;
    if bytes.len() > SAID_MAX_BYTES {
        return Err(Error::usage("what was said on stdin is longer than 8 MiB")
            .hint("nothing takes as much; put it into a file"));
    }
    String::from_utf8(bytes)
        .map_err(|_| Error::usage("what was said on stdin is not UTF-8").hint("write it in UTF-8"))
}

/// The action, taken out of what was said.
fn action(said: &mut Map<String, Value>) -> Result<&'static Action, Error> {
    let all = || {
        let names: Vec<&str> = ACTIONS.iter().map(|action| action.name).collect();
        let start = &ACTIONS[0];
        format!(
            "one of {}; a right call: {}",
            names.join(", "),
            Face::Line.call_of(start.name, start.example)
        )
    };
    let name = match said.remove("action") {
        Some(Value::String(name)) => name,
        None => return Err(Error::usage("parameter 'action' is missing").hint(all())),
        Some(Value::Array(_)) => {
            return Err(Error::usage("parameter 'action' is given twice").hint(all()));
        }
        Some(other) => {
            let shown = quoted(&other.to_string());
            return Err(
                Error::usage(format!("parameter 'action': {shown} is not an action")).hint(all()),
            );
        }
    };
    table::find(&name).ok_or_else(|| {
        let error = Error::usage(format!(
            "parameter 'action': {} is not an action",
            quoted(&name)
        ));
        match closest(&name, ACTIONS.iter().map(|action| action.name)) {
            Some(near) => error.hint(format!("did you mean '{near}'? {}", all())),
            None => error.hint(all()),
        }
    })
}
