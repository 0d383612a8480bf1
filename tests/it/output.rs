//! Every byte that was written can be read, in order, while it runs and after.
//!
//! | rows | here |
//! |---|---|
//! | A16 A18 A19 H4 | closed streams, late writers, much at the end |
//! | C6 C7 C9 | endless lines, any bytes, faster than the disk |
//! | C13 | reading what is being written |
//! | C14 E22 | two streams, split characters |
//! | F1 F2 F15 | closed pipes, full disks, no terminal |

use std::fs::File;
use std::process::Stdio;

use crate::harness::{DEADLINE, Sandbox, numbered, script};
use crate::invocation::{Running, finish};
use crate::proc;
use crate::raw;

#[test]
fn the_last_twenty_lines_are_shown_or_as_many_as_are_wanted() {
    let bgp = Sandbox::new();
    bgp.start("seq", ["seq", "1", "100"]);
    bgp.run(["wait", "seq"]).code(0);
    let lines = |from: u32| numbered("", from..=100);
    bgp.run(["output", "seq"])
        .code(0)
        .stdout(&lines(81))
        .stderr("");
    bgp.run(["logs", "seq"]).code(0).stdout(&lines(81));
    bgp.run(["output", "-n", "3", "seq"])
        .code(0)
        .stdout(&lines(98));
    bgp.run(["output", "-n", "0", "seq"])
        .code(0)
        .stdout(&lines(1));
    bgp.run(["output", "-n", "1000", "seq"])
        .code(0)
        .stdout(&lines(1));
    bgp.run(["output", "nothing"]).failed(3);
}

// C14
#[test]
fn both_streams_are_shown_in_order_or_one_of_them() {
    let bgp = Sandbox::new();
    let line = "echo one; read x; echo two >&2; read x; echo three; read x; echo four >&2";
    bgp.start("mix", ["sh", "-c", line]);
    let mut written = String::new();
    for word in ["one\n", "two\n", "three\n"] {
        // The order of two streams is that in which they are read.
        written.push_str(word);
        bgp.wait_until(&format!("{word:?} is logged"), || {
            (bgp.output("mix") == written).then_some(())
        });
        bgp.run(["send", "mix", ""]).code(0);
    }
    bgp.run(["wait", "mix"]).code(0);
    bgp.run(["output", "mix"])
        .code(0)
        .stdout("one\ntwo\nthree\nfour\n");
    bgp.run(["output", "--stdout", "mix"])
        .code(0)
        .stdout("one\nthree\n");
    bgp.run(["output", "--stderr", "mix"])
        .code(0)
        .stdout("two\nfour\n");
    bgp.start(
        "merged",
        [
            "sh",
            "-c",
            "for n in 1 2 3 4 5 6; do echo $n; echo $n; done 2>&1",
        ],
    );
    bgp.run(["wait", "merged"]).code(0);
    assert_eq!(bgp.output("merged"), "1\n1\n2\n2\n3\n3\n4\n4\n5\n5\n6\n6\n");
}

#[test]
fn timestamps_are_put_before_each_line() {
    let bgp = Sandbox::new();
    bgp.start("t", ["sh", "-c", "echo a; echo b"]);
    bgp.run(["wait", "t"]).code(0);
    let text = bgp.run(["output", "--timestamps", "t"]).code(0).text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    for (line, end) in lines.iter().zip(["a", "b"]) {
        assert!(
            line.ends_with(end) && line.starts_with("20") && line.len() > 15,
            "{text}"
        );
    }
}

// A16
#[test]
fn a_process_that_closes_its_streams_runs_on() {
    let bgp = Sandbox::new();
    for (name, number) in [("closes-stdout", 1), ("closes-stdin", 0)] {
        let process = bgp.start(name, [script(&format!("{name}.sh"))]);
        bgp.ready(&process);
        bgp.wait_until("its stream is closed", || {
            let all = proc::descriptors(process.pid)?;
            (!all.iter().any(|(n, _)| *n == number)).then_some(())
        });
        // Only the record itself tells it; it holds nothing but which stream that was.
        let log = || std::fs::read(bgp.log(&process.id)).unwrap();
        let small = |record: &raw::Record| record.range.len() == raw::RECORD_MIN_BYTES;
        if number == 1 {
            bgp.wait_until("its log notes that", || {
                let records = raw::records(&log());
                records.iter().any(small).then_some(())
            });
        }
        assert_eq!(bgp.status(name)["status"], "running", "{name}");
    }
    bgp.run(["verify"]).code(0);
    bgp.run(["stop", "closes-stdout", "closes-stdin"]).code(0);
}

// A18
#[test]
fn what_a_grandchild_writes_after_the_leaders_end_is_logged_in_order() {
    let bgp = Sandbox::new();
    let late = bgp.start("late", [script("chatty-grandchild.sh"), "500".to_owned()]);
    bgp.run(["wait", "late"]).code(0);
    bgp.wait_for_supervisor_end(&late.id);
    let expected = numbered("late ", 1..=500);
    assert_eq!(
        bgp.output("late"),
        format!("ready {}\n{expected}", late.pid)
    );
}

// A19
#[test]
fn two_hundred_thousand_lines_at_once_are_all_there() {
    let bgp = Sandbox::new();
    let flood = bgp.start("flood", [script("floods.sh")]);
    bgp.run(["wait", "flood"]).code(0);
    bgp.run(["output", "-n", "1", "flood"])
        .code(0)
        .stdout("line 200000\n");
    let expected = numbered("line ", 1..=200_000);
    assert_eq!(bgp.output("flood"), expected);
    bgp.wait_for_supervisor_end(&flood.id);
    bgp.run(["verify", "flood"]).code(0);
}

// A19
#[test]
fn whoever_has_waited_can_read_the_last_line_at_once() {
    let bgp = Sandbox::new();
    for round in 0..200 {
        let name = format!("n{round}");
        bgp.run(["start", "--name", &name, "-c", "seq 1 2000; echo last"])
            .code(0);
        bgp.run(["wait", &name]).code(0);
        bgp.run(["output", "-n", "1", &name])
            .code(0)
            .stdout("last\n");
    }
}

// H4: a pipe holds 64 KiB, and all of it is there before the supervisor has read any.
#[test]
fn what_the_pipe_held_at_the_end_is_in_the_log_before_the_end_is_told() {
    let bgp = Sandbox::new();
    for round in 0..20 {
        let name = format!("n{round}");
        bgp.start(
            &name,
            ["sh", "-c", "head -c 60000 /dev/zero | tr '\\0' x; exit 3"],
        );
        bgp.run(["wait", &name]).code(3);
        let raw = bgp.run(["output", "--raw", "-n", "0", &name]).code(0);
        assert_eq!(raw.stdout.len(), 60_000, "round {round}");
    }
}

// A14 C6
#[test]
fn a_line_without_end_costs_no_memory_and_is_cut_in_the_middle() {
    const LENGTH: usize = 30 << 20;
    let bgp = Sandbox::new();
    let line = format!("head -c {LENGTH} /dev/zero | tr '\\0' x; echo ready >&2; sleep 60");
    let long = bgp.start("long", ["sh", "-c", &line]);
    let supervisor = long.supervisor();
    bgp.ready(&long);
    let rss = resident_kib(supervisor);
    assert!(rss < 16 * 1024, "the supervisor has {rss} KiB");
    let shown = bgp.run(["output", "--stdout", "long"]).code(0);
    assert!(
        (1000..20_000).contains(&shown.stdout.len()),
        "{} bytes",
        shown.stdout.len()
    );
    assert!(
        !shown.text().chars().all(|c| c == 'x' || c == '\n'),
        "no marker"
    );
    let raw = bgp
        .run(["output", "--stdout", "--raw", "-n", "0", "long"])
        .code(0);
    assert!(raw.stdout.iter().all(|byte| *byte == b'x') && raw.stdout.len() == LENGTH);
}

fn resident_kib(pid: i32) -> u64 {
    let line = proc::status_line(pid, "VmRSS").expect("it lives");
    line.split_whitespace().next().unwrap().parse().unwrap()
}

// C6
#[test]
fn a_progress_bar_is_its_last_state_in_a_pipe() {
    let bgp = Sandbox::new();
    bgp.start(
        "bar",
        [
            "sh",
            "-c",
            "for n in 1 2 3; do printf '%d0 %%\\r' $n; done; printf 'done\\n'",
        ],
    );
    bgp.run(["wait", "bar"]).code(0);
    bgp.run(["output", "bar"]).code(0).stdout("done\n");
    bgp.run(["output", "--raw", "bar"])
        .code(0)
        .stdout("10 %\r20 %\r30 %\rdone\n");
}

// C7
#[test]
fn bytes_in_are_bytes_out() {
    let bgp = Sandbox::new();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let bytes: Vec<u8> = (0..300_000).map(|_| random.u8(..)).collect();
    std::fs::write(bgp.dir().join("bytes"), &bytes).unwrap();
    for size in [7, 4019, 4096, 65_536] {
        let name = format!("size-{size}");
        let dd = format!("dd if=bytes bs={size} 2>/dev/null");
        bgp.start(&name, ["sh", "-c", &dd]);
        bgp.run(["wait", &name]).code(0);
        let raw = bgp.run(["output", "--raw", "-n", "0", &name]).code(0);
        assert!(
            raw.stdout == bytes,
            "{size}: {} bytes of {}",
            raw.stdout.len(),
            bytes.len()
        );
    }
    bgp.run(["verify"]).code(0);
}

// C7 C16 E22
#[test]
fn characters_that_are_split_or_broken_do_no_harm() {
    let bgp = Sandbox::new();
    bgp.start("odd", [script("not-utf8.sh")]);
    bgp.run(["wait", "odd"]).code(0);
    let raw = bgp.run(["output", "--raw", "odd"]).code(0);
    assert_eq!(
        raw.stdout,
        b"latin \xff\xfe end\ncaf\xc3\xa9 split\ncut \xc3\nnul \0 bell \x07\n"
    );
    let shown = bgp.run(["output", "odd"]).code(0);
    let text = String::from_utf8(shown.stdout.clone()).expect("what is shown is text");
    assert!(text.contains("caf\u{e9} split\n"), "{text:?}");
    assert_eq!(text.lines().count(), 4, "{text:?}");
}

// C8
#[test]
fn single_bytes_are_put_together() {
    let bgp = Sandbox::new();
    let bytes = bgp.start(
        "bytes",
        [
            script("one-byte-writes.sh"),
            "h\u{e9}llo".to_owned(),
            "200".to_owned(),
        ],
    );
    bgp.run(["wait", "bytes"]).code(0);
    let expected = "h\u{e9}llo\n".repeat(200);
    assert_eq!(bgp.output("bytes"), expected);
    // Between two reads what is written gathers for 10 ms, and the shell writes a byte in some microseconds.
    // It never waits: however seldom a loaded machine lets it run, then it writes many at a time.
    bgp.wait_for_supervisor_end(&bytes.id);
    let records = raw::records(&std::fs::read(bgp.log(&bytes.id)).unwrap()).len();
    assert!(records < expected.len() / 4, "{records} records");
}

// C9
#[test]
fn a_flood_blocks_the_writer_and_not_the_memory() {
    const BYTES: usize = 40_000_000;
    let bgp = Sandbox::new();
    let line = format!("yes 0123456789abcdef | head -c {BYTES}; echo ready >&2; sleep 60");
    let flood = bgp.start("flood", ["sh", "-c", &line]);
    let supervisor = flood.supervisor();
    bgp.ready(&flood);
    let rss = resident_kib(supervisor);
    assert!(rss < 16 * 1024, "the supervisor has {rss} KiB");
    bgp.run(["stop", "flood"]).code(0);
    let raw = bgp
        .run(["output", "--stdout", "--raw", "-n", "0", "flood"])
        .code(0);
    assert_eq!(raw.stdout.len(), BYTES);
    assert!(
        raw.stdout
            .chunks(17)
            .all(|line| b"0123456789abcdef\n".starts_with(line))
    );
}

// C13
#[test]
fn who_reads_while_it_is_written_never_sees_damage() {
    let bgp = Sandbox::new();
    let flood = bgp.start("flood", [script("floods.sh"), "100000".to_owned()]);
    std::thread::scope(|scope| {
        for reader in 0..4 {
            let (bgp, id) = (&bgp, flood.id.as_str());
            scope.spawn(move || {
                let mut rounds = 0;
                let mut last = 0;
                while bgp.lease_is_held(id) || rounds < 5 {
                    let outcome = match reader {
                        0 => bgp.run(["verify", "flood"]).code(0),
                        1 => bgp.run(["output", "-n", "0", "--raw", "flood"]).code(0),
                        _ => bgp.run(["output", "-n", "7", "flood"]).code(0),
                    };
                    outcome.clone().stderr("");
                    if reader != 0 {
                        let text = outcome.text();
                        let (whole, _) = text.rsplit_once('\n').unwrap_or(("", ""));
                        // Of lines, the last may be one that is not written to its end yet.
                        let line = whole.lines().rev().nth(usize::from(reader > 1));
                        let line = line.unwrap_or("line 0");
                        let number: u64 = line.strip_prefix("line ").unwrap().parse().unwrap();
                        assert!(number >= last, "{number} after {last}");
                        last = number;
                    }
                    rounds += 1;
                }
            });
        }
    });
    bgp.run(["wait", "flood"]).code(0);
    bgp.wait_for_supervisor_end(&flood.id);
    bgp.run(["output", "-n", "1", "flood"])
        .code(0)
        .stdout("line 100000\n");
}

#[test]
fn who_follows_sees_all_and_ends_with_the_leader() {
    let bgp = Sandbox::new();
    let line = "echo begin; n=0; while [ ! -e go ]; do sleep 0.01; done; seq 1 5000; echo end; sleep 60 & exit 3";
    bgp.start("work", ["sh", "-c", line]);
    let follower = Running::begin(&mut bgp.command(["output", "-n", "0", "-f", "work"]));
    let streamer = Running::begin(&mut bgp.command(["logs", "-f", "work"]));
    bgp.wait_until("both see the beginning", || {
        (follower.stdout() == "begin\n" && streamer.stdout() == "begin\n").then_some(())
    });
    File::create(bgp.dir().join("go")).unwrap();
    let numbers = numbered("", 1..=5000);
    let expected = format!("begin\n{numbers}end\n");
    follower.finish().code(0).stdout(&expected);
    streamer.finish().code(0).stdout(&expected);
}

#[test]
fn who_follows_to_the_end_sees_the_grandchildren_too() {
    let bgp = Sandbox::new();
    let late = bgp.start("late", [script("chatty-grandchild.sh"), "2000".to_owned()]);
    let told =
        Running::begin(&mut bgp.command(["output", "-n", "0", "-f", "--to-end", "late"])).finish();
    let expected = numbered("late ", 1..=2000);
    told.code(0)
        .stdout(&format!("ready {}\n{expected}", late.pid));
    // After the end it is all there at once.
    bgp.run(["output", "-f", "-n", "1", "late"])
        .code(0)
        .stdout("late 2000\n");
}

#[test]
fn an_unterminated_last_line_is_shown() {
    let bgp = Sandbox::new();
    bgp.start("prompt", ["sh", "-c", "printf 'name: '; cat"]);
    bgp.wait_until("the prompt is there", || {
        bgp.output("prompt").starts_with("name: ").then_some(())
    });
    bgp.run(["output", "--raw", "prompt"])
        .code(0)
        .stdout("name: ");
}

// F1
#[test]
fn a_reader_that_goes_away_is_a_quiet_end() {
    let bgp = Sandbox::new();
    bgp.start("seq", ["seq", "1", "200000"]);
    bgp.run(["wait", "seq"]).code(0);
    for args in [
        "output -n 0 seq",
        "output -n 0 --raw seq",
        "list",
        "list --json",
        "status seq",
        "help",
        "verify",
    ] {
        let line = format!("{{ \"$BGP\" {args}; echo \"code $?\" >&2; }} | head -c 1 >/dev/null");
        let outcome = bgp.sh(&line);
        let errors = outcome.errors();
        assert!(
            ["code 0\n", "code 141\n"].contains(&errors.as_str()),
            "{args}\n{}",
            outcome.describe()
        );
        let line = format!("{{ \"$BGP\" {args}; echo \"code $?\" >&2; }} | true");
        let errors = bgp.sh(&line).errors();
        assert!(
            ["code 0\n", "code 141\n"].contains(&errors.as_str()),
            "{args}: {errors}"
        );
    }
}

// F2
#[test]
fn a_full_disk_under_stdout_is_told() {
    let bgp = Sandbox::new();
    bgp.start("seq", ["seq", "1", "10"]);
    bgp.run(["wait", "seq"]).code(0);
    for args in [
        &["output", "seq"][..],
        &["list"],
        &["list", "--json"],
        &["status", "seq"],
        &["help"],
        &["--version"],
    ] {
        let outcome = bgp.sh(&format!("exec \"$BGP\" {} >/dev/full", args.join(" ")));
        assert!(!outcome.status.success(), "{}", outcome.describe());
        outcome.stderr_has("No space left on device");
    }
}

// F15
#[test]
fn without_a_terminal_the_output_is_plain_whatever_the_environment_says() {
    let bgp = Sandbox::new();
    let long = "x".repeat(300);
    bgp.start(
        "plain",
        [
            "printf",
            "\\033[31mred\\033[0m \\033]0;title\\007\\033[?25lend %s\\n",
            &long,
        ],
    );
    bgp.run(["wait", "plain"]).code(0);
    let reference = bgp
        .run(["output", "plain"])
        .code(0)
        .stdout(&format!("red end {long}\n"));
    for (name, value) in [
        ("NO_COLOR", "1"),
        ("COLUMNS", "1"),
        ("TERM", "xterm-256color"),
        ("LC_ALL", "C"),
        ("LANG", "de_DE.UTF-8"),
        ("CLICOLOR_FORCE", "1"),
    ] {
        for args in [&["output", "plain"][..], &["list"], &["status", "plain"]] {
            let mut command = bgp.command(args.iter().copied());
            let outcome = finish(command.env(name, value).stdin(Stdio::null())).code(0);
            assert!(
                !outcome.text().contains('\u{1b}'),
                "{name}: {}",
                outcome.describe()
            );
            if args[0] == "output" {
                assert_eq!(outcome.stdout, reference.stdout, "{name}");
            } else {
                assert!(
                    outcome.text().contains(&long),
                    "{name} cut {}",
                    outcome.describe()
                );
            }
        }
    }
}

// C5: a file size limit of the caller's is the disk that refuses
#[test]
fn a_log_that_may_not_grow_does_not_hold_the_process_up() {
    let bgp = Sandbox::new();
    let line = "seq 1 300000; echo \"$(ulimit -f)\" >&2; exit 7";
    finish(bgp.foreign("/bin/sh").args([
        "-c",
        "ulimit -f 400; exec \"$BGP\" start --name full sh -c \"$0\"",
        line,
    ]))
    .code(0);
    // Its end is told at once, not when the disk is given up.
    Running::begin(&mut bgp.command(["wait", "full"]))
        .finish_within(DEADLINE / 4)
        .code(7);
    let status = bgp.status("full");
    assert_eq!(
        (&status["status"], &status["exitCode"]),
        (&"failed".into(), &7.into())
    );
    let outcome = bgp
        .run(["output", "-n", "0", "--stdout", "full"])
        .code_in(&[0, 13]);
    let text = outcome.text();
    assert!(text.starts_with("1\n2\n3\n"), "{}", outcome.describe());
    let kept = text
        .lines()
        .map_while(|line| line.parse::<u32>().ok())
        .count();
    assert!(
        kept > 10_000,
        "{kept} lines were kept\n{}",
        outcome.describe()
    );
    let id = status["id"].as_str().unwrap().to_owned();
    bgp.wait_for_supervisor_end(&id);
    assert_eq!(bgp.list()[0]["exitCode"], 7);
}

// C9: who writes much is given a larger pipe, but not for ever: a user may have only so many
#[cfg(target_os = "linux")]
#[test]
fn a_burst_widens_its_pipe_and_rest_narrows_it() {
    use nix::fcntl::{FcntlArg, fcntl};
    let bgp = Sandbox::new();
    let (_reader, writer) = nix::unistd::pipe().unwrap();
    let wide = fcntl(&writer, FcntlArg::F_SETPIPE_SZ(256 * 1024));
    if proc::pass_over(wide.is_err(), "this user's pipes cannot be widened") {
        return;
    }
    // It goes on until it was seen: a burst that is over before anybody looks proves nothing.
    let line = "until [ -e seen ]; do head -c 1M /dev/zero; done; read x";
    let work = bgp.start("work", ["sh", "-c", line]);
    let stdout = File::options()
        .write(true)
        .open(format!("/proc/{}/fd/1", work.pid))
        .unwrap();
    let holds = |bytes: i32| {
        bgp.wait_until(&format!("the pipe holds {bytes} bytes"), || {
            (fcntl(&stdout, FcntlArg::F_GETPIPE_SZ) == Ok(bytes)).then_some(())
        });
    };
    holds(256 * 1024);
    File::create(bgp.dir().join("seen")).unwrap();
    holds(64 * 1024);
}

// F1
#[test]
fn a_follower_whose_reader_has_left_ends_though_nothing_more_is_written() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sh", "-c", "echo first; exec sleep 60"]);
    bgp.sh("\"$BGP\" output -f web | head -n 1")
        .code(0)
        .stdout("first\n");
}
