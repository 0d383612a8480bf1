//! Frames: a length, a kind, a payload; put together from whatever pieces arrive.
//!
//! Does not: read or write sockets.

/// The longest frame after its length, in bytes: a bound on what a stranger can make us keep.
pub(crate) const FRAME_MAX_BYTES: usize = 1024 * 1024;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Hello = 1,
    Proof = 2,
    Welcome = 3,
    Request = 4,
    Reply = 5,
    Input = 6,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [
            Self::Hello,
            Self::Proof,
            Self::Welcome,
            Self::Request,
            Self::Reply,
            Self::Input,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }
}

/// The other end does not speak the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The bytes of one frame.
pub(crate) fn encode(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 1).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(payload.len() + 5);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.push(kind as u8);
    frame.extend_from_slice(payload);
    frame
}

/// Bytes that have arrived and make no whole frame yet.
#[derive(Default)]
pub(crate) struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame, if there is one.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for a length of 0 or above `max_bytes`, and for an unknown kind: told from the
    /// first five bytes, so nothing longer is kept.
    pub(crate) fn next(&mut self, max_bytes: usize) -> Result<Option<(Kind, Vec<u8>)>, Malformed> {
        let Some(head) = self.bytes.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*head)).map_err(|_| Malformed)?;
        if !(1..=max_bytes.min(FRAME_MAX_BYTES)).contains(&length) {
            return Err(Malformed);
        }
        let Some(byte) = self.bytes.get(4) else {
            return Ok(None);
        };
        let kind = Kind::from_byte(*byte).ok_or(Malformed)?;
        if self.bytes.len() < 4 + length {
            return Ok(None);
        }
        let rest = self.bytes.split_off(4 + length);
        let payload = std::mem::replace(&mut self.bytes, rest).split_off(5);
        Ok(Some((kind, payload)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_whole_however_they_are_cut() {
        let bytes = [
            encode(Kind::Hello, b"one"),
            encode(Kind::Reply, b""),
            encode(Kind::Request, b"3"),
        ]
        .concat();
        for size in 1..bytes.len() {
            let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
            for piece in bytes.chunks(size) {
                decoder.push(piece);
                while let Some(frame) = decoder.next(100).unwrap() {
                    frames.push(frame);
                }
            }
            let expected = [
                (Kind::Hello, b"one".to_vec()),
                (Kind::Reply, vec![]),
                (Kind::Request, b"3".to_vec()),
            ];
            assert_eq!(frames, expected, "pieces of {size}");
        }
    }

    #[test]
    fn nonsense_is_refused_from_its_first_bytes() {
        for head in [
            &[0, 0, 0, 0][..],
            &[0, 0, 0, 0x40],
            &[101, 0, 0, 0, 1],
            &[2, 0, 0, 0, 99],
            &[255; 8],
        ] {
            let mut decoder = Decoder::default();
            decoder.push(head);
            assert_eq!(decoder.next(100), Err(Malformed), "{head:?}");
        }
    }
}
