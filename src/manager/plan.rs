//! What is to be started, checked before anything is written: the command, its directory, its stdin,
//! its name.
//!
//! Does not: start it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::stdin;
use super::unrunnable::{check_command, not_executed};
use super::variables::{Inherited, Surroundings, Variables, child_environment};
use crate::model::bytes::{Bytes, search_path};
use crate::model::error::{self, Error};
use crate::model::facts::{AlertSettings, Stdin};
use crate::model::id::ProcessId;
use crate::model::lifetime::{Lifetime, Owner, Restart};
use crate::model::name;
use crate::model::size::Size;
use crate::store::environment::Environment;
use crate::sys::clock;
use crate::sys::{image, proc};

/// The most bytes of arguments and environment: more than any system takes (execve(2): 6 MiB).
const ARGUMENTS_MAX_BYTES: usize = 8 * 1024 * 1024;

/// What a caller asks for.
pub(crate) struct StartOptions {
    pub(crate) what: What,
    pub(crate) name: Option<String>,
    /// Where it runs; by default where the caller is.
    pub(crate) cwd: Option<PathBuf>,
    /// What of the caller's environment it gets; never the password variables.
    pub(crate) inherited: Inherited,
    /// Added to that, the later before the earlier.
    pub(crate) env: Vec<Variables>,
    pub(crate) stdin: Stdin,
    /// A terminal of this size in place of the three pipes.
    pub(crate) pty: Option<Size>,
    pub(crate) grace: Option<Duration>,
    /// The grace when none is asked for.
    pub(crate) grace_default: Duration,
    pub(crate) group: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) alerts: AlertSettings,
    /// How large its log may grow.
    pub(crate) max_log_bytes: u64,
    /// How long it may live, if there is a limit.
    pub(crate) timeout: Option<Duration>,
    /// The process with which it ends.
    pub(crate) with_pid: Option<i32>,
    pub(crate) restart: Restart,
    pub(crate) if_taken: IfTaken,
}

/// What becomes of a live process that has the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfTaken {
    /// It lives on, and nothing is started.
    Refuse,
    /// It is stopped first.
    Replace,
}

/// A command, or a line for a shell.
pub(crate) enum What {
    Argv(Vec<OsString>),
    ShellLine { shell: OsString, line: OsString },
}

/// What will be run, all of it known to be there when it was looked at.
pub(super) struct Plan {
    pub(super) argv: Vec<Bytes>,
    pub(super) shell_line: Option<Bytes>,
    pub(super) cwd: Bytes,
    pub(super) env: Vec<Bytes>,
    pub(super) umask: u32,
    pub(super) stdin: Option<OwnedFd>,
    pub(super) stdin_fact: Stdin,
    pub(super) lifetime: Lifetime,
    /// The process that this one takes the place of.
    pub(super) previous: Option<ProcessId>,
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
        What::ShellLine { shell, line } => (
            vec![shell.clone(), "-c".into(), line.clone()],
            Some(Bytes::from(line.as_os_str())),
        ),
    };
    options
        .alerts
        .check()
        .map_err(|(what, hint)| Error::usage(what).hint(hint))?;
    let Some(program) = argv.first().filter(|program| !program.is_empty()) else {
        return Err(Error::usage("no command to start")
            .hint("bgp start COMMAND [ARGS…], or bgp start -c 'LINE'"));
    };
    let surroundings = match options.pty {
        Some(_) => Surroundings::Terminal,
        None => Surroundings::Pipes,
    };
    let env = child_environment(environment, options.inherited, &options.env, surroundings)?;
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
    let path = search_path(&env);
    check_command(program, path, &cwd).map_err(|error| match &options.what {
        What::Argv(_) => error,
        What::ShellLine { .. } => error.hint(
            "it is the shell for -c: 'bgp config' tells whether the configuration or $SHELL names it",
        ),
    })?;
    let words = argv.iter().map(|word| word.len() + 1);
    let variables = env.iter().map(|variable| variable.0.len() + 1);
    if words.chain(variables).sum::<usize>() > ARGUMENTS_MAX_BYTES {
        return Err(not_executed(program, path, &cwd, libc::E2BIG));
    }
    let lifetime = lifetime(options)?;
    let (stdin, stdin_fact) = stdin::open(&options.stdin, options.restart)?;
    Ok(Plan {
        lifetime,
        shell_line,
        cwd: Bytes::from(cwd.into_os_string()),
        env,
        umask: image::umask(),
        stdin,
        stdin_fact,
        previous: None,
        argv: argv.into_iter().map(Bytes::from).collect(),
    })
}

fn lifetime(options: &StartOptions) -> Result<Lifetime, Error> {
    if options.timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err(Error::usage("--timeout: nothing lives for no time")
            .hint("leave it out to let the process run for as long as it likes"));
    }
    Ok(Lifetime {
        timeout_ms: options.timeout.map(clock::milliseconds),
        owner: options.with_pid.map(owner).transpose()?,
        restart: options.restart,
    })
}

/// The process of this number, with which another one is to end.
fn owner(pid: i32) -> Result<Owner, Error> {
    let lives = proc::stat(pid).filter(|stat| !stat.is_zombie());
    let owner = lives.map(|stat| Owner {
        pid,
        start: stat.start,
    });
    let gone = || {
        Error::usage(format!(
            "--with-pid: there is no process {pid}, or it cannot be seen"
        ))
        .hint("nothing was started; it takes the number of a living process, as $$ of a shell is")
    };
    owner.ok_or_else(gone)
}

/// That the process with which one ended is still there to end with.
pub(super) fn existing_owner(asked: Owner) -> Result<(), Error> {
    match owner(asked.pid) {
        Ok(now) if now == asked => Ok(()),
        _ => Err(Error::usage(format!(
            "the process {} with which it was to end is gone",
            asked.pid
        ))
        .hint("start it anew, with another --with-pid or without")),
    }
}

/// The absolute working directory, which must be there.
fn directory(asked: Option<&Path>, environment: &Environment) -> Result<PathBuf, Error> {
    let here = || {
        std::env::current_dir().map_err(|error| {
            let told = environment
                .get("PWD")
                .map_or_else(|| PathBuf::from("."), PathBuf::from);
            no_directory(&told, &error)
        })
    };
    let path = match asked {
        Some(path) if path.is_absolute() => path.to_owned(),
        Some(path) => here()?.join(path),
        None => here()?,
    };
    existing_directory(&path)?;
    Ok(path)
}

/// That `path` is a directory.
pub(super) fn existing_directory(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(no_directory(
            path,
            &io::Error::from_raw_os_error(libc::ENOTDIR),
        )),
        Err(error) => Err(no_directory(path, &error)),
    }
}

fn no_directory(path: &Path, error: &io::Error) -> Error {
    let message = format!(
        "cannot work in the directory '{}': {}",
        path.display(),
        error::reason(error)
    );
    Error::usage(message).hint("--cwd DIR says where to run the command")
}
