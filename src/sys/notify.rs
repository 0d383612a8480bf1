//! Waking up when something changes in a directory: inotify(7) on Linux, and nothing elsewhere, where
//! who waits just polls.
//!
//! Does not: tell what changed. Who is woken looks for himself, and polls besides.

use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Something to wait on.
pub(crate) struct Notifier {
    #[cfg(target_os = "linux")]
    inotify: Option<nix::sys::inotify::Inotify>,
}

impl Notifier {
    /// Watches `directories` for files written, closed after writing, made, moved and removed. Where
    /// that cannot be had (`EMFILE`, another system) it only measures time.
    pub(crate) fn watch(directories: &[&Path]) -> Self {
        #[cfg(target_os = "linux")]
        {
            use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
            let events = AddWatchFlags::IN_MODIFY
                | AddWatchFlags::IN_CLOSE_WRITE
                | AddWatchFlags::IN_CREATE
                | AddWatchFlags::IN_DELETE
                | AddWatchFlags::IN_MOVED_TO;
            let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)
                .ok()
                .filter(|inotify| {
                    directories
                        .iter()
                        .all(|path| inotify.add_watch(*path, events).is_ok())
                });
            Self { inotify }
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = directories;
            Self {}
        }
    }

    /// Whether changes wake; else only time does.
    pub(crate) fn wakes(&self) -> bool {
        #[cfg(target_os = "linux")]
        {
            self.inotify.is_some()
        }
        #[cfg(not(target_os = "linux"))]
        {
            false
        }
    }

    /// Waits until something has changed, one of `others` is as it is waited for or at its end, or `limit`
    /// is over.
    pub(crate) fn wait_for(&self, limit: Duration, others: &[(BorrowedFd, Interest)]) {
        let mut fds: Vec<PollFd> = others
            .iter()
            .map(|(fd, interest)| PollFd::new(*fd, interest.flags()))
            .collect();
        #[cfg(target_os = "linux")]
        if let Some(inotify) = &self.inotify {
            fds.push(PollFd::new(inotify.as_fd(), PollFlags::POLLIN));
        }
        let _ = poll(&mut fds, timeout(limit)); // EINTR: the caller looks and comes again
        self.forget();
    }

    /// Takes note that all that has changed will be looked at.
    fn forget(&self) {
        #[cfg(target_os = "linux")]
        if let Some(inotify) = &self.inotify {
            while inotify.read_events().is_ok_and(|events| !events.is_empty()) {}
        }
    }

    /// Waits until something has changed, nobody is left at the other end of one of `others`, or
    /// `limit` is over. Whether somebody is still there.
    pub(crate) fn wait(&self, limit: Duration, others: &[BorrowedFd]) -> bool {
        self.wait_or(limit, None, others)
    }

    /// The same, and `waker` wakes too, when it is readable.
    pub(crate) fn wait_or(
        &self,
        limit: Duration,
        waker: Option<BorrowedFd>,
        others: &[BorrowedFd],
    ) -> bool {
        let mut fds: Vec<PollFd> = others
            .iter()
            .map(|fd| PollFd::new(*fd, PollFlags::empty()))
            .collect();
        fds.extend(waker.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        #[cfg(target_os = "linux")]
        if let Some(inotify) = &self.inotify {
            fds.push(PollFd::new(inotify.as_fd(), PollFlags::POLLIN));
        }
        let _ = poll(&mut fds, timeout(limit)); // EINTR: the caller looks and comes again
        self.forget();
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
        !fds[..others.len()]
            .iter()
            .filter_map(PollFd::revents)
            .any(|seen| seen.intersects(gone))
    }
}

impl Notifier {
    /// What is readable when something has changed.
    #[cfg(target_os = "linux")]
    fn source(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    #[cfg(not(target_os = "linux"))]
    fn source(&self) -> Option<BorrowedFd<'_>> {
        let _ = self;
        None
    }
}

/// Waits until one of `notifiers` has seen a change, one of `inputs` is readable or closed, or `limit` is
/// over. Which of the notifiers, and which of the inputs.
pub(crate) fn wait_any<const N: usize>(
    notifiers: &[&Notifier],
    inputs: [BorrowedFd; N],
    limit: Duration,
) -> (Vec<bool>, [bool; N]) {
    let mut fds: Vec<PollFd> = inputs
        .iter()
        .copied()
        .chain(notifiers.iter().filter_map(|notifier| notifier.source()))
        .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
        .collect();
    if poll(&mut fds, timeout(limit)).is_err() {
        return (vec![false; notifiers.len()], [false; N]); // EINTR: the caller comes again
    }
    let seen: Vec<bool> = fds.iter().map(|fd| fd.any() == Some(true)).collect();
    let mut seen_by = seen[N..].iter();
    let changed = notifiers
        .iter()
        .map(|notifier| {
            let changed = notifier.source().is_some() && seen_by.next() == Some(&true);
            if changed {
                notifier.forget();
            }
            changed
        })
        .collect();
    (changed, std::array::from_fn(|at| seen[at]))
}

/// What of a descriptor is waited for, beside its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    None,
    Read,
    Write,
    Both,
}

impl Interest {
    fn flags(self) -> PollFlags {
        match self {
            Self::None => PollFlags::empty(),
            Self::Read => PollFlags::POLLIN,
            Self::Write => PollFlags::POLLOUT,
            Self::Both => PollFlags::POLLIN | PollFlags::POLLOUT,
        }
    }
}

/// `limit` for poll(2), rounded up to whole milliseconds so that nobody spins before a deadline.
pub(crate) fn timeout(limit: Duration) -> PollTimeout {
    let ms = limit.as_nanos().div_ceil(1_000_000);
    PollTimeout::try_from(i32::try_from(ms).unwrap_or(i32::MAX)).unwrap_or(PollTimeout::MAX)
}

/// Waits until `fd` is readable or closed, or `limit` is over; says whether it is.
pub(crate) fn readable(fd: impl AsFd, limit: Duration) -> bool {
    let mut fds = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    poll(&mut fds, timeout(limit)).is_ok_and(|count| count > 0)
}

/// Waits until `source` is readable, `sink` has room or nobody reads it, or `limit` is over; says which of the
/// two is so.
pub(crate) fn either(source: impl AsFd, sink: Option<BorrowedFd>, limit: Duration) -> (bool, bool) {
    let mut fds = vec![PollFd::new(source.as_fd(), PollFlags::POLLIN)];
    fds.extend(sink.map(|fd| PollFd::new(fd, PollFlags::POLLOUT)));
    if poll(&mut fds, timeout(limit)).is_err() {
        return (false, false); // EINTR: the caller looks and comes again
    }
    let ready = |index: usize| fds.get(index).and_then(PollFd::any).unwrap_or(false);
    (ready(0), ready(1))
}
