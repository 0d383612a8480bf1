//! What the disk refuses: kept up to a bound, and tried again.
//!
//! Does not: hold a process up.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Journal, after};
use crate::log::Kind;
use crate::model::alert;
use crate::model::facts::Lost;
use crate::supervisor::held::{Keep, Record, What};
use crate::sys::clock;

/// How long the end waits for a disk that refuses, before it is written into the block alone.
const REFUSAL_LIMIT: Duration = Duration::from_secs(10);

/// What is written at once when the disk has refused more, in bytes.
const PIECE_BYTES: usize = 16 * 1024;

/// A gap: what was read, or has happened, and could not be kept.
#[derive(Serialize)]
struct Gap {
    #[serde(flatten)]
    lost: Lost,
    reason: &'static str,
}

impl Journal {
    /// Writes as much as there is room for, and keeps the rest.
    pub(super) fn take_in_pieces(&mut self, kind: Kind, now_ns: u64, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE_BYTES) {
            let mut done = 0;
            let written = self.held.is_empty() && self.write_piece(kind, now_ns, piece, &mut done);
            if !written {
                let record = Record {
                    kind,
                    time_ns: now_ns,
                    payload: &piece[done..],
                };
                self.hold(record, Keep::UpToABound);
            }
        }
    }

    /// Writes what is not `done` of a piece.
    fn write_piece(&mut self, kind: Kind, time_ns: u64, piece: &[u8], done: &mut usize) -> bool {
        self.write(clock::wall_ns(), |writer| {
            let written = writer.append_some(kind, time_ns, &piece[*done..]);
            written.map_err(|refused| after(refused, done))
        })
    }

    /// Keeps what could not be written. That something is lost is raised when it is.
    pub(super) fn hold(&mut self, record: Record<'_>, keep: Keep) {
        let (had_lost, now) = (self.held.has_lost(), Instant::now());
        self.held.push(record, keep, now);
        if self.held.has_lost()
            && !had_lost
            && let Some(raised) = self.alerts.of_log(alert::Event::Gap, now)
        {
            self.raise(raised);
            self.publish();
        }
    }

    /// Tries again when it is time.
    pub(super) fn retry(&mut self, now: Instant) {
        if self.held.deadline().is_none_or(|at| now < at) {
            return;
        }
        while let Some(mut waiting) = self.held.take_first() {
            let time_ns = waiting.time_ns;
            let written = match &mut waiting.what {
                What::Record { kind, payload } => {
                    let mut done = 0;
                    let written = self.write_piece(*kind, time_ns, payload, &mut done);
                    payload.drain(..done);
                    written
                }
                What::Lost(lost) => {
                    let gap = Gap {
                        lost: *lost,
                        reason: "the disk was full or failed",
                    };
                    let json = serde_json::to_vec(&gap).unwrap_or_default();
                    self.write(clock::wall_ns(), |writer| {
                        writer.append(Kind::Gap, time_ns, &json)
                    })
                }
            };
            if !written {
                self.held.put_back(waiting);
                self.held.back_off(now);
                return;
            }
        }
        self.held.clear();
    }

    /// Whether all that was read is written, or has been refused for too long to wait any more.
    pub(in super::super) fn is_settled(&mut self, now: Instant) -> bool {
        if self.held.is_empty() {
            return true;
        }
        now >= *self.give_up_at.get_or_insert(now + REFUSAL_LIMIT)
    }
}
