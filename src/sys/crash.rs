//! Named points at which a test kills or stops this process. In a release build there are none.
//!
//! `BGP_CRASH_AT=NAME` kills it with SIGKILL when it comes to that point, `BGP_CRASH_AT=NAME:3` the third
//! time; `BGP_PAUSE_AT` stops it with SIGSTOP instead, so that a test sees it stopped and continues it.
//! `BGP_WITHOUT=pidfd,children` makes this process do without these, as older kernels and sandboxes do.
//! `BGP_FAULT_TOLD=FILE` makes that file first, so that a test knows.
//! Does not: clean up; nothing does after a crash.

/// Crashes or pauses here if a test asked for it by this name.
macro_rules! crash_point {
    ($name:literal) => {
        #[cfg(debug_assertions)]
        $crate::sys::crash::reached($name);
    };
}
pub(crate) use crash_point;

/// Panics here if a test asked for it: `BGP_PANIC_AT=NAME`.
macro_rules! panic_point {
    ($name:literal) => {
        #[cfg(debug_assertions)]
        assert!(
            std::env::var_os("BGP_PANIC_AT").is_none_or(|name| name != $name),
            "a test asked for it"
        );
    };
}
pub(crate) use panic_point;

/// What a supervisor, which gets no environment, has to be given to know what a test asked for.
pub(crate) fn variables() -> Vec<(&'static str, std::ffi::OsString)> {
    /// Here, and there.
    #[cfg(debug_assertions)]
    const PASSED_ON: [(&str, &str); 5] = [
        ("BGP_CRASH_AT", "BGP_CRASH_AT"),
        ("BGP_PAUSE_AT", "BGP_PAUSE_AT"),
        ("BGP_WITHOUT", "BGP_WITHOUT"),
        ("BGP_FAULT_TOLD", "BGP_FAULT_TOLD"),
        ("BGP_FAIL_SUPERVISOR_AT", "BGP_FAIL_AT"),
    ];
    #[cfg(not(debug_assertions))]
    const PASSED_ON: [(&str, &str); 0] = [];
    let set = |(here, there): (&str, &'static str)| Some((there, std::env::var_os(here)?));
    PASSED_ON.into_iter().filter_map(set).collect()
}

/// Whether a test asked to do without `what` the system has.
#[cfg(all(debug_assertions, target_os = "linux"))]
pub(crate) fn without(what: &str) -> bool {
    std::env::var("BGP_WITHOUT").is_ok_and(|all| all.split(',').any(|one| one == what))
}

#[cfg(all(not(debug_assertions), target_os = "linux"))]
pub(crate) const fn without(_what: &str) -> bool {
    false
}

/// Tells a test that what it asked for comes now.
#[cfg(debug_assertions)]
pub(crate) fn tell() {
    if let Some(path) = std::env::var_os("BGP_FAULT_TOLD") {
        std::fs::write(path, "").expect("a test gives a place where it can be told");
    }
}

/// What [`crash_point!`] does in a debug build.
#[cfg(debug_assertions)]
pub(crate) fn reached(name: &str) {
    use nix::sys::signal::{Signal, raise};
    use std::sync::atomic::{AtomicU32, Ordering};

    static CRASH_HITS: AtomicU32 = AtomicU32::new(0);
    static PAUSE_HITS: AtomicU32 = AtomicU32::new(0);

    for (variable, hits, signal) in [
        ("BGP_CRASH_AT", &CRASH_HITS, Signal::SIGKILL),
        ("BGP_PAUSE_AT", &PAUSE_HITS, Signal::SIGSTOP),
    ] {
        let Ok(wanted) = std::env::var(variable) else {
            continue;
        };
        let (wanted_name, wanted_hit) = match wanted.split_once(':') {
            Some((name, hit)) => (name, hit.parse().unwrap_or(1)),
            None => (wanted.as_str(), 1),
        };
        if wanted_name == name && hits.fetch_add(1, Ordering::Relaxed) + 1 == wanted_hit {
            tell();
            raise(signal).expect("a process may always signal itself");
        }
    }
}
