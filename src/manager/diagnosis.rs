//! Why a process failed, where that is plain from its end and its last lines, and what to do about it.
//!
//! Does not: guess. Where nothing is plain it says nothing.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use regex::Regex;

use super::Manager;
use super::info::ProcessInfo;
use super::leftovers;
use super::observe::{Observed, descendants};
use crate::model::status::{How, Reason, Status};
use crate::sys::{ports, proc};
use crate::text::display::human_bytes;
use crate::text::lines::Line;

/// A sentence for who wants to know why `process` failed.
pub(super) fn hint(
    manager: &Manager,
    process: &Observed,
    info: &ProcessInfo,
    last_lines: &[Line<'_>],
) -> Option<String> {
    match info.status {
        Status::Lost => lost(process, info),
        Status::Failed | Status::Killed if info.not_executed().is_some() => not_executed(info),
        Status::Failed | Status::Crashed => port_in_use(manager, info, last_lines)
            .or_else(|| by_code(info))
            .or_else(|| by_kill(info)),
        Status::Starting | Status::Running | Status::Stopping | Status::Exited | Status::Killed => {
            None
        }
    }
}

/// Why there was no other run: nobody has said its code then.
fn not_executed(info: &ProcessInfo) -> Option<String> {
    let error = info.not_executed()?;
    Some(format!("the command was not executed again: {error}"))
}

fn lost(process: &Observed, info: &ProcessInfo) -> Option<String> {
    let left = leftovers::find(&process.entry, process.block.as_deref());
    if left.is_empty() {
        return None;
    }
    let (count, id) = (left.len(), info.id); // the name may be another's by now
    let what = if count == 1 {
        "1 process of it still lives".to_owned()
    } else {
        format!("{count} processes of it still live")
    };
    Some(format!("{what}; 'bgp stop {id}' ends what is left"))
}

/// The two codes by which a shell says that there was nothing to run.
fn by_code(info: &ProcessInfo) -> Option<String> {
    let code = match info.how()? {
        How::Code(code) => code,
        How::Signal(_) => return None,
    };
    let says = if is_shell(info) {
        "the shell says with this code"
    } else {
        "a shell in it probably says with this code"
    };
    match code {
        126 => Some(format!(
            "{says} that a file cannot be executed; is it executable (chmod +x), and for this machine?"
        )),
        127 => Some(format!(
            "{says} that a command was not found; is it spelled right, and in the PATH it was started with?"
        )),
        _ => None,
    }
}

fn is_shell(info: &ProcessInfo) -> bool {
    let program = info.argv.first().map(|word| Path::new(word.as_os_str()));
    let name = program.and_then(Path::file_name).map(OsStrExt::as_bytes);
    info.shell_line.is_some()
        || matches!(
            name,
            Some(b"sh" | b"bash" | b"dash" | b"ksh" | b"zsh" | b"ash")
        )
}

/// KILL, from somebody else, or told by a shell as 137.
fn by_kill(info: &ProcessInfo) -> Option<String> {
    let killed = match info.how()? {
        How::Signal(signal) => signal == libc::SIGKILL,
        How::Code(code) => code == 128 + libc::SIGKILL,
    };
    if !killed || matches!(info.reason, Some(Reason::Stop | Reason::Timeout)) {
        return None;
    }
    let most = info.exit.as_ref().map_or(0, |exit| exit.max_rss_kib);
    let most = if most > 0 {
        format!("; it had {} resident at most", human_bytes(most * 1024))
    } else {
        String::new()
    };
    Some(format!(
        "bgp did not send it KILL; often that is the kernel when memory is short ('dmesg' tells){most}"
    ))
}

/// Whoever listens on the port that the process could not have.
fn port_in_use(manager: &Manager, info: &ProcessInfo, last_lines: &[Line<'_>]) -> Option<String> {
    let lines: Vec<String> = last_lines
        .iter()
        .map(|line| line.shown().into_owned())
        .collect();
    let words: Vec<String> = info
        .argv
        .iter()
        .map(crate::model::bytes::Bytes::escaped)
        .collect();
    let candidates = ports_in_question(&lines, &words)?;
    let me = std::process::id().cast_signed();
    let listeners = ports::listeners(me);
    let taken = candidates
        .iter()
        .find_map(|port| listeners.iter().find(|listener| listener.port == *port));
    let Some(listener) = taken else {
        return Some(match candidates.first() {
            Some(port) => format!("port {port} was in use; nobody listens on it any more"),
            None => "a port that it wants was in use".to_owned(),
        });
    };
    let port = listener.port;
    let holder = proc::all()
        .into_iter()
        .find(|stat| proc::is_own(stat.pid) && ports::sockets(stat.pid).contains(&listener.inode));
    let Some(holder) = holder else {
        return Some(format!(
            "port {port} is in use by a process of another user"
        ));
    };
    let name = String::from_utf8_lossy(&holder.name).into_owned();
    let who = format!("port {port} is in use by {name} (pid {})", holder.pid);
    Some(match owner(manager, holder.pid) {
        Some(owner) => format!("{who}, which belongs to '{owner}': 'bgp stop {owner}' frees it"),
        None => who,
    })
}

/// The name of the process of ours that `pid` belongs to.
fn owner(manager: &Manager, pid: i32) -> Option<String> {
    let all = manager.observe_if(|entry| entry.ended.is_none()).ok()?;
    all.iter()
        .filter(|process| process.is_live())
        .find(|process| {
            let block = process.block.as_ref();
            block.is_some_and(|block| descendants(block).iter().any(|(member, _)| *member == pid))
        })
        .map(|process| process.entry.name.clone())
}

/// The ports that may be meant where `lines` complain of one that is in use; `None` where they do not.
/// Those that the lines name come first, then what in `words`, the command, looks like one.
fn ports_in_question(lines: &[String], words: &[String]) -> Option<Vec<u16>> {
    let pattern = |text| Regex::new(text).expect("it is a constant, and tested");
    let complaint = pattern(
        r"(?i)EADDRINUSE|address (is )?already in use|port \d+ is (already )?(in use|allocated)",
    );
    if !lines.iter().any(|line| complaint.is_match(line)) {
        return None;
    }
    let named = pattern(r"(?i)(?::|\bport\W{0,3})(\d{1,5})\b");
    let argument = pattern(r"(?:^|[=:])(\d{2,5})$");
    // A line that complains knows best.
    let (complaining, others): (Vec<&String>, Vec<&String>) =
        lines.iter().partition(|line| complaint.is_match(line));
    let mut found: Vec<u16> = Vec::new();
    let texts = complaining
        .into_iter()
        .chain(others)
        .map(|text| (text, &named));
    for (text, pattern) in texts.chain(words.iter().map(|word| (word, &argument))) {
        for captures in pattern.captures_iter(text) {
            if let Ok(port) = captures[1].parse::<u16>()
                && port > 0
                && !found.contains(&port)
            {
                found.push(port);
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_in_question_is_found_in_what_servers_say() {
        let strings = |list: &[&str]| {
            list.iter()
                .map(|text| (*text).to_owned())
                .collect::<Vec<_>>()
        };
        for (lines, words, ports) in [
            (
                &["Error: listen EADDRINUSE: address already in use :::3000"][..],
                &["node", "server.js"][..],
                Some(&[3000][..]),
            ),
            (
                &["  code: 'EADDRINUSE',", "  port: 4000"],
                &["node"],
                Some(&[4000]),
            ),
            (
                &["OSError: [Errno 98] Address already in use"],
                &["python3", "-m", "http.server", "8080"],
                Some(&[8080]),
            ),
            (
                &["bind: address already in use"],
                &["nginx", "--listen=0.0.0.0:81", "--port=82"],
                Some(&[81, 82]),
            ),
            (
                &["Port 5173 is in use, trying another one..."],
                &[],
                Some(&[5173]),
            ),
            (&["Port 5173 is already in use"], &[], Some(&[5173])),
            (&["Address already in use"], &["x"], Some(&[])),
            (&["listening on port 3000"], &["x", "80"], None),
            (&["at 12:34:56 EADDRINUSE"], &[], Some(&[34, 56])),
            (&[], &["8080"], None),
        ] {
            let found = ports_in_question(&strings(lines), &strings(words));
            assert_eq!(found.as_deref(), ports, "{lines:?} {words:?}");
        }
    }
}
