//! `bgp attach`: a process's terminal in ours, until it is left with `C-\` or the process ends.
//!
//! What the program writes goes to our terminal as it is, after the screen as it stands; what is typed goes
//! to the program as it is. The screen is replayed beside, so that our terminal is left where its own stood.
//! Does not: touch the process when it is left.

mod leaving;

use std::io::{self, IsTerminal as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::Serialize;

use super::documents::SCHEMA;
use super::out::{Format, note};
use super::select;
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::attach::{Attachment, Untaken};
use crate::manager::observe::{Observed, Reach};
use crate::manager::screen::{Replay, has_terminal};
use crate::model::error::Error;
use crate::model::id::ProcessId;
use crate::model::size::Size;
use crate::sys::crash::panic_point;
use crate::sys::notify::{Interest, Notifier};
use crate::sys::raw::RawTerminal;
use crate::sys::signals::exit_code;
use crate::sys::signals::{self, Signals};
use crate::sys::{terminal, window};
use leaving::GOODBYE;

/// How often is looked at the process when changes wake, and when nothing does.
const POLL_WOKEN: Duration = Duration::from_secs(2);
const POLL_ALONE: Duration = Duration::from_millis(20);
/// Above so many bytes that our terminal has not taken yet the log is not read on.
const UNSHOWN_MAX_BYTES: usize = 256 * 1024;
/// What is read of the keyboard at a time.
const TYPED_BYTES: usize = 64 * 1024;

/// What ends it from outside.
const ENDING: [Signal; 4] = [
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
];

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// By the key for it.
    Left,
    /// The process has ended.
    Ended,
    Signal(Signal),
    /// Our terminal is gone.
    Gone,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    id: ProcessId,
    name: &'a str,
    /// Whether the process has ended; else it was left.
    ended: bool,
}

/// Takes over the terminal of the process that `id` means.
///
/// # Errors
///
/// Not found (3), ambiguous (4), no terminal here or there (2), not running (5), somebody else is attached (6).
pub(crate) fn run(context: &mut Context, id: &str) -> Outcome {
    let (manager, process) = select::one(context, id)?;
    has_terminal(&process)?;
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() || !terminal::is_foreground() {
        return Err(Error::usage("there is no terminal here to attach with").hint(format!(
            "attach is for a person at a terminal; 'bgp send {id}' types, 'bgp screen {id}' shows the screen"
        )));
    }
    let (over, process, dropped) = take_over(&manager, process)?;
    let name = &process.entry.name;
    if let Some(dropped) = dropped {
        note(&dropped);
    }
    match (context.format, over) {
        (Format::Json, _) => context.out.json(&Document {
            schema: SCHEMA,
            id: process.entry.id,
            name,
            ended: over == Over::Ended,
        })?,
        (Format::Text, Over::Ended) => {
            let ending = process.info().ending();
            context.out.line(&format!("[{name} {ending}]"))?;
        }
        (Format::Text, Over::Left) => context.out.line(&format!("[detached from {name}]"))?,
        (Format::Text, Over::Signal(_) | Over::Gone) => {}
    }
    Ok(match over {
        Over::Left | Over::Ended => 0,
        Over::Signal(signal) => exit_code(signal),
        Over::Gone => exit_code(Signal::SIGHUP), // as HUP would have ended it
    })
}

/// Takes over the terminal of `process`, until that is over. Returns the process as it was seen last, and
/// what is to be told of keys that were typed in vain.
///
/// The terminal here must be one and ours; it is as it was before this returns.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn take_over(
    manager: &Manager,
    process: Observed,
) -> Result<(Over, Observed, Option<String>), Error> {
    const STOPPING: [Signal; 3] = [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU];
    signals::ignore(&STOPPING);
    let session = Session::begin(manager, process).and_then(Session::run);
    signals::restore_default(&STOPPING);
    let (over, process, Untaken { bytes, on_its_way }) = session?;
    let dropped = (bytes > 0 && over != Over::Ended).then(|| match on_its_way {
        0 => format!("{bytes} bytes that were typed were not taken, and are dropped"),
        _ => {
            format!("{bytes} bytes that were typed may not have been taken; then they are dropped")
        }
    });
    Ok((over, process, dropped))
}

/// All that it takes.
struct Session<'a> {
    manager: &'a Manager,
    process: Observed,
    attachment: Attachment,
    replay: Replay,
    notifier: Notifier,
    signals: Signals,
    terminal: RawTerminal,
    /// Written, and not taken by our terminal yet.
    unshown: Vec<u8>,
}

impl<'a> Session<'a> {
    /// Takes over, and draws the screen.
    fn begin(manager: &'a Manager, process: Observed) -> Result<Self, Error> {
        let cannot = |error: io::Error| Error::system("cannot set the terminal", &error);
        let watched = [ENDING.as_slice(), &[Signal::SIGWINCH]].concat();
        let signals = Signals::take(&watched).map_err(cannot)?;
        let size = our_size();
        let attachment = manager.attach(&process, size)?;
        let replay = manager.screen(&process)?;
        let notifier = watch(manager, &process);
        let session = Self {
            terminal: RawTerminal::enter(GOODBYE).map_err(cannot)?,
            manager,
            attachment,
            notifier,
            signals,
            unshown: beginning(&replay, size),
            replay,
            process,
        };
        panic_point!("attached");
        Ok(session)
    }

    /// Goes on until it is over. Returns the process as it was seen last, and what was typed in vain.
    fn run(mut self) -> Result<(Over, Observed, Untaken), Error> {
        loop {
            if let Some(over) = self.round()? {
                if over == Over::Left {
                    self.attachment.finish()?;
                }
                let untaken = self.attachment.untaken();
                if over != Over::Gone {
                    self.terminal.write_for_a_moment(&self.unshown);
                }
                let Self {
                    process, terminal, ..
                } = self;
                drop(terminal); // before anything is told
                return Ok((over, process, untaken));
            }
        }
    }

    /// Waits, then does what is due.
    fn round(&mut self) -> Result<Option<Over>, Error> {
        let may_type = self.attachment.has_room();
        let limit = if self.notifier.wakes() {
            POLL_WOKEN
        } else {
            POLL_ALONE
        };
        let keyboard = match (may_type, self.unshown.is_empty()) {
            (true, true) => Interest::Read,
            (true, false) => Interest::Both,
            (false, true) => Interest::None,
            (false, false) => Interest::Write,
        };
        let others = [
            (self.terminal.as_fd(), keyboard),
            (self.attachment.as_fd(), Interest::Read),
            (self.signals.as_fd(), Interest::Read),
        ];
        self.notifier.wait_for(limit, &others);
        while let Some(signal) = self.signals.next() {
            if signal != Signal::SIGWINCH {
                return Ok(Some(Over::Signal(signal)));
            }
            self.attachment.resize(our_size())?;
        }
        if may_type && let Some(over) = self.take_typed()? {
            return Ok(Some(over));
        }
        let is_connected = self.attachment.take_answers()?;
        let over = self.take_output(is_connected)?;
        self.show();
        Ok(over)
    }

    /// Passes on what was typed, up to what leaves.
    fn take_typed(&mut self) -> Result<Option<Over>, Error> {
        let mut buffer = vec![0; TYPED_BYTES];
        match self.terminal.read(&mut buffer) {
            Ok(0) => Ok(Some(Over::Gone)),
            Ok(count) => {
                let (typed, leaves) = leaving::split(&buffer[..count]);
                self.attachment.type_in(typed)?;
                Ok(leaves.then_some(Over::Left))
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
                _ => Ok(Some(Over::Gone)),
            },
        }
    }

    /// Takes what the process wrote meanwhile, and sees whether it has ended.
    fn take_output(&mut self, is_connected: bool) -> Result<Option<Over>, Error> {
        if self.unshown.len() > UNSHOWN_MAX_BYTES {
            return Ok(None);
        }
        // It is observed before the log is read: who has ended has written all of it.
        let Some(process) = self.manager.observe_again(&self.process.entry)? else {
            return Ok(Some(Over::Ended)); // cleared
        };
        self.process = process;
        let unshown = &mut self.unshown;
        let mut sink = |bytes: &[u8]| unshown.extend_from_slice(bytes);
        if self
            .replay
            .catch_up(self.manager, &self.process, &mut sink)?
        {
            self.notifier = watch(self.manager, &self.process);
        }
        let has_ended = self.process.reach() >= Reach::LeaderEnded;
        if !has_ended && !is_connected && self.process.is_live() {
            // The connection was lost while it lives: its supervisor is about to end, or had enough of us.
            return Err(Error::other(format!(
                "the supervisor of '{}' closed the connection",
                self.process.entry.name
            ))
            .hint("attach again"));
        }
        Ok((has_ended || !self.process.is_live()).then_some(Over::Ended))
    }

    fn show(&mut self) {
        while !self.unshown.is_empty() {
            match self.terminal.write(&self.unshown) {
                Ok(count) => drop(self.unshown.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return, // no room; or it is gone, which reading tells
            }
        }
    }
}

/// What is written first: what stands on our terminal is moved up and stays there to be looked at, then
/// the screen is drawn.
fn beginning(replay: &Replay, size: Size) -> Vec<u8> {
    let screen = replay.screen();
    let mut bytes = format!("\x1b[{};1H", size.rows).into_bytes();
    bytes.extend(std::iter::repeat_n(b'\n', usize::from(size.rows)));
    if screen.is_alternate() {
        bytes.extend_from_slice(b"\x1b[?1049h");
    }
    bytes.extend(screen.redraw());
    bytes
}

/// The size of our terminal.
fn our_size() -> Size {
    let told = window::size().map(|(columns, rows)| Size { columns, rows });
    told.filter(|size| size.rows > 0)
        .unwrap_or(Size::DEFAULT)
        .within_limits()
}

fn watch(manager: &Manager, process: &Observed) -> Notifier {
    let dir = manager.store.dir().path();
    let segment = process.block.as_ref().map_or(0, |block| block.last_segment);
    let log = crate::store::files::log(process.entry.id, segment);
    Notifier::watch(&[&dir.join("logs").join(log), &dir.join("run")])
}
