//! Values as they are written, and those that are refused.

use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

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
        ("2k", Some(2048)),
        ("10M", Some(10_485_760)),
        ("1.5G", Some(1_610_612_736)),
        ("1T", Some(1 << 40)),
        ("1P", None),
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
fn numbers_of_processes() {
    for (text, number) in [
        ("1", Some(1)),
        ("4194304", Some(4_194_304)),
        ("0", None),
        ("-1", None),
        ("2147483648", None),
        ("1x", None),
        ("", None),
    ] {
        assert_eq!(pid(text).ok(), number, "{text}");
    }
}

#[test]
fn ports() {
    for (text, number) in [
        ("1", Some(1)),
        ("8080", Some(8080)),
        ("65535", Some(65535)),
        ("0", None),
        ("65536", None),
        ("-1", None),
        ("+80", None),
        ("http", None),
        ("", None),
    ] {
        assert_eq!(port(text).ok(), number, "{text}");
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
fn the_value_of_a_setting_may_have_a_unit() {
    let read = |name: &str, text: &str| {
        let setting = setting(OsStr::new(name)).unwrap();
        of_setting(setting, OsStr::new(text))
            .map(|value| value.words())
            .map_err(|error| error.message)
    };
    for (name, text, value) in [
        ("output.defaultTailLines", "0", Some("0")),
        ("output.defaultTailLines", "5s", None),
        ("processes.stop.graceSeconds", "2m", Some("120")),
        ("stop.graceSeconds", "7", Some("7")),
        ("stop.graceSeconds", "1.5", None),
        ("stop.graceSeconds", "2d", None),
        ("logs.maxBytes", "64MiB", Some("67108864")),
        ("logs.maxBytes", "64", None),
        ("execution.shellPath", "/bin/sh", Some("/bin/sh")),
        ("execution.shellPath", "sh", None),
    ] {
        let found = read(name, text);
        assert_eq!(found.as_deref().ok(), value, "{name} {text}");
        let below = name.trim_start_matches("processes.");
        assert!(found.is_ok() || found.unwrap_err().starts_with(&format!("{below} is ")));
    }
    let shell = setting(OsStr::new("execution.shellPath")).unwrap();
    assert!(of_setting(shell, OsStr::from_bytes(b"/\xff")).is_err());
    for (typed, meant) in [
        ("output.defaultTailLine", "did you mean output"),
        ("x", "the settings are"),
    ] {
        let error = setting(OsStr::new(typed)).unwrap_err();
        assert!(error.hint.unwrap().starts_with(meant), "{typed}");
    }
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
