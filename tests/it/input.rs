//! What is sent to a process: every byte of it, whole, or how much of it was taken and why not all.
//!
//! | rows | here |
//! |---|---|
//! | F5 F6 | a process that does not read; one that cannot |
//! | F7 F8 | senders at the same time; binary, empty, the end of the input |
//! | F9 F10 | watchers and filters; the caller's own stdin |
//! | H10 | a supervisor that is stopped |

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{DEADLINE, Proc, Sandbox, script};
use crate::invocation::{Running, finish};
use crate::proc;

/// What a pipe holds, pipe(7).
const PIPE_BYTES: u64 = 65536;

/// Echoes each line with a word before it, and says when its input has ended.
const ANSWERS: &str = "while read -r line; do echo \"got $line\"; done; echo over";

/// What the pipe of a process's stdin holds: less than others for who has many of them, pipe(7).
fn stdin_bytes(process: &Proc) -> i32 {
    let stdin = fs::File::open(format!("/proc/{}/fd/0", process.pid)).unwrap();
    nix::fcntl::fcntl(&stdin, nix::fcntl::FcntlArg::F_GETPIPE_SZ).unwrap()
}

/// Every byte that a process has written to its stdout.
fn raw(bgp: &Sandbox, id: &str) -> Vec<u8> {
    let args = ["output", "--raw", "--stdout", "-n", "0", id];
    bgp.run(args).code(0).stdout
}

/// Writes a file into the sandbox and gives back its path.
fn file(bgp: &Sandbox, name: &str, bytes: &[u8]) -> String {
    let path = bgp.dir().join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[track_caller]
fn wait_for_output(bgp: &Sandbox, id: &str, wanted: &str) {
    bgp.wait_until(&format!("{id} writes {wanted:?}"), || {
        (bgp.output(id) == wanted).then_some(())
    });
}

#[test]
fn a_program_that_reads_lines_answers_what_is_typed() {
    let bgp = Sandbox::new();
    bgp.start("shell", ["sh", "-c", ANSWERS]);
    bgp.run(["send", "shell", "yes"])
        .code(0)
        .stdout("Sent 4 bytes to shell\n")
        .stderr("");
    wait_for_output(&bgp, "shell", "got yes\n");
    bgp.run(["send", "-n", "shell", "two "]).code(0);
    bgp.run(["send", "shell", "halves"]).code(0);
    wait_for_output(&bgp, "shell", "got yes\ngot two halves\n");
    bgp.run(["send", "shell", "--eof", "last"])
        .code(0)
        .stdout("Sent 5 bytes to shell, and closed its stdin\n");
    bgp.run(["wait", "shell"]).code(0);
    wait_for_output(&bgp, "shell", "got yes\ngot two halves\ngot last\nover\n");
}

#[test]
fn a_python_program_answers_what_is_typed() {
    let bgp = Sandbox::new();
    let missing = bgp.foreign("python3").arg("-c").output().is_err();
    if proc::pass_over(missing, "there is no python3") {
        return;
    }
    let program = "while True: print('hello', input('name? '), flush=True)";
    bgp.start("python", ["python3", "-c", program]);
    bgp.run(["send", "python", "w\u{f6}rld"]).code(0);
    bgp.wait_until("it answers", || {
        let answer = "name? hello w\u{f6}rld\nname? ".as_bytes();
        (raw(&bgp, "python") == answer).then_some(())
    });
}

// F5
#[test]
fn a_process_that_does_not_read_takes_what_a_pipe_holds_and_is_told_in_time() {
    let bgp = Sandbox::new();
    let deaf = bgp.start(
        "deaf",
        [
            "sh",
            "-c",
            "n=0; while [ $n -lt 2000 ]; do n=$((n+1)); echo $n; sleep 0.03; done",
        ],
    );
    let room = stdin_bytes(&deaf);
    let much = file(&bgp, "much", &vec![b'x'; 100_000]);
    let begun = Instant::now();
    // More time than its output takes to grow, however loaded the machine is.
    let args = ["send", "deaf", "--timeout", "10s", "--file", &much];
    let mut send = Running::begin(&mut bgp.command(args));
    let before = raw(&bgp, "deaf").len();
    bgp.wait_until("its output grows meanwhile", || {
        (raw(&bgp, "deaf").len() > before + 10).then_some(())
    });
    assert!(!send.has_ended(), "the log was held up");
    send.finish()
        .failed(124)
        .stderr_has(&format!("deaf took {room} of 100000 bytes within 10 s"));
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_secs(10) && took < DEADLINE,
        "{took:?}"
    );

    // Who says no time waits 2 s.
    let more = ["send", "--json", "deaf", "more"];
    let told = bgp.run(more).code(124).json();
    assert_eq!(
        (&told["bytes"], &told["totalBytes"], &told["eof"]),
        (&0.into(), &5.into(), &false.into())
    );
    assert_eq!(told["error"]["code"], 124);
    let message = told["error"]["message"].as_str().unwrap();
    assert_eq!(message, "deaf took 0 of 5 bytes within 2 s");
    bgp.run(["send", "deaf", "--eof", "--timeout", "0"])
        .code(0)
        .stdout("Closed the stdin of deaf\n");
    assert!(proc::alive(deaf.pid));
}

// F5
#[test]
fn what_has_no_room_at_first_is_taken_when_there_is() {
    let bgp = Sandbox::new();
    let go = bgp.dir().join("go");
    let line = "until [ -e go ]; do sleep 0.05; done; exec cat";
    bgp.start("slow", ["sh", "-c", line]);
    let bytes = vec![b'y'; 200_000];
    let much = file(&bgp, "much", &bytes);
    let args = ["send", "slow", "--timeout", "25s", "--file", &much];
    let mut send = Running::begin(&mut bgp.command(args));
    bgp.wait_until("the other send waits for its turn", || {
        let args = ["send", "slow", "--timeout", "50ms", "x"];
        let told = bgp.run(args).code_in(&[0, 124]).errors();
        told.contains("another send").then_some(())
    });
    assert!(!send.has_ended());
    fs::write(go, "").unwrap();
    send.finish().code(0).stdout("Sent 200000 bytes to slow\n");
    bgp.run(["send", "slow", "--eof"]).code(0);
    bgp.run(["wait", "slow"]).code(0);
    assert!(raw(&bgp, "slow").ends_with(&bytes), "all of it, and whole");
}

// F6
#[test]
fn what_takes_no_input_says_why() {
    let bgp = Sandbox::new();
    let closed = bgp.start("closed", [script("closes-stdin.sh")]);
    bgp.ready(&closed);
    let null = ["--name", "null", "--stdin", "null"];
    bgp.start_with(&null, ["sleep", "60"]);
    let input = file(&bgp, "input", b"x");
    bgp.start_with(&["--name", "file", "--stdin", &input], ["sleep", "60"]);
    bgp.start("ended", ["sh", "-c", "exit 3"]);
    bgp.run(["wait", "ended"]).code(3);
    let left = bgp.start("left", ["sh", "-c", "sleep 60 <&0 & echo ready $!"]);
    bgp.ready(&left);
    bgp.run(["wait", "left"]).code(0);
    for (name, why) in [
        ("closed", "its stdin is closed"),
        ("null", "its stdin is /dev/null"),
        ("file", "its stdin is a file"),
        ("ended", "does not run: failed with code 3"),
        ("left", "does not run: exited with code 0"),
    ] {
        for args in [&["x"][..], &["-n", ""], &["--eof"], &["--eof", "x"]] {
            let outcome = bgp.run([&["send", name], args].concat());
            outcome.failed(5).stderr_has(why).stderr_has(name);
        }
    }
    bgp.run(["send", "nobody", "x"]).failed(3);
    assert_eq!(bgp.status("closed")["status"], "running");
    bgp.run(["stop", "closed", "null", "file", "left"]).code(0);
    bgp.run(["verify"]).code(0);
}

// F6
#[test]
fn what_closes_its_stdin_in_the_middle_is_told_with_what_it_took() {
    let bgp = Sandbox::new();
    bgp.start(
        "half",
        ["sh", "-c", "head -c 10 >/dev/null; exec <&-; exec sleep 60"],
    );
    let much = file(&bgp, "much", &vec![b'x'; 1_000_000]);
    let told = bgp.run(["send", "--json", "half", "--file", &much]).code(5);
    let told = told.json();
    let bytes = told["bytes"].as_u64().unwrap();
    assert!((10..=2 * PIPE_BYTES).contains(&bytes), "{told}");
    assert_eq!(told["totalBytes"], 1_000_000);
    bgp.run(["send", "half", "x"]).failed(5);
    assert_eq!(bgp.status("half")["status"], "running");
}

// F6
#[test]
fn an_end_while_a_send_waits_is_told() {
    let bgp = Sandbox::new();
    let deaf = bgp.start("deaf", ["sleep", "60"]);
    let room = stdin_bytes(&deaf);
    let much = file(&bgp, "much", &vec![b'x'; 100_000]);
    let args = ["send", "deaf", "--timeout", "25s", "--file", &much];
    let send = Running::begin(&mut bgp.command(args));
    bgp.wait_until("the send has the stdin", || {
        let args = ["send", "deaf", "--timeout", "50ms", "-n", ""];
        let told = bgp.run(args).code_in(&[0, 124]).errors();
        told.contains("another send").then_some(())
    });
    proc::kill(deaf.pid, Signal::SIGKILL);
    send.finish()
        .failed(5)
        .stderr_has("does not run: crashed by SIGKILL")
        .stderr_has(&format!("it took {room} of 100000 bytes"));
}

// F7
#[test]
fn messages_that_are_sent_at_the_same_time_are_whole() {
    let bgp = Sandbox::new();
    bgp.start("cat", ["cat"]);
    // More than are let in at one time, too.
    let sends: Vec<Running> = (0..24)
        .map(|n| {
            let letter = b'a' + n;
            let mut line = vec![letter; 100_000 + usize::from(n)];
            line.push(b'\n');
            let path = file(&bgp, &format!("message{n}"), &line);
            let args = ["send", "cat", "--timeout", "25s", "--file", &path];
            Running::begin(&mut bgp.command(args))
        })
        .collect();
    for send in sends {
        send.finish().code(0).stderr("");
    }
    bgp.run(["send", "cat", "--eof"]).code(0);
    bgp.run(["wait", "cat"]).code(0);
    let written = raw(&bgp, "cat");
    let mut lines: Vec<&[u8]> = written
        .strip_suffix(b"\n")
        .unwrap()
        .split(|byte| *byte == b'\n')
        .collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 24);
    for (n, line) in (0..24_u8).zip(lines) {
        assert_eq!(line.len(), 100_000 + usize::from(n));
        assert!(line.iter().all(|byte| *byte == b'a' + n), "{n} is mixed");
    }
}

// F7
#[test]
fn a_sender_that_is_killed_leaves_the_stdin_to_others() {
    let bgp = Sandbox::new();
    let line = "until [ -e go ]; do sleep 0.05; done; exec cat";
    bgp.start("slow", ["sh", "-c", line]);
    let much = file(&bgp, "much", &vec![b'x'; 100_000]);
    let args = ["send", "slow", "--timeout", "1h", "--file", &much];
    let send = Running::begin(&mut bgp.command(args));
    bgp.wait_until("the send has the stdin", || {
        let args = ["send", "slow", "--timeout", "50ms", "-n", ""];
        let told = bgp.run(args).code_in(&[0, 124]).errors();
        told.contains("another send").then_some(())
    });
    proc::kill(send.pid(), Signal::SIGKILL);
    drop(send);
    fs::write(bgp.dir().join("go"), "").unwrap();
    let args = ["send", "slow", "--timeout", "25s", "--eof", "next"];
    bgp.run(args).code(0);
    bgp.run(["wait", "slow"]).code(0);
    assert!(raw(&bgp, "slow").ends_with(b"next\n"));
}

// F8
#[test]
fn bytes_arrive_as_they_were_given() {
    let bgp = Sandbox::new();
    let all: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let path = file(&bgp, "all", &all);
    bgp.start("cat", ["cat"]);
    let mut expected = Vec::new();
    let argument: &[u8] = b"caf\xe9 \xff\xfe\t'\"$HOME\\n\r";
    finish(
        bgp.command(["send", "cat"])
            .arg(OsStr::from_bytes(argument)),
    )
    .code(0);
    expected.extend_from_slice(argument);
    expected.push(b'\n');
    bgp.run(["send", "cat", "--file", &path])
        .code(0)
        .stdout("Sent 70000 bytes to cat\n");
    expected.extend_from_slice(&all);
    let stdin = fs::File::open(&path).unwrap();
    finish(bgp.command(["send", "cat", "--file", "-"]).stdin(stdin)).code(0);
    expected.extend_from_slice(&all);
    for (args, bytes) in [
        (&["-n", ""][..], &b""[..]),
        (&[""], b"\n"),
        (&["--", "--eof"], b"--eof\n"),
        (&["-"], b"-\n"),
    ] {
        let sent = bgp.run([&["send", "cat"], args].concat()).code(0);
        let unit = if bytes.len() == 1 { "byte" } else { "bytes" };
        sent.stdout(&format!("Sent {} {unit} to cat\n", bytes.len()));
        expected.extend_from_slice(bytes);
    }
    bgp.run(["send", "cat", "--eof"]).code(0);
    bgp.run(["wait", "cat"]).code(0);
    assert!(raw(&bgp, "cat") == expected, "not what was sent");
}

// F8
#[test]
fn the_end_of_the_input_is_for_good() {
    let bgp = Sandbox::new();
    let line = "cat; echo over; exec sleep 60";
    bgp.start("cat", ["sh", "-c", line]);
    let told = bgp.run(["send", "--json", "cat", "--eof", "x"]).code(0);
    let told = told.json();
    assert_eq!(
        (&told["bytes"], &told["totalBytes"], &told["eof"]),
        (&2.into(), &2.into(), &true.into())
    );
    assert_eq!((&told["name"], &told["error"]), (&"cat".into(), &().into()));
    wait_for_output(&bgp, "cat", "x\nover\n");
    for args in [&["x"][..], &["--eof"], &["-n", ""]] {
        bgp.run([&["send", "cat"], args].concat())
            .failed(5)
            .stderr_has("its stdin is closed");
    }
}

// F9
#[test]
fn a_watcher_waits_and_a_filter_ends_with_its_input() {
    let bgp = Sandbox::new();
    // A watcher ends when its input does, as those of web projects do.
    let watcher = "echo ready; cat >/dev/null; echo quits";
    bgp.start("watcher", ["sh", "-c", watcher]);
    bgp.start("filter", ["sort"]);
    bgp.start_with(&["--name", "empty", "--stdin", "null"], ["sort"]);
    bgp.run(["wait", "empty"]).code(0);
    for line in ["pear", "apple"] {
        bgp.run(["send", "filter", line]).code(0);
    }
    assert_eq!(bgp.status("filter")["status"], "running");
    bgp.run(["send", "filter", "--eof"]).code(0);
    bgp.run(["wait", "filter"]).code(0);
    assert_eq!(bgp.output("filter"), "apple\npear\n");
    assert_eq!(bgp.status("watcher")["status"], "running");
    wait_for_output(&bgp, "watcher", "ready\n");
}

// F10
#[test]
fn a_loop_over_lines_keeps_its_own_stdin() {
    let bgp = Sandbox::new();
    let line = "printf 'a\\nb\\nc\\n' | while read -r name; do \
                \"$BGP\" start --name \"$name\" cat && \"$BGP\" send \"$name\" \"to $name\" \
                && \"$BGP\" signal \"$name\" CONT; done";
    bgp.sh(line).code(0).stderr("");
    assert_eq!(bgp.list().len(), 3);
    for name in ["a", "b", "c"] {
        wait_for_output(&bgp, name, &format!("to {name}\n"));
    }
}

#[test]
fn input_is_taken_while_the_process_floods_its_output() {
    let bgp = Sandbox::new();
    let line = "yes flood & read -r line; kill $!; wait; echo \"got $line\"";
    bgp.start("flood", ["sh", "-c", line]);
    bgp.run(["send", "flood", "enough"]).code(0);
    bgp.run(["wait", "flood"]).code(0);
    assert!(raw(&bgp, "flood").ends_with(b"flood\ngot enough\n"));
}

// H10
#[test]
fn a_stopped_supervisor_is_told_in_time_with_its_pid() {
    struct Stopped(i32);
    impl Drop for Stopped {
        fn drop(&mut self) {
            proc::kill(self.0, Signal::SIGCONT);
        }
    }
    let bgp = Sandbox::new();
    let cat = bgp.start("cat", ["cat"]);
    let supervisor = cat.supervisor();
    let stopped = Stopped(supervisor);
    proc::kill(supervisor, Signal::SIGSTOP);
    bgp.wait_until("the supervisor is stopped", || {
        (proc::stat(supervisor)?.state == 'T').then_some(())
    });
    let begun = Instant::now();
    for args in [["send", "cat", "x"], ["signal", "cat", "HUP"]] {
        bgp.run(args)
            .failed(1)
            .stderr_has(&format!("pid {supervisor}"));
    }
    assert!(begun.elapsed() < DEADLINE / 2, "{:?}", begun.elapsed());
    drop(stopped);
    bgp.run(["send", "cat", "y"]).code(0);
    wait_for_output(&bgp, "cat", "y\n");
}

#[test]
fn nothing_is_sent_when_it_cannot_be_read() {
    let bgp = Sandbox::new();
    bgp.start("cat", ["cat"]);
    for (args, code) in [
        (&["send", "cat", "--file", "not-there"][..], 2),
        (&["send", "cat", "--file", "."], 2),
        (&["send", "cat"], 2),
        (&["send"], 2),
        (&["send", "cat", "x", "--file", "y"], 2),
        (&["send", "cat", "two", "words"], 2),
        (&["signal", "cat"], 2),
        (&["signal", "cat", "NOPE"], 2),
        (&["signal", "cat", "0"], 2),
    ] {
        let told = bgp.run(args).code(code).stdout("").errors();
        assert!(told.starts_with("bgp: "), "{told}");
    }
    // Longer than what is sent at one time.
    let mut command = bgp.command(["send", "cat", "--file", "-"]);
    let zeros = bgp
        .foreign("head")
        .args(["-c", "67108865", "/dev/zero"])
        .stdout(Stdio::piped())
        .spawn();
    let mut zeros = zeros.unwrap();
    finish(command.stdin(zeros.stdout.take().unwrap())).failed(2);
    zeros.wait().unwrap();
    bgp.run(["send", "cat", "--eof"]).code(0);
    bgp.run(["wait", "cat"]).code(0);
    assert_eq!(raw(&bgp, "cat"), b"");
}

#[test]
fn a_signal_reaches_the_group_and_the_status_tells_what_it_did() {
    let bgp = Sandbox::new();
    let member = "trap 'echo NAME told' USR1; echo NAME up; while :; do sleep 60 & wait; done";
    let [beside, apart] = ["beside", "apart"].map(|name| member.replace("NAME", name));
    let group = bgp.start_with(
        &[
            "--name",
            "group",
            "-e",
            &format!("BESIDE={beside}"),
            "-e",
            &format!("APART={apart}"),
        ],
        [
            "sh",
            "-c",
            "trap 'echo leader told' USR1; sh -c \"$BESIDE\" & setsid sh -c \"$APART\" & \
             echo leader up; while :; do wait; done",
        ],
    );
    let wait_for = |lines: [&str; 3]| {
        bgp.wait_until(&format!("{lines:?}"), || {
            let output = bgp.output("group");
            lines.iter().all(|line| output.contains(line)).then_some(())
        });
    };
    wait_for(["leader up", "beside up", "apart up"]);
    bgp.run(["signal", "group", "usr1"])
        .code(0)
        .stdout(&format!("Sent SIGUSR1 to group ({})\n", group.id));
    wait_for(["leader told", "beside told", "up"]);
    let told = bgp.run(["signal", "--json", "group", "URG"]).code(0).json();
    assert_eq!(
        (&told["id"], &told["name"], &told["signal"]),
        (&group.id.as_str().into(), &"group".into(), &"SIGURG".into())
    );
    assert!(
        !bgp.output("group").contains("apart told"),
        "that is no part of the group"
    );
}

// A15 A22 B6
#[test]
fn a_paused_process_is_shown_and_goes_on_and_a_signal_that_ends_it_is_no_stop() {
    let bgp = Sandbox::new();
    let cat = bgp.start("cat", ["cat"]);
    for (spelling, paused) in [("STOP", true), ("sigcont", false)] {
        bgp.run(["signal", "cat", spelling]).code(0);
        bgp.wait_until(spelling, || {
            let status = bgp.status("cat");
            assert_eq!(status["status"], "running");
            (status["paused"] == paused).then_some(())
        });
    }
    for (name, signal, status) in [
        ("cat", "TERM", "killed"),
        ("int", "SIGINT", "killed"),
        ("hup", "1", "killed"),
        ("quit", "quit", "killed"),
        ("kill", "9", "crashed"),
        ("usr", "USR2", "crashed"),
    ] {
        let process: Proc = if name == "cat" {
            cat.clone()
        } else {
            bgp.start(name, ["sleep", "60"])
        };
        bgp.run(["signal", &process.id, signal]).code(0);
        let ended = bgp.wait_status(&process.id, status);
        let reason = if status == "killed" {
            "signal".into()
        } else {
            serde_json::Value::Null
        };
        assert_eq!(ended["reason"], reason, "{name}");
        bgp.run(["signal", name, "TERM"])
            .failed(5)
            .stderr_has("does not run");
    }
    bgp.run(["signal", "nobody", "TERM"]).failed(3);
}
