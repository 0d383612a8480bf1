//! What time it is: the wall clock to show, the clock since boot to measure, and which boot it is.
//!
//! Does not: sleep or set timers.
#![cfg_attr(
    target_os = "macos",
    expect(unsafe_code, reason = "sysctlbyname(3) has no safe wrapper")
)]

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

#[cfg(target_os = "linux")]
const SINCE_BOOT: ClockId = ClockId::CLOCK_BOOTTIME;
#[cfg(not(target_os = "linux"))]
const SINCE_BOOT: ClockId = ClockId::CLOCK_MONOTONIC; // on macOS it counts on during sleep

/// Nanoseconds since 1970 by the wall clock, which may jump; 0 before 1970.
pub(crate) fn wall_ns() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) // in the year 2554
}

/// Milliseconds since 1970 by the wall clock, which may jump.
pub(crate) fn wall_ms() -> u64 {
    wall_ns() / 1_000_000
}

/// Milliseconds since the machine was started, sleep included; never jumps, the same for all processes.
pub(crate) fn boottime_ms() -> u64 {
    let now = clock_gettime(SINCE_BOOT).expect("every kernel that bgp runs on has this clock");
    let seconds = u64::try_from(now.tv_sec()).unwrap_or_default();
    seconds * 1_000 + u64::try_from(now.tv_nsec()).unwrap_or_default() / 1_000_000
}

/// `duration` in whole milliseconds.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What names this boot of this machine: the same text until it is started again; empty when the
/// system does not tell. It is asked once.
pub(crate) fn boot_id() -> String {
    static ASKED: OnceLock<String> = OnceLock::new();
    ASKED.get_or_init(ask_boot_id).clone()
}

/// Source: random(4).
#[cfg(target_os = "linux")]
fn ask_boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim_end().to_owned())
        .unwrap_or_default()
}

/// Source: sysctl(3), `kern.bootsessionuuid`.
#[cfg(target_os = "macos")]
fn ask_boot_id() -> String {
    let mut text = [0_u8; 64];
    let mut len = text.len();
    // SAFETY: the name ends in NUL, `text` has room for `len` bytes, of which the call writes no more and
    // puts the number it wrote into `len`; nothing is set (the last two arguments).
    let rc = unsafe {
        libc::sysctlbyname(
            c"kern.bootsessionuuid".as_ptr(),
            text.as_mut_ptr().cast(),
            &raw mut len,
            std::ptr::null_mut(),
            0,
        )
    };
    let told = if rc == 0 { &text[..len] } else { &[] };
    String::from_utf8_lossy(told)
        .trim_end_matches('\0')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_tell_plausible_times() {
        assert!(wall_ms() > 1_700_000_000_000);
        let before = boottime_ms();
        assert!(before > 0 && before < wall_ms());
        assert!(boottime_ms() >= before);
        assert_eq!(boot_id(), boot_id());
        assert_eq!(boot_id().len(), 36);
    }
}
