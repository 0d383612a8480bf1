//! What is told without being asked: events, given to listeners from a call that waits for them.
//!
//! Does not: run a thread. Nothing is told but from within [`ProcessManager::poll`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use super::ProcessManager;
use super::info::{Error, ProcessInfo, time};
use crate::manager::alerts::{Delivery, Patience, Pending, Whose};

/// The reader as whom the library has events: its own place, beside those of the program's readers.
const READER: &str = "library";
/// How often is looked when changes wake, in case one was missed, and when nothing does.
const POLL_WOKEN: Duration = Duration::from_secs(2);
const POLL_ALONE: Duration = Duration::from_millis(200);

/// Something that happened to a process and that it was started to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManagerEvent {
    /// Counts all events of the state directory; ever higher.
    pub number: u64,
    /// When it happened.
    pub time: SystemTime,
    /// What happened: `exited`, `failed`, `crashed`, `killed`, `timeout`, `lost`, `output`, `idle`, and of its
    /// log `tampered` or `gap`.
    pub event: &'static str,
    /// The process as it was then.
    pub process: ProcessInfo,
    /// All of it in one line of text of at most 500 bytes.
    pub message: String,
}

impl ManagerEvent {
    fn of(pending: &Pending) -> Self {
        Self {
            number: pending.alert.number,
            time: time(pending.alert.time_ms),
            event: pending.alert.event.word(),
            process: pending.info.clone().into(),
            message: pending.message(),
        }
    }
}

type Listener = Arc<dyn Fn(&ManagerEvent) + Send + Sync>;
type Shared = Arc<Mutex<Vec<(u64, Listener)>>>;

/// Who wants to be told.
#[derive(Default)]
pub(super) struct Listeners {
    next: u64,
    all: Shared,
}

/// A listener that is told of events for as long as this lives.
#[must_use = "dropped, it unsubscribes at once"]
pub struct Subscription {
    number: u64,
    of: Weak<Mutex<Vec<(u64, Listener)>>>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(all) = self.of.upgrade() {
            lock(&all).retain(|(number, _)| *number != self.number);
        }
    }
}

/// What a thread that panicked had is still a list.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ProcessManager {
    /// Has `listener` told of each event from now on, from within [`poll`](Self::poll), until the guard
    /// that is returned is dropped.
    ///
    /// An event is what a process was started to tell: by default that it failed, see
    /// [`StartOptions`](crate::StartOptions). Events that came while nobody listened come first. Each is
    /// told at least once; twice only if this program dies between telling and taking note of it.
    pub fn on_event(
        &self,
        listener: impl Fn(&ManagerEvent) + Send + Sync + 'static,
    ) -> Subscription {
        let mut listeners = lock(&self.listeners);
        listeners.next += 1;
        let number = listeners.next;
        lock(&listeners.all).push((number, Arc::new(listener)));
        Subscription {
            number,
            of: Arc::downgrade(&listeners.all),
        }
    }

    /// Tells the listeners what has happened, and waits for something to happen if nothing has: for
    /// `timeout` at most. Returns how many events were told. Without a listener it only waits, and what
    /// happens is kept.
    ///
    /// # Errors
    ///
    /// The state directory was removed (3), another thread or program polls it for 10 s (11), it is
    /// damaged (13), no room on the disk to take note of it (15): then it is told again.
    pub fn poll(&self, timeout: Duration) -> Result<usize, Error> {
        let begun = Instant::now();
        let notifier = self.manager.notifier();
        loop {
            self.manager.store.dir().check_in_place()?;
            let told = self.tell()?;
            let left = timeout.saturating_sub(begun.elapsed());
            if told > 0 || left.is_zero() {
                return Ok(told);
            }
            let poll = if notifier.wakes() {
                POLL_WOKEN
            } else {
                POLL_ALONE
            };
            notifier.wait(left.min(poll), &[]);
        }
    }

    fn tell(&self) -> Result<usize, Error> {
        // Called without the lock, so that a listener may subscribe and unsubscribe.
        let listeners: Vec<Listener> = {
            let all = Arc::clone(&lock(&self.listeners).all);
            let all = lock(&all);
            all.iter()
                .map(|(_, listener)| Arc::clone(listener))
                .collect()
        };
        if listeners.is_empty() {
            return Ok(0);
        }
        let mut told = 0;
        let deliver = |pending: &[Pending]| {
            for event in pending.iter().map(ManagerEvent::of) {
                for listener in &listeners {
                    listener(&event);
                }
                told += 1;
            }
            Delivery {
                told,
                outcome: Ok(()),
            }
        };
        self.manager
            .deliver(READER, &Whose::Everybodys, Patience::Patient, deliver)?;
        Ok(told)
    }
}
