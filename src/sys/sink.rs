//! Where own bytes go: a file, or in tests one that fails.
//!
//! Does not: open files, or decide what a failure means.

use std::fs::File;
use std::io;

use super::crash::crash_point;
use super::failing::fail_point;

/// What can be written to.
pub(crate) trait Sink {
    /// Writes at `offset`; may write less. See pwrite(2).
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Cuts all that is behind `len`.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Returns when all that was written survives a power cut. See fdatasync(2).
    fn sync(&self) -> io::Result<()>;
}

impl Sink for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        #[cfg(debug_assertions)]
        let bytes = &bytes[..super::failing::writing(bytes.len())?];
        std::os::unix::fs::FileExt::write_at(self, bytes, offset)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        fail_point!("truncate");
        self.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        fail_point!("sync");
        self.sync_data()
    }
}

/// Writes all of `bytes` at `offset`: in one write, unless the system takes less, as it does before it
/// says why.
///
/// # Errors
///
/// As the system says; some of it may be written then.
pub(crate) fn write_all(file: &impl Sink, bytes: &[u8], offset: u64) -> io::Result<()> {
    write_counted(file, bytes, offset).map_err(|(_, error)| error)
}

/// The same, and an error tells how much of it is written.
///
/// # Errors
///
/// As the system says.
pub(crate) fn write_counted(
    file: &impl Sink,
    bytes: &[u8],
    offset: u64,
) -> Result<(), (usize, io::Error)> {
    let mut done = 0;
    while done < bytes.len() {
        match file.write_at(&bytes[done..], offset + done as u64) {
            Ok(0) => return Err((done, io::ErrorKind::WriteZero.into())),
            Ok(written) => done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err((done, error)),
        }
        if done < bytes.len() {
            crash_point!("write-cut");
        }
    }
    Ok(())
}
