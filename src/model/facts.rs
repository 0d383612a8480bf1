//! What is written down about a process: what was asked (START), how its leader ended (EXIT), how all
//! of it ended (END). The log, the status block and the state hold these same facts, as JSON.
//!
//! Times named `…_ms` without more are milliseconds since 1970; `uptime_ms` counts from the boot that
//! `boot` names and never jumps. A field unknown to a reader is ignored, one that is missing has its
//! default: so facts can grow within a format version.
//! Does not: hold keys or output.

use std::ffi::OsStr;

use serde::{Deserialize, Serialize};

use super::alert::{Raised, Told};
use super::bytes::Bytes;
use super::id::{LogId, ProcessId};
use super::lifetime::Lifetime;
use super::size::Size;
use super::status::{How, Reason, Status};

/// Where a command's standard input comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stdin {
    /// A pipe that the supervisor keeps open, for `send`.
    #[default]
    Pipe,
    /// `/dev/null`.
    Null,
    /// This file, opened for reading at the start.
    File(Bytes),
}

/// Whether `value` is what a reader takes a missing field for.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// START: everything needed to run the command, and to run it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_field_names,
    reason = "the field is called so in the log"
)]
pub(crate) struct Start {
    pub(crate) id: ProcessId,
    pub(crate) number: u64,
    pub(crate) name: String,
    /// The command and its arguments; with `shell_line` the shell's.
    pub(crate) argv: Vec<Bytes>,
    /// The line given to `-c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shell_line: Option<Bytes>,
    /// An absolute path.
    pub(crate) cwd: Bytes,
    /// `NAME=value` each, in the order the command gets them.
    pub(crate) env: Vec<Bytes>,
    pub(crate) umask: u32,
    #[serde(default)]
    pub(crate) stdin: Stdin,
    /// It has a terminal, of this size at first, in place of the three pipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pty: Option<Size>,
    /// From TERM to KILL when it is stopped.
    pub(crate) grace_ms: u64,
    /// Nobody asked for this grace: the configuration, or bgp itself, gave it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) grace_by_default: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    #[serde(default)]
    pub(crate) alerts: AlertSettings,
    /// How large the log may grow, all segments together.
    #[serde(default = "max_log_bytes")]
    pub(crate) max_log_bytes: u64,
    #[serde(default, skip_serializing_if = "Lifetime::is_its_own")]
    pub(crate) lifetime: Lifetime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<ProcessId>,
    pub(crate) start_ms: u64,
    pub(crate) uptime_ms: u64,
    /// The kernel's boot id.
    pub(crate) boot: String,
}

impl Start {
    /// What is executed: a path, or a name that is searched for.
    pub(crate) fn program(&self) -> &OsStr {
        self.argv.first().map(Bytes::as_os_str).unwrap_or_default()
    }
}

/// What held before it could be said.
fn max_log_bytes() -> u64 {
    64 << 20
}

/// What of a process raises an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    clippy::struct_field_names,
    reason = "the fields are called so in the log"
)]
pub(crate) struct AlertSettings {
    pub(crate) on_success: bool,
    pub(crate) on_failure: bool,
    pub(crate) on_kill: bool,
    /// Regular expressions: a line in which one is found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) on_output: Vec<String>,
    /// Silence for so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) on_idle_ms: Option<u64>,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self {
            on_success: false,
            on_failure: true,
            on_kill: false,
            on_output: Vec::new(),
            on_idle_ms: None,
        }
    }
}

/// EXIT: how the leader ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Exit {
    pub(crate) status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
    /// Set when it ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i32>,
    /// Set when a signal ended it: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signal: Option<String>,
    #[serde(default)]
    pub(crate) core_dumped: bool,
    pub(crate) end_ms: u64,
    /// From the start of the process, which is its first run's, to this end, on a clock that does not
    /// jump.
    pub(crate) runtime_ms: u64,
    /// How long this run of it was, where there may be several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run_ms: Option<u64>,
    /// The restart policy runs it again: this is the end of a run, and not of the process.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) again: bool,
    /// Why the command could not be executed again. The code is then the one a shell gives for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// What it used, with its reaped children: processor time, and the largest resident set.
    #[serde(default)]
    pub(crate) user_ms: u64,
    #[serde(default)]
    pub(crate) system_ms: u64,
    #[serde(default)]
    pub(crate) max_rss_kib: u64,
}

impl Exit {
    /// How it ended, as the code or signal that the kernel told.
    pub(crate) fn how(&self) -> How {
        match (&self.signal, self.code) {
            (Some(name), _) => How::Signal(super::signal::number(name).unwrap_or(0)),
            (None, code) => How::Code(code.unwrap_or(0)),
        }
    }
}

/// NOTE: what happens between START and END beside output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "camelCase")]
pub(crate) enum Note {
    /// Another run has begun; or it could not, and why.
    Run {
        run: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pid: Option<i32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The terminal has another size from here on.
    Resized(Change),
    /// The file of this segment was removed, renamed or cut by somebody else; the log goes on in the next.
    Tampered { segment: u64 },
    /// From here on alerts are raised by these settings.
    Alerts { alerts: AlertSettings },
}

/// END: nothing of the process lives, and all it wrote is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are its JSON")]
#[serde(rename_all = "camelCase")]
pub(crate) struct End {
    pub(crate) end_ms: u64,
    /// Bytes of output that were read, of both streams.
    pub(crate) output_bytes: u64,
    /// What of it is not in the log, as the disk refused it to the last. The log itself cannot tell it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) lost: Lost,
}

/// What a size was, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) from: Size,
    pub(crate) to: Size,
}

/// GAP: what was read, or happened, and could not be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lost {
    /// Of output.
    pub(crate) bytes: u64,
    /// How many other records.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) facts: u64,
}

impl Lost {
    pub(crate) fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// In words.
    pub(crate) fn told(self) -> String {
        let Self { bytes, facts } = self;
        let and = match facts {
            0 => String::new(),
            facts => format!(" and {facts} records of what happened"),
        };
        format!("gap: {bytes} bytes of output{and} were lost, as the disk was full or failed")
    }
}

/// Where a finished log ends: what a cut at its tail is seen against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LogEnd {
    /// The number of the last record, which is END.
    pub(crate) record: u64,
    /// Its tag, in hex.
    pub(crate) tag: String,
    /// The highest segment's number.
    pub(crate) segment: u64,
    /// The size of all segments together, in bytes.
    pub(crate) bytes: u64,
}

/// What the status block of a process says: the newest of what its supervisor knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Block {
    pub(crate) status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
    /// 1 for the first run, counting up with each automatic restart.
    pub(crate) run: u64,
    /// The leader and when the kernel says it started, in clock ticks since boot.
    pub(crate) pid: i32,
    pub(crate) pid_start: u64,
    /// The supervisor and when it started. Only the lease tells whether it lives.
    pub(crate) supervisor_pid: i32,
    pub(crate) supervisor_start: u64,
    /// The kernel's boot id.
    pub(crate) boot: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) paused: bool,
    /// The size of its terminal now, if it has been changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<Size>,
    /// The numbers of the first and last segment there are.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) first_segment: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) last_segment: u64,
    /// The size of all of them but the last, in bytes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) earlier_bytes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exit: Option<Exit>,
    /// How the run before the current one ended, or before the one that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_exit: Option<Exit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<End>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) log_end: Option<LogEnd>,
    /// The newest events that may not be alerts yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) raised: Vec<Raised>,
}

/// One process as the state knows it: the index entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) id: ProcessId,
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) log: LogId,
    pub(crate) argv: Vec<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shell_line: Option<Bytes>,
    pub(crate) cwd: Bytes,
    /// Its terminal's first size, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pty: Option<Size>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(crate) alerts: AlertSettings,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<ProcessId>,
    pub(crate) grace_ms: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) grace_by_default: bool,
    pub(crate) start_ms: u64,
    pub(crate) uptime_ms: u64,
    pub(crate) boot: String,
    #[serde(default, skip_serializing_if = "Told::is_nothing")]
    pub(crate) told: Told,
    /// The last words of its status block, once they are final: then nothing else need be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ended: Option<Box<Block>>,
}
