//! What `/proc` says of processes.
//!
//! Does not: signal any, except in [`kill`], which takes a pid that the test itself has seen.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use nix::sys::signal::Signal;
use nix::sys::statvfs::FsFlags;
use nix::unistd::Pid;

/// One line of `/proc/PID/stat`, taken apart behind the last `)`.
#[derive(Debug, Clone)]
pub(crate) struct Stat {
    pub(crate) state: char,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    pub(crate) session: i32,
    pub(crate) line: String,
}

/// What the kernel says of `pid`, if it is there.
pub(crate) fn stat(pid: i32) -> Option<Stat> {
    let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    Some(Stat {
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        line,
    })
}

/// Whether `pid` lives. A zombie is dead.
pub(crate) fn alive(pid: i32) -> bool {
    stat(pid).is_some_and(|stat| !matches!(stat.state, 'Z' | 'X'))
}

/// The parent of `pid`: of a leader it is the supervisor.
#[track_caller]
pub(crate) fn parent(pid: i32) -> i32 {
    stat(pid)
        .unwrap_or_else(|| panic!("process {pid} is not there"))
        .parent
}

/// Every pid there is.
pub(crate) fn pids() -> Vec<i32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// The living processes with `NAME=value` in the environment they were executed with, as far as this
/// user may look.
pub(crate) fn with_variable(variable: &str) -> Vec<i32> {
    pids()
        .into_iter()
        .filter(|pid| {
            fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environ| {
                environ
                    .split(|byte| *byte == 0)
                    .any(|entry| entry == variable.as_bytes())
            })
        })
        .filter(|pid| alive(*pid))
        .collect()
}

/// The living processes with `text` as a whole argument.
pub(crate) fn with_argument(text: &str) -> Vec<i32> {
    pids()
        .into_iter()
        .filter(|pid| {
            cmdline(*pid)
                .split(|byte| *byte == 0)
                .any(|argument| argument == text.as_bytes())
        })
        .filter(|pid| alive(*pid))
        .collect()
}

/// The arguments of `pid`, each with a NUL behind it; empty when it is gone.
pub(crate) fn cmdline(pid: i32) -> Vec<u8> {
    fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// What the descriptors of `pid` are, by number; `None` where these tests may not look: root without
/// `CAP_SYS_PTRACE` is told the numbers, and not what they are.
pub(crate) fn descriptors(pid: i32) -> Option<Vec<(i32, PathBuf)>> {
    let mut all: Vec<(i32, PathBuf)> = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten() {
        let number = entry.file_name().to_str()?.parse().ok()?;
        match fs::read_link(entry.path()) {
            Ok(path) => all.push((number, path)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return None,
            Err(_) => {} // closed meanwhile
        }
    }
    all.sort();
    Some(all)
}

/// A line of `/proc/PID/status`, without its name.
pub(crate) fn status_line(pid: i32, name: &str) -> Option<String> {
    let status = fs::read(format!("/proc/{pid}/status")).ok()?;
    String::from_utf8_lossy(&status).lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key == name).then(|| value.trim().to_owned())
    })
}

/// Sends `signal` to a process that the test started or was told of.
pub(crate) fn kill(pid: i32, signal: Signal) {
    assert!(pid > 1, "{pid} is no process of ours");
    // Gone already is as good as any other answer: whoever cares looks afterwards.
    let _ = nix::sys::signal::kill(Pid::from_raw(pid), signal);
}

/// Whether these tests run as root.
pub(crate) fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Why a test is passed over where not [`may_inspect`].
pub(crate) const NO_LOOK_INSIDE: &str = "only who has CAP_SYS_PTRACE can look into a supervisor";
/// Why a test is passed over where not [`may_be_setuid`].
pub(crate) const NO_SETUID: &str = "setuid programs are not obeyed here";
/// Why a test is passed over where not [`may_unshare`].
pub(crate) const NO_NAMESPACES: &str = "only root makes namespaces, and not everywhere";

/// Whether these tests may look into a process that is not dumpable, as a supervisor is: with
/// `CAP_SYS_PTRACE`, which root has not everywhere.
pub(crate) fn may_inspect() -> bool {
    const CAP_SYS_PTRACE: u64 = 1 << 19;
    let held = status_line(std::process::id().cast_signed(), "CapEff").unwrap_or_default();
    u64::from_str_radix(&held, 16).is_ok_and(|held| held & CAP_SYS_PTRACE != 0)
}

/// Whether a setuid program that lies in `dir` would run as its owner.
pub(crate) fn may_be_setuid(dir: &Path) -> bool {
    let mount = nix::sys::statvfs::statvfs(dir).unwrap();
    let unprivileged = status_line(std::process::id().cast_signed(), "NoNewPrivs");
    !mount.flags().contains(FsFlags::ST_NOSUID) && unprivileged.is_none_or(|bit| bit != "1")
}

/// Whether these tests may make namespaces of mounts and pids as root, which a container seldom lets them.
pub(crate) fn may_unshare() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    *MAY.get_or_init(|| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--pid", "--fork", "true"]);
        unshare.stdin(Stdio::null()).stderr(Stdio::null());
        is_root() && unshare.status().is_ok_and(|status| status.success())
    })
}

/// Says that what a test looks at needs `what`; true when the test is to be passed over.
pub(crate) fn pass_over(needed: bool, what: &str) -> bool {
    if needed {
        // Past the test runner, which shows what a test printed only when it failed.
        let _ = writeln!(std::io::stderr(), "passed over: {what}");
    }
    needed
}

/// Whether SIGINT is ignored by who runs the tests, and so by all it starts: as for what a shell without
/// job control runs in the background.
pub(crate) fn interrupts_are_ignored() -> bool {
    let mask = status_line(std::process::id().cast_signed(), "SigIgn").unwrap_or_default();
    u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & (1 << 1) != 0)
}
