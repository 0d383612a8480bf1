//! A command that cannot be run: whether that can be seen before, and what to say of it.
//!
//! Does not: run anything. What is seen here may have changed when the command is executed; that counts.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use nix::unistd::{AccessFlags, access};

use crate::model::bytes::Bytes;
use crate::model::error::{Error, Kind, reason};
use crate::sys::exec;

/// How many scripts may stand one behind the other, each the interpreter of the one before: execve(2)
/// allows no more either.
const INTERPRETERS_MAX: usize = 5;

/// Looks whether the command is there and can be executed, as the exec will look for it.
///
/// # Errors
///
/// As [`not_executed`].
pub(super) fn check_command(
    program: &OsStr,
    path: Option<&OsStr>,
    cwd: &Path,
) -> Result<(), Error> {
    let mut refused = None;
    let by_path = !program.as_bytes().contains(&b'/');
    for file in exec::candidates(program, path) {
        let file = cwd.join(file);
        match std::fs::metadata(&file) {
            Ok(found) if found.is_file() && is_executable(&file) => return Ok(()),
            Ok(found) if found.is_dir() => refused = refused.or(Some(libc::EISDIR)),
            Ok(_) => refused = Some(libc::EACCES),
            // A directory of the PATH that may not be entered is passed over.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !by_path => {
                refused = Some(libc::EACCES);
            }
            Err(_) => {}
        }
    }
    Err(not_executed(
        program,
        path,
        cwd,
        refused.unwrap_or(libc::ENOENT),
    ))
}

/// The error for a command that the system would not execute, with this errno of execve(2).
pub(super) fn not_executed(program: &OsStr, path: Option<&OsStr>, cwd: &Path, errno: i32) -> Error {
    let file = exec::candidates(program, path)
        .into_iter()
        .map(|file| cwd.join(file))
        .find(|file| file.is_file());
    let because = |kind, why: &str| {
        let message = format!("cannot start \"{}\": {why}", program.display());
        Error::new(kind, message)
    };
    let reason = reason(&io::Error::from_raw_os_error(errno));
    let cannot = because(Kind::CannotRun, &reason);
    match (errno, &file) {
        (libc::ENOENT | libc::ENOTDIR, None) => {
            let error = because(Kind::CommandNotFound, &reason);
            if program.as_bytes().contains(&b' ') {
                error.hint("for a whole line of shell, use bgp start -c 'LINE'")
            } else {
                error.hint("is it installed, and on the PATH?")
            }
        }
        (libc::ENOENT | libc::EACCES, Some(file)) => {
            if let Some((why, hint)) = bad_interpreter(file, cwd) {
                return because(Kind::CannotRun, &why).hint(hint);
            }
            match errno {
                libc::ENOENT => because(
                    Kind::CannotRun,
                    "a program or library it needs is not there",
                )
                .hint("the file is there; is it built for this system?"),
                _ => cannot.hint("is it executable? chmod +x makes it so"),
            }
        }
        (libc::EACCES, None) => cannot.hint("may you enter its directory, and is it a file?"),
        (libc::EISDIR, _) => cannot.hint("a directory cannot be run; name a file in it"),
        (libc::ENOEXEC, _) => cannot.hint(
            "a script needs a first line like '#!/bin/sh'; or let a shell run it: bgp start -c './script'",
        ),
        (libc::E2BIG, _) => cannot
            .hint("arguments and variables are too long together; put what is long into a file"),
        (libc::ELOOP, _) => cannot.hint("its links, or the first lines of its scripts, lead in a circle"),
        (libc::ETXTBSY, _) => cannot.hint("somebody is writing the file; try again"),
        _ => cannot.hint("the file is there, but the system does not run it"),
    }
}

fn is_executable(file: &Path) -> bool {
    access(file, AccessFlags::X_OK).is_ok()
}

/// What is wrong with an interpreter that `file`, or the script that is its interpreter, names.
fn bad_interpreter(file: &Path, cwd: &Path) -> Option<(String, &'static str)> {
    let mut script = file.to_owned();
    for _ in 0..INTERPRETERS_MAX {
        if !is_executable(&script) {
            return None; // then it is the script itself
        }
        let named = interpreter(&script)?;
        let next = cwd.join(named.as_os_str());
        let what = match std::fs::metadata(&next) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => "cannot be reached",
            Err(_) => "is not there",
            Ok(found) if !found.is_file() || !is_executable(&next) => "cannot be executed",
            Ok(_) => {
                script = next;
                continue;
            }
        };
        let hint = if named.0.ends_with(b"\r") {
            "its lines end as on Windows; sed -i 's/\\r$//' mends that"
        } else {
            "look at the first line of the file"
        };
        return Some((
            format!(
                "'{}' names the interpreter '{}', which {what}",
                script.display(),
                named.escaped()
            ),
            hint,
        ));
    }
    None
}

/// The interpreter that the first line of a script names, as execve(2) reads it.
fn interpreter(file: &Path) -> Option<Bytes> {
    let mut head = [0; 256];
    let count = File::open(file).ok()?.read(&mut head).ok()?;
    let line = head[..count]
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let is_blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let word = line.split(is_blank).find(|word| !word.is_empty())?.to_vec();
    Some(Bytes(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    /// What is said of the script `script` that begins with `line`; `%` in it is its directory.
    fn told(errno: i32, files: &[(&str, &str, u32)]) -> (Kind, String) {
        let temp = TempDir::new();
        let dir = temp.path().to_str().unwrap();
        for (name, line, mode) in files {
            let path = temp.path().join(name);
            fs::write(&path, line.replace('%', dir)).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(*mode)).unwrap();
        }
        let error = not_executed(OsStr::new("./script"), None, temp.path(), errno);
        assert!(error.hint.is_some(), "{error}");
        (error.kind, error.message.replace(dir, "%"))
    }

    #[test]
    fn the_interpreter_that_is_missing_is_named_with_its_script() {
        let cannot = |why: &str| (Kind::CannotRun, format!("cannot start \"./script\": {why}"));
        for (files, why) in [
            (
                &[("script", "#!/no/such -x\n", 0o755)][..],
                "'%/./script' names the interpreter '/no/such', which is not there",
            ),
            (
                &[("script", "#! \t/bin/sh\r\n", 0o755)],
                "'%/./script' names the interpreter '/bin/sh\r', which is not there",
            ),
            (
                &[
                    ("script", "#!%/second\n", 0o755),
                    ("second", "#!/no/such", 0o755),
                ],
                "'%/second' names the interpreter '/no/such', which is not there",
            ),
            (
                &[("script", "\x7fELF", 0o755)],
                "a program or library it needs is not there",
            ),
        ] {
            assert_eq!(told(libc::ENOENT, files), cannot(why));
        }
        let plain = [("script", "#!%/second\n", 0o755), ("second", "", 0o644)];
        assert_eq!(
            told(libc::EACCES, &plain),
            cannot("'%/./script' names the interpreter '%/second', which cannot be executed")
        );
        let itself = [("script", "#!/no/such\n", 0o644)];
        assert_eq!(told(libc::EACCES, &itself), cannot("Permission denied"));
    }

    #[test]
    fn each_refusal_has_a_kind_and_a_hint() {
        for (errno, kind) in [
            (libc::ENOENT, Kind::CommandNotFound),
            (libc::ENOTDIR, Kind::CommandNotFound),
            (libc::EACCES, Kind::CannotRun),
            (libc::EISDIR, Kind::CannotRun),
            (libc::ENOEXEC, Kind::CannotRun),
            (libc::E2BIG, Kind::CannotRun),
            (libc::ELOOP, Kind::CannotRun),
            (libc::ETXTBSY, Kind::CannotRun),
            (libc::EINVAL, Kind::CannotRun),
        ] {
            assert_eq!(told(errno, &[]).0, kind, "{errno}");
        }
    }
}
