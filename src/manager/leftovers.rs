//! What is left of a process whose supervisor was killed: found again by its session and its marker,
//! and ended.
//!
//! Nobody is the parent of these any more, so each is held by a descriptor, looked at a second time, and
//! only then signalled. Only processes of this boot, of this user, that started after the leader and carry
//! the marker count; or, where a variable cannot be read or was cleared, that are in the leader's session.
//! Does not: touch a process that has another bgp's marker, or a supervisor.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

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

/// What lives of the process of `entry`. Without its last `block` only the marker counts.
pub(super) fn find(entry: &Entry, block: Option<&Block>) -> Vec<Leftover> {
    if entry.boot != clock::boot_id() {
        return Vec::new();
    }
    let all = proc::all();
    all.iter()
        .filter(|stat| belongs(entry, block, stat))
        .filter_map(|stat| {
            let held = match PidFd::open(stat.pid) {
                Err(error) if error.raw_os_error() == Some(libc::ESRCH) => return None,
                held => held.ok(),
            };
            let again = proc::stat(stat.pid)?;
            (again.start == stat.start && belongs(entry, block, &again))
                .then_some(Leftover { stat: again, held })
        })
        .collect()
}

fn belongs(entry: &Entry, block: Option<&Block>, stat: &Stat) -> bool {
    // Brought back from a log it has no start: then its number may be another's by now.
    let leader = block.filter(|block| block.pid > 0 && block.pid_start > 0);
    let since = leader.map_or_else(
        || proc::start_at(entry.uptime_ms, entry.start_ms),
        |leader| leader.pid_start,
    );
    if stat.start < since || stat.is_zombie() || stat.pid <= 1 || tree::is_supervisor(stat) {
        return false;
    }
    match (proc::variable(stat.pid, b"BGP_ID"), leader) {
        (Some(id), _) => id == entry.id.to_string().as_bytes(),
        // The number of a session is not given to another process while somebody is in it; but a leader
        // of that number which started at another time has made a new one.
        (None, Some(leader)) => {
            stat.session == leader.pid
                && proc::stat(leader.pid).is_none_or(|found| found.start == leader.pid_start)
                && proc::is_own(stat.pid)
        }
        (None, None) => false,
    }
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
    loop {
        let left = find(entry, block); // what they started meanwhile, too
        if left.is_empty() {
            return Vec::new();
        }
        if Instant::now() >= deadline {
            return left.iter().map(survivor).collect();
        }
        signal(&left, &[Signal::SIGKILL]);
        await_all(&left, Duration::from_millis(100));
    }
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
