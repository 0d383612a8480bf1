//! proc(5), on Linux.
//!
//! Does not: interpret; who asks does.

use std::io;

use nix::unistd::{SysconfVar, sysconf};

use super::{Stat, Usage, is_exiting_in, parse, parse_usage};
use crate::sys::crash;

pub(crate) fn stat(pid: i32) -> Option<Stat> {
    try_stat(pid).ok().flatten()
}

pub(crate) fn try_stat(pid: i32) -> io::Result<Option<Stat>> {
    match std::fs::read(format!("/proc/{pid}/stat")) {
        Ok(line) => Ok(parse(&line)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => match error.raw_os_error() {
            Some(libc::EACCES | libc::EPERM) => Ok(None), // hidden from us
            _ => Err(error),
        },
    }
}

pub(crate) fn usage(pid: i32) -> Option<Usage> {
    let value = |variable| u64::try_from(sysconf(variable).ok()??).ok();
    let ticks = value(SysconfVar::CLK_TCK)?;
    let page_bytes = value(SysconfVar::PAGE_SIZE)?;
    let line = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse_usage(&line, ticks, page_bytes)
}

pub(crate) fn is_exiting(pid: i32) -> bool {
    // All of its threads are: the first may have ended while others work on.
    std::fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|mut tasks| {
        tasks.all(|task| {
            let line = task.and_then(|task| std::fs::read(task.path().join("stat")));
            line.map_or_else(|error| is_gone(&error), |line| is_exiting_in(&line))
        })
    })
}

pub(crate) fn try_all() -> io::Result<Vec<Stat>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        if let Some(pid) = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        {
            all.extend(try_stat(pid)?);
        }
    }
    Ok(all)
}

pub(crate) fn own_children() -> Option<Vec<i32>> {
    if crash::without("children") {
        return None;
    }
    let me = std::process::id(); // one thread: the process is its only task
    let text = std::fs::read_to_string(format!("/proc/self/task/{me}/children")).ok()?;
    Some(
        text.split_ascii_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect(),
    )
}

pub(crate) fn children(pid: i32) -> Option<Vec<i32>> {
    if crash::without("children") {
        return None;
    }
    let mut children = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let text = std::fs::read_to_string(task.ok()?.path().join("children")).ok()?;
        let pids = text.split_ascii_whitespace();
        children.extend(pids.filter_map(|pid| pid.parse::<i32>().ok()));
    }
    Some(children)
}

pub(crate) fn arguments(pid: i32) -> Option<Vec<u8>> {
    of_memory(pid, "cmdline")
}

pub(crate) fn environment(pid: i32) -> Option<Vec<u8>> {
    of_memory(pid, "environ")
}

/// What the file `name` of `pid` shows of its memory. A first thread that has ended has none any more: its
/// file is empty or cannot be read (`ESRCH`), and belongs to root (`EACCES`). Then another thread is asked.
fn of_memory(pid: i32, name: &str) -> Option<Vec<u8>> {
    match std::fs::read(format!("/proc/{pid}/{name}")) {
        Ok(bytes) if bytes.is_empty() => of_another_thread(pid, name).or(Some(bytes)),
        Ok(bytes) => Some(bytes),
        Err(_) => of_another_thread(pid, name),
    }
}

fn of_another_thread(pid: i32, name: &str) -> Option<Vec<u8>> {
    std::fs::read_dir(format!("/proc/{pid}/task"))
        .ok()?
        .filter_map(|task| std::fs::read(task.ok()?.path().join(name)).ok())
        .find(|bytes| !bytes.is_empty())
}

/// Whether this is what is said of a process or thread that is no more.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH))
}

pub(crate) fn owner(pid: i32) -> Option<u32> {
    of_status(pid, "Uid:")
}

pub(crate) fn tracer(pid: i32) -> Option<i32> {
    of_status(pid, "TracerPid:").filter(|tracer| *tracer != 0) // 0: nobody does
}

/// The first number behind this word.
fn of_status<T: std::str::FromStr>(pid: i32, word: &str) -> Option<T> {
    let status = std::fs::read(format!("/proc/{pid}/status")).ok()?;
    let status = String::from_utf8_lossy(&status); // the name may be any bytes
    let numbers = status.lines().find_map(|line| line.strip_prefix(word))?;
    numbers.split_ascii_whitespace().next()?.parse().ok()
}
