//! Who is connected to the control socket: let in, bounded, timed out.
//!
//! Does not: carry out what they ask for.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use crate::control::Reply;
use crate::control::server::{Asked, Peer};
use crate::crypto::Key;
use crate::model::id::LogId;
use crate::sys::socket;

/// The most connections at one time, and the most of them that have not proved themselves.
const PEERS_MAX: usize = 256;
const STRANGERS_MAX: usize = 16;
/// How often is looked whether there is a descriptor to spare again, where there was none.
const SPARE_AGAIN: Duration = Duration::from_secs(1);

/// All connections, and what proves them.
pub(super) struct Peers {
    pub(super) listener: Option<UnixListener>,
    pub(super) connected: Vec<Peer>,
    control: Key,
    log: LogId,
    spare: Option<OwnedFd>,
    /// How many were let in, ever.
    admitted: u64,
}

impl Peers {
    pub(super) fn new(listener: UnixListener, control: Key, log: LogId) -> Self {
        let spare = spare_descriptor();
        Self {
            listener: Some(listener),
            connected: Vec::new(),
            control,
            log,
            spare,
            admitted: 0,
        }
    }

    /// What to poll for new connections: nothing while no descriptor is left for one.
    pub(super) fn listening(&self) -> Option<BorrowedFd<'_>> {
        self.listener
            .as_ref()
            .filter(|_| self.spare.is_some())
            .map(AsFd::as_fd)
    }

    /// Lets in who waits. With no descriptor left the spare one is given up for it, so that a process
    /// can be stopped even then; until it can be taken again, nobody else is let in.
    pub(super) fn accept(&mut self, now: Instant) {
        let Some(listener) = &self.listener else {
            return;
        };
        let accepted = match listener.accept() {
            Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) => {
                self.spare = None;
                listener.accept()
            }
            other => other,
        };
        if let Ok((stream, _)) = accepted {
            self.admit(stream, now);
        }
        self.take_spare();
    }

    fn take_spare(&mut self) {
        if self.spare.is_none() {
            self.spare = spare_descriptor();
        }
    }

    fn admit(&mut self, stream: UnixStream, now: Instant) {
        if socket::peer_uid(&stream).ok() != Some(nix::unistd::geteuid().as_raw()) {
            return;
        }
        let is_stranger = |peer: &Peer| peer.deadline().is_some();
        let strangers = self.connected.iter().filter(|peer| is_stranger(peer));
        if strangers.count() >= STRANGERS_MAX {
            // The one that has been silent for longest makes room.
            if let Some(oldest) = self.connected.iter().position(is_stranger) {
                self.connected.remove(oldest);
            }
        } else if self.connected.len() >= PEERS_MAX {
            return;
        }
        self.admitted += 1;
        if let Ok(peer) = Peer::greet(stream, self.admitted, now) {
            self.connected.push(peer);
        }
    }

    /// Reads from the peer at `index`: its number, and what it asks for; a hopeless one is dropped.
    pub(super) fn read(&mut self, index: usize) -> (u64, Vec<Asked>) {
        let Some(peer) = self.connected.get_mut(index) else {
            return (0, Vec::new());
        };
        let number = peer.number;
        let asked = match peer.flush() {
            Ok(()) => peer.read(&self.control, self.log),
            Err(hopeless) => Err(hopeless),
        };
        if asked.is_err() {
            self.drop_peer(index);
        }
        (number, asked.unwrap_or_default())
    }

    /// Whether the peer of this number is still there.
    pub(super) fn has(&self, number: u64) -> bool {
        self.connected.iter().any(|peer| peer.number == number)
    }

    /// The peer of this number, if it is still there.
    fn numbered(&mut self, number: u64) -> Option<&mut Peer> {
        self.connected.iter_mut().find(|peer| peer.number == number)
    }

    /// Answers the peer of this number, if it is still there.
    pub(super) fn answer(&mut self, number: u64, reply: &Reply) {
        if let Some(peer) = self.numbered(number) {
            let _ = peer.reply(reply); // a hopeless one is dropped when it is read
        }
    }

    /// The peer of this number is told how the stop ends.
    pub(super) fn await_end(&mut self, number: u64) {
        if let Some(peer) = self.numbered(number) {
            peer.waits_for_end = true;
        }
    }

    fn drop_peer(&mut self, index: usize) {
        self.connected.remove(index);
        self.take_spare();
    }

    /// Drops who did not prove himself in time.
    pub(super) fn expire(&mut self, now: Instant) {
        self.connected
            .retain(|peer| peer.deadline().is_none_or(|deadline| now < deadline));
        self.take_spare();
    }

    /// The next time at which [`expire`](Self::expire) has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let proofs = self.connected.iter().filter_map(Peer::deadline);
        let no_spare = self.spare.is_none().then(|| Instant::now() + SPARE_AGAIN);
        proofs.chain(no_spare).min()
    }

    /// Answers everybody who waits for the end of a stop.
    pub(super) fn tell_end(&mut self, reply: &Reply) {
        for peer in self.connected.iter_mut().filter(|peer| peer.waits_for_end) {
            peer.waits_for_end = false;
            let _ = peer.reply(reply); // a hopeless one is dropped when it is read
        }
    }
}

/// A descriptor to spare: given up when a client must be let in and there is no other.
fn spare_descriptor() -> Option<OwnedFd> {
    File::open("/dev/null").ok().map(OwnedFd::from)
}
