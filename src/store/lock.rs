//! The locks of commands: one for the state, one for each reader. Held by a file that is open.
//!
//! Who holds a lock has written its pid into the file, for the message of those who wait in vain; the
//! number proves nothing and nothing is done with it.
//! Does not: lock leases.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use crate::model::error::{Error, Kind};
use crate::sys::fs::Dir;
use crate::sys::lock::try_exclusive;
use crate::sys::sink;

/// How long a command waits for another.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A held lock. Closing it, on drop or by the end of this process, frees it.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

/// Takes the lock `name` in `dir`, and waits for it as long as `patience`; `what` is locked with it.
///
/// # Errors
///
/// `Locked` when it was not to be had in time, with who has it.
pub(crate) fn take(dir: &Dir, name: &str, what: &str, patience: Duration) -> Result<Lock, Error> {
    let deadline = Instant::now() + patience;
    let file = dir.open_or_create(name)?;
    loop {
        if try_exclusive(&file).map_err(|error| Error::io("lock", &dir.path(name), &error))? {
            sign(&file);
            return Ok(Lock(file));
        }
        if Instant::now() >= deadline {
            return Err(held(&file, what));
        }
        // flock(2) has no time limit. Not all at once, or the unlucky one waits for ever.
        thread::sleep(Duration::from_millis(fastrand::u64(5..20)));
    }
}

/// Takes the lock `name` in `dir` if it is free now; `None` also where nothing can be written.
///
/// # Errors
///
/// `Unsafe` when it is not a file of ours alone.
pub(crate) fn try_take(dir: &Dir, name: &str) -> Result<Option<Lock>, Error> {
    let file = match dir.open_or_create(name) {
        Ok(file) => file,
        Err(fault)
            if matches!(
                fault.errno(),
                Some(Errno::EROFS | Errno::EACCES | Errno::ENOSPC | Errno::EDQUOT)
            ) =>
        {
            return Ok(None);
        }
        Err(fault) => return Err(fault.into()),
    };
    let free = try_exclusive(&file).map_err(|error| Error::io("lock", &dir.path(name), &error))?;
    Ok(free.then(|| {
        sign(&file);
        Lock(file)
    }))
}

/// Writes our pid into the file. It may fail (a full disk): then nobody is told who has the lock.
fn sign(file: &File) {
    let text = format!("{:<11}\n", std::process::id());
    sink::write_all(file, text.as_bytes(), 0).ok();
}

/// The error for `what`, which `holder` has locked for too long.
pub(crate) fn locked_by(holder: &str, what: &str) -> Error {
    Error::new(
        Kind::Locked,
        format!("{what} is locked by {holder} for longer than this one waits"),
    )
}

fn held(file: &File, what: &str) -> Error {
    match holder(file) {
        Some(pid) => locked_by(&format!("pid {pid} ({})", process_name(pid)), what).hint(format!(
            "try again; if that process is stopped: kill -CONT {pid}"
        )),
        None => locked_by("another command", what).hint("try again"),
    }
}

/// Who signed last, if that process lives.
fn holder(file: &File) -> Option<i32> {
    let mut text = [0; 12];
    let len = file.read_at(&mut text, 0).ok()?;
    let pid: i32 = std::str::from_utf8(&text[..len])
        .ok()?
        .trim_end()
        .parse()
        .ok()?;
    let lives = pid > 0 && kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH);
    lives.then_some(pid)
}

/// What the kernel calls the process, as far as it can be shown.
fn process_name(pid: i32) -> String {
    let mut comm = Vec::new();
    File::open(Path::new("/proc").join(pid.to_string()).join("comm"))
        .and_then(|file| file.take(64).read_to_end(&mut comm))
        .ok();
    let shown: String = comm
        .into_iter()
        .filter(u8::is_ascii_graphic)
        .map(char::from)
        .collect();
    if shown.is_empty() {
        return "bgp".to_owned();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TempDir, eventually};

    const SHORT: Duration = Duration::from_millis(30);

    #[test]
    fn one_at_a_time_and_the_next_is_told_who() {
        let temp = TempDir::new();
        let dir = Dir::open(temp.path()).unwrap().unwrap();
        let lock = take(&dir, "lock", "the state", PATIENCE).unwrap();
        assert!(try_take(&dir, "lock").unwrap().is_none());
        let error = take(&dir, "lock", "the state", SHORT).unwrap_err();
        assert_eq!(error.kind, Kind::Locked);
        let pid = std::process::id();
        let expected = format!("the state is locked by pid {pid} (");
        assert!(error.message.starts_with(&expected), "{error}");
        assert!(error.hint.unwrap().contains(&format!("kill -CONT {pid}")));
        drop(lock);
        take(&dir, "lock", "the state", PATIENCE).unwrap();
        eventually("it is free", || try_take(&dir, "lock").unwrap().is_some());
    }

    #[test]
    fn a_holder_that_cannot_be_named_is_another_command() {
        let temp = TempDir::new();
        let dir = Dir::open(temp.path()).unwrap().unwrap();
        let _lock = take(&dir, "lock", "the state", PATIENCE).unwrap();
        for text in [
            "",
            "-1         \n",
            "0          \n",
            "x",
            "2147483647 \n",
            "\u{e9}",
        ] {
            std::fs::write(temp.path().join("lock"), text).unwrap();
            let error = take(&dir, "lock", "the state", SHORT).unwrap_err();
            let expected = "the state is locked by another command for longer than this one waits";
            assert_eq!(error.message, expected, "{text:?}");
        }
    }

    #[test]
    fn everyone_who_waits_gets_it() {
        let temp = TempDir::new();
        let dir = Dir::open(temp.path()).unwrap().unwrap();
        let counter = temp.path().join("counter");
        std::fs::write(&counter, "0").unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..4 {
                        let _lock = take(&dir, "lock", "the counter", PATIENCE).unwrap();
                        let seen: u32 = std::fs::read_to_string(&counter).unwrap().parse().unwrap();
                        std::fs::write(&counter, (seen + 1).to_string()).unwrap();
                    }
                });
            }
        });
        assert_eq!(std::fs::read_to_string(&counter).unwrap(), "32");
    }
}
