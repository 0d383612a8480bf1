//! The file that is written to: all of a batch, or what of it may have been read already.
//!
//! Does not: seal.

use std::io;

use crate::crypto::seal::SealKeys;
use crate::sys::crash::crash_point;
use crate::sys::sink::{Sink, write_counted};

/// The live segment, and how much of its file is ours.
pub(super) struct Segment<S> {
    pub(super) file: S,
    pub(super) number: u64,
    pub(super) keys: SealKeys,
    pub(super) len: u64,
    /// Something may stand behind `len`: a write failed, and cutting it off failed too.
    torn: bool,
}

impl<S: Sink> Segment<S> {
    pub(super) fn new(file: S, number: u64, keys: SealKeys) -> Self {
        Self {
            file,
            number,
            keys,
            len: 0,
            torn: false,
        }
    }

    /// Adds `bytes`, or where that cannot be done as much of them as `keep` says of what is written.
    pub(super) fn write(
        &mut self,
        bytes: &[u8],
        keep: impl FnOnce(usize) -> usize,
    ) -> io::Result<()> {
        if self.torn {
            self.file.truncate(self.len)?;
            self.torn = false;
        }
        if let Err((written, error)) = write_counted(&self.file, bytes, self.len) {
            self.len += keep(written) as u64;
            self.torn = self.file.truncate(self.len).is_err();
            return Err(error);
        }
        self.len += bytes.len() as u64;
        crash_point!("log-written");
        Ok(())
    }
}

/// Keeps nothing.
pub(super) fn none(_written: usize) -> usize {
    0
}
