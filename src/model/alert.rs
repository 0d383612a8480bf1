//! Alerts: what is told of a process without being asked for.
//!
//! A supervisor *raises* an event, in its log and its status block; the first command that sees it makes
//! it an *alert*: gives it the next number and keeps it in the state. `lost` is raised by whoever finds it.
//! Does not: detect anything, or say who has had what.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::facts::{AlertSettings, Exit};
use super::id::ProcessId;
use super::status::{Reason, Status};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Event {
    /// It ended well.
    Exited,
    Failed,
    Crashed,
    /// It was stopped or killed.
    Killed,
    /// It was stopped because its time was over.
    Timeout,
    /// Nobody knows how it ended.
    Lost,
    /// It wrote a line that was asked for.
    Output,
    /// It wrote nothing for as long as was asked for.
    Idle,
    /// Its log was removed, renamed or cut by somebody else.
    Tampered,
    /// Some of what it wrote is lost: the disk was full, or failed, for too long.
    Gap,
}

impl Event {
    /// What the end of a run is called; `None` while it lives.
    pub(crate) fn of_end(status: Status, reason: Option<Reason>) -> Option<Self> {
        match (status, reason) {
            (Status::Starting | Status::Running | Status::Stopping, _) => None,
            (Status::Exited, _) => Some(Self::Exited),
            (Status::Failed, _) => Some(Self::Failed),
            (Status::Crashed, _) => Some(Self::Crashed),
            (Status::Killed, Some(Reason::Timeout)) => Some(Self::Timeout),
            (Status::Killed, _) => Some(Self::Killed),
            (Status::Lost, _) => Some(Self::Lost),
        }
    }

    /// The word for it, in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::Killed => "killed",
            Self::Timeout => "timeout",
            Self::Lost => "lost",
            Self::Output => "output",
            Self::Idle => "idle",
            Self::Tampered => "tampered",
            Self::Gap => "gap",
        }
    }

    /// Whether it is the end of a run.
    pub(crate) fn is_end(self) -> bool {
        !matches!(self, Self::Output | Self::Idle | Self::Tampered | Self::Gap)
    }
}

/// The most expressions for one process, and the most bytes of one.
const PATTERNS_MAX: usize = 16;
const PATTERN_MAX_BYTES: usize = 1024;

impl AlertSettings {
    /// That a supervisor can bear them; else what is wrong, and what to do.
    pub(crate) fn check(&self) -> Result<(), (String, &'static str)> {
        if self.on_output.len() > PATTERNS_MAX {
            let what = format!("{} expressions are too many", self.on_output.len());
            return Err((
                what,
                "16 are allowed; one may be several, as in 'error|panic'",
            ));
        }
        match self
            .on_output
            .iter()
            .find(|text| text.len() > PATTERN_MAX_BYTES)
        {
            Some(long) => {
                let what = format!("an expression of {} bytes is too long", long.len());
                Err((what, "1024 bytes are allowed"))
            }
            None => Ok(()),
        }
    }

    /// Whether `event` is to be told.
    pub(crate) fn wants(&self, event: Event) -> bool {
        match event {
            Event::Exited => self.on_success,
            Event::Failed
            | Event::Crashed
            | Event::Timeout
            | Event::Lost
            | Event::Tampered
            | Event::Gap => self.on_failure,
            Event::Killed => self.on_kill,
            Event::Output => !self.on_output.is_empty(),
            Event::Idle => self.on_idle_ms.is_some(),
        }
    }
}

/// An event as a supervisor raises it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Raised {
    /// Its number among those of its process: 1, 2 …
    pub(crate) seq: u64,
    pub(crate) event: Event,
    pub(crate) time_ms: u64,
    /// How long the run had lasted then.
    pub(crate) runtime_ms: u64,
    /// Which run it was: 1 for the first.
    pub(crate) run: u64,
    /// So many matching lines, or ends, there were up to this one, with those that raised nothing.
    #[serde(default)]
    pub(crate) total: u64,
    /// The line that matched, or the last one that was written: text on one line, shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<String>,
    /// Which of the patterns the line matched, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pattern: Option<u8>,
    /// How the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exit: Option<Exit>,
    /// It will be run again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) restarting: bool,
    /// For how long nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) silent_ms: Option<u64>,
}

/// What of a process's events has been made alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Told {
    /// Up to this event.
    pub(crate) seq: u64,
    /// So many matching lines.
    pub(crate) outputs: u64,
    /// So many ends.
    pub(crate) ends: u64,
    /// Also that it is lost.
    pub(crate) lost: bool,
}

impl Told {
    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// An event with its number, as the state keeps it: also when its process is cleared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Alert {
    /// 1, 2 … among all of a store; none is given twice.
    pub(crate) number: u64,
    pub(crate) event: Event,
    pub(crate) time_ms: u64,
    /// How many of its kind it stands for.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) restarting: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) silent_ms: Option<u64>,
    pub(crate) process: Subject,
    /// What a later bgp has added: kept as it is.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// The process of an alert, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subject {
    pub(crate) id: ProcessId,
    pub(crate) number: u64,
    pub(crate) name: String,
    /// Its command, shortened.
    pub(crate) command: String,
    pub(crate) status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exit: Option<Exit>,
    pub(crate) start_ms: u64,
    /// How long the run had lasted; `None` where nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) runtime_ms: Option<u64>,
    /// How large its log was when the alert got its number.
    #[serde(default)]
    pub(crate) log_bytes: u64,
    /// Which run it was: 1 for the first.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) run: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
}

fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_one(count: &u64) -> bool {
    *count == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_end_is_told_with_which_settings() {
        let settings = |on_success, on_failure, on_kill| AlertSettings {
            on_success,
            on_failure,
            on_kill,
            ..AlertSettings::default()
        };
        let default = AlertSettings::default();
        for (status, reason, by_default, success, failure, kill) in [
            (Status::Exited, None, false, true, false, false),
            (Status::Failed, None, true, false, true, false),
            (Status::Crashed, None, true, false, true, false),
            (Status::Lost, None, true, false, true, false),
            (
                Status::Killed,
                Some(Reason::Timeout),
                true,
                false,
                true,
                false,
            ),
            (
                Status::Killed,
                Some(Reason::Stop),
                false,
                false,
                false,
                true,
            ),
            (
                Status::Killed,
                Some(Reason::Signal),
                false,
                false,
                false,
                true,
            ),
        ] {
            let event = Event::of_end(status, reason).unwrap();
            let wants = [
                default.wants(event),
                settings(true, false, false).wants(event),
                settings(false, true, false).wants(event),
                settings(false, false, true).wants(event),
            ];
            assert_eq!(
                wants,
                [by_default, success, failure, kill],
                "{status:?} {reason:?}"
            );
        }
        assert_eq!(Event::of_end(Status::Running, None), None);
    }
}
