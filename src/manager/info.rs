//! A process as the faces show it: everything about it that is not a secret.
//!
//! Does not: look anything up.

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::model::bytes::{Bytes, write_escaped};
use crate::model::facts::{AlertSettings, Entry, Exit};
use crate::model::id::ProcessId;
use crate::model::size::Size;
use crate::model::status::{How, Reason, Status};

/// What is known of a process at one moment.
#[derive(Debug, Clone)]
pub(crate) struct ProcessInfo {
    pub(crate) id: ProcessId,
    pub(crate) number: u64,
    pub(crate) name: String,
    /// The leader's; it stays after the end. `None` when nothing is known of it.
    pub(crate) pid: Option<i32>,
    pub(crate) argv: Vec<Bytes>,
    pub(crate) shell_line: Option<Bytes>,
    pub(crate) cwd: Bytes,
    /// The first size of its terminal, if it has one.
    pub(crate) pty: Option<Size>,
    pub(crate) status: Status,
    pub(crate) reason: Option<Reason>,
    pub(crate) start_ms: u64,
    pub(crate) exit: Option<Exit>,
    /// From the start until now or the leader's end; `None` when the end is not known.
    pub(crate) runtime_ms: Option<u64>,
    /// Living descendants of a leader that has ended.
    pub(crate) descendants: usize,
    pub(crate) paused: bool,
    pub(crate) restarts: u64,
    /// How the run before this one ended, if it is not the first.
    pub(crate) last_exit: Option<Exit>,
    pub(crate) group: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) previous: Option<ProcessId>,
    pub(crate) alerts: AlertSettings,
    pub(crate) log_bytes: u64,
    /// Whether the supervisor lives.
    pub(crate) supervised: bool,
    /// Whether the end of all of it is recorded.
    pub(crate) ended: bool,
}

impl ProcessInfo {
    /// What an entry tells by itself, as of a process of which nothing else is known.
    pub(crate) fn of(entry: Entry) -> Self {
        Self {
            id: entry.id,
            number: entry.number,
            name: entry.name,
            pid: None,
            argv: entry.argv,
            shell_line: entry.shell_line,
            cwd: entry.cwd,
            pty: entry.pty,
            status: Status::Lost,
            reason: None,
            start_ms: entry.start_ms,
            exit: None,
            runtime_ms: None,
            descendants: 0,
            paused: false,
            restarts: 0,
            last_exit: None,
            group: entry.group,
            session: entry.session,
            previous: entry.previous,
            alerts: entry.alerts,
            log_bytes: 0,
            supervised: false,
            ended: false,
        }
    }

    /// The command as a person would type it: the shell's line, or the words, quoted where need be.
    pub(crate) fn command(&self) -> Bytes {
        if let Some(line) = &self.shell_line {
            return line.clone();
        }
        let words: Vec<Vec<u8>> = self.argv.iter().map(|word| quoted(&word.0)).collect();
        Bytes(words.join(&b' '))
    }

    /// The same, escaped, to be written.
    pub(crate) fn command_line(&self) -> CommandLine<'_> {
        CommandLine(self)
    }

    /// How the leader ended, if it has and that is known.
    pub(crate) fn how(&self) -> Option<How> {
        self.exit.as_ref().map(Exit::how)
    }

    /// `exited with code 0`, `killed by SIGTERM (stop)`, `running`.
    pub(crate) fn ending(&self) -> String {
        let reason = self
            .reason
            .map(|reason| format!(" ({})", reason.word()))
            .unwrap_or_default();
        let status = self.status.word();
        match self.how() {
            Some(How::Code(code)) => format!("{status} with code {code}{reason}"),
            Some(How::Signal(_)) => {
                let signal = self.exit.as_ref().and_then(|exit| exit.signal.as_deref());
                format!("{status} by {}{reason}", signal.unwrap_or("a signal"))
            }
            None => format!("{status}{reason}"),
        }
    }

    /// What its status means, in a sentence.
    pub(crate) fn meaning(&self) -> &'static str {
        match (self.status, self.reason) {
            (Status::Starting, _) => "it has ended and will be run again",
            (Status::Running, _) if self.paused => "the command is stopped by a signal",
            (Status::Running, _) => "the command runs",
            (Status::Stopping, _) => "it was asked to stop and has not ended yet",
            (Status::Exited, _) => "the command ended well",
            (Status::Killed, Some(Reason::Signal)) => {
                "a signal ended it, and bgp was not asked to stop it"
            }
            (Status::Killed, Some(Reason::Timeout)) => "it was stopped when its time was over",
            (Status::Killed, Some(Reason::Owner)) => {
                "it was stopped when the process ended with which it was to end"
            }
            (Status::Killed, Some(Reason::Session)) => "it was stopped when its session was ended",
            (Status::Killed, _) => "it ended after bgp was asked to stop it",
            (Status::Crashed, _) => "a signal cut it off",
            (Status::Failed, _) if self.not_executed().is_some() => "it could not be run again",
            (Status::Failed, _) => "the command ended with an error",
            (Status::Lost, Some(Reason::Reboot)) => "the machine went down while it ran",
            (Status::Lost, Some(Reason::Damaged)) => {
                "its status block is damaged; nobody knows how it ended"
            }
            (Status::Lost, _) => "its supervisor was killed; nobody knows how it ended",
        }
    }

    /// Why the command could not be executed again, if that was its end.
    pub(crate) fn not_executed(&self) -> Option<&str> {
        self.exit.as_ref()?.error.as_deref()
    }

    /// Whether anything of it lives: its leader, or what that has left behind it.
    pub(crate) fn lives(&self) -> bool {
        self.status.is_live() || self.descendants > 0
    }

    /// Whether it did what it was to do; `None` while it runs.
    pub(crate) fn success(&self) -> Option<bool> {
        (!self.status.is_live()).then_some(self.status == Status::Exited)
    }
}

/// See [`ProcessInfo::command_line`].
pub(crate) struct CommandLine<'a>(&'a ProcessInfo);

impl fmt::Display for CommandLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = &self.0.shell_line {
            return write_escaped(&line.0, f);
        }
        for (i, word) in self.0.argv.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            if is_plain(&word.0) {
                write_escaped(&word.0, f)?;
            } else {
                write_escaped(&quoted(&word.0), f)?;
            }
        }
        Ok(())
    }
}

fn is_plain(word: &[u8]) -> bool {
    let plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"%+,-./:=@_^".contains(byte) || *byte >= 0x80;
    !word.is_empty() && word.iter().all(plain)
}

fn quoted(word: &[u8]) -> Vec<u8> {
    if is_plain(word) {
        return word.to_vec();
    }
    let inner = word
        .split(|byte| *byte == b'\'')
        .collect::<Vec<_>>()
        .join(&b"'\\''"[..]);
    [b"'", inner.as_slice(), b"'"].concat()
}

/// The contract's fields, in the contract's order. Bytes that are no UTF-8 are escaped, with a lossless
/// `…Base64` field beside.
impl Serialize for ProcessInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let command = self.command();
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("number", &self.number)?;
        map.serialize_entry("name", &self.name)?;
        map.serialize_entry("pid", &self.pid)?;
        map.serialize_entry("command", &command.escaped())?;
        if let Some(lossless) = command.base64_if_needed() {
            map.serialize_entry("commandBase64", &lossless)?;
        }
        map.serialize_entry(
            "argv",
            &self.argv.iter().map(Bytes::escaped).collect::<Vec<_>>(),
        )?;
        if self
            .argv
            .iter()
            .any(|word| word.base64_if_needed().is_some())
        {
            let lossless: Vec<String> = self.argv.iter().map(Bytes::base64).collect();
            map.serialize_entry("argvBase64", &lossless)?;
        }
        map.serialize_entry("cwd", &self.cwd.escaped())?;
        if let Some(lossless) = self.cwd.base64_if_needed() {
            map.serialize_entry("cwdBase64", &lossless)?;
        }
        map.serialize_entry("status", self.status.word())?;
        map.serialize_entry("reason", &self.reason.map(Reason::word))?;
        map.serialize_entry("startTime", &self.start_ms)?;
        map.serialize_entry("endTime", &self.exit.as_ref().map(|exit| exit.end_ms))?;
        map.serialize_entry("exitCode", &self.exit.as_ref().and_then(|exit| exit.code))?;
        map.serialize_entry(
            "signal",
            &self.exit.as_ref().and_then(|exit| exit.signal.as_ref()),
        )?;
        map.serialize_entry("success", &self.success())?;
        map.serialize_entry("runtimeMs", &self.runtime_ms)?;
        map.serialize_entry("descendants", &self.descendants)?;
        map.serialize_entry("paused", &self.paused)?;
        map.serialize_entry("pty", &self.pty.is_some())?;
        map.serialize_entry("group", &self.group)?;
        map.serialize_entry("session", &self.session)?;
        map.serialize_entry("restarts", &self.restarts)?;
        map.serialize_entry("previous", &self.previous)?;
        map.serialize_entry("alertOnSuccess", &self.alerts.on_success)?;
        map.serialize_entry("alertOnFailure", &self.alerts.on_failure)?;
        map.serialize_entry("alertOnKill", &self.alerts.on_kill)?;
        map.serialize_entry("logBytes", &self.log_bytes)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_the_command_escaped() {
        let entry: Entry = serde_json::from_value(serde_json::json!({
            "id": "00000001", "number": 1, "name": "web", "log": "00".repeat(16),
            "argv": ["two words", "plain", "", "it's", {"base64": "Yf9i"}],
            "cwd": "/", "graceMs": 5000, "startMs": 1, "uptimeMs": 1, "boot": "b",
        }))
        .unwrap();
        let mut info = ProcessInfo::of(entry);
        assert_eq!(info.command_line().to_string(), info.command().escaped());
        assert!(info.command_line().to_string().ends_with("a\\xffb"));
        info.shell_line = Some("a | b".into());
        assert_eq!(info.command_line().to_string(), "a | b");
    }

    #[test]
    fn a_command_is_shown_as_it_would_be_typed() {
        for (word, shown) in [
            ("plain", "plain"),
            ("--flag=1", "--flag=1"),
            ("", "''"),
            ("two words", "'two words'"),
            ("it's", "'it'\\''s'"),
            ("$HOME", "'$HOME'"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(String::from_utf8(quoted(word.as_bytes())).unwrap(), shown);
        }
    }
}
