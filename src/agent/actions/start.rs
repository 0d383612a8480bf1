//! `start`: a shell command in the background, and until it is ready if that is asked for.
//!
//! Does not: wait for anything else but the exec, or stop what is not ready in time.

use super::{Call, Outcome, contradiction, wait};
use crate::agent::answer::{Answer, called, command, document, told};
use crate::manager::plan::{IfTaken, StartOptions, What};
use crate::manager::variables::{Inherited, Variables};
use crate::manager::wait::condition::Conditions;
use crate::model::bytes::Bytes;
use crate::model::error::{Error, Kind};
use crate::model::facts::{AlertSettings, Stdin};
use crate::model::size::Size;
use crate::sys::clock;

pub(in crate::agent) fn run(call: &Call<'_>) -> Outcome {
    let options = options(call);
    let right = || {
        let right = [("name", "ask"), ("command", "python3"), ("pty", "true")];
        call.agent.face.right_call("start", &right)
    };
    if options.pty.is_none() && call.arguments.size("size").is_some() {
        let message = "parameter 'size' of 'start' is the size of a terminal, and there is none";
        return Err(Error::usage(message).hint(right()));
    }
    if options.pty.is_some() && call.arguments.text("stdin").is_some() {
        let hint = format!("with pty=true the terminal is its stdin; {}", right());
        return Err(contradiction("start", "pty", "stdin").hint(hint));
    }
    let conditions = call.arguments.conditions("waitFor");
    let wait_timeout = call.arguments.duration("waitTimeout");
    if wait_timeout.is_some() && conditions.is_none() {
        let message =
            "parameter 'waitTimeout' of 'start' is the longest wait for waitFor, which is missing";
        return Err(Error::usage(message).hint(right()));
    }
    let info = call.agent.start(&options)?;
    let pid = info.pid.unwrap_or_default();
    let id = format!("proc_{}", info.number);
    let message = format!(
        "Started \"{}\" ({id}, {}, pid {pid}): {}",
        info.name,
        info.id,
        command(&info)
    );
    if let Some(conditions) = conditions {
        let begin = |what: String| Answer::new("start", message.as_str()).also(&what);
        return ready(call, &info.id.to_string(), conditions, &begin);
    }
    let output = call.agent.call_of("output", &[("id", &id)]);
    let mut answer = Answer::new("start", message).with("process", document(&info));
    if !info.status.is_live() {
        answer = answer.line(&format!(
            "{} has ended already: {}",
            called(&info),
            info.ending()
        ));
        return Ok(answer.next(format!("Next: {output} shows what it wrote")));
    }
    answer = answer.also(&told(call.agent.face, &info));
    Ok(answer.next(format!("Next: {output} shows what it writes")))
}

/// Waits until what was started is ready; `begin` makes an answer of the words for what came.
fn ready(
    call: &Call<'_>,
    id: &str,
    conditions: &Conditions,
    begin: &dyn Fn(String) -> Answer,
) -> Outcome {
    let (manager, process) = call.agent.find(id)?;
    let limit = call.arguments.duration("waitTimeout");
    match wait::answered(call, (&manager, process), conditions.clone(), limit, begin) {
        Err(error) if error.kind == Kind::EndedBefore => {
            wait::ended_before(&manager, &manager.resolve(id)?, &error, begin)
        }
        answer => answer,
    }
}

fn options(call: &Call<'_>) -> StartOptions {
    let (agent, said) = (call.agent, call.arguments);
    let switch = |name: &str, default: bool| said.switch(name).unwrap_or(default);
    let text = |name: &str| said.text(name).map(str::to_owned);
    let settings = agent.settings();
    let file = text("envFile").map(|file| Variables::File(file.into()));
    let file = file.into_iter();
    let one_by_one = said.variables("env").iter();
    let one_by_one = one_by_one.map(|(name, value)| Variables::One(name.clone(), value.clone()));
    StartOptions {
        what: What::ShellLine {
            shell: settings.shell_path().to_owned(),
            line: said.text("command").unwrap_or_default().into(),
        },
        name: text("name"),
        cwd: said.text("cwd").map(Into::into),
        inherited: if switch("clearEnv", false) {
            Inherited::Nothing
        } else {
            Inherited::All
        },
        env: file.chain(one_by_one).collect(),
        stdin: match said.text("stdin") {
            None | Some("pipe") => Stdin::Pipe,
            Some("null") => Stdin::Null,
            Some(file) => Stdin::File(Bytes::from(file)),
        },
        pty: switch("pty", false).then(|| said.size("size").unwrap_or(Size::DEFAULT)),
        grace: said.duration("grace"),
        grace_default: settings.grace(),
        group: text("group"),
        session: text("session").or_else(|| agent.session.clone()),
        alerts: AlertSettings {
            on_success: switch("alertOnSuccess", false),
            on_failure: switch("alertOnFailure", true),
            on_kill: switch("alertOnKill", false),
            on_output: said.patterns("alertOnOutput").unwrap_or_default().to_vec(),
            on_idle_ms: said.duration("alertOnIdle").map(clock::milliseconds),
        },
        max_log_bytes: said
            .count("maxLog")
            .unwrap_or_else(|| settings.log_max_bytes()),
        timeout: said.duration("timeout"),
        with_pid: said.pid("withPid"),
        restart: said.restart("restart").unwrap_or_default(),
        if_taken: if switch("replace", false) {
            IfTaken::Replace
        } else {
            IfTaken::Refuse
        },
    }
}
