//! Where a stop stands: TERM is sent, then KILL, then what is left is called survivors. When one of these
//! ends after all, the others are killed once more.
//!
//! Does not: signal anybody; it says when that is due.

use std::time::{Duration, Instant};

/// How often what does not die is killed again: its children come to us at times we do not see.
const KILL_AGAIN: Duration = Duration::from_millis(5);
/// How long our children may take to die before what is below them is killed past them: one that refuses, or
/// that waits in the kernel, keeps its children for itself.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long KILL may take before what is left is called survivors. A process in an uninterruptible
/// call, or another user's, does not die.
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// Where a stop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stopping {
    No,
    /// TERM is sent; KILL follows at this time.
    Asked {
        until: Instant,
    },
    /// KILL is being sent, since this time.
    Killing {
        since: Instant,
    },
    /// What is left could not be killed; it is waited for.
    GivenUp,
    /// As that, and one of it has ended: whom it kept for itself has come to us, and is killed.
    Bereft,
}

/// Who is sent KILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kill {
    Nobody,
    /// Our own children.
    Children,
    /// They, and what is below them.
    Tree,
}

/// Whether something is asked for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Anew,
    Again,
}

impl Stopping {
    /// Asks for a stop, with KILL at `until`. Asking again can only make that time earlier.
    pub(super) fn ask(&mut self, until: Instant) -> Call {
        match self {
            Self::No | Self::GivenUp | Self::Bereft => {
                *self = Self::Asked { until };
                Call::Anew
            }
            Self::Asked { until: earlier } => {
                *earlier = until.min(*earlier);
                Call::Again
            }
            Self::Killing { .. } => Call::Again,
        }
    }

    /// The next time at which something is due.
    pub(super) fn deadline(self, now: Instant) -> Option<Instant> {
        match self {
            Self::Asked { until } => Some(until),
            Self::Killing { .. } | Self::Bereft => Some(now + KILL_AGAIN),
            Self::No | Self::GivenUp => None,
        }
    }

    /// Takes note that a child has changed: it may have ended, so that its children are ours.
    pub(super) fn child_changed(&mut self) {
        if *self == Self::GivenUp {
            *self = Self::Bereft;
        }
    }

    /// Who is to be sent KILL, at `now`.
    pub(super) fn kills(&mut self, now: Instant) -> Kill {
        match *self {
            Self::Asked { until } if now >= until => {
                *self = Self::Killing { since: now };
                Kill::Children
            }
            Self::Killing { since } if now < since + PATIENCE => Kill::Children,
            Self::Killing { .. } => Kill::Tree,
            Self::Bereft => {
                *self = Self::GivenUp; // until the next one ends
                Kill::Tree
            }
            Self::No | Self::Asked { .. } | Self::GivenUp => Kill::Nobody,
        }
    }

    /// Whether KILL has been sent for so long that what is left will not die. Says so once.
    pub(super) fn gives_up(&mut self, now: Instant) -> bool {
        let over = matches!(self, Self::Killing { since } if now >= *since + KILL_LIMIT);
        if over {
            *self = Self::GivenUp;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_goes_from_term_to_kill_to_survivors_and_can_be_asked_for_again() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut stopping = Stopping::No;
        stopping.child_changed();
        assert_eq!(stopping.kills(now), Kill::Nobody);
        assert_eq!(stopping.deadline(now), None);
        assert_eq!(stopping.ask(now + 5 * second), Call::Anew);
        assert_eq!(stopping.ask(now + 9 * second), Call::Again);
        assert_eq!(stopping.deadline(now), Some(now + 5 * second));
        assert_eq!(stopping.ask(now + second), Call::Again);
        assert_eq!(stopping.kills(now), Kill::Nobody);
        assert_eq!(stopping.kills(now + second), Kill::Children);
        assert!(!stopping.gives_up(now + second));
        assert_eq!(stopping.ask(now + 9 * second), Call::Again);
        assert_eq!(stopping.kills(now + 2 * second), Kill::Tree);
        assert!(stopping.gives_up(now + 3 * second) && !stopping.gives_up(now + 9 * second));
        assert_eq!(stopping.kills(now + 9 * second), Kill::Nobody);
        assert_eq!(stopping.ask(now + 9 * second), Call::Anew);
        assert_eq!(stopping.kills(now + 9 * second), Kill::Children);
    }

    #[test]
    fn what_does_not_die_keeps_nobody_from_kill() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut stopping = Stopping::Killing { since: now };
        stopping.child_changed();
        assert_eq!(stopping.kills(now), Kill::Children);
        assert_eq!(stopping.kills(now + PATIENCE), Kill::Tree);
        assert!(stopping.gives_up(now + KILL_LIMIT));
        // One ends after all: once more, and again as long as others end of that.
        for _ in 0..3 {
            assert_eq!(stopping.deadline(now), None);
            stopping.child_changed();
            stopping.child_changed();
            assert!(stopping.deadline(now + 9 * second).is_some());
            assert_eq!(stopping.kills(now + 9 * second), Kill::Tree);
            assert_eq!(stopping.kills(now + 9 * second), Kill::Nobody);
            assert!(!stopping.gives_up(now + 9 * second), "it is said once");
        }
        stopping.child_changed();
        assert_eq!(stopping.ask(now), Call::Anew);
    }
}
