//! The supervisor's side of one connection: never waits, keeps little, believes nothing unproved.
//!
//! Does not: poll or accept; the supervisor's loop does, and calls when there is something to read.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::frame::{self, Decoder, Kind};
use super::hello::{self, Nonce, Session};
use super::input::{PART_HEAD_BYTES, PART_MAX_BYTES, Part};
use super::{Reply, Request};
use crate::crypto::{Key, random_bytes};
use crate::model::id::LogId;

/// How long a peer may take to prove itself.
pub(crate) const PROOF_LIMIT: Duration = Duration::from_secs(2);
/// The most that waits to be written to a peer, in bytes; one that reads too slowly is dropped.
const OUTGOING_MAX_BYTES: usize = 256 * 1024;
/// The longest frame before the proof, in bytes.
const PROOF_FRAME_MAX_BYTES: usize = 128;
/// The longest frame after the proof, in bytes: a whole part of input.
const ASKED_FRAME_MAX_BYTES: usize = 1 + PART_HEAD_BYTES + PART_MAX_BYTES;

enum State {
    Unproved { nonce: Nonce, until: Instant },
    Proved,
}

/// What a peer that has proved itself may say.
#[derive(Debug)]
pub(crate) enum Asked {
    Request(Request),
    Input(Part),
}

/// One connection. When anything about it is wrong it is dropped, without an answer.
pub(crate) struct Peer {
    /// What it is called among all that were ever let in.
    pub(crate) number: u64,
    stream: UnixStream,
    state: State,
    decoder: Decoder,
    outgoing: Vec<u8>,
    /// Whether it waits to be told how a stop ended.
    pub(crate) waits_for_end: bool,
}

/// The connection is of no use any more.
#[derive(Debug)]
pub(crate) struct Hopeless;

impl From<io::Error> for Hopeless {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl Peer {
    /// Greets who has just connected.
    ///
    /// # Errors
    ///
    /// [`Hopeless`] when the greeting cannot be sent.
    pub(crate) fn greet(stream: UnixStream, number: u64, now: Instant) -> Result<Self, Hopeless> {
        stream.set_nonblocking(true)?;
        let nonce = random_bytes().map_err(|_| Hopeless)?;
        let mut peer = Self {
            number,
            stream,
            state: State::Unproved {
                nonce,
                until: now + PROOF_LIMIT,
            },
            decoder: Decoder::default(),
            outgoing: frame::encode(Kind::Hello, &hello::hello(&nonce)),
            waits_for_end: false,
        };
        peer.flush()?;
        Ok(peer)
    }

    /// When it must have proved itself, if it has not.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Unproved { until, .. } => Some(until),
            State::Proved => None,
        }
    }

    /// Whether there is something to write as soon as there is room.
    pub(crate) fn wants_to_write(&self) -> bool {
        !self.outgoing.is_empty()
    }

    /// Reads what has come and gives what is asked for in it, of a peer that has proved itself with `control`.
    ///
    /// # Errors
    ///
    /// [`Hopeless`] for an end, an error, a wrong proof, or anything that is not the protocol.
    #[inline(never)] // its buffer would be a part of the loop's frame
    pub(crate) fn read(&mut self, control: &Key, log: LogId) -> Result<Vec<Asked>, Hopeless> {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => return Err(Hopeless),
            Ok(count) => self.decoder.push(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        let mut asked = Vec::new();
        loop {
            let max = match self.state {
                State::Unproved { .. } => PROOF_FRAME_MAX_BYTES,
                State::Proved => ASKED_FRAME_MAX_BYTES,
            };
            let Some((kind, payload)) = self.decoder.next(max).map_err(|_| Hopeless)? else {
                return Ok(asked);
            };
            match (&self.state, kind) {
                (State::Unproved { nonce, .. }, Kind::Proof) => {
                    let (client, tag) = hello::read_proof(&payload).map_err(|_| Hopeless)?;
                    let session = Session::new(control, log, *nonce, client);
                    if !session.is_client(tag) {
                        return Err(Hopeless);
                    }
                    self.state = State::Proved;
                    self.send(Kind::Welcome, &session.welcome())?;
                }
                (State::Proved, Kind::Request) => match serde_json::from_slice(&payload) {
                    Ok(request) => asked.push(Asked::Request(request)),
                    Err(_) => self.reply(&Reply::Refused {
                        message:
                            "this supervisor is of an older version and does not know the request"
                                .into(),
                    })?,
                },
                (State::Proved, Kind::Input) => {
                    let part = Part::decode(payload).map_err(|_| Hopeless)?;
                    asked.push(Asked::Input(part));
                }
                _ => return Err(Hopeless),
            }
        }
    }

    /// Sends `reply`, now or when there is room.
    ///
    /// # Errors
    ///
    /// [`Hopeless`] when the peer is gone, or too much waits for it.
    pub(crate) fn reply(&mut self, reply: &Reply) -> Result<(), Hopeless> {
        let json = serde_json::to_vec(reply).map_err(|_| Hopeless)?;
        self.send(Kind::Reply, &json)
    }

    fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<(), Hopeless> {
        self.outgoing
            .extend_from_slice(&frame::encode(kind, payload));
        self.flush()
    }

    /// Writes what there is room for.
    ///
    /// # Errors
    ///
    /// [`Hopeless`] when the peer is gone, or too much waits for it.
    pub(crate) fn flush(&mut self) -> Result<(), Hopeless> {
        while !self.outgoing.is_empty() {
            match self.stream.write(&self.outgoing) {
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        if self.outgoing.len() > OUTGOING_MAX_BYTES {
            Err(Hopeless)
        } else {
            Ok(())
        }
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
