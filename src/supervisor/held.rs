//! What waits while the disk refuses: bounded, in order, and what is lost beyond is counted.
//!
//! The process is never made to wait for a full disk: a server that hangs is worse than a log with a gap
//! that says so.
//! Does not: write.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::log::Kind;
use crate::model::facts::Lost;

/// The most that is kept before output is lost, in bytes.
const OUTPUT_MAX_BYTES: usize = 1024 * 1024;
/// The most that is kept before facts are lost too: alerts, runs that ended and were begun, settings.
const FACTS_MAX_BYTES: usize = OUTPUT_MAX_BYTES + 512 * 1024;
/// What a record costs besides its bytes.
const RECORD_BYTES: usize = 64;
/// From the first retry to the longest pause between two.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(2);

/// What is not written yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) time_ns: u64,
    pub(super) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum What {
    Record { kind: Kind, payload: Vec<u8> },
    Lost(Lost),
}

/// A record that could not be written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) kind: Kind,
    pub(super) time_ns: u64,
    pub(super) payload: &'a [u8],
}

/// How long a record is kept while more and more wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    UpToABound,
    /// There is one such record, the end of the process.
    Always,
}

impl Waiting {
    fn cost(&self) -> usize {
        match &self.what {
            What::Record { payload, .. } => payload.len() + RECORD_BYTES,
            What::Lost(_) => 0, // there is at most one behind each that costs something
        }
    }
}

/// The queue, and when to try again.
#[derive(Default)]
pub(super) struct Held {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Whether something is lost since all was written.
    has_lost: bool,
    retry: Option<(Instant, Duration)>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether something is lost since all was written.
    pub(super) fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// Keeps a record; what is above its bound is lost, and a gap takes its place.
    pub(super) fn push(&mut self, record: Record, keep: Keep, now: Instant) {
        if self.retry.is_none() {
            self.retry = Some((now + RETRY_FIRST, RETRY_FIRST));
        }
        let Record {
            kind,
            time_ns,
            payload,
        } = record;
        let (bound, lost) = if kind.is_output() {
            (
                OUTPUT_MAX_BYTES,
                Lost {
                    bytes: payload.len() as u64,
                    facts: 0,
                },
            )
        } else {
            (FACTS_MAX_BYTES, Lost { bytes: 0, facts: 1 })
        };
        let cost = payload.len() + RECORD_BYTES;
        if keep == Keep::UpToABound && self.bytes + cost > bound {
            self.lose(lost, time_ns);
            return;
        }
        self.bytes += cost;
        let payload = payload.to_vec();
        let what = What::Record { kind, payload };
        self.waiting.push_back(Waiting { time_ns, what });
    }

    fn lose(&mut self, lost: Lost, time_ns: u64) {
        self.has_lost = true;
        if let Some(Waiting {
            what: What::Lost(gap),
            ..
        }) = self.waiting.back_mut()
        {
            gap.bytes += lost.bytes;
            gap.facts += lost.facts;
        } else {
            let what = What::Lost(lost);
            self.waiting.push_back(Waiting { time_ns, what });
        }
    }

    /// What would be lost if nothing of it could be written any more.
    pub(super) fn lost(&self) -> Lost {
        let mut all = Lost::default();
        for waiting in &self.waiting {
            match &waiting.what {
                What::Record { kind, payload } if kind.is_output() => {
                    all.bytes += payload.len() as u64;
                }
                What::Record { .. } => all.facts += 1,
                What::Lost(lost) => {
                    all.bytes += lost.bytes;
                    all.facts += lost.facts;
                }
            }
        }
        all
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

    fn record(kind: Kind, payload: &[u8]) -> Record<'_> {
        Record {
            kind,
            time_ns: 1,
            payload,
        }
    }

    fn told(held: &mut Held) -> Vec<Result<Kind, Lost>> {
        let all = std::iter::from_fn(|| held.take_first());
        all.map(|waiting| match waiting.what {
            What::Record { kind, .. } => Ok(kind),
            What::Lost(lost) => Err(lost),
        })
        .collect()
    }

    #[test]
    fn output_above_the_bound_is_counted_and_facts_are_kept() {
        let (mut held, now) = (Held::default(), Instant::now());
        let half = vec![0; OUTPUT_MAX_BYTES / 2];
        for _ in 0..3 {
            held.push(record(Kind::Stdout, &half), Keep::UpToABound, now);
        }
        held.push(record(Kind::Note, b"{}"), Keep::UpToABound, now);
        held.push(record(Kind::Stdout, b"fits"), Keep::UpToABound, now);
        let all = (3 * half.len() + b"fits".len()) as u64;
        assert_eq!(
            held.lost(),
            Lost {
                bytes: all,
                facts: 1
            }
        );
        // The gap stands where the output would have stood.
        let lost = Lost {
            bytes: 2 * half.len() as u64,
            facts: 0,
        };
        let expected = [
            Ok(Kind::Stdout),
            Err(lost),
            Ok(Kind::Note),
            Ok(Kind::Stdout),
        ];
        assert_eq!(told(&mut held), expected);
        assert_eq!(held.bytes, 0);
    }

    #[test]
    fn a_disk_that_stays_full_costs_no_more_than_the_bound_and_the_end_is_kept() {
        let (mut held, now) = (Held::default(), Instant::now());
        let fact = vec![b'a'; 1000];
        let runs = 10_000;
        for _ in 0..runs {
            held.push(record(Kind::Alert, &fact), Keep::UpToABound, now);
            held.push(record(Kind::Exit, &fact), Keep::UpToABound, now);
            held.push(record(Kind::Stdout, &fact), Keep::UpToABound, now);
        }
        assert!(held.bytes <= FACTS_MAX_BYTES, "{}", held.bytes);
        held.push(record(Kind::Exit, &fact), Keep::Always, now);
        assert!(
            held.waiting.len() < 2 * FACTS_MAX_BYTES / fact.len(),
            "{}",
            held.waiting.len()
        );
        let all = told(&mut held);
        assert_eq!(all.last(), Some(&Ok(Kind::Exit)));
        let (mut kept, mut bytes, mut facts) = (0, 0, 0);
        for one in &all {
            match one {
                Ok(_) => kept += 1,
                Err(lost) => (bytes, facts) = (bytes + lost.bytes, facts + lost.facts),
            }
        }
        let lost_output = bytes / fact.len() as u64;
        assert_eq!(
            kept + lost_output + facts,
            3 * runs + 1,
            "each is kept or counted"
        );
        assert_eq!(held.bytes, 0);
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let (mut held, now) = (Held::default(), Instant::now());
        held.push(record(Kind::Stdout, b"x"), Keep::UpToABound, now);
        assert_eq!(held.deadline(), Some(now + RETRY_FIRST));
        for _ in 0..10 {
            held.back_off(now);
        }
        assert_eq!(held.deadline(), Some(now + RETRY_LONGEST));
    }
}
