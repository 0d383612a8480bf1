//! Processes with a terminal of their own: what they find there, what is typed, and nothing lost at the end.
//!
//! | rows | here |
//! |---|---|
//! | C15 | the last words of a quick process |
//! | F5 F7 F8 | what is typed: whole, or how much of it was taken; ends of file |
//! | H12 | Enter in raw mode |

use std::fs;
use std::time::{Duration, Instant};

use nix::unistd::{SysconfVar, sysconf};

use crate::harness::{DEADLINE, Proc, Sandbox, numbered};
use crate::invocation::{Running, finish};
use crate::proc;

/// Starts a line of shell with a terminal.
fn shell(bgp: &Sandbox, name: &str, line: &str) -> Proc {
    bgp.start_with(&["--name", name, "--pty"], ["sh", "-c", line])
}

/// Waits until the output holds `wanted`, and gives back all of it.
#[track_caller]
fn wait_for(bgp: &Sandbox, id: &str, wanted: &str) -> String {
    bgp.wait_until(&format!("{id} writes {wanted:?}"), || {
        let output = bgp.output(id);
        output.contains(wanted).then_some(output)
    })
}

#[test]
fn a_process_finds_a_terminal_of_the_size_and_name_it_was_given() {
    let bgp = Sandbox::new();
    let look = "for fd in 0 1 2; do [ -t $fd ] || echo no; done; stty size </dev/tty; \
                echo $TERM ${COLUMNS-none} ${LINES-none}; echo to stderr >&2; tty";
    for (options, term, size, told) in [
        (&[][..], None, "24 80", "xterm-256color none none"),
        (
            &["--size", "132x50"],
            Some("dumb"),
            "50 132",
            "xterm-256color none none",
        ),
        (&[], Some("vt100"), "24 80", "vt100 none none"),
        (
            &["-e", "TERM=dumb", "-e", "LINES=7"],
            Some("vt100"),
            "24 80",
            "dumb none 7",
        ),
    ] {
        let mut start = bgp.command(["start", "--json", "-n", "look", "--pty"]);
        start.args(options).args(["sh", "-c", look]);
        start.env("COLUMNS", "10").env("LINES", "10");
        if let Some(term) = term {
            start.env("TERM", term);
        }
        let process = finish(&mut start).code(0).json()["process"].clone();
        assert_eq!(process["pty"], true);
        let id = process["id"].as_str().unwrap();
        bgp.run(["wait", id]).code(0);
        let output = bgp.output(id);
        let expected = format!("{size}\n{told}\nto stderr\n/dev/pts/");
        assert!(output.starts_with(&expected), "{output}");
        let args = ["output", "--raw", "--stderr", "-n", "0", id];
        bgp.run(args).code(0).stdout("");
    }
    let plain = bgp.start("plain", ["true"]);
    assert_eq!(bgp.status(&plain.id)["pty"], false);
    for args in [
        &["--pty", "--stdin", "null", "true"][..],
        &["--size", "80x24", "true"],
        &["--pty", "--size", "80", "true"],
        &["--pty", "--size", "1x1", "true"],
        &["--pty", "--size", "80x1001", "true"],
    ] {
        bgp.run([&["start"], args].concat()).failed(2);
    }
}

// C15
#[test]
fn nothing_of_what_a_quick_process_wrote_is_lost() {
    let bgp = Sandbox::new();
    for n in 0..200 {
        let text = format!("the last words of {n}");
        let process = shell(&bgp, &format!("quick-{n}"), &format!("printf '{text}'"));
        bgp.run(["wait", &process.id]).code(0);
        let args = ["output", "--raw", "-n", "0", &process.id];
        bgp.run(args).code(0).stdout(&text);
    }
}

// C15
#[test]
fn all_of_much_output_is_kept_to_its_last_byte() {
    let bgp = Sandbox::new();
    let process = shell(&bgp, "much", "seq 1 200000; printf end");
    bgp.run(["wait", &process.id]).code(0);
    let written = bgp.run(["output", "--raw", "-n", "0", "much"]).code(0);
    let expected = numbered("", 1..=200_000).replace('\n', "\r\n") + "end";
    assert!(written.text() == expected);
    let last = bgp.run(["output", "-n", "2", "much"]).code(0);
    last.stdout("200000\nend\n");
}

#[test]
fn what_holds_the_terminal_after_its_leader_keeps_neither_the_end_nor_its_own_output() {
    let bgp = Sandbox::new();
    let line = "trap '' HUP; (until [ -e go ]; do sleep 0.05; done; echo later; exec sleep 60) & \
                echo first";
    let process = shell(&bgp, "holds", line);
    let begun = Instant::now();
    bgp.run(["wait", &process.id]).code(0);
    assert!(begun.elapsed() < DEADLINE / 2);
    assert_eq!(bgp.output("holds"), "first\n");
    assert_ne!(bgp.status("holds")["descendants"], 0);
    fs::write(bgp.dir().join("go"), "").unwrap();
    wait_for(&bgp, "holds", "first\nlater\n");
    bgp.run(["send", "holds", "x"]).failed(5);
    bgp.run(["stop", "holds"]).code_in(&[0, 5]);
    bgp.wait_for_supervisor_end(&process.id);
    bgp.run(["verify"]).code(0);
}

#[test]
fn a_flood_that_never_ends_does_not_keep_the_leaders_end() {
    let bgp = Sandbox::new();
    let process = shell(&bgp, "flood", "trap '' HUP; yes flood & echo $!; exit 3");
    bgp.run(["wait", &process.id]).code(3);
    bgp.run(["stop", "flood"]).code_in(&[0, 5]);
    bgp.wait_for_supervisor_end(&process.id);
}

// H12
#[test]
fn enter_is_a_carriage_return_which_a_program_in_raw_mode_gets_as_such() {
    let bgp = Sandbox::new();
    let line = "stty raw -echo; echo ready; head -c 3 | od -An -tx1; stty sane; echo set; read -r l; echo [$l]";
    let process = shell(&bgp, "raw", line);
    bgp.ready(&process);
    bgp.run(["send", "raw", "ab"])
        .code(0)
        .stdout("Sent 3 bytes to raw\n");
    wait_for(&bgp, "raw", "61 62 0d");
    wait_for(&bgp, "raw", "set\n");
    bgp.run(["send", "raw", "a line"]).code(0);
    bgp.run(["wait", "raw"]).code(0);
    assert!(bgp.output("raw").ends_with("a line\n[a line]\n"));
}

#[test]
fn a_password_is_not_echoed_where_the_program_turned_the_echo_off() {
    let bgp = Sandbox::new();
    let line = "stty -echo; printf 'Password: '; read -r p; stty echo; echo; echo got ${#p}; \
                read -r x; echo \"<$x>\"";
    shell(&bgp, "login", line);
    wait_for(&bgp, "login", "Password: ");
    bgp.run(["send", "login", "s3cret"]).code(0);
    wait_for(&bgp, "login", "got 6");
    bgp.run(["send", "login", "shown"]).code(0);
    bgp.run(["wait", "login"]).code(0);
    assert_eq!(bgp.output("login"), "Password: \ngot 6\nshown\n<shown>\n");
    let raw = bgp.run(["output", "--raw", "-n", "0", "login"]).code(0);
    assert!(!raw.text().contains("s3cret"));
}

// F5 F8
#[test]
fn a_line_longer_than_a_terminal_keeps_arrives_whole() {
    let bgp = Sandbox::new();
    for bytes in [4000, 4094, 4095, 4096, 4097, 8000, 8001, 100_000] {
        let name = format!("line-{bytes}");
        let line = format!("stty -echo; echo ready; cat > {name}; echo over");
        let process = shell(&bgp, &name, &line);
        bgp.ready(&process);
        let text = "x".repeat(bytes);
        let path = bgp.dir().join("text");
        fs::write(&path, format!("{text}\rshort\r")).unwrap();
        let path = path.to_str().unwrap();
        let args = ["send", &name, "--file", path, "--eof", "--timeout", "25s"];
        let sent = bgp.run(args).code(0);
        let count = bytes + 7;
        sent.stdout(&format!(
            "Sent {count} bytes and an end of file to {name}\n"
        ));
        bgp.run(["wait", &name]).code(0);
        let got = fs::read_to_string(bgp.dir().join(&name)).unwrap();
        assert!(got == text + "\nshort\n", "{bytes}: got {}", got.len());
    }
}

// F5
#[test]
fn a_program_that_does_not_read_takes_some_and_that_is_told() {
    let bgp = Sandbox::new();
    let process = shell(
        &bgp,
        "deaf",
        "stty -echo; echo ready; until [ -e go ]; do sleep 0.05; done; cat > got",
    );
    bgp.ready(&process);
    let path = bgp.dir().join("text");
    let text = numbered("line ", 1..=40_000);
    fs::write(&path, &text).unwrap();
    let args = ["send", "--json", "deaf", "--file", path.to_str().unwrap()];
    let begun = Instant::now();
    let told = bgp.run(args).code(124).json();
    assert!(begun.elapsed() >= Duration::from_secs(2));
    let taken = usize::try_from(told["bytes"].as_u64().unwrap()).unwrap();
    assert!((4095..text.len()).contains(&taken), "{told}");
    assert_eq!(told["totalBytes"], text.len());
    fs::write(bgp.dir().join("go"), "").unwrap();
    bgp.run(["send", "deaf", "-n", "|", "--eof", "--timeout", "25s"])
        .code(0);
    bgp.run(["wait", "deaf"]).code(0);
    let got = fs::read_to_string(bgp.dir().join("got")).unwrap();
    assert_eq!(got, format!("{}|", &text[..taken]));
}

/// The processor's time that `pid` has used, as the kernel says.
fn processor_time(pid: i32) -> Duration {
    let line = proc::stat(pid).unwrap().line;
    let (_, rest) = line.rsplit_once(')').unwrap();
    // utime and stime, the 14th and the 15th. See proc_pid_stat(5).
    let used = rest.split_whitespace().skip(11).take(2);
    let ticks: u64 = used.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    let per_second = sysconf(SysconfVar::CLK_TCK).unwrap().unwrap();
    Duration::from_millis(ticks * 1000 / u64::try_from(per_second).unwrap())
}

// F5: without a character that hands over what is typed of a line, the terminal takes no more of it
#[test]
fn a_line_that_cannot_be_typed_to_its_end_is_waited_for_without_work() {
    let bgp = Sandbox::new();
    let line = "stty eof undef -echo; echo ready; exec cat > /dev/null";
    let process = shell(&bgp, "stuck", line);
    bgp.ready(&process);
    let path = bgp.dir().join("text");
    fs::write(&path, "x".repeat(9000)).unwrap();
    let path = path.to_str().unwrap();
    let supervisor = process.supervisor();
    let used_before = processor_time(supervisor);
    let begun = Instant::now();
    let args = ["send", "--json", "stuck", "--file", path, "--timeout", "2s"];
    let told = bgp.run(args).code(124).json();
    let took = begun.elapsed();
    let used = processor_time(supervisor).saturating_sub(used_before);
    assert_eq!(
        (&told["bytes"], &told["totalBytes"]),
        (&4000.into(), &9000.into())
    );
    assert!(took >= Duration::from_secs(2));
    assert!(used < took / 4, "{used:?} of the processor in {took:?}");
}

// F7
#[test]
fn lines_that_are_sent_at_the_same_time_are_whole() {
    let bgp = Sandbox::new();
    let process = shell(&bgp, "cat", "stty -echo; echo ready; cat > got");
    bgp.ready(&process);
    let sends: Vec<Running> = (b'a'..b'm')
        .map(|letter| {
            let path = bgp.dir().join(format!("message-{letter}"));
            let line = vec![letter; 20_000 + usize::from(letter)];
            fs::write(&path, [line.as_slice(), b"\r"].concat()).unwrap();
            let path = path.to_str().unwrap();
            let args = ["send", "cat", "--timeout", "25s", "--file", path];
            Running::begin(&mut bgp.command(args))
        })
        .collect();
    for send in sends {
        send.finish().code(0);
    }
    bgp.run(["send", "cat", "--eof"]).code(0);
    bgp.run(["wait", "cat"]).code(0);
    let got = fs::read_to_string(bgp.dir().join("got")).unwrap();
    let mut lines: Vec<&str> = got.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 12);
    for (letter, line) in (b'a'..).zip(lines) {
        assert_eq!(line.len(), 20_000 + usize::from(letter));
        assert!(line.bytes().all(|byte| byte == letter), "lines are mixed");
    }
}

// F8
#[test]
fn an_end_of_file_is_a_character_that_can_be_sent_again() {
    let bgp = Sandbox::new();
    shell(&bgp, "cats", "cat; echo over; cat; echo over again");
    wait_for(&bgp, "cats", "");
    bgp.run(["send", "cats", "one", "--eof"]).code(0);
    wait_for(&bgp, "cats", "one\none\nover\n");
    let args = ["send", "--json", "cats", "-n", "two", "--eof"];
    let told = bgp.run(args).code(0).json();
    assert_eq!((&told["bytes"], &told["eof"]), (&3.into(), &true.into()));
    bgp.run(["wait", "cats"]).code(0);
    let output = bgp.output("cats");
    assert_eq!(output, "one\none\nover\ntwotwoover again\n");
    let other = "stty eof ^X; echo ready; cat; echo over";
    let process = shell(&bgp, "other", other);
    bgp.ready(&process);
    bgp.run(["send", "other", "--eof"])
        .code(0)
        .stdout("Sent an end of file to other\n");
    bgp.run(["wait", "other"]).code(0);
}

#[test]
fn an_interactive_shell_has_job_control_and_ends_as_soon_as_it_is_stopped() {
    let bgp = Sandbox::new();
    let missing = bgp.foreign("bash").args(["-c", ":"]).output().is_err();
    if proc::pass_over(missing, "there is no bash") {
        return;
    }
    let shell = bgp.start_with(
        &["--name", "bash", "--pty", "-e", "PS1=> ", "--grace", "25s"],
        ["bash", "--norc", "-i"],
    );
    wait_for(&bgp, "bash", "> ");
    bgp.run(["send", "bash", "sleep 60 & jobs; echo $((6 * 7))"])
        .code(0);
    let output = wait_for(&bgp, "bash", "\n42\n");
    assert!(
        output.contains("[1]") && !output.contains("no job control"),
        "{output}"
    );
    let begun = Instant::now();
    bgp.run(["stop", "bash"]).code(0);
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "not by the grace"
    );
    assert!(!proc::alive(shell.pid));
    assert_eq!(bgp.status("bash")["status"], "killed");
}

#[test]
fn a_python_prompt_answers_line_by_line() {
    let bgp = Sandbox::new();
    let missing = bgp.foreign("python3").arg("-c").output().is_err();
    if proc::pass_over(missing, "there is no python3") {
        return;
    }
    let options = ["--name", "py", "--pty", "-e", "PYTHON_BASIC_REPL=1"];
    bgp.start_with(&options, ["python3", "-q"]);
    wait_for(&bgp, "py", ">>> ");
    bgp.run(["send", "py", "for i in range(3): print('n', i)"])
        .code(0);
    bgp.run(["send", "py", ""]).code(0);
    wait_for(&bgp, "py", "n 0\nn 1\nn 2\n");
    bgp.run(["send", "py", "--eof"]).code(0);
    bgp.run(["wait", "py"]).code(0);
}

#[test]
fn a_restart_gives_the_same_terminal() {
    let bgp = Sandbox::new();
    let options = ["--name", "again", "--pty", "--size", "100x30"];
    bgp.start_with(&options, ["sh", "-c", "stty size; exec sleep 60"]);
    wait_for(&bgp, "again", "30 100\n");
    bgp.run(["restart", "again"]).code(0);
    wait_for(&bgp, "again", "30 100\n");
    assert_eq!(bgp.status("again")["pty"], true);
}

#[test]
fn each_run_of_a_policy_has_a_terminal_and_its_own_screen() {
    let bgp = Sandbox::new();
    let options = [
        "--name",
        "runs",
        "--pty",
        "--size",
        "90x20",
        "--restart",
        "always:1",
    ];
    bgp.start_with(
        &options,
        [
            "sh",
            "-c",
            "stty size; tty >/dev/null && echo run; read -r x; exit 3",
        ],
    );
    wait_for(&bgp, "runs", "run\n");
    bgp.run(["send", "runs", "first"]).code(0);
    bgp.wait_until("it runs again", || {
        (bgp.output("runs").matches("20 90").count() == 2).then_some(())
    });
    wait_for(&bgp, "runs", "first\n20 90\nrun\n");
    let told = bgp.run(["screen", "runs"]).code(0);
    told.stdout("20 90\nrun\n").stderr("");
    bgp.run(["send", "runs", "second"]).code(0);
    bgp.run(["wait", "runs"]).code(3);
    bgp.run(["verify"]).code(0);
}

// An end that is kept until the terminal is silent may plan the next run in the very moment in which it is told.
#[test]
fn what_ends_with_much_on_its_terminal_is_run_again() {
    let bgp = Sandbox::new();
    let mut start = bgp.command([
        "start",
        "--name",
        "web",
        "--pty",
        "--restart",
        "on-failure:2",
    ]);
    start.env("BGP_TEST_BACKOFF_MS", "1");
    finish(start.args(["sh", "-c", "seq 3000; exit 1"])).code(0);
    bgp.run(["wait", "web"]).code(1);
    let status = bgp.status("web");
    assert_eq!(status["status"], "failed", "{status}");
    assert_eq!(status["restarts"], 2, "{status}");
    assert_eq!(bgp.output("web").matches("\n3000\n").count(), 3);
}
