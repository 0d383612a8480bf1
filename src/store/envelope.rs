//! A sealed document: a header in the clear, then everything else sealed with the header as its context.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | magic: `BGPSTATE` or `BGPREADR` |
//! | 8 | 4 | version = 1 |
//! | 12 | 4 | reserved, zero |
//! | 16 | 16 | store id |
//! | 32 | … | `seal[…](bytes 0..32, JSON)` |
//!
//! Does not: know the JSON, or where the document is kept.

use std::path::Path;

use crate::crypto::seal::SealKeys;
use crate::model::error::{Error, Kind};
use crate::model::id::StoreId;

const HEADER_BYTES: usize = 32;
const VERSION: u32 = 1;

/// One sort of sealed document.
#[derive(Debug)]
pub(crate) struct Form {
    magic: &'static [u8; 8],
    /// The longest one, in bytes: longer ones are neither read nor written.
    pub(crate) max_bytes: u64,
}

/// The state of a store.
pub(crate) const STATE: Form = Form {
    magic: b"BGPSTATE",
    max_bytes: 256 << 20,
};

/// What one reader has had.
pub(crate) const READER: Form = Form {
    magic: b"BGPREADR",
    max_bytes: 1 << 20,
};

impl Form {
    /// The document that holds `json`; `path` is where it goes, for messages.
    ///
    /// # Errors
    ///
    /// `Storage` when it would be longer than it may be.
    pub(crate) fn seal(
        &self,
        store: StoreId,
        keys: &SealKeys,
        json: &[u8],
        path: &Path,
    ) -> Result<Vec<u8>, Error> {
        let header = self.header(store);
        if (header.len() + SealKeys::sealed_len(json.len())) as u64 > self.max_bytes {
            let message = format!(
                "'{}' would be longer than the {} bytes it may have",
                path.display(),
                self.max_bytes
            );
            return Err(Error::new(Kind::Storage, message).hint("'bgp clear' makes room"));
        }
        let sealed = keys.seal(&header, json)?;
        Ok([header.as_slice(), &sealed].concat())
    }

    /// Undoes [`seal`](Self::seal), where `bytes` are: the JSON.
    ///
    /// # Errors
    ///
    /// `Damaged` for any byte that is not what was sealed for this store in this form.
    pub(crate) fn open<'a>(
        &self,
        store: StoreId,
        keys: &SealKeys,
        bytes: &'a mut [u8],
        path: &Path,
    ) -> Result<&'a [u8], Error> {
        let (header, sealed) = bytes
            .split_first_chunk_mut::<HEADER_BYTES>()
            .ok_or_else(|| altered(path))?;
        if *header != self.header(store) {
            return Err(self.foreign(header, path));
        }
        keys.open_in_place(header, sealed)
            .map_err(|_| altered(path))
    }

    fn header(&self, store: StoreId) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(self.magic);
        header[8..12].copy_from_slice(&VERSION.to_le_bytes());
        header[16..].copy_from_slice(&store.0);
        header
    }

    /// What to say of a header that is not the one there should be.
    fn foreign(&self, header: &[u8; HEADER_BYTES], path: &Path) -> Error {
        let version = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        if header.starts_with(self.magic) && version > VERSION {
            let message = format!(
                "'{}' is altered, or of format version {version}, which this bgp does not know",
                path.display()
            );
            return Error::new(Kind::Damaged, message)
                .hint("use the newest bgp that has been used here");
        }
        altered(path)
    }
}

/// The one text for whatever is wrong with a sealed document, so that nothing tells which it was.
pub(super) fn altered(path: &Path) -> Error {
    Error::new(
        Kind::Damaged,
        format!("'{}' is damaged or was altered", path.display()),
    )
    .hint("'bgp verify' tells what is damaged, 'bgp repair' makes the state anew from the logs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Key;
    use crate::model::id::Id;

    fn keys() -> SealKeys {
        SealKeys::derive(&Key::from_bytes([7; 32]), b"store", "state")
    }

    fn open(form: &Form, store: u8, bytes: &[u8]) -> Result<Vec<u8>, Kind> {
        let mut bytes = bytes.to_vec();
        form.open(Id([store; 16]), &keys(), &mut bytes, Path::new("/state"))
            .map(<[u8]>::to_vec)
            .map_err(|error| error.kind)
    }

    #[test]
    fn a_document_opens_as_what_it_was_sealed_for() {
        let bytes = STATE
            .seal(Id([1; 16]), &keys(), b"{}", Path::new("/state"))
            .unwrap();
        assert_eq!(bytes[..16], *b"BGPSTATE\x01\0\0\0\0\0\0\0");
        assert_eq!(open(&STATE, 1, &bytes).unwrap(), b"{}");
        assert_eq!(open(&STATE, 2, &bytes), Err(Kind::Damaged));
        assert_eq!(open(&READER, 1, &bytes), Err(Kind::Damaged));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_damage() {
        let bytes = STATE
            .seal(Id([1; 16]), &keys(), b"{\"a\":1}", Path::new("/state"))
            .unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(&STATE, 1, &altered), Err(Kind::Damaged), "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert_eq!(open(&STATE, 1, &bytes[..len]), Err(Kind::Damaged), "{len}");
        }
        let longer = [bytes.as_slice(), b"\0"].concat();
        assert_eq!(open(&STATE, 1, &longer), Err(Kind::Damaged));
        assert_eq!(open(&STATE, 1, &[0; 4096]), Err(Kind::Damaged));
    }

    #[test]
    fn a_later_version_is_named() {
        let mut bytes = STATE
            .seal(Id([1; 16]), &keys(), b"{}", Path::new("/state"))
            .unwrap();
        bytes[8] = 2;
        let error = STATE
            .open(Id([1; 16]), &keys(), &mut bytes, Path::new("/state"))
            .unwrap_err();
        assert!(error.message.contains("format version 2"), "{error}");
    }
}
