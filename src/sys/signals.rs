//! Signals as something to read: blocked for good, and taken from a descriptor in the poll set. No code
//! ever runs in a handler.
//!
//! signalfd(2) on Linux, kqueue(2) elsewhere.
//! Does not: send signals.
#![expect(unsafe_code, reason = "signal dispositions")]

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// A descriptor that is readable when one of its signals has come.
pub(crate) struct Signals {
    #[cfg(target_os = "linux")]
    source: nix::sys::signalfd::SignalFd,
    #[cfg(not(target_os = "linux"))]
    source: nix::sys::event::Kqueue,
}

impl Signals {
    /// Blocks `signals` and waits for them from now on.
    ///
    /// # Errors
    ///
    /// `EMFILE` when there is no room for a descriptor.
    pub(crate) fn take(signals: &[Signal]) -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in signals {
            set.add(*signal);
        }
        set.thread_block()?;
        #[cfg(target_os = "linux")]
        {
            use nix::sys::signalfd::{SfdFlags, SignalFd};
            let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
            Ok(Self {
                source: SignalFd::with_flags(&set, flags)?,
            })
        }
        #[cfg(not(target_os = "linux"))]
        {
            use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};
            // kqueue(2) tells of blocked signals too; of SIGCHLD only while it is not set to be ignored.
            let queue = Kqueue::new()?;
            let changes: Vec<KEvent> = signals
                .iter()
                .map(|signal| {
                    let number = *signal as usize;
                    let flags = EvFlags::EV_ADD | EvFlags::EV_CLEAR;
                    KEvent::new(
                        number,
                        EventFilter::EVFILT_SIGNAL,
                        flags,
                        FilterFlag::empty(),
                        0,
                        0,
                    )
                })
                .collect();
            queue.kevent(&changes, &mut [], None)?;
            Ok(Self { source: queue })
        }
    }

    /// The next signal that has come, if any.
    pub(crate) fn next(&self) -> Option<Signal> {
        #[cfg(target_os = "linux")]
        {
            let info = self.source.read_signal().ok().flatten()?;
            Signal::try_from(i32::try_from(info.ssi_signo).ok()?).ok()
        }
        #[cfg(not(target_os = "linux"))]
        {
            use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent};
            let (filter, flags) = (EventFilter::EVFILT_SIGNAL, EvFlags::empty());
            let mut events = [KEvent::new(0, filter, flags, FilterFlag::empty(), 0, 0)];
            let now = nix::libc::timespec {
                tv_sec: 0,
                tv_nsec: 0,
            };
            (self.source.kevent(&[], &mut events, Some(now)).ok()? > 0)
                .then(|| Signal::try_from(i32::try_from(events[0].ident()).ok()?).ok())
                .flatten()
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        #[cfg(target_os = "linux")]
        {
            self.source.as_fd()
        }
        #[cfg(not(target_os = "linux"))]
        {
            use std::os::fd::AsRawFd as _;
            // SAFETY: the queue lives as long as `self`, which the result borrows.
            unsafe { BorrowedFd::borrow_raw(self.source.as_fd().as_raw_fd()) }
        }
    }
}

/// Ignores `signals` from now on.
pub(crate) fn ignore(signals: &[Signal]) {
    let action = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    for signal in signals {
        // SAFETY: no handler is installed, so none can do anything wrong.
        let _ = unsafe { sigaction(*signal, &action) };
    }
}

/// Gives `signals` their default dispositions: a caller may have ignored SIGCHLD, with which no child
/// could be waited for. See waitpid(2).
pub(crate) fn restore_default(signals: &[Signal]) {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in signals {
        // SAFETY: as above.
        let _ = unsafe { sigaction(*signal, &action) };
    }
}

/// The exit code that tells of an end by `signal`, as a shell tells it.
pub(crate) fn exit_code(signal: Signal) -> u8 {
    128 + u8::try_from(signal as i32).unwrap_or(0)
}

/// Does what `signal`, which is blocked, would do by default: ends or stops this process. When this
/// returns it was continued, or could not be stopped, and the signal is blocked as before.
///
/// # Errors
///
/// As the system says.
pub(crate) fn suffer(signal: Signal) -> io::Result<()> {
    restore_default(&[signal]);
    let mut set = SigSet::empty();
    set.add(signal);
    nix::sys::signal::raise(signal)?; // it waits until it is let in
    set.thread_unblock()?;
    Ok(set.thread_block()?)
}

/// Unblocks everything: a caller may have blocked what we need.
pub(crate) fn unblock_all() {
    let _ = SigSet::empty().thread_set_mask();
}
