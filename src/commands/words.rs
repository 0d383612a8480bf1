//! Phrases that several commands say.
//!
//! Does not: write them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::manager::info::ProcessInfo;
use crate::model::status::{How, Status};
use crate::text::display::human_duration;
use crate::text::style::Style;

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

/// `Started web (00c0ffee, proc_3, pid 812)`.
pub(super) fn begun(did: &str, info: &ProcessInfo) -> String {
    let pid = info
        .pid
        .map_or_else(|| "?".to_owned(), |pid| pid.to_string());
    let (name, id, number) = (&info.name, info.id, info.number);
    format!("{did} {name} ({id}, proc_{number}, pid {pid})")
}

/// How long, or `-` when nobody knows.
pub(super) fn runtime(info: &ProcessInfo) -> String {
    match info.runtime_ms {
        None => "-".to_owned(),
        Some(0) => "<1ms".to_owned(),
        Some(ms) => human_duration(Duration::from_millis(ms)),
    }
}

/// The colour of a status: green for what goes on, yellow for what is under way to something else, red
/// for what should not have happened.
pub(super) fn colour(info: &ProcessInfo) -> Style {
    match info.status {
        Status::Running if info.paused => Style::YELLOW,
        Status::Running => Style::GREEN,
        Status::Starting | Status::Stopping => Style::YELLOW,
        Status::Exited | Status::Killed => Style::FAINT,
        Status::Crashed | Status::Failed | Status::Lost => Style::RED,
    }
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

    /// `14:03:05` of the day of `now_ms`, `Nov 19 14:03` of another within half a year, else the date.
    pub(super) fn short_time(&self, ms: u64, now_ms: u64) -> String {
        const HALF_A_YEAR_MS: u64 = 182 * 24 * 60 * 60 * 1000;
        let format = if now_ms.abs_diff(ms) > HALF_A_YEAR_MS {
            "%Y-%m-%d"
        } else {
            let day = |ms: u64| self.format(ms.saturating_mul(1_000_000), "%F");
            if day(ms) == day(now_ms) {
                "%H:%M:%S"
            } else {
                "%b %e %H:%M"
            }
        };
        self.format(ms.saturating_mul(1_000_000), format)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_time_is_short() {
        let clock = Clock(TimeZone::UTC);
        let now = 1_795_178_740_000; // 2026-11-20 12:45:40
        for (ago_s, shown) in [
            (0, "12:45:40"),
            (12 * 3600, "00:45:40"),
            (13 * 3600, "Nov 19 23:45"),
            (12 * 24 * 3600, "Nov  8 12:45"),
            (200 * 24 * 3600, "2026-05-04"),
        ] {
            assert_eq!(clock.short_time(now - ago_s * 1000, now), shown);
        }
        assert_eq!(clock.short_time(0, now), "1970-01-01");
    }
}
