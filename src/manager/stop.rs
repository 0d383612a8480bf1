//! Stopping: every supervisor is asked first, then all are waited for.
//!
//! A supervisor ends its own tree; what a killed supervisor left is ended from here.
//! Does not: call something stopped while any of it lives.

mod survivors;

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Manager;
use super::around::around_us;
use super::contact::next_to_ask;
use super::info::ProcessInfo;
use super::leftovers::{self, Leftover};
use super::observe::{Observed, supervisor_of};
use crate::control::client::{ANSWER_LIMIT, Call, Client, Unreachable};
use crate::control::{self, Reply, Request};
use crate::model::error::{Error, Kind};
use crate::model::facts::Block;
use crate::model::status::{Reason, Status};
use crate::store::dir::Sub;
use crate::store::files;
use crate::sys::clock;
use crate::sys::image::ManyDescriptors;
use crate::sys::pidfd::PidFd;
use survivors::survived;

/// How much longer than its grace a stop may take: KILL has its own limit, and machines are busy.
const STOP_MARGIN: Duration = Duration::from_secs(15);

/// How many descriptors are left for all that is no connection.
const OTHER_DESCRIPTORS: usize = 64;

/// How a stop is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StopOptions {
    pub(crate) reason: Reason,
    /// From TERM to KILL; zero kills at once. By default the process's own.
    pub(crate) grace: Option<Duration>,
    /// What the configuration says now: for a process that was started without a grace of its own.
    pub(crate) configured: Option<Duration>,
}

impl StopOptions {
    /// The grace for `target`, if it is another than the one it was started with.
    fn grace_for(self, target: &Observed) -> Option<Duration> {
        let configured = self.configured.filter(|_| target.entry.grace_by_default);
        self.grace.or(configured)
    }
}

/// A stop that has been asked for.
enum Asked {
    Supervisor(Client),
    /// Its supervisor is about to end, or its socket is gone.
    Unreachable,
    /// By a signal, as its supervisor speaks only other versions of the protocol.
    Signalled,
    /// Told to end, at this time.
    Leftovers(Vec<Leftover>, Instant),
    Done(Error),
}

impl Manager {
    /// Stops all of `targets`; one result for each, in their order: what it is now, or why not. Where we run in
    /// the tree of one of them, all others have ended before that is asked, as we may end with it.
    pub(crate) fn stop(
        &self,
        targets: &[Observed],
        options: StopOptions,
    ) -> Vec<Result<ProcessInfo, Error>> {
        let Some(index) = around_us(targets) else {
            return self.stop_in_parts(targets, options);
        };
        let mut others = targets.to_vec();
        let ours = others.remove(index);
        let mut results = self.stop_in_parts(&others, options);
        let last = self.stop_in_parts(&[ours], options);
        results.splice(index..index, last);
        results
    }

    fn stop_in_parts(
        &self,
        targets: &[Observed],
        options: StopOptions,
    ) -> Vec<Result<ProcessInfo, Error>> {
        // Each takes a connection until it has ended; what goes beyond that comes after.
        let descriptors = ManyDescriptors::allow(targets.len() + OTHER_DESCRIPTORS);
        let at_once = descriptors.count.saturating_sub(OTHER_DESCRIPTORS).max(1);
        targets
            .chunks(at_once)
            .flat_map(|targets| self.stop_at_once(targets, options))
            .collect()
    }

    /// Asks for the stop of `target`, and does not wait for it. What a killed supervisor left behind is
    /// told to end; killed it is only without grace.
    ///
    /// # Errors
    ///
    /// Not running (5), survivors (8); its supervisor does not answer (1).
    pub(crate) fn ask_to_stop(&self, target: &Observed, options: StopOptions) -> Result<(), Error> {
        match self.ask(target, self.call(target), options, ANSWER_LIMIT)? {
            Asked::Done(error) => Err(error),
            Asked::Supervisor(_) | Asked::Unreachable | Asked::Signalled => Ok(()),
            Asked::Leftovers(..) if options.grace != Some(Duration::ZERO) => Ok(()),
            left @ Asked::Leftovers(..) => self.finish(target, left, options).map(|_| ()),
        }
    }

    fn stop_at_once(
        &self,
        targets: &[Observed],
        options: StopOptions,
    ) -> Vec<Result<ProcessInfo, Error>> {
        // All are called before one is waited for, and asked as they answer: those that do not answer cost
        // their time together, and none of the others its own.
        let mut called: Vec<_> = targets
            .iter()
            .map(|target| Some(self.call(target)))
            .collect();
        let mut asked: Vec<Option<Asked>> = targets.iter().map(|_| None).collect();
        let deadline = Instant::now() + ANSWER_LIMIT;
        while called.iter().any(Option::is_some) {
            for index in next_to_ask(&called, deadline) {
                let limit = deadline.saturating_duration_since(Instant::now());
                if let Some(called) = called[index].take() {
                    let done = self.ask(&targets[index], called, options, limit);
                    asked[index] = Some(done.unwrap_or_else(Asked::Done));
                }
            }
        }
        targets
            .iter()
            .zip(asked.into_iter().flatten())
            .map(|(target, asked)| self.finish(target, asked, options))
            .collect()
    }

    /// Calls the supervisor of `target`, if it lives, and waits for nobody.
    fn call(&self, target: &Observed) -> Result<Call, Unreachable> {
        let run = self.store.dir().sub(Sub::Run).ok().flatten();
        match run.filter(|_| target.is_live()) {
            Some(run) => Call::to(run.as_fd(), &files::socket(target.entry.id)),
            None => Err(Unreachable::Gone),
        }
    }

    /// Asks whom was called, and waits for the first answer as long as `limit`.
    fn ask(
        &self,
        target: &Observed,
        called: Result<Call, Unreachable>,
        options: StopOptions,
        limit: Duration,
    ) -> Result<Asked, Error> {
        if target.has_ended() {
            return Err(not_running(&target.info()));
        }
        if !target.is_live() {
            let left = told_leftovers(target);
            if left.is_empty() {
                return Err(not_running(&target.info()));
            }
            return Ok(Asked::Leftovers(left, Instant::now()));
        }
        let entry = &target.entry;
        let control = control::key(&self.log_key(entry), entry.log);
        let client = called.and_then(|call| call.answered(&control, entry.log, limit));
        let client = match client {
            Err(Unreachable::Gone) => self.connect(target), // it may have dropped us for others
            client => client,
        };
        match client {
            Ok(mut client) => {
                let request = Request::Stop {
                    reason: options.reason,
                    grace_ms: options.grace_for(target).map(clock::milliseconds),
                };
                match client
                    .send(&request)
                    .and_then(|()| client.reply(ANSWER_LIMIT))
                {
                    Ok(Some(Reply::Accepted)) => Ok(Asked::Supervisor(client)),
                    Ok(Some(Reply::Refused { message })) => Err(Error::other(message)),
                    Ok(Some(Reply::Ended | Reply::Survivors { .. })) | Err(Unreachable::Gone) => {
                        Ok(Asked::Unreachable)
                    }
                    Ok(Some(_)) => Err(unanswered(target, &Unreachable::NotOurs)),
                    Ok(None) => Err(unanswered(target, &Unreachable::Silent)),
                    Err(error) => Err(unanswered(target, &error)),
                }
            }
            Err(Unreachable::Gone) => Ok(Asked::Unreachable),
            // TERM means an orderly stop to every version, with the grace that was said at the start.
            Err(Unreachable::OtherVersions(..))
                if target.block.as_deref().is_some_and(signal_supervisor) =>
            {
                Ok(Asked::Signalled)
            }
            Err(error) => Err(unanswered(target, &error)),
        }
    }

    fn finish(
        &self,
        target: &Observed,
        asked: Asked,
        options: StopOptions,
    ) -> Result<ProcessInfo, Error> {
        let grace = options
            .grace_for(target)
            .unwrap_or(Duration::from_millis(target.entry.grace_ms));
        // What is asked by a signal has the grace that was said at the start.
        let signalled = grace.max(Duration::from_millis(target.entry.grace_ms));
        match asked {
            Asked::Done(error) => Err(error),
            Asked::Supervisor(client) => self.await_supervisor(target, client, grace),
            Asked::Unreachable => self.await_unreachable(target, signalled),
            Asked::Signalled => self.await_end(target, signalled + STOP_MARGIN, signalled),
            Asked::Leftovers(left, told) => {
                end_leftovers(target, &left, grace.saturating_sub(told.elapsed()))
            }
        }
    }

    fn await_supervisor(
        &self,
        target: &Observed,
        mut client: Client,
        grace: Duration,
    ) -> Result<ProcessInfo, Error> {
        let deadline = Instant::now() + grace + STOP_MARGIN;
        loop {
            match client.reply(deadline.saturating_duration_since(Instant::now())) {
                Ok(Some(Reply::Survivors { processes })) => {
                    return Err(survived(target, &processes));
                }
                Ok(Some(Reply::Ended)) | Err(Unreachable::Gone) => {
                    return self.await_end(target, ANSWER_LIMIT, grace);
                }
                Ok(Some(_)) => {} // that it was accepted
                Ok(None) => return Err(unanswered(target, &Unreachable::Silent)),
                Err(error) => return Err(unanswered(target, &error)),
            }
        }
    }

    /// The lease was held and nobody listened: the end is being written, or somebody removed the socket.
    /// Then the supervisor is asked by a signal, held by a descriptor and looked at again.
    fn await_unreachable(&self, target: &Observed, grace: Duration) -> Result<ProcessInfo, Error> {
        let ended = self.await_end(target, ANSWER_LIMIT, grace);
        let Some(block) = target.block.as_ref().filter(|_| ended.is_err()) else {
            return ended;
        };
        if !signal_supervisor(block) {
            return ended;
        }
        self.await_end(target, grace + STOP_MARGIN, grace)
    }

    /// Waits as long as `limit` for the end to be on record, and tells it. If its supervisor is killed
    /// meanwhile, what that leaves behind is ended, killed after `grace`.
    fn await_end(
        &self,
        target: &Observed,
        limit: Duration,
        grace: Duration,
    ) -> Result<ProcessInfo, Error> {
        let deadline = Instant::now() + limit;
        let notifier = self.notifier();
        loop {
            let Some(now) = self.observe_again(&target.entry)? else {
                return Ok(target.info()); // cleared by somebody else: so it had ended
            };
            if now.is_without_end() {
                let left = told_leftovers(&now);
                return end_leftovers(&now, &left, grace);
            }
            if now.has_ended() {
                return Ok(now.info());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(unanswered(&now, &Unreachable::Silent));
            }
            notifier.wait(left.min(Duration::from_millis(50)), &[]);
        }
    }
}

/// What a killed supervisor has left of `target`, once it is told to end.
fn told_leftovers(target: &Observed) -> Vec<Leftover> {
    let left = leftovers::find(&target.entry, target.block.as_deref());
    leftovers::signal(&left, &[Signal::SIGTERM, Signal::SIGCONT]);
    left
}

/// Waits for the end of what a killed supervisor has left, and kills it after `grace`.
fn end_leftovers(
    target: &Observed,
    left: &[Leftover],
    grace: Duration,
) -> Result<ProcessInfo, Error> {
    let survivors = leftovers::end(&target.entry, target.block.as_deref(), left, grace);
    if survivors.is_empty() {
        Ok(target.info())
    } else {
        Err(survived(target, &survivors))
    }
}

/// Whether something lives of a process whose supervisor was killed.
pub(crate) fn has_leftovers(target: &Observed) -> bool {
    !target.is_live()
        && !target.has_ended()
        && !leftovers::find(&target.entry, target.block.as_deref()).is_empty()
}

fn signal_supervisor(block: &Block) -> bool {
    let Ok(held) = PidFd::open(block.supervisor_pid) else {
        return false;
    };
    supervisor_of(block).is_some() && held.send(Signal::SIGTERM as i32).is_ok()
}

/// The error for a process that has ended, with how.
pub(super) fn not_running(info: &ProcessInfo) -> Error {
    let (name, id, ending) = (&info.name, info.id, info.ending());
    let message = format!("'{name}' ({id}) does not run: {ending}");
    Error::new(Kind::NotRunning, message).hint(if info.status == Status::Starting {
        "it has ended and will be run again; try again when it runs".to_owned()
    } else if info.supervised {
        format!("'bgp stop {id}' ends what it left behind")
    } else if info.status == Status::Lost {
        format!(
            "'bgp stop {id}' ends what it may have left, 'bgp clear {id}' removes it from the list"
        )
    } else {
        format!("'bgp clear {id}' removes it from the list")
    })
}

/// The error for a supervisor that does not do as it should.
pub(super) fn unanswered(target: &Observed, why: &Unreachable) -> Error {
    let pid = target
        .block
        .as_ref()
        .map_or(0, |block| block.supervisor_pid);
    let who = format!("the supervisor of '{}' (pid {pid})", target.entry.name);
    match why {
        Unreachable::Gone | Unreachable::Silent => Error::other(format!("{who} does not answer"))
            .hint(format!(
                "if it is stopped, 'kill -CONT {pid}' lets it go on"
            )),
        Unreachable::OtherVersions(low, high) => Error::other(format!(
            "{who} speaks versions {low} to {high} of the protocol, this bgp speaks 1"
        ))
        .hint(format!(
            "'kill {pid}' is an orderly stop whatever the version"
        )),
        Unreachable::NotOurs => Error::new(
            Kind::Damaged,
            format!("{who} could not prove that it is one"),
        )
        .hint("somebody put another socket in its place"),
        Unreachable::System(error) => Error::other(format!(
            "cannot reach {who}: {}",
            crate::model::error::reason(error)
        )),
    }
}
