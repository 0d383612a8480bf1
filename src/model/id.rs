//! Identifiers: of a process, of its log, of the store they belong to. All are random.
//!
//! Does not: make them unique; who writes them down under the lock does.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// `N` random bytes, shown and stored as lowercase hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id<const N: usize>(pub(crate) [u8; N]);

/// What a person types: 8 hex digits. Names the process and its files.
pub(crate) type ProcessId = Id<4>;
/// Salts a log's keys; stands in the log's header and in its status block.
pub(crate) type LogId = Id<16>;
/// Salts a store's keys; stands in `key` and in all that belongs to it.
pub(crate) type StoreId = Id<16>;

impl<const N: usize> Id<N> {
    /// The identifier that `text` shows: exactly `2 N` lowercase hex digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        decode_hex(text).map(Self)
    }
}

/// The `N` bytes that `text` shows as exactly `2 N` lowercase hex digits.
pub(crate) fn decode_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = (hex_value(pair[0])? << 4) | hex_value(pair[1])?;
    }
    Some(bytes)
}

fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// `bytes` as lowercase hex.
pub(crate) fn encode_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|value| DIGITS[usize::from(value)] as char)
        .collect()
}

impl<const N: usize> fmt::Display for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_hex(&self.0))
    }
}

impl<const N: usize> fmt::Debug for Id<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> Serialize for Id<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Id<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits<const N: usize>;
        impl<const N: usize> de::Visitor<'_> for Digits<N> {
            type Value = Id<N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} hex digits", 2 * N)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Id<N>, E> {
                Id::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Digits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_is_shown() {
        let id = Id([0x00, 0x1f, 0xa0, 0xff]);
        assert_eq!(id.to_string(), "001fa0ff");
        assert_eq!(ProcessId::parse("001fa0ff"), Some(id));
        assert_eq!(
            serde_json::from_str::<ProcessId>("\"001fa0ff\"").unwrap(),
            id
        );
    }

    #[test]
    fn nothing_else_is_an_id() {
        for text in [
            "",
            "001fa0f",
            "001fa0fff",
            "001FA0FF",
            "001fa0fg",
            "001fa0f\u{e9}",
            "+01fa0ff",
        ] {
            assert_eq!(ProcessId::parse(text), None, "{text:?}");
        }
    }
}
