//! Input on its way to a process: a message in parts, each sent when the one before it is taken.
//!
//! Does not: write to the process; the supervisor does.

use super::frame::Malformed;

/// The most bytes of a message in one part: what a pipe holds by default, pipe(7). A longer message is
/// several parts, so a supervisor never keeps more than this for one client.
pub(crate) const PART_MAX_BYTES: usize = 64 * 1024;
/// What stands before the bytes of a part.
pub(super) const PART_HEAD_BYTES: usize = 5;

const FIRST: u8 = 1;
const LAST: u8 = 2;
const CLOSE: u8 = 4;

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// It begins a message, which then may take so many milliseconds.
    pub(crate) begins: Option<u32>,
    pub(crate) then: Then,
    pub(crate) bytes: Vec<u8>,
}

/// What follows a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Another part of the same message.
    More,
    /// Nothing: the message is whole, and others may send theirs.
    Done,
    /// The message is whole, and so is the input: the stdin is closed for good.
    Close,
}

impl Part {
    /// The payload of its frame.
    pub(super) fn encode(&self) -> Vec<u8> {
        let place = match self.then {
            Then::More => 0,
            Then::Done => LAST,
            Then::Close => LAST | CLOSE,
        };
        let first = if self.begins.is_some() { FIRST } else { 0 };
        let mut payload = Vec::with_capacity(PART_HEAD_BYTES + self.bytes.len());
        payload.push(place | first);
        payload.extend_from_slice(&self.begins.unwrap_or(0).to_le_bytes());
        payload.extend_from_slice(&self.bytes);
        payload
    }

    /// Undoes [`encode`](Self::encode).
    ///
    /// # Errors
    ///
    /// [`Malformed`] when it is too short or too long, or its first byte means nothing.
    pub(super) fn decode(mut payload: Vec<u8>) -> Result<Self, Malformed> {
        let (flags, rest) = payload.split_first().ok_or(Malformed)?;
        let limit_ms = rest
            .first_chunk::<4>()
            .map(|bytes| u32::from_le_bytes(*bytes))
            .ok_or(Malformed)?;
        let then = match flags & !FIRST {
            0 => Then::More,
            LAST => Then::Done,
            flags if flags == LAST | CLOSE => Then::Close,
            _ => return Err(Malformed),
        };
        let begins = (flags & FIRST != 0).then_some(limit_ms);
        payload.drain(..PART_HEAD_BYTES);
        if payload.len() > PART_MAX_BYTES {
            return Err(Malformed);
        }
        Ok(Self {
            begins,
            then,
            bytes: payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_reads_back() {
        for begins in [None, Some(0), Some(2000), Some(u32::MAX)] {
            for then in [Then::More, Then::Done, Then::Close] {
                let longest = vec![7; PART_MAX_BYTES];
                for bytes in [&b""[..], b"text\n", b"\xff\0\n", &longest] {
                    let part = Part {
                        begins,
                        then,
                        bytes: bytes.to_vec(),
                    };
                    assert_eq!(Part::decode(part.encode()), Ok(part));
                }
            }
        }
    }

    #[test]
    fn what_is_no_part_is_refused() {
        for head in [
            &b""[..],
            &[0],
            &[1, 0, 0, 0],
            &[4, 0, 0, 0, 0],
            &[8, 0, 0, 0, 0],
        ] {
            assert_eq!(Part::decode(head.to_vec()), Err(Malformed), "{head:?}");
        }
        let too_long = vec![0; PART_HEAD_BYTES + PART_MAX_BYTES + 1];
        assert_eq!(Part::decode(too_long), Err(Malformed));
    }
}
