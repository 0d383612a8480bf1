//! What an unlocked store can open: one key for each purpose, all made from the master key.
//!
//! Does not: give the master key to anyone; a supervisor gets the key of its one log.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::crypto::seal::SealKeys;
use crate::crypto::{Key, kdf};
use crate::model::id::{LogId, StoreId, encode_hex};

/// The length of a reader's file name before it is written as hex, in bytes.
const READER_NAME_BYTES: usize = 16;

/// The keys of one store. Has no `Debug` and no `Clone`.
pub(crate) struct Keys {
    store: StoreId,
    master: Key,
}

impl Keys {
    pub(crate) fn new(store: StoreId, master: Key) -> Self {
        Self { store, master }
    }

    /// Which store they belong to.
    pub(crate) fn store(&self) -> StoreId {
        self.store
    }

    /// What the state is sealed with.
    pub(crate) fn state(&self) -> SealKeys {
        SealKeys::derive(&self.master, &self.store.0, "state")
    }

    /// What the documents of readers are sealed with.
    pub(crate) fn reader(&self) -> SealKeys {
        SealKeys::derive(&self.master, &self.store.0, "reader")
    }

    /// The file name of the reader called `name`, without its ending: it does not tell the name.
    pub(crate) fn reader_file(&self, name: &str) -> String {
        let key = kdf::derive(&self.master, &self.store.0, "reader name");
        let mac = Hmac::<Sha256>::new_from_slice(key.expose())
            .expect("HMAC takes a key of any length")
            .chain_update(name)
            .finalize()
            .into_bytes();
        encode_hex(&mac[..READER_NAME_BYTES])
    }

    /// The one secret of the log `log`, of which all its keys are made.
    pub(crate) fn log_key(&self, log: LogId) -> Key {
        kdf::derive(&self.master, &log.0, "log")
    }

    /// The master key, to seal it under another password.
    pub(super) fn master(&self) -> &Key {
        &self.master
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Id;

    #[test]
    fn every_purpose_log_and_store_has_its_own_key() {
        let keys = |store: u8| Keys::new(Id([store; 16]), Key::from_bytes([7; 32]));
        let (one, two) = (keys(1), keys(2));
        let sealed = one.state().seal(b"", b"x").unwrap();
        assert!(one.state().open(b"", &sealed).is_ok());
        assert!(one.reader().open(b"", &sealed).is_err());
        assert!(two.state().open(b"", &sealed).is_err());
        let log = |byte: u8| one.log_key(Id([byte; 16]));
        assert_eq!(log(1).expose(), log(1).expose());
        assert_ne!(log(1).expose(), log(2).expose());
        assert_eq!(one.reader_file("agent").len(), 2 * READER_NAME_BYTES);
        assert_ne!(one.reader_file("agent"), one.reader_file("default"));
        assert_ne!(one.reader_file("agent"), two.reader_file("agent"));
    }
}
