//! A password's bytes from a file or from a command, within a time.
//!
//! Does not: judge them, or take anything off.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use zeroize::Zeroizing;

use super::environment::Environment;
use super::password::{PASSWORD_MAX_BYTES, no_password};
use crate::model::error::{Error, Kind, reason};
use crate::model::signal;
use crate::sys::terminal;

/// How long a file (a FIFO has no end until its writer comes) or a command may take.
pub(super) const TIME_LIMIT: Duration = Duration::from_secs(30);

/// What is read at most: a longest password with its newline, and one byte that shows it is too long.
const READ_MAX_BYTES: usize = PASSWORD_MAX_BYTES + 2;

/// The bytes of the file or FIFO at `path`; a symbolic link is followed.
///
/// # Errors
///
/// `Unsafe` when others may read or write it, `NoPassword` when it cannot be read within `limit`.
pub(super) fn file(path: &Path, limit: Duration) -> Result<Zeroizing<Vec<u8>>, Error> {
    let fail = |error: &io::Error| {
        no_password(format!(
            "cannot read the password file '{}': {}",
            path.display(),
            reason(error)
        ))
    };
    let mut file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| fail(&error))?;
    let metadata = file.metadata().map_err(|error| fail(&error))?;
    if metadata.is_dir() {
        return Err(fail(&Errno::EISDIR.into()));
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(open_to_others(path, mode));
    }
    read_until(&mut file, Instant::now() + limit).map_err(|error| fail(&error))
}

/// What the shell line `line` writes to its stdout. It gets `environment` without the password variables,
/// no stdin, and our stderr.
///
/// # Errors
///
/// `NoPassword` when it cannot be run, fails, or has not ended after `limit`; then it is killed.
pub(super) fn command(
    line: &OsStr,
    environment: &Environment,
    limit: Duration,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let fail = |why: &str| {
        no_password(format!("BG_PASSWORD_COMMAND {why}"))
            .hint("its output is the password: try it by hand, with 'sh -c'")
    };
    let deadline = Instant::now() + limit;
    let mut shell = Command::new("/bin/sh");
    shell
        .arg("-c")
        .arg(line)
        .env_clear()
        .envs(environment.without_passwords())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    // In a group of its own all of it can be killed; but one that asks at the terminal has to stay in ours.
    let group = if terminal::is_foreground() {
        Group::Ours
    } else {
        shell.process_group(0);
        Group::Own
    };
    let child = shell
        .spawn()
        .map_err(|error| fail(&format!("cannot be run: {}", reason(&error))))?;
    let mut running = Running { child, group };
    let mut stdout = running.child.stdout.take().expect("it was asked for above");
    let bytes = read_until(&mut stdout, deadline);
    if bytes
        .as_ref()
        .is_ok_and(|bytes| bytes.len() == READ_MAX_BYTES)
    {
        return bytes.map_err(|error| fail(&reason(&error))); // too long, whatever it still writes
    }
    drop(stdout);
    match bytes.and_then(|bytes| Ok((bytes, running.wait(deadline)?))) {
        Ok((bytes, status)) if status.success() => Ok(bytes),
        Ok((_, status)) => Err(fail(&how_it_ended(status))),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(fail(&format!("did not end within {} s", limit.as_secs())))
        }
        Err(error) => Err(fail(&format!("cannot be read: {}", reason(&error)))),
    }
}

fn how_it_ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with code {code}"),
        (None, number) => format!("was killed by {}", signal::name(number.unwrap_or(0))),
    }
}

/// Which process group the command is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Group {
    Own,
    Ours,
}

/// A command that is killed and reaped when it is dropped, unless it has ended.
struct Running {
    child: Child,
    group: Group,
}

impl Running {
    fn wait(&mut self, deadline: Instant) -> io::Result<ExitStatus> {
        let mut pause = Duration::from_micros(100);
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(pause); // no system-wide call waits for a child and for a time
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return; // it is reaped, and its number may be another's
        }
        if self.group == Group::Own
            && let Ok(group) = i32::try_from(self.child.id())
        {
            killpg(Pid::from_raw(group), Signal::SIGKILL).ok();
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn open_to_others(path: &Path, mode: u32) -> Error {
    let path = path.display();
    Error::new(
        Kind::Unsafe,
        format!("the password file '{path}' is open to others (mode {mode:04o})"),
    )
    .hint(format!(
        "chmod 600 '{path}', or if that cannot be: BG_PASSWORD_COMMAND='cat {path}'"
    ))
}

/// All up to the end of file, [`READ_MAX_BYTES`] at most; `TimedOut` after `deadline`.
fn read_until(
    source: &mut (impl Read + AsFd),
    deadline: Instant,
) -> io::Result<Zeroizing<Vec<u8>>> {
    // As long as it can get, so that no copy of a part is left behind by growing.
    let mut bytes = Zeroizing::new(vec![0; READ_MAX_BYTES]);
    let mut len = 0;
    while len < READ_MAX_BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(
            &mut [PollFd::new(source.as_fd(), PollFlags::POLLIN)],
            timeout,
        ) {
            Ok(0) if Instant::now() >= deadline => return Err(io::ErrorKind::TimedOut.into()),
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => (),
            Err(error) => return Err(error.into()),
        }
        match source.read(&mut bytes[len..]) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(len);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::testing::TempDir;

    const SHORT: Duration = Duration::from_millis(50);

    fn written(temp: &TempDir, bytes: &[u8], mode: u32) -> std::path::PathBuf {
        let path = temp.path().join("password");
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn run(line: &str) -> Result<Vec<u8>, String> {
        let environment = Environment::new([
            ("BG_PASSWORD_COMMAND", "secret"),
            ("PATH", "/usr/bin:/bin"),
            ("SEEN", "yes"),
        ]);
        match command(OsStr::new(line), &environment, TIME_LIMIT) {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(error) => {
                assert_eq!(error.kind, Kind::NoPassword);
                Err(error.message)
            }
        }
    }

    #[test]
    fn a_file_is_read_as_it_is_through_a_link_too() {
        let temp = TempDir::new();
        let path = written(&temp, b"a\xff\n\n", 0o600);
        assert_eq!(*file(&path, TIME_LIMIT).unwrap(), b"a\xff\n\n");
        let link = temp.path().join("link");
        symlink(&path, &link).unwrap();
        assert_eq!(*file(&link, TIME_LIMIT).unwrap(), b"a\xff\n\n");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_the_way_out() {
        let temp = TempDir::new();
        for mode in [0o604, 0o640, 0o620, 0o601, 0o444] {
            let path = written(&temp, b"x", mode);
            let error = file(&path, TIME_LIMIT).unwrap_err();
            assert_eq!(error.kind, Kind::Unsafe, "{mode:o}");
            let way_out = format!("BG_PASSWORD_COMMAND='cat {}'", path.display());
            assert!(error.hint.unwrap().contains(&way_out));
        }
    }

    #[test]
    fn a_missing_file_a_directory_and_a_huge_file_are_told_apart() {
        let temp = TempDir::new();
        let message = |path: &Path| file(path, TIME_LIMIT).unwrap_err().message;
        assert!(message(&temp.path().join("none")).ends_with("No such file or directory"));
        assert!(message(temp.path()).ends_with("Is a directory"));
        let huge = written(&temp, &vec![b'x'; 1 << 20], 0o600);
        assert_eq!(file(&huge, TIME_LIMIT).unwrap().len(), READ_MAX_BYTES);
    }

    #[test]
    fn a_fifo_gives_what_its_writer_writes_and_does_not_hang_without_one() {
        let temp = TempDir::new();
        let path = temp.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let error = file(&path, SHORT).unwrap_err();
        assert_eq!(error.kind, Kind::NoPassword, "{error}");
        let writer = {
            let path = path.clone();
            thread::spawn(move || {
                let mut fifo = fs::File::options().write(true).open(path).unwrap();
                fifo.write_all(b"from a ").unwrap();
                fifo.write_all(b"fifo\n").unwrap();
            })
        };
        assert_eq!(*file(&path, TIME_LIMIT).unwrap(), b"from a fifo\n");
        writer.join().unwrap();
    }

    #[test]
    fn a_command_gives_its_output_and_sees_no_password() {
        assert_eq!(run("printf 'a b\\n'"), Ok(b"a b\n".to_vec()));
        assert_eq!(run("cat"), Ok(Vec::new()), "its stdin is empty");
        assert_eq!(
            run("echo ${BG_PASSWORD_COMMAND-unset} ${HOME-unset} $SEEN"),
            Ok(b"unset unset yes\n".to_vec())
        );
        let long = run("head -c 1000000 /dev/zero; sleep 60").unwrap();
        assert_eq!(long.len(), READ_MAX_BYTES);
    }

    #[test]
    fn a_command_that_fails_or_hangs_says_how() {
        assert_eq!(
            run("echo half; exit 3"),
            Err("BG_PASSWORD_COMMAND ended with code 3".to_owned())
        );
        assert_eq!(
            run("kill -TERM $$"),
            Err("BG_PASSWORD_COMMAND was killed by SIGTERM".to_owned())
        );
        for line in ["sleep 61", "sleep 61 & sleep 61", "exec >&-; sleep 61"] {
            let environment = Environment::new([("PATH", "/usr/bin:/bin")]);
            let error = command(OsStr::new(line), &environment, SHORT).unwrap_err();
            assert_eq!(error.message, "BG_PASSWORD_COMMAND did not end within 0 s");
        }
    }
}
