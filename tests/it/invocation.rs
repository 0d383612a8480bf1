//! One invocation of a program: run to its end, or while it runs, always with a deadline.
//!
//! - [`Outcome`] is what it gave; its methods assert, show all of it when they fail, and chain.
//! - [`Running`] is one that has not ended.
//!
//! Does not: know what a sandbox is.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{DEADLINE, PASSWORD};
use crate::proc;

/// What one invocation gave. Every method asserts, shows all of it when it fails, and chains.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    what: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Outcome {
    /// It ended with this code.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        self.code_in(&[expected])
    }

    /// It ended with one of these codes.
    #[track_caller]
    pub(crate) fn code_in(self, expected: &[i32]) -> Self {
        let fits = self
            .status
            .code()
            .is_some_and(|code| expected.contains(&code));
        assert!(fits, "expected code {expected:?}\n{}", self.describe());
        self
    }

    /// Its stdout is exactly this.
    #[track_caller]
    pub(crate) fn stdout(self, expected: &str) -> Self {
        let fits = self.stdout == expected.as_bytes();
        assert!(fits, "expected on stdout {expected:?}\n{}", self.describe());
        self
    }

    /// Its stdout has this in it.
    #[track_caller]
    pub(crate) fn stdout_has(self, expected: &str) -> Self {
        let fits = self.text().contains(expected);
        assert!(fits, "expected in stdout {expected:?}\n{}", self.describe());
        self
    }

    /// Its stderr is exactly this.
    #[track_caller]
    pub(crate) fn stderr(self, expected: &str) -> Self {
        let fits = self.stderr == expected.as_bytes();
        assert!(fits, "expected on stderr {expected:?}\n{}", self.describe());
        self
    }

    /// Its stderr has this in it.
    #[track_caller]
    pub(crate) fn stderr_has(self, expected: &str) -> Self {
        let fits = self.errors().contains(expected);
        assert!(fits, "expected in stderr {expected:?}\n{}", self.describe());
        self
    }

    /// It failed in bgp's form: `bgp: what`, a line `bgp: hint: …`, and nothing on stdout.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> Self {
        let outcome = self.code(code).stdout("");
        let errors = outcome.errors();
        let formed = errors.starts_with("bgp: ") && errors.contains("\nbgp: hint: ");
        assert!(
            formed,
            "expected a message and a hint\n{}",
            outcome.describe()
        );
        outcome
    }

    /// Its stdout as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Its stderr as text.
    pub(crate) fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Its stdout as one JSON document, which says its schema.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let value: Value = serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON on stdout: {error}\n{}", self.describe()));
        assert_eq!(value["schema"], 1, "{}", self.describe());
        value
    }

    /// All of it, for a message.
    pub(crate) fn describe(&self) -> String {
        format!(
            "$ {}\n{}\nstdout: {}\nstderr: {}\n",
            self.what,
            self.status,
            excerpt(&self.stdout),
            excerpt(&self.stderr)
        )
    }
}

/// An invocation that has not ended; killed when dropped.
pub(crate) struct Running {
    what: String,
    child: Child,
    readers: Vec<thread::JoinHandle<()>>,
    stdout: Arc<Mutex<Vec<u8>>>,
    stderr: Arc<Mutex<Vec<u8>>>,
}

impl Running {
    /// Begins; both streams are read from now on, stdin is the caller's choice.
    #[track_caller]
    pub(crate) fn begin(command: &mut Command) -> Self {
        let what = line(command);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {what}: {error}"));
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            collect(child.stdout.take().expect("piped"), &stdout),
            collect(child.stderr.take().expect("piped"), &stderr),
        ];
        Self {
            what,
            child,
            readers,
            stdout,
            stderr,
        }
    }

    /// As [`Running::finish`]; `command` is run once more where this one waited in vain for its turn with the
    /// state, as among many on a slow machine.
    #[track_caller]
    pub(crate) fn finish_in_turn(self, command: &mut Command) -> Outcome {
        let outcome = self.finish();
        if outcome.status.code() == Some(11) {
            return finish(command);
        }
        outcome
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("a pid")
    }

    /// What is on stdout so far.
    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.lock().unwrap()).into_owned()
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until it has ended *and* nobody holds its stdout or stderr any longer.
    ///
    /// # Errors
    ///
    /// What was seen, when the deadline was over; it is killed then.
    fn try_finish(&mut self, deadline: Duration) -> Result<Outcome, String> {
        let begun = Instant::now();
        let mut nap = Duration::from_micros(200);
        loop {
            let ended = self.child.try_wait().unwrap();
            let closed = self.readers.iter().all(thread::JoinHandle::is_finished);
            if let (Some(status), true) = (ended, closed) {
                let outcome = Outcome {
                    what: self.what.clone(),
                    status,
                    stdout: self.stdout.lock().unwrap().clone(),
                    stderr: self.stderr.lock().unwrap().clone(),
                };
                return Ok(outcome);
            }
            if begun.elapsed() > deadline {
                let _ = self.child.kill();
                let how = match ended {
                    Some(status) => {
                        format!("ended with {status}, but its output is still held open")
                    }
                    None => "did not end, was killed".to_owned(),
                };
                return Err(format!(
                    "$ {}\n{how} after {deadline:?}\nstdout: {}\nstderr: {}\n",
                    self.what,
                    excerpt(&self.stdout.lock().unwrap()),
                    excerpt(&self.stderr.lock().unwrap())
                ));
            }
            thread::sleep(nap);
            nap = (nap * 2).min(Duration::from_millis(10));
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn finish(self) -> Outcome {
        self.finish_within(DEADLINE)
    }

    /// Waits for its end with a deadline of its own.
    #[track_caller]
    pub(crate) fn finish_within(mut self, deadline: Duration) -> Outcome {
        match self.try_finish(deadline) {
            Ok(outcome) => sane(outcome),
            Err(seen) => panic!("{seen}"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already is fine; else nobody waits for it any longer.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn finish(command: &mut Command) -> Outcome {
    Running::begin(command).finish()
}

/// Runs a command to its end; an `Err` tells what was seen until the deadline was over.
pub(crate) fn try_finish(command: &mut Command) -> Result<Outcome, String> {
    Running::begin(command).try_finish(DEADLINE)
}

/// What holds of every invocation: no panic is ever shown to a user, and no password.
#[track_caller]
fn sane(outcome: Outcome) -> Outcome {
    let errors = outcome.errors();
    let panicked = outcome.status.code() == Some(101)
        || errors.contains("panicked at")
        || outcome.status.signal() == Some(Signal::SIGABRT as i32);
    assert!(!panicked, "it panicked\n{}", outcome.describe());
    assert!(
        !errors.contains(PASSWORD),
        "it told the password\n{}",
        outcome.describe()
    );
    outcome
}

/// A command as it is shown: what was added to a sandbox's environment, program and arguments.
fn line(command: &Command) -> String {
    let usual = [
        "PATH",
        "LC_ALL",
        "HOME",
        "TMPDIR",
        "BGP",
        "BGP_DIR",
        "BGP_KEY_CACHE",
        "BG_PASSWORD",
    ];
    let mut words: Vec<String> = command
        .get_envs()
        .filter(|(name, value)| {
            let name = name.to_string_lossy();
            value.is_some() && name != "BGP_TEST_SANDBOX" && !usual.contains(&&*name)
        })
        .map(|(name, value)| {
            format!(
                "{}='{}'",
                name.display(),
                value.unwrap_or_default().display()
            )
        })
        .collect();
    words.push(command.get_program().display().to_string());
    words.extend(
        command
            .get_args()
            .map(|word| format!("'{}'", word.display())),
    );
    for word in &mut words {
        if word.len() > 400 {
            *word = format!("{}…", word.chars().take(200).collect::<String>());
        }
    }
    words.join(" ")
}

fn collect(
    mut from: impl Read + Send + 'static,
    into: &Arc<Mutex<Vec<u8>>>,
) -> thread::JoinHandle<()> {
    let into = Arc::clone(into);
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            into.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
    })
}

/// The beginning and the end of what may be long.
fn excerpt(bytes: &[u8]) -> String {
    const SHOWN: usize = 2000;
    if bytes.len() <= 2 * SHOWN {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    format!(
        "{} … {} bytes … {}",
        String::from_utf8_lossy(&bytes[..SHOWN]),
        bytes.len() - 2 * SHOWN,
        String::from_utf8_lossy(&bytes[bytes.len() - SHOWN..])
    )
}

/// Runs a line of shell as the first process of a pid namespace; it is to end with the code `expected`.
/// With one from 96 to 99 it says that it cannot be done here.
#[track_caller]
pub(crate) fn in_a_pid_namespace(mut unshare: Command, line: &str, expected: i32) {
    if proc::pass_over(!proc::may_unshare(), proc::NO_NAMESPACES) {
        return;
    }
    unshare.args(["--pid", "--fork", "--mount", "--kill-child"]);
    let outcome = finish(unshare.args(["/bin/sh", "-c", line]));
    let code = outcome.status.code().unwrap_or_default();
    let missing = (96..=99).contains(&code);
    if !proc::pass_over(missing, "no pid namespace, or its numbers cannot be chosen") {
        outcome.code(expected);
    }
}
