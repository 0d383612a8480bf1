//! What the system tells of its processes: who is whose child, in which session, since when.
//!
//! proc(5) on Linux, libproc on macOS. Everything here is a look at one moment: it may be stale when it
//! is used, so who signals looks again.
//! Does not: signal.

use std::io;

/// One process at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    /// The name of its program or thread; any bytes, chosen by the process itself.
    pub(crate) name: Vec<u8>,
    /// `R`, `S`, `D`, `T`, `Z` …, as ps(1) shows it: that of its first thread.
    pub(crate) state: u8,
    pub(crate) parent: i32,
    /// Its process group.
    pub(crate) group: i32,
    pub(crate) session: i32,
    /// How many threads it has: one still when it waits to be reaped, and where the system does not tell.
    pub(crate) threads: u32,
    /// When it started: with the pid it names one process of this boot. Clock ticks since boot on
    /// Linux, microseconds since 1970 on macOS.
    pub(crate) start: u64,
}

impl Stat {
    /// Whether it has ended and waits to be reaped. One of which only the first thread has ended, as by
    /// `pthread_exit(3)`, works on.
    pub(crate) fn is_zombie(&self) -> bool {
        matches!(self.state, b'Z' | b'X') && self.threads <= 1
    }
}

/// What a process and its children that it has reaped have used so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) user_ms: u64,
    pub(crate) system_ms: u64,
    /// Its memory now.
    pub(crate) resident_bytes: u64,
}

#[cfg(target_os = "linux")]
#[path = "proc/linux.rs"]
mod system;

#[cfg(target_os = "macos")]
#[path = "proc/macos.rs"]
mod system;

/// The process `pid`, if there is one.
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    system::stat(pid)
}

/// What [`Stat::start`] is at least of a process that started later than this moment: `uptime_ms` after
/// the boot, which was `wall_ms` after 1970.
pub(crate) fn start_at(uptime_ms: u64, wall_ms: u64) -> u64 {
    if cfg!(target_os = "linux") {
        let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK);
        let per_second = ticks
            .ok()
            .flatten()
            .and_then(|ticks| u64::try_from(ticks).ok());
        uptime_ms * per_second.unwrap_or(100) / 1000
    } else {
        wall_ms * 1000
    }
}

/// What `pid` has used so far; `None` when it is gone, and where the system does not tell.
pub(crate) fn usage(pid: i32) -> Option<Usage> {
    system::usage(pid)
}

/// Whether the process `pid` that started at `start` has ended, or is at it: its descriptors are closed
/// before it is a zombie. False where that cannot be seen.
pub(crate) fn is_ending(pid: i32, start: u64) -> bool {
    match stat(pid) {
        Some(now) => now.start != start || now.is_zombie() || system::is_exiting(pid),
        None => true,
    }
}

/// The process `pid`, if there is one that is not hidden from us.
///
/// # Errors
///
/// When it could not be looked at, as with no descriptor left: it may be there or not.
pub(crate) fn try_stat(pid: i32) -> io::Result<Option<Stat>> {
    system::try_stat(pid)
}

/// All processes that can be seen; none when they cannot be looked at.
pub(crate) fn all() -> Vec<Stat> {
    system::try_all().unwrap_or_default()
}

/// All processes that can be seen.
///
/// # Errors
///
/// When one of them could not be looked at.
pub(crate) fn try_all() -> io::Result<Vec<Stat>> {
    system::try_all()
}

/// The children of this process, which must have one thread. Children that end meanwhile may hide
/// others (proc(5)); `None` where the kernel does not tell.
pub(crate) fn own_children() -> Option<Vec<i32>> {
    system::own_children()
}

/// The children of all threads of `pid`. As with [`own_children`] some may be missing; `None` where the
/// kernel does not tell, and when one of the threads has ended meanwhile.
pub(crate) fn children(pid: i32) -> Option<Vec<i32>> {
    system::children(pid)
}

/// The arguments of `pid`, each ended by a NUL.
pub(crate) fn arguments(pid: i32) -> Option<Vec<u8>> {
    system::arguments(pid)
}

/// The value of the variable `name` that `pid` was started with; `None` without it, and when its
/// environment cannot be read.
pub(crate) fn variable(pid: i32, name: &[u8]) -> Option<Vec<u8>> {
    let environment = system::environment(pid)?;
    environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(name)?.strip_prefix(b"="))
        .map(<[u8]>::to_vec)
}

/// Whether `pid` is a process of this user, who may signal it: its real user counts, as it does for
/// kill(2). A setuid program is its caller's.
pub(crate) fn is_own(pid: i32) -> bool {
    system::owner(pid) == Some(nix::unistd::geteuid().as_raw())
}

/// The process that traces `pid`, as a debugger does; `None` where there is none or the system does not tell.
pub(crate) fn tracer(pid: i32) -> Option<i32> {
    system::tracer(pid)
}

/// Whether the flags in a line of `/proc/PID/task/TID/stat` have `PF_EXITING`. Source: `proc_pid_stat(5)`, and the
/// kernel's `include/linux/sched.h`.
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
fn is_exiting_in(line: &[u8]) -> bool {
    const PF_EXITING: u64 = 0x4;
    let after_name = line.rsplit(|byte| *byte == b')').next();
    let mut fields = after_name
        .unwrap_or_default()
        .split(|byte| *byte == b' ')
        .filter(|field| !field.is_empty());
    let flags = fields.nth(6); // the 9th of all
    flags
        .and_then(|field| std::str::from_utf8(field).ok()?.parse::<u64>().ok())
        .is_some_and(|flags| flags & PF_EXITING != 0)
}

/// Reads a line of `/proc/PID/stat`. The name may hold anything, parentheses and newlines too, so it
/// ends at the last `)`. Source: `proc_pid_stat(5)`.
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
fn parse(line: &[u8]) -> Option<Stat> {
    let open = line.iter().position(|byte| *byte == b'(')?;
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let name = line.get(open + 1..close)?.to_vec();
    let mut fields = fields_behind_name(line)?;
    let state = *fields.next()?.first()?;
    let parent = number(fields.next()?)?;
    let group = number(fields.next()?)?;
    let session = number(fields.next()?)?;
    let threads = number(fields.nth(13)?)?; // the 20th of all
    let start = number(fields.nth(1)?)?; // the 22nd
    Some(Stat {
        pid: i32::try_from(number(&line[..open])?).ok()?,
        name,
        state,
        parent: i32::try_from(parent).ok()?,
        group: i32::try_from(group).ok()?,
        session: i32::try_from(session).ok()?,
        threads: u32::try_from(threads).ok()?,
        start: u64::try_from(start).ok()?,
    })
}

/// Reads what such a line tells of a process's use: its fields 14 to 17, and 24.
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
fn parse_usage(line: &[u8], ticks_per_second: u64, page_bytes: u64) -> Option<Usage> {
    let mut fields = fields_behind_name(line)?.skip(11);
    let mut next = || u64::try_from(number(fields.next()?)?).ok();
    let [user, system, reaped_user, reaped_system] = [next()?, next()?, next()?, next()?];
    let pages = u64::try_from(number(fields.nth(6)?)?).ok()?;
    let ms = |ticks: u64| ticks.checked_mul(1000)?.checked_div(ticks_per_second);
    Some(Usage {
        user_ms: ms(user.checked_add(reaped_user)?)?,
        system_ms: ms(system.checked_add(reaped_system)?)?,
        resident_bytes: pages.checked_mul(page_bytes)?,
    })
}

fn fields_behind_name(line: &[u8]) -> Option<impl Iterator<Item = &[u8]>> {
    let close = line.iter().rposition(|byte| *byte == b')')?;
    let fields = line.get(close + 1..)?.split(|byte| *byte == b' ');
    Some(fields.filter(|field| !field.is_empty()))
}

fn number(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "S 7 42 43 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 9876 1000 200 184467";

    #[test]
    fn a_name_cannot_pass_for_fields() {
        for name in [
            "sh",
            "a) R 1 (",
            ") ",
            "(",
            "",
            "x\ny",
            "\u{fffd}",
            "a) Z 99 99 99 (",
        ] {
            let stat = parse(format!("42 ({name}) {REST}\n").as_bytes());
            let expected = Stat {
                pid: 42,
                name: name.as_bytes().to_vec(),
                state: b'S',
                parent: 7,
                group: 42,
                session: 43,
                threads: 1,
                start: 9876,
            };
            assert_eq!(stat, Some(expected), "{name:?}");
        }
        assert_eq!(parse(b"42 (\xff\xfe)) S 7 42 43"), None);
    }

    #[test]
    fn a_process_has_ended_when_its_last_thread_has() {
        for (state, threads, ended) in [
            ("S", 1, false),
            ("Z", 1, true),
            ("X", 0, true), // it is being reaped
            ("Z", 2, false),
            ("X", 2, false),
        ] {
            let rest = REST.replacen('S', state, 1);
            let line = format!(
                "42 (sh) {}",
                rest.replace(" 20 0 1 0 ", &format!(" 20 0 {threads} 0 "))
            );
            let stat = parse(line.as_bytes()).unwrap();
            assert_eq!((stat.threads, stat.start), (threads, 9876), "{line}");
            assert_eq!(stat.is_zombie(), ended, "{line}");
        }
    }

    #[test]
    fn a_process_that_ends_says_so_in_its_flags() {
        for (line, exiting) in [
            (format!("42 (sh) {REST}"), false),
            (format!("42 (a) R 1 2 3 4 5 4) {REST}"), false),
            (
                format!("42 (sh) {}", REST.replace("4194304", "4194308")),
                true,
            ),
            (format!("42 (sh) {}", &REST[..10]), false),
        ] {
            assert_eq!(is_exiting_in(line.as_bytes()), exiting, "{line}");
        }
        let me = stat(std::process::id().cast_signed()).unwrap();
        assert!(!is_ending(me.pid, me.start) && is_ending(me.pid, me.start + 1));
    }

    #[test]
    fn any_cut_or_random_line_is_no_panic() {
        let line = format!("42 (sh) {REST}");
        for len in 0..line.len() {
            let _ = parse(&line.as_bytes()[..len]);
            let _ = parse_usage(&line.as_bytes()[..len], 100, 4096);
        }
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..10_000 {
            let bytes: Vec<u8> = (0..random.usize(..80))
                .map(|_| *random.choice(b"()0 9-RZ\n").unwrap())
                .collect();
            let _ = parse(&bytes);
            let _ = parse_usage(&bytes, 100, 4096);
        }
    }

    #[test]
    fn use_is_read_from_its_fields() {
        let line = format!("42 (a) b) {REST}");
        let usage = Usage {
            user_ms: 50 + 70,
            system_ms: 60 + 80,
            resident_bytes: 200 * 4096,
        };
        assert_eq!(parse_usage(line.as_bytes(), 100, 4096), Some(usage));
        assert_eq!(parse_usage(line.as_bytes(), 0, 4096), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_uses_something() {
        let me = usage(std::process::id().cast_signed()).unwrap();
        assert!(me.resident_bytes > 4096);
        assert_eq!(usage(i32::MAX), None);
    }

    #[test]
    fn this_process_can_be_seen() {
        let me = stat(std::process::id().cast_signed()).unwrap();
        assert_eq!(me.parent, std::os::unix::process::parent_id().cast_signed());
        assert!(
            all()
                .iter()
                .any(|other| other.pid == me.pid && other.start == me.start)
        );
    }
}
