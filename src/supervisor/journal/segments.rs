//! When a journal goes on in another segment: this one is full, or is not what was written any more.
//!
//! Does not: make segments; [`rotation`](crate::supervisor::rotation) does.

use std::time::Instant;

use super::Journal;
use crate::log::Kind;
use crate::model::alert::Event;
use crate::model::facts::Note;
use crate::sys::crash::crash_point;

impl Journal {
    /// Removes all segments, of a process that did not come to be.
    pub(in crate::supervisor) fn remove_segments(&self) {
        let all = self.writer.first_segment()..self.writer.segment() + 1;
        self.rotation.remove(self.id, all);
    }

    /// Goes on in the next segment when this one is full, or is not what was written any more.
    pub(super) fn look_after(&mut self, now_ns: u64) {
        if self.rotation.is_due(&self.writer) {
            self.rotate(now_ns);
        } else if self.rotation.is_time_to_look(now_ns) {
            self.look_at_file(now_ns);
        }
    }

    pub(super) fn look_at_file(&mut self, now_ns: u64) {
        let segment = self.writer.segment();
        if self.rotation.is_intact(self.id, &self.writer) || !self.rotate(now_ns) {
            return;
        }
        let json = serde_json::to_vec(&Note::Tampered { segment }).unwrap_or_default();
        let _ = self.writer.append(Kind::Note, now_ns, &json); // the missing segment tells as much
        if let Some(raised) = self.alerts.of_log(Event::Tampered, Instant::now()) {
            self.raise(raised);
            self.publish();
        }
    }

    /// Goes on in the next segment. The block tells of it before the oldest are removed, so that who reads
    /// by the block, and looks again when one is missing, finds all there are.
    pub(super) fn rotate(&mut self, now_ns: u64) -> bool {
        let exit = self.block.exit.as_ref();
        let exit = exit.and_then(|exit| serde_json::to_vec(exit).ok());
        let keys = (&self.keys, self.identity);
        let Some(removed) =
            (self.rotation).go_on(self.id, &mut self.writer, keys, exit.as_deref(), now_ns)
        else {
            return false;
        };
        if self.publish() {
            crash_point!("rotate-published");
            self.rotation.remove(self.id, removed);
            crash_point!("rotate-removed");
        }
        true
    }
}
