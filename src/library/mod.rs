//! bgp as a library: the same processes, store and supervisors as the program's, by calls.
//!
//! - [`ProcessManager`] is an open store; [`options`] is what can be asked, [`info`] what is told,
//!   [`events`] what is told without being asked.
//!
//! Does not: run a thread, print, or keep anything from the `bgp` program, which sees and stops the same
//! processes.

pub(crate) mod events;
pub(crate) mod info;
pub(crate) mod options;
mod probe;

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use crate::config::Configuration;
use crate::manager::Manager;
use crate::manager::clear::{Leave, in_the_way};
use crate::manager::input::{After, Message, SEND_LIMIT_DEFAULT};
use crate::manager::observe::Observed;
use crate::manager::output::cursor::Cursor;
use crate::manager::output::rest::Rest;
use crate::manager::output::{Form, Piece, Query, Reading};
use crate::manager::stop::StopOptions;
use crate::manager::wait::{Until, WaitOptions};
use crate::model::error::Kind;
use crate::model::status::Reason;
use crate::store::environment::{Environment, PASSWORD_VARIABLES};
use crate::text::lines::Line;
use events::Listeners;
use info::{Came, Error, Output, OutputLine, ProcessInfo};
use options::{OutputOptions, StartOptions, WaitFor};

/// A state directory, opened with its password, and the processes in it.
///
/// Processes live on when this is dropped and when the program ends; the `bgp` program sees and stops
/// them too. All calls are synchronous, several threads may share one `ProcessManager`, and no thread is
/// started. Starting a process forks nothing without an exec in this program's image.
///
/// ```no_run
/// use std::time::Duration;
/// use bgp::{ProcessManager, StartOptions, WaitFor};
///
/// fn main() -> Result<(), bgp::Error> {
///     let manager = ProcessManager::open("/var/tmp/demo-state", "correct horse", "/usr/bin/bgp")?;
///     let events = manager.on_event(|event| println!("{}", event.message));
///
///     let mut options = StartOptions::command(["sh", "-c", "echo ready; read x; echo $x; exit 3"]);
///     options.name = Some("web".into());
///     let web = manager.start(&options)?;
///
///     manager.wait(&web.id, &WaitFor::output("ready")?, Some(Duration::from_secs(10)))?;
///     manager.send(&web.id, b"hello\n")?;
///     let (ended, _) = manager.wait(&web.id, &WaitFor::end(), None)?;
///     assert_eq!(ended.exit_code, Some(3));
///     for line in manager.output(&web.id, &Default::default())?.lines {
///         println!("{}", line.text);
///     }
///     manager.poll(Duration::from_secs(5))?; // the listener is told that it failed
///     drop(events); // and hears no more
///     manager.clear(&web.id)?;
///     Ok(())
/// }
/// ```
pub struct ProcessManager {
    manager: Manager,
    environment: Environment,
    listeners: Mutex<Listeners>,
}

impl ProcessManager {
    /// Opens the state directory `dir`, and makes it if it is not there. `bgp` is the executable of the
    /// bgp program, of the version of this library, that acts as the supervisor of each process: the
    /// embedding program itself cannot. Deriving the key takes some tenths of a second.
    ///
    /// What is started gets the environment of this program as it is now, without the password variables,
    /// and `BGP_DIR`.
    ///
    /// # Errors
    ///
    /// `bgp` is no such executable (code 2); a wrong password (12), a damaged or unsafe directory (13, 14).
    pub fn open(
        dir: impl AsRef<Path>,
        password: &str,
        bgp: impl AsRef<Path>,
    ) -> Result<Self, Error> {
        let bgp = probe::executable(bgp.as_ref())?;
        let ours = |name: &std::ffi::OsString| {
            name == "BGP_DIR" || PASSWORD_VARIABLES.iter().any(|secret| name == secret)
        };
        let variables = std::env::vars_os().filter(|(name, _)| !ours(name));
        let given = [
            ("BGP_DIR".into(), dir.as_ref().as_os_str().to_owned()),
            ("BG_PASSWORD".into(), password.into()),
        ];
        let environment = Environment::new(variables.chain(given));
        let mut manager = Manager::open_or_create(&environment)?;
        manager.supervised_by(bgp);
        Ok(Self {
            manager,
            environment,
            listeners: Mutex::default(),
        })
    }

    /// Starts what `options` say, and returns when the command was executed.
    ///
    /// # Errors
    ///
    /// What is asked for cannot be (code 2), the name is taken (6), somebody else changes the state for
    /// 10 s (11), no room on the disk (15), the command cannot be run or is not found (126, 127). Nothing
    /// runs then.
    pub fn start(&self, options: &StartOptions) -> Result<ProcessInfo, Error> {
        let configuration = Configuration::read(&self.environment);
        let options = options.planned(&configuration.settings)?;
        let info = self.manager.start_here(&self.environment, &options)?;
        Ok(info.into())
    }

    /// All processes on record, the oldest first.
    ///
    /// # Errors
    ///
    /// A damaged or unsafe state (13, 14).
    pub fn list(&self) -> Result<Vec<ProcessInfo>, Error> {
        let all = self.manager.observe_all()?;
        Ok(all
            .into_iter()
            .map(|seen| seen.into_info().into())
            .collect())
    }

    /// The process that `id` means: an id, `proc_N`, a name, or a unique beginning of an id.
    ///
    /// # Errors
    ///
    /// There is none (3), or several begin so (4).
    pub fn get(&self, id: &str) -> Result<ProcessInfo, Error> {
        Ok(self.manager.resolve(id)?.into_info().into())
    }

    /// What a process wrote, as far as it is there now; see [`OutputOptions`]. Consumes nothing.
    ///
    /// # Errors
    ///
    /// No such process (3, 4); a cursor of another process (2); a damaged log (13).
    pub fn output(&self, id: &str, options: &OutputOptions) -> Result<Output, Error> {
        let process = self.manager.resolve(id)?;
        let query = Query {
            streams: [true, true],
            last: options.last.filter(|_| options.after.is_none()),
            since_ns: 0,
            pattern: None,
            form: Form::Lines,
        };
        let mut reading: Reading = match &options.after {
            Some(cursor) => {
                let cursor = Cursor::parse(cursor)?;
                self.manager.read_output_after(&process, query, &cursor)?
            }
            None => self.manager.read_output(&process, query)?,
        };
        let reach = process.reach();
        let mut lines = Vec::new();
        if options.last != Some(0) {
            reading.drain(&mut |piece| {
                if let Piece::Line(line) = piece {
                    lines.push(OutputLine::of(&line));
                }
                Ok(())
            })?;
            lines.extend(reading.rest(reach).iter().map(OutputLine::of));
        }
        reading.check(&process)?;
        Ok(Output {
            lines,
            next_cursor: reading.cursor(Rest::Shown(reach)).to_string(),
            dropped_bytes: reading.dropped_bytes(),
            eof: reach == crate::manager::observe::Reach::Ended,
        })
    }

    /// Writes `bytes` to the standard input of a process, all of them or an error; waits at most 2 s for
    /// room. No newline is added.
    ///
    /// # Errors
    ///
    /// No such process (3, 4), it does not run or its stdin is closed (5), not all was taken in time (124).
    pub fn send(&self, id: &str, bytes: &[u8]) -> Result<(), Error> {
        let process = self.manager.resolve(id)?;
        let message = Message {
            bytes: bytes.to_vec(),
            after: After::StaysOpen,
            limit: SEND_LIMIT_DEFAULT,
        };
        match self.manager.send(&process, &message).error {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Ends a process and all that it started: TERM, then, when its grace is over, KILL.
    ///
    /// # Errors
    ///
    /// No such process (3, 4), nothing of it lives (5), something could not be killed (8).
    pub fn kill(&self, id: &str) -> Result<ProcessInfo, Error> {
        let process = self.manager.resolve(id)?;
        let configuration = Configuration::read(&self.environment);
        let options = StopOptions {
            reason: Reason::Stop,
            grace: None,
            configured: configuration.settings.grace_of_file(),
        };
        let stopped = self.manager.stop(&[process], options).pop();
        let stopped = stopped.unwrap_or_else(|| Err(gone(id)))?;
        Ok(stopped.into())
    }

    /// Forgets a process that has ended, and deletes its log.
    ///
    /// # Errors
    ///
    /// No such process (3, 4), it lives (6).
    pub fn clear(&self, id: &str) -> Result<ProcessInfo, Error> {
        let mut targets = [self.manager.resolve(id)?];
        self.manager.settle(&mut targets)?;
        if let Some(error) = targets.iter().find_map(in_the_way) {
            return Err(error.into());
        }
        let cleared = self.manager.clear(&targets, Leave::All)?.pop();
        cleared
            .map(ProcessInfo::from)
            .ok_or_else(|| gone(id).into())
    }

    /// Forgets all processes that have ended, and deletes their logs.
    ///
    /// # Errors
    ///
    /// Somebody else changes the state for 10 s (11), no room on the disk (15).
    pub fn clear_ended(&self) -> Result<Vec<ProcessInfo>, Error> {
        let mut targets: Vec<Observed> = self.manager.observe_all()?;
        self.manager.settle(&mut targets)?;
        let cleared = self.manager.clear(&targets, Leave::Nothing)?;
        Ok(cleared.into_iter().map(ProcessInfo::from).collect())
    }

    /// Waits until the process ends or something comes before, as `what` says, at most for `timeout`.
    /// Gives the process as it is then, and what came.
    ///
    /// # Errors
    ///
    /// No such process (3, 4), it ended before anything came (7), the time is over (124).
    pub fn wait(
        &self,
        id: &str,
        what: &WaitFor,
        timeout: Option<Duration>,
    ) -> Result<(ProcessInfo, Came), Error> {
        let process = self.manager.resolve(id)?;
        let options = WaitOptions {
            until: Until::All,
            timeout,
            conditions: what.conditions.clone(),
        };
        let waited = self.manager.wait(&[process], &options, &mut |_| {})?.pop();
        let waited = waited.ok_or_else(|| gone(id))?;
        let came = Came::of(waited.came.as_ref());
        Ok((waited.info.into(), came))
    }
}

/// What to say of a process that was there a moment ago.
fn gone(id: &str) -> crate::model::error::Error {
    crate::model::error::Error::new(Kind::NotFound, format!("'{id}' was cleared meanwhile"))
        .hint("somebody else removed it")
}

impl OutputLine {
    fn of(line: &Line<'_>) -> Self {
        Self {
            stream: line.stream.into(),
            time: info::time(line.time_ns / 1_000_000),
            text: line.shown().into_owned(),
            partial: line.partial,
            continued: line.continued,
        }
    }
}
