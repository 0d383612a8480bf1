//! A sandbox for each test: its own state directory, a clean environment, a deadline for every
//! invocation, and at the end the proof that nothing of it lives on.
//!
//! - [`Sandbox`] is one person with one state directory; dropping it stops everything and looks.
//! - [`Proc`] is a process that bgp started.
//!
//! Does not: order anything by time. Deadlines only tell a hang from a loaded machine.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;
use serde_json::Value;

use crate::invocation::{Outcome, finish, try_finish};
use crate::proc;

/// How long an invocation may take, and how long is waited for what must come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);
/// The password of every sandbox, and of `fixtures/key-1000.json`.
pub(crate) const PASSWORD: &str = "correct horse";
/// A key of 1,000 iterations, so that a test does not pay for 600,000 each time.
const KEY: &str = include_str!("../fixtures/key-1000.json");

/// The program under test.
pub(crate) fn bin() -> PathBuf {
    std::env::var_os("BGP_TEST_BIN").map_or_else(|| env!("CARGO_BIN_EXE_bgp").into(), PathBuf::from)
}

/// The variables that ask a debug build to fail somewhere.
pub(crate) const ASKED_BY: [&str; 5] = [
    "BGP_FAIL_AT",
    "BGP_CRASH_AT",
    "BGP_PAUSE_AT",
    "BGP_PANIC_AT",
    "BGP_FAULT_TOLD",
];

/// Which of them the program under test knows.
pub(crate) fn known() -> &'static [&'static str] {
    static KNOWN: OnceLock<Vec<&str>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let program = fs::read(bin()).expect("the program can be read");
        let has = |word: &&str| memchr::memmem::find(&program, word.as_bytes()).is_some();
        ASKED_BY.into_iter().filter(has).collect()
    })
}

/// Says so and is true when a test needs a debug build and the program under test is a released one.
pub(crate) fn pass_over_a_release() -> bool {
    let is_release = known().is_empty();
    proc::pass_over(is_release, "only a debug build can be asked to fail")
}

/// The keyring is the user's, and all tests share it: whoever turns the key cache on holds this meanwhile.
pub(crate) fn keyring() -> MutexGuard<'static, ()> {
    static KEYRING: Mutex<()> = Mutex::new(());
    // That another test has failed with it is told there.
    KEYRING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies a program by another process: what this one has open to write, whatever another test executes
/// has open too for a moment, and no such program can be run. See execve(2), `ETXTBSY`.
#[track_caller]
pub(crate) fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").args([from, to]).status().unwrap();
    assert!(copied.success(), "{} is not copied", from.display());
}

/// Writes a script that can be run at once: by another process, as [`copy_program`] says.
#[track_caller]
pub(crate) fn write_script(path: &Path, text: &str) {
    let line = "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\"";
    let mut shell = Command::new("/bin/sh");
    let written = shell.args(["-c", line]).arg(path).arg(text).status();
    assert!(written.unwrap().success(), "no {}", path.display());
}

/// The source tree.
pub(crate) fn tree() -> PathBuf {
    std::env::var_os("BGP_TEST_TREE")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from)
}

/// The path of a helper under `test-scripts/`.
pub(crate) fn script(name: &str) -> String {
    let path = tree().join("test-scripts").join(name);
    path.to_str().expect("the tree's path is UTF-8").to_owned()
}

/// One person with one state directory, alone in the world.
pub(crate) struct Sandbox {
    dir: PathBuf,
    marker: String,
}

/// A process that bgp started.
#[derive(Debug, Clone)]
pub(crate) struct Proc {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) pid: i32,
}

impl Sandbox {
    /// A state directory with nothing but a key in it.
    pub(crate) fn new() -> Self {
        let sandbox = Self::fresh();
        fs::create_dir(sandbox.state()).unwrap();
        set_mode(&sandbox.state(), 0o700);
        let key = sandbox.state().join("key");
        fs::write(&key, KEY).unwrap();
        set_mode(&key, 0o600);
        sandbox
    }

    /// No state directory at all. The first `start` pays for a key of 600,000 iterations.
    pub(crate) fn fresh() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique = format!(
            "{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        // As the kernel names it: what bgp tells of a place in it is compared with this.
        let temp = std::env::temp_dir().canonicalize().unwrap();
        let dir = temp.join(format!("bgp-it-{unique}"));
        fs::create_dir(&dir).unwrap();
        set_mode(&dir, 0o700);
        fs::create_dir(dir.join("home")).unwrap();
        fs::create_dir(dir.join("tmp")).unwrap();
        Self {
            dir,
            marker: format!("BGP_TEST_SANDBOX={unique}"),
        }
    }

    /// The sandbox's own directory, for what a test leaves lying about.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// `logs/ID.log.enc` of a process.
    pub(crate) fn log(&self, id: &str) -> PathBuf {
        self.state().join(format!("logs/{id}.log.enc"))
    }

    /// A command with the sandbox's environment and nothing on stdin; `program` is looked up in `PATH`.
    pub(crate) fn foreign(&self, program: impl AsRef<OsStr>) -> Command {
        let (key, value) = self.marker.split_once('=').expect("made with one");
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C")
            .env("HOME", self.dir.join("home"))
            .env("TMPDIR", self.dir.join("tmp"))
            .env("BGP", bin())
            .env("BGP_DIR", self.state())
            .env("BGP_KEY_CACHE", "off")
            .env("BG_PASSWORD", PASSWORD)
            .env(key, value)
            .current_dir(&self.dir)
            .stdin(Stdio::null());
        if let Some(without) = std::env::var_os("BGP_TEST_WITHOUT") {
            command.env("BGP_WITHOUT", without);
        }
        command
    }

    /// A bgp command that is not run yet.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = self.foreign(bin());
        command.args(args);
        command
    }

    /// Runs bgp to its end.
    #[track_caller]
    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        finish(&mut self.command(args))
    }

    /// Runs a line of shell to its end; `$BGP` is the program.
    #[track_caller]
    pub(crate) fn sh(&self, line: &str) -> Outcome {
        finish(self.foreign("/bin/sh").args(["-c", line]))
    }

    /// Starts a process called `name` and gives back what bgp says of it.
    #[track_caller]
    pub(crate) fn start<S: AsRef<OsStr>>(
        &self,
        name: &str,
        command: impl IntoIterator<Item = S>,
    ) -> Proc {
        self.start_with(&["--name", name], command)
    }

    /// Starts one that ignores TERM, with this grace, and gives it back once it does.
    #[track_caller]
    pub(crate) fn start_stubborn(&self, name: &str, grace: &str) -> Proc {
        let options = ["--name", name, "--grace", grace];
        let stubborn = self.start_with(&options, [script("ignores-term.sh")]);
        self.ready(&stubborn);
        stubborn
    }

    /// Starts a process with options.
    #[track_caller]
    pub(crate) fn start_with<S: AsRef<OsStr>>(
        &self,
        options: &[&str],
        command: impl IntoIterator<Item = S>,
    ) -> Proc {
        let mut bgp = self.command(["start", "--json"]);
        bgp.args(options).arg("--").args(command);
        Proc::from_json(&finish(&mut bgp).code(0).json()["process"])
    }

    /// What `status --json` says of one process.
    #[track_caller]
    pub(crate) fn status(&self, id: &str) -> Value {
        self.run(["status", "--json", id]).code(0).json()["process"].clone()
    }

    /// What `list --json` says.
    #[track_caller]
    pub(crate) fn list(&self) -> Vec<Value> {
        let listed = self.run(["list", "--json"]).code(0).json();
        listed["processes"].as_array().expect("a list").clone()
    }

    /// All that a process has written so far, both streams.
    #[track_caller]
    pub(crate) fn output(&self, id: &str) -> String {
        self.run(["output", "-n", "0", id]).code(0).text()
    }

    /// Waits until a process has this status, and gives back all of it.
    #[track_caller]
    pub(crate) fn wait_status(&self, id: &str, wanted: &str) -> Value {
        self.wait_until(&format!("{id} is {wanted}"), || {
            let status = self.status(id);
            (status["status"] == wanted).then_some(status)
        })
    }

    /// Waits until a process has written a line `ready …`, and gives back the pids in it.
    #[track_caller]
    pub(crate) fn ready(&self, process: &Proc) -> Vec<i32> {
        self.wait_until(&format!("{} says ready", process.name), || {
            let output = self.output(&process.id);
            let (whole, _) = output.rsplit_once('\n')?;
            let line = whole.lines().find(|line| line.starts_with("ready"))?;
            Some(
                line.split_whitespace()
                    .filter_map(|word| word.parse().ok())
                    .collect(),
            )
        })
    }

    /// Waits until nobody holds the lease of a process: its supervisor is gone.
    #[track_caller]
    pub(crate) fn wait_for_supervisor_end(&self, id: &str) {
        self.wait_until(&format!("the supervisor of {id} is gone"), || {
            (!self.lease_is_held(id)).then_some(())
        });
    }

    /// Whether somebody holds the lease of a process: looked at without bgp.
    pub(crate) fn lease_is_held(&self, id: &str) -> bool {
        is_locked(&self.state().join(format!("run/{id}.lease")))
    }

    /// Asks again and again until there is an answer; the only place that polls.
    #[track_caller]
    pub(crate) fn wait_until<T>(&self, what: &str, mut check: impl FnMut() -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = check() {
                return found;
            }
            assert!(
                begun.elapsed() < DEADLINE,
                "waited {DEADLINE:?} until {what}, in vain; there is:\n{}",
                self.describe()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What there is, for the one who reads why a test failed.
    fn describe(&self) -> String {
        let mut text = String::new();
        for args in [&["list"][..], &["list", "--json"]] {
            match try_finish(&mut self.command(args)) {
                Ok(outcome) => text.push_str(&outcome.describe()),
                Err(seen) => text.push_str(&seen),
            }
        }
        for pid in self.living() {
            if let Some(stat) = proc::stat(pid) {
                text.push_str(&stat.line);
                text.push('\n');
            }
        }
        text
    }

    /// The living processes of this sandbox: commands by their marker, supervisors (which have an empty
    /// environment) by their open files where this user may look, else by the socket they listen on.
    pub(crate) fn living(&self) -> Vec<i32> {
        let me = i32::try_from(std::process::id()).expect("a pid");
        let mut found = proc::with_variable(&self.marker);
        found.extend(proc::pids().into_iter().filter(|pid| {
            proc::descriptors(*pid)
                .is_some_and(|all| all.iter().any(|(_, path)| path.starts_with(self.state())))
        }));
        found.extend(
            self.held_leases()
                .iter()
                .filter_map(|id| listener(&self.state(), id)),
        );
        found.retain(|pid| *pid != me && proc::alive(*pid));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Those of them that have `text` as a whole argument.
    pub(crate) fn living_with_argument(&self, text: &str) -> Vec<i32> {
        let with_it = proc::with_argument(text);
        let mut found = self.living();
        found.retain(|pid| with_it.contains(pid));
        found
    }

    /// The ids whose lease somebody holds.
    pub(crate) fn held_leases(&self) -> Vec<String> {
        file_names(&self.state().join("run"))
            .iter()
            .filter_map(|name| name.strip_suffix(".lease"))
            .filter(|id| self.lease_is_held(id))
            .map(str::to_owned)
            .collect()
    }

    /// Waits until nothing of this sandbox lives.
    fn wait_for_silence(&self) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let (living, held) = (self.living(), self.held_leases());
            if living.is_empty() && held.is_empty() {
                return Ok(());
            }
            if begun.elapsed() > DEADLINE / 2 {
                let mut text = format!("leases still held: {held:?}; living:\n");
                for pid in living {
                    let line = proc::stat(pid).map(|stat| stat.line).unwrap_or_default();
                    let cmdline = proc::cmdline(pid);
                    text.push_str(&line);
                    text.push_str(&String::from_utf8_lossy(&cmdline));
                    text.push('\n');
                    proc::kill(pid, Signal::SIGKILL);
                }
                return Err(text);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Sandbox {
    /// Stops everything, looks that nothing lives on, and removes the directory.
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("in the sandbox that failed:\n{}", self.describe());
        }
        let mut complaint = String::new();
        if self.state().join("processes.json.enc").exists()
            && let Err(seen) = try_finish(&mut self.command(["stop", "--all", "--force"]))
        {
            complaint.push_str(&seen);
        }
        if let Err(left) = self.wait_for_silence() {
            complaint.push_str(&left);
        }
        // As root everything goes; what an ordinary user cannot remove, it could not have made.
        let _ = fs::remove_dir_all(&self.dir);
        if !complaint.is_empty() {
            eprintln!("a sandbox was not silent at its end: {complaint}");
            assert!(thread::panicking(), "something lived on: {complaint}");
        }
    }
}

impl Proc {
    /// The process that a JSON object describes.
    #[track_caller]
    pub(crate) fn from_json(process: &Value) -> Self {
        let text = |field: &str| process[field].as_str().map(str::to_owned);
        let (Some(id), Some(name), Some(number)) =
            (text("id"), text("name"), process["number"].as_u64())
        else {
            panic!("no process is described by {process}");
        };
        Self {
            id,
            number,
            name,
            pid: process["pid"]
                .as_i64()
                .and_then(|pid| i32::try_from(pid).ok())
                .unwrap_or_default(),
        }
    }

    /// The supervisor, which is the leader's parent; only while the leader lives.
    #[track_caller]
    pub(crate) fn supervisor(&self) -> i32 {
        let parent = proc::parent(self.pid);
        assert!(parent > 1, "the leader {} has no supervisor", self.pid);
        parent
    }
}

/// Whether somebody holds a lock on the file at `path`.
pub(crate) fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    match Flock::lock(file, FlockArg::LockSharedNonblock) {
        Ok(_) => false,
        Err((_, Errno::EWOULDBLOCK)) => true,
        Err((_, errno)) => panic!("cannot probe {}: {errno}", path.display()),
    }
}

/// The names in a directory, sorted; none when it is not there.
pub(crate) fn file_names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Every file below a directory.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in file_names(dir) {
        let path = dir.join(name);
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// The process that listens on a supervisor's socket, as the kernel says.
fn listener(state: &Path, id: &str) -> Option<i32> {
    use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
    let stream = connect(&state.join(format!("run/{id}.sock"))).ok()?;
    Some(getsockopt(&stream, PeerCredentials).ok()?.pid())
}

/// Gives `path` to `call` in a form for which the address of a socket has room, about 100 bytes.
fn in_short<T>(path: &Path, call: impl FnOnce(&Path) -> T) -> T {
    let (Some(place), Some(name)) = (path.parent(), path.file_name()) else {
        return call(path);
    };
    if !cfg!(target_os = "linux") {
        return call(path);
    }
    let Ok(place) = File::open(place) else {
        return call(path);
    };
    let short = format!("/proc/self/fd/{}", place.as_raw_fd());
    call(&Path::new(&short).join(name))
}

/// Listens at `path`, however long it is.
#[track_caller]
pub(crate) fn listen(path: &Path) -> UnixListener {
    in_short(path, |short| UnixListener::bind(short).unwrap())
}

/// Connects to what listens at `path`, however long it is.
pub(crate) fn connect(path: &Path) -> io::Result<UnixStream> {
    in_short(path, |short| UnixStream::connect(short))
}

/// `chmod`.
#[track_caller]
pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A line for each number of the range, with `prefix` before it.
pub(crate) fn numbered(prefix: &str, numbers: std::ops::RangeInclusive<u32>) -> String {
    numbers.fold(String::new(), |all, n| all + prefix + &n.to_string() + "\n")
}
