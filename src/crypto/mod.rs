//! What is secret and how it is sealed: one password, one master key, one key for each purpose.
//!
//! - [`kdf`]: the password becomes a key (PBKDF2-HMAC-SHA256), a key becomes others (HKDF-SHA256).
//! - [`seal`]: AES-256-CBC with a fresh IV, then HMAC-SHA256 over everything; opening checks first.
//! - [`Key`]: 32 secret bytes, wiped when dropped.
//!
//! Does not: keep anything on disk, know what it seals, or make up identifiers' meaning.

pub(crate) mod kdf;
pub(crate) mod seal;

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::model::error::Error;

/// The length of every key, in bytes (AES-256, HMAC-SHA256).
pub(crate) const KEY_BYTES: usize = 32;

/// 32 secret bytes with one purpose. Has no `Debug`, no `Clone` and no `Serialize`; wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Key([u8; KEY_BYTES]);

impl Key {
    pub(crate) fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The key that `fill` writes, in its place: nothing of it is left elsewhere.
    pub(crate) fn written_by(fill: impl FnOnce(&mut [u8; KEY_BYTES])) -> Self {
        let mut key = Self([0; KEY_BYTES]);
        fill(&mut key.0);
        key
    }

    /// A new random key.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes to give.
    pub(crate) fn random() -> Result<Self, Error> {
        Ok(Self(random_bytes()?))
    }

    /// The secret itself, for the one who computes with it or passes it on.
    pub(crate) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// `N` bytes from the system's random generator: the only source of keys, salts, IVs and ids.
///
/// # Errors
///
/// When the system has no random bytes to give; nothing may be sealed then.
pub(crate) fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}

/// Makes all of `bytes` random, like [`random_bytes`], with one request.
///
/// # Errors
///
/// When the system has no random bytes to give; `bytes` may not be used then.
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(bytes)
        .map_err(|error| Error::other(format!("cannot get random bytes: {error}")))
}

#[cfg(test)]
mod tests {
    use super::seal::{Mac, SealKeys};
    use super::*;
    use crate::store::environment::Environment;
    use crate::store::keys::Keys;
    use crate::store::password::Password;
    use crate::testing::shows_nothing;

    #[test]
    fn what_is_secret_cannot_be_shown_copied_or_written_down() {
        shows_nothing!(Key, SealKeys, Mac, Keys, Password);
        // A value of it is what may be passed on, so it can be copied; shown it cannot be.
        shows_nothing!(only std::fmt::Debug: Environment);
    }

    #[test]
    fn what_is_secret_is_wiped_when_it_is_dropped() {
        fn is_wiped<T: ZeroizeOnDrop>() {}
        is_wiped::<Key>();
        is_wiped::<Password>();
        is_wiped::<aes::Aes256>();
        is_wiped::<sha2::Sha256>(); // of which HMAC is made
        let mut key = Key::from_bytes([7; KEY_BYTES]);
        key.zeroize();
        assert_eq!(key.expose(), &[0; KEY_BYTES]);
        let mut password = Password::new(b"secret".to_vec().into()).unwrap();
        password.zeroize();
        assert!(password.expose().is_empty());
    }
}
