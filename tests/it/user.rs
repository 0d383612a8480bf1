//! An ordinary user: the one who runs these tests, or another one when that is root.
//!
//! Does not: hide that root may do more; what is done as the user is done by [`User::foreign`].

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::harness::{Proc, Sandbox, bin, copy_program};
use crate::invocation::{Outcome, finish};
use crate::proc;

/// A sandbox that belongs to an ordinary user.
pub(crate) struct User {
    pub(crate) bgp: Sandbox,
    /// Where everybody may go, unlike to the place where it was built.
    program: PathBuf,
    uid: Option<u32>,
}

impl User {
    /// Nobody else is this user as long as these tests run, so that his limits are his alone.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let bgp = Sandbox::new();
        let program = bgp.dir().join("bgp");
        copy_program(&bin(), &program);
        let number = std::process::id() * 16 + COUNT.fetch_add(1, Ordering::Relaxed);
        let uid = proc::is_root().then(|| 100_000 + number % 1_000_000);
        if uid.is_some() {
            for path in [
                bgp.dir().to_owned(),
                bgp.dir().join("tmp"),
                bgp.dir().join("home"),
                bgp.state(),
                bgp.state().join("key"),
            ] {
                chown(path, uid, uid).unwrap();
            }
        }
        Self { bgp, program, uid }
    }

    /// A command of this user; `$BGP` is the program.
    pub(crate) fn foreign(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.bgp.foreign(program);
        command.env("BGP", &self.program);
        if let Some(uid) = self.uid {
            command.uid(uid).gid(uid);
        }
        command
    }

    /// Runs bgp as this user.
    #[track_caller]
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        finish(self.foreign(&self.program).args(args))
    }

    /// Runs a line of shell as this user.
    #[track_caller]
    pub(crate) fn sh(&self, line: &str) -> Outcome {
        finish(self.foreign("/bin/sh").args(["-c", line]))
    }

    /// Starts a process called `name`.
    #[track_caller]
    pub(crate) fn start<S: AsRef<OsStr>>(
        &self,
        name: &str,
        command: impl IntoIterator<Item = S>,
    ) -> Proc {
        let mut start = self.foreign(&self.program);
        start.args(["start", "--json", "--name", name, "--"]);
        Proc::from_json(&finish(start.args(command)).code(0).json()["process"])
    }

    /// What `status --json` says.
    #[track_caller]
    pub(crate) fn status(&self, id: &str) -> Value {
        self.run(["status", "--json", id]).code(0).json()["process"].clone()
    }

    /// All that a process has written so far.
    #[track_caller]
    pub(crate) fn output(&self, id: &str) -> String {
        self.run(["output", "-n", "0", id]).code(0).text()
    }

    /// Waits until a process has written a line `ready …`, and gives back the pids in it.
    #[track_caller]
    pub(crate) fn ready(&self, process: &Proc) -> Vec<i32> {
        self.bgp.wait_until("it says ready", || {
            let output = self.output(&process.id);
            let line = output.lines().find(|line| line.starts_with("ready"))?;
            let pids = line.split_whitespace().filter_map(|pid| pid.parse().ok());
            output.ends_with('\n').then(|| pids.collect())
        })
    }

    /// A copy of `program` that becomes root for whoever executes it; only root can make one.
    pub(crate) fn setuid_copy(&self, program: &Path) -> PathBuf {
        let copy = self.bgp.dir().join("setuid");
        copy_program(program, &copy);
        chown(&copy, Some(0), Some(0)).unwrap();
        crate::harness::set_mode(&copy, 0o4755);
        copy
    }
}

impl Drop for User {
    /// Stops everything as the user whose it is, and takes away what the sandbox could not stop.
    fn drop(&mut self) {
        if self.uid.is_some() {
            let stop = ["stop", "--all", "--force"];
            let _ = crate::invocation::try_finish(self.foreign(&self.program).args(stop));
            let _ = fs::remove_dir_all(self.bgp.state().join("logs"));
            let _ = fs::remove_file(self.bgp.state().join("processes.json.enc"));
        }
    }
}
