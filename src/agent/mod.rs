//! What an agent is offered: a table of actions, the same words and results for the `process` tool, for
//! MCP, and for whatever comes.
//!
//! - [`rows`] has a row for each action, as [`table`] says; [`parameter`] says what may be said to it.
//! - [`mod@line`] reads `KEY=VALUE`, [`arguments`] checks what was said, however it was said;
//!   [`numbers`] reads the numbers of JSON.
//! - [`hints`] says what went wrong in the caller's words.
//! - [`actions`] do it through the [`manager`](crate::manager), and give an [`answer`].
//!
//! Does not: print, or know a protocol.

mod actions;
pub(crate) mod answer;
pub(crate) mod arguments;
mod hints;
pub(crate) mod line;
mod numbers;
pub(crate) mod parameter;
mod rows;
pub(crate) mod schema;
pub(crate) mod table;

use std::fmt::Write as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::{Configuration, FileState, Settings};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::observe::Observed;
use crate::manager::plan::StartOptions;
use crate::model::error::{Error, Kind};
use crate::store::environment::Environment;
use answer::Answer;
use arguments::Arguments;
use table::Action;

/// Who is talked to, and so how a call is written that could be made next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// `process action=output id=proc_1`
    Line,
    /// `process_output {"id":"proc_1"}`
    Tools,
}

/// Everything an action is done with.
pub(crate) struct Agent {
    pub(crate) environment: Environment,
    pub(crate) face: Face,
    /// Whether its answers are read as documents, and not as text alone.
    pub(crate) documents: bool,
    /// The session of what is started, when the caller names none.
    pub(crate) session: Option<String>,
    /// What the configuration said last while it had no fault; `None` before it was read.
    settings: Mutex<Option<Arc<Settings>>>,
    /// The store, once it is unlocked: whoever stays unlocks it once.
    held: Mutex<Option<Arc<Manager>>>,
}

/// One call of an action.
pub(crate) struct Call<'a> {
    pub(crate) agent: &'a Agent,
    pub(crate) arguments: &'a Arguments,
    /// Set when nobody waits for the answer any more.
    pub(crate) abandoned: &'a AtomicBool,
    /// The longest that it may wait for something.
    pub(crate) longest_wait: Option<Duration>,
}

impl Agent {
    /// Who acts for this caller.
    ///
    /// # Errors
    ///
    /// The session in its environment has no valid name (2).
    pub(crate) fn new(environment: Environment, face: Face) -> Result<Self, Error> {
        Ok(Self {
            session: environment.session()?,
            environment,
            face,
            settings: Mutex::new(None),
            documents: true,
            held: Mutex::new(None),
        })
    }

    /// What the configuration says now; while it is faulty, what it said before.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        let now = Configuration::read(&self.environment);
        let mut before = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        match &*before {
            Some(before) if matches!(now.file, FileState::Faulty(_)) => Arc::clone(before),
            _ => Arc::clone(before.insert(Arc::new(now.settings))),
        }
    }

    /// The store; `None` where there is none yet.
    ///
    /// # Errors
    ///
    /// No or a wrong password, an unsafe or damaged store.
    pub(crate) fn manager(&self) -> Result<Option<Arc<Manager>>, Error> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        // Another directory in its place is another store.
        held.take_if(|held| held.store.dir().check_in_place().is_err());
        if held.is_none() {
            *held = Manager::open(&self.environment)?.map(Arc::new);
        }
        Ok(held.clone())
    }

    /// Starts what `options` say, and makes the store if there is none.
    ///
    /// # Errors
    ///
    /// See [`Manager::start`].
    pub(crate) fn start(&self, options: &StartOptions) -> Result<ProcessInfo, Error> {
        if let Some(manager) = self.manager()? {
            return manager.start_here(&self.environment, options);
        }
        let (manager, info) = Manager::start(&self.environment, options)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some(Arc::new(manager));
        Ok(info)
    }

    /// The store and the process in it that `id` means.
    ///
    /// # Errors
    ///
    /// Not found (3), ambiguous (4).
    fn find(&self, id: &str) -> Result<(Arc<Manager>, Observed), Error> {
        let manager = self.manager()?.ok_or_else(|| {
            Error::new(Kind::NotFound, format!("no process called '{id}'"))
                .hint("nothing was started here yet")
        })?;
        let process = manager.resolve(id)?;
        Ok((manager, process))
    }

    /// How this action is called with these parameters.
    pub(crate) fn call_of(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        self.face.call_of(action, parameters)
    }
}

impl Face {
    /// A call that is right, for a hint.
    fn right_call(self, action: &str, parameters: &[(&str, &str)]) -> String {
        format!("a right call: {}", self.call_of(action, parameters))
    }

    /// How an action is called with these parameters.
    pub(crate) fn call_of(self, action: &str, parameters: &[(&str, &str)]) -> String {
        match self {
            Self::Line => {
                let mut line = format!("process action={action}");
                for (name, value) in parameters {
                    let _ = write!(line, " {name}={}", line::quoted(value));
                }
                line
            }
            Self::Tools => {
                let object: serde_json::Map<String, serde_json::Value> = parameters
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), table::json_of(action, name, value)))
                    .collect();
                format!("process_{action} {}", serde_json::Value::Object(object))
            }
        }
    }
}

impl Call<'_> {
    /// `asked`, or as long as it may wait if that is less.
    fn bounded(&self, asked: Duration) -> Duration {
        self.longest_wait
            .map_or(asked, |longest| asked.min(longest))
    }

    /// Does `action`.
    ///
    /// # Errors
    ///
    /// Whatever went wrong, with a hint at what to do.
    pub(crate) fn run(&self, action: &'static Action) -> Result<Answer, Error> {
        (action.run)(self).map_err(|error| hints::said_to(self.agent.face, error))
    }

    /// The process that the parameter `id` means.
    fn process(&self) -> Result<(Arc<Manager>, Observed), Error> {
        self.agent
            .find(self.arguments.text("id").unwrap_or_default())
    }
}
