//! Who writes the answers: a thread of its own, which alone waits for a client that does not read.
//!
//! Does not: keep more than a bound for such a client.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::Event;
use crate::agent::answer::OnceTold;
use crate::commands::out::{Out, to_json};
use crate::model::error::Error;

/// The most that waits to be read, in bytes. A client that lets more come does not read at all.
const UNREAD_MAX_BYTES: usize = 64 * 1024 * 1024;

/// The thread that writes.
pub(super) struct Writer {
    outlet: Outlet,
    done: Receiver<Option<Error>>,
}

/// Where answers are put.
#[derive(Clone)]
pub(super) struct Outlet {
    lines: Sender<Line>,
    unread_bytes: Arc<AtomicUsize>,
    is_full: Arc<AtomicBool>,
}

/// What waits to be written; without text, the end.
#[derive(Default)]
struct Line {
    text: String,
    /// What is to be done once it has been written. If it never is, this is dropped undone.
    once_told: Option<Box<OnceTold>>,
}

impl Writer {
    /// Begins to write to the standard output; what goes wrong is told to `events`.
    pub(super) fn begin(events: SyncSender<Event>) -> Self {
        let (lines, to_write) = channel();
        let unread_bytes = Arc::new(AtomicUsize::new(0));
        let (finished, done) = channel();
        let outlet = Outlet {
            lines,
            unread_bytes: Arc::clone(&unread_bytes),
            is_full: Arc::default(),
        };
        thread::spawn(move || {
            let written = write_all(to_write, &unread_bytes);
            let why = match &written {
                Written::All => None,
                Written::Not(why) => why.clone(),
            };
            let _ = finished.send(why); // who waited may have gone
            if let Written::Not(why) = written {
                let _ = events.send(Event::Unwritable(why)); // and who listened
            }
        });
        Self { outlet, done }
    }

    pub(super) fn outlet(&self) -> Outlet {
        self.outlet.clone()
    }

    /// Waits until all is written, but no longer than `limit`.
    ///
    /// # Errors
    ///
    /// It cannot be written (15).
    pub(super) fn finish(self, limit: Duration) -> Result<(), Error> {
        let _ = self.outlet.lines.send(Line::default()); // it may have ended
        match self.done.recv_timeout(limit) {
            Ok(Some(error)) => Err(error),
            Ok(None) | Err(_) => Ok(()),
        }
    }
}

/// What came of writing.
enum Written {
    All,
    /// Why not; `None` when nobody reads.
    Not(Option<Error>),
}

/// Writes line after line, and drops what is left when that cannot be done.
fn write_all(lines: Receiver<Line>, unread_bytes: &AtomicUsize) -> Written {
    // A descriptor of its own: who waits for a client to read holds no lock that others need.
    let mut out = match io::stdout().as_fd().try_clone_to_owned() {
        Ok(stdout) => Out::to(File::from(stdout)),
        Err(error) => {
            let error = Error::system("cannot write the output", &error);
            return Written::Not(Some(error));
        }
    };
    for line in lines {
        if line.text.is_empty() {
            return Written::All;
        }
        let written = out.line(&line.text).and_then(|()| out.flush());
        unread_bytes.fetch_sub(line.text.len(), Ordering::Relaxed);
        match written {
            Ok(()) if out.nobody_reads() => return Written::Not(None),
            Ok(()) => {
                // If what was told cannot be noted, it is told again.
                let _ = line.once_told.map(|once_told| once_told());
            }
            Err(error) => return Written::Not(Some(error)),
        }
    }
    Written::All
}

impl Outlet {
    /// One that nobody writes from, and what gives all that was sent since it was asked last.
    #[cfg(any(test, fuzzing))]
    pub(super) fn to_reader() -> (Self, impl Fn() -> Vec<String>) {
        let (lines, sent) = channel();
        let outlet = Self {
            lines,
            unread_bytes: Arc::default(),
            is_full: Arc::default(),
        };
        let unread_bytes = Arc::clone(&outlet.unread_bytes);
        let read = move || {
            let lines: Vec<String> = sent.try_iter().map(|line: Line| line.text).collect();
            let bytes = lines.iter().map(String::len).sum();
            unread_bytes.fetch_sub(bytes, Ordering::Relaxed);
            lines
        };
        (outlet, read)
    }

    /// Has `message` written, after what waits already.
    pub(super) fn send(&self, message: &Value) {
        self.send_and(message, None);
    }

    /// The same, and has `once_told` done once it has been written. Else that is dropped.
    pub(super) fn send_and(&self, message: &Value, once_told: Option<Box<OnceTold>>) {
        let Ok(text) = to_json(message) else {
            return; // a value is always JSON
        };
        let before = self.unread_bytes.fetch_add(text.len(), Ordering::Relaxed);
        if before + text.len() > UNREAD_MAX_BYTES {
            self.is_full.store(true, Ordering::Relaxed);
            return;
        }
        let _ = self.lines.send(Line { text, once_told }); // else it has ended, and said so
    }

    /// That the client reads what it asked for.
    ///
    /// # Errors
    ///
    /// Too much waits: it does not read at all (1).
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.is_full.load(Ordering::Relaxed) {
            return Err(Error::other("the client does not read its answers")
                .hint("it is the client that must be mended; the processes run on"));
        }
        Ok(())
    }
}
