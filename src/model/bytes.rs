//! Byte strings of the system (arguments, paths, variables) kept without loss in JSON.
//!
//! In JSON it is a string where it is UTF-8, else `{"base64": "…"}`.
//! Does not: decide how bytes look on a terminal.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are mostly UTF-8 but need not be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Bytes {
    pub(crate) fn as_os_str(&self) -> &OsStr {
        OsStr::from_bytes(&self.0)
    }

    /// The text, with each byte that is no UTF-8 written `\xNN`.
    pub(crate) fn escaped(&self) -> String {
        let mut text = String::with_capacity(self.0.len());
        write_escaped(&self.0, &mut text).expect("a string takes all");
        text
    }

    /// The bytes in base64, if they are no UTF-8: the lossless field beside [`escaped`](Self::escaped).
    pub(crate) fn base64_if_needed(&self) -> Option<String> {
        std::str::from_utf8(&self.0).is_err().then(|| self.base64())
    }

    /// The bytes in base64.
    pub(crate) fn base64(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

/// What `PATH` is in an environment of `NAME=value`: where its commands are searched for.
pub(crate) fn search_path(env: &[Bytes]) -> Option<&OsStr> {
    env.iter()
        .find_map(|variable| variable.0.strip_prefix(b"PATH="))
        .map(OsStr::from_bytes)
}

/// Writes `bytes` as text, with each byte that is no UTF-8 written `\xNN`.
///
/// # Errors
///
/// What `text` says.
pub(crate) fn write_escaped(bytes: &[u8], text: &mut impl fmt::Write) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        text.write_str(chunk.valid())?;
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

impl From<&OsStr> for Bytes {
    fn from(text: &OsStr) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl From<OsString> for Bytes {
    fn from(text: OsString) -> Self {
        Self(text.into_vec())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// Bytes that are no UTF-8, in JSON.
#[derive(Serialize, Deserialize)]
struct Encoded {
    base64: String,
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Encoded {
                base64: STANDARD.encode(&self.0),
            }
            .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyBytes)
    }
}

struct AnyBytes;

impl<'de> Visitor<'de> for AnyBytes {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or an object with base64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        Ok(Bytes(text.as_bytes().to_vec()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Bytes, A::Error> {
        let Encoded { base64 } = Encoded::deserialize(MapAccessDeserializer::new(map))?;
        STANDARD
            .decode(base64)
            .map(Bytes)
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_string_survives_json() {
        for raw in [
            &b""[..],
            b"plain",
            b"a\nb\"\\",
            b"\xff\xfe",
            b"caf\xc3\xa9",
            b"caf\xc3",
        ] {
            let bytes = Bytes(raw.to_vec());
            let json = serde_json::to_string(&bytes).unwrap();
            assert_eq!(
                serde_json::from_str::<Bytes>(&json).unwrap(),
                bytes,
                "{json}"
            );
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for json in [
            "1",
            "null",
            "[]",
            "{}",
            r#"{"base64":"!"}"#,
            r#"{"base64":1}"#,
        ] {
            assert!(serde_json::from_str::<Bytes>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn invalid_bytes_are_escaped_with_a_lossless_field_beside() {
        assert_eq!(Bytes(b"a\xffb".to_vec()).escaped(), "a\\xffb");
        assert_eq!(
            Bytes(b"a\xffb".to_vec()).base64_if_needed().as_deref(),
            Some("Yf9i")
        );
        assert_eq!(Bytes(b"ab".to_vec()).base64_if_needed(), None);
    }
}
