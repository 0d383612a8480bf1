//! How often one process may raise what repeats: a few times at once, in the long run every 2 s.
//!
//! Does not: count what is held back.

use std::time::{Duration, Instant};

/// In the long run, one in so much time.
const EVERY: Duration = Duration::from_secs(2);
/// After a long silence so many at once.
const BURST: u32 = 4;

/// What was raised lately.
#[derive(Default)]
pub(super) struct Pace {
    /// When all that was raised is paid for, at one in [`EVERY`].
    paid_at: Option<Instant>,
}

impl Pace {
    /// Whether another may be raised at `now`; it counts as raised then.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        let allowed = self.next().is_none_or(|next| now >= next);
        if allowed {
            self.paid_at = Some(self.paid_at.map_or(now, |at| at.max(now)) + EVERY);
        }
        allowed
    }

    /// When the next may be raised; `None` or the past for now.
    pub(super) fn next(&self) -> Option<Instant> {
        self.paid_at?.checked_sub(EVERY * (BURST - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_at_once_and_then_one_every_two_seconds() {
        let begin = Instant::now() + Duration::from_secs(3600);
        let mut pace = Pace::default();
        let raised: Vec<u32> = (0..600)
            .filter(|tenth| pace.allows(begin + Duration::from_millis(100) * *tenth))
            .collect();
        assert_eq!(raised[..6], [0, 1, 2, 3, 20, 40]);
        assert_eq!(raised.len(), 4 + 29);
        let later = begin + Duration::from_secs(600);
        assert!(pace.next().unwrap() < later);
        assert_eq!((0..10).filter(|_| pace.allows(later)).count(), 4);
    }
}
