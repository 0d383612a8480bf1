//! The process with which ours ends, if there is one: held by a descriptor in the poll set, so that its
//! end wakes us and its number cannot come to mean another process.
//!
//! Where the system has no such descriptor, it is looked at each second.
//! Does not: signal it, or stop anything.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::model::lifetime::Owner as Asked;
use crate::sys::pidfd::PidFd;
use crate::sys::proc;

/// How often is looked where no descriptor tells.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A process whose end is waited for.
pub(super) enum Owner {
    Held(PidFd),
    /// Looked at when this time has come.
    Seen {
        asked: Asked,
        again: Instant,
    },
    Gone,
}

impl Owner {
    /// Finds the process that was `asked` for. One that has ended since is gone.
    pub(super) fn find(asked: Asked, now: Instant) -> Self {
        Self::found(asked, PidFd::open(asked.pid).ok(), now)
    }

    /// Looked at after it is `held`, if it is: it is the one that was meant.
    fn found(asked: Asked, held: Option<PidFd>, now: Instant) -> Self {
        match held {
            _ if !lives(asked) => Self::Gone,
            Some(held) if held.fd().is_some() => Self::Held(held),
            _ => Self::Seen {
                asked,
                again: now + LOOK_AGAIN,
            },
        }
    }

    /// What to poll: readable when it has ended.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Held(held) => held.fd(),
            Self::Seen { .. } | Self::Gone => None,
        }
    }

    /// When [`has_ended`](Self::has_ended) is to be asked though nothing woke us.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        match self {
            Self::Held(_) => None,
            Self::Seen { again, .. } => Some(*again),
            Self::Gone => Some(now),
        }
    }

    /// Whether it has ended; `woken` tells whether its descriptor is readable.
    pub(super) fn has_ended(&mut self, woken: bool, now: Instant) -> bool {
        match self {
            Self::Held(_) => woken,
            Self::Seen { asked, again } if now >= *again => {
                *again = now + LOOK_AGAIN;
                !lives(*asked)
            }
            Self::Seen { .. } => false,
            Self::Gone => true,
        }
    }
}

/// Whether it lives, as far as can be seen: who cannot be looked at now, as with no descriptor left, is not gone.
fn lives(asked: Asked) -> bool {
    proc::try_stat(asked.pid).map_or(true, |found| {
        found.is_some_and(|stat| stat.start == asked.start && !stat.is_zombie())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_end_is_seen_with_and_without_a_descriptor() {
        for holds in [true, false] {
            let mut child = std::process::Command::new("sleep")
                .arg("60")
                .spawn()
                .unwrap();
            let pid = child.id().cast_signed();
            let start = proc::stat(pid).unwrap().start;
            let asked = Asked { pid, start };
            let now = Instant::now();
            let held = PidFd::open(pid).ok().filter(|_| holds);
            let mut owner = Owner::found(asked, held, now);
            assert!(!owner.has_ended(false, now + LOOK_AGAIN));
            let polls = cfg!(not(target_os = "linux")) || !holds;
            assert_eq!(owner.deadline(now).is_some(), polls);
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(owner.has_ended(owner.fd().is_some(), now + 2 * LOOK_AGAIN));
            assert!(matches!(Owner::find(asked, now), Owner::Gone));
        }
    }

    #[test]
    fn another_process_of_its_number_is_not_the_one() {
        let pid = std::process::id().cast_signed();
        let start = proc::stat(pid).unwrap().start + 1;
        let found = Owner::find(Asked { pid, start }, Instant::now());
        assert!(matches!(found, Owner::Gone));
    }
}
