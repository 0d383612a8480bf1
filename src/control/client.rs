//! The client's side: connects, proves itself, asks, and never waits longer than it was told.
//!
//! Does not: find the socket's process; the name of the socket and the key say which.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::frame::{self, Decoder, FRAME_MAX_BYTES, Kind, Malformed};
use super::hello::{self, Hello, Session};
use super::input::Part;
use super::{Reply, Request};
use crate::crypto::{Key, random_bytes};
use crate::model::id::LogId;
use crate::sys::{notify, socket};

/// How long a supervisor may take to answer a handshake or a request.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(2);

/// Why a supervisor could not be talked to.
#[derive(Debug)]
pub(crate) enum Unreachable {
    /// Nobody listens: it has ended, or is about to.
    Gone,
    /// It listens and does not answer: it is stopped, or the machine is too busy.
    Silent,
    /// It speaks only these versions of the protocol.
    OtherVersions(u32, u32),
    /// It is not the supervisor of this log, or not one at all.
    NotOurs,
    /// The system says no.
    System(io::Error),
}

impl From<io::Error> for Unreachable {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Self::Gone,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Silent,
            _ => Self::System(error),
        }
    }
}

impl From<Malformed> for Unreachable {
    fn from(_: Malformed) -> Self {
        Self::NotOurs
    }
}

/// A connection that has not been answered: so that many can be called before any is waited for.
pub(crate) struct Call(Client);

impl Call {
    /// Calls the socket `name` in `run`, and waits for nobody.
    ///
    /// # Errors
    ///
    /// [`Unreachable`].
    pub(crate) fn to(run: BorrowedFd, name: &str) -> Result<Self, Unreachable> {
        let stream = socket::connect_in(run, name)?;
        stream.set_write_timeout(Some(ANSWER_LIMIT))?;
        Ok(Self(Client {
            stream,
            decoder: Decoder::default(),
        }))
    }

    /// What to poll for its answer.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.0.stream.as_fd()
    }

    /// Waits for the supervisor of `log` to answer, as long as `limit`; then both prove themselves.
    ///
    /// # Errors
    ///
    /// [`Unreachable`]; once it has answered, within [`ANSWER_LIMIT`].
    pub(crate) fn answered(
        self,
        control: &Key,
        log: LogId,
        limit: Duration,
    ) -> Result<Client, Unreachable> {
        let Self(mut client) = self;
        let server = match hello::read_hello(&client.expect(Kind::Hello, limit)?)? {
            Hello::Nonce(nonce) => nonce,
            Hello::OtherVersions(low, high) => return Err(Unreachable::OtherVersions(low, high)),
        };
        let nonce = random_bytes().map_err(|error| io::Error::other(error.message))?;
        let session = Session::new(control, log, server, nonce);
        client
            .stream
            .write_all(&frame::encode(Kind::Proof, &session.proof()))?;
        if !session.is_server(&client.expect(Kind::Welcome, ANSWER_LIMIT)?) {
            return Err(Unreachable::NotOurs);
        }
        Ok(client)
    }
}

/// A connection on which both sides have proved themselves.
pub(crate) struct Client {
    stream: UnixStream,
    decoder: Decoder,
}

impl Client {
    /// Connects to the socket `name` in `run`, of the supervisor of `log`.
    ///
    /// # Errors
    ///
    /// [`Unreachable`], within [`ANSWER_LIMIT`].
    pub(crate) fn connect(
        run: BorrowedFd,
        name: &str,
        control: &Key,
        log: LogId,
    ) -> Result<Self, Unreachable> {
        Call::to(run, name)?.answered(control, log, ANSWER_LIMIT)
    }

    fn expect(&mut self, kind: Kind, limit: Duration) -> Result<Vec<u8>, Unreachable> {
        match self.next_frame(limit)? {
            Some((got, payload)) if got == kind => Ok(payload),
            Some(_) => Err(Unreachable::NotOurs),
            None => Err(Unreachable::Silent),
        }
    }

    /// Sends `request` and does not wait.
    ///
    /// # Errors
    ///
    /// [`Unreachable`].
    pub(crate) fn send(&mut self, request: &Request) -> Result<(), Unreachable> {
        let json = serde_json::to_vec(request).map_err(io::Error::other)?;
        Ok(self
            .stream
            .write_all(&frame::encode(Kind::Request, &json))?)
    }

    /// Sends `part` and does not wait for what becomes of it.
    ///
    /// # Errors
    ///
    /// [`Unreachable`].
    pub(crate) fn send_input(&mut self, part: &Part) -> Result<(), Unreachable> {
        Ok(self
            .stream
            .write_all(&frame::encode(Kind::Input, &part.encode()))?)
    }

    /// The next reply, or nothing when `limit` is over first.
    ///
    /// # Errors
    ///
    /// [`Unreachable::Gone`] when the supervisor closed, as it does at its end.
    pub(crate) fn reply(&mut self, limit: Duration) -> Result<Option<Reply>, Unreachable> {
        match self.next_frame(limit)? {
            Some((Kind::Reply, payload)) => serde_json::from_slice(&payload)
                .map(Some)
                .map_err(|_| Unreachable::NotOurs),
            Some(_) => Err(Unreachable::NotOurs),
            None => Ok(None),
        }
    }

    fn next_frame(&mut self, limit: Duration) -> Result<Option<(Kind, Vec<u8>)>, Unreachable> {
        let deadline = Instant::now() + limit;
        let mut buffer = [0; 4096];
        loop {
            if let Some(frame) = self.decoder.next(FRAME_MAX_BYTES)? {
                return Ok(Some(frame));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if !notify::readable(&self.stream, left) {
                if left.is_zero() {
                    return Ok(None);
                }
                continue; // woken by a signal
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(Unreachable::Gone),
                Ok(count) => self.decoder.push(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
