//! Phrases that several commands say.
//!
//! Does not: write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::manager::info::ProcessInfo;
use crate::model::status::{How, Reason, Status};
use crate::text::display::human_duration;

/// What a status means, in a sentence that may follow it.
pub(super) fn meaning(info: &ProcessInfo) -> &'static str {
    match (info.status, info.reason) {
        (Status::Starting, _) => "a restart waits for its time",
        (Status::Running, _) if info.paused => "the command is stopped by a signal",
        (Status::Running, _) => "the command runs",
        (Status::Stopping, _) => "it was asked to stop and has not ended yet",
        (Status::Exited, _) => "the command ended well",
        (Status::Killed, Some(Reason::Signal)) => {
            "a signal ended it, and bgp was not asked to stop it"
        }
        (Status::Killed, _) => "it ended after bgp was asked to stop it",
        (Status::Crashed, _) => "a signal cut it off",
        (Status::Failed, _) => "the command ended with an error",
        (Status::Lost, Some(Reason::Reboot)) => "the machine went down while it ran",
        (Status::Lost, Some(Reason::Damaged)) => {
            "its status block is damaged; nobody knows how it ended"
        }
        (Status::Lost, _) => "its supervisor was killed; nobody knows how it ended",
    }
}

/// The status with what else matters at a glance: `running (paused)`, `failed(3)`, `exited +2`.
pub(super) fn short_status(info: &ProcessInfo) -> String {
    let mut text = match (info.status, info.how()) {
        (Status::Failed | Status::Crashed, Some(How::Code(code))) => {
            format!("{}({code})", info.status.word())
        }
        (Status::Killed | Status::Crashed, Some(How::Signal(_))) => {
            let signal = info
                .exit
                .as_ref()
                .and_then(|exit| exit.signal.as_deref())
                .unwrap_or_default();
            format!(
                "{}({})",
                info.status.word(),
                signal.trim_start_matches("SIG")
            )
        }
        (status, _) => status.word().to_owned(),
    };
    if info.paused {
        text.push_str(" (paused)");
    }
    if info.descendants > 0 {
        text = format!("{text} +{}", info.descendants);
    }
    text
}

/// How long, or `-` when nobody knows.
pub(super) fn runtime(info: &ProcessInfo) -> String {
    info.runtime_ms.map_or_else(
        || "-".to_owned(),
        |ms| human_duration(Duration::from_millis(ms)),
    )
}

/// Shows times where the reader is.
pub(super) struct Clock(TimeZone);

impl Clock {
    /// The zone of the variable TZ or of `/etc/localtime`; UTC where neither says.
    pub(super) fn local() -> Self {
        let named = std::env::var("TZ").ok().filter(|name| !name.is_empty());
        let zone = match named {
            Some(name) => {
                let file = format!("/usr/share/zoneinfo/{}", name.trim_start_matches(':'));
                TimeZone::posix(&name).ok().or_else(|| zone_file(&file))
            }
            None => zone_file("/etc/localtime"),
        };
        Self(zone.unwrap_or(TimeZone::UTC))
    }

    /// `2026-11-20 14:03:05`.
    pub(super) fn date_time(&self, ms: u64) -> String {
        self.format(ms.saturating_mul(1_000_000), "%Y-%m-%d %H:%M:%S")
    }

    /// `2026-11-20T14:03:05.123+01:00`.
    pub(super) fn stamp(&self, ns: u64) -> String {
        self.format(ns, "%Y-%m-%dT%H:%M:%S%.3f%:z")
    }

    fn format(&self, ns: u64, format: &str) -> String {
        let Ok(time) = Timestamp::from_nanosecond(i128::from(ns)) else {
            return "?".to_owned();
        };
        time.to_zoned(self.0.clone()).strftime(format).to_string()
    }
}

fn zone_file(path: &str) -> Option<TimeZone> {
    TimeZone::tzif(path, &std::fs::read(path).ok()?).ok()
}
