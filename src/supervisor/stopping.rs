//! Where a stop stands: TERM is sent, then KILL, then what is left is called survivors.
//!
//! Does not: signal anybody; it says when that is due.

use std::time::{Duration, Instant};

/// How often what does not die is killed again: its children come to us at times we do not see.
const KILL_AGAIN: Duration = Duration::from_millis(5);
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
            Self::No | Self::GivenUp => {
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
            Self::Killing { .. } => Some(now + KILL_AGAIN),
            Self::No | Self::GivenUp => None,
        }
    }

    /// Whether KILL is due, at `now`.
    pub(super) fn kills(&mut self, now: Instant) -> bool {
        if matches!(self, Self::Asked { until } if now >= *until) {
            *self = Self::Killing { since: now };
        }
        matches!(self, Self::Killing { .. })
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
        assert!(!stopping.kills(now) && stopping.deadline(now).is_none());
        assert_eq!(stopping.ask(now + 5 * second), Call::Anew);
        assert_eq!(stopping.ask(now + 9 * second), Call::Again);
        assert_eq!(stopping.deadline(now), Some(now + 5 * second));
        assert_eq!(stopping.ask(now + second), Call::Again);
        assert!(!stopping.kills(now));
        assert!(stopping.kills(now + second) && !stopping.gives_up(now + second));
        assert_eq!(stopping.ask(now + 9 * second), Call::Again);
        assert!(stopping.kills(now + 2 * second));
        assert!(stopping.gives_up(now + 3 * second) && !stopping.gives_up(now + 9 * second));
        assert!(!stopping.kills(now + 9 * second));
        assert_eq!(stopping.ask(now + 9 * second), Call::Anew);
        assert!(stopping.kills(now + 9 * second));
    }
}
