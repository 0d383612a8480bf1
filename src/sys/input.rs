//! A file that somebody names, read as a whole: within a bound, and without waiting for what never comes.
//!
//! Symbolic links are followed, and nobody asks whose file it is: that is the caller's to judge.
//! Does not: know what is in it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// All of the regular file at `path`.
///
/// # Errors
///
/// As the system says; beyond `max_bytes`, and for a directory, a pipe or a device, in words of our own.
pub(crate) fn read_file(path: &Path, max_bytes: usize) -> io::Result<Vec<u8>> {
    let (file, kind) = open(path)?;
    if !kind.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    bounded(file, max_bytes)
}

/// All of the regular file at `path`; or, if that is a pipe (a shell's `<(…)` is one), what comes out of
/// it up to its end, for which `limit` is waited.
///
/// # Errors
///
/// As [`read_file`]; `TimedOut`.
pub(crate) fn read_file_or_pipe(
    path: &Path,
    max_bytes: usize,
    limit: Duration,
) -> io::Result<Vec<u8>> {
    let (file, kind) = open(path)?;
    if kind.is_fifo() {
        return drain(&file, max_bytes, Instant::now() + limit);
    }
    if !kind.is_file() {
        return Err(io::Error::other("it is neither a regular file nor a pipe"));
    }
    bounded(file, max_bytes)
}

/// Opens `path` without waiting for a pipe's writer.
fn open(path: &Path) -> io::Result<(File, std::fs::FileType)> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(Errno::EISDIR.into());
    }
    Ok((file, kind))
}

fn bounded(file: File, max_bytes: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
    within(bytes, max_bytes)
}

fn drain(mut pipe: &File, max_bytes: usize, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    while bytes.len() <= max_bytes {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        // A read before the first writer has come would look like the end.
        let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(0) if Instant::now() >= deadline => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "nobody wrote all of it in time",
                ));
            }
            Ok(0) | Err(Errno::EINTR) => continue,
            Ok(_) => (),
            Err(error) => return Err(error.into()),
        }
        match pipe.read(&mut part) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(&part[..count]),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
    }
    within(bytes, max_bytes)
}

fn within(bytes: Vec<u8>, max_bytes: usize) -> io::Result<Vec<u8>> {
    if bytes.len() > max_bytes {
        let words = format!("it is longer than {max_bytes} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, words));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::fs;
    use std::io::Write as _;

    const SHORT: Duration = Duration::from_millis(30);
    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_file_is_read_up_to_its_bound_and_not_beyond() {
        let temp = TempDir::new();
        let path = temp.path().join("file");
        for (bytes, fits) in [(0, true), (10, true), (11, false), (100_000, false)] {
            fs::write(&path, vec![b'x'; bytes]).unwrap();
            let read = read_file(&path, 10).map(|read| read.len());
            assert_eq!(read.ok(), fits.then_some(bytes));
        }
        let told = read_file(&path, 10).unwrap_err().to_string();
        assert_eq!(told, "it is longer than 10 bytes");
        assert_eq!(
            read_file(Path::new("/dev/zero"), 10)
                .unwrap_err()
                .to_string(),
            "it is not a regular file"
        );
        let directory = read_file(temp.path(), 10).unwrap_err();
        assert_eq!(directory.raw_os_error(), Some(libc::EISDIR));
    }

    #[test]
    fn a_pipe_is_read_to_its_end_or_given_up() {
        let temp = TempDir::new();
        let path = temp.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(read_file(&path, 10).is_err());
        let silent = read_file_or_pipe(&path, 10, SHORT).unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        let long = vec![b'x'; 100_000];
        for (written, fits) in [(&b"two parts"[..], true), (&long, false)] {
            let writer = {
                let (path, written) = (path.clone(), written.to_vec());
                std::thread::spawn(move || {
                    let mut fifo = File::options().write(true).open(path).unwrap();
                    let (first, second) = written.split_at(4);
                    let _ = fifo.write_all(first).and_then(|()| fifo.write_all(second)); // the reader may have had enough
                })
            };
            let read = read_file_or_pipe(&path, 10, LONG);
            assert_eq!(read.ok().as_deref(), fits.then_some(written));
            writer.join().unwrap();
        }
    }
}
