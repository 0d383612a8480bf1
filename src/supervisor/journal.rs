//! What a supervisor writes: records into the log, and the newest facts into the status block.
//!
//! The log first, then the block: whoever has seen a fact in the block finds it, and all before it, in the
//! log. EXIT and END are each followed by fdatasync(2). A full disk holds the log up, not the block, which
//! has its room from the beginning and is written in place.
//! Does not: decide what happened.

mod changes;
mod raising;
mod refused;
mod runs;
mod segments;

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::alerts::{self, Alerts};
use super::held::{Held, Keep, Record};
use super::launch::{Launch, own_mapping};
use super::leader::Leader;
use super::rotation::Rotation;
use super::streams::{Got, Source};
use crate::crypto::Key;
use crate::log::block;
use crate::log::writer::{Refused, Writer};
use crate::log::{Identity, Kind, LogKeys};
use crate::model::alert;
use crate::model::facts::{Block, End, Exit};
use crate::model::id::ProcessId;
use crate::model::status::{Event, Reason, Status};
use crate::sys::crash::crash_point;
use crate::sys::sink::Sink;
use crate::sys::{clock, proc};

/// How long after a burst its buffers are kept.
const REST_AFTER: Duration = Duration::from_secs(1);
/// A read as large as this is one of a burst, in bytes.
const BURST_BYTES: usize = 4096;

/// The one who writes log and status block of a process.
pub(super) struct Journal {
    id: ProcessId,
    identity: Identity,
    keys: Arc<LogKeys>,
    writer: Writer,
    rotation: Rotation,
    lease: File,
    block_number: u64,
    block: Block,
    output_bytes: u64,
    alerts: Alerts,
    held: Held,
    give_up_at: Option<Instant>,
    /// When to give the buffers of a burst back.
    rest_at: Option<Instant>,
}

impl Journal {
    /// Begins the log with START, and makes room for the block.
    ///
    /// # Errors
    ///
    /// What the disk says.
    pub(super) fn begin(
        log: OwnedFd,
        lease: OwnedFd,
        logs: OwnedFd,
        key: &Key,
        launch: &Launch,
        boot: String,
    ) -> io::Result<Self> {
        let identity = Identity {
            log: launch.log,
            store: launch.store,
        };
        let keys = Arc::new(LogKeys::derive(key, launch.log));
        let lease = File::from(lease);
        block::reserve(&lease)?;
        let now = clock::wall_ns();
        let mut writer = Writer::create(File::from(log), identity, Arc::clone(&keys), now)?;
        let mut start = own_mapping(0);
        serde_json::to_writer(&mut start, &launch.start)?;
        writer.append(Kind::Start, now, &start)?;
        writer.rest();
        let me = std::process::id().cast_signed();
        let facts = Block {
            status: Status::Starting.after(Event::Started),
            reason: None,
            run: 1,
            pid: 0,
            pid_start: 0,
            supervisor_pid: me,
            supervisor_start: proc::stat(me).map_or(0, |stat| stat.start),
            boot,
            paused: false,
            size: None,
            first_segment: 0,
            last_segment: 0,
            earlier_bytes: 0,
            exit: None,
            last_exit: None,
            end: None,
            log_end: None,
            raised: Vec::new(),
        };
        Ok(Self {
            id: launch.start.id,
            identity,
            keys,
            rotation: Rotation::new(logs, launch.start.max_log_bytes, writer.segment_bytes()),
            writer,
            lease,
            block_number: 0,
            block: facts,
            output_bytes: 0,
            alerts: Alerts::new(&launch.start.alerts),
            held: Held::default(),
            give_up_at: None,
            rest_at: None,
        })
    }

    pub(super) fn id(&self) -> ProcessId {
        self.id
    }

    /// The directory of the logs.
    pub(super) fn logs(&self) -> &OwnedFd {
        self.rotation.logs()
    }

    pub(super) fn status(&self) -> Status {
        self.block.status
    }

    pub(super) fn reason(&self) -> Option<Reason> {
        self.block.reason
    }

    /// The command was executed.
    pub(super) fn started(&mut self, leader: &Leader) {
        self.block.pid = leader.pid;
        self.block.pid_start = leader.start;
        self.alerts.started(leader.began);
        self.publish();
    }

    /// Reads once from `source` into the log.
    pub(super) fn read_from(&mut self, source: &mut Source) -> Got {
        let got = source.read(self.writer.inlet());
        if let Got::Bytes(count) = got {
            self.output_bytes += count as u64;
            if count >= BURST_BYTES {
                self.rest_at = Some(Instant::now() + REST_AFTER);
            }
            self.alerts
                .read(source.kind(), self.writer.read_bytes(count));
            let now = clock::wall_ns();
            if self.held.is_empty() {
                self.look_after(now);
            }
            let kind = source.kind();
            let mut done = 0;
            let written = self.held.is_empty()
                && self.write(now, |writer| {
                    let written = writer.append_read(kind, now, done..count);
                    written.map_err(|refused| after(refused, &mut done))
                });
            if !written {
                let bytes = self.writer.read_bytes(count)[done..].to_vec();
                self.take_in_pieces(kind, now, &bytes);
            }
        }
        got
    }

    /// A stream has ended.
    pub(super) fn closed(&mut self, kind: Kind) {
        self.append(Kind::Closed, &[kind as u8], Keep::UpToABound);
    }

    /// The leader has ended. With [`Publish::Later`] END follows at once and tells it too, unless the disk
    /// refuses.
    pub(super) fn exited(&mut self, exit: Exit, publish: Publish) {
        self.append_end(&exit);
        crash_point!("exit-appended");
        self.block.status = exit.status;
        self.block.reason = exit.reason;
        self.block.paused = false;
        self.block.exit = Some(exit);
        self.block.last_exit = None;
        if publish == Publish::Now || !self.held.is_empty() {
            self.publish_for_good();
            crash_point!("exit-published");
        }
    }

    /// Nothing of the tree lives, and all it wrote is in the log, or cannot be written.
    pub(super) fn end(&mut self) {
        let now = Instant::now();
        self.raise_held_back(now);
        let end = End {
            end_ms: clock::wall_ms(),
            output_bytes: self.output_bytes,
            lost: self.held.lost(),
        };
        if !end.lost.is_nothing()
            && !self.held.has_lost()
            && let Some(raised) = self.alerts.of_log(alert::Event::Gap, now)
        {
            alerts::add(&mut self.block.raised, raised); // the log takes nothing
        }
        if self.held.is_empty() {
            let now = clock::wall_ns();
            self.look_at_file(now);
            let mut log_end = None;
            self.write(now, |writer| {
                log_end = Some(writer.end(now, &end)?);
                Ok(())
            });
            self.block.log_end = log_end;
            let _ = self.sync(); // what is not on the disk after a power cut, `verify` tells
        }
        crash_point!("end-appended");
        self.block.end = Some(end);
        if !self.publish() {
            self.publish(); // there is no next change that would
        }
        crash_point!("end-published");
        let _ = Sink::sync(&self.lease);
    }

    fn append_fact(&mut self, kind: Kind, fact: &impl Serialize) {
        if let Ok(json) = serde_json::to_vec(fact) {
            self.append(kind, &json, Keep::UpToABound);
        }
    }

    fn append(&mut self, kind: Kind, payload: &[u8], keep: Keep) {
        let now = clock::wall_ns();
        if self.held.is_empty() {
            self.look_after(now);
        }
        let written =
            self.held.is_empty() && self.write(now, |writer| writer.append(kind, now, payload));
        if !written {
            let record = Record {
                kind,
                time_ns: now,
                payload,
            };
            self.hold(record, keep);
        }
    }

    /// Writes, in the next segment if this file may not grow any more. Returns whether that could be done.
    fn write(&mut self, now_ns: u64, mut write: impl FnMut(&mut Writer) -> io::Result<()>) -> bool {
        match write(&mut self.writer) {
            Ok(()) => true,
            Err(error) if error.raw_os_error() == Some(libc::EFBIG) => {
                self.rotate(now_ns) && write(&mut self.writer).is_ok()
            }
            Err(_) => false,
        }
    }

    /// Waits until the log is on the disk: what it holds, and that it is there.
    fn sync(&mut self) -> io::Result<()> {
        self.writer.sync()?;
        self.rotation.sync()
    }

    /// Writes the block, and waits until the log that it tells of is on the disk before, and it is after.
    fn publish_for_good(&mut self) {
        let _ = self.sync(); // a disk that fails here fails END too, which is told there
        self.publish();
        let _ = Sink::sync(&self.lease);
    }

    /// Writes the block, and returns whether that could be done; a failure leaves the older slot, and the next
    /// change tries again, in the slot that failed.
    fn publish(&mut self) -> bool {
        let number = self.block_number + 1;
        self.block.first_segment = self.writer.first_segment();
        self.block.last_segment = self.writer.segment();
        self.block.earlier_bytes = self.writer.earlier_bytes();
        loop {
            let written = block::write(
                &self.lease,
                &self.keys,
                self.identity.log,
                number,
                &self.block,
            );
            match written {
                // Too much for it: the end of a process is worth more than its older alerts.
                Err(error)
                    if error.kind() == io::ErrorKind::InvalidInput
                        && !self.block.raised.is_empty() =>
                {
                    self.block.raised.remove(0);
                }
                Err(_) => return false,
                Ok(()) => {
                    self.block_number = number;
                    return true;
                }
            }
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let own = [self.held.deadline(), self.rest_at, self.alerts.deadline()];
        own.into_iter().flatten().min()
    }

    /// When it is time: gives memory back, tries again to write what the disk refused. Returns whether a
    /// burst is over.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        self.retry(now);
        self.raise_what_is_due(now);
        let rests = self.rest_at.is_some_and(|at| now >= at);
        if rests {
            self.rest_at = None;
            self.writer.rest();
        }
        rests
    }
}

/// The error of a write of which some is in the log: it goes on behind that.
fn after(refused: Refused, done: &mut usize) -> io::Error {
    *done += refused.taken;
    refused.error
}

/// When the block tells the leader's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Publish {
    Now,
    /// Together with END.
    Later,
}
