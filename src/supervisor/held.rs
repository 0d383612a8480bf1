//! What waits while the disk refuses: bounded, in order, and what is lost beyond is counted.
//!
//! The process is never made to wait for a full disk: a server that hangs is worse than a log with a gap
//! that says so.
//! Does not: write.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::log::Kind;

/// The most output that is kept, in bytes.
const HELD_MAX_BYTES: usize = 1024 * 1024;
/// From the first retry to the longest pause between two.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// One record that is not written yet.
pub(super) struct Waiting {
    pub(super) kind: Kind,
    pub(super) time_ns: u64,
    pub(super) payload: Vec<u8>,
}

/// The queue, and when to try again.
#[derive(Default)]
pub(super) struct Held {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    lost_bytes: u64,
    retry: Option<(Instant, Duration)>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.lost_bytes == 0
    }

    /// Keeps a record; of output, what is above the bound is lost.
    pub(super) fn push(&mut self, kind: Kind, time_ns: u64, payload: &[u8], now: Instant) {
        if self.retry.is_none() {
            self.retry = Some((now + RETRY_FIRST, RETRY_FIRST));
        }
        if kind.is_output() && self.bytes + payload.len() > HELD_MAX_BYTES {
            self.lost_bytes += payload.len() as u64;
            return;
        }
        self.bytes += payload.len();
        self.waiting.push_back(Waiting {
            kind,
            time_ns,
            payload: payload.to_vec(),
        });
    }

    /// When to try again, if anything waits.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.retry.map(|(at, _)| at)
    }

    /// Takes the first that waits.
    pub(super) fn take_first(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.bytes -= first.payload.len();
        Some(first)
    }

    /// Puts back what was taken: it could not be written.
    pub(super) fn put_back(&mut self, first: Waiting) {
        self.bytes += first.payload.len();
        self.waiting.push_front(first);
    }

    /// How much output was lost since the last gap was written.
    pub(super) fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// All is written.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The disk still refuses: try later.
    pub(super) fn back_off(&mut self, now: Instant) {
        let pause = self
            .retry
            .map_or(RETRY_FIRST, |(_, pause)| (pause * 2).min(RETRY_LONGEST));
        self.retry = Some((now + pause, pause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_above_the_bound_is_counted_and_facts_are_always_kept() {
        let (mut held, now) = (Held::default(), Instant::now());
        let half = vec![0; HELD_MAX_BYTES / 2];
        for _ in 0..3 {
            held.push(Kind::Stdout, 1, &half, now);
        }
        held.push(Kind::Exit, 2, b"{}", now);
        assert_eq!(
            (held.waiting.len(), held.lost_bytes()),
            (3, half.len() as u64)
        );
        held.take_first().unwrap();
        assert_eq!(held.bytes, half.len() + 2);
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let (mut held, now) = (Held::default(), Instant::now());
        held.push(Kind::Stdout, 1, b"x", now);
        assert_eq!(held.deadline(), Some(now + RETRY_FIRST));
        for _ in 0..10 {
            held.back_off(now);
        }
        assert_eq!(held.deadline(), Some(now + RETRY_LONGEST));
    }
}
