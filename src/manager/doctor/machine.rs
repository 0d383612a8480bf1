//! What the system lets us do, and who might end what we run.
//!
//! Does not: look at the state directory.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Finding;
use crate::config::{Configuration, FileState};
use crate::store::cache::{self, Cache};
use crate::store::environment::Environment;
use crate::sys::pidfd::PidFd;
use crate::sys::{image, proc};

/// How long an orphan may stay before nobody reaps it.
const REAP_LIMIT: Duration = Duration::from_secs(8);
/// How long it may take to end.
const ORPHAN_LIMIT: Duration = Duration::from_secs(20);

/// Variables by which a runner finds what a job has left, to kill it; and how to go on without.
const REAPERS: [(&str, &str, &str); 3] = [
    (
        "RUNNER_TRACKING_ID",
        "GitHub Actions",
        "-e RUNNER_TRACKING_ID=",
    ),
    (
        "JENKINS_NODE_COOKIE",
        "Jenkins",
        "-e JENKINS_NODE_COOKIE= -e BUILD_ID=",
    ),
    (
        "JENKINS_SERVER_COOKIE",
        "Jenkins",
        "-e JENKINS_SERVER_COOKIE= -e BUILD_ID=",
    ),
];

pub(super) fn examine(environment: &Environment, configuration: &Configuration) -> Vec<Finding> {
    let mut findings = vec![
        file(configuration),
        shell(configuration),
        key_cache(environment),
        processes(),
        subreaper(),
        handles(),
        time(),
    ];
    findings.extend(reaper());
    findings.push(runner(environment));
    findings
}

fn file(configuration: &Configuration) -> Finding {
    match &configuration.file {
        FileState::Faulty(error) => Finding::error("configuration", error.clone()),
        FileState::Absent => Finding::fine("configuration", "none: the defaults hold"),
        FileState::Read => Finding::fine("configuration", "read"),
    }
}

fn shell(configuration: &Configuration) -> Finding {
    let path = configuration.settings.shell_path();
    match nix::unistd::access(path, nix::unistd::AccessFlags::X_OK) {
        Ok(()) => Finding::fine("shell", path.to_string_lossy()),
        Err(error) => Finding::wrong(
            "shell",
            format!("{}: {}", path.to_string_lossy(), error.desc()),
            "'bgp config set execution.shellPath /bin/sh', or set $SHELL",
        ),
    }
}

fn key_cache(environment: &Environment) -> Finding {
    match (Cache::of(environment), cache::is_possible()) {
        (Cache::Off, _) => Finding::fine("key cache", "off, by BGP_KEY_CACHE"),
        (Cache::On, true) => Finding::fine("key cache", "the kernel's keyring"),
        (Cache::On, false) => Finding::note(
            "key cache",
            "the keyring is refused here, or there is none",
            "nothing need be done: each command takes some 60 ms longer",
        ),
    }
}

fn processes() -> Finding {
    let me = std::process::id().cast_signed();
    if proc::stat(me).is_some() {
        return Finding::fine("processes", "can be seen");
    }
    Finding::wrong(
        "processes",
        "cannot be seen: there is no /proc, or it hides them",
        "mount /proc; without it 'stop' reaches only the leader's group and its children",
    )
}

fn subreaper() -> Finding {
    if image::can_adopt_orphans() {
        return Finding::fine(
            "subreaper",
            "what a command leaves behind stays below its supervisor",
        );
    }
    Finding::wrong(
        "subreaper",
        "the system has none: what leaves its parent is lost sight of",
        "stopping is best effort here; commands should not daemonize",
    )
}

fn handles() -> Finding {
    let me = std::process::id().cast_signed();
    if PidFd::open(me).is_ok() {
        return Finding::fine("pidfd", "processes are signalled by handle");
    }
    Finding::note(
        "pidfd",
        "refused, by an old kernel or a sandbox",
        "what left its group gets no TERM when it is stopped, only KILL after the grace",
    )
}

fn time() -> Finding {
    match image::own_time_limit() {
        None => Finding::fine("processor time", "a supervisor has as much as it needs"),
        Some(seconds) => Finding::note(
            "processor time",
            format!(
                "a hard limit of {seconds} s kills a supervisor that has used so much, and its process"
            ),
            "start bgp where there is none; a soft one ('ulimit -S -t') is the command's alone",
        ),
    }
}

/// Whether an orphan is reaped, by whoever is above us.
fn reaper() -> Option<Finding> {
    // It ends when nobody holds our end any more, and so not before its parent, which might reap it.
    let orphan = "exec 3<&0; /bin/sh -c 'read line <&3' >/dev/null & echo $!";
    let mut shell = Command::new("/bin/sh")
        .args(["-c", orphan])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let lifeline = shell.stdin.take();
    let mut told = String::new();
    shell
        .stdout
        .take()?
        .take(64)
        .read_to_string(&mut told)
        .ok()?;
    shell.wait().ok()?;
    drop(lifeline);
    let orphan: i32 = told.trim().parse().ok()?;
    let give_up = Instant::now() + ORPHAN_LIMIT;
    let mut zombie_since = None;
    while Instant::now() < give_up {
        let Some(stat) = proc::stat(orphan) else {
            return Some(Finding::fine("reaper", "orphans are reaped"));
        };
        if stat.is_zombie() && zombie_since.get_or_insert_with(Instant::now).elapsed() >= REAP_LIMIT
        {
            let name = proc::stat(stat.parent).map(|parent| parent.name);
            let name = String::from_utf8_lossy(&name.unwrap_or_default()).into_owned();
            return Some(Finding::wrong(
                "reaper",
                format!(
                    "pid {} ({name}) does not reap: each supervisor will leave a zombie",
                    stat.parent
                ),
                "run the container with an init: docker run --init, or tini as its first process",
            ));
        }
        // Nobody is told of another's orphans: it is looked at again.
        thread::sleep(Duration::from_millis(5));
    }
    None // it does not end: then nothing can be told
}

fn runner(environment: &Environment) -> Finding {
    for (variable, runner, remedy) in REAPERS {
        if environment
            .get(variable)
            .is_some_and(|value| !value.is_empty())
        {
            return Finding::note(
                "runner",
                format!("{variable} is set: {runner} kills what carries it when the job ends"),
                format!("'bgp start {remedy} …' where the job's rules allow that it lives on"),
            );
        }
    }
    Finding::fine("runner", "none that is known to kill what a job leaves")
}
