//! Talking to a supervisor: frames over a Unix socket, after both sides have proved that they hold the
//! log's control key. Only who can open the state can stop a process or type into it.
//!
//! ```text
//! frame              u32 length of what follows, 1..=1 MiB ‖ u8 kind ‖ payload   (little-endian)
//! 1. supervisor      kind 1: "BGPCTL\r\n" ‖ u32 lowest version ‖ u32 highest version ‖ nonce S (32)
//! 2. client          kind 2: u32 version ‖ nonce C (32) ‖ HMAC[control]("client" ‖ version ‖ log id ‖ S ‖ C)
//! 3. supervisor      kind 3: HMAC[control]("server" ‖ version ‖ log id ‖ S ‖ C)
//! then               kind 4: a request, kind 5: a reply, both JSON
//! and                kind 6: a part of a message for the process's stdin, answered by one reply:
//!                    u8 flags (1 first, 2 last of its message, 4 with 2: then close the stdin,
//!                    on a terminal: then its end-of-file character)
//!                    ‖ u32 the message's time in ms, in its first part ‖ bytes, at most 64 KiB
//! ```
//!
//! Messages for the stdin are written one after the other: from its first part to its last, or until its
//! time is over, the stdin is one client's. A client sends the next part when the one before it is
//! answered, with a reply that tells how much of it the stdin took.
//!
//! Does not: carry out requests; the supervisor does.

pub(crate) mod client;
pub(crate) mod frame;
pub(crate) mod hello;
pub(crate) mod input;
pub(crate) mod server;

use serde::{Deserialize, Serialize};

use crate::crypto::{Key, kdf};
use crate::model::facts::AlertSettings;
use crate::model::id::LogId;
use crate::model::size::Size;
use crate::model::status::Reason;

/// The one version there is.
pub(crate) const VERSION: u32 = 1;

/// The key that proves the right to command the supervisor of `log`, from the log's own.
pub(crate) fn key(log_key: &Key, log: LogId) -> Key {
    kdf::derive(log_key, &log.0, "control")
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Request {
    /// End the whole tree: TERM and CONT, then KILL after the grace (`null`: the process's own).
    Stop {
        reason: Reason,
        grace_ms: Option<u64>,
    },
    /// Send the signal of this number to the leader's group.
    Signal { number: i32 },
    /// Give the terminal to this client alone, until it goes away.
    Attach,
    /// Make the terminal so large.
    Resize(Size),
    /// Raise alerts by these settings from now on.
    SetAlerts { settings: AlertSettings },
}

/// What a supervisor answers. A stop is answered twice: `Accepted`, then how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "reply",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Reply {
    /// It is done, or, of a stop, begun.
    Accepted,
    /// Nothing of the tree lives, and its end is written.
    Ended,
    /// These could not be killed.
    Survivors { processes: Vec<Survivor> },
    /// Another client has the terminal.
    Occupied,
    /// The leader has ended: there is nobody to signal.
    NotRunning,
    /// The stdin took so many bytes of the part. Fewer than it has: the message's time is over.
    Taken { bytes: u64 },
    /// The message's time is over, and the stdin was another's for all of it.
    Busy,
    /// The stdin took so many bytes of the part, and takes no more, ever.
    NoInput { why: NoInput, bytes: u64 },
    /// It cannot be done, and why.
    Refused { message: String },
}

/// Why a stdin takes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum NoInput {
    /// It is `/dev/null`.
    Null,
    /// It is a file.
    File,
    /// A client closed it.
    Closed,
    /// Nobody holds its other end.
    Unread,
    /// The leader has ended.
    Ended,
}

/// A process that outlived KILL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Survivor {
    pub(crate) pid: i32,
    pub(crate) name: String,
    /// `EPERM`, that it is held by its tracer, or that it does not die.
    pub(crate) why: String,
}

/// Why a process is left that a debugger holds.
pub(crate) const HELD_BY_TRACER: &str = "held by its tracer";
