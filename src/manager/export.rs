//! A log where it lies, and its output written out in clear.
//!
//! Does not: read more than once, or leave a part of a file when something fails.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::Manager;
use super::observe::Observed;
use super::output::{Form, Piece, Query};
use crate::model::error::Error;
use crate::store::dir::Sub;
use crate::store::files;
use crate::sys::fault::Fault;
use crate::sys::publish::{Draft, Existing, Target};
use crate::text::lines::Stream;

/// Held back before it is written, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// One file of a log, sealed.
pub(crate) struct LogFile {
    pub(crate) path: PathBuf,
    pub(crate) segment: u64,
    pub(crate) bytes: u64,
}

/// What was written out.
pub(crate) struct Export {
    pub(crate) files: Vec<ExportedFile>,
    /// Output that is no more, and so is in none of them.
    pub(crate) dropped_bytes: u64,
    /// That the log is damaged, if it is: what is intact has been written.
    pub(crate) damage: Result<(), Error>,
}

/// What was written of one stream.
pub(crate) struct ExportedFile {
    pub(crate) stream: Stream,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

impl Manager {
    /// The files of the log of `process`, oldest output first.
    ///
    /// # Errors
    ///
    /// An unsafe file in place of one.
    pub(crate) fn log_files(&self, process: &Observed) -> Result<Vec<LogFile>, Error> {
        let Some(logs) = self.store.dir().sub(Sub::Logs)? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for segment in self.segment_numbers(process)? {
            let name = files::log(process.entry.id, segment);
            if let Some(bytes) = logs.size(&name)? {
                found.push(LogFile {
                    path: logs.path(&name),
                    segment,
                    bytes,
                });
            }
        }
        Ok(found)
    }

    /// Writes what `process` has written so far into files in `dir`, one for each of the `streams` that
    /// are wanted, byte for byte.
    ///
    /// # Errors
    ///
    /// A file is there and may not be replaced; the directory or the log cannot be used.
    pub(crate) fn export(
        &self,
        process: &Observed,
        dir: &Path,
        streams: [bool; 2],
        existing: Existing,
    ) -> Result<Export, Error> {
        self.export_to(process, dir, streams, existing)
            .map_err(Error::elsewhere)
    }

    fn export_to(
        &self,
        process: &Observed,
        dir: &Path,
        streams: [bool; 2],
        existing: Existing,
    ) -> Result<Export, Error> {
        let target = Target::open_or_create(dir)?;
        let mut outlets = Vec::new();
        for stream in Stream::ALL {
            if !streams[stream as usize] {
                continue;
            }
            let name = format!("proc_{}_{}.log", process.entry.number, stream.word());
            if existing == Existing::Refused && target.has(&name)? {
                return Err(in_the_way(&target.path(&name)));
            }
            let draft = target.begin(&name)?;
            outlets.push(Outlet::new(stream, draft, target.path(&name))?);
        }
        let query = Query {
            streams,
            last: None,
            since_ns: 0,
            pattern: None,
            form: Form::Raw,
        };
        let mut reading = self.read_output(process, query)?;
        reading.drain(&mut |piece| match piece {
            Piece::Bytes(stream, bytes) => outlets
                .iter_mut()
                .find(|outlet| outlet.stream == stream)
                .map_or(Ok(()), |outlet| outlet.write(bytes)),
            Piece::Line(_) | Piece::Note(_) => Ok(()), // the number of bytes is told at the end
        })?;
        let files = outlets
            .into_iter()
            .map(|outlet| outlet.publish(existing))
            .collect::<Result<_, _>>()?;
        Ok(Export {
            files,
            dropped_bytes: reading.dropped_bytes(),
            damage: reading.check(process),
        })
    }
}

fn in_the_way(path: &Path) -> Error {
    Error::other(format!("'{}' is there already", path.display()))
        .hint("--force replaces it; or name another directory")
}

/// The file of one stream, while it is written.
struct Outlet<'a> {
    stream: Stream,
    draft: Draft<'a>,
    path: PathBuf,
    writer: BufWriter<std::fs::File>,
    bytes: u64,
}

impl<'a> Outlet<'a> {
    fn new(stream: Stream, draft: Draft<'a>, path: PathBuf) -> Result<Self, Error> {
        let file = draft.file().try_clone();
        let file = file.map_err(|error| Error::io("write", &path, &error))?;
        Ok(Self {
            stream,
            writer: BufWriter::with_capacity(BUFFER_BYTES, file),
            draft,
            path,
            bytes: 0,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        let written = self.writer.write_all(bytes);
        written.map_err(|error| Error::io("write", &self.path, &error))
    }

    fn publish(mut self, existing: Existing) -> Result<ExportedFile, Error> {
        let flushed = self.writer.flush();
        flushed.map_err(|error| Error::io("write", &self.path, &error))?;
        let published = self.draft.publish(existing);
        let path = published.map_err(|fault: Fault| match fault.errno() {
            Some(Errno::EEXIST) => in_the_way(&self.path),
            _ => Error::from(fault),
        })?;
        Ok(ExportedFile {
            stream: self.stream,
            path,
            bytes: self.bytes,
        })
    }
}
