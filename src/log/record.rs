//! One record: put together, sealed and opened in place.
//!
//! Does not: number records or keep them inside blocks; see [`batch`](super::batch) and
//! [`blocks`](super::blocks).

use super::header::{array_at, u32_at, u64_at};
use super::{Identity, LogKeys};
use crate::crypto::seal::{BLOCK_BYTES as AES_BLOCK, BadSeal, IV_BYTES, SealKeys, TAG_BYTES};
use crate::model::error::Error;

/// The longest record.
pub(crate) const RECORD_MAX_BYTES: usize = 4096;
/// The shortest record: one with at most three bytes of payload.
pub(super) const RECORD_MIN_BYTES: usize = HEAD_BYTES + AES_BLOCK + TAG_BYTES;
/// The most payload one record carries.
pub(crate) const PAYLOAD_MAX_BYTES: usize = capacity(RECORD_MAX_BYTES);
/// Where in a decrypted record its payload begins.
pub(super) const PAYLOAD_AT: usize = HEAD_BYTES + PREFIX_BYTES;

const VERSION: u8 = 1;
/// Length, version, number and IV: what stands before the ciphertext.
const HEAD_BYTES: usize = 32;
const IV_AT: usize = 16;
/// Time, kind, flags: what stands before the payload.
const PREFIX_BYTES: usize = 12;
const MORE: u8 = 1;

/// What goes into a record beside its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) number: u64,
    pub(super) time_ns: u64,
    /// See [`Kind`](super::Kind); may be one that this version does not know.
    pub(super) kind: u8,
    /// The fact goes on in the next record.
    pub(super) more: bool,
}

/// The keys of the records of one segment: they open no other record.
pub(super) fn segment_keys(keys: &LogKeys, identity: &Identity, segment: u64) -> SealKeys {
    let mut context = [0; 64];
    context[0..8].copy_from_slice(b"BGPREC\x01\x00");
    context[8..24].copy_from_slice(&identity.log.0);
    context[24..40].copy_from_slice(&identity.store.0);
    context[40..48].copy_from_slice(&segment.to_le_bytes());
    keys.records.bound_to(&context)
}

/// The length of a record with `payload_bytes`.
pub(super) const fn record_len(payload_bytes: usize) -> usize {
    HEAD_BYTES + ((PREFIX_BYTES + payload_bytes) / AES_BLOCK + 1) * AES_BLOCK + TAG_BYTES
}

/// The most payload of a record of at most `room` bytes, which are at least the shortest's.
pub(super) const fn capacity(room: usize) -> usize {
    let room = if room < RECORD_MAX_BYTES {
        room
    } else {
        RECORD_MAX_BYTES
    };
    room / AES_BLOCK * AES_BLOCK - HEAD_BYTES - TAG_BYTES - PREFIX_BYTES - 1
}

/// Adds a record to `batch` that is complete but for its seal.
pub(super) fn put(batch: &mut Vec<u8>, meta: Meta, payload: &[u8]) {
    let len = record_len(payload.len());
    let end = batch.len() + len;
    let stored = u32::try_from(len).expect("a record is at most 4 KiB");
    batch.extend_from_slice(&stored.to_le_bytes());
    batch.extend_from_slice(&[VERSION, 0, 0, 0]);
    batch.extend_from_slice(&meta.number.to_le_bytes());
    batch.extend_from_slice(&[0; IV_BYTES]);
    batch.extend_from_slice(&meta.time_ns.to_le_bytes());
    batch.extend_from_slice(&[meta.kind, u8::from(meta.more) * MORE, 0, 0]);
    batch.extend_from_slice(payload);
    let padding = end - TAG_BYTES - batch.len();
    let byte = u8::try_from(padding).expect("padding is at most one AES block");
    batch.resize(end - TAG_BYTES, byte);
    batch.resize(end, 0);
}

/// Seals in place records that [`put`] made, at most [`LANES`](crate::crypto::seal::LANES) and all `len` long; returns the last one's
/// tag. They are encrypted in step, which is much faster than one after the other.
///
/// # Errors
///
/// When there is no `iv` to be had; nothing may be written then.
pub(super) fn seal(
    keys: &SealKeys,
    records: &mut [u8],
    len: usize,
    mut iv: impl FnMut() -> Result<[u8; IV_BYTES], Error>,
) -> Result<[u8; TAG_BYTES], Error> {
    for record in records.chunks_exact_mut(len) {
        record[IV_AT..HEAD_BYTES].copy_from_slice(&iv()?);
    }
    keys.encrypt_in_step(records, len, IV_AT..len - TAG_BYTES);
    let mut tag = [0; TAG_BYTES];
    for record in records.chunks_exact_mut(len) {
        let (body, end) = record.split_at_mut(len - TAG_BYTES);
        tag = keys.tag(&[], body);
        end.copy_from_slice(&tag);
    }
    Ok(tag)
}

/// The length of the record that `bytes` begin with, if its length is one that a record has and all of
/// it is there.
pub(super) fn measure(bytes: &[u8]) -> Option<usize> {
    if bytes.len() < RECORD_MIN_BYTES || bytes[4..8] != [VERSION, 0, 0, 0] {
        return None;
    }
    let len = usize::try_from(u32_at(bytes, 0)).ok()?;
    let fits = (RECORD_MIN_BYTES..=RECORD_MAX_BYTES.min(bytes.len())).contains(&len);
    (fits && len % AES_BLOCK == 0).then_some(len)
}

/// Whether `record`, all of it, was sealed with these keys; its number.
///
/// # Errors
///
/// [`BadSeal`] when it was not.
pub(super) fn check(keys: &SealKeys, record: &[u8]) -> Result<u64, BadSeal> {
    let (body, tag) = record.split_at(record.len() - TAG_BYTES);
    keys.verify(&[], body, tag)?;
    Ok(u64_at(record, 8))
}

/// Decrypts in place what [`check`] has passed. Returns what it says and where its payload ends; it begins
/// at [`PAYLOAD_AT`].
///
/// # Errors
///
/// [`BadSeal`] when the plaintext is none that this version writes.
pub(super) fn decrypt(keys: &SealKeys, record: &mut [u8]) -> Result<(Meta, usize), BadSeal> {
    let number = u64_at(record, 8);
    let iv = array_at(record, IV_AT);
    let body = record.len() - TAG_BYTES;
    let plain = keys.decrypt_in_place(&iv, &mut record[HEAD_BYTES..body])?;
    if plain.len() < PREFIX_BYTES || plain[9] & !MORE != 0 || plain[10..12] != [0, 0] {
        return Err(BadSeal);
    }
    let meta = Meta {
        number,
        time_ns: u64_at(plain, 0),
        kind: plain[8],
        more: plain[9] == MORE,
    };
    Ok((meta, HEAD_BYTES + plain.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{IDENTITY, keys};

    const META: Meta = Meta {
        number: 7,
        time_ns: 8,
        kind: 9,
        more: true,
    };

    fn sealed(payload: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        put(&mut record, META, payload);
        let (keys, len) = (segment_keys(&keys(), &IDENTITY, 1), record.len());
        seal(&keys, &mut record, len, || Ok([5; 16])).unwrap();
        record
    }

    fn opened(keys: &SealKeys, mut record: Vec<u8>) -> Option<(Meta, Vec<u8>)> {
        let len = measure(&record)?;
        assert_eq!(check(keys, &record[..len]).ok()?, u64_at(&record, 8));
        let (meta, end) = decrypt(keys, &mut record[..len]).ok()?;
        Some((meta, record[PAYLOAD_AT..end].to_vec()))
    }

    #[test]
    fn every_payload_length_comes_back_and_fills_its_record() {
        let keys = segment_keys(&keys(), &IDENTITY, 1);
        for len in (0..100).chain(PAYLOAD_MAX_BYTES - 20..=PAYLOAD_MAX_BYTES) {
            let record = sealed(&vec![1; len]);
            assert_eq!(record.len(), record_len(len));
            assert!(capacity(record.len()) >= len && capacity(record.len()) < len + AES_BLOCK);
            assert_eq!(opened(&keys, record), Some((META, vec![1; len])));
        }
        assert_eq!(record_len(PAYLOAD_MAX_BYTES), RECORD_MAX_BYTES);
        assert_eq!((PAYLOAD_MAX_BYTES, RECORD_MIN_BYTES), (4019, 80));
    }

    #[test]
    fn no_changed_bit_other_segment_or_missing_byte_opens() {
        let right = segment_keys(&keys(), &IDENTITY, 1);
        let record = sealed(b"abc");
        assert_eq!(
            opened(&segment_keys(&keys(), &IDENTITY, 2), record.clone()),
            None
        );
        for bit in 0..record.len() * 8 {
            let mut altered = record.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(opened(&right, altered), None, "bit {bit}");
        }
        for len in 0..record.len() {
            assert_eq!(opened(&right, record[..len].to_vec()), None, "length {len}");
        }
    }
    #[test]
    fn what_this_version_does_not_write_is_not_read() {
        let keys = segment_keys(&keys(), &IDENTITY, 1);
        for (at, byte) in [(41, 2), (41, 0x80), (42, 1), (43, 1)] {
            let mut record = Vec::new();
            put(&mut record, META, b"abc");
            record[at] |= byte;
            let len = record.len();
            seal(&keys, &mut record, len, || Ok([5; 16])).unwrap();
            assert_eq!(opened(&keys, record), None, "byte {at}");
        }
    }
}
