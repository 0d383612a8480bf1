//! What a crash at any moment may leave, and what not.
//!
//! | rows | here |
//! |---|---|
//! | B12 B13 | the supervisor is killed, or all is |
//! | C1 | a log that ends in the middle of a record |
//! | D1 D2 F3 F4 | the command line is killed or interrupted, at any call or at any time |
//! | D19 | the state directory was copied while a process ran |
//!
//! With `strace` a command is killed at each of its system calls, one after the other; without, only at
//! random times. `BGP_CRASH_ROUNDS` (20) says how often.

use std::fs;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{Sandbox, copy_program, file_names, files_below, numbered, script, set_mode};
use crate::invocation::{Running, finish};
use crate::proc;
use crate::raw;

/// A user who is not root, and nobody in particular.
const USER: u32 = 65_431;

fn rounds() -> usize {
    std::env::var("BGP_CRASH_ROUNDS").map_or(20, |text| text.parse().unwrap())
}

/// What must hold whatever was killed: the state can be read, what is not listed does not run, and the
/// next command can do its work.
#[track_caller]
pub(crate) fn assert_sound(bgp: &Sandbox) {
    let listed: Vec<i32> = bgp
        .list()
        .iter()
        .filter_map(|process| i32::try_from(process["pid"].as_i64()?).ok())
        .collect();
    bgp.wait_until("nothing runs that is not listed", || {
        let living = bgp.living();
        let unlisted = |pid: &i32| !listed.contains(pid) && !supervises_one_of(*pid, &listed);
        (!living.iter().any(unlisted)).then_some(())
    });
}

fn supervises_one_of(pid: i32, leaders: &[i32]) -> bool {
    leaders
        .iter()
        .any(|leader| proc::stat(*leader).is_some_and(|stat| stat.parent == pid))
}

/// No file is left over once a command has written again and everything is cleared.
#[track_caller]
pub(crate) fn assert_no_files_are_left(bgp: &Sandbox) {
    bgp.run(["stop", "--all", "--force"]).code_in(&[0, 5]);
    bgp.run(["start", "--name", "last", "true"]).code(0);
    bgp.run(["wait", "last"]).code(0);
    bgp.wait_until("all is cleared", || {
        bgp.run(["clear"]).code(0);
        bgp.list().is_empty().then_some(())
    });
    for name in file_names(&bgp.state()) {
        let known = [
            "key",
            "logs",
            "processes.json.enc",
            "processes.lock",
            "readers",
            "run",
        ];
        assert!(known.contains(&name.as_str()), "{name} was left over");
    }
    for dir in ["logs", "run"] {
        assert_eq!(
            file_names(&bgp.state().join(dir)),
            Vec::<String>::new(),
            "in {dir}"
        );
    }
}

// B12
#[test]
fn a_killed_supervisor_takes_its_leader_along_and_is_lost() {
    let bgp = Sandbox::new();
    let perl_ignores =
        "$SIG{PIPE} = $SIG{HUP} = $SIG{TERM} = 'IGNORE'; print qq(ready\\n); sleep 60";
    let cases: [(&str, Vec<&str>); 6] = [
        (
            "shell",
            vec!["sh", "-c", "while :; do echo x; sleep 0.01; done"],
        ),
        ("silent", vec!["sleep", "60"]),
        ("reader", vec!["cat"]),
        ("perl", vec!["perl", "-e", perl_ignores]),
        (
            "python",
            vec!["python3", "-c", "import time; time.sleep(60)"],
        ),
        ("node", vec!["node", "-e", "setTimeout(() => {}, 60000)"]),
    ];
    for (name, command) in cases {
        let there = bgp
            .foreign("/bin/sh")
            .args(["-c", &format!("{} </dev/null --version", command[0])])
            .output();
        if ["python", "node"].contains(&name)
            && proc::pass_over(
                !there.unwrap().status.success(),
                &format!("there is no {name}"),
            )
        {
            continue;
        }
        let process = bgp.start(name, command);
        proc::kill(process.supervisor(), Signal::SIGKILL);
        bgp.wait_until(&format!("the leader of {name} is gone"), || {
            (!proc::alive(process.pid)).then_some(())
        });
        let status = bgp.status(name);
        assert_eq!(
            (&status["status"], &status["reason"]),
            (&"lost".into(), &"supervisor-killed".into())
        );
        assert!(
            status["exitCode"].is_null() && status["success"] != true,
            "{status}"
        );
        bgp.run(["output", name]).code(0);
        bgp.run(["wait", name]).code(1);
        bgp.run(["clear", name]).code(0);
    }
    assert!(bgp.list().is_empty());
}

// B12
#[test]
fn what_a_killed_supervisor_left_is_ended_by_stop() {
    let bgp = Sandbox::new();
    for (name, helper) in [
        ("group", "stubborn-member.sh"),
        ("session", "setsid-grandchild.sh"),
    ] {
        let tree = bgp.start_with(&["--name", name, "--grace", "200ms"], [script(helper)]);
        let pids = bgp.ready(&tree);
        let bystander = bgp.start("bystander", ["sleep", "60"]);
        proc::kill(tree.supervisor(), Signal::SIGKILL);
        bgp.wait_status(name, "lost");
        assert!(proc::alive(pids[1]), "the grandchild lives on");
        bgp.run(["stop", name]).code(0);
        for pid in pids {
            bgp.wait_until("the grandchild is gone", || {
                (!proc::alive(pid)).then_some(())
            });
        }
        assert!(proc::alive(bystander.pid));
        assert_eq!(bgp.status(name)["status"], "lost");
        bgp.run(["stop", name]).failed(5);
        bgp.run(["stop", "bystander"]).code(0);
        bgp.run(["clear"]).code(0);
    }
}

// B12
#[test]
fn the_hint_of_a_lost_process_means_that_one() {
    let bgp = Sandbox::new();
    let lost = bgp.start("web", [script("setsid-grandchild.sh")]);
    let pids = bgp.ready(&lost);
    proc::kill(lost.supervisor(), Signal::SIGKILL);
    bgp.wait_status("web", "lost");
    let live = bgp.start("web", ["sleep", "60"]);
    let hint = bgp.status(&lost.id)["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains(&format!("'bgp stop {}'", lost.id)), "{hint}");
    bgp.run(["send", &lost.id, "x"])
        .failed(5)
        .stderr_has(&format!(
            "'bgp stop {0}' ends what it may have left",
            lost.id
        ));
    bgp.run(["stop", &lost.id]).code(0);
    bgp.wait_until("the grandchild is gone", || {
        (!proc::alive(pids[1])).then_some(())
    });
    assert!(proc::alive(live.pid));
}

// B12
#[test]
fn what_several_left_has_its_grace_at_one_time() {
    let bgp = Sandbox::new();
    let begun: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| {
            let deaf = "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo ready $$; sleep 600; sleep 600' & wait";
            let process = bgp.start_with(&["--name", name, "--grace", "3s"], ["sh", "-c", deaf]);
            let pids = bgp.ready(&process);
            proc::kill(process.supervisor(), Signal::SIGKILL);
            bgp.wait_status(name, "lost");
            pids[0]
        })
        .collect();
    let since = Instant::now();
    bgp.run(["stop", "a", "b", "c", "d"]).code(0);
    assert!(
        since.elapsed() < Duration::from_secs(9),
        "{:?}",
        since.elapsed()
    );
    for pid in begun {
        bgp.wait_until("it is gone", || (!proc::alive(pid)).then_some(()));
    }
}

// B12 C1
#[test]
fn what_was_logged_before_the_supervisor_was_killed_can_be_read() {
    let bgp = Sandbox::new();
    let work = bgp.start("work", ["sh", "-c", "seq 1 20000; sleep 60"]);
    bgp.wait_until("all of it is logged", || {
        bgp.output("work").ends_with("\n20000\n").then_some(())
    });
    proc::kill(work.supervisor(), Signal::SIGKILL);
    bgp.wait_status("work", "lost");
    let expected = numbered("", 1..=20_000);
    assert_eq!(bgp.output("work"), expected);
    let verified = bgp.run(["verify", "work"]).code_in(&[0, 13]);
    assert!(
        verified.text().contains("unsealed") || verified.errors().contains("unsealed"),
        "{}",
        verified.describe()
    );
}

// H4: who has seen the end can read all that the leader wrote before it
#[test]
fn what_the_leader_wrote_is_logged_before_its_end() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    // Another one holds the pipe, and what follows the first line closely is still to be gathered.
    let line = "sleep 600 & n=0; while [ $n -lt 40 ]; do echo line $n; n=$((n + 1)); done";
    for name in ["one", "two", "three"] {
        let mut start = bgp.command(["start", "--name", name, "sh", "-c", line]);
        finish(start.env("BGP_CRASH_AT", "exit-published")).code(0);
        let status = bgp.wait_status(name, "exited");
        bgp.wait_for_supervisor_end(status["id"].as_str().unwrap());
        assert_eq!(bgp.output(name), numbered("line ", 0..=39));
    }
    bgp.run(["stop", "--all"]).code_in(&[0, 3]);
}

// C1: cut at every length of the last records, and some of the others
#[test]
fn a_torn_tail_loses_nothing_that_was_complete() {
    let bgp = Sandbox::new();
    let line = "while read n; do echo line $n; done";
    let work = bgp.start("work", ["sh", "-c", line]);
    for n in 1..=5_u32 {
        // What is in the log before the next is written has a record of its own.
        bgp.run(["send", "work", &n.to_string()]).code(0);
        bgp.wait_until("the line is logged", || {
            (bgp.output("work") == numbered("line ", 1..=n)).then_some(())
        });
    }
    proc::kill(work.supervisor(), Signal::SIGKILL);
    bgp.wait_status("work", "lost");
    let whole = fs::read(bgp.log(&work.id)).unwrap();
    let expected = bgp.output("work");
    let records = raw::records(&whole);
    let last = records.last().unwrap().range.start;
    let lengths = (raw::HEADER_BYTES + 1..last)
        .step_by(37)
        .chain(last..whole.len());
    for len in lengths {
        fs::write(bgp.log(&work.id), &whole[..len]).unwrap();
        let outcome = bgp.run(["output", "-n", "0", "work"]).code(0);
        let text = outcome.text();
        assert!(
            expected.starts_with(&text),
            "cut at {len}\n{}",
            outcome.describe()
        );
        let complete = records
            .iter()
            .filter(|record| record.range.end <= len)
            .count();
        let torn = records.iter().all(|record| record.range.end != len);
        assert_eq!(
            outcome.errors().contains("torn"),
            torn,
            "cut at {len}\n{}",
            outcome.describe()
        );
        if complete == records.len() - 1 {
            assert_eq!(text, numbered("line ", 1..=4), "cut at {len}");
        }
    }
    // Zeros to the end of the file are what a power cut leaves.
    let mut zeroed = whole.clone();
    zeroed.extend([0; 5000]);
    fs::write(bgp.log(&work.id), &zeroed).unwrap();
    bgp.run(["output", "-n", "0", "work"])
        .code(0)
        .stdout(&expected);
}

/// Calls that change nothing that anybody else could see.
const PRIVATE_CALLS: [&str; 18] = [
    "execve",
    "brk",
    "mmap",
    "munmap",
    "mprotect",
    "madvise",
    "rt_sigaction",
    "rt_sigprocmask",
    "sigaltstack",
    "getrandom",
    "prlimit64",
    "arch_prctl",
    "set_tid_address",
    "set_robust_list",
    "rseq",
    "pread64",
    "access",
    "sched_getaffinity",
];

/// Kills a command at each of its system calls, one after the other, and then lets it through.
fn killed_at_each_call(
    bgp: &Sandbox,
    args: &[&str],
    mut prepare: impl FnMut(),
    mut check: impl FnMut(&str, bool),
) {
    let trace = bgp.dir().join("trace");
    let mut run = |options: &[String]| {
        prepare();
        let mut strace = bgp.foreign("strace");
        strace.arg("-o").arg(&trace).args(options);
        finish(strace.arg(crate::harness::bin()).args(args))
    };
    run(&[]).code(0);
    let name = regex::Regex::new(r"^([a-z0-9_]+)\(").unwrap();
    let text = fs::read_to_string(&trace).unwrap();
    let calls = text
        .lines()
        .filter_map(|line| Some(name.captures(line)?[1].to_owned()));
    let mut counts = std::collections::BTreeMap::new();
    let mut killed = 0;
    for call in calls {
        let count = counts
            .entry(call.clone())
            .and_modify(|n| *n += 1)
            .or_insert(1_u32);
        if PRIVATE_CALLS.contains(&call.as_str()) {
            continue;
        }
        let options = [
            "-e".to_owned(),
            format!("inject={call}:signal=SIGKILL:when={count}"),
        ];
        let through = run(&options).status.success();
        killed += usize::from(!through);
        check(&format!("{call} number {count}"), through);
    }
    assert!(
        killed > 30,
        "{args:?} was killed {killed} times only\n{text}"
    );
}

fn no_strace(bgp: &Sandbox) -> bool {
    let works = bgp
        .foreign("strace")
        .args([
            "-o",
            "/dev/null",
            "-e",
            "inject=getppid:signal=SIGKILL:when=9",
            "true",
        ])
        .output()
        .is_ok_and(|output| output.status.success());
    proc::pass_over(!works, "there is no strace that may trace")
}

// D1 F4
#[test]
fn a_start_killed_at_any_call_leaves_nothing_unlisted() {
    let bgp = Sandbox::new();
    if no_strace(&bgp) {
        return;
    }
    killed_at_each_call(
        &bgp,
        &["start", "sleep", "600"],
        || (),
        |call, _| {
            let outcome = bgp.run(["list"]);
            assert_eq!(
                outcome.status.code(),
                Some(0),
                "killed at {call}\n{}",
                outcome.describe()
            );
            assert_sound(&bgp);
            bgp.run(["stop", "--all", "--force"]).code_in(&[0, 5]);
        },
    );
    assert_no_files_are_left(&bgp);
}

// D1 F4: the very first start, with a key and nothing else
#[test]
fn a_first_start_killed_at_any_call_is_no_damage() {
    let bgp = Sandbox::new();
    if no_strace(&bgp) {
        return;
    }
    let anew = || {
        bgp.run(["stop", "--all", "--force"]);
        bgp.wait_until("nothing lives", || bgp.living().is_empty().then_some(()));
        for name in file_names(&bgp.state())
            .iter()
            .filter(|name| *name != "key")
        {
            let path = bgp.state().join(name);
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
    };
    killed_at_each_call(&bgp, &["start", "sleep", "600"], anew, |call, _| {
        let outcome = bgp.run(["list"]);
        assert_eq!(
            outcome.status.code(),
            Some(0),
            "killed at {call}\n{}",
            outcome.describe()
        );
        let outcome = bgp.run(["start", "--name", "next", "sleep", "600"]);
        assert_eq!(
            outcome.status.code(),
            Some(0),
            "killed at {call}\n{}",
            outcome.describe()
        );
        assert_sound(&bgp);
    });
    assert_no_files_are_left(&bgp);
}

// D1
#[test]
fn a_clear_killed_at_any_call_leaves_the_old_state_or_the_new() {
    let bgp = Sandbox::new();
    if no_strace(&bgp) {
        return;
    }
    bgp.start("live", ["sleep", "600"]);
    let ended = || {
        if bgp.list().len() == 1 {
            let process = bgp.start("ended", ["true"]);
            bgp.run(["wait", &process.id]).code(0);
            bgp.wait_for_supervisor_end(&process.id);
        }
    };
    killed_at_each_call(&bgp, &["clear", "ended"], ended, |call, through| {
        let left = bgp.list();
        assert!([1, 2].contains(&left.len()), "killed at {call}: {left:?}");
        assert_eq!(left[0]["name"], "live");
        assert!(!through || left.len() == 1);
    });
    bgp.run(["stop", "live"]).code(0);
    assert_no_files_are_left(&bgp);
}

// D2
#[test]
fn a_state_is_on_the_disk_before_it_takes_the_old_ones_place() {
    let bgp = Sandbox::new();
    if no_strace(&bgp) {
        return;
    }
    bgp.start("ended", ["true"]);
    bgp.run(["wait", "ended"]).code(0);
    let id = bgp.status("ended")["id"].as_str().unwrap().to_owned();
    bgp.wait_for_supervisor_end(&id);
    let trace = bgp.dir().join("trace");
    let mut strace = bgp.foreign("strace");
    strace.arg("-o").arg(&trace);
    strace.args([
        "-y",
        "-e",
        "trace=write,pwrite64,fsync,fdatasync,rename,renameat,renameat2",
    ]);
    finish(strace.arg(crate::harness::bin()).args(["clear", "ended"])).code(0);
    let text = fs::read_to_string(&trace).unwrap();
    let readable = text.contains("\"processes.json.enc\"") || proc::may_inspect();
    if proc::pass_over(!readable, "strace may not read what it traces") {
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    let at = |what: &str, wanted: &dyn Fn(&str) -> bool| {
        let found = lines.iter().rposition(|line| wanted(line));
        found.unwrap_or_else(|| panic!("no {what}\n{text}"))
    };
    let state = bgp.state().to_str().unwrap().to_owned();
    let renamed = at("replacement", &|line| {
        line.starts_with("rename") && line.contains("\"processes.json.enc\"")
    });
    // The name that it had until then.
    let before = lines[renamed].split('"').nth(1).unwrap();
    let of_it = |line: &str| line.contains(&format!("<{state}/{before}>"));
    let written = at("write", &|line| line.contains("write") && of_it(line));
    let synced = at("sync of the file", &|line| {
        line.contains("sync(") && of_it(line)
    });
    let directory = at("sync of the directory", &|line| {
        line.contains("sync(") && line.contains(&format!("<{state}>"))
    });
    let order = [written, synced, renamed, directory];
    assert!(order.is_sorted(), "{order:?}\n{text}");
}

// F4
#[test]
fn a_start_killed_at_any_time_leaves_nothing_unlisted() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..rounds() / 5 {
        let bgp = Sandbox::new();
        for _ in 0..5 {
            let mut start = Running::begin(&mut bgp.command(["start", "sleep", "60"]));
            // A random amount of work instead of a time: it is somewhere in its life then.
            for _ in 0..random.u32(0..40) {
                if start.has_ended() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_micros(random.u64(0..400)));
            }
            proc::kill(start.pid(), Signal::SIGKILL);
            start.finish();
            assert_sound(&bgp);
        }
        assert_no_files_are_left(&bgp);
    }
}

// F3
#[test]
fn an_interrupted_start_has_printed_or_can_be_found() {
    let bgp = Sandbox::new();
    let mut random = fastrand::Rng::new();
    for round in 0..rounds() {
        let name = format!("n{round}");
        let start = Running::begin(&mut bgp.command(["start", "--name", &name, "sleep", "60"]));
        std::thread::sleep(std::time::Duration::from_micros(random.u64(0..15_000)));
        proc::kill(
            start.pid(),
            if round % 2 == 0 {
                Signal::SIGINT
            } else {
                Signal::SIGTERM
            },
        );
        let outcome = start.finish();
        let listed = bgp
            .list()
            .iter()
            .any(|process| process["name"] == name.as_str());
        let how = (
            outcome.status.code(),
            std::os::unix::process::ExitStatusExt::signal(&outcome.status),
        );
        let ended = [(Some(0), None), (Some(130), None), (Some(143), None)];
        assert!(
            ended.contains(&how) || matches!(how, (None, Some(2 | 15))),
            "{how:?}"
        );
        let printed = outcome.text().starts_with("Started ");
        assert!(
            listed || !printed,
            "printed and not listed\n{}",
            outcome.describe()
        );
        assert_sound(&bgp);
    }
    assert_no_files_are_left(&bgp);
}

// D1
#[test]
fn a_state_that_was_being_written_is_ignored_and_removed() {
    let bgp = Sandbox::new();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut started = 0;
    for _ in 0..rounds() {
        let starts: Vec<Running> = (0..3)
            .map(|_| Running::begin(&mut bgp.command(["start", "true"])))
            .collect();
        std::thread::sleep(std::time::Duration::from_micros(random.u64(0..20_000)));
        for start in starts {
            proc::kill(start.pid(), Signal::SIGKILL);
            started += usize::from(start.finish().status.success());
            assert!(
                bgp.list().len() >= started,
                "a start that said so is not listed"
            );
        }
    }
    assert_no_files_are_left(&bgp);
}

// B13: what a logout does, or `kill -9 -1`
#[test]
fn all_that_is_killed_at_once_is_lost_and_starts_no_more() {
    let bgp = Sandbox::new();
    if proc::pass_over(!proc::may_unshare(), proc::NO_NAMESPACES) {
        return;
    }
    let line = r#"
        mount -t proc proc /proc || exit 99
        "$BGP" start --name web --restart always sleep 60 >&2 || exit 98
        "$BGP" start --name tree sh -c 'setsid sleep 60 & sleep 60' >&2 || exit 98
        kill -KILL -1
        "$BGP" stop web tree >&2 # who is not quite dead yet is waited for
        "$BGP" stop web tree >&2; echo "stopped with $?" >&2
        "$BGP" list --json"#;
    let mut unshare = bgp.foreign("unshare");
    unshare.args(["--pid", "--fork", "--mount", "--kill-child"]);
    let outcome = finish(unshare.args(["/bin/sh", "-c", line]));
    let code = outcome.status.code().unwrap_or_default();
    if proc::pass_over([98, 99].contains(&code), "no namespaces here") {
        return;
    }
    let listed = outcome.clone().code(0).json()["processes"].clone();
    let statuses: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["status"])
        .collect();
    assert_eq!(statuses, ["lost", "lost"]);
    assert!(
        outcome.errors().contains("stopped with 5"),
        "{}",
        outcome.describe()
    );
}

// F4: on record, and killed before it could say so
#[test]
fn a_start_that_was_killed_when_it_was_on_record_is_told_as_it_is() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    let mut start = bgp.command(["start", "--name", "web", "sh", "-c", "echo hello; sleep 60"]);
    start.env("BGP_CRASH_AT", "start-recorded");
    let died = finish(&mut start);
    assert_eq!(died.status.code(), None, "{}", died.describe());
    let status = bgp.wait_status("web", "killed");
    assert_eq!(status["reason"], "owner");
    let pid = i32::try_from(status["pid"].as_i64().unwrap()).unwrap();
    assert!(!proc::alive(pid));
    bgp.wait_for_supervisor_end(status["id"].as_str().unwrap());
    bgp.run(["output", "web"]).code(0);
    bgp.run(["verify", "web"]).code(0).stdout_has("sealed");
    bgp.run(["restart", "web"]).code(0);
    assert_eq!(bgp.status("web")["status"], "running");
}

// B12: the lease was removed by somebody
#[test]
fn a_process_without_its_lease_is_still_found_by_its_marker() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    fs::remove_file(bgp.state().join(format!("run/{}.lease", web.id))).unwrap();
    bgp.run(["clear", "web"]).failed(6);
    bgp.run(["stop", "web"]).code(0);
    assert!(!proc::alive(web.pid));
}

// D19
#[test]
fn a_copy_of_the_state_directory_tells_of_lost_processes_and_signals_nobody() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    let copy = bgp.dir().join("copy");
    for file in files_below(&bgp.state()) {
        let to = copy.join(file.strip_prefix(bgp.state()).unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        set_mode(to.parent().unwrap(), 0o700);
        if fs::symlink_metadata(&file).unwrap().is_file() {
            fs::copy(&file, &to).unwrap(); // all but the socket
        }
    }
    set_mode(&copy, 0o700);
    let there = |args: &[&str]| finish(bgp.command(args).env("BGP_DIR", &copy));
    there(&["list"]).code(0).stdout_has("lost");
    there(&["stop", "web"]).failed(5);
    there(&["stop", "--all", "--force"]).code_in(&[0, 5]);
    there(&["clear"]).code(0);
    let status = bgp.status("web");
    assert_eq!(
        (&status["status"], &status["pid"]),
        (&"running".into(), &web.pid.into())
    );
}

// B12: an ordinary user's setuid program does not die with its supervisor; it is his all the same
#[test]
fn a_setuid_program_that_a_killed_supervisor_left_is_ended_by_stop() {
    let bgp = Sandbox::new();
    if proc::pass_over(
        !proc::is_root(),
        "only root makes a setuid program of another user",
    ) || proc::pass_over(!proc::may_be_setuid(bgp.dir()), proc::NO_SETUID)
    {
        return;
    }
    let program = bgp.dir().join("setuid-sleep");
    copy_program("/bin/sleep".as_ref(), &program);
    std::os::unix::fs::chown(&program, Some(0), Some(0)).unwrap();
    set_mode(&program, 0o4755);
    let user = |path: &std::path::Path| std::os::unix::fs::chown(path, Some(USER), Some(USER));
    user(bgp.dir()).unwrap();
    for path in [bgp.state(), bgp.state().join("key"), bgp.dir().join("tmp")] {
        user(&path).unwrap();
    }
    let copy = bgp.dir().join("bgp"); // where it is, not everybody may go
    copy_program(&crate::harness::bin(), &copy);
    let run = |args: &[&str]| {
        let mut command = bgp.foreign(&copy);
        finish(command.args(args).uid(USER).gid(USER))
    };
    run(&["start", "--name", "web", program.to_str().unwrap(), "60"]).code(0);
    let status = run(&["status", "--json", "web"]).code(0).json()["process"].clone();
    let pid = i32::try_from(status["pid"].as_i64().unwrap()).unwrap();
    proc::kill(proc::parent(pid), Signal::SIGKILL);
    bgp.wait_for_supervisor_end(status["id"].as_str().unwrap());
    assert!(proc::alive(pid), "it died with its supervisor");
    run(&["clear", "web"]).failed(6);
    run(&["stop", "web"]).code(0);
    assert!(!proc::alive(pid));
    run(&["clear", "web"]).code(0);
    fs::remove_dir_all(bgp.state()).unwrap(); // it is not this user's to stop
}
