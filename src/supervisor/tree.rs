//! The tree of processes below a supervisor: who belongs to it, and how all of it is ended.
//!
//! - Below a subreaper every descendant has a line of parents that leads to it.
//! - A supervisor found below, and what is below it, belong to another process: it is passed over.
//! - TERM goes to the leader's group while the leader is unreaped, and to the others by pidfd.
//! - KILL goes to the supervisor's own unreaped children: their numbers cannot mean anybody else.
//!   When one dies its children become the supervisor's, and are next.
//! - What is below one that does not die, as it refuses or waits in the kernel, is killed by pidfd.
//!
//! Does not: reap, or wait; the supervisor's loop does.

use std::collections::{HashMap, HashSet};
use std::io;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::control::{HELD_BY_TRACER, Survivor};
use crate::sys::pidfd::PidFd;
use crate::sys::proc::{self, Stat};

/// The name of a supervisor's process, and its first argument.
pub(crate) const SUPERVISOR_NAME: &std::ffi::CStr = c"bgp-supervisor";

/// How often lists of children are looked at before all processes are.
const LOOKS_MAX: usize = 8;

/// What its process is called until it has named itself: it is executed as `/proc/self/exe`.
const NAME_AT_FIRST: &[u8] = b"exe";

/// Whether `stat` is a supervisor. Anybody could call himself so: who hides from `stop` behind this
/// name could as well have used `bgp start`.
pub(crate) fn is_supervisor(stat: &Stat) -> bool {
    let named = stat.name == SUPERVISOR_NAME.to_bytes();
    (named || stat.name == NAME_AT_FIRST)
        && proc::arguments(stat.pid).map_or(named, |arguments| {
            arguments.starts_with(SUPERVISOR_NAME.to_bytes_with_nul())
        })
}

/// The living descendants of `root`, without other supervisors and what is below them.
///
/// The kernel's lists of children lead from one to the next, so that this costs as much as the tree is
/// large, not the machine. A list may leave out who comes or goes while it is read: it is looked at
/// until there is nobody new.
pub(crate) fn below(root: i32) -> Vec<Stat> {
    let mut before = Vec::new();
    for _ in 0..LOOKS_MAX {
        let Some(found) = listed_below(root) else {
            break;
        };
        let pids: Vec<i32> = found.iter().map(|stat| stat.pid).collect();
        if pids.iter().all(|pid| before.contains(pid)) {
            return found;
        }
        before = pids;
    }
    let all = proc::all();
    descendants(root, &all).into_iter().cloned().collect()
}

/// One look at the lists of children; `None` where there are none.
fn listed_below(root: i32) -> Option<Vec<Stat>> {
    let mut found = Vec::new();
    let mut next = proc::children(root)?;
    let mut seen = HashSet::from([root]);
    while let Some(pid) = next.pop() {
        if let Some(stat) = proc::stat(pid).filter(|stat| !is_supervisor(stat))
            && seen.insert(pid)
        {
            next.extend(proc::children(pid).unwrap_or_default());
            found.push(stat);
        }
    }
    found.retain(|stat| !stat.is_zombie());
    Some(found)
}

/// The living descendants of `root` among `all`, without other supervisors and what is below them.
fn descendants(root: i32, all: &[Stat]) -> Vec<&Stat> {
    let mut children: HashMap<i32, Vec<&Stat>> = HashMap::new();
    for stat in all {
        children.entry(stat.parent).or_default().push(stat);
    }
    let mut found = Vec::new();
    let mut seen = HashSet::from([root]);
    let mut next = vec![root];
    while let Some(parent) = next.pop() {
        for stat in children.get(&parent).into_iter().flatten() {
            if seen.insert(stat.pid) && !is_supervisor(stat) {
                next.push(stat.pid);
                found.push(*stat);
            }
        }
    }
    found.retain(|stat| !stat.is_zombie());
    found
}

/// Sends TERM and CONT to all of the tree of this process. `leader` is the leader's pid while it is
/// not reaped.
pub(crate) fn terminate(leader: Option<i32>) {
    let both = [Signal::SIGTERM, Signal::SIGCONT];
    if let Some(leader) = leader {
        for signal in both {
            let _ = killpg(Pid::from_raw(leader), signal); // EPERM: what can be is told at the end
        }
    }
    let me = std::process::id().cast_signed();
    for stat in below(me) {
        if Some(stat.group) != leader {
            for signal in both {
                signal_descendant(me, &stat, signal as i32);
            }
        }
    }
}

/// Sends `signal` to a descendant that is not known to be our unreaped child: held by a descriptor
/// first, then looked at again, then signalled.
fn signal_descendant(me: i32, stat: &Stat, signal: i32) {
    let Ok(held) = PidFd::open(stat.pid) else {
        return;
    };
    let again = proc::stat(stat.pid);
    if again.is_some_and(|again| again.start == stat.start && descends_from(me, again)) {
        let _ = held.send(signal);
    }
}

/// Whether the line of parents of `stat` leads to `ancestor` and through no other supervisor, looked up
/// afresh.
fn descends_from(ancestor: i32, mut stat: Stat) -> bool {
    for _ in 0..1024 {
        if is_supervisor(&stat) {
            return false;
        }
        if stat.parent == ancestor {
            return true;
        }
        match proc::stat(stat.parent) {
            Some(parent) => stat = parent,
            None => return false,
        }
    }
    false
}

/// The unreaped children of this process that are no supervisors.
fn own_children() -> io::Result<Vec<Stat>> {
    let me = std::process::id().cast_signed();
    let mut found = Vec::new();
    match proc::own_children() {
        Some(pids) => {
            for pid in pids {
                match proc::try_stat(pid)? {
                    Some(stat) => found.push(stat),
                    // Not hidden from us (proc(5), hidepid): gone.
                    None if kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH) => {}
                    None => return Err(io::ErrorKind::PermissionDenied.into()),
                }
            }
        }
        None => found = proc::try_all()?,
    }
    found.retain(|stat| stat.parent == me && !is_supervisor(stat));
    Ok(found)
}

/// Whether nothing of the tree lives, when there are children still. They may all be other supervisors;
/// as a listing of children may leave some out, "none" is looked up a second way. Where nothing can be
/// looked at, as with no descriptor left, something may live.
pub(crate) fn is_empty() -> bool {
    let me = std::process::id().cast_signed();
    own_children().is_ok_and(|children| children.is_empty())
        && proc::try_all().is_ok_and(|all| {
            !all.iter()
                .any(|stat| stat.parent == me && !is_supervisor(stat))
        })
}

/// Sends KILL to every own child, and returns who they are. The leader of `group`, while it `lives`, is one
/// whose number needs no looking up.
pub(crate) fn kill_children(group: i32, lives: bool) -> Vec<i32> {
    if lives {
        let _ = kill(Pid::from_raw(group), Signal::SIGKILL); // EPERM: what can be is told at the end
    }
    let children = own_children().unwrap_or_default();
    for child in &children {
        let _ = kill(Pid::from_raw(child.pid), Signal::SIGKILL);
    }
    // Without a subreaper orphans are not ours; the group is what is left to go by.
    if cfg!(not(target_os = "linux")) && proc::all().iter().any(|stat| stat.group == group) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    children.iter().map(|child| child.pid).collect()
}

/// Sends KILL by pidfd to what is below own children. It does not come to us while these do not die.
pub(crate) fn kill_below() {
    let me = std::process::id().cast_signed();
    for stat in below(me).iter().filter(|stat| stat.parent != me) {
        signal_descendant(me, stat, Signal::SIGKILL as i32);
    }
}

/// What is left of the tree, and why. An own child that has ended is left as long as it is traced: its tracer
/// reaps it first.
pub(crate) fn survivors() -> Vec<Survivor> {
    let me = std::process::id().cast_signed();
    let mut held = own_children().unwrap_or_default();
    held.retain(|stat| stat.is_zombie() && proc::tracer(stat.pid).is_some());
    let mut survivors: Vec<Survivor> = below(me)
        .into_iter()
        .chain(held)
        .map(|stat| {
            let refused = kill(Pid::from_raw(stat.pid), None) == Err(Errno::EPERM);
            let why = match (proc::tracer(stat.pid), stat.is_zombie()) {
                _ if refused => "EPERM".into(),
                (Some(tracer), true) => format!("ended, {HELD_BY_TRACER}, pid {tracer}"),
                (Some(tracer), false) => format!("{HELD_BY_TRACER}, pid {tracer}"),
                (None, _) => format!("state {}", char::from(stat.state)),
            };
            Survivor {
                pid: stat.pid,
                name: String::from_utf8_lossy(&stat.name).into_owned(),
                why,
            }
        })
        .collect();
    survivors.sort_by_key(|survivor| survivor.pid);
    survivors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: i32, parent: i32, name: &str, state: u8) -> Stat {
        Stat {
            pid,
            name: name.into(),
            state,
            parent,
            group: 0,
            session: 0,
            threads: 1,
            start: 0,
        }
    }

    #[test]
    fn another_supervisor_and_what_is_below_it_are_passed_over() {
        // Pids that do not exist: there are no arguments to read, so the name decides.
        let base = 10_000_000;
        let all = [
            stat(base + 2, base + 1, "sh", b'S'),
            stat(base + 3, base + 2, "sleep", b'S'),
            stat(base + 4, base + 2, "dead", b'Z'),
            stat(base + 5, base + 1, "bgp-supervisor", b'S'),
            stat(base + 6, base + 5, "inner", b'S'),
            stat(base + 7, base + 9, "stranger", b'S'),
            stat(base + 8, base + 4, "below a zombie", b'S'),
            Stat {
                threads: 2,
                ..stat(base + 10, base + 1, "its first thread has ended", b'Z')
            },
        ];
        let mut pids: Vec<i32> = descendants(base + 1, &all)
            .iter()
            .map(|stat| stat.pid - base)
            .collect();
        pids.sort_unstable();
        assert_eq!(pids, [2, 3, 8, 10]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn lists_of_children_tell_the_same_as_all_processes() {
        let line = "sleep 60 & (sleep 60 & sleep 60) & echo ready; wait";
        let mut shell = std::process::Command::new("/bin/sh")
            .args(["-c", line])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pids = |found: Vec<i32>| -> HashSet<i32> { found.into_iter().collect() };
        let root = shell.id().cast_signed();
        let mut listed = HashSet::new();
        crate::testing::eventually("three sleep", || {
            listed = pids(below(root).iter().map(|stat| stat.pid).collect());
            let names = listed.iter().filter_map(|pid| proc::stat(*pid));
            names.filter(|stat| stat.name == b"sleep").count() == 3
        });
        let all = proc::all();
        let scanned = descendants(root, &all);
        assert_eq!(listed, pids(scanned.iter().map(|stat| stat.pid).collect()));
        for pid in listed.into_iter().chain([root]) {
            // The shell may have waited for one that was killed, or it ended with its parent.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        shell.wait().unwrap();
        assert!(below(root).is_empty());
    }

    #[test]
    fn parents_that_form_a_ring_end_nothing() {
        let base = 10_000_000;
        let all = [
            stat(base + 1, base + 2, "a", b'S'),
            stat(base + 2, base + 1, "b", b'S'),
        ];
        assert_eq!(descendants(base + 1, &all).len(), 1);
    }
}
