//! Starting processes anew under their names: stopped if need be, then run as their sealed START says,
//! whatever the caller's environment.
//!
//! Whether it can be done is seen before anything is stopped.
//! Does not: stop one whose command is not there any more, or start one of which something lives.

use std::path::Path;
use std::time::Duration;

use super::Manager;
use super::around::refuse_around_us;
use super::info::ProcessInfo;
use super::observe::Observed;
use super::plan::{IfTaken, Plan, StartOptions, What, existing_directory, existing_owner};
use super::stdin;
use super::stop::{StopOptions, has_leftovers};
use super::unrunnable::check_command;
use super::variables::Inherited;
use crate::log::beginning::beginning;
use crate::model::bytes::{Bytes, search_path};
use crate::model::error::{Error, Kind};
use crate::model::facts::Start;
use crate::model::status::Reason;

impl Manager {
    /// Restarts `targets`; one result for each, in their order: the new process, or why there is none.
    pub(crate) fn restart(&self, targets: &[Observed]) -> Vec<Result<ProcessInfo, Error>> {
        let planned: Vec<_> = targets
            .iter()
            .map(|target| {
                refuse_around_us(target)?;
                let again = again(&self.beginning(target)?);
                let (options, plan) = again.map_err(|error| of_restart(target, error))?;
                // The settings may have been changed since.
                let alerts = target.entry.alerts.clone();
                Ok::<_, Error>((StartOptions { alerts, ..options }, plan))
            })
            .collect();
        let to_stop: Vec<Observed> = targets
            .iter()
            .zip(&planned)
            .filter(|(_, planned)| planned.is_ok())
            .map(|(target, _)| target.clone())
            .collect();
        let options = StopOptions {
            reason: Reason::Restart,
            grace: None,
            configured: None,
        };
        let mut stopped = self.stop(&to_stop, options).into_iter();
        planned
            .into_iter()
            .zip(targets)
            .map(|(planned, target)| {
                let (options, plan) = planned?;
                match stopped.next() {
                    Some(Err(error)) if error.kind != Kind::NotRunning => Err(error),
                    _ => self
                        .start_planned(&options, &plan, None)
                        .map_err(|error| of_restart(target, as_of_restart(error))),
                }
            })
            .collect()
    }

    /// Sees whether `target` can be restarted, and if it lives asks it to end for that, without waiting.
    /// [`restart`](Self::restart) does the rest once it has ended.
    ///
    /// # Errors
    ///
    /// Something of it lives whose supervisor was killed (6); as for `restart`.
    pub(crate) fn ask_to_restart(&self, target: &Observed) -> Result<(), Error> {
        refuse_around_us(target)?;
        again(&self.beginning(target)?).map_err(|error| of_restart(target, error))?;
        if target.is_live() {
            let options = StopOptions {
                reason: Reason::Restart,
                grace: None,
                configured: None,
            };
            return self.ask_to_stop(target, options);
        }
        if has_leftovers(target) {
            let message = format!("what '{}' left behind lives", target.entry.name);
            return Err(Error::new(Kind::InTheWay, message).hint("stop it first"));
        }
        Ok(())
    }

    /// START of `process`, from its log.
    pub(super) fn beginning(&self, process: &Observed) -> Result<Start, Error> {
        let entry = &process.entry;
        let beginning = beginning(&self.segments(process)?.segments)
            .map_err(|error| Error::system("cannot read the log", &error))?;
        beginning.map(|beginning| beginning.start).ok_or_else(|| {
            Error::new(
                Kind::Damaged,
                format!(
                    "the log of '{}' ({}) does not tell how it was started",
                    entry.name, entry.id
                ),
            )
            .hint("start it anew by hand, with --replace if it lives")
        })
    }
}

/// What `start` asked for, asked for again; everything it needs is there.
///
/// # Errors
///
/// Usage (2) when its directory, the file of its stdin or the process it was to end with is gone, the command cannot be run (126) or is
/// not found any more (127).
fn again(start: &Start) -> Result<(StartOptions, Plan), Error> {
    let cwd = Path::new(start.cwd.as_os_str());
    existing_directory(cwd)?;
    check_command(start.program(), search_path(&start.env), cwd)?;
    start.lifetime.owner.map_or(Ok(()), existing_owner)?;
    let (stdin, stdin_fact) = stdin::open_again(&start.stdin, start.lifetime.restart)?;
    let renewed = |variable: &Bytes| {
        variable.0.starts_with(b"BGP_ID=") || variable.0.starts_with(b"BGP_NAME=")
    };
    let grace = Duration::from_millis(start.grace_ms);
    let options = StartOptions {
        what: What::Argv(Vec::new()),
        name: Some(start.name.clone()),
        cwd: None,
        env: Vec::new(),
        stdin: start.stdin.clone(),
        pty: start.pty,
        grace: (!start.grace_by_default).then_some(grace),
        grace_default: grace,
        inherited: Inherited::All,
        group: start.group.clone(),
        session: start.session.clone(),
        alerts: start.alerts.clone(),
        max_log_bytes: start.max_log_bytes,
        timeout: None, // the plan has it
        with_pid: None,
        restart: start.lifetime.restart,
        if_taken: IfTaken::Refuse,
    };
    let plan = Plan {
        argv: start.argv.clone(),
        shell_line: start.shell_line.clone(),
        cwd: start.cwd.clone(),
        env: start
            .env
            .iter()
            .filter(|variable| !renewed(variable))
            .cloned()
            .collect(),
        umask: start.umask,
        stdin,
        stdin_fact,
        lifetime: start.lifetime.clone(),
        previous: Some(start.id),
    };
    Ok((options, plan))
}

/// The name may be another's by now, whom only `start` replaces.
/// `error` with the process that it is about, and without options that only a start has.
fn of_restart(target: &Observed, error: Error) -> Error {
    let (name, id) = (&target.entry.name, target.entry.id);
    let hint = error.hint.map(|hint| {
        if hint.starts_with("--") {
            "make it as it was, or start the process anew with what there is".to_owned()
        } else {
            hint
        }
    });
    Error {
        message: format!("cannot restart '{name}' ({id}): {}", error.message),
        hint,
        ..error
    }
}

fn as_of_restart(error: Error) -> Error {
    if error.kind == Kind::InTheWay {
        return error.hint("stop that one first; or start this one under another name");
    }
    error
}
