//! Calls of actions: begun in the order in which they came, each on a thread of its own. What only reads begins
//! when the last that changes something is done or takes long, and what changes something also when those that
//! read before it are. So what follows a quick one finds it done, nobody loses what it reads, and nothing waits
//! for a wait.
//!
//! Does not: stop an action half way; of one that is cancelled only the answer is dropped, and a wait ends.

use std::collections::HashMap;
use std::convert::Infallible;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::Event;
use super::protocol::{Code, Era, Refusal, answer};
use super::writer::Outlet;
use crate::agent::answer::Answer;
use crate::agent::arguments::Arguments;
use crate::agent::table::{Action, Effect, Shape};
use crate::agent::{Agent, Call, Face};
use crate::commands::out::to_json;
use crate::model::error::Error;

/// How many calls may be under way or wait for their turn.
const CALLS_MAX: usize = 64;
/// How long a call waits for those before it, from when it came.
const TURN: Duration = Duration::from_secs(2);
/// The longest wait: clients give up after a minute.
const WAIT_MAX: Duration = Duration::from_secs(50);

/// One call of an action.
pub(super) struct Job {
    pub(super) id: Value,
    pub(super) era: Era,
    pub(super) action: &'static Action,
    pub(super) said: Map<String, Value>,
}

/// The calls under way.
#[derive(Clone)]
pub(super) struct Calls {
    jobs: Sender<(Job, Arc<Ticket>, Instant)>,
    under_way: Arc<Mutex<HashMap<String, Arc<Ticket>>>>,
}

/// What has become of a call meanwhile.
#[derive(Default)]
struct Ticket {
    /// Nobody waits for its answer: a wait ends.
    abandoned: AtomicBool,
    /// Its answer is not to be sent.
    cancelled: AtomicBool,
}

/// What every call is done with.
struct Desk {
    agent: Arc<Agent>,
    /// Why nothing can be done, if the store cannot be opened.
    locked: Option<Error>,
    outlet: Outlet,
    events: SyncSender<Event>,
    under_way: Arc<Mutex<HashMap<String, Arc<Ticket>>>>,
}

impl Calls {
    pub(super) fn begin(
        agent: Arc<Agent>,
        locked: Option<Error>,
        outlet: Outlet,
        events: SyncSender<Event>,
    ) -> Self {
        let (jobs, to_do) = channel();
        let under_way = Arc::default();
        let desk = Arc::new(Desk {
            agent,
            locked,
            outlet,
            events,
            under_way: Arc::clone(&under_way),
        });
        thread::spawn(move || do_all(&desk, &to_do));
        Self { jobs, under_way }
    }

    /// Has a call done.
    ///
    /// # Errors
    ///
    /// Too many are under way, or one with this id.
    pub(super) fn take(&self, job: Job) -> Result<(), Refusal> {
        let mut under_way = locked(&self.under_way);
        let key = job.id.to_string();
        let refused = |why: String| Refusal::new(job.id.clone(), Code::InvalidRequest, why);
        if under_way.contains_key(&key) {
            return Err(refused(format!("a call with the id {key} is under way")));
        }
        if under_way.len() >= CALLS_MAX {
            return Err(refused(format!("{CALLS_MAX} calls are under way already")));
        }
        let ticket = Arc::new(Ticket::default());
        under_way.insert(key, Arc::clone(&ticket));
        let _ = self.jobs.send((job, ticket, Instant::now())); // it is there as long as we are
        Ok(())
    }

    /// Drops the answer of the call with this id, and ends it if it waits.
    pub(super) fn cancel(&self, id: &Value) {
        if let Some(ticket) = locked(&self.under_way).get(&id.to_string()) {
            ticket.cancelled.store(true, Ordering::Relaxed);
            ticket.abandoned.store(true, Ordering::Relaxed);
        }
    }

    /// Ends all waits, as if their time was up.
    pub(super) fn hurry(&self) {
        for ticket in locked(&self.under_way).values() {
            ticket.abandoned.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn are_under_way(&self) -> bool {
        !locked(&self.under_way).is_empty()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn do_all(desk: &Arc<Desk>, jobs: &Receiver<(Job, Arc<Ticket>, Instant)>) {
    let (mut changing, mut reading) = (Awaited::new(), Awaited::new());
    while let Ok((job, ticket, came)) = jobs.recv() {
        let turn = came + TURN;
        changing.wait(turn);
        let awaited = if job.action.effect == Effect::Reads {
            &reading
        } else {
            reading.wait(turn); // it may end or remove what they read
            &changing
        };
        let is_wait = job.action.result == Shape::Waited;
        let under_way = (!is_wait).then(|| awaited.under_way.clone());
        let desk = Arc::clone(desk);
        thread::spawn(move || {
            desk.finish(&job, &ticket);
            drop(under_way);
        });
    }
}

/// Calls that others wait for. Each holds a sender while it is under way, and sends nothing.
struct Awaited {
    under_way: Sender<Infallible>,
    done: Receiver<Infallible>,
}

impl Awaited {
    fn new() -> Self {
        let (under_way, done) = channel();
        Self { under_way, done }
    }

    /// Waits until all of them are done, but no longer than `until`, and for none of them again.
    fn wait(&mut self, until: Instant) {
        let Self { under_way, done } = mem::replace(self, Self::new());
        drop(under_way);
        let _ = done.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

impl Desk {
    fn finish(&self, job: &Job, ticket: &Ticket) {
        if !ticket.cancelled.load(Ordering::Relaxed) {
            let mut answered = self.call(job, ticket);
            if !ticket.cancelled.load(Ordering::Relaxed) {
                let message = answer(&job.id, job.era, result(&mut answered));
                let once_told = answered.ok().and_then(|answered| answered.once_told);
                self.outlet.send_and(&message, once_told);
            }
        }
        locked(&self.under_way).remove(&job.id.to_string());
        let _ = self.events.try_send(Event::Done); // if there is much else, it is looked at anyway
    }

    fn call(&self, job: &Job, ticket: &Ticket) -> Result<Answer, Error> {
        let arguments = Arguments::read(job.action, &job.said, Face::Tools)?;
        if let Some(error) = &self.locked {
            return Err(error.clone().hint(
                "the server takes the password once, when it starts: set BG_PASSWORD, \
                 BG_PASSWORD_FILE or BG_PASSWORD_COMMAND in the env of its configuration, and restart it",
            ));
        }
        let call = Call {
            agent: &self.agent,
            arguments: &arguments,
            abandoned: &ticket.abandoned,
            longest_wait: Some(WAIT_MAX),
        };
        call.run(job.action)
    }
}

/// What a tool gives: a document, and the same as text; or what went wrong, for the model to mend.
fn result(answered: &mut Result<Answer, Error>) -> Value {
    match answered.as_mut().map(Answer::take_document) {
        Ok(document) => json!({
            "content": [{"type": "text", "text": to_json(&document).unwrap_or_default()}],
            "structuredContent": document,
            "isError": false,
        }),
        Err(error) => {
            let hint = error.hint.as_ref().map(|hint| format!("\nhint: {hint}"));
            let text = error.message.clone() + &hint.unwrap_or_default();
            json!({"content": [{"type": "text", "text": text}], "isError": true})
        }
    }
}
