//! Keys from a password, and keys from a key.
//!
//! Does not: choose iterations or labels; who owns a format does.

use hkdf::Hkdf;
use sha2::Sha256;

use super::Key;

/// `PBKDF2-HMAC-SHA256(password, salt, iterations)`, 32 bytes: one block, as more would cost us and
/// not a guesser. Source: NIST SP 800-132, RFC 8018.
pub(crate) fn from_password(password: &[u8], salt: &[u8; 16], iterations: u32) -> Key {
    Key::written_by(|bytes| {
        pbkdf2::pbkdf2::<hmac::Hmac<Sha256>>(password, salt, iterations, bytes)
            .expect("HMAC takes a key of any length");
    })
}

/// `HKDF-SHA256(salt, key, label)`, 32 bytes. Source: RFC 5869.
///
/// `salt` says which store or log the key is for, `label` what for.
pub(crate) fn derive(key: &Key, salt: &[u8], label: &str) -> Key {
    let [key] = derive_each(key, salt, [&[label]]);
    key
}

/// The same for each of `labels`, which are given in parts.
pub(crate) fn derive_each<const N: usize>(
    key: &Key,
    salt: &[u8],
    labels: [&[&str]; N],
) -> [Key; N] {
    let extracted = Hkdf::<Sha256>::new(Some(salt), key.expose());
    labels.map(|parts| {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        Key::written_by(|bytes| {
            extracted
                .expand_multi_info(&parts, bytes)
                .expect("32 bytes are far below HKDF's limit of 8,160");
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::model::id::encode_hex as hex;

    #[test]
    fn pbkdf2_gives_the_published_value() {
        // Computed with another implementation (Python hashlib).
        let key = from_password(b"password", b"saltsaltsaltsalt", 1000);
        assert_eq!(hex(key.expose()), PBKDF2_EXPECTED);
    }

    const PBKDF2_EXPECTED: &str =
        "f275fb870144cc807c68f6a325360af3078741ce4d833d2915500abd2bb88d00";

    #[test]
    fn hkdf_separates_labels_and_salts() {
        let key = Key::from_bytes([7; 32]);
        let base = hex(derive(&key, b"one", "state enc").expose());
        assert_ne!(base, hex(derive(&key, b"one", "state mac").expose()));
        assert_ne!(base, hex(derive(&key, b"two", "state enc").expose()));
        assert_eq!(base, HKDF_EXPECTED);
    }

    const HKDF_EXPECTED: &str = "17b36ad302d141a9310eab41149da240b98c904aeb1a259f7792db7a2727fdb7";
}
