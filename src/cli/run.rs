//! From what was said to what is done: each command with its options.
//!
//! Does not: check values; the parser has.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use super::completions::{self, HIDDEN};
use super::help;
use super::man;
use super::matches::Matches;
use super::panel;
use super::parse::{Request, parse};
use super::reading::{output, wait};
use super::table::Verb;
use super::values;
use crate::commands::mcp::AtEnd;
use crate::commands::out::{Format, Out, finish, note};
use crate::commands::send::{Enter, SendOptions, Source};
use crate::commands::{self, Context, Outcome, Selection};
use crate::config::{Configuration, FileState};
use crate::manager::input::{After, SEND_LIMIT_DEFAULT};
use crate::manager::plan::{IfTaken, StartOptions, What};
use crate::manager::stop::StopOptions;
use crate::manager::variables::{Inherited, Variables};
use crate::manager::wait::{Until, WaitOptions};
use crate::model::bytes::Bytes;
use crate::model::error::Error;
use crate::model::facts::AlertSettings;
use crate::model::size::Size;
use crate::model::status::Reason;
use crate::store::environment::Environment;

/// Does what `arguments` (without the program's name) say.
pub(crate) fn run(arguments: Vec<OsString>, environment: Environment) -> ExitCode {
    if arguments.first().is_some_and(|first| first == HIDDEN) {
        return completions::answer(environment);
    }
    let mut out = Out::stdout();
    match parse(arguments) {
        Err(refusal) => finish(out, refusal.format, Err(refusal.error)),
        Ok(Request::Version) => {
            let told = out.line(concat!("bgp ", env!("CARGO_PKG_VERSION")));
            finish(out, Format::Text, told.map(|()| 0))
        }
        Ok(Request::Help(command, Format::Json)) => {
            let told = out.json(&help::json(command));
            finish(out, Format::Json, told.map(|()| 0))
        }
        Ok(Request::Help(command, Format::Text)) => {
            let told = out.text(&command.map_or_else(help::overview, help::of));
            finish(out, Format::Text, told.map(|()| 0))
        }
        Ok(Request::Run(matches)) => {
            let format = matches.format();
            let configuration = Configuration::read(&environment);
            if let FileState::Faulty(error) = &configuration.file {
                match matches.command.verb {
                    Verb::Config | Verb::Doctor => {} // shows or mends it
                    Verb::Stop | Verb::EndSession | Verb::Signal => {
                        note(&format!("{}; the defaults hold", error.message));
                    }
                    _ => return finish(out, format, Err(error.clone())),
                }
            }
            let mut context = Context {
                environment,
                configuration,
                format,
                out,
            };
            let outcome = dispatch(&mut context, &matches);
            finish(context.out, format, outcome)
        }
    }
}

fn dispatch(context: &mut Context, matches: &Matches) -> Outcome {
    let ids: Vec<String> = matches.ids().map(str::to_owned).collect();
    match matches.command.verb {
        Verb::Start => {
            let options = start_options(context, matches)?;
            let wait = matches
                .conditions("wait-for")
                .map(|conditions| WaitOptions {
                    until: Until::All,
                    timeout: matches.duration("wait-timeout"),
                    conditions: conditions.clone(),
                });
            commands::start::run(context, &options, wait.as_ref())
        }
        Verb::List => {
            let which = if matches.has("running") {
                commands::list::Which::Running
            } else {
                commands::list::Which::All
            };
            commands::list::run(context, &selection(matches, Vec::new()), which)
        }
        Verb::Status => commands::status::run(context, &ids),
        Verb::Output | Verb::Stream => {
            let id = ids.first().map_or("", String::as_str);
            output(context, id, matches)
        }
        Verb::Send => {
            let id = ids.first().map_or("", String::as_str);
            commands::send::run(context, id, &send_options(matches))
        }
        Verb::Screen => {
            let id = ids.first().map_or("", String::as_str);
            commands::snapshot::run(context, id)
        }
        Verb::Attach => {
            let id = ids.first().map_or("", String::as_str);
            commands::attach::run(context, id)
        }
        Verb::Signal => {
            let id = ids.first().map_or("", String::as_str);
            commands::signal::run(context, id, matches.signal_after_id().unwrap_or_default())
        }
        Verb::Stop => {
            let options = stop_options(context, matches, Reason::Stop);
            commands::stop::run(context, &selection(matches, ids), options)
        }
        Verb::Restart => commands::restart::run(context, &selection(matches, ids)),
        Verb::Wait => wait(context, ids, matches),
        Verb::Watch => super::alerts::watch(context, matches),
        Verb::Alerts => super::alerts::alerts(context, matches),
        Verb::Alert => super::alerts::alert(context, matches),
        Verb::Clear => commands::clear::run(
            context,
            &selection(matches, ids),
            matches.duration("older-than"),
        ),
        Verb::EndSession => {
            let Some(name) = session(context, matches.session())? else {
                return Err(Error::usage("no session is given")
                    .hint("bgp end-session NAME, or set BGP_SESSION"));
            };
            let options = stop_options(context, matches, Reason::Session);
            commands::end_session::run(context, &name, options)
        }
        Verb::Verify => commands::verify::run(
            context,
            &Selection {
                ids,
                ..Selection::default()
            },
        ),
        Verb::Repair => commands::repair::run(context),
        Verb::Doctor => commands::doctor::run(context),
        Verb::Passwd => commands::passwd::run(context),
        Verb::Ui => panel::run(context),
        Verb::Lock => commands::lock::run(context),
        Verb::Config => match matches.change() {
            None => commands::config::show(context),
            Some((name, value)) => {
                let setting = values::setting(name)?;
                let value = values::of_setting(setting, value)?;
                commands::config::set(context, setting, &value)
            }
        },
        Verb::Completions => {
            let shell = ids.first().map_or("", String::as_str);
            told(context, "script", &completions::script(shell))
        }
        Verb::Man => told(context, "page", &man::page()),
        Verb::Process | Verb::Mcp | Verb::Skill => for_agents(context, matches),
        Verb::Help => unreachable!("help is a request of its own"),
    }
}

fn stop_options(context: &Context, matches: &Matches, reason: Reason) -> StopOptions {
    let force = matches.has("force").then_some(Duration::ZERO);
    StopOptions {
        reason,
        grace: force.or(matches.duration("grace")),
        configured: context.settings().grace_of_file(),
    }
}

/// The session that is named, else the caller's own.
fn session(context: &Context, named: Option<&str>) -> Result<Option<String>, Error> {
    match named {
        Some(name) => Ok(Some(name.to_owned())),
        None => context.environment.session(),
    }
}

fn for_agents(context: &mut Context, matches: &Matches) -> Outcome {
    match matches.command.verb {
        Verb::Process => commands::process::run(context, matches.command_line()),
        Verb::Mcp => {
            let at_end = if matches.has("end-session") {
                AtEnd::TheyEnd
            } else {
                AtEnd::TheyRunOn
            };
            commands::mcp::run(context, at_end)
        }
        _ => match matches.bytes("install") {
            Some(dir) => commands::skill::install(context, dir.as_os_str().as_ref()),
            None => commands::skill::show(context),
        },
    }
}

pub(super) fn selection(matches: &Matches, ids: Vec<String>) -> Selection {
    Selection {
        ids,
        group: matches.text("group").map(str::to_owned),
        session: matches.text("session").map(str::to_owned),
    }
}

fn start_options(context: &Context, matches: &Matches) -> Result<StartOptions, Error> {
    let what = match matches.bytes("command") {
        Some(line) => What::ShellLine {
            shell: context.settings().shell_path().to_owned(),
            line: line.as_os_str().to_owned(),
        },
        None => What::Argv(matches.command_line().to_vec()),
    };
    Ok(StartOptions {
        what,
        name: matches.text("name").map(str::to_owned),
        cwd: matches.bytes("cwd").map(|cwd| cwd.as_os_str().into()),
        inherited: if matches.has("clear-env") {
            Inherited::Nothing
        } else {
            Inherited::All
        },
        env: matches
            .in_order(&["env", "env-file"])
            .map(|(flag, value)| match flag {
                "env" => split_variable(value),
                _ => Variables::File(value.as_os_str().into()),
            })
            .collect(),
        stdin: matches.stdin("stdin").cloned().unwrap_or_default(),
        pty: matches
            .has("pty")
            .then(|| matches.size("size").unwrap_or(Size::DEFAULT)),
        grace: matches.duration("grace"),
        grace_default: context.settings().grace(),
        group: matches.text("group").map(str::to_owned),
        session: session(context, matches.text("session"))?,
        max_log_bytes: matches
            .number("max-log")
            .unwrap_or_else(|| context.settings().log_max_bytes()),
        alerts: super::alerts::settings(matches, AlertSettings::default()),
        timeout: matches.duration("timeout"),
        with_pid: matches.pid("with-pid"),
        restart: matches.restart("restart").unwrap_or_default(),
        if_taken: if matches.has("replace") {
            IfTaken::Replace
        } else {
            IfTaken::Refuse
        },
    })
}

/// Name and value of a variable that the parser has let through.
fn split_variable(variable: &Bytes) -> Variables {
    use std::os::unix::ffi::OsStringExt;
    let at = variable
        .0
        .iter()
        .position(|byte| *byte == b'=')
        .unwrap_or(variable.0.len());
    let value = variable.0.get(at + 1..).unwrap_or_default();
    Variables::One(
        OsString::from_vec(variable.0[..at].to_vec()),
        OsString::from_vec(value.to_vec()),
    )
}

fn send_options(matches: &Matches) -> SendOptions {
    let text = matches.text_after_id().map(|text| Bytes::from(text).0);
    let enter = if matches.has("no-newline") || text.is_none() {
        Enter::No
    } else {
        Enter::Follows
    };
    let file = matches.bytes("file").map(|file| match file.0.as_slice() {
        b"-" => Source::Stdin,
        _ => Source::File(file.as_os_str().into()),
    });
    let keys = matches.keys("key");
    SendOptions {
        source: match (keys.is_empty(), file) {
            (false, _) => Source::Keys(keys),
            (true, Some(file)) => file,
            (true, None) => Source::Text(text.unwrap_or_default(), enter),
        },
        after: if matches.has("eof") {
            After::Closed
        } else {
            After::StaysOpen
        },
        limit: matches.duration("timeout").unwrap_or(SEND_LIMIT_DEFAULT),
    }
}

/// Tells a text as it is, or in JSON under this name.
fn told(context: &mut Context, name: &str, text: &str) -> Outcome {
    match context.format {
        Format::Text => context.out.text(text)?,
        Format::Json => context
            .out
            .json(&serde_json::json!({"schema": 1, name: text}))?,
    }
    Ok(0)
}
