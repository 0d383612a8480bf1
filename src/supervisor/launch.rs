//! What passes between `bgp start` and the supervisor it makes, over an inherited socketpair: the open
//! files, the one key, the facts; then the verdict; then the word that the process is on record.
//!
//! ```text
//! start → supervisor   "F" with the descriptors of log, lease, logs/, run/ and, if given, the stdin file
//!                      ‖ the log's key (32 bytes) ‖ u32 length ‖ JSON of Launch
//! supervisor → start   u32 length ‖ JSON of Verdict
//! start → supervisor   "R": it is being put on record
//! start → supervisor   "C": it is on record
//! ```
//!
//! End of file before "C": who started it is gone, and it must not run. Before "R" it cannot be on record,
//! and nothing of it is left; after "R" it may be, so that its end is written down.
//!
//! Both ends are the same binary, so this is no format that anybody else reads.
//! Does not: run anything.

use std::io::{self, Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::crypto::{KEY_BYTES, Key};
use crate::model::error;
use crate::model::facts::Start;
use crate::model::id::{LogId, StoreId};
use crate::sys::socket;

/// The longest message, in bytes: the system's limit for arguments and environment, and room to spare.
const MESSAGE_MAX_BYTES: usize = 64 * 1024 * 1024;

/// The word that the process is being put on record.
pub(crate) const RECORDING: u8 = b'R';
/// The word that it is on record.
pub(crate) const RECORDED: u8 = b'C';

/// Everything the supervisor is told.
#[derive(Serialize, Deserialize)]
pub(crate) struct Launch {
    pub(crate) start: Start,
    pub(crate) log: LogId,
    pub(crate) store: StoreId,
    /// The pause before the first restart, for tests, which are in a hurry.
    #[cfg(debug_assertions)]
    pub(crate) backoff_ms: Option<u64>,
}

impl Launch {
    /// The pause before the first restart, if not the usual one.
    #[cfg(debug_assertions)]
    pub(super) fn first_pause(&self) -> Option<std::time::Duration> {
        self.backoff_ms.map(std::time::Duration::from_millis)
    }

    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_self, reason = "only tests have another one")]
    pub(super) fn first_pause(&self) -> Option<std::time::Duration> {
        None
    }
}

/// What came of it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// The command was executed.
    Started { pid: i32 },
    /// The command could not be executed: at this step of [`exec`](crate::sys::exec), with this errno.
    NotExecuted { step: u8, errno: i32 },
    /// The supervisor could not do its part: what it was about (a system call's name, or nothing), and
    /// what the system said to that, if it did.
    Refused { message: String, errno: Option<i32> },
}

impl Verdict {
    /// The system said `error` to `call`.
    pub(super) fn refused(call: &str, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        match error.raw_os_error() {
            Some(errno) => Self::Refused {
                message: call.to_owned(),
                errno: Some(errno),
            },
            None => Self::Refused {
                message: format!("{call}: {}", error::reason(&error)),
                errno: None,
            },
        }
    }
}

impl<E: Into<io::Error>> From<E> for Verdict {
    /// The supervisor could not do its part because of `error`.
    fn from(error: E) -> Self {
        let error = error.into();
        let errno = error.raw_os_error();
        Self::Refused {
            message: errno.map_or_else(|| error::reason(&error), |_| String::new()),
            errno,
        }
    }
}

/// The descriptors a supervisor is given.
pub(crate) struct Files<Fd> {
    pub(crate) log: Fd,
    pub(crate) lease: Fd,
    pub(crate) logs: Fd,
    pub(crate) run: Fd,
    pub(crate) stdin: Option<Fd>,
}

/// Tells the supervisor what to do.
///
/// # Errors
///
/// `EPIPE` when it has ended.
pub(crate) fn send(
    socket: &mut UnixStream,
    files: &Files<BorrowedFd>,
    key: &Key,
    launch: &Launch,
) -> io::Result<()> {
    let mut fds = vec![files.log, files.lease, files.logs, files.run];
    fds.extend(files.stdin);
    socket::send_fds(socket, &fds)?;
    socket.write_all(key.expose())?;
    send_message(socket, launch)
}

/// Receives what [`send`] sent.
///
/// # Errors
///
/// `UnexpectedEof` when the other end gave up, `InvalidData` when it is not what was expected.
pub(crate) fn receive(socket: &mut UnixStream) -> io::Result<(Files<OwnedFd>, Key, Launch)> {
    let mut fds = socket::receive_fds(socket)?.into_iter();
    let mut next = || fds.next().ok_or(io::ErrorKind::InvalidData);
    let (log, lease, logs, run) = (next()?, next()?, next()?, next()?);
    let files = Files {
        log,
        lease,
        logs,
        run,
        stdin: fds.next(),
    };
    let mut bytes = [0; KEY_BYTES];
    socket.read_exact(&mut bytes)?;
    let key = Key::from_bytes(bytes);
    bytes.zeroize();
    Ok((files, key, receive_message(socket)?))
}

/// Sends one message.
///
/// # Errors
///
/// See write(2).
pub(crate) fn send_message(socket: &mut UnixStream, message: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_vec(message)?;
    let length = u32::try_from(json.len()).map_err(io::Error::other)?;
    socket.write_all(&length.to_le_bytes())?;
    socket.write_all(&json)
}

/// Receives one message.
///
/// # Errors
///
/// `UnexpectedEof` when the other end closed, `InvalidData` when it is too long or not JSON.
pub(crate) fn receive_message<T: DeserializeOwned>(socket: &mut UnixStream) -> io::Result<T> {
    let mut length = [0; 4];
    socket.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if length > MESSAGE_MAX_BYTES {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut json = own_mapping(length);
    json.resize(length, 0);
    socket.read_exact(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// Room for `bytes` that is a mapping of its own: unlike a piece of the heap it goes back to the system
/// when it is dropped, all of it. Allocators do so from 128 KiB on.
pub(super) fn own_mapping(bytes: usize) -> Vec<u8> {
    Vec::with_capacity(bytes.max(128 * 1024))
}
