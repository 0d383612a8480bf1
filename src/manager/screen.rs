//! The screen of a process with a terminal: its log, replayed.
//!
//! Of a long log the end is replayed, from [`LOOK_BACK_BYTES`] of output back. A screen has some thousand
//! characters: what scrolls has replaced all of them many times by then, and what draws a full screen
//! draws it anew now and then. A later run of the same process begins with an empty screen, so nothing
//! before it counts. What was set up earlier than that and never since (a mode, a part of the screen that was
//! never drawn again) is not seen, and [`Replay::is_exact`] says that this may be so.
//! The size at any place is that of the first change behind it, or the one it has now.
//! Does not: show anything, or wait.

use std::path::PathBuf;

use super::Manager;
use super::logs::OpenLog;
use super::observe::Observed;
use crate::log::beginning::dropped_bytes;
use crate::log::reader::{Item, Reader};
use crate::log::segments::Segments;
use crate::log::tail::Tail;
use crate::log::{Cause, Damage, Kind, Position};
use crate::model::error::{self, Error};
use crate::model::facts::Note;
use crate::model::size::Size;
use crate::store::files;
use crate::text::emulator::Emulator;

/// How much of the output is replayed: some hundredths of a second.
const LOOK_BACK_BYTES: usize = 4 * 1024 * 1024;

/// A screen that can follow its log.
pub(crate) struct Replay {
    path: PathBuf,
    reader: Reader,
    screen: Emulator,
    is_exact: bool,
    damage: Option<Damage>,
    /// Rotation removed what was not read yet: then a segment is missing, and that is no damage.
    is_overtaken: bool,
}

/// Where a replay begins.
struct Begin {
    position: Option<Position>,
    size: Option<Size>,
}

impl Manager {
    /// The screen of `process` as the log tells it at this moment.
    ///
    /// # Errors
    ///
    /// It has no terminal (2); a log that is missing or unreadable.
    pub(crate) fn screen(&self, process: &Observed) -> Result<Replay, Error> {
        let first_size = has_terminal(process)?;
        let path = self
            .store
            .dir()
            .path()
            .join("logs")
            .join(files::log(process.entry.id, 0));
        let OpenLog { segments, missing } = self.segments(process)?;
        let cannot = |error: std::io::Error| Error::io("read", &path, &error);
        let dropped = dropped_bytes(&segments).map_err(cannot)?;
        let begin = begin(&segments).map_err(cannot)?;
        let last_size = process.block.as_ref().and_then(|block| block.size);
        let size = match begin.position {
            None if dropped == 0 => first_size,
            _ => begin.size.or(last_size).unwrap_or(first_size),
        };
        let mut replay = Replay {
            path,
            is_exact: begin.position.is_none()
                && dropped == 0
                && process.lost_at_end().is_nothing(),
            reader: match begin.position {
                None => Reader::new(segments),
                Some(position) => Reader::resume(segments, position),
            },
            screen: Emulator::new(size),
            damage: missing,
            is_overtaken: false,
        };
        replay.read(&mut |_| {})?;
        Ok(replay)
    }
}

/// The first size of the terminal of `process`.
///
/// # Errors
///
/// It has none (2).
pub(crate) fn has_terminal(process: &Observed) -> Result<Size, Error> {
    let entry = &process.entry;
    entry.pty.ok_or_else(|| {
        Error::usage(format!(
            "'{}' ({}) has no terminal of its own",
            entry.name, entry.id
        ))
        .hint(format!(
            "start it with --pty; 'bgp output {}' shows what it wrote",
            entry.name
        ))
    })
}

/// Looks back through a log, for as much output as is replayed.
fn begin(segments: &Segments) -> std::io::Result<Begin> {
    let mut tail = Tail::new(segments.clone());
    let mut begin = Begin {
        position: None,
        size: None,
    };
    let mut output_bytes = 0;
    while output_bytes < LOOK_BACK_BYTES {
        let Some(block) = tail.previous()? else {
            begin.position = None; // all of it
            return Ok(begin);
        };
        for (record, _) in block.records() {
            if record.kind.is_output() {
                output_bytes += record.payload.len();
            }
        }
        let first_change =
            block
                .records()
                .find_map(|(record, _)| match note(record.kind, record.payload)? {
                    Note::Resized(change) => Some(change.from),
                    Note::Run { .. } | Note::Alerts { .. } | Note::Tampered { .. } => None,
                });
        begin.size = first_change.or(begin.size);
        begin.position = block.begin().or(begin.position);
    }
    Ok(begin)
}

fn note(kind: Kind, payload: &[u8]) -> Option<Note> {
    (kind == Kind::Note)
        .then(|| serde_json::from_slice(payload).ok())
        .flatten()
}

impl Replay {
    pub(crate) fn screen(&self) -> &Emulator {
        &self.screen
    }

    /// Whether nothing that could count was left out.
    pub(crate) fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// What to say beside a screen that is not exact.
    pub(crate) fn reservation(&self) -> Option<String> {
        (!self.is_exact).then(|| {
            let looked_back = LOOK_BACK_BYTES >> 20;
            format!("the screen is as the last {looked_back} MiB of output drew it")
        })
    }

    /// Looks again how long the log is, and goes on with what has come; `sink` gets the output of it.
    /// Returns whether `process` has begun another segment.
    ///
    /// # Errors
    ///
    /// A log that cannot be read.
    pub(crate) fn catch_up(
        &mut self,
        manager: &Manager,
        process: &Observed,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<bool, Error> {
        self.reader
            .refresh()
            .map_err(|error| Error::io("read", &self.path, &error))?;
        let added = manager.add_segments(&mut self.reader, process)?;
        self.is_overtaken |= !added.overtaken.is_empty();
        self.read(sink)?;
        Ok(added.any)
    }

    fn read(&mut self, sink: &mut dyn FnMut(&[u8])) -> Result<(), Error> {
        loop {
            let item = self.reader.next();
            match item.map_err(|error| Error::io("read", &self.path, &error))? {
                Item::Record(record) if record.kind.is_output() => {
                    self.screen.write(record.payload);
                    sink(record.payload);
                }
                Item::Record(record) => match note(record.kind, record.payload) {
                    Some(Note::Resized(change)) => self.screen.resize(change.to),
                    Some(Note::Run { .. }) => {
                        self.screen = Emulator::new(self.screen.size());
                        self.is_exact = true;
                    }
                    None if record.kind == Kind::Gap => self.is_exact = false,
                    Some(Note::Alerts { .. } | Note::Tampered { .. }) | None => {}
                },
                Item::Damage(damage) => {
                    if !(self.is_overtaken && damage.cause == Cause::Missing) {
                        self.damage = self.damage.or(Some(damage));
                    }
                    self.is_exact = false;
                }
                Item::End(_) => return Ok(()),
            }
        }
    }

    /// The first damage that was met, as an error to end with.
    ///
    /// # Errors
    ///
    /// Damaged (13).
    pub(crate) fn check(&self, process: &Observed) -> Result<(), Error> {
        let Some(damage) = self.damage else {
            return Ok(());
        };
        let name = &process.entry.name;
        let message = format!(
            "the log of '{name}', segment {}, byte {}: {}",
            damage.segment, damage.offset, damage.cause
        );
        Err(Error::new(error::Kind::Damaged, message).hint(format!(
            "the screen is as what is intact drew it; 'bgp verify {}' tells more",
            process.entry.id
        )))
    }
}
