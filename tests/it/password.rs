//! Where the password comes from, and where it must not go.
//!
//! | rows | here |
//! |---|---|
//! | E1 E2 E3 E8 E9 E10 | the sources, and what is wrong with them |
//! | E4 E5 E6 H7 | a wrong one changes nothing |
//! | E12 E13 E14 E16 | it is in no file, argument, environment, core or message |
//! | E17 | a hundred who derive a key at once |
//! | E18 H8 | the key cache |
//! | E11 | the command's environment: in `start.rs` |
//!
//! E14 E16: more of that in `security.rs`. Every invocation of these tests is looked at for the password
//! (`invocation::sane`).

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{DEADLINE, PASSWORD, Sandbox, file_names, files_below, keyring, set_mode};
use crate::invocation::{Outcome, Running, finish};
use crate::proc;

/// A sandbox with an ended process, whose supervisor writes no more either.
fn sandbox() -> Sandbox {
    let bgp = Sandbox::new();
    let work = bgp.start("work", ["true"]);
    bgp.run(["wait", "work"]).code(0);
    bgp.wait_for_supervisor_end(&work.id);
    bgp
}

fn without_password(bgp: &Sandbox, args: &[&str]) -> Command {
    let mut command = bgp.command(args);
    command.env_remove("BG_PASSWORD");
    command
}

/// `list` with one password source.
#[track_caller]
fn list_with(bgp: &Sandbox, name: &str, value: &str) -> Outcome {
    finish(without_password(bgp, &["list"]).env(name, value))
}

/// Writes a password file of mode 0600.
fn password_file(bgp: &Sandbox, content: &[u8]) -> String {
    let path = bgp.dir().join("password");
    let _ = fs::remove_file(&path);
    fs::write(&path, content).unwrap();
    set_mode(&path, 0o600);
    path.to_str().unwrap().to_owned()
}

// E1
#[test]
fn without_a_password_nothing_is_done_and_nobody_is_asked() {
    let bgp = sandbox();
    for args in [
        &["list"][..],
        &["start", "true"],
        &["status", "work"],
        &["output", "work"],
        &["stop", "--all"],
        &["wait", "work"],
        &["clear"],
        &["verify"],
    ] {
        finish(&mut without_password(&bgp, args))
            .failed(10)
            .stderr_has("BG_PASSWORD")
            .stderr_has("BG_PASSWORD_FILE")
            .stderr_has("BG_PASSWORD_COMMAND");
    }
    assert_eq!(bgp.list().len(), 1);
    let fresh = Sandbox::fresh();
    finish(&mut without_password(&fresh, &["start", "true"])).failed(10);
    assert!(!fresh.state().exists());
}

// E2
#[test]
fn two_sources_are_a_usage_error_that_names_both() {
    let bgp = sandbox();
    let file = password_file(&bgp, PASSWORD.as_bytes());
    let mut both = bgp.command(["list"]);
    finish(both.env("BG_PASSWORD_FILE", &file))
        .failed(2)
        .stderr_has("BG_PASSWORD_FILE")
        .stderr_has("BG_PASSWORD ");
    let mut both = without_password(&bgp, &["list"]);
    finish(
        both.env("BG_PASSWORD_FILE", &file)
            .env("BG_PASSWORD_COMMAND", "echo x"),
    )
    .failed(2)
    .stderr_has("BG_PASSWORD_FILE")
    .stderr_has("BG_PASSWORD_COMMAND");
}

// E3
#[test]
fn an_empty_password_is_10() {
    let bgp = sandbox();
    list_with(&bgp, "BG_PASSWORD", "").failed(10);
    for content in [&b""[..], b"\n"] {
        list_with(&bgp, "BG_PASSWORD_FILE", &password_file(&bgp, content)).failed(10);
    }
    for command in ["true", "echo", "printf ''"] {
        list_with(&bgp, "BG_PASSWORD_COMMAND", command).failed(10);
    }
}

// E3
#[test]
fn one_newline_at_the_end_is_no_part_of_the_password_and_nothing_else_is_stripped() {
    let bgp = sandbox();
    let with = |content: &str| {
        let file = password_file(&bgp, content.as_bytes());
        list_with(&bgp, "BG_PASSWORD_FILE", &file)
    };
    with(PASSWORD).code(0);
    with(&format!("{PASSWORD}\n")).code(0);
    with(&format!("{PASSWORD}\n\n")).code(12);
    with(&format!(" {PASSWORD}")).code(12);
    with(&format!("{PASSWORD} ")).code(12);
    with(&PASSWORD.replace(' ', "")).code(12);
    with(&format!("\u{feff}{PASSWORD}"))
        .failed(10)
        .stderr_has("the password begins with a byte order mark");
    list_with(&bgp, "BG_PASSWORD_COMMAND", &format!("echo '{PASSWORD}'")).code(0);
    list_with(
        &bgp,
        "BG_PASSWORD_COMMAND",
        &format!("printf %s '{PASSWORD}'"),
    )
    .code(0);
}

// E4 E6
#[test]
fn a_wrong_password_is_12_and_changes_nothing() {
    let bgp = sandbox();
    bgp.start("live", ["sleep", "60"]);
    let before = snapshot(&bgp.state());
    for args in [
        &["list"][..],
        &["start", "sleep", "61"],
        &["status", "work"],
        &["output", "work"],
        &["stop", "--all"],
        &["wait", "work"],
        &["clear"],
        &["verify"],
    ] {
        let mut command = bgp.command(args);
        finish(command.env("BG_PASSWORD", "correct hoarse")).failed(12);
    }
    assert_eq!(snapshot(&bgp.state()), before);
    assert_eq!(bgp.status("live")["status"], "running");
    assert_eq!(bgp.list().len(), 2);
}

/// Every file below a directory with its content; the status of a live process is not looked at.
fn snapshot(dir: &Path) -> Vec<(String, Vec<u8>)> {
    files_below(dir)
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| {
            (
                path.to_string_lossy().into_owned(),
                fs::read(&path).unwrap(),
            )
        })
        .collect()
}

// H7
#[test]
fn a_mistyped_password_in_a_fresh_directory_makes_no_key() {
    let bgp = Sandbox::fresh();
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["stop", "--all"],
        &["clear"],
        &["verify"],
        &["status", "x"],
    ] {
        finish(bgp.command(args).env("BG_PASSWORD", "tpyo"));
        assert!(!bgp.state().exists(), "{args:?}");
    }
    let bgp = Sandbox::new();
    let before = snapshot(&bgp.state());
    finish(bgp.command(["list"]).env("BG_PASSWORD", "tpyo")).code_in(&[0, 12]);
    assert_eq!(snapshot(&bgp.state()), before);
}

#[test]
fn the_first_start_makes_a_key_of_600000_iterations() {
    let bgp = Sandbox::fresh();
    bgp.run(["start", "--name", "first", "true"]).code(0);
    let key: serde_json::Value =
        serde_json::from_slice(&fs::read(bgp.state().join("key")).unwrap()).unwrap();
    assert_eq!(
        (&key["iterations"], &key["version"]),
        (&600_000.into(), &1.into())
    );
    assert_eq!(key["kdf"], "PBKDF2-HMAC-SHA256");
    bgp.run(["wait", "first"]).code(0);
    finish(bgp.command(["list"]).env("BG_PASSWORD", "another")).failed(12);
}

// E8
#[test]
fn a_password_file_that_others_can_read_is_refused_with_a_hint() {
    let bgp = sandbox();
    let file = password_file(&bgp, PASSWORD.as_bytes());
    for mode in [0o644, 0o640, 0o604, 0o660, 0o601] {
        set_mode(Path::new(&file), mode);
        list_with(&bgp, "BG_PASSWORD_FILE", &file)
            .failed(14)
            .stderr_has("BG_PASSWORD_COMMAND");
    }
    set_mode(Path::new(&file), 0o400);
    list_with(&bgp, "BG_PASSWORD_FILE", &file).code(0);
}

// E8
#[test]
fn a_password_file_may_be_a_pipe_and_not_endless_or_missing() {
    let bgp = sandbox();
    let line = format!(
        "mkfifo -m 600 pipe && {{ printf '{PASSWORD}\\n' > pipe & }} && BG_PASSWORD= && unset BG_PASSWORD && \
         BG_PASSWORD_FILE=pipe \"$BGP\" list"
    );
    bgp.sh(&line).code(0).stdout_has("work");
    list_with(&bgp, "BG_PASSWORD_FILE", "/no/such/file")
        .code_in(&[2, 10])
        .stderr_has("/no/such/file");
    list_with(&bgp, "BG_PASSWORD_FILE", "").code_in(&[2, 10]);
    let dir = bgp.dir().join("home");
    set_mode(&dir, 0o700);
    let outcome = list_with(&bgp, "BG_PASSWORD_FILE", dir.to_str().unwrap());
    assert!(!outcome.status.success(), "{}", outcome.describe());
    let outcome = list_with(&bgp, "BG_PASSWORD_FILE", "/dev/zero");
    assert!(!outcome.status.success(), "{}", outcome.describe());
}

// E9
#[test]
fn a_password_command_that_fails_is_told() {
    let bgp = sandbox();
    list_with(
        &bgp,
        "BG_PASSWORD_COMMAND",
        "echo 'from the keyring' >&2; exit 3",
    )
    .failed_with(10)
    .stderr_has("from the keyring\n")
    .stderr_has("3");
    list_with(
        &bgp,
        "BG_PASSWORD_COMMAND",
        &format!("echo '{PASSWORD}'; exit 1"),
    )
    .failed_with(10);
    list_with(&bgp, "BG_PASSWORD_COMMAND", "no-such-command-anywhere").failed_with(10);
    list_with(&bgp, "BG_PASSWORD_COMMAND", "kill -KILL $$").failed_with(10);
    // It does not get what it is there to give.
    list_with(
        &bgp,
        "BG_PASSWORD_COMMAND",
        &format!("env | grep -q BG_PASSWORD || echo '{PASSWORD}'"),
    )
    .code(0);
}

impl Outcome {
    /// It failed with a message and a hint; a command may have written before them.
    #[track_caller]
    fn failed_with(self, code: i32) -> Self {
        self.code(code)
            .stdout("")
            .stderr_has("bgp: ")
            .stderr_has("bgp: hint: ")
    }
}

// E9
#[test]
fn a_password_command_that_hangs_is_given_up() {
    let bgp = sandbox();
    let mut command = without_password(&bgp, &["list"]);
    command.env("BG_PASSWORD_COMMAND", "exec sleep 600.7731");
    Running::begin(&mut command)
        .finish_within(DEADLINE * 3)
        .failed_with(10);
    bgp.wait_until("the command is ended", || {
        bgp.living_with_argument("600.7731")
            .is_empty()
            .then_some(())
    });
}

// E10
#[test]
fn a_password_is_bytes_and_none_of_them_is_dropped() {
    let bgp = Sandbox::fresh();
    let secret: Vec<u8> = (1..=255_u8)
        .filter(|byte| *byte != b'\n')
        .cycle()
        .take(60_000)
        .collect();
    let file = password_file(&bgp, &secret);
    let run = |args: &[&str]| finish(without_password(&bgp, args).env("BG_PASSWORD_FILE", &file));
    run(&["start", "--name", "work", "true"]).code(0);
    run(&["list"]).code(0).stdout_has("work");
    run(&["wait", "work"]).code(0);
    for other in [&secret[..secret.len() - 1], &secret[1..]] {
        password_file(&bgp, other);
        run(&["list"]).failed(12);
    }
    // Over the limit it is refused, not cut to what fits.
    password_file(&bgp, &vec![b'x'; 1 << 20]);
    let outcome = run(&["list"]);
    assert!(
        [2, 10].contains(&outcome.status.code().unwrap()),
        "{}",
        outcome.describe()
    );
    // The sandbox's own password opens nothing here; what there was has ended.
    fs::remove_dir_all(bgp.state()).unwrap();
}

// E12 E16: password, output, arguments and environment of the command
#[test]
fn nothing_planted_is_found_in_files_arguments_environments_or_messages() {
    const PLANTED: [&str; 4] = [
        PASSWORD,
        "PLANTED-output-7731",
        "PLANTED-argument-7731",
        "PLANTED-value-7731",
    ];
    let bgp = Sandbox::new();
    let mut start = bgp.command([
        "start",
        "--json",
        "--name",
        "leak",
        "-e",
        "SECRET=PLANTED-value-7731",
    ]);
    let line =
        "printf 'PLANTED-%s\\n' output-7731; printf 'PLANTED-%s\\n' output-7731 >&2; sleep 60";
    start.args(["sh", "-c", line, "PLANTED-argument-7731"]);
    let leak =
        crate::harness::Proc::from_json(&finish(&mut start).code(0).stderr("").json()["process"]);
    bgp.wait_until("it has written", || {
        (bgp.output("leak").matches("PLANTED-output-7731").count() == 2).then_some(())
    });
    let supervisor = leak.supervisor();
    let look = |when: &str| {
        for path in files_below(&bgp.state())
            .iter()
            .filter(|path| path.is_file())
        {
            let bytes = fs::read(path).unwrap();
            for planted in PLANTED {
                assert!(
                    !contains(&bytes, planted),
                    "{when}: {planted} in {}",
                    path.display()
                );
            }
        }
    };
    look("while it runs");
    let cmdline = proc::cmdline(supervisor);
    assert!(
        PLANTED.iter().all(|planted| !contains(&cmdline, planted)),
        "{cmdline:?}"
    );
    let environ = fs::read(format!("/proc/{supervisor}/environ"));
    // Root without that capability is told nothing, by some kernels with success.
    if proc::may_inspect() || (proc::is_root() && environ.is_ok()) {
        assert_eq!(environ.unwrap(), b"", "a supervisor has an environment");
    } else {
        environ.expect_err("PR_SET_DUMPABLE 0 closes /proc/PID/environ");
        proc::pass_over(true, proc::NO_LOOK_INSIDE);
    }
    let command = fs::read(format!("/proc/{}/environ", leak.pid)).unwrap();
    assert!(!contains(&command, PASSWORD));
    for args in [
        &["status", "leak"][..],
        &["list"],
        &["verify"],
        &["stop", "leak"],
        &["status", "leak"],
    ] {
        let outcome = bgp.run(args.iter().copied()).code(0);
        for planted in [PASSWORD, "PLANTED-value-7731"] {
            assert!(
                !outcome.text().contains(planted) && !outcome.errors().contains(planted),
                "{args:?}"
            );
        }
    }
    look("after its end");
    bgp.wait_for_supervisor_end(&leak.id);
    bgp.run(["list"]).code(0);
    look("after it was folded in");
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

// E13
#[test]
fn no_call_of_a_start_carries_the_password() {
    let bgp = Sandbox::new();
    let trace = bgp.dir().join("trace");
    let mut strace = bgp.foreign("strace");
    strace.args([
        "-f",
        "-s",
        "4096",
        "-e",
        "trace=execve,write,writev,pwrite64,sendto,sendmsg,openat,memfd_create",
        "-o",
    ]);
    strace
        .arg(&trace)
        .arg(crate::harness::bin())
        .args(["start", "--name", "traced", "true"]);
    let traced = strace.output().is_ok_and(|output| output.status.success());
    if proc::pass_over(!traced, "there is no strace that may trace") {
        return;
    }
    bgp.run(["wait", "traced"]).code(0);
    let text = fs::read_to_string(&trace).unwrap();
    assert!(text.contains("execve("), "{text}");
    assert!(!text.contains(PASSWORD), "{text}");
    // What is written to files is sealed or public: the command's name is neither.
    let hidden = |line: &&str| line.contains("memfd_create") || line.contains("O_TMPFILE");
    assert_eq!(text.lines().find(hidden), None, "a hidden file");
}

// E14
#[test]
fn a_supervisor_leaves_no_core_and_the_command_keeps_the_callers_limit() {
    let bgp = Sandbox::new();
    bgp.sh("exec \"$BGP\" start --name web sh -c 'ulimit -c; exec sleep 60'")
        .code(0);
    let pid = i32::try_from(bgp.status("web")["pid"].as_i64().unwrap()).unwrap();
    let core = |pid: i32| -> String {
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        limits
            .lines()
            .find(|line| line.starts_with("Max core file size"))
            .unwrap()
            .to_owned()
    };
    let mine = core(i32::try_from(std::process::id()).unwrap());
    assert_eq!(core(pid), mine, "the command's own limit");
    // The hard limit stays, so that the command can be given it.
    let theirs = core(proc::parent(pid));
    assert_eq!(theirs.split_whitespace().nth(4), Some("0"), "{theirs}");
}

// E17: 8 MiB of data each are less than a gibibyte together
#[test]
fn a_hundred_who_derive_a_key_at_once_take_little_memory() {
    let bgp = sandbox();
    let lists: Vec<Running> = (0..100)
        .map(|_| {
            let mut list = bgp.foreign("/bin/sh");
            Running::begin(list.args(["-c", "ulimit -d 8192; exec \"$BGP\" list"]))
        })
        .collect();
    for list in lists {
        list.finish_within(DEADLINE * 3).code(0).stdout_has("work");
    }
}

/// A sandbox with a key of its own, so that what is cached for it is nobody else's; and its store's id.
fn sandbox_with_its_own_key() -> (Sandbox, String) {
    let bgp = Sandbox::fresh();
    bgp.run(["start", "--name", "work", "true"]).code(0);
    bgp.run(["wait", "work"]).code(0);
    let key: serde_json::Value =
        serde_json::from_slice(&fs::read(bgp.state().join("key")).unwrap()).unwrap();
    let store = key["store"].as_str().unwrap().to_owned();
    (bgp, store)
}

/// Whether the kernel keeps a key for `store`; one that was invalidated (flag `i`) is gone at its leisure.
fn is_cached(store: &str) -> bool {
    let keys = fs::read_to_string("/proc/keys").unwrap_or_default();
    keys.lines().any(|line| {
        let flags = line.split_whitespace().nth(1).unwrap_or_default();
        line.contains(store) && !flags.ends_with('i')
    })
}

// E18
#[test]
fn with_the_cache_a_wrong_password_is_still_wrong_and_lock_forgets() {
    let _keyring = keyring();
    let (bgp, store) = sandbox_with_its_own_key();
    let run = |args: &[&str], password: &str| {
        finish(
            bgp.command(args)
                .env_remove("BGP_KEY_CACHE")
                .env("BG_PASSWORD", password),
        )
    };
    let cached = || is_cached(&store);
    run(&["list"], PASSWORD)
        .code(0)
        .stderr("")
        .stdout_has("work");
    proc::pass_over(!cached(), "the kernel keeps no key for this user");
    for _ in 0..3 {
        run(&["list"], PASSWORD)
            .code(0)
            .stderr("")
            .stdout_has("work");
        run(&["list"], "wrong").failed(12);
    }
    run(&["lock"], PASSWORD).code(0).stderr("");
    assert!(!cached(), "lock did not forget");
    run(&["list"], "wrong").failed(12);
    assert!(!cached(), "a wrong password was cached");
    run(&["list"], PASSWORD).code(0).stderr("");
    // Whoever forgets need not know what.
    finish(bgp.command(["lock"]).env_remove("BG_PASSWORD")).code(0);
    assert!(!cached(), "lock did not forget");
    assert_eq!(file_names(&bgp.state()).len(), snapshot_names(&bgp).len());
}

// E18
#[test]
fn without_the_cache_nothing_is_cached() {
    let (bgp, store) = sandbox_with_its_own_key();
    bgp.run(["list"]).code(0);
    assert!(!is_cached(&store));
}

/// What may lie in a state directory.
fn snapshot_names(bgp: &Sandbox) -> Vec<String> {
    let known = [
        "key",
        "logs",
        "processes.json.enc",
        "processes.lock",
        "readers",
        "run",
    ];
    file_names(&bgp.state())
        .into_iter()
        .filter(|name| known.contains(&name.as_str()))
        .collect()
}

// H8
#[test]
fn a_full_key_cache_is_no_reason_to_say_anything() {
    let _keyring = keyring();
    let (bgp, store) = sandbox_with_its_own_key();
    let refused = proc::is_root() || !cfg!(target_arch = "x86_64");
    if proc::pass_over(
        refused,
        "only an ordinary user's keyring can be filled (x86_64)",
    ) {
        return;
    }
    // add_key(2) is call 248, KEYCTL_INVALIDATE is 21 of keyctl(2), call 250; the user keyring is -4.
    let line = "my @keys; for my $n (1 .. 4000) { \
          my ($t, $d, $p) = ('user', qq(bgp-test-fill-$$-$n), 'x' x 64); \
          my $k = syscall(248, $t, $d, $p, 64, -4); last if $k < 0; push @keys, $k } \
        print qq(filled with ), scalar(@keys), qq(\\n); \
        system($ENV{BGP}, 'list'); my $code = $? >> 8; syscall(250, 21, $_) for @keys; exit $code";
    let mut perl = bgp.foreign("perl");
    let filled = finish(perl.args(["-e", line]).env_remove("BGP_KEY_CACHE"));
    let filled = filled.code(0).stderr("").stdout_has("work");
    let none = filled.text().starts_with("filled with 0\n");
    proc::pass_over(none, "the kernel keeps no key for this user");
    assert!(!is_cached(&store), "there was room");
}
