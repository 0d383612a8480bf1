//! The proofs of the handshake: each side shows that it holds the control key, over both sides' nonces.
//!
//! Does not: send anything.

use super::VERSION;
use super::frame::Malformed;
use crate::crypto::Key;
use crate::crypto::seal::Mac;
use crate::model::id::LogId;

/// The length of a nonce, in bytes.
pub(crate) const NONCE_BYTES: usize = 32;

const MAGIC: &[u8; 8] = b"BGPCTL\r\n";

/// A fresh number used once.
pub(crate) type Nonce = [u8; NONCE_BYTES];

/// What both sides know of each other when proofs are made.
pub(crate) struct Session {
    mac: Mac,
    log: LogId,
    pub(crate) server: Nonce,
    pub(crate) client: Nonce,
}

impl Session {
    pub(crate) fn new(control: &Key, log: LogId, server: Nonce, client: Nonce) -> Self {
        Self {
            mac: Mac::new(control),
            log,
            server,
            client,
        }
    }

    fn text(&self, side: &str) -> Vec<u8> {
        let version = VERSION.to_le_bytes();
        [
            side.as_bytes(),
            &version,
            &self.log.0,
            &self.server,
            &self.client,
        ]
        .concat()
    }

    fn client_text(&self) -> Vec<u8> {
        self.text("client")
    }

    /// The payload of the client's frame.
    pub(crate) fn proof(&self) -> Vec<u8> {
        let tag = self.mac.tag(&self.client_text());
        [&VERSION.to_le_bytes()[..], &self.client, &tag].concat()
    }

    /// Whether `tag` is the client's.
    pub(crate) fn is_client(&self, tag: &[u8]) -> bool {
        self.mac.verify(&self.client_text(), tag)
    }

    /// The payload of the supervisor's answer.
    pub(crate) fn welcome(&self) -> Vec<u8> {
        self.mac.tag(&self.text("server")).to_vec()
    }

    /// Whether `tag` is the supervisor's.
    pub(crate) fn is_server(&self, tag: &[u8]) -> bool {
        self.mac.verify(&self.text("server"), tag)
    }
}

/// The payload of the supervisor's hello.
pub(crate) fn hello(server: &Nonce) -> Vec<u8> {
    let version = VERSION.to_le_bytes();
    [&MAGIC[..], &version, &version, server].concat()
}

/// What a hello says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hello {
    /// The supervisor's nonce; we have a version in common.
    Nonce(Nonce),
    /// It speaks only versions from the first to the second number.
    OtherVersions(u32, u32),
}

/// Reads a hello.
///
/// # Errors
///
/// [`Malformed`] when it is none.
pub(crate) fn read_hello(payload: &[u8]) -> Result<Hello, Malformed> {
    let rest = payload.strip_prefix(MAGIC).ok_or(Malformed)?;
    let (low, rest) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
    let (high, rest) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
    let (low, high) = (u32::from_le_bytes(*low), u32::from_le_bytes(*high));
    if !(low..=high).contains(&VERSION) {
        return Ok(Hello::OtherVersions(low, high));
    }
    let nonce = rest.first_chunk::<NONCE_BYTES>().ok_or(Malformed)?; // later versions may say more
    Ok(Hello::Nonce(*nonce))
}

/// The nonce and the tag of a client's proof.
///
/// # Errors
///
/// [`Malformed`] for another length or version.
pub(crate) fn read_proof(payload: &[u8]) -> Result<(Nonce, &[u8]), Malformed> {
    let (version, rest) = payload.split_first_chunk::<4>().ok_or(Malformed)?;
    let (client, tag) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Malformed)?;
    if u32::from_le_bytes(*version) != VERSION {
        return Err(Malformed);
    }
    Ok((*client, tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::Id;

    fn session(key: u8, log: u8) -> Session {
        Session::new(&Key::from_bytes([key; 32]), Id([log; 16]), [3; 32], [4; 32])
    }

    #[test]
    fn each_side_proves_itself_with_the_key_of_this_log_only() {
        let proof = session(1, 2).proof();
        let (client, tag) = read_proof(&proof).unwrap();
        assert_eq!(client, [4; 32]);
        assert!(session(1, 2).is_client(tag) && session(1, 2).is_server(&session(1, 2).welcome()));
        assert!(!session(9, 2).is_client(tag), "another key");
        assert!(!session(1, 9).is_client(tag), "another log");
        assert!(
            !session(1, 2).is_server(tag),
            "the other side's proof sent back"
        );
    }

    #[test]
    fn a_hello_reads_back_and_tells_other_versions() {
        let mut bytes = hello(&[7; 32]);
        assert_eq!(read_hello(&bytes), Ok(Hello::Nonce([7; 32])));
        assert_eq!(read_hello(&bytes[..20]), Err(Malformed));
        bytes[8] = 2;
        bytes[12] = 3;
        assert_eq!(read_hello(&bytes), Ok(Hello::OtherVersions(2, 3)));
    }
}
