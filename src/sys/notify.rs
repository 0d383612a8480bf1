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
    /// Made by the first wait; `None` where there is nothing to watch, or nothing of it can be watched.
    #[cfg(target_os = "linux")]
    watch: OnceCell<Option<Watch>>,
}

/// What is watched.
#[cfg(target_os = "linux")]
struct Watch {
    inotify: Inotify,
    /// Each of the paths is; else what can be watched wakes, and time has to do for the rest.
    is_whole: bool,
}

impl Notifier {
    /// Watches `paths` for files written, closed after writing, made, moved and removed, from the first
    /// wait on: that one returns at once, so that its caller looks again, and knows from then on whether
    /// changes wake. Where that cannot be had (`EMFILE`, another system) it only measures time.
    pub(crate) fn watch(paths: &[&Path]) -> Self {
        Self {
            paths: paths.iter().map(|path| path.to_path_buf()).collect(),
            #[cfg(target_os = "linux")]
            watch: if paths.is_empty() {
                OnceCell::from(None)
            } else {
                OnceCell::new()
            },
        }
    }

    /// Begins to watch, if that was not tried before: whether it was tried now, be it in vain.
    fn begin(&self) -> bool {
        #[cfg(target_os = "linux")]
        if self.watch.get().is_none() {
            self.watch.get_or_init(|| begin(&self.paths));
            return true;
        }
        false
    }

    /// Whether changes wake, all of them; else time has to. Before the first wait it is what is hoped for.
    pub(crate) fn wakes(&self) -> bool {
        #[cfg(target_os = "linux")]
        {
            let is_whole = |had: &Option<Watch>| had.as_ref().is_some_and(|watch| watch.is_whole);
            self.watch.get().is_none_or(is_whole)
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
            return; // also in vain: who chose `limit` hoped to be woken
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
        if let Some(Some(watch)) = self.watch.get() {
            let read = || watch.inotify.read_events();
            while read().is_ok_and(|events| !events.is_empty()) {}
        }
    }

    /// Waits until something has changed, nobody is left at the other end of one of `others`, or
    /// `limit` is over. Whether somebody is still there.
    pub(crate) fn wait(&self, limit: Duration, others: &[BorrowedFd]) -> bool {
        if self.begin() {
            return true; // also in vain: who chose `limit` hoped to be woken
        }
        self.wait_or(limit, None, others)
    }

    /// The same, and `waker` wakes too, when it is readable. For who has one `limit` whether changes wake
    /// or not, and tries anew to watch after each: the first wait returns at once only when it watches.
    pub(crate) fn wait_or(
        &self,
        limit: Duration,
        waker: Option<BorrowedFd>,
        others: &[BorrowedFd],
    ) -> bool {
        if self.begin() && self.source().is_some() {
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
        let watch = self.watch.get()?.as_ref()?;
        Some(watch.inotify.as_fd())
    }

    #[cfg(not(target_os = "linux"))]
    fn source(&self) -> Option<BorrowedFd<'_>> {
        let _ = self;
        None
    }
}

#[cfg(target_os = "linux")]
fn begin(paths: &[PathBuf]) -> Option<Watch> {
    let events = AddWatchFlags::IN_MODIFY
        | AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVED_TO;
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
    let watched = |path: &&PathBuf| inotify.add_watch(*path, events).is_ok();
    let count = paths.iter().filter(watched).count();
    (count > 0).then_some(Watch {
        inotify,
        is_whole: count == paths.len(),
    })
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

/// For a wait that only a descriptor ends.
pub(crate) const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

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
    use crate::testing::{TempDir, passed_over};

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
        } else {
            passed_over("nothing can be watched here");
        }
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn with_nothing_to_watch_it_measures_time() {
        let limit = Duration::from_millis(1);
        let begun = Instant::now();
        let notifier = Notifier::watch(&[]);
        assert!(!notifier.wakes());
        assert!(notifier.wait(limit, &[]));
        assert!(begun.elapsed() >= limit);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_cannot_be_watched_is_known_after_a_first_wait_that_does_not_wait() {
        let temp = TempDir::new();
        let nowhere = temp.path().join("nowhere");
        let begun = Instant::now();

        let notifier = Notifier::watch(&[&nowhere]);
        assert!(notifier.wait(LONG, &[]));
        assert!(!notifier.wakes());
        let limit = Duration::from_millis(1);
        let waiting = Instant::now();
        assert!(notifier.wait(limit, &[]));
        assert!(waiting.elapsed() >= limit, "the next one waits");

        let notifier = Notifier::watch(&[&nowhere]);
        notifier.wait_for(LONG, &[]);
        assert!(!notifier.wakes());

        let notifier = Notifier::watch(&[&nowhere]);
        let (looks_again, []) = wait_any(&[&notifier], [], LONG);
        assert_eq!((looks_again, notifier.wakes()), (vec![true], false));
        let (changed, []) = wait_any(&[&notifier], [], Duration::ZERO);
        assert_eq!(changed, [false]);
        assert!(begun.elapsed() < LONG);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn who_tries_anew_after_each_wait_naps_in_between() {
        let temp = TempDir::new();
        let limit = Duration::from_millis(1);
        let begun = Instant::now();
        for _ in 0..3 {
            let notifier = Notifier::watch(&[&temp.path().join("nowhere")]);
            assert!(notifier.wait_or(limit, None, &[]));
            assert!(!notifier.wakes());
        }
        assert!(begun.elapsed() >= 3 * limit);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn one_path_that_cannot_be_watched_does_not_take_the_others_along() {
        let temp = TempDir::new();
        let begun = Instant::now();
        let whole = Notifier::watch(&[temp.path()]);
        let part = Notifier::watch(&[&temp.path().join("nowhere"), temp.path()]);
        assert!(whole.wait(LONG, &[]) && part.wait(LONG, &[]));
        assert!(!part.wakes(), "not for all of it");
        if whole.wakes() {
            std::fs::write(temp.path().join("file"), b"changed").unwrap();
            let (changed, []) = wait_any(&[&part], [], LONG);
            assert_eq!(changed, [true]);
        } else {
            passed_over("nothing can be watched here");
        }
        assert!(begun.elapsed() < LONG);
    }
}
