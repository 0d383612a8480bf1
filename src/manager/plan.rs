//! What is to be started, checked before anything is written: the command, its directory, its
//! environment, its name.
//!
//! Does not: start it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};

use crate::model::bytes::Bytes;
use crate::model::error::{self, Error, Kind};
use crate::model::facts::{AlertSettings, Stdin};
use crate::model::name;
use crate::store::environment::Environment;
use crate::sys::exec;

/// From TERM to KILL when nobody says otherwise.
pub(crate) const GRACE_DEFAULT: Duration = Duration::from_secs(5);

/// What a caller asks for.
pub(crate) struct StartOptions {
    pub(crate) what: What,
    pub(crate) name: Option<String>,
    /// Where it runs; by default where the caller is.
    pub(crate) cwd: Option<PathBuf>,
    /// Added to the caller's environment, which comes without the password variables.
    pub(crate) env: Vec<(OsString, OsString)>,
    pub(crate) stdin: Stdin,
    pub(crate) grace: Option<Duration>,
    pub(crate) group: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) alerts: AlertSettings,
}

/// A command, or a line for a shell.
pub(crate) enum What {
    Argv(Vec<OsString>),
    ShellLine(OsString),
}

/// What will be run, all of it known to be there when it was looked at.
pub(super) struct Plan {
    pub(super) argv: Vec<Bytes>,
    pub(super) shell_line: Option<Bytes>,
    pub(super) cwd: Bytes,
    pub(super) env: Vec<Bytes>,
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdin_fact: Stdin,
}

/// Checks `options` and fills in what the caller left open.
///
/// # Errors
///
/// Usage (2), the command cannot be run (126) or is not found (127).
pub(super) fn plan(options: &StartOptions, environment: &Environment) -> Result<Plan, Error> {
    if let Some(name) = &options.name {
        name::check(name)?;
    }
    let (argv, shell_line) = match &options.what {
        What::Argv(argv) => (argv.clone(), None),
        What::ShellLine(line) => (
            vec![shell(environment), "-c".into(), line.clone()],
            Some(Bytes::from(line.as_os_str())),
        ),
    };
    let Some(program) = argv.first().filter(|program| !program.is_empty()) else {
        return Err(Error::usage("no command to start")
            .hint("bgp start COMMAND [ARGS…], or bgp start -c 'LINE'"));
    };
    let env = child_environment(environment, &options.env)?;
    let cwd_text = options
        .cwd
        .as_ref()
        .map(|cwd| ("the directory", cwd.as_os_str()));
    for (field, text) in argv
        .iter()
        .map(|word| ("the command", word.as_os_str()))
        .chain(cwd_text)
    {
        if text.as_bytes().contains(&0) {
            return Err(Error::usage(format!("{field} holds a NUL byte"))
                .hint("no argument or path can hold one"));
        }
    }
    let cwd = directory(options.cwd.as_deref(), environment)?;
    let path = env
        .iter()
        .find_map(|variable| variable.0.strip_prefix(b"PATH="))
        .map(OsStr::from_bytes);
    check_command(program, path, &cwd)?;
    let (stdin, stdin_fact) = open_stdin(&options.stdin, &cwd)?;
    Ok(Plan {
        shell_line,
        cwd: Bytes::from(cwd.into_os_string()),
        env,
        stdin,
        stdin_fact,
        argv: argv.into_iter().map(Bytes::from).collect(),
    })
}

/// The shell for `-c`: the caller's if it speaks the language of sh, else `/bin/sh`.
fn shell(environment: &Environment) -> OsString {
    const LIKE_SH: [&[u8]; 5] = [b"sh", b"bash", b"dash", b"ksh", b"zsh"];
    let shell = environment.get("SHELL").unwrap_or_default();
    let base = shell
        .as_bytes()
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default();
    if shell.as_bytes().starts_with(b"/") && LIKE_SH.contains(&base) {
        shell.to_owned()
    } else {
        "/bin/sh".into()
    }
}

/// The caller's variables but the password's, then those asked for; the last of a name counts.
fn child_environment(
    environment: &Environment,
    added: &[(OsString, OsString)],
) -> Result<Vec<Bytes>, Error> {
    for (name, value) in added {
        let bad = name.is_empty() || name.as_bytes().iter().any(|byte| b"=\0".contains(byte));
        if bad || value.as_bytes().contains(&0) {
            return Err(
                Error::usage(format!("'{}' is not a variable", name.display()))
                    .hint("write NAME=VALUE, without NUL bytes"),
            );
        }
    }
    let kept = environment.without_passwords().filter(|(name, _)| {
        *name != "BGP_ID" && *name != "BGP_NAME" && !added.iter().any(|(other, _)| other == name)
    });
    let last = added
        .iter()
        .enumerate()
        .filter(|(index, (name, _))| !added[index + 1..].iter().any(|(later, _)| later == name));
    let added = last.map(|(_, (name, value))| (name.as_os_str(), value.as_os_str()));
    Ok(kept
        .chain(added)
        .map(|(name, value)| variable(name.as_bytes(), value.as_bytes()))
        .collect())
}

/// `NAME=value`.
pub(super) fn variable(name: &[u8], value: &[u8]) -> Bytes {
    Bytes([name, b"=", value].concat())
}

/// The absolute working directory, which must be there.
fn directory(asked: Option<&Path>, environment: &Environment) -> Result<PathBuf, Error> {
    let cannot = |path: &Path, error: &io::Error| {
        let message = format!(
            "cannot work in the directory '{}': {}",
            path.display(),
            error::reason(error)
        );
        Error::usage(message).hint("--cwd DIR says where to run the command")
    };
    let here = || {
        std::env::current_dir().map_err(|error| {
            let told = environment
                .get("PWD")
                .map_or_else(|| PathBuf::from("."), PathBuf::from);
            cannot(&told, &error)
        })
    };
    let path = match asked {
        Some(path) if path.is_absolute() => path.to_owned(),
        Some(path) => here()?.join(path),
        None => here()?,
    };
    let found = std::fs::metadata(&path).map_err(|error| cannot(&path, &error))?;
    if !found.is_dir() {
        return Err(cannot(&path, &io::Error::from_raw_os_error(libc::ENOTDIR)));
    }
    Ok(path)
}

/// Looks whether the command is there and can be executed, as the exec will look for it.
fn check_command(program: &OsStr, path: Option<&OsStr>, cwd: &Path) -> Result<(), Error> {
    let mut refused = None;
    let by_path = !program.as_bytes().contains(&b'/');
    for file in exec::candidates(program, path) {
        let file = cwd.join(file);
        match std::fs::metadata(&file) {
            Ok(found) if found.is_file() && access(&file, AccessFlags::X_OK).is_ok() => {
                return Ok(());
            }
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

/// The error for a command that the system would not execute.
pub(super) fn not_executed(program: &OsStr, path: Option<&OsStr>, cwd: &Path, errno: i32) -> Error {
    let name = program.display();
    let reason = error::reason(&io::Error::from_raw_os_error(errno));
    let file = exec::candidates(program, path)
        .into_iter()
        .map(|file| cwd.join(file))
        .find(|file| file.is_file());
    let cannot = |text: String| Error::new(Kind::CannotRun, text);
    match (errno, file) {
        (libc::ENOENT, Some(file)) => match interpreter(&file) {
            Some(interpreter) => cannot(format!(
                "cannot start \"{name}\": '{}' names the interpreter '{interpreter}', which is not there",
                file.display()
            ))
            .hint("look at the first line of the file"),
            None => cannot(format!("cannot start \"{name}\": a program or library it needs is not there"))
                .hint("the file is there; is it built for this system?"),
        },
        (libc::ENOENT | libc::ENOTDIR, None) => {
            let error = Error::new(Kind::CommandNotFound, format!("cannot start \"{name}\": {reason}"));
            if program.as_bytes().contains(&b' ') {
                error.hint("for a whole line of shell, use bgp start -c 'LINE'")
            } else {
                error.hint("is it installed, and on the PATH?")
            }
        }
        (libc::ENOEXEC, _) => cannot(format!("cannot start \"{name}\": {reason}"))
            .hint("a script needs a first line like '#!/bin/sh'; or let a shell run it: bgp start -c './script'"),
        (libc::E2BIG, _) => cannot(format!("cannot start \"{name}\": {reason}"))
            .hint("arguments and variables are too long together; put what is long into a file"),
        (libc::EACCES, _) => cannot(format!("cannot start \"{name}\": {reason}")).hint("is it executable? chmod +x makes it so"),
        (libc::EISDIR, _) => cannot(format!("cannot start \"{name}\": {reason}"))
            .hint("a directory is no command; to run something in it, use --cwd"),
        _ => cannot(format!("cannot start \"{name}\": {reason}"))
            .hint("try it in a shell; what it says there holds here too"),
    }
}

/// The interpreter that the first line of a script names.
fn interpreter(file: &Path) -> Option<String> {
    use io::Read as _;
    let mut head = [0; 256];
    let count = File::open(file).ok()?.read(&mut head).ok()?;
    let line = head[..count]
        .strip_prefix(b"#!")?
        .split(|byte| *byte == b'\n')
        .next()?;
    let word = line.trim_ascii().split(u8::is_ascii_whitespace).next()?;
    Some(String::from_utf8_lossy(word).into_owned())
}

/// Opens the file that is to be the command's stdin, as the caller: without waiting for a writer.
fn open_stdin(asked: &Stdin, cwd: &Path) -> Result<(Option<OwnedFd>, Stdin), Error> {
    let Stdin::File(path) = asked else {
        return Ok((None, asked.clone()));
    };
    let path = cwd.join(path.as_os_str());
    let cannot = |error: io::Error| {
        Error::usage(format!(
            "cannot open '{}' as stdin: {}",
            path.display(),
            error::reason(&error)
        ))
        .hint("--stdin takes 'pipe', 'null' or a file that can be read")
    };
    let mut options = std::fs::OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(&path)
        .map_err(cannot)?;
    let kind = file.metadata().map_err(cannot)?.file_type();
    if kind.is_dir() || kind.is_socket() {
        return Err(cannot(io::Error::from_raw_os_error(libc::EISDIR)));
    }
    nix::fcntl::fcntl(
        &file,
        nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::empty()),
    )
    .map_err(|error| cannot(error.into()))?;
    Ok((
        Some(file.into()),
        Stdin::File(Bytes::from(path.as_os_str())),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().copied())
    }

    #[test]
    fn only_a_shell_that_speaks_sh_runs_a_line() {
        for (shell_variable, expected) in [
            ("/bin/bash", "/bin/bash"),
            ("/usr/bin/zsh", "/usr/bin/zsh"),
            ("/usr/bin/fish", "/bin/sh"),
            ("/opt/nu", "/bin/sh"),
            ("bash", "/bin/sh"),
            ("", "/bin/sh"),
        ] {
            assert_eq!(
                shell(&environment(&[("SHELL", shell_variable)])),
                expected,
                "{shell_variable}"
            );
        }
        assert_eq!(shell(&environment(&[])), "/bin/sh");
    }

    #[test]
    fn the_child_gets_what_was_asked_and_no_password_unless_asked() {
        let added = [
            ("A", "1"),
            ("PATH", "/x"),
            ("A", "2"),
            ("BG_PASSWORD", "given"),
        ]
        .map(|(name, value)| (name.into(), value.into()));
        let caller = environment(&[
            ("PATH", "/bin"),
            ("BG_PASSWORD", "secret"),
            ("BGP_ID", "outer"),
            ("B", "3"),
        ]);
        let env: Vec<String> = child_environment(&caller, &added)
            .unwrap()
            .iter()
            .map(Bytes::escaped)
            .collect();
        assert_eq!(env, ["B=3", "PATH=/x", "A=2", "BG_PASSWORD=given"]);
        for bad in [("", "x"), ("A=B", "x"), ("A", "x\0")] {
            assert!(
                child_environment(&caller, &[(bad.0.into(), bad.1.into())]).is_err(),
                "{bad:?}"
            );
        }
    }
}
