//! What is written for a duration, a size, a number, a variable: read strictly, or refused with a remedy.
//!
//! The messages name the value; who reads a flag or a parameter puts its name before them.
//! Does not: know flags, parameters or settings.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use super::display::{cut, one_line};
use crate::model::bytes::Bytes;
use crate::model::error::Error;

/// The longest duration in nanoseconds: 3650 days. What is longer is a slip, and might not fit a clock.
const DURATION_MAX_NS: u64 = 3650 * 24 * 60 * 60 * 1_000_000_000;
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
    match u64::try_from(nanoseconds) {
        Ok(nanoseconds) if nanoseconds <= DURATION_MAX_NS => Ok(Duration::from_nanos(nanoseconds)),
        _ => {
            Err(Error::usage(format!("{} is too long", quoted(text)))
                .hint("the longest time is 3650d"))
        }
    }
}

fn not_a_duration(text: &str) -> Error {
    Error::usage(format!("{} is not a duration", quoted(text)))
        .hint("a duration is 5s, 500ms, 10m, 2h, 7d, or plain seconds")
}

/// `64MiB`, `10MB`, or bytes without a unit; decimals as in `1.5GiB`.
///
/// # Errors
///
/// A usage error: no such thing, or above what 64 bits count.
pub(crate) fn size(text: &str) -> Result<u64, Error> {
    let refused = || {
        Error::usage(format!("{} is not a size", quoted(text)))
            .hint("a size is 64MiB, 10MB, or plain bytes; units are B, kB to TB, and KiB to TiB")
    };
    let (number, unit) = split_unit(text);
    let bytes_each: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(refused()),
    };
    scaled(number, bytes_each)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(refused)
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
        return Err(Error::usage("it is empty, too long or more than a line")
            .hint("a group or session is 1 to 128 bytes of text without control characters"));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("5", Some(5_000)),
            ("5s", Some(5_000)),
            ("500ms", Some(500)),
            ("10m", Some(600_000)),
            ("2h", Some(7_200_000)),
            ("1d", Some(86_400_000)),
            ("0", Some(0)),
            ("0.5s", Some(500)),
            ("0.25", Some(250)),
            ("1.5h", Some(5_400_000)),
            ("3650d", Some(315_360_000_000)),
            ("3651d", None),
            ("18446744073709551615d", None),
            ("99999999999999999999s", None),
            ("", None),
            ("s", None),
            ("-5s", None),
            ("+5s", None),
            ("5 s", None),
            (" 5s", None),
            ("5S", None),
            ("5sec", None),
            ("5x", None),
            ("soon", None),
            ("1e3", None),
            (".5s", None),
            ("5.s", None),
            ("1.2.3s", None),
            ("0.1234567891s", None),
            ("1h30m", None),
            ("\u{665}s", None),
        ] {
            let expected = milliseconds.map(Duration::from_millis);
            assert_eq!(duration(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("1024", Some(1024)),
            ("10B", Some(10)),
            ("10MB", Some(10_000_000)),
            ("10kb", Some(10_000)),
            ("64MiB", Some(67_108_864)),
            ("1.5GiB", Some(1_610_612_736)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("99999999TiB", None),
            ("-1", None),
            ("10M", None),
            ("10 MB", None),
            ("", None),
            ("MB", None),
        ] {
            assert_eq!(size(text).ok(), bytes, "{text}");
        }
    }

    #[test]
    fn counts() {
        for (text, number) in [
            ("0", Some(0)),
            ("20", Some(20)),
            ("007", Some(7)),
            ("18446744073709551616", None),
            ("-1", None),
            ("+1", None),
            ("1.0", None),
            ("", None),
        ] {
            assert_eq!(count(text).ok(), number, "{text}");
        }
    }

    #[test]
    fn variables() {
        for good in [&b"A=b"[..], b"A=", b"A=b=c", b"A B=c", b"A=\xff\n"] {
            assert_eq!(variable(OsStr::from_bytes(good)), Ok(Bytes(good.to_vec())));
        }
        for bad in [&b""[..], b"A", b"=b", b"=", b"A=b\0c", b"A\0=b"] {
            assert!(variable(OsStr::from_bytes(bad)).is_err(), "{bad:?}");
        }
        let told = variable(OsStr::new("KEY=secret\0")).unwrap_err();
        assert!(!told.message.contains("secret"));
    }

    #[test]
    fn a_message_repeats_a_little_of_what_it_refuses() {
        assert_eq!(quoted("a\nb\u{1b}"), "'a\\nb\\x1b'");
        assert_eq!(quoted(&"x".repeat(1 << 20)).chars().count(), 82);
    }

    #[test]
    fn labels() {
        let longest = "x".repeat(LABEL_MAX_BYTES);
        for good in ["a", "my group", "agent:1/2", "caf\u{e9}", &longest] {
            assert!(label(good).is_ok(), "{good}");
        }
        let longer = "x".repeat(LABEL_MAX_BYTES + 1);
        for bad in ["", "a\nb", "\u{1b}[m", "a\0", &longer] {
            assert!(label(bad).is_err(), "{bad}");
        }
    }
}
