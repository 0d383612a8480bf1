//! The file that is written to: all of a batch or none of it.
//!
//! Does not: seal.

use std::io;

use crate::crypto::seal::SealKeys;
use crate::sys::crash::crash_point;
use crate::sys::sink::{Sink, write_all};

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

    /// Adds `bytes`, all or none.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.truncate(self.len)?;
            self.torn = false;
        }
        if let Err(error) = write_all(&self.file, bytes, self.len) {
            self.torn = self.file.truncate(self.len).is_err();
            return Err(error);
        }
        self.len += bytes.len() as u64;
        crash_point!("log-written");
        Ok(())
    }
}
