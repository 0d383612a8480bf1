//! When the log goes on in another segment, and how: the new file is made and begun, the block tells of it, the
//! oldest are removed. Whatever is cut short leaves a log that reads as it was, or as it is now.
//!
//! A segment has an eighth of the log's most bytes. The sum stays below that, if START is not as long itself.
//! Does not: write output, or the block.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use crate::log::beginning::start_json;
use crate::log::segments::Segments;
use crate::log::writer::{Opening, Writer};
use crate::log::{Identity, LogKeys};
use crate::model::id::ProcessId;
use crate::store::files;
use crate::sys::crash::crash_point;
use crate::sys::fs::sync_dir;

/// How many segments a log is cut into.
const SEGMENTS: u64 = 8;
/// The most segments that are kept, however small: a limit of file sizes may end them early.
const SEGMENTS_MAX: usize = 64;
/// What one batch may write beyond the end of a segment, in bytes.
const BATCH_MAX_BYTES: u64 = 192 * 1024;
/// How much more is written before what failed is tried again, in bytes.
const AGAIN_BYTES: u64 = 256 * 1024;
/// How often the file is looked at while it is written to, in nanoseconds.
const LOOK_EVERY_NS: u64 = 1_000_000_000;

/// What is known about the segments of a log.
pub(super) struct Rotation {
    logs: OwnedFd,
    max_bytes: u64,
    /// How large this segment may grow.
    full_at: u64,
    looked_ns: u64,
    /// A segment was made since the directory was synced.
    is_dirty: bool,
}

impl Rotation {
    /// For a log of at most `max_bytes`, whose first segment begins with `opening_bytes`.
    pub(super) fn new(logs: OwnedFd, max_bytes: u64, opening_bytes: u64) -> Self {
        Self {
            logs,
            max_bytes,
            full_at: full_at(max_bytes, opening_bytes),
            looked_ns: 0,
            is_dirty: true, // the first one was made for this start
        }
    }

    /// The directory of the logs.
    pub(super) fn logs(&self) -> &OwnedFd {
        &self.logs
    }

    /// Whether the segment is full.
    pub(super) fn is_due(&self, writer: &Writer) -> bool {
        writer.segment_bytes() >= self.full_at
    }

    /// Whether the file was not looked at for a while; it is now.
    pub(super) fn is_time_to_look(&mut self, now_ns: u64) -> bool {
        let is_time = now_ns.abs_diff(self.looked_ns) >= LOOK_EVERY_NS;
        if is_time {
            self.looked_ns = now_ns;
        }
        is_time
    }

    /// Whether the file still has its name, and all that was written to it.
    pub(super) fn is_intact(&self, id: ProcessId, writer: &Writer) -> bool {
        let Ok(ours) = writer.file().metadata() else {
            return true; // nothing is claimed
        };
        let named = files::log_identity(&self.logs, id, writer.segment());
        ours.len() >= writer.segment_bytes() && named == Some((ours.dev(), ours.ino()))
    }

    /// Begins the next segment. Returns the numbers of those that have to go; `None` when it could not be
    /// begun, and the log goes on where it was.
    pub(super) fn go_on(
        &mut self,
        id: ProcessId,
        writer: &mut Writer,
        (keys, identity): (&Arc<LogKeys>, Identity),
        exit: Option<&[u8]>,
        now_ns: u64,
    ) -> Option<std::ops::Range<u64>> {
        let next = writer.segment() + 1;
        let begun = (|| {
            let start = start_of(writer, keys, identity)?;
            let file = files::create_log(&self.logs, id, next)?;
            crash_point!("rotate-created");
            let room = self
                .max_bytes
                .saturating_sub(self.full_at + BATCH_MAX_BYTES);
            let opening = Opening {
                created_ns: now_ns,
                start: &start,
                exit,
                removed: writer.above(room, SEGMENTS_MAX),
            };
            let first = writer.first_segment();
            writer.rotate(file, &opening).inspect_err(|_| {
                let _ = files::remove_log(&self.logs, id, next); // an empty one is no segment
            })?;
            io::Result::Ok(first..writer.first_segment())
        })();
        let Ok(removed) = begun else {
            self.full_at = writer.segment_bytes() + AGAIN_BYTES;
            return None;
        };
        crash_point!("rotate-written");
        self.is_dirty = true;
        self.looked_ns = now_ns;
        self.full_at = full_at(self.max_bytes, writer.segment_bytes());
        Some(removed)
    }

    /// Removes segments of which the block tells no more.
    pub(super) fn remove(&self, id: ProcessId, segments: std::ops::Range<u64>) {
        for segment in segments {
            let _ = files::remove_log(&self.logs, id, segment); // what is left, `clear` finds
        }
    }

    /// Waits until the newest segment is in its directory, on the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.is_dirty) {
            sync_dir(&self.logs)?;
        }
        Ok(())
    }
}

/// An eighth of the log; more where the beginning alone would fill that.
fn full_at(max_bytes: u64, opening_bytes: u64) -> u64 {
    (max_bytes / SEGMENTS).max(opening_bytes.saturating_mul(2))
}

/// START, as the live segment tells it; nothing when somebody has destroyed it.
fn start_of(writer: &Writer, keys: &Arc<LogKeys>, identity: Identity) -> io::Result<Vec<u8>> {
    let file: File = writer.file().try_clone()?;
    let segment = vec![(writer.segment(), file)];
    let segments = Segments::open(Arc::clone(keys), identity, segment)?;
    Ok(start_json(segments)?.unwrap_or_default())
}
