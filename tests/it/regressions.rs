//! Bugs that two other systems had, each named after what must not happen.
//!
//! | bug | here |
//! |---|---|
//! | E1 E2 | arguments that look like options; quoting |
//! | E3 | quick commands that "fail" |
//! | E4 E18 E19 | a stop that stops nothing, that never kills, that takes its time |
//! | E5 E6 | logs that are empty while it runs, tails that are lost |
//! | E7 E8 E9 E10 | lost updates, a ruined state, a wrong password, flipped bits |
//! | E11 E20 E21 | codes that nobody knows, false alarms |
//! | E12 | strangers that are killed: nothing is signalled by a stored pid |
//! | E13 | the password in every command |
//! | E14 | input that is cut, that hangs, that is in the log |
//! | E17 | the wrong process of two |
//! | E22 E23 | split lines, hidden lines |

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{PASSWORD, Sandbox, numbered};
use crate::invocation::{Running, finish, in_a_pid_namespace};
use crate::proc;

#[test]
fn e1_an_option_of_the_command_is_not_taken_for_ours() {
    let bgp = Sandbox::new();
    bgp.run([
        "start", "printf", "%s\\n", "-m", "--name", "x", "-h", "--", "-n",
    ])
    .code(0);
    bgp.run(["wait", "printf"]).code(0);
    assert_eq!(bgp.output("printf"), "-m\n--name\nx\n-h\n--\n-n\n");
    bgp.run([
        "start", "--name", "dashes", "--", "printf", "%s\\n", "--json",
    ])
    .code(0);
    bgp.run(["wait", "dashes"]).code(0);
    assert_eq!(bgp.output("dashes"), "--json\n");
}

#[test]
fn e2_quoting_is_not_lost_and_nothing_is_injected() {
    let bgp = Sandbox::new();
    bgp.run([
        "start",
        "printf",
        "%s|",
        "a b",
        "c;echo INJECTED",
        "$(id)",
        "`id`",
        "'",
        "\"",
    ])
    .code(0);
    bgp.run(["wait", "printf"]).code(0);
    bgp.run(["output", "--raw", "printf"])
        .code(0)
        .stdout("a b|c;echo INJECTED|$(id)|`id`|'|\"|");
}

#[test]
fn e3_a_quick_command_does_not_fail_to_start_and_vanish() {
    let bgp = Sandbox::new();
    for (name, line, code) in [
        ("true", "true", 0),
        ("hi", "echo hi", 0),
        ("three", "exit 3", 3),
    ] {
        bgp.run(["start", "--name", name, "-c", line])
            .code(0)
            .stderr("");
        bgp.run(["wait", name]).code(code);
        assert_eq!(bgp.status(name)["exitCode"], code);
    }
    assert_eq!(bgp.output("hi"), "hi\n");
    assert_eq!(bgp.list().len(), 3);
}

#[test]
fn e4_a_stop_does_not_leave_the_job_alive() {
    let bgp = Sandbox::new();
    let trapped =
        "trap '' HUP TERM; echo ready $$; n=0; while [ $n -lt 60 ]; do n=$((n+1)); sleep 1; done";
    let nohup = "nohup sleep 60.4 >/dev/null 2>&1 & echo ready $! $$; wait";
    for (name, line) in [("trapped", trapped), ("nohup", nohup)] {
        let job = bgp.start_with(&["--name", name, "--grace", "200ms"], ["sh", "-c", line]);
        let pids = bgp.ready(&job);
        bgp.run(["stop", name]).code(0);
        assert!(pids.iter().all(|pid| !proc::alive(*pid)), "{name} lives");
        assert_eq!(bgp.status(name)["status"], "killed");
    }
}

#[test]
fn e5_a_log_is_not_empty_while_it_runs_and_keeps_its_tail_over_a_stop() {
    let bgp = Sandbox::new();
    bgp.start("quiet", ["sh", "-c", "echo started; sleep 60"]);
    bgp.start("busy", ["sh", "-c", "seq 1 5000; printf partial; sleep 60"]);
    let numbers = numbered("", 1..=5000);
    bgp.wait_until("both can be read", || {
        let raw = bgp
            .run(["output", "--raw", "-n", "0", "busy"])
            .code(0)
            .text();
        (bgp.output("quiet") == "started\n" && raw == format!("{numbers}partial")).then_some(())
    });
    bgp.run(["stop", "quiet", "busy"]).code(0);
    assert_eq!(bgp.output("quiet"), "started\n");
    bgp.run(["output", "--raw", "-n", "0", "busy"])
        .code(0)
        .stdout(&format!("{numbers}partial"));
}

#[test]
fn e6_the_last_output_is_not_lost_at_a_natural_end() {
    let bgp = Sandbox::new();
    for round in 0..20 {
        let name = format!("n{round}");
        bgp.start(&name, ["sh", "-c", "seq 1 20000; echo END"]);
        bgp.run(["wait", &name]).code(0);
        bgp.run(["output", "-n", "2", &name])
            .code(0)
            .stdout("20000\nEND\n");
    }
}

#[test]
fn e7_no_start_is_lost_beside_others() {
    let bgp = Sandbox::new();
    let starts: Vec<(Running, Command)> = (0..50)
        .map(|n| {
            // list and stop write too; none of them may undo another.
            let args: &[&str] = match n % 5 {
                3 => &["list"],
                4 => &["clear"],
                _ => &["start", "sleep", "60"],
            };
            let mut command = bgp.command(args);
            (Running::begin(&mut command), command)
        })
        .collect();
    for (start, mut command) in starts {
        start.finish_in_turn(&mut command).code(0);
    }
    let listed = bgp.list();
    assert_eq!(listed.len(), 30);
    assert!(listed.iter().all(|process| process["status"] == "running"));
}

#[test]
fn e8_a_ruined_state_is_not_overwritten_and_no_save_ruins_it() {
    let bgp = Sandbox::new();
    bgp.start("work", ["sleep", "60"]);
    let path = bgp.state().join("processes.json.enc");
    let whole = fs::read(&path).unwrap();
    for len in [0, 16, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..len]).unwrap();
        bgp.run(["start", "true"]).failed(13);
        assert_eq!(fs::read(&path).unwrap(), &whole[..len]);
    }
    fs::write(&path, &whole).unwrap();
    // A save replaces the file, it does not write into it: who has the old one open keeps it.
    let inode = |path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let before = inode(&path);
    bgp.run(["start", "--name", "more", "true"]).code(0);
    assert_ne!(inode(&path), before);
    assert_eq!(bgp.list().len(), 2);
}

#[test]
fn e9_a_wrong_password_does_not_wipe_the_state_or_start_anything() {
    let bgp = Sandbox::new();
    let work = bgp.start("work", ["sleep", "60"]);
    finish(
        bgp.command(["start", "sleep", "60.9"])
            .env("BG_PASSWORD", "typo"),
    )
    .failed(12);
    finish(bgp.command(["stop", "work"]).env("BG_PASSWORD", "typo")).failed(12);
    assert_eq!(bgp.living_with_argument("60.9"), Vec::<i32>::new());
    assert!(proc::alive(work.pid));
    assert_eq!(bgp.list().len(), 1);
}

#[test]
fn e10_a_flipped_bit_is_not_garbage_with_code_0() {
    let bgp = Sandbox::new();
    let work = bgp.start("work", ["sh", "-c", "seq 1 3000"]);
    bgp.run(["wait", "work"]).code(0);
    bgp.wait_for_supervisor_end(&work.id);
    bgp.run(["list"]).code(0);
    for path in [bgp.log(&work.id), bgp.state().join("processes.json.enc")] {
        let whole = fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 0x10;
        fs::write(&path, flipped).unwrap();
        bgp.run(["output", "-n", "0", "work"])
            .code(13)
            .stderr_has("bgp: ");
        fs::write(&path, whole).unwrap();
    }
    bgp.run(["verify"]).code(0);
}

#[test]
fn e11_a_code_is_not_unknown_and_a_zombie_is_not_running() {
    let bgp = Sandbox::new();
    let gone = bgp.start("gone", ["sh", "-c", "exit 17"]);
    bgp.run(["wait", "gone"]).code(17);
    assert_eq!(
        (
            bgp.status("gone")["status"].as_str(),
            &bgp.status("gone")["exitCode"]
        ),
        (Some("failed"), &17.into())
    );
    assert!(!proc::alive(gone.pid));
    // A descendant that nobody reaps is no descendant that lives.
    let perl =
        "$| = 1; my $child = fork // die; exit 0 if !$child; print qq(ready $child\\n); sleep 60";
    let parent = bgp.start("parent", ["perl", "-e", perl]);
    let child = bgp.ready(&parent)[0];
    bgp.wait_until("the child is a zombie", || {
        (proc::stat(child)?.state == 'Z').then_some(())
    });
    assert_eq!(bgp.status("parent")["tree"], serde_json::json!([]));
    bgp.run(["stop", "parent"]).code(0);
    bgp.wait_until("nothing lives", || bgp.living().is_empty().then_some(()));
}

/// The stranger is a process of this test with the pid that a record names: bgp may not touch it.
#[test]
fn e12_a_stop_does_not_kill_a_stranger_by_its_pid() {
    let bgp = Sandbox::new();
    let work = bgp.start("work", ["sleep", "60"]);
    // The supervisor is killed: all that is left of the process is what was written down.
    proc::kill(work.supervisor(), Signal::SIGKILL);
    bgp.wait_until("the leader is gone", || {
        (!proc::alive(work.pid)).then_some(())
    });
    // The kernel gives numbers in turn: without a namespace of pids none can be taken on purpose. What
    // can be seen is that stop finds nothing, says so, and signals nobody.
    let stranger = Running::begin(bgp.foreign("sleep").arg("60").env_remove("BGP_ID"));
    bgp.run(["stop", "work"]).failed(5);
    assert!(proc::alive(stranger.pid()));
    assert_eq!(bgp.status("work")["status"], "lost");
}

// B8
/// With a pid namespace a stranger really takes the number.
#[test]
fn e12_a_recycled_pid_is_not_signalled() {
    let bgp = Sandbox::new();
    let line = r#"
        mount -t proc proc /proc || exit 99
        started=$("$BGP" start --name work sleep 60) || exit 98
        pid=${started##*pid }; pid=${pid%)}
        supervisor=$(awk '{print $4}' "/proc/$pid/stat")
        begun=$(awk '{print $22}' "/proc/$pid/stat")
        kill -KILL "$supervisor"
        while [ -d "/proc/$pid" ]; do sleep 0.01; done
        # A process is known by its number and the tick of its start: the stranger begins in another one.
        while [ "$(awk '{print $22}' /proc/self/stat)" = "$begun" ]; do :; done
        echo $((pid - 1)) > /proc/sys/kernel/ns_last_pid || exit 97
        setsid sleep 60 &
        stranger=$!
        [ "$stranger" = "$pid" ] || { kill "$stranger"; exit 96; }
        "$BGP" stop work; code=$?
        kill -0 "$stranger" || exit 95
        kill -KILL "$stranger"
        exit "$code""#;
    in_a_pid_namespace(bgp.foreign("unshare"), line, 5);
}

// B8
/// The number of the whole session is taken, by a leader who has ended again: nothing but its number says whose
/// it is.
#[test]
fn e12_a_session_of_a_recycled_number_is_not_signalled() {
    let bgp = Sandbox::new();
    let line = r#"
        mount -t proc proc /proc || exit 99
        started=$("$BGP" start --name work sleep 60) || exit 98
        pid=${started##*pid }; pid=${pid%)}
        kill -KILL "$(awk '{print $4}' "/proc/$pid/stat")"
        while [ -d "/proc/$pid" ]; do sleep 0.01; done
        echo $((pid - 1)) > /proc/sys/kernel/ns_last_pid || exit 97
        setsid sh -c 'sleep 60 & echo $! > stranger'
        read -r stranger < stranger
        while [ -d "/proc/$pid" ]; do sleep 0.01; done
        [ "$(awk '{print $6}' "/proc/$stranger/stat")" = "$pid" ] || exit 96
        "$BGP" stop work; code=$?
        kill -0 "$stranger" || exit 95
        exit "$code""#;
    in_a_pid_namespace(bgp.foreign("unshare"), line, 5);
}

// B12
/// The same session, but one in it shows the marker: until it obeys, and then it is known whose the other is.
#[test]
fn e12_what_cleared_its_marker_is_ended_with_those_that_have_it() {
    let bgp = Sandbox::new();
    let line = r#"
        mount -t proc proc /proc || exit 99
        cleared='trap "" TERM; echo ready $$; exec sleep 60'
        tree="env -i PATH='$PATH' sh -c '$cleared' & sleep 60 & wait"
        started=$("$BGP" start --name work --grace 200ms sh -c "$tree") || exit 98
        pid=${started##*pid }; pid=${pid%)}
        until set -- $("$BGP" output work) && [ "$1" = ready ]; do sleep 0.01; done
        kill -KILL "$(awk '{print $4}' "/proc/$pid/stat")"
        while [ -d "/proc/$pid" ]; do sleep 0.01; done
        [ -d "/proc/$2" ] || exit 94
        "$BGP" stop work; code=$?
        while [ -d "/proc/$2" ]; do sleep 0.01; done
        exit "$code""#;
    in_a_pid_namespace(bgp.foreign("unshare"), line, 0);
}

// B9
/// The state directory of a container that was started again: it is the same boot, and even what has the right
/// marker there was not started by who wrote this.
#[test]
fn e12_nothing_is_found_in_a_namespace_that_began_later() {
    let bgp = Sandbox::new();
    let work = bgp.start("work", ["sleep", "60"]);
    let stat = proc::stat(work.pid).unwrap().line;
    let begun = stat.rsplit(')').next().unwrap().split_whitespace().nth(19);
    proc::kill(work.supervisor(), Signal::SIGKILL);
    bgp.wait_status("work", "lost");
    let line = r#"
        mount -t proc proc /proc || exit 99
        [ "$(awk '{print $22}' /proc/1/stat)" -gt "$BEGUN" ] || exit 96
        BGP_ID=$ID sleep 60 &
        "$BGP" stop work; code=$?
        kill -0 $! || exit 95
        exit "$code""#;
    let mut unshare = bgp.foreign("unshare");
    unshare.env("BEGUN", begun.unwrap()).env("ID", &work.id);
    in_a_pid_namespace(unshare, line, 5);
}

#[test]
fn e13_the_password_is_not_in_the_commands_environment() {
    let bgp = Sandbox::new();
    for source in ["BG_PASSWORD", "BG_PASSWORD_FILE", "BG_PASSWORD_COMMAND"] {
        let value = match source {
            "BG_PASSWORD_FILE" => {
                bgp.sh(&format!("umask 077; printf %s '{PASSWORD}' > password"));
                bgp.dir().join("password").to_str().unwrap().to_owned()
            }
            "BG_PASSWORD_COMMAND" => format!("echo '{PASSWORD}'"),
            _ => PASSWORD.to_owned(),
        };
        let name = source.to_lowercase();
        let mut start = bgp.command(["start", "--name", &name, "env"]);
        finish(start.env_remove("BG_PASSWORD").env(source, value)).code(0);
        bgp.run(["wait", &name]).code(0);
        let output = bgp.output(&name);
        assert!(
            !output.contains("BG_PASSWORD") && !output.contains(PASSWORD),
            "{output}"
        );
    }
}

#[test]
fn e14_input_is_not_cut_does_not_hang_and_is_not_in_the_log() {
    let bgp = Sandbox::new();
    let count = "while read -r line; do echo ${#line}; done";
    let reader = bgp.start("reader", ["sh", "-c", count]);
    bgp.run(["send", "reader", &"x".repeat(5000)])
        .code(0)
        .stdout("Sent 5001 bytes to reader\n");
    fs::write(bgp.dir().join("long"), "y".repeat(200_000) + "\n").unwrap();
    bgp.run(["send", "reader", "--eof", "--file", "long"])
        .code(0);
    bgp.run(["wait", "reader"]).code(0);
    assert_eq!(bgp.output("reader"), "5000\n200000\n");
    bgp.run(["send", "reader", "x"]).failed(5);
    let log = fs::metadata(bgp.log(&reader.id)).unwrap().len();
    assert!(log < 50_000, "{log} bytes: what was sent is in it");
    bgp.run(["list"]).code(0);
}

#[test]
fn e17_a_stop_by_name_does_not_hit_the_ended_one_or_one_with_a_similar_command() {
    let bgp = Sandbox::new();
    bgp.start("backend", ["true"]);
    bgp.run(["wait", "backend"]).code(0);
    let live = bgp.start("backend", ["sleep", "60"]);
    let other = bgp.start("other", ["sh", "-c", ": backend; sleep 60"]);
    bgp.run(["stop", "backend"]).code(0);
    assert!(!proc::alive(live.pid));
    assert!(proc::alive(other.pid));
    for part in ["back", "s", "BACKEND", "sleep"] {
        bgp.run(["stop", part]).code_in(&[3, 4]);
    }
    assert!(proc::alive(other.pid));
}

#[test]
fn e18_a_stop_does_not_give_up_without_kill() {
    let bgp = Sandbox::new();
    let deaf = bgp.start_stubborn("deaf", "100ms");
    bgp.run(["kill", "deaf"]).code(0);
    assert!(!proc::alive(deaf.pid));
    assert_eq!(bgp.status("deaf")["signal"], "SIGKILL");
}

/// The grace is an hour: only a stop that watches for the end returns within the deadline.
#[test]
fn e19_an_obedient_process_does_not_cost_the_whole_grace() {
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "obedient", "--grace", "1h"], ["sleep", "60"]);
    let begun = Instant::now();
    bgp.run(["stop", "obedient"]).code(0);
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn e20_a_grandchild_on_the_pipe_does_not_make_a_success_a_failure_or_a_failure_run_on() {
    let bgp = Sandbox::new();
    for (name, line, status, code) in [
        ("good", "setsid sleep 60 & exit 0", "exited", 0),
        ("bad", "sleep 60 & exit 1", "failed", 1),
    ] {
        bgp.start(name, ["sh", "-c", line]);
        bgp.run(["wait", name]).code(code);
        let seen = bgp.status(name);
        assert_eq!(
            (&seen["status"], &seen["exitCode"]),
            (&status.into(), &code.into())
        );
        assert_eq!(seen["success"], code == 0);
        assert_eq!(seen["descendants"], 1);
    }
}

/// Alerts are a later matter; what they are told from is here.
#[test]
fn e21_a_crash_is_not_a_kill_and_a_stop_changes_no_setting() {
    let bgp = Sandbox::new();
    for (name, signal, status) in [
        ("oom", "KILL", "crashed"),
        ("segv", "SEGV", "crashed"),
        ("term", "TERM", "killed"),
    ] {
        bgp.start(name, ["sh", "-c", &format!("kill -{signal} $$")]);
        bgp.run(["wait", name]);
        assert_eq!(bgp.status(name)["status"], status, "{name}");
    }
    bgp.start("settings", ["sleep", "60"]);
    let before = bgp.status("settings");
    bgp.run(["stop", "settings"]).code(0);
    for field in ["alertOnSuccess", "alertOnFailure", "alertOnKill"] {
        assert_eq!(bgp.status("settings")[field], before[field]);
    }
}

#[test]
fn e22_a_line_or_a_character_written_in_two_parts_is_not_torn() {
    let bgp = Sandbox::new();
    let line = "printf abc; sleep 0.3; echo def; printf 'caf\\303'; sleep 0.3; printf '\\251\\n'; \
        printf 'out '; sleep 0.1; echo between >&2; sleep 0.1; echo line";
    bgp.start("parts", ["sh", "-c", line]);
    bgp.run(["wait", "parts"]).code(0);
    bgp.run(["output", "--stdout", "parts"])
        .code(0)
        .stdout("abcdef\ncaf\u{e9}\nout line\n");
    let text = bgp.output("parts");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.contains(&"abcdef") && lines.contains(&"caf\u{e9}") && lines.contains(&"between"),
        "{text}"
    );
    assert!(lines.contains(&"out line"), "{text}");
}

#[test]
fn e23_stderr_does_not_hide_stdout_and_a_long_line_does_not_hide_all() {
    let bgp = Sandbox::new();
    let line =
        "seq 1 100; n=0; while [ $n -lt 100 ]; do n=$((n+1)); printf '%0600d\\n' $n >&2; done";
    bgp.start("both", ["sh", "-c", line]);
    bgp.run(["wait", "both"]).code(0);
    let stdout = bgp
        .run(["output", "--stdout", "-n", "100", "both"])
        .code(0)
        .text();
    assert_eq!(stdout.lines().count(), 100);
    assert_eq!(
        bgp.run(["output", "--stderr", "-n", "100", "both"])
            .code(0)
            .text()
            .lines()
            .count(),
        100
    );
    assert_eq!(bgp.output("both").lines().count(), 200);

    bgp.start(
        "long",
        [
            "sh",
            "-c",
            "echo before; head -c 60000 /dev/zero | tr '\\0' x; echo; echo after",
        ],
    );
    bgp.run(["wait", "long"]).code(0);
    let text = bgp.run(["output", "long"]).code(0).text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        (lines.len(), lines[0], lines[2]),
        (3, "before", "after"),
        "{} bytes",
        text.len()
    );
    assert!(lines[1].starts_with("xxxx") && lines[1].ends_with("xxxx") && lines[1].len() < 20_000);
}
