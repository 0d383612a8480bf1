//! Where the state lives, and what is refused there.
//!
//! | rows | here |
//! |---|---|
//! | D11 | somebody holds the lock |
//! | D3 D16 | no home, nowhere to write, no room |
//! | D13 D14 | owners, modes, links, pipes in the place of files |
//! | D15 | modes, whatever the umask |
//! | D17 | a deep directory |

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;

use crate::harness::{Sandbox, file_names, files_below, set_mode};
use crate::invocation::{Outcome, Running, finish};
use crate::proc;

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A sandbox with one ended process.
fn sandbox() -> Sandbox {
    let bgp = Sandbox::new();
    let process = bgp.start("work", ["echo", "hello"]);
    bgp.run(["wait", "work"]).code(0);
    bgp.wait_for_supervisor_end(&process.id);
    bgp.run(["list"]).code(0);
    bgp
}

// D16
#[test]
fn the_directory_is_bgp_dir_or_below_xdg_state_home_or_home() {
    let bgp = Sandbox::fresh();
    let run = |set: &[(&str, PathBuf)]| {
        let mut start = bgp.command(["start", "true"]);
        start.env_remove("BGP_DIR").envs(set.iter().cloned());
        finish(&mut start).code(0);
    };
    let home = bgp.dir().join("home");
    run(&[("HOME", home.clone())]);
    assert!(home.join(".local/state/bgp/key").exists());
    run(&[("XDG_STATE_HOME", bgp.dir().join("xdg"))]);
    assert!(bgp.dir().join("xdg/bgp/key").exists());
    run(&[
        ("BGP_DIR", PathBuf::from("relative/dir")),
        ("XDG_STATE_HOME", bgp.dir().join("not")),
    ]);
    assert!(bgp.dir().join("relative/dir/key").exists());
    assert!(!bgp.dir().join("not").exists());
    for made in ["home/.local/state/bgp", "xdg/bgp", "relative/dir"] {
        assert_eq!(mode(&bgp.dir().join(made)), 0o700, "{made}");
    }
}

// D16
#[test]
fn without_any_home_there_is_no_silent_fallback() {
    let bgp = Sandbox::fresh();
    for args in [&["start", "true"][..], &["list"]] {
        let mut command = bgp.command(args);
        command.env_remove("BGP_DIR").env_remove("HOME");
        finish(&mut command).failed(2).stderr_has("BGP_DIR");
        let mut command = bgp.command(args);
        command
            .env_remove("BGP_DIR")
            .env_remove("HOME")
            .env("XDG_STATE_HOME", "relative");
        finish(&mut command).failed(2);
        let mut command = bgp.command(args);
        finish(command.env("BGP_DIR", "").env_remove("HOME")).failed(2);
    }
    assert_eq!(file_names(&bgp.dir().join("tmp")), Vec::<String>::new());
}

// D16
#[test]
fn a_place_that_cannot_be_written_is_named() {
    let bgp = Sandbox::fresh();
    for (place, named) in [
        ("/dev/null/bgp", "'/dev/null"),
        ("/proc/bgp", "'/proc/bgp'"),
        ("/sys/bgp", "'/sys/bgp'"),
    ] {
        let outcome = finish(bgp.command(["start", "true"]).env("BGP_DIR", place));
        assert!(!outcome.status.success(), "{}", outcome.describe());
        outcome.stdout("").stderr_has(named);
    }
    if proc::pass_over(!proc::may_unshare(), proc::NO_NAMESPACES) {
        return;
    }
    let line = "mkdir ro; mount -t tmpfs -o ro tmpfs ro || exit 99; BGP_DIR=ro/bgp exec \"$BGP\" start true";
    let outcome = finish(bgp.foreign("unshare").args(["-m", "/bin/sh", "-c", line]));
    if proc::pass_over(outcome.status.code() == Some(99), "no mounts here") {
        return;
    }
    outcome.failed(15).stderr_has("ro/bgp");
    // A directory without room: three pages of it.
    let line = "mkdir tiny && mount -t tmpfs -o size=12k,mode=700 tmpfs tiny && mkdir -m 700 tiny/bgp && \
        head -c 12k /dev/zero > tiny/full; BGP_DIR=tiny/bgp; export BGP_DIR; \"$BGP\" start sleep 60.15; code=$?; \
        ls -A tiny/bgp/logs tiny/bgp/run 2>/dev/null | grep enc >&2; exit $code";
    let outcome = finish(bgp.foreign("unshare").args(["-m", "/bin/sh", "-c", line])).failed(15);
    assert!(
        !outcome.errors().contains(".enc\n"),
        "{}",
        outcome.describe()
    );
    assert_eq!(bgp.living_with_argument("60.15"), Vec::<i32>::new());
}

// D3: the state has outgrown the limit, a log has not
#[test]
fn a_state_that_cannot_be_saved_is_15_and_the_old_one_stays() {
    let bgp = Sandbox::new();
    let long = "x".repeat(3000);
    for n in 0..12 {
        bgp.start(&format!("n{n}"), ["true", &long]);
    }
    // An end that is put into the state later would change it for another reason.
    bgp.wait_until("all ends are in the state", || {
        bgp.list();
        let mut left = fs::read_dir(bgp.state().join("run")).unwrap();
        left.next().is_none().then_some(())
    });
    let before = bgp.list().len();
    let state = fs::read(bgp.state().join("processes.json.enc")).unwrap();
    let blocks = state.len() / 512;
    let mut refused = 0;
    for limit in [0, 1, blocks / 4, blocks / 2, blocks] {
        let line = format!("ulimit -f {limit}; exec \"$BGP\" start --name extra sleep 60.3");
        let outcome = bgp.sh(&line);
        if outcome.status.success() {
            bgp.run(["stop", "extra"]).code(0);
            panic!(
                "a state of {} bytes fits {limit} blocks of 512\n{}",
                state.len(),
                outcome.describe()
            );
        }
        outcome.failed(15);
        refused += 1;
        assert_eq!(bgp.list().len(), before, "limit {limit}");
    }
    assert_eq!(refused, 5);
    bgp.wait_until("what was not listed does not run", || {
        bgp.living().is_empty().then_some(())
    });
    assert_eq!(
        fs::read(bgp.state().join("processes.json.enc"))
            .unwrap()
            .len(),
        state.len()
    );
    bgp.run(["verify"]).code(0);
}

// D13
#[test]
fn an_unsafe_directory_is_14_for_every_command() {
    let bgp = sandbox();
    let all = [
        &["list"][..],
        &["start", "true"],
        &["status", "work"],
        &["output", "work"],
        &["stop", "--all"],
        &["wait", "work"],
        &["clear"],
        &["verify"],
    ];
    for bad in [0o750, 0o705, 0o770, 0o777, 0o701, 0o1777] {
        set_mode(&bgp.state(), bad);
        for args in all {
            bgp.run(args.iter().copied()).failed(14);
        }
    }
    set_mode(&bgp.state(), 0o700);
    for below in ["logs", "run"] {
        set_mode(&bgp.state().join(below), 0o755);
        bgp.run(["start", "true"]).failed(14);
        set_mode(&bgp.state().join(below), 0o700);
    }
    let link = bgp.dir().join("link");
    symlink(bgp.state(), &link).unwrap();
    for args in all {
        finish(bgp.command(args).env("BGP_DIR", &link)).failed(14);
    }
    fs::write(bgp.dir().join("file"), "").unwrap();
    finish(bgp.command(["list"]).env("BGP_DIR", bgp.dir().join("file"))).code_in(&[1, 14]);
    bgp.run(["output", "work"]).code(0).stdout("hello\n");
}

// B15 D13
#[test]
fn the_directory_of_another_owner_is_14() {
    let bgp = sandbox();
    if proc::pass_over(!proc::is_root(), "only root can give a directory away") {
        return;
    }
    for name in ["", "key", "processes.json.enc", "logs"] {
        let path = bgp.state().join(name);
        std::os::unix::fs::chown(&path, Some(1), None).unwrap();
        let args: &[&str] = if name == "logs" {
            &["start", "true"]
        } else {
            &["list"]
        };
        bgp.run(args.iter().copied()).failed(14);
        std::os::unix::fs::chown(&path, Some(0), None).unwrap();
    }
    bgp.run(["list"]).code(0);
}

/// Puts something else in the place of a file, runs `check`, and puts the file back.
fn with_planted(bgp: &Sandbox, path: &Path, mut check: impl FnMut(&str)) {
    let away = bgp.dir().join("away");
    for kind in [
        "symlink",
        "fifo",
        "hard link",
        "directory",
        "socket",
        "readable by others",
    ] {
        let there = fs::rename(path, &away).is_ok();
        match kind {
            "symlink" => symlink(&away, path).unwrap(),
            "fifo" => nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
            "hard link" => {
                if !there {
                    fs::write(&away, "").unwrap();
                }
                fs::hard_link(&away, path).unwrap();
            }
            "directory" => fs::create_dir(path).unwrap(),
            "socket" => drop(crate::harness::listen(path)),
            _ => {
                fs::write(path, fs::read(&away).unwrap_or_default()).unwrap();
                set_mode(path, 0o644);
            }
        }
        check(kind);
        if kind == "directory" {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
        if there {
            fs::rename(&away, path).unwrap();
        } else {
            let _ = fs::remove_file(&away);
        }
    }
}

// D14
#[test]
fn whatever_is_planted_in_the_place_of_a_file_is_refused_and_never_waited_for() {
    let bgp = sandbox();
    let refused = |what: &str, outcome: Outcome| {
        assert_eq!(
            outcome.status.code(),
            Some(14),
            "{what}\n{}",
            outcome.describe()
        );
    };
    for name in ["processes.json.enc", "key"] {
        with_planted(&bgp, &bgp.state().join(name), |kind| {
            refused(&format!("{kind} as {name}"), bgp.run(["list"]));
            refused(&format!("{kind} as {name}"), bgp.run(["start", "true"]));
        });
    }
    with_planted(&bgp, &bgp.state().join("processes.lock"), |kind| {
        refused(&format!("{kind} as the lock"), bgp.run(["start", "true"]));
    });
    let id = bgp.status("work")["id"].as_str().unwrap().to_owned();
    with_planted(&bgp, &bgp.log(&id), |kind| {
        refused(&format!("{kind} as a log"), bgp.run(["output", "work"]));
    });
    bgp.run(["output", "work"]).code(0).stdout("hello\n");
    assert_eq!(bgp.list().len(), 1);
}

// D14: the lease and the socket of a live process
#[test]
fn whatever_is_planted_beside_a_live_process_hangs_nobody() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    for name in [
        format!("run/{}.lease", web.id),
        format!("run/{}.sock", web.id),
    ] {
        with_planted(&bgp, &bgp.state().join(&name), |kind| {
            // Any answer will do that comes and is no panic; a lie about the process is not looked for here.
            bgp.run(["list"]);
            bgp.run(["status", "web"]);
            if kind != "readable by others" {
                bgp.run(["clear", "web"]);
            }
            assert!(proc::alive(web.pid), "{kind} as {name}");
        });
    }
    bgp.run(["stop", "web"]).code(0);
    assert!(!proc::alive(web.pid));
}

// D15
#[test]
fn files_are_0600_and_directories_0700_whatever_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let bgp = Sandbox::fresh();
        let run = |line: &str| {
            let outcome = bgp.sh(&format!("umask {umask}; exec \"$BGP\" {line}"));
            outcome.code(0)
        };
        for line in [
            "start --name ended sh -c 'umask; echo hello'",
            "start --name live sleep 60",
            "wait ended",
            "list",
            "output ended",
            "start --name more true",
            "wait more",
        ] {
            run(line);
        }
        // A supervisor that ends takes files away, which must not happen while they are looked at.
        for name in ["ended", "more"] {
            let status = run(&format!("status --json {name}")).json();
            bgp.wait_for_supervisor_end(status["process"]["id"].as_str().unwrap());
        }
        assert_eq!(bgp.output("ended"), format!("0{umask}\nhello\n"));
        let mut seen = 0;
        for path in files_below(&bgp.state()) {
            assert_eq!(mode(&path), 0o600, "{} under {umask}", path.display());
            seen += 1;
        }
        assert!(seen > 5, "{seen} files");
        for dir in ["", "logs", "run"] {
            assert_eq!(mode(&bgp.state().join(dir)), 0o700, "{dir} under {umask}");
        }
    }
}

// D11: a command that is stopped while it holds the lock
#[test]
fn a_lock_that_is_held_for_long_is_11_with_the_holder_and_reading_goes_on() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = sandbox();
    let mut command = bgp.command(["start", "--name", "stuck", "sleep", "60"]);
    let stuck = Running::begin(command.env("BGP_PAUSE_AT", "start-launched"));
    bgp.wait_until("it is stopped with the lock in its hands", || {
        (proc::stat(stuck.pid())?.state == 'T').then_some(())
    });
    let start = Running::begin(&mut bgp.command(["start", "--name", "late", "true"]));
    bgp.run(["list"]).code(0).stdout_has("work");
    bgp.run(["status", "work"]).code(0);
    bgp.run(["output", "work"]).code(0).stdout("hello\n");
    start
        .finish()
        .failed(11)
        .stderr_has(&stuck.pid().to_string());
    assert_eq!(bgp.list().len(), 1);
    proc::kill(stuck.pid(), Signal::SIGCONT);
    stuck.finish().code(0);
    bgp.run(["start", "--name", "late", "true"]).code(0);
    assert_eq!(bgp.list().len(), 3);
}

// D11: not for long
#[test]
fn a_lock_that_is_held_for_a_moment_is_waited_for() {
    let bgp = sandbox();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(bgp.state().join("processes.lock"))
        .unwrap();
    let held = Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap();
    let start = Running::begin(&mut bgp.command(["start", "--name", "late", "true"]));
    // The log is made before the lock is taken: it is there or all but there.
    bgp.wait_until("it has made its log", || {
        (file_names(&bgp.state().join("logs")).len() == 2).then_some(())
    });
    drop(held);
    start.finish().code(0);
}

// D17
#[test]
fn a_deep_directory_is_no_matter() {
    let bgp = Sandbox::fresh();
    let deep = bgp.dir().join("d".repeat(200)).join("state");
    let run = |args: &[&str]| finish(bgp.command(args).env("BGP_DIR", &deep));
    run(&["start", "--name", "deep", "sleep", "60"]).code(0);
    run(&["status", "deep"]).code(0);
    run(&["stop", "deep"]).code(0);
    run(&["list"]).code(0).stdout_has("killed");
}
