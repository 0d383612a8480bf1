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
/// What a record costs besides its bytes.
const RECORD_BYTES: usize = 64;
/// From the first retry to the longest pause between two.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// One record that is not written yet.
pub(super) struct Waiting {
    pub(super) kind: Kind,
    pub(super) time_ns: u64,
    pub(super) payload: Vec<u8>,
    /// How much output was lost in its place: it is a gap then, and has no payload.
    pub(super) lost_bytes: u64,
}

impl Waiting {
    fn cost(&self) -> usize {
        if self.lost_bytes > 0 {
            0 // there is at most one behind each that costs something
        } else {
            self.payload.len() + RECORD_BYTES
        }
    }
}

/// The queue, and when to try again.
#[derive(Default)]
pub(super) struct Held {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    retry: Option<(Instant, Duration)>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Keeps a record; of output, what is above the bound is lost, and a gap takes its place.
    pub(super) fn push(&mut self, kind: Kind, time_ns: u64, payload: &[u8], now: Instant) {
        if self.retry.is_none() {
            self.retry = Some((now + RETRY_FIRST, RETRY_FIRST));
        }
        let cost = payload.len() + RECORD_BYTES;
        if kind.is_output() && self.bytes + cost > HELD_MAX_BYTES {
            let lost_bytes = payload.len() as u64;
            match self.waiting.back_mut() {
                Some(gap) if gap.lost_bytes > 0 => gap.lost_bytes += lost_bytes,
                _ => self.waiting.push_back(Waiting {
                    kind: Kind::Gap,
                    time_ns,
                    payload: Vec::new(),
                    lost_bytes,
                }),
            }
            return;
        }
        self.bytes += cost;
        self.waiting.push_back(Waiting {
            kind,
            time_ns,
            payload: payload.to_vec(),
            lost_bytes: 0,
        });
    }

    /// When to try again, if anything waits.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.retry.map(|(at, _)| at)
    }

    /// Takes the first that waits.
    pub(super) fn take_first(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.bytes -= first.cost();
        Some(first)
    }

    /// Puts back what was taken: it could not be written.
    pub(super) fn put_back(&mut self, first: Waiting) {
        self.bytes += first.cost();
        self.waiting.push_front(first);
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
        held.push(Kind::Stdout, 3, b"fits", now);
        let told: Vec<(Kind, u64)> = std::iter::from_fn(|| held.take_first())
            .map(|waiting| (waiting.kind, waiting.lost_bytes))
            .collect();
        // The gap stands where the output would have stood.
        let lost = 2 * half.len() as u64;
        let expected = [
            (Kind::Stdout, 0),
            (Kind::Gap, lost),
            (Kind::Exit, 0),
            (Kind::Stdout, 0),
        ];
        assert_eq!(told, expected);
        assert_eq!(held.bytes, 0);
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
