//! What is asked of the terminal: who may have it, and how large it is.
//!
//! Does not: type into it; that is input like any.

use std::time::Instant;

use super::Supervisor;
use crate::control::Reply;
use crate::model::error;
use crate::model::size::Size;

impl Supervisor {
    /// Gives the terminal to `peer`, if nobody else has it.
    pub(super) fn attach(&mut self, peer: u64, now: Instant) -> Reply {
        self.reap(now);
        let Some(terminal) = &mut self.terminal else {
            return no_terminal();
        };
        let peers = &self.peers;
        if !self.leader_lives {
            Reply::NotRunning
        } else if terminal.attach(peer, |peer| peers.has(peer)) {
            Reply::Accepted
        } else {
            Reply::Occupied
        }
    }

    /// Gives the terminal another size; from that record on the log is one of that size.
    pub(super) fn resize(&mut self, size: Size) -> Reply {
        let Some(terminal) = &mut self.terminal else {
            return no_terminal();
        };
        // What was written before was written for the size before.
        self.streams.read_waiting(&mut self.journal);
        match terminal.resize(size) {
            Ok(change) => {
                if let Some(change) = change {
                    self.journal.resized(change);
                }
                Reply::Accepted
            }
            Err(error) => Reply::Refused {
                message: error::reason(&error),
            },
        }
    }
}

fn no_terminal() -> Reply {
    Reply::Refused {
        message: "it has no terminal".into(),
    }
}
