//! How often a stream is read: at once when something comes after a pause, then no more often than a
//! trickle of lines is worth, and as fast as it can be when much comes.
//!
//! A line that is logged by itself costs a wake-up, a seal and a write; fifty of them together cost hardly
//! more.
//! Does not: read.

use std::time::{Duration, Instant};

/// How long a trickle is left to gather: a fifth of what who follows it may wait for a line.
const NAP: Duration = Duration::from_millis(10);

/// When one stream was read, and how much that gave.
#[derive(Debug)]
pub(super) struct Pace {
    /// From so many bytes in the time of a nap on it is no trickle: its writer must not wait for us.
    much_bytes: usize,
    /// The begin of the last stretch of time as long as a nap in which something was read.
    since: Option<Instant>,
    /// What was read in that time.
    bytes: usize,
    /// Whether that was much the time before.
    was_much: bool,
    nap_until: Option<Instant>,
}

impl Pace {
    /// For a stream that holds `capacity` bytes until its writer has to wait.
    pub(super) fn of(capacity: usize) -> Self {
        Self {
            much_bytes: capacity / 2,
            since: None,
            bytes: 0,
            was_much: false,
            nap_until: None,
        }
    }

    /// Takes note of a read.
    pub(super) fn read(&mut self, bytes: usize, now: Instant) {
        let is_new = self.since.is_none_or(|since| now >= since + NAP);
        if is_new {
            self.since = Some(now);
            self.was_much = self.bytes >= self.much_bytes;
            self.bytes = 0;
        }
        self.bytes += bytes;
        let is_trickle = !self.was_much && self.bytes < self.much_bytes;
        self.nap_until = is_trickle.then_some(now + NAP);
    }

    /// Whether it was read not longer ago than a nap lasts.
    pub(super) fn is_recent(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now < since + NAP)
    }

    /// Lets it be read at once: who wants the order of two streams must look at both.
    pub(super) fn wake(&mut self) {
        self.nap_until = None;
    }

    /// Whether something may have gathered that was not read: during a nap, and until its end was asked for.
    pub(super) fn gathers(&self) -> bool {
        self.nap_until.is_some()
    }

    /// Whether a nap was over since this was last asked: what has gathered is to be read.
    pub(super) fn nap_is_over(&mut self, now: Instant) -> bool {
        self.nap_until.take_if(|until| now >= *until).is_some()
    }

    /// Until when it is left alone, if it is.
    pub(super) fn nap_until(&self, now: Instant) -> Option<Instant> {
        self.nap_until.filter(|until| now < *until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPACITY: usize = 64 * 1024;
    const MUCH_BYTES: usize = CAPACITY / 2;

    #[test]
    fn the_first_line_is_read_at_once_and_what_follows_together() {
        let begin = Instant::now();
        let mut pace = Pace::of(CAPACITY);
        assert_eq!(pace.nap_until(begin), None);
        for round in 0..3 {
            let now = begin + NAP * round;
            assert_eq!(pace.nap_until(now), None);
            assert_eq!(pace.nap_is_over(now), round > 0);
            assert!(!pace.nap_is_over(now), "it is over once");
            pace.read(100, now);
            assert_eq!(pace.nap_until(now), Some(now + NAP));
            assert!(!pace.nap_is_over(now));
        }
        let later = begin + Duration::from_secs(9);
        assert_eq!(pace.nap_until(later), None, "a pause ends it");
    }

    #[test]
    fn who_writes_much_is_not_left_to_wait() {
        let begin = Instant::now();
        let mut pace = Pace::of(CAPACITY);
        pace.read(100, begin);
        let mut now = begin + NAP;
        pace.read(MUCH_BYTES, now); // its pipe filled meanwhile
        assert_eq!(pace.nap_until(now), None);
        for _ in 0..100 {
            now += Duration::from_micros(100);
            pace.read(200, now);
            assert_eq!(pace.nap_until(now), None, "little at a time, but much");
            pace.read(MUCH_BYTES / 40, now);
        }
        for _ in 0..3 {
            now += NAP;
            pace.read(100, now);
        }
        assert!(pace.nap_until(now).is_some(), "a trickle again");
    }
}
