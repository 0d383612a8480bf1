//! The file `key`: the random master key of a store, sealed under a key made from the password.
//!
//! One line of JSON, 4,096 bytes at most; all byte strings are lowercase hex:
//!
//! ```text
//! {"format":"bgp key","version":1,"kdf":"PBKDF2-HMAC-SHA256","iterations":600000,
//!  "salt":"<16 bytes>","store":"<16 bytes>","sealed":"<96 bytes: iv ‖ ct ‖ tag>","check":"<8 bytes>"}
//!
//! KEK     = PBKDF2-HMAC-SHA256(password, salt, iterations)
//! sealed  = seal[HKDF(KEK, salt = store, "key enc"), HKDF(…, "key mac")](context, master key)
//! context = "bgp key 1\nPBKDF2-HMAC-SHA256\n600000\n<salt>\n<store>\n"
//! check   = the first 8 bytes of SHA-256(context ‖ sealed as it is written)
//! ```
//!
//! `check` tells a damaged file from a wrong password, to anyone: it proves nothing against an attacker.
//! Does not: write the file, ask for the password, or remember either.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::password::Password;
use crate::crypto::seal::{SealKeys, TAG_BYTES};
use crate::crypto::{KEY_BYTES, Key, kdf, random_bytes};
use crate::model::error::{Error, Kind};
use crate::model::id::{Id, StoreId, decode_hex, encode_hex};

/// What a new key is made with: OWASP's advice for PBKDF2-HMAC-SHA256 since 2023, about 60 ms.
pub(crate) const ITERATIONS: u32 = 600_000;
/// The longest file that is read, in bytes.
pub(crate) const KEY_FILE_MAX_BYTES: u64 = 4096;

const ITERATIONS_MIN: u32 = 1_000;
const ITERATIONS_MAX: u32 = 100_000_000; // some ten seconds
const SEALED_BYTES: usize = SealKeys::sealed_len(KEY_BYTES);
const FORMAT: &str = "bgp key";
const VERSION: u32 = 1;
const KDF: &str = "PBKDF2-HMAC-SHA256";

/// What the file says: everything but the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFile {
    iterations: u32,
    salt: [u8; 16],
    store: StoreId,
    sealed: [u8; SEALED_BYTES],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    format: String,
    version: u32,
    kdf: String,
    iterations: u32,
    salt: String,
    store: StoreId,
    sealed: String,
    check: String,
}

impl KeyFile {
    /// A new store's: a random id and master key, sealed under `password`.
    ///
    /// # Errors
    ///
    /// When the system has no random bytes to give.
    pub(crate) fn create(password: &Password, iterations: u32) -> Result<(Self, Key), Error> {
        let master = Key::random()?;
        let store = Id(random_bytes()?);
        Ok((Self::wrap(&master, store, password, iterations)?, master))
    }

    /// `master` of `store`, sealed under another password with a salt of its own.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create).
    pub(crate) fn wrap(
        master: &Key,
        store: StoreId,
        password: &Password,
        iterations: u32,
    ) -> Result<Self, Error> {
        let mut file = Self {
            iterations,
            salt: random_bytes()?,
            store,
            sealed: [0; SEALED_BYTES],
        };
        let sealed = file
            .seal_keys(password)
            .seal(file.context().as_bytes(), master.expose())?;
        file.sealed.copy_from_slice(&sealed);
        Ok(file)
    }

    /// Reads `bytes`; `path` is where they come from, for messages.
    ///
    /// # Errors
    ///
    /// `Damaged` when it is no key file that this bgp knows, or its check value is another.
    pub(crate) fn parse(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let wire: Wire = serde_json::from_slice(bytes).map_err(|_| damaged(path, "is damaged"))?;
        if wire.format != FORMAT || wire.version != VERSION || wire.kdf != KDF {
            return Err(damaged(
                path,
                "has a format, version or key derivation that this bgp does not know",
            ));
        }
        if !(ITERATIONS_MIN..=ITERATIONS_MAX).contains(&wire.iterations) {
            return Err(damaged(path, "has an iteration count out of all bounds"));
        }
        let (Some(salt), Some(sealed)) = (decode_hex(&wire.salt), decode_hex(&wire.sealed)) else {
            return Err(damaged(path, "is damaged"));
        };
        let file = Self {
            iterations: wire.iterations,
            salt,
            store: wire.store,
            sealed,
        };
        if wire.check != file.check() {
            return Err(damaged(path, "is damaged"));
        }
        Ok(file)
    }

    /// The bytes of the file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let wire = Wire {
            format: FORMAT.to_owned(),
            version: VERSION,
            kdf: KDF.to_owned(),
            iterations: self.iterations,
            salt: encode_hex(&self.salt),
            store: self.store,
            sealed: encode_hex(&self.sealed),
            check: self.check(),
        };
        let mut bytes = serde_json::to_vec(&wire).expect("numbers and hex have a form in JSON");
        bytes.push(b'\n');
        bytes
    }

    /// The master key. Takes as long as the iterations take; `path` is for messages.
    ///
    /// # Errors
    ///
    /// `WrongPassword`.
    pub(crate) fn unlock(&self, password: &Password, path: &Path) -> Result<Key, Error> {
        let plain = self
            .seal_keys(password)
            .open(self.context().as_bytes(), &self.sealed)
            .map_err(|_| wrong_password(path))?;
        let bytes: &[u8; KEY_BYTES] = plain
            .as_slice()
            .try_into()
            .map_err(|_| damaged(path, "is damaged"))?;
        Ok(Key::from_bytes(*bytes))
    }

    /// Which store it is the key of.
    pub(crate) fn store(&self) -> StoreId {
        self.store
    }

    /// What changes with every new sealing, and so with every new password: the tag.
    pub(crate) fn tag(&self) -> &[u8; TAG_BYTES] {
        self.sealed
            .last_chunk()
            .expect("a seal is longer than its tag")
    }

    fn seal_keys(&self, password: &Password) -> SealKeys {
        let kek = kdf::from_password(password.expose(), &self.salt, self.iterations);
        SealKeys::derive(&kek, &self.store.0, "key")
    }

    fn context(&self) -> String {
        format!(
            "{FORMAT} {VERSION}\n{KDF}\n{}\n{}\n{}\n",
            self.iterations,
            encode_hex(&self.salt),
            self.store
        )
    }

    fn check(&self) -> String {
        let digest = Sha256::new()
            .chain_update(self.context())
            .chain_update(encode_hex(&self.sealed))
            .finalize();
        encode_hex(&digest[..8])
    }
}

fn damaged(path: &Path, what: &str) -> Error {
    Error::new(Kind::Damaged, format!("'{}' {what}", path.display())).hint(
        "put back a copy of this file: without it nothing that is sealed under it can be opened",
    )
}

fn wrong_password(path: &Path) -> Error {
    let place = path.parent().unwrap_or(path).display();
    Error::new(Kind::WrongPassword, "wrong password").hint(format!(
        "'{place}' was made with another one, or 'bgp passwd' has changed it since"
    ))
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn password(text: &str) -> Password {
        Password::new(Zeroizing::new(text.into())).unwrap()
    }

    fn path() -> &'static Path {
        Path::new("/store/key")
    }

    #[test]
    fn the_password_opens_it_and_no_other_does() {
        let (file, master) = KeyFile::create(&password("right"), 1_000).unwrap();
        let read = KeyFile::parse(&file.to_bytes(), path()).unwrap();
        assert_eq!(read, file);
        let opened = read.unlock(&password("right"), path()).unwrap();
        assert_eq!(opened.expose(), master.expose());
        for wrong in ["Right", "right\n", "righ", " right", "\0"] {
            let error = read.unlock(&password(wrong), path()).err().unwrap();
            assert_eq!(error.kind, Kind::WrongPassword, "{wrong:?}");
            assert_eq!(error.message, "wrong password");
            assert!(error.hint.unwrap().starts_with("'/store' "));
        }
    }

    #[test]
    fn a_new_password_opens_the_same_master_key_and_the_old_one_nothing() {
        let (old, master) = KeyFile::create(&password("old"), 1_000).unwrap();
        let new = KeyFile::wrap(&master, old.store(), &password("new"), 1_000).unwrap();
        assert_eq!(new.store(), old.store());
        assert_ne!((new.salt, new.tag()), (old.salt, old.tag()));
        let opened = new.unlock(&password("new"), path()).unwrap();
        assert_eq!(opened.expose(), master.expose());
        let error = new.unlock(&password("old"), path()).err().unwrap();
        assert_eq!(error.kind, Kind::WrongPassword);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_damage() {
        let (file, _) = KeyFile::create(&password("right"), 1_000).unwrap();
        let bytes = file.to_bytes();
        assert!(bytes.len() as u64 <= KEY_FILE_MAX_BYTES);
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            let error = KeyFile::parse(&altered, path()).unwrap_err();
            assert_eq!(error.kind, Kind::Damaged, "bit {bit}");
        }
        for len in 0..bytes.len() - 1 {
            let error = KeyFile::parse(&bytes[..len], path()).unwrap_err();
            assert_eq!(error.kind, Kind::Damaged, "length {len}");
        }
    }

    #[test]
    fn a_file_that_would_weaken_or_delay_is_refused() {
        let (file, _) = KeyFile::create(&password("right"), 1_000).unwrap();
        let text = String::from_utf8(file.to_bytes()).unwrap();
        for (old, new) in [
            ("\"iterations\":1000", "\"iterations\":999"),
            ("\"iterations\":1000", "\"iterations\":100000001"),
            ("\"iterations\":1000", "\"iterations\":18446744073709551616"),
            ("\"iterations\":1000", "\"iterations\":1000.5"),
            ("\"version\":1", "\"version\":0"),
            ("\"version\":1", "\"version\":2"),
            ("bgp key", "bgp plain"),
            ("PBKDF2-HMAC-SHA256", "none"),
            (",\"check\"", ",\"plain\":true,\"check\""),
            ("\"kdf\":\"PBKDF2-HMAC-SHA256\",", ""),
        ] {
            assert!(text.contains(old), "{old}");
            let altered = text.replace(old, new);
            let error = KeyFile::parse(altered.as_bytes(), path()).unwrap_err();
            assert_eq!(error.kind, Kind::Damaged, "{new}");
        }
        let (weak, _) = KeyFile::create(&password("right"), 999).unwrap(); // its check holds
        let error = KeyFile::parse(&weak.to_bytes(), path()).unwrap_err();
        assert_eq!(error.kind, Kind::Damaged);
    }

    /// A key file of version 1, which every later bgp must open.
    #[test]
    fn a_key_of_version_1_opens() {
        let file = KeyFile::parse(FIXTURE.as_bytes(), path()).unwrap();
        let master = file.unlock(&password("correct horse"), path()).unwrap();
        assert_eq!(encode_hex(master.expose()), FIXTURE_MASTER);
    }

    // Made by another implementation (Python's hashlib and hmac, the openssl command).
    const FIXTURE: &str = r#"{"format":"bgp key","version":1,"kdf":"PBKDF2-HMAC-SHA256","iterations":1000,"salt":"000102030405060708090a0b0c0d0e0f","store":"101112131415161718191a1b1c1d1e1f","sealed":"404142434445464748494a4b4c4d4e4ffe1c82ba00854e12415cdab48fbbde7d2c131236544a1f928306e7b4cf4dc102203266af69884f987a4b31b06e6971b8712f4feb8326fd051341405686caf33b8557e2587c8963024bfa8b63e571c895","check":"9a15c901755734a3"}"#;
    const FIXTURE_MASTER: &str = "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
}
