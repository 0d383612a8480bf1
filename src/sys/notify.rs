//! Waking up when something changes in a directory: inotify(7) on Linux, and nothing elsewhere, where
//! who waits just polls.
//!
//! To give up a watch takes the kernel many milliseconds (it waits until no processor looks at it), so none is
//! made until somebody has looked once and found that there is something to wait for.
//! Does not: tell what changed. Who is woken looks for himself, and polls besides.

#[cfg(target_os = "linux")]
use std::cell::OnceCell;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
#[cfg(target_os = "linux")]
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

/// Something to wait on.
pub(crate) struct Notifier {
    paths: Vec<PathBuf>,
    /// Made by the first wait; `None` where it cannot be had.
    #[cfg(target_os = "linux")]
    inotify: OnceCell<Option<Inotify>>,
}

impl Notifier {
    /// Watches `paths` for files written, closed after writing, made, moved and removed, from the first
    /// wait on: that one returns at once, so that its caller looks again. Where that cannot be had
    /// (`EMFILE`, another system) it only measures time.
    pub(crate) fn watch(paths: &[&Path]) -> Self {
        Self {
            paths: paths.iter().map(|path| path.to_path_buf()).collect(),
            #[cfg(target_os = "linux")]
            inotify: OnceCell::new(),
        }
    }

    /// Begins to watch if it does not yet, and has something to: whether it has just begun.
    fn begin(&self) -> bool {
        #[cfg(target_os = "linux")]
        if self.inotify.get().is_none() {
            let begun = self.inotify.get_or_init(|| begin(&self.paths));
            return begun.is_some() && !self.paths.is_empty();
        }
        false
    }

    /// Whether changes wake, as far as is known; else only time does.
    pub(crate) fn wakes(&self) -> bool {
        #[cfg(target_os = "linux")]
        {
            self.inotify.get().is_none_or(Option::is_some)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = &self.paths;
            false
        }
    }

    /// Waits until something has changed, one of `others` is as it is waited for or at its end, or `limit`
    /// is over.
    pub(crate) fn wait_for(&self, limit: Duration, others: &[(BorrowedFd, Interest)]) {
        if self.begin() {
            return;
        }
        let mut fds: Vec<PollFd> = others
            .iter()
            .map(|(fd, interest)| PollFd::new(*fd, interest.flags()))
            .collect();
        fds.extend(self.source().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        let _ = poll(&mut fds, timeout(limit)); // EINTR: the caller looks and comes again
        self.forget();
    }

    /// Takes note that all that has changed will be looked at.
    fn forget(&self) {
        #[cfg(target_os = "linux")]
        if let Some(Some(inotify)) = self.inotify.get() {
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
        if self.begin() {
            return true;
        }
        let mut fds: Vec<PollFd> = others
            .iter()
            .map(|fd| PollFd::new(*fd, PollFlags::empty()))
            .collect();
        fds.extend(waker.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        fds.extend(self.source().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
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
        self.inotify.get()?.as_ref().map(AsFd::as_fd)
    }

    #[cfg(not(target_os = "linux"))]
    fn source(&self) -> Option<BorrowedFd<'_>> {
        let _ = self;
        None
    }
}

#[cfg(target_os = "linux")]
fn begin(paths: &[PathBuf]) -> Option<Inotify> {
    let events = AddWatchFlags::IN_MODIFY
        | AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVED_TO;
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
    let watched = |path: &PathBuf| inotify.add_watch(path, events).is_ok();
    paths.iter().all(watched).then_some(inotify)
}

/// Waits until one of `notifiers` has seen a change, one of `inputs` is readable or closed, or `limit` is
/// over. Which of the notifiers, and which of the inputs.
pub(crate) fn wait_any<const N: usize>(
    notifiers: &[&Notifier],
    inputs: [BorrowedFd; N],
    limit: Duration,
) -> (Vec<bool>, [bool; N]) {
    let begun: Vec<bool> = notifiers.iter().map(|notifier| notifier.begin()).collect();
    if begun.contains(&true) {
        return (begun, [false; N]);
    }
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
    which_readable(&[fd.as_fd()], limit) == [true]
}

/// Waits until some of `fds` are readable or closed, or `limit` is over; says which are.
pub(crate) fn which_readable(fds: &[BorrowedFd], limit: Duration) -> Vec<bool> {
    let mut fds: Vec<PollFd> = fds
        .iter()
        .map(|fd| PollFd::new(*fd, PollFlags::POLLIN))
        .collect();
    let polled = poll(&mut fds, timeout(limit)).is_ok(); // else EINTR: the caller comes again
    fds.iter()
        .map(|fd| polled && fd.any() == Some(true))
        .collect()
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::testing::TempDir;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_wait_begins_to_watch_and_the_next_is_woken() {
        let temp = TempDir::new();
        let notifier = Notifier::watch(&[temp.path()]);
        let begun = Instant::now();
        assert!(notifier.wait(LONG, &[]), "it waited for what came before");
        if notifier.wakes() {
            std::fs::write(temp.path().join("file"), b"changed").unwrap();
            assert!(notifier.wait(LONG, &[]));
            let (changed, []) = wait_any(&[&notifier], [], Duration::ZERO);
            assert_eq!(changed, [false], "a change was told twice");
        }
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn with_nothing_to_watch_it_measures_time() {
        let limit = Duration::from_millis(1);
        let begun = Instant::now();
        assert!(Notifier::watch(&[]).wait(limit, &[]));
        assert!(begun.elapsed() >= limit);
    }
}
