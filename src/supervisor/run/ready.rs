//! One poll over all that a supervisor waits for.
//!
//! Does not: read, or do anything about it.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Supervisor;
use crate::supervisor::owner::Owner;
use crate::supervisor::streams::STREAMS;
use crate::sys::notify;

/// What a poll found.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each descriptor")]
pub(super) struct Ready {
    pub(super) signals: bool,
    pub(super) caller: bool,
    pub(super) listener: bool,
    pub(super) owner: bool,
    pub(super) streams: [bool; STREAMS],
    pub(super) peers: Vec<usize>,
}

impl Supervisor {
    /// Waits until something is ready or a deadline is reached.
    pub(super) fn wait(&self, caller: Option<&UnixStream>) -> Ready {
        let now = Instant::now();
        let mut fds = Vec::with_capacity(8);
        let mut add = |fd, flags| fds.push(PollFd::new(fd, flags));
        add(self.signals.as_fd(), PollFlags::POLLIN);
        let listener = self.peers.listening();
        let owner = self.owner.as_ref().and_then(Owner::fd);
        for fd in [caller.map(AsFd::as_fd), listener, owner]
            .into_iter()
            .flatten()
        {
            add(fd, PollFlags::POLLIN);
        }
        for (fd, flags) in self.streams.fds(now) {
            add(fd, flags);
        }
        for peer in &self.peers.connected {
            let out = if peer.wants_to_write() {
                PollFlags::POLLOUT
            } else {
                PollFlags::empty()
            };
            add(peer.as_fd(), PollFlags::POLLIN | out);
        }
        if let Some(stdin) = self.input.waits_for_room() {
            add(stdin, PollFlags::POLLOUT); // the last: it only wakes
        }
        let limit = self.deadline(now).map_or(PollTimeout::NONE, |deadline| {
            notify::timeout(deadline.saturating_duration_since(now))
        });
        if poll(&mut fds, limit).is_err() {
            return Ready::default(); // EINTR, or no memory for a moment: looked at again
        }
        // POLLHUP and POLLERR count: a pipe at its end has nothing else.
        let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(false));
        let mut next = || ready.next().unwrap_or(false);
        let signals = next();
        let caller = caller.is_some() && next();
        let listener = listener.is_some() && next();
        let owner = owner.is_some() && next();
        let mut streams = [false; STREAMS];
        for (ready, _) in streams.iter_mut().zip(self.streams.fds(now)) {
            *ready = next();
        }
        Ready {
            signals,
            caller,
            listener,
            owner,
            streams,
            peers: (0..self.peers.connected.len()).filter(|_| next()).collect(),
        }
    }
}
