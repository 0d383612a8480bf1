//! Phrases that several faces say of a process.
//!
//! Does not: write them.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::info::ProcessInfo;
use crate::model::facts::AlertSettings;
use crate::model::status::{How, Status};
use crate::text::display::{HumanDuration, one_line};
use crate::text::style::Style;

/// The status with what else matters at a glance: `running (paused)`, `failed(3)`, `exited +2`.
pub(crate) struct ShortStatus<'a>(pub(crate) &'a ProcessInfo);

impl Display for ShortStatus<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let info = self.0;
        f.write_str(info.status.word())?;
        match (info.status, info.how()) {
            (Status::Failed | Status::Crashed, Some(How::Code(code))) => write!(f, "({code})")?,
            (Status::Killed | Status::Crashed, Some(How::Signal(_))) => {
                let exit = info.exit.as_ref();
                let signal = exit.and_then(|exit| exit.signal.as_deref());
                let signal = signal.unwrap_or_default().trim_start_matches("SIG");
                write!(f, "({signal})")?;
            }
            _ => {}
        }
        if info.paused {
            f.write_str(" (paused)")?;
        }
        if info.descendants > 0 {
            write!(f, " +{}", info.descendants)?;
        }
        Ok(())
    }
}

/// `Started web (00c0ffee, proc_3, pid 812)`.
pub(crate) fn begun(did: &str, info: &ProcessInfo) -> String {
    let pid = info
        .pid
        .map_or_else(|| "?".to_owned(), |pid| pid.to_string());
    let (name, id, number) = (&info.name, info.id, info.number);
    format!("{did} {name} ({id}, proc_{number}, pid {pid})")
}

/// `on failure, output of 'ready', silence of 5m`.
pub(crate) fn alerts(settings: &AlertSettings) -> String {
    let ends = [
        (settings.on_success, "success"),
        (settings.on_failure, "failure"),
        (settings.on_kill, "kill"),
    ];
    let ends = ends.iter().filter(|(on, _)| *on);
    let mut on: Vec<String> = ends.map(|(_, word)| (*word).to_owned()).collect();
    let patterns = settings.on_output.iter();
    on.extend(patterns.map(|pattern| format!("output of '{}'", one_line(pattern))));
    if let Some(ms) = settings.on_idle_ms {
        let silence = HumanDuration(Duration::from_millis(ms));
        on.push(format!("silence of {silence}"));
    }
    if on.is_empty() {
        "none".to_owned()
    } else {
        format!("on {}", on.join(", "))
    }
}

/// How long, or `-` when nobody knows.
pub(crate) struct Runtime<'a>(pub(crate) &'a ProcessInfo);

impl Display for Runtime<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.runtime_ms {
            None => f.write_str("-"),
            Some(0) => f.write_str("<1ms"),
            Some(ms) => HumanDuration(Duration::from_millis(ms)).fmt(f),
        }
    }
}

/// The pid, or `-` when nobody knows.
pub(crate) struct Pid<'a>(pub(crate) &'a ProcessInfo);

impl Display for Pid<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.pid {
            None => f.write_str("-"),
            Some(pid) => pid.fmt(f),
        }
    }
}

/// The colour of a status: green for what goes on, yellow for what is under way to something else, red
/// for what should not have happened.
pub(crate) fn colour(info: &ProcessInfo) -> Style {
    match info.status {
        Status::Running if info.paused => Style::YELLOW,
        Status::Running => Style::GREEN,
        Status::Starting | Status::Stopping => Style::YELLOW,
        Status::Exited | Status::Killed => Style::FAINT,
        Status::Crashed | Status::Failed | Status::Lost => Style::RED,
    }
}

/// Shows times where the reader is.
pub(crate) struct Clock(TimeZone);

impl Clock {
    /// The zone of the variable TZ or of `/etc/localtime`; UTC where neither says.
    pub(crate) fn local() -> Self {
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
    pub(crate) fn date_time(&self, ms: u64) -> Moment {
        self.moment(ms.saturating_mul(1_000_000), Form::DateTime)
    }

    /// `14:03:05` of the day of `now_ms`, `Nov 19 14:03` of another within half a year, else the date.
    pub(crate) fn short_time(&self, ms: u64, now_ms: u64) -> Moment {
        const HALF_A_YEAR_MS: u64 = 182 * 24 * 60 * 60 * 1000;
        let mut moment = self.moment(ms.saturating_mul(1_000_000), Form::Time);
        let day = |moment: &Moment| moment.time.map(|(time, _)| time.date());
        if now_ms.abs_diff(ms) > HALF_A_YEAR_MS {
            moment.form = Form::Date;
        } else if day(&moment) != day(&self.date_time(now_ms)) {
            moment.form = Form::DayAndTime;
        }
        moment
    }

    /// `2026-11-20T14:03:05.123+01:00`.
    pub(crate) fn stamp(&self, ns: u64) -> Moment {
        self.moment(ns, Form::Stamp)
    }

    fn moment(&self, ns: u64, form: Form) -> Moment {
        let time = Timestamp::from_nanosecond(i128::from(ns)).ok();
        Moment {
            time: time.map(|time| {
                let offset = self.0.to_offset(time);
                (offset.to_datetime(time), offset)
            }),
            form,
        }
    }
}

/// A time where the reader is.
pub(crate) struct Moment {
    /// `None` where no calendar reaches.
    time: Option<(DateTime, Offset)>,
    form: Form,
}

enum Form {
    DateTime,
    Time,
    DayAndTime,
    Date,
    Stamp,
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

// Not by the crate's strftime: that takes longer than all else about a line of the list.
impl Display for Moment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some((time, offset)) = self.time else {
            return f.write_str("?");
        };
        let (year, month, day) = (time.year(), time.month(), time.day());
        let (hour, minute, second) = (time.hour(), time.minute(), time.second());
        match self.form {
            Form::DateTime => write!(
                f,
                "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"
            ),
            Form::Time => write!(f, "{hour:02}:{minute:02}:{second:02}"),
            Form::DayAndTime => {
                let month = MONTHS[usize::from(month.unsigned_abs()) - 1];
                write!(f, "{month} {day:2} {hour:02}:{minute:02}")
            }
            Form::Date => write!(f, "{year:04}-{month:02}-{day:02}"),
            Form::Stamp => {
                let ms = time.millisecond();
                let sign = if offset.is_negative() { '-' } else { '+' };
                let minutes = offset.seconds().abs() / 60;
                write!(
                    f,
                    "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}{sign}{:02}:{:02}",
                    minutes / 60,
                    minutes % 60
                )
            }
        }
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
            assert_eq!(clock.short_time(now - ago_s * 1000, now).to_string(), shown);
        }
        assert_eq!(clock.short_time(0, now).to_string(), "1970-01-01");
    }

    #[test]
    fn times_are_as_the_crate_writes_them() {
        let mut random = fastrand::Rng::with_seed(9);
        for rule in [
            "UTC0",
            "CET-1CEST,M3.5.0,M10.5.0/3",
            "NST3:30NDT,M3.2.0,M11.1.0",
            "<+0545>-5:45",
        ] {
            let clock = Clock(TimeZone::posix(rule).unwrap());
            for _ in 0..1000 {
                let ns = random.u64(..4_000_000_000_000_000_000);
                let zoned = Timestamp::from_nanosecond(i128::from(ns))
                    .unwrap()
                    .to_zoned(clock.0.clone());
                let by_crate = |format| zoned.strftime(format).to_string();
                let ms = ns / 1_000_000;
                assert_eq!(
                    clock.date_time(ms).to_string(),
                    by_crate("%Y-%m-%d %H:%M:%S")
                );
                assert_eq!(
                    clock.stamp(ns).to_string(),
                    by_crate("%Y-%m-%dT%H:%M:%S%.3f%:z")
                );
            }
        }
    }
}
