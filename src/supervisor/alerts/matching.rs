//! Which lines of the output are told: those in which one of some regular expressions is found.
//!
//! Lines are put together from reads that end anywhere. Of a line its first 16 KiB are looked at. One
//! that gets no newline for a moment, as a question at a prompt, is looked at as it stands.
//! Does not: raise anything, or keep more than the last match of each expression.

use std::time::{Duration, Instant};

use regex::bytes::{Regex, RegexBuilder};

use crate::text::display::excerpt;
use crate::text::lines::{LINE_MAX_BYTES, Stream};
use crate::text::row::{self, Look};

/// How long a line may stand without a newline before it is looked at.
const PROMPT_AFTER: Duration = Duration::from_millis(300);
/// The most memory that one expression takes for what it has found out about itself, in bytes.
const CACHE_MAX_BYTES: usize = 256 * 1024;
/// How much of a line is told, in bytes as JSON.
pub(super) const LINE_TOLD_BYTES: usize = 200;

/// The expressions, and what they have found and nobody was told.
pub(super) struct Matcher {
    patterns: Vec<Regex>,
    unfinished: [Unfinished; 2],
    /// The matches that are to be told, the oldest first; one for each expression.
    found: Vec<Found>,
    /// How many lines have matched, ever.
    total: u64,
}

/// The last line in which an expression was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) pattern: u8,
    pub(super) line: String,
}

/// A line without a newline yet.
#[derive(Default)]
struct Unfinished {
    kept: Vec<u8>,
    /// It has matched already, as it stood then.
    matched: bool,
    /// Since when it is as it stands; `None` once that was looked at.
    since: Option<Instant>,
}

impl Matcher {
    /// For these expressions; `None` for none. What is no expression never matches: it was checked before.
    pub(super) fn new(patterns: &[String], total: u64) -> Option<Box<Self>> {
        let compiled = |pattern: &String| {
            RegexBuilder::new(pattern)
                .dfa_size_limit(CACHE_MAX_BYTES)
                .build()
                .ok()
        };
        (!patterns.is_empty()).then(|| {
            Box::new(Self {
                patterns: patterns.iter().filter_map(compiled).collect(),
                unfinished: Default::default(),
                found: Vec::new(),
                total,
            })
        })
    }

    /// Goes on in the unfinished lines of `other`, as far as it has come in them.
    pub(super) fn go_on_in_the_lines_of(&mut self, other: Self) {
        self.unfinished = other.unfinished;
    }

    /// Goes on behind `bytes`, with which an unfinished line of `stream` begins: it counts once there is more.
    pub(super) fn go_on_behind(&mut self, stream: Stream, bytes: &[u8]) {
        self.unfinished[stream as usize].keep(bytes);
    }

    /// How many lines have matched, ever.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Takes what was read from `stream`.
    pub(super) fn read(&mut self, stream: Stream, bytes: &[u8], now: Instant) {
        let mut rest = bytes;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            let unfinished = &mut self.unfinished[stream as usize];
            let matched = std::mem::take(&mut unfinished.matched);
            unfinished.since = None;
            if unfinished.kept.is_empty() {
                if !matched {
                    self.look_at(line);
                }
            } else {
                unfinished.keep(line);
                let line = std::mem::take(&mut unfinished.kept);
                if !matched {
                    self.look_at(&line);
                }
                let mut kept = line;
                kept.clear();
                self.unfinished[stream as usize].kept = kept;
            }
        }
        if !rest.is_empty() {
            let unfinished = &mut self.unfinished[stream as usize];
            unfinished.keep(rest);
            unfinished.since = Some(now);
        }
    }

    /// Looks at the lines that got no newline for a moment, or, without a moment, at all that have none.
    pub(super) fn look_at_unfinished(&mut self, now: Option<Instant>) {
        for stream in Stream::ALL {
            let unfinished = &mut self.unfinished[stream as usize];
            let due = unfinished
                .since
                .is_some_and(|since| now.is_none_or(|now| now >= since + PROMPT_AFTER));
            if !due {
                continue;
            }
            unfinished.since = None;
            if !unfinished.matched {
                let line = std::mem::take(&mut unfinished.kept);
                let matched = self.look_at(&line);
                let unfinished = &mut self.unfinished[stream as usize];
                unfinished.matched = matched;
                unfinished.kept = line;
            }
        }
    }

    /// The oldest match that is to be told; it counts as told.
    pub(super) fn take(&mut self) -> Option<Found> {
        (!self.found.is_empty()).then(|| self.found.remove(0))
    }

    /// Whether there is one.
    pub(super) fn has_found(&self) -> bool {
        !self.found.is_empty()
    }

    /// When [`look_at_unfinished`](Self::look_at_unfinished) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let since = self.unfinished.iter().filter_map(|line| line.since).min();
        since.map(|since| since + PROMPT_AFTER)
    }

    fn look_at(&mut self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = &line[..line.len().min(LINE_MAX_BYTES)];
        let shown = row::shown(line, Look::Pipe);
        let found = self
            .patterns
            .iter()
            .position(|pattern| pattern.is_match(shown.as_bytes()));
        let Some(pattern) = found.and_then(|index| u8::try_from(index).ok()) else {
            return false;
        };
        self.total += 1;
        let line = excerpt(&shown, LINE_TOLD_BYTES);
        match self.found.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => known.line = line,
            None => self.found.push(Found { pattern, line }),
        }
        true
    }
}

impl Unfinished {
    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_MAX_BYTES.saturating_sub(self.kept.len());
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(patterns: &[&str]) -> Box<Matcher> {
        let patterns: Vec<String> = patterns.iter().map(|&text| text.to_owned()).collect();
        Matcher::new(&patterns, 0).unwrap()
    }

    fn told(matcher: &mut Matcher) -> Vec<String> {
        std::iter::from_fn(|| matcher.take().map(|found| found.line)).collect()
    }

    #[test]
    fn a_line_is_found_wherever_it_was_cut() {
        let text = "one\nlisten\u{e9} on 80\r\ntwo\n";
        for at in 0..=text.len() {
            for again in at..=text.len() {
                let (mut matcher, now) = (matcher(&["^listen\u{e9} on \\d+$"]), Instant::now());
                let bytes = text.as_bytes();
                for piece in [&bytes[..at], &bytes[at..again], &bytes[again..]] {
                    matcher.read(Stream::Out, piece, now);
                }
                assert_eq!(told(&mut matcher), ["listen\u{e9} on 80"], "{at} {again}");
            }
        }
    }

    #[test]
    fn two_streams_are_not_mixed_up() {
        let (mut matcher, now) = (matcher(&["^ab$"]), Instant::now());
        matcher.read(Stream::Out, b"a", now);
        matcher.read(Stream::Err, b"b\n", now);
        assert!(!matcher.has_found());
        matcher.read(Stream::Out, b"b\n", now);
        assert_eq!(told(&mut matcher), ["ab"]);
    }

    #[test]
    fn many_matches_are_one_for_each_expression_and_all_are_counted() {
        let (mut matcher, now) = (matcher(&["ready", "error"]), Instant::now());
        matcher.read(Stream::Out, b"ready\nerror 1\n", now);
        for n in 2..=1000 {
            matcher.read(Stream::Out, format!("error {n} {n}\n").as_bytes(), now);
        }
        assert_eq!(told(&mut matcher), ["ready", "error 1000 1000"]);
        assert_eq!(matcher.total(), 1001);
    }

    #[test]
    fn a_prompt_counts_once_with_and_without_its_newline() {
        let (mut matcher, now) = (matcher(&["continue"]), Instant::now());
        matcher.read(Stream::Err, b"continue? [y/N] ", now);
        matcher.look_at_unfinished(Some(now));
        assert!(!matcher.has_found() && matcher.deadline() == Some(now + PROMPT_AFTER));
        matcher.look_at_unfinished(Some(now + PROMPT_AFTER));
        assert_eq!(told(&mut matcher), ["continue? [y/N] "]);
        assert_eq!(matcher.deadline(), None);
        matcher.read(Stream::Err, b"y\n", now);
        matcher.look_at_unfinished(None);
        assert_eq!((matcher.total(), matcher.has_found()), (1, false));
        matcher.read(Stream::Err, b"continue", now);
        matcher.look_at_unfinished(None);
        assert_eq!(matcher.total(), 2);
    }

    #[test]
    fn of_a_long_line_little_is_kept_and_less_is_told() {
        let (mut matcher, now) = (matcher(&["^x.*"]), Instant::now());
        for _ in 0..1000 {
            matcher.read(Stream::Out, &[b'x'; 4096], now);
        }
        assert_eq!(matcher.unfinished[0].kept.len(), LINE_MAX_BYTES, "bounded");
        matcher.read(Stream::Out, b"\n", now);
        let line = told(&mut matcher).remove(0);
        assert!(line.len() <= LINE_TOLD_BYTES && line.ends_with('…'));
    }
}
