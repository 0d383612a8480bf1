//! Sealing: encrypt, then authenticate; opening: authenticate, then decrypt.
//!
//! ```text
//! seal[enc, mac](context, plain) = iv ‖ ct ‖ HMAC-SHA256[mac](context ‖ iv ‖ ct)
//!                             ct = AES-256-CBC[enc, iv](PKCS#7(plain))
//! ```
//!
//! Does not: store the context; the format that calls says what it is and keeps it unambiguous.

use std::ops::Range;

use aes::Aes256;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{
    Block, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, InnerIvInit, KeyInit,
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Key, kdf, random_bytes};
use crate::model::error::Error;

/// The length of an initialisation vector, one AES block, in bytes.
pub(crate) const IV_BYTES: usize = 16;
/// The length of an AES block, in bytes.
pub(crate) const BLOCK_BYTES: usize = 16;
/// How many units are encrypted in step: what the processor's AES units are busy with. More would
/// collide in its first-level cache.
pub(crate) const LANES: usize = 8;
/// The length of a tag (HMAC-SHA256), in bytes.
pub(crate) const TAG_BYTES: usize = 32;

/// The bytes are not what the owner of the keys sealed there: a wrong key, or something altered.
///
/// There is one such error for a bad tag, a bad length and bad padding, so that nothing tells which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadSeal;

/// The two independent keys of one sealed thing, ready for use. Has no `Debug` and no `Serialize`.
pub(crate) struct SealKeys {
    cipher: Aes256,
    mac: Hmac<Sha256>,
}

impl SealKeys {
    /// The keys labelled `PURPOSE enc` and `PURPOSE mac` under `root`, for the store or log `salt`.
    pub(crate) fn derive(root: &Key, salt: &[u8], purpose: &str) -> Self {
        let [enc, mac] = kdf::derive_each(root, salt, [&[purpose, " enc"], &[purpose, " mac"]]);
        Self {
            cipher: Aes256::new(enc.expose().into()),
            mac: keyed(&mac),
        }
    }

    /// The same keys for many things whose contexts all begin with `context`: that part is hashed
    /// once, here, and left out of each later call.
    pub(crate) fn bound_to(&self, context: &[u8]) -> Self {
        Self {
            cipher: self.cipher.clone(),
            mac: self.mac.clone().chain_update(context),
        }
    }

    /// The length of `seal`'s result for `plain_bytes` of plaintext, in bytes.
    pub(crate) const fn sealed_len(plain_bytes: usize) -> usize {
        IV_BYTES + (plain_bytes / BLOCK_BYTES + 1) * BLOCK_BYTES + TAG_BYTES
    }

    /// Seals `plain` under a fresh random IV.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes to give.
    pub(crate) fn seal(&self, context: &[u8], plain: &[u8]) -> Result<Vec<u8>, Error> {
        let iv = random_bytes::<IV_BYTES>()?;
        let mut sealed = Vec::with_capacity(Self::sealed_len(plain.len()));
        sealed.extend_from_slice(&iv);
        sealed.extend_from_slice(plain);
        sealed.resize(Self::sealed_len(plain.len()) - TAG_BYTES, 0);
        self.encrypt_in_place(&iv, &mut sealed[IV_BYTES..], plain.len());
        let tag = self.tag(context, &sealed);
        sealed.extend_from_slice(&tag);
        Ok(sealed)
    }

    /// Undoes [`seal`](Self::seal).
    ///
    /// The tag is checked, in constant time, before a byte is decrypted: with CBC the other order is
    /// a padding oracle.
    ///
    /// # Errors
    ///
    /// [`BadSeal`] for a wrong key, a wrong context, or any altered, missing or added byte.
    pub(crate) fn open(
        &self,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, BadSeal> {
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let plain = self.open_in_place(context, &mut buffer)?;
        Ok(Zeroizing::new(plain.to_vec()))
    }

    /// The same where `sealed` is; what is in it otherwise is of no use afterwards.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); then nothing was decrypted.
    pub(crate) fn open_in_place<'a>(
        &self,
        context: &[u8],
        sealed: &'a mut [u8],
    ) -> Result<&'a [u8], BadSeal> {
        let body_len = sealed.len().checked_sub(TAG_BYTES).ok_or(BadSeal)?;
        let (body, tag) = sealed.split_at_mut(body_len);
        self.verify(context, body, tag)?;
        let (iv, ciphertext) = body.split_first_chunk_mut::<IV_BYTES>().ok_or(BadSeal)?;
        self.decrypt_in_place(iv, ciphertext)
    }

    /// Encrypts the first `plain_bytes` of `buffer` over all of it; `buffer` is the padded length.
    pub(crate) fn encrypt_in_place(
        &self,
        iv: &[u8; IV_BYTES],
        buffer: &mut [u8],
        plain_bytes: usize,
    ) {
        cbc::Encryptor::inner_iv_init(&self.cipher, iv.into())
            .encrypt_padded::<Pkcs7>(buffer, plain_bytes)
            .expect("the caller sized the buffer for the padding");
    }

    /// Encrypts in place a part of each of the `len` long `units`, at most [`LANES`] of them: `part` of a
    /// unit is its IV, followed by its plaintext, padded already.
    ///
    /// CBC goes block by block; but the processor works on the blocks of several units at once.
    pub(crate) fn encrypt_in_step(&self, units: &mut [u8], len: usize, part: Range<usize>) {
        debug_assert!(units.len() <= LANES * len, "the caller counts the units");
        let lanes = units.len() / len;
        let mut chain = [Block::<Aes256>::default(); LANES];
        for (block, unit) in chain.iter_mut().zip(units.chunks_exact(len)) {
            block.copy_from_slice(&unit[part.start..part.start + BLOCK_BYTES]);
        }
        for at in part.step_by(BLOCK_BYTES).skip(1) {
            for (block, unit) in chain.iter_mut().zip(units.chunks_exact(len)) {
                for (byte, plain) in block.iter_mut().zip(&unit[at..at + BLOCK_BYTES]) {
                    *byte ^= plain;
                }
            }
            self.cipher.encrypt_blocks(&mut chain[..lanes]);
            for (block, unit) in chain.iter().zip(units.chunks_exact_mut(len)) {
                unit[at..at + BLOCK_BYTES].copy_from_slice(block);
            }
        }
    }

    /// Decrypts `ciphertext` in place, after its tag was checked.
    ///
    /// # Errors
    ///
    /// [`BadSeal`] for a length or padding that [`encrypt_in_place`](Self::encrypt_in_place) never makes.
    pub(crate) fn decrypt_in_place<'a>(
        &self,
        iv: &[u8; IV_BYTES],
        ciphertext: &'a mut [u8],
    ) -> Result<&'a [u8], BadSeal> {
        cbc::Decryptor::inner_iv_init(&self.cipher, iv.into())
            .decrypt_padded::<Pkcs7>(ciphertext)
            .map_err(|_| BadSeal)
    }

    /// `HMAC-SHA256[mac](context ‖ body)`. Source: RFC 2104, FIPS 198-1.
    pub(crate) fn tag(&self, context: &[u8], body: &[u8]) -> [u8; TAG_BYTES] {
        self.mac
            .clone()
            .chain_update(context)
            .chain_update(body)
            .finalize()
            .into_bytes()
            .into()
    }

    /// Checks a tag in constant time.
    ///
    /// # Errors
    ///
    /// [`BadSeal`] when it is another.
    pub(crate) fn verify(&self, context: &[u8], body: &[u8], tag: &[u8]) -> Result<(), BadSeal> {
        self.mac
            .clone()
            .chain_update(context)
            .chain_update(body)
            .verify_slice(tag)
            .map_err(|_| BadSeal)
    }
}

/// A keyed HMAC-SHA256 by itself, for proofs and names. Has no `Debug`.
pub(crate) struct Mac(Hmac<Sha256>);

impl Mac {
    pub(crate) fn new(key: &Key) -> Self {
        Self(keyed(key))
    }

    /// `HMAC-SHA256[key](text)`.
    pub(crate) fn tag(&self, text: &[u8]) -> [u8; TAG_BYTES] {
        self.0
            .clone()
            .chain_update(text)
            .finalize()
            .into_bytes()
            .into()
    }

    /// Whether `tag` is that of `text`, in constant time.
    pub(crate) fn verify(&self, text: &[u8], tag: &[u8]) -> bool {
        self.0.clone().chain_update(text).verify_slice(tag).is_ok()
    }
}

fn keyed(key: &Key) -> Hmac<Sha256> {
    Hmac::new_from_slice(key.expose()).expect("HMAC takes a key of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(byte: u8) -> SealKeys {
        SealKeys::derive(&Key::from_bytes([byte; 32]), b"salt", "test")
    }

    #[test]
    fn what_was_sealed_opens_at_every_length() {
        for len in 0..70 {
            let plain: Vec<u8> = (0..len).collect();
            let sealed = keys(1).seal(b"context", &plain).unwrap();
            assert_eq!(sealed.len(), SealKeys::sealed_len(plain.len()));
            assert_eq!(*keys(1).open(b"context", &sealed).unwrap(), plain);
        }
    }

    #[test]
    fn any_other_key_context_bit_or_length_is_refused() {
        let sealed = keys(1).seal(b"context", b"a secret").unwrap();
        assert_eq!(keys(2).open(b"context", &sealed), Err(BadSeal));
        assert_eq!(keys(1).open(b"contexT", &sealed), Err(BadSeal));
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                keys(1).open(b"context", &altered),
                Err(BadSeal),
                "bit {bit}"
            );
        }
        for len in 0..sealed.len() {
            assert_eq!(
                keys(1).open(b"context", &sealed[..len]),
                Err(BadSeal),
                "length {len}"
            );
        }
    }

    #[test]
    fn keys_bound_to_the_start_of_a_context_are_the_keys_with_all_of_it() {
        let sealed = keys(1).bound_to(b"con").seal(b"text", b"a secret").unwrap();
        assert_eq!(*keys(1).open(b"context", &sealed).unwrap(), b"a secret");
        assert_eq!(keys(1).open(b"text", &sealed), Err(BadSeal));
    }

    #[test]
    fn encrypting_in_step_is_encrypting_one_by_one() {
        const UNIT: usize = 3 + IV_BYTES + 48 + 1;
        let keys = keys(1);
        let unit = |lane: u8| {
            let mut unit = [lane; UNIT];
            unit[UNIT - 2] = 1; // one byte of padding
            unit
        };
        for lanes in 1..=8 {
            let mut units: Vec<u8> = (0..lanes).flat_map(unit).collect();
            keys.encrypt_in_step(&mut units, UNIT, 3..UNIT - 1);
            for (lane, in_step) in (0..lanes).zip(units.chunks_exact(UNIT)) {
                let mut alone = unit(lane);
                keys.encrypt_in_place(&[lane; IV_BYTES], &mut alone[19..UNIT - 1], 47);
                assert_eq!(in_step, alone, "{lane} of {lanes}");
            }
        }
    }

    #[test]
    fn two_seals_of_one_text_share_nothing() {
        let (one, two) = (
            keys(1).seal(b"", b"same").unwrap(),
            keys(1).seal(b"", b"same").unwrap(),
        );
        assert_ne!(one[..IV_BYTES], two[..IV_BYTES]);
        assert_ne!(one[IV_BYTES..], two[IV_BYTES..]);
    }
}
