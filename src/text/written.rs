//! What is written for a duration, a size, a number, a variable: read strictly, or refused with a remedy.
//!
//! The messages name the value; who reads a flag or a parameter puts its name before them.
//! Does not: know flags, parameters or settings.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use regex::bytes::Regex;

use super::display::{cut, one_line};
use super::keys::{self, Key};
use crate::model::bytes::Bytes;
use crate::model::error::Error;
use crate::model::lifetime::Restart;
use crate::model::size::Size;

/// The longest duration: 3650 days. What is longer is a slip, and might not fit a clock.
pub(crate) const DURATION_MAX: Duration = Duration::from_secs(3650 * 24 * 60 * 60);
/// The shortest interval.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
/// How much of a refused value a message repeats.
const QUOTED_MAX_COLUMNS: usize = 80;
/// The longest label, in bytes.
pub(crate) const LABEL_MAX_BYTES: usize = 128;

/// `5s`, `500ms`, `10m`, `2h`, `7d`, or seconds without a unit; decimals as in `0.5s`.
///
/// # Errors
///
/// A usage error: no such thing, negative, or above 3650 days.
pub(crate) fn duration(text: &str) -> Result<Duration, Error> {
    let (number, unit) = split_unit(text);
    let nanoseconds_each: u64 = match unit {
        "ms" => 1_000_000,
        "s" | "" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000,
        _ => return Err(not_a_duration(text)),
    };
    let nanoseconds = scaled(number, nanoseconds_each).ok_or_else(|| not_a_duration(text))?;
    match u64::try_from(nanoseconds).map(Duration::from_nanos) {
        Ok(duration) if duration <= DURATION_MAX => Ok(duration),
        _ => Err(too_long(text)),
    }
}

/// So many seconds.
///
/// # Errors
///
/// A usage error: negative, or above 3650 days.
pub(crate) fn seconds(number: f64) -> Result<Duration, Error> {
    match Duration::try_from_secs_f64(number) {
        Ok(duration) if duration <= DURATION_MAX => Ok(duration),
        Err(_) if number < 0.0 => Err(not_a_duration(&number.to_string())),
        _ => Err(too_long(&number.to_string())),
    }
}

fn too_long(text: &str) -> Error {
    Error::usage(format!("{} is too long", quoted(text))).hint("the longest time is 3650d")
}

/// A duration that is not so short that all time is spent on looking.
///
/// # Errors
///
/// A usage error: no duration, or below 100 ms.
pub(crate) fn interval(text: &str) -> Result<Duration, Error> {
    long_enough(duration(text)?, text)
}

/// `duration`, written as `text`, as an interval.
///
/// # Errors
///
/// A usage error: below 100 ms.
pub(crate) fn long_enough(duration: Duration, text: &str) -> Result<Duration, Error> {
    if duration < INTERVAL_MIN {
        return Err(Error::usage(format!("{} is too short", quoted(text)))
            .hint("the shortest time here is 100ms"));
    }
    Ok(duration)
}

fn not_a_duration(text: &str) -> Error {
    Error::usage(format!("{} is not a duration", quoted(text)))
        .hint("a duration is 5s, 500ms, 10m, 2h, 7d, or plain seconds")
}

/// `64MiB` or `64M`, `10MB`, or bytes without a unit; decimals as in `1.5GiB`. A letter alone is a power
/// of 1,024, as in `dd(1)` and `truncate(1)`.
///
/// # Errors
///
/// A usage error: no such thing, or above what 64 bits count.
pub(crate) fn size(text: &str) -> Result<u64, Error> {
    let refused = || {
        Error::usage(format!("{} is not a size", quoted(text)))
            .hint("a size is 64MiB, 10MB or plain bytes; units are B, kB to TB, KiB to TiB, K to T")
    };
    let (number, unit) = split_unit(text);
    let bytes_each: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        _ => return Err(refused()),
    };
    scaled(number, bytes_each)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(refused)
}

/// The size of a terminal: `80x24`.
///
/// # Errors
///
/// A usage error: no such thing, or out of its limits.
pub(crate) fn terminal_size(text: &str) -> Result<Size, Error> {
    Size::parse(text).ok_or_else(|| {
        let (least, most) = Size::LIMITS;
        Error::usage(format!("{} is not the size of a terminal", quoted(text))).hint(format!(
            "columns x rows, as in 80x24; each from {least} to {most}"
        ))
    })
}

/// A whole number from 0.
///
/// # Errors
///
/// A usage error: anything but digits, or above what 64 bits count.
pub(crate) fn count(text: &str) -> Result<u64, Error> {
    digits(text)
        .and_then(|()| text.parse().ok())
        .ok_or_else(|| {
            Error::usage(format!("{} is not a whole number", quoted(text)))
                .hint("a number from 0 on, in digits")
        })
}

/// The number of a process: digits, from 1.
///
/// # Errors
///
/// A usage error: no such number.
pub(crate) fn pid(text: &str) -> Result<i32, Error> {
    digits(text)
        .and_then(|()| text.parse().ok())
        .filter(|pid| *pid > 0)
        .ok_or_else(|| {
            Error::usage(format!("{} is not the number of a process", quoted(text)))
                .hint("a number from 1 on, as ps shows it")
        })
}

/// When to run it again: `no`, `on-failure`, `always`, and how often at most.
///
/// # Errors
///
/// A usage error.
pub(crate) fn restart(text: &str) -> Result<Restart, Error> {
    Restart::parse(text).ok_or_else(|| {
        Error::usage(format!("{} is not a restart policy", quoted(text)))
            .hint("no, on-failure or always; on-failure:3 and always:3 restart it 3 times at most")
    })
}

/// A TCP port that can be listened on.
///
/// # Errors
///
/// A usage error: anything but 1 to 65535.
pub(crate) fn port(text: &str) -> Result<u16, Error> {
    let port = digits(text).and_then(|()| text.parse().ok());
    port.filter(|port| *port > 0).ok_or_else(|| {
        Error::usage(format!("{} is not a port", quoted(text)))
            .hint("a port is a number from 1 to 65535")
    })
}

/// A regular expression over bytes.
///
/// # Errors
///
/// A usage error that says what is wrong with it.
pub(crate) fn regex(text: &str) -> Result<Regex, Error> {
    Regex::new(text).map_err(|error| {
        let all = error.to_string();
        let reason = all.lines().last().unwrap_or_default();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason);
        Error::usage(format!(
            "{} is not a regular expression: {reason}",
            quoted(text)
        ))
        .hint("a backslash before a character takes it literally")
    })
}

/// Keys by their names, with blanks between.
///
/// # Errors
///
/// A usage error that names what is no key.
pub(crate) fn keys(text: &str) -> Result<Vec<Key>, Error> {
    keys::parse(text).map_err(|(name, near)| {
        let near = near
            .map(|near| format!("did you mean {near}? "))
            .unwrap_or_default();
        let all = keys::ALL;
        Error::usage(format!("{} is not a key", quoted(name))).hint(format!("{near}keys are {all}"))
    })
}

/// `KEY=VALUE` for an environment; the key is not empty, the value may be.
///
/// # Errors
///
/// A usage error: no `=`, nothing before it, or a NUL. The value, which may be a secret, is not told.
pub(crate) fn variable(text: &OsStr) -> Result<Bytes, Error> {
    let bytes = text.as_bytes();
    let key = bytes.split(|byte| *byte == b'=').next().unwrap_or_default();
    if key.len() == bytes.len() {
        let shown = quoted(&Bytes(key.to_vec()).escaped());
        return Err(Error::usage(format!("{shown} has no value")).hint("write KEY=VALUE"));
    }
    if key.is_empty() {
        return Err(Error::usage("there is no key before the '='").hint("write KEY=VALUE"));
    }
    no_nul(bytes, "the variable")?;
    Ok(Bytes(bytes.to_vec()))
}

/// What processes are grouped by: a line of text that is neither empty nor endless.
///
/// # Errors
///
/// A usage error.
pub(crate) fn label(text: &str) -> Result<String, Error> {
    if text.is_empty() || text.len() > LABEL_MAX_BYTES || text.contains(char::is_control) {
        return Err(
            Error::usage("it is empty, too long or more than a line").hint(
                "a group, session or reader is 1 to 128 bytes of text without control characters",
            ),
        );
    }
    Ok(text.to_owned())
}

/// Refuses a NUL, which no argument, variable or path can hold.
///
/// # Errors
///
/// A usage error that names `what`.
pub(crate) fn no_nul(bytes: &[u8], what: &str) -> Result<(), Error> {
    if bytes.contains(&0) {
        return Err(Error::usage(format!("{what} holds a NUL byte"))
            .hint("no argument, variable or path of this system can hold one"));
    }
    Ok(())
}

/// `text` as a message repeats it: in quotes, on one line, and not all of a long one.
pub(crate) fn quoted(text: &str) -> String {
    let start: String = text.chars().take(QUOTED_MAX_COLUMNS + 1).collect();
    format!("'{}'", cut(&one_line(&start), QUOTED_MAX_COLUMNS))
}

/// The number and what follows it.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// The decimal `number` times `each`, rounded down. At most 9 digits stand after its point.
fn scaled(number: &str, each: u64) -> Option<u128> {
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => (number, "0"),
    };
    digits(whole)?;
    digits(fraction)?;
    let precision = u32::try_from(fraction.len()).ok().filter(|n| *n <= 9)?;
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = fraction.parse().ok()?;
    let each = u128::from(each);
    Some(u128::from(whole) * each + u128::from(fraction) * each / 10_u128.pow(precision))
}

/// Whether `text` is digits and at least one.
fn digits(text: &str) -> Option<()> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(())
}
