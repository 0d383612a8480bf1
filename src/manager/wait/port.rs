//! Waiting for a port: whether one of a tree listens on it, looked at ever more rarely, as nothing wakes.
//!
//! Does not: connect to it, where the system tells who listens.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::manager::inspect::{Member, Port, ports_of};
use crate::manager::observe::{Observed, descendants};
use crate::sys::{ports, proc};

/// How often is looked: at first, and in the end.
const POLL_FIRST: Duration = Duration::from_millis(50);
const POLL_LAST: Duration = Duration::from_millis(500);

/// A port that is waited for.
pub(super) struct Awaited {
    port: u16,
    poll: Duration,
    pub(super) look_at: Instant,
    /// Who else holds it, once that was seen.
    pub(super) held: Option<String>,
}

/// What was seen.
pub(super) enum Seen {
    Nobody,
    Ours(Port),
    /// Somebody else holds it; told once.
    Other,
}

impl Awaited {
    pub(super) fn new(port: u16) -> Self {
        Self {
            port,
            poll: POLL_FIRST,
            look_at: Instant::now(),
            held: None,
        }
    }

    /// Looks who listens.
    pub(super) fn look(&mut self, process: &Observed) -> Seen {
        self.look_at = Instant::now() + self.poll;
        self.poll = (self.poll * 5 / 4).min(POLL_LAST);
        let Some(block) = process.block.as_ref().filter(|_| process.is_live()) else {
            return Seen::Nobody;
        };
        if !cfg!(target_os = "linux") {
            return self.connect(process);
        }
        let port = self.port;
        let listeners = ports::listeners(block.pid); // of its network namespace
        if !listeners.is_empty() && !listeners.iter().any(|listener| listener.port == port) {
            return Seen::Nobody;
        }
        let members: Vec<Member> = descendants(block)
            .into_iter()
            .map(|(pid, name)| Member { pid, name })
            .collect();
        let mut ours = ports_of(&members).into_iter();
        if let Some(port) = ours.find(|listening| listening.port == port) {
            return Seen::Ours(port);
        }
        let others: HashSet<u64> = listeners
            .iter()
            .filter(|listener| listener.port == port)
            .map(|listener| listener.inode)
            .collect();
        if others.is_empty() || self.held.is_some() {
            return Seen::Nobody;
        }
        let holder = holder(&others).map_or_else(
            || "a process that cannot be seen".to_owned(),
            |stat| format!("{} ({})", String::from_utf8_lossy(&stat.name), stat.pid),
        );
        let name = &process.entry.name;
        self.held = Some(format!(
            "port {port} is held by {holder}, which is no part of '{name}'"
        ));
        Seen::Other
    }

    /// Where the system does not tell who listens, that somebody does has to be enough.
    fn connect(&self, process: &Observed) -> Seen {
        let limit = Duration::from_millis(200);
        let here: [std::net::IpAddr; 2] = [
            std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::Ipv6Addr::LOCALHOST.into(),
        ];
        let answers = here.into_iter().find(|address| {
            std::net::TcpStream::connect_timeout(&(*address, self.port).into(), limit).is_ok()
        });
        answers.map_or(Seen::Nobody, |address| {
            Seen::Ours(Port {
                port: self.port,
                address,
                pid: process.block.as_ref().map_or(0, |block| block.pid),
                name: process.entry.name.clone(),
            })
        })
    }
}

/// The process that has one of these sockets open, if this user may see that.
fn holder(sockets: &HashSet<u64>) -> Option<proc::Stat> {
    proc::all().into_iter().find(|stat| {
        ports::sockets(stat.pid)
            .iter()
            .any(|socket| sockets.contains(socket))
    })
}
