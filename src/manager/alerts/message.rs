//! An alert in words: what, which, how it ended, how long it ran, its last line, what to call next.
//!
//! Does not: exceed 470 bytes; a line of output is shortened before it comes here, and a name is short.

use std::time::Duration;

use super::Pending;
use crate::model::alert::Event;
use crate::text::display::HumanDuration;

impl Pending {
    /// The message with its number: 500 bytes at most.
    pub(crate) fn line(&self) -> String {
        format!("alert {}: {}", self.alert.number, self.message())
    }

    /// One line of text, 470 bytes at most.
    pub(crate) fn message(&self) -> String {
        self.message_with(|line| format!("bgp {line}"))
    }

    /// The same, with the command `bgp LINE` to call next as `call_of` has it.
    pub(crate) fn message_with(&self, call_of: impl Fn(&str) -> String) -> String {
        let info = &self.info;
        let alert = &self.alert;
        let (name, id) = (&info.name, info.id);
        let what = self.what();
        let command = match alert.event {
            Event::Lost | Event::Idle => "status",
            Event::Tampered => "verify",
            _ if self.info.not_executed().is_some() => "status",
            _ => "output",
        };
        let next = if self.cleared {
            "it has been cleared".to_owned()
        } else {
            format!("see: {}", call_of(&format!("{command} {id}")))
        };
        format!("{name} ({id}) {what}; {next}")
    }

    /// The same for who sees the process before them: its name, and what it did.
    pub(crate) fn notice(&self) -> String {
        format!("{} {}", self.info.name, self.what())
    }

    fn what(&self) -> String {
        let (info, alert) = (&self.info, &self.alert);
        let last_line = match (info.not_executed(), &alert.line) {
            (Some(error), _) => format!("; not executed: {error}"),
            (None, Some(line)) => format!("; last line: {line}"),
            (None, None) => String::new(),
        };
        match alert.event {
            Event::Output => {
                let line = alert.line.as_deref().unwrap_or_default();
                let more = match alert.count {
                    0 | 1 => String::new(),
                    count => format!(" (and {} more that match)", count - 1),
                };
                format!("wrote: {line}{more}")
            }
            Event::Idle => {
                let silence = duration(alert.silent_ms.unwrap_or_default());
                format!("has written nothing for {silence}{last_line}")
            }
            Event::Tampered => {
                "has a log that somebody else has removed, renamed or cut".to_owned()
            }
            Event::Gap => {
                "has a log with a gap: the disk was full or failed for too long".to_owned()
            }
            Event::Lost => format!("is {}: {}", info.ending(), info.meaning()),
            Event::Exited | Event::Failed | Event::Crashed | Event::Killed | Event::Timeout => {
                let after = info.runtime_ms.map(duration);
                let after = after
                    .map(|time| format!(" after {time}"))
                    .unwrap_or_default();
                let again = if alert.restarting {
                    ", and is run again"
                } else {
                    ""
                };
                let times = match alert.count {
                    0 | 1 => String::new(),
                    count => format!(", {count} times since it was last told"),
                };
                format!("{}{after}{times}{again}{last_line}", info.ending())
            }
        }
    }
}

fn duration(ms: u64) -> String {
    if ms == 0 {
        return "<1ms".to_owned();
    }
    HumanDuration(Duration::from_millis(ms)).to_string()
}
