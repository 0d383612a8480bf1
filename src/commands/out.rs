//! The standard output, and what is said beside it.
//!
//! Data goes to the standard output, all else to the standard error. A reader that has gone away is no
//! failure: what would follow is dropped, and the command ends as it would have. A full disk is one.
//! Nothing here panics, whatever the descriptors are.
//! Does not: know what is written.

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::model::error::{Error, Kind, reason};
use crate::text::display::one_line;
pub(super) use crate::text::json::to_json;

/// How to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

/// How much is held back of much output, in bytes: what a pipe takes at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// The one writer of the standard output. What it takes is written when it is flushed or much.
pub(crate) struct Out<W: Write = io::Stdout> {
    writer: BufWriter<W>,
    nobody_reads: bool,
    /// Why nothing more can be written, though somebody would read it.
    failure: Option<Error>,
}

impl Out {
    pub(crate) fn stdout() -> Self {
        Self::to(io::stdout())
    }

    /// Holds back more from now on, for much that comes in small pieces.
    ///
    /// # Errors
    ///
    /// See [`bytes`](Self::bytes).
    pub(crate) fn hold_more(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.writer = BufWriter::with_capacity(BUFFER_BYTES, io::stdout());
        Ok(())
    }
}

impl<W: Write> Out<W> {
    pub(crate) fn to(writer: W) -> Self {
        Self {
            writer: BufWriter::new(writer),
            nobody_reads: false,
            failure: None,
        }
    }

    /// Writes these bytes, exactly.
    ///
    /// # Errors
    ///
    /// The output cannot be written: its disk is full, for example. A closed pipe is none.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.attempt(|writer| writer.write_all(bytes))
    }

    /// Writes a text that has its newlines.
    ///
    /// # Errors
    ///
    /// See [`bytes`](Self::bytes).
    pub(crate) fn text(&mut self, text: &str) -> Result<(), Error> {
        self.bytes(text.as_bytes())
    }

    /// Writes a line; the newline is added.
    ///
    /// # Errors
    ///
    /// See [`bytes`](Self::bytes).
    pub(crate) fn line(&mut self, line: &str) -> Result<(), Error> {
        self.attempt(|writer| {
            writer.write_all(line.as_bytes())?;
            writer.write_all(b"\n")
        })
    }

    /// Writes a document as one line of JSON, in which everything is escaped that a terminal would obey.
    ///
    /// # Errors
    ///
    /// See [`bytes`](Self::bytes).
    pub(crate) fn json(&mut self, document: &impl Serialize) -> Result<(), Error> {
        self.line(&to_json(document)?)
    }

    /// Writes what is held back.
    ///
    /// # Errors
    ///
    /// See [`bytes`](Self::bytes).
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.attempt(Write::flush)
    }

    /// Whether nobody reads any more, so that a command which only shows something may end.
    pub(crate) fn nobody_reads(&self) -> bool {
        self.nobody_reads
    }

    /// Why what was to be written since could not be.
    pub(crate) fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Whether nothing more is written.
    fn is_closed(&self) -> bool {
        self.nobody_reads || self.failure.is_some()
    }

    fn attempt(
        &mut self,
        write: impl FnOnce(&mut BufWriter<W>) -> io::Result<()>,
    ) -> Result<(), Error> {
        if self.is_closed() {
            return Ok(());
        }
        match write(&mut self.writer) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.nobody_reads = true;
                Ok(())
            }
            Err(error) => {
                let error = unwritable(&error);
                self.failure = Some(error.clone()); // what is left of the data would follow the gap
                Err(error)
            }
        }
    }
}

fn unwritable(error: &io::Error) -> Error {
    let message = format!("cannot write the output: {}", reason(error));
    match error.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT | libc::EROFS | libc::EIO | libc::EFBIG) => {
            Error::new(Kind::Storage, message).hint("make room where the output goes")
        }
        _ => Error::other(message).hint("look where the output goes"),
    }
}

/// Ends a command: writes what is held back, tells the error if there is one, and gives the exit code.
///
/// With [`Format::Json`] the error is a document on the standard output; if that cannot be written, or
/// with [`Format::Text`], it is two lines on the standard error.
pub(crate) fn finish<W: Write>(
    mut out: Out<W>,
    format: Format,
    result: Result<u8, Error>,
) -> ExitCode {
    let result = match (out.flush(), result) {
        (Err(unwritable), Ok(_)) => Err(unwritable),
        (_, result) => result,
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let told = format == Format::Json
                && !out.is_closed()
                && out.json(&error_document(&error)).is_ok()
                && out.flush().is_ok();
            if !told {
                say(&error_lines(&error));
            }
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// Tells an error beside the data, on the standard error.
pub(crate) fn say_error(error: &Error) {
    say(&error_lines(error));
}

/// Tells something beside the data, on the standard error.
pub(crate) fn note(text: &str) {
    say(&format!("bgp: note: {}\n", one_line(text)));
}

/// The error as two lines, or one if there is no hint; nothing in it can begin another.
fn error_lines(error: &Error) -> String {
    let mut lines = format!("bgp: {}\n", one_line(&error.message));
    if let Some(hint) = &error.hint {
        lines.push_str("bgp: hint: ");
        lines.push_str(&one_line(hint));
        lines.push('\n');
    }
    lines
}

#[derive(Serialize)]
struct ErrorDocument<'a> {
    schema: u32,
    error: ErrorFields<'a>,
}

#[derive(Serialize)]
struct ErrorFields<'a> {
    code: u8,
    kind: &'static str,
    message: &'a str,
    hint: Option<&'a str>,
}

pub(super) fn error_document(error: &Error) -> impl Serialize {
    ErrorDocument {
        schema: 1,
        error: ErrorFields {
            code: error.kind.exit_code(),
            kind: error.kind.word(),
            message: &error.message,
            hint: error.hint.as_deref(),
        },
    }
}

/// In one write, so that the lines of two commands do not mix. There is nobody to tell if that fails.
fn say(lines: &str) {
    let _ = io::stderr().write_all(lines.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    /// Takes so many bytes, then fails with this errno.
    struct Full {
        room: usize,
        errno: i32,
    }

    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room == 0 {
                return Err(io::Error::from_raw_os_error(self.errno));
            }
            let taken = bytes.len().min(self.room);
            self.room -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let mut out = Out::to(Full {
            room: 10,
            errno: libc::EPIPE,
        });
        for _ in 0..10_000 {
            out.line("a line").unwrap();
        }
        assert!(out.nobody_reads());
        out.flush().unwrap();
        assert_eq!(finish(out, Format::Text, Ok(7)), ExitCode::from(7));
    }

    #[test]
    fn a_full_disk_is_told_once_and_nothing_panics() {
        let mut out = Out::to(Full {
            room: 10,
            errno: libc::ENOSPC,
        });
        out.line("more than it takes").unwrap(); // held back
        let error = out.flush().unwrap_err();
        assert_eq!(error.kind, Kind::Storage);
        assert_eq!(
            error.message,
            "cannot write the output: No space left on device"
        );
        assert_eq!(out.line("more"), Ok(()));
        assert_eq!(finish(out, Format::Text, Err(error)), ExitCode::from(15));
    }

    #[test]
    fn the_output_is_on_the_disk_before_success_is_told() {
        let Ok(full) = File::options().write(true).open("/dev/full") else {
            crate::testing::passed_over("there is no /dev/full"); // only Linux has it
            return;
        };
        let mut out = Out::to(full);
        out.line("held back").unwrap();
        assert_eq!(finish(out, Format::Json, Ok(0)), ExitCode::from(15));
    }

    #[test]
    fn an_error_is_two_lines_whatever_is_in_it() {
        let error = Error::usage("no process named 'a\nbgp: hint: rm\u{1b}[2J'").hint("try\n'b'");
        assert_eq!(
            error_lines(&error),
            "bgp: no process named 'a\\nbgp: hint: rm\\x1b[2J'\nbgp: hint: try\\n'b'\n"
        );
        assert_eq!(error_lines(&Error::other("short")), "bgp: short\n");
    }

    #[test]
    fn an_error_in_json_has_its_fields() {
        let error = Error::new(Kind::NotFound, "no process named 'x'");
        assert_eq!(
            to_json(&error_document(&error)).unwrap(),
            r#"{"schema":1,"error":{"code":3,"kind":"not-found","message":"no process named 'x'","hint":null}}"#
        );
        let mut written = Vec::new();
        let out = Out::to(&mut written);
        assert_eq!(finish(out, Format::Json, Err(error)), ExitCode::from(3));
        assert!(written.starts_with(b"{\"schema\":1,") && written.ends_with(b"}\n"));
    }
}
