//! All that can be found out about one process: beside what is on record, its tree, ports and use as
//! they are now, the last lines it wrote, and where the reason of a failure is plain, a hint.
//!
//! Does not: fail where only a part cannot be seen.

use std::collections::HashSet;

use serde::Serialize;
use serde::ser::Serializer;

use super::Manager;
use super::diagnosis;
use super::info::ProcessInfo;
use super::observe::{Observed, descendants};
use super::output::{Form, Piece, Query};
use crate::model::error::Error;
use crate::model::lifetime::Lifetime;
use crate::sys::{ports, proc};
use crate::text::lines::Line;

/// How many of the last lines are read.
const LAST_LINES: u64 = 10;

/// A process and all that was found out about it.
pub(crate) struct Inspection {
    pub(crate) info: ProcessInfo,
    /// What lives of it below its leader: its descendants.
    pub(crate) tree: Vec<Member>,
    pub(crate) ports: Vec<Port>,
    /// What was asked about its life, if anything was and its log tells.
    pub(crate) lifetime: Option<Lifetime>,
    pub(crate) used: Option<Used>,
    pub(crate) last_lines: Vec<Line<'static>>,
    /// Why these may not be all.
    pub(crate) log_error: Option<Error>,
    pub(crate) hint: Option<String>,
}

/// One process of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Member {
    pub(crate) pid: i32,
    pub(crate) name: String,
}

/// A TCP port on which one of the tree listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_field_names, reason = "the name in JSON")]
pub(crate) struct Port {
    pub(crate) port: u16,
    #[serde(serialize_with = "as_text")]
    pub(crate) address: std::net::IpAddr,
    pub(crate) pid: i32,
    pub(crate) name: String,
}

/// What was used: by the leader and its reaped children once it has ended, by the living tree before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Used {
    pub(crate) user_ms: u64,
    pub(crate) system_ms: u64,
    /// The memory of the living tree now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resident_bytes: Option<u64>,
    /// The most that one process of it had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_resident_bytes: Option<u64>,
}

impl Manager {
    /// Finds out all about `process`.
    pub(crate) fn inspect(&self, process: &Observed) -> Inspection {
        let info = process.info();
        let members = members(process, &info);
        let (last_lines, log_error) = self.last_lines(process);
        let hint = diagnosis::hint(self, process, &info, &last_lines);
        Inspection {
            ports: ports_of(&members),
            lifetime: self
                .beginning(process)
                .ok() // a log that is damaged is told with its last lines
                .map(|start| start.lifetime)
                .filter(|lifetime| !lifetime.is_its_own()),
            used: used(&info, &members),
            tree: members
                .into_iter()
                .filter(|member| info.pid != Some(member.pid))
                .collect(),
            info,
            last_lines,
            log_error,
            hint,
        }
    }

    fn last_lines(&self, process: &Observed) -> (Vec<Line<'static>>, Option<Error>) {
        let query = Query {
            streams: [true, true],
            last: Some(LAST_LINES),
            since_ns: 0,
            pattern: None,
            form: Form::Lines,
        };
        let mut lines = Vec::new();
        let read = self.read_output(process, query).and_then(|mut reading| {
            reading.drain(&mut |piece| {
                if let Piece::Line(line) = piece {
                    lines.push(line.into_owned());
                }
                Ok(())
            })?;
            lines.extend(reading.unfinished());
            reading.check(process)
        });
        (lines, read.err())
    }
}

/// The living processes below the supervisor, the leader among them.
fn members(process: &Observed, info: &ProcessInfo) -> Vec<Member> {
    match &process.block {
        Some(block) if info.supervised => {
            let mut members: Vec<Member> = descendants(block)
                .into_iter()
                .map(|(pid, name)| Member { pid, name })
                .collect();
            members.sort_by_key(|member| member.pid);
            members
        }
        Some(_) | None => Vec::new(),
    }
}

/// The ports on which `members` listen, each once however many have inherited its socket.
pub(crate) fn ports_of(members: &[Member]) -> Vec<Port> {
    let Some(first) = members.first() else {
        return Vec::new();
    };
    // A tree that has entered several network namespaces is seen from its first process.
    let mut listeners = ports::listeners(first.pid);
    let mut found = Vec::new();
    for member in members {
        if listeners.is_empty() {
            break;
        }
        let open: HashSet<u64> = ports::sockets(member.pid).into_iter().collect();
        listeners.retain(|listener| {
            let here = open.contains(&listener.inode);
            if here {
                found.push(Port {
                    port: listener.port,
                    address: listener.address,
                    pid: member.pid,
                    name: member.name.clone(),
                });
            }
            !here
        });
    }
    found.sort_by_key(|port| (port.port, port.address));
    found
}

fn used(info: &ProcessInfo, members: &[Member]) -> Option<Used> {
    if let Some(exit) = &info.exit {
        return Some(Used {
            user_ms: exit.user_ms,
            system_ms: exit.system_ms,
            resident_bytes: None,
            max_resident_bytes: Some(exit.max_rss_kib * 1024),
        });
    }
    let all: Vec<proc::Usage> = members
        .iter()
        .filter_map(|member| proc::usage(member.pid))
        .collect();
    (!all.is_empty()).then(|| Used {
        user_ms: all.iter().map(|usage| usage.user_ms).sum(),
        system_ms: all.iter().map(|usage| usage.system_ms).sum(),
        resident_bytes: Some(all.iter().map(|usage| usage.resident_bytes).sum()),
        max_resident_bytes: None,
    })
}

fn as_text<S: Serializer>(address: &std::net::IpAddr, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(address)
}

/// The process's own fields, and those that only this has.
impl Serialize for Inspection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Document<'a> {
            #[serde(flatten)]
            info: &'a ProcessInfo,
            meaning: &'static str,
            hint: Option<&'a str>,
            used: Option<Used>,
            tree: &'a [Member],
            ports: &'a [Port],
            lifetime: Option<&'a Lifetime>,
            last_lines: Vec<LineDocument<'a>>,
        }
        #[derive(Serialize)]
        struct LineDocument<'a> {
            stream: &'static str,
            time: u64,
            text: std::borrow::Cow<'a, str>,
        }
        Document {
            info: &self.info,
            meaning: self.info.meaning(),
            hint: self.hint.as_deref(),
            used: self.used,
            tree: &self.tree,
            ports: &self.ports,
            lifetime: self.lifetime.as_ref(),
            last_lines: self
                .last_lines
                .iter()
                .map(|line| LineDocument {
                    stream: line.stream.word(),
                    time: line.time_ns / 1_000_000,
                    text: line.shown(),
                })
                .collect(),
        }
        .serialize(serializer)
    }
}
