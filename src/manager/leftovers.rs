//! What is left of a process whose supervisor was killed: found again by its session and its marker,
//! and ended.
//!
//! Nobody is the parent of these any more, so each is held by a descriptor, looked at a second time, and
//! only then signalled. Only processes of this boot and pid namespace that started after the leader and carry
//! the marker count; or, where it cannot be read or was cleared, this user's in the leader's session, as long
//! as somebody in it shows that it is still the leader's.
//! Does not: touch a process that has another bgp's marker, or a supervisor.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::observe::supervisor_of;
use crate::control::Survivor;
use crate::model::error;
use crate::model::facts::{Block, Entry};
use crate::supervisor::tree;
use crate::sys::clock;
use crate::sys::pidfd::{self, PidFd};
use crate::sys::proc::{self, Stat};

/// How long KILL may take.
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// One of them, held; unless the system has no descriptor for it.
pub(super) struct Leftover {
    stat: Stat,
    held: Option<PidFd>,
}

/// What lives of the process of `entry`, whose lease nobody holds. Without its last `block` only the marker
/// counts.
pub(super) fn find(entry: &Entry, block: Option<&Block>) -> Vec<Leftover> {
    find_beside(&[], entry, block)
}

/// The same, when `known` are some of it that were found before. They may be all that still shows whose the
/// session is.
fn find_beside(known: &[Leftover], entry: &Entry, block: Option<&Block>) -> Vec<Leftover> {
    let signs = Signs::of(entry, block);
    let elsewhere = entry.boot != clock::boot_id() || signs.are_of_another_namespace();
    if elsewhere || block.is_some_and(is_a_copy) {
        return Vec::new();
    }
    let all = proc::all();
    all.iter()
        .filter(|stat| signs.fit(stat, &all, known))
        .filter_map(|stat| {
            let held = match PidFd::open(stat.pid) {
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return None,
                held => held.ok(),
            };
            let again = proc::stat(stat.pid)?;
            (again.start == stat.start && signs.fit(&again, &all, known))
                .then_some(Leftover { stat: again, held })
        })
        .collect()
}

/// Whether who wrote `block` lives, so that the lease it holds is elsewhere: the state directory was copied.
/// One that ends has no arguments any more when it lets its lease go.
fn is_a_copy(block: &Block) -> bool {
    supervisor_of(block).is_some_and(|stat| tree::is_supervisor(&stat))
}

/// By what those are known that belong to an entry.
struct Signs {
    id: String,
    /// None of them started earlier; see [`Stat::start`].
    since: u64,
    /// The leader, whose number is that of its session, and its start. Of one that was brought back from a log
    /// there is no start: then its number may be another's by now.
    leader: Option<(i32, u64)>,
}

impl Signs {
    fn of(entry: &Entry, block: Option<&Block>) -> Self {
        let leader = block
            .filter(|block| block.pid > 0 && block.pid_start > 0)
            .map(|block| (block.pid, block.pid_start));
        Self {
            id: entry.id.to_string(),
            since: leader.map_or_else(
                || proc::start_at(entry.uptime_ms, entry.start_ms),
                |(_, start)| start,
            ),
            leader,
        }
    }

    /// Whether all that can be seen here started later, its first process too: as in a container that was
    /// started again. The same numbers are others' there.
    fn are_of_another_namespace(&self) -> bool {
        // On macOS there is but one, and starts are told by a clock that can be set back.
        cfg!(target_os = "linux") && proc::stat(1).is_some_and(|first| first.start > self.since)
    }

    /// Whether `stat` belongs: as `all` was seen before it, and some of that are `known` to belong.
    fn fit(&self, stat: &Stat, all: &[Stat], known: &[Leftover]) -> bool {
        let is_excluded = stat.start < self.since || stat.is_zombie() || stat.pid <= 1;
        if is_excluded || tree::is_supervisor(stat) {
            return false;
        }
        is_among(known, stat)
            || self.marked(stat).unwrap_or_else(|| {
                proc::is_own(stat.pid) && self.session_is_theirs(stat, all, known)
            })
    }

    /// Whether its marker is this one; `None` without a marker, or when that cannot be read.
    fn marked(&self, stat: &Stat) -> Option<bool> {
        proc::variable(stat.pid, b"BGP_ID").map(|id| id == self.id.as_bytes())
    }

    /// Whether `stat` is in the leader's session. The number of a session is not given to another process
    /// while anybody is in it; but once all have gone, a stranger may have got it, made a session of his own,
    /// and ended. So the leader must be there; or somebody who belongs for another reason, and is in the
    /// session now that `stat` was seen in it.
    fn session_is_theirs(&self, stat: &Stat, all: &[Stat], known: &[Leftover]) -> bool {
        let Some((leader, began)) = self.leader.filter(|(pid, _)| *pid == stat.session) else {
            return false;
        };
        if let Some(found) = proc::stat(leader) {
            return found.start == began;
        }
        all.iter()
            .filter(|other| other.session == leader && other.start >= self.since)
            .filter(|other| is_among(known, other) || self.marked(other) == Some(true))
            .filter_map(|other| Some((other, proc::stat(other.pid)?)))
            .any(|(other, now)| now.start == other.start && now.session == leader)
    }
}

fn is_among(known: &[Leftover], stat: &Stat) -> bool {
    let same = |left: &Leftover| left.stat.pid == stat.pid && left.stat.start == stat.start;
    known.iter().any(same)
}

/// Sends each of `signals` to each of them.
pub(super) fn signal(leftovers: &[Leftover], signals: &[Signal]) {
    for held in leftovers.iter().filter_map(|left| left.held.as_ref()) {
        for signal in signals {
            let _ = held.send(*signal as i32); // gone, or refused: looked at again after
        }
    }
}

/// Waits for `leftovers` to end, kills what does not within `grace`, and returns what is still there.
pub(super) fn end(
    entry: &Entry,
    block: Option<&Block>,
    leftovers: &[Leftover],
    grace: Duration,
) -> Vec<Survivor> {
    await_all(leftovers, grace);
    let deadline = Instant::now() + KILL_LIMIT;
    let mut left = find_beside(leftovers, entry, block); // what they started meanwhile, too
    while !left.is_empty() && Instant::now() < deadline {
        signal(&left, &[Signal::SIGKILL]);
        await_all(&left, Duration::from_millis(100));
        left = find_beside(&left, entry, block);
    }
    left.iter().map(survivor).collect()
}

fn await_all(leftovers: &[Leftover], limit: Duration) {
    let deadline = Instant::now() + limit;
    for held in leftovers.iter().filter_map(|left| left.held.as_ref()) {
        pidfd::await_end(held, deadline.saturating_duration_since(Instant::now()));
    }
}

fn survivor(left: &Leftover) -> Survivor {
    let refused = match &left.held {
        None => Some("no pidfd for it".to_owned()),
        Some(held) => held.send(0).err().map(|error| error::reason(&error)),
    };
    Survivor {
        pid: left.stat.pid,
        name: String::from_utf8_lossy(&left.stat.name).into_owned(),
        why: refused.unwrap_or_else(|| format!("state {}", char::from(left.stat.state))),
    }
}
