//! The line that a stream has not finished: its two ends, however long it is.
//!
//! Does not: find newlines.

use std::borrow::Cow;

use super::{Cut, END_BYTES, Line, Stream, Within, without_torn_end};

/// A line of one stream that may go on.
#[derive(Default)]
pub(super) struct Unfinished {
    pub(super) head: Vec<u8>,
    /// What follows `head`: the last [`END_BYTES`] of it at least.
    pub(super) tail: Vec<u8>,
    /// All that followed `head`.
    after_head: u64,
    /// Since the last `\r` after `head`, and the most there ever was from one to the next.
    run: u64,
    longest_run: u64,
    time_ns: u64,
    pub(super) continued: bool,
    within: Within,
}

impl Unfinished {
    /// Nothing yet, of a line that has begun before or not.
    pub(super) fn new(continued: bool, within: Within) -> Self {
        Self {
            continued,
            within,
            ..Self::default()
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// A chunk of so many bytes comes.
    pub(super) fn reads(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        if bytes > self.within.looked_at {
            self.within.stale_end = false; // news: the old end is part of a line that is wanted
        }
        self.within.looked_at = self.within.looked_at.saturating_sub(bytes);
    }

    pub(super) fn extend(&mut self, time_ns: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.time_ns = time_ns;
        let room = END_BYTES - self.head.len();
        let (head, rest) = bytes.split_at(bytes.len().min(room));
        self.head.extend_from_slice(head);
        if rest.is_empty() {
            return;
        }
        self.after_head += rest.len() as u64;
        for (i, state) in rest.split(|byte| *byte == b'\r').enumerate() {
            self.run = state.len() as u64 + if i == 0 { self.run } else { 0 };
            self.longest_run = self.longest_run.max(self.run);
        }
        let kept = &rest[rest.len().saturating_sub(END_BYTES)..];
        self.tail.extend_from_slice(kept);
        if self.tail.len() > 2 * END_BYTES {
            self.tail.drain(..self.tail.len() - END_BYTES);
        }
    }

    pub(super) fn forget(&mut self) {
        *self = Self::new(false, self.within);
    }

    pub(super) fn take(&mut self, stream: Stream, time_ns: u64) -> Line<'static> {
        let mut line = self.line(stream);
        line.time_ns = time_ns;
        line.partial = false;
        if line.bytes.last() == Some(&b'\r') {
            line.bytes.to_mut().pop();
        }
        self.forget();
        line
    }

    pub(super) fn peek(&self, stream: Stream) -> Option<Line<'static>> {
        (!self.head.is_empty() && !self.within.stale_end).then(|| self.line(stream))
    }

    pub(super) fn line(&self, stream: Stream) -> Line<'static> {
        let (bytes, cut) = self.ends();
        Line {
            stream,
            time_ns: self.time_ns,
            bytes: Cow::Owned(bytes),
            partial: true,
            continued: self.continued,
            cut,
        }
    }

    fn ends(&self) -> (Vec<u8>, Option<Cut>) {
        if self.after_head <= END_BYTES as u64 {
            return ([self.head.as_slice(), &self.tail].concat(), None);
        }
        let tail = &self.tail[self.tail.len() - END_BYTES..];
        if self.longest_run <= END_BYTES as u64
            && let Some(states) = whole_states(tail)
        {
            // A progress bar: what is left out was overwritten.
            return (states.to_vec(), None);
        }
        let head = without_torn_end(&self.head);
        let tail = without_torn_start(tail);
        let cut = Cut {
            at: head.len(),
            bytes: (self.head.len() - head.len() + END_BYTES - tail.len()) as u64 + self.after_head
                - END_BYTES as u64,
        };
        ([head, tail].concat(), Some(cut))
    }
}

/// From the first state on that is there from its `\r` to its end, if anything is seen of it.
fn whole_states(tail: &[u8]) -> Option<&[u8]> {
    let begun = tail.iter().position(|byte| *byte == b'\r')?;
    let states = &tail[begun + 1..];
    states.iter().any(|byte| *byte != b'\r').then_some(states)
}

/// Without the end of a UTF-8 character at its start.
fn without_torn_start(bytes: &[u8]) -> &[u8] {
    let torn = bytes
        .iter()
        .take(3)
        .take_while(|byte| (0x80..0xc0).contains(*byte))
        .count();
    &bytes[torn..]
}
