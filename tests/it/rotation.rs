//! A log stays as small as it was asked to, and says what it has let go.
//!
//! | rows | here |
//! |---|---|
//! | C2 C5 | a file that may not grow: a new segment, or a gap, and a true end |
//! | C10 | a log that is removed, renamed or cut under its writer |
//! | C11 | a rotation killed at each step |
//! | C12 | the modes of all segments |
//! | F14 | who follows goes across segments, also when rotation is faster |
//! | H5 | START and EXIT are in every segment |

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;

use crate::harness::{Proc, Sandbox, file_names, numbered};
use crate::invocation::{Outcome, Running, finish};
use crate::proc;

/// Something done to a log's file.
type Harm = fn(&std::path::Path);

/// The smallest log there may be.
pub(crate) const MIB: &str = "--max-log=1MiB";
/// Lines of seven bytes that fill such a log more than twice.
const LINES: std::ops::RangeInclusive<u32> = 100_000..=499_999;

/// A process that has written [`LINES`] and ended.
fn rotated(bgp: &Sandbox, name: &str) -> Proc {
    let process = bgp.start_with(&["--name", name, MIB], ["seq", "100000", "499999"]);
    bgp.run(["wait", name]).code(0);
    bgp.wait_for_supervisor_end(&process.id);
    process
}

/// The numbers of the segments of a log, and their sizes.
fn segments(bgp: &Sandbox, id: &str) -> Vec<(u64, u64)> {
    let mut found: Vec<(u64, u64)> = file_names(&bgp.state().join("logs"))
        .iter()
        .filter_map(|name| {
            let rest = name.strip_prefix(id)?.strip_suffix("log.enc")?;
            let number = rest.trim_matches('.');
            let number = if number.is_empty() {
                0
            } else {
                number.parse().unwrap()
            };
            let bytes = fs::metadata(bgp.state().join("logs").join(name))
                .unwrap()
                .len();
            Some((number, bytes))
        })
        .collect();
    found.sort_unstable();
    found
}

fn dropped_note(text: &str) -> u64 {
    let line = text
        .lines()
        .find(|line| line.contains("dropped by rotation"));
    let words = line.and_then(|line| line.split_whitespace().nth(2));
    words.map_or(0, |bytes| bytes.parse().unwrap())
}

#[test]
fn a_log_stays_below_its_size_and_says_how_much_it_dropped() {
    let bgp = Sandbox::new();
    let process = rotated(&bgp, "work");
    let kept = segments(&bgp, &process.id);
    let total: u64 = kept.iter().map(|(_, bytes)| bytes).sum();
    // A segment of an eighth may end one batch later, and so may the last that went.
    assert!(
        kept.len() >= 3 && total <= 1 << 20 && total > 400_000,
        "{kept:?}"
    );
    assert_eq!(bgp.status("work")["logBytes"], total);

    let outcome = bgp.run(["output", "-n", "0", "work"]).code(0);
    let all = numbered("", LINES);
    let text = outcome.text();
    assert!(all.ends_with(&text) && text.len() > 350_000);
    let dropped = (all.len() - text.len()) as u64;
    assert_eq!(
        dropped_note(&outcome.errors()),
        dropped,
        "{}",
        outcome.errors()
    );
    let json = bgp
        .run(["output", "-n", "0", "--json", "work"])
        .code(0)
        .json();
    assert_eq!(json["droppedBytes"], dropped);
    // Who asks for the last lines has missed nothing.
    bgp.run(["output", "-n", "40000", "work"])
        .code(0)
        .stdout(&numbered("", 460_000..=499_999))
        .stderr("");
    bgp.run(["verify", "work"]).code(0);

    let paths = bgp.run(["logs", "work", "--path", "--json"]).code(0).json();
    let told: Vec<(u64, u64)> = paths["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                file["segment"].as_u64().unwrap(),
                file["bytes"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, kept);
    bgp.run(["clear", "work"]).code(0);
    assert_eq!(segments(&bgp, &process.id), []);
}

#[test]
fn a_log_that_fits_is_one_segment_and_a_size_is_checked() {
    let bgp = Sandbox::new();
    let process = bgp.start_with(&["--max-log", "2MiB"], ["seq", "100000", "130000"]);
    bgp.run(["wait", &process.id]).code(0);
    assert_eq!(segments(&bgp, &process.id).len(), 1);
    for wrong in ["0", "1000000", "2TiB", "big"] {
        bgp.run(["start", "--max-log", wrong, "true"])
            .failed(2)
            .stderr_has("--max-log");
    }
    // The configuration says what holds without a word.
    bgp.run(["config", "set", "logs.maxBytes", "1MiB"]).code(0);
    let process = bgp.start("configured", ["seq", "100000", "499999"]);
    bgp.run(["wait", "configured"]).code(0);
    assert!(segments(&bgp, &process.id).len() > 3);
}

// H5
#[test]
fn what_was_asked_survives_the_first_segment() {
    let bgp = Sandbox::new();
    let line = "seq 100000 499999; echo $COLOUR; exec sleep 60";
    let options = ["--name", "web", MIB, "-e", "COLOUR=green", "-c", line];
    bgp.run([&["start"][..], &options].concat()).code(0);
    bgp.wait_until("the last line", || {
        bgp.run(["output", "-n", "1", "web"])
            .text()
            .eq("green\n")
            .then_some(())
    });
    let first = bgp.status("web");
    assert!(
        segments(&bgp, first["id"].as_str().unwrap())[0].0 > 0,
        "segment 0 is gone"
    );
    let second = Proc::from_json(&bgp.run(["restart", "--json", "web"]).code(0).json()["process"]);
    bgp.wait_until("the last line again", || {
        bgp.run(["output", "-n", "1", "web"])
            .text()
            .eq("green\n")
            .then_some(())
    });
    assert!(segments(&bgp, &second.id).len() > 3, "its size too");
    bgp.run(["stop", "web"]).code(0);
    let status = bgp.status("web");
    assert_eq!(
        (&status["status"], &status["signal"]),
        (&"killed".into(), &"SIGTERM".into())
    );
    bgp.run(["verify"]).code(0);
}

// C12
#[test]
fn all_segments_are_private_whatever_the_umask() {
    for umask in ["000", "022", "777"] {
        let bgp = Sandbox::new();
        let line = format!("umask {umask}; exec \"$BGP\" start {MIB} -n work seq 100000 499999");
        bgp.sh(&line).code(0);
        bgp.run(["wait", "work"]).code(0);
        let names = file_names(&bgp.state().join("logs"));
        assert!(names.len() > 3);
        for name in names {
            let mode = fs::metadata(bgp.state().join("logs").join(&name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o7777, 0o600, "{name} under {umask}");
        }
    }
}

// F14
#[test]
fn who_follows_goes_across_segments_and_misses_nothing() {
    let bgp = Sandbox::new();
    let line = "read go; for i in 1 2 3 4 5 6 7 8; do seq 100000 120000; sleep 0.05; done";
    let process = bgp.start_with(&["--name", "work", MIB], ["sh", "-c", line]);
    let mut follower = Running::begin(&mut bgp.command(["output", "-f", "-n", "0", "work"]));
    assert!(!follower.has_ended());
    bgp.run(["send", "work", "go"]).code(0);
    let outcome = follower.finish().code(0);
    assert!(segments(&bgp, &process.id).last().unwrap().0 > 6);
    let once = numbered("", 100_000..=120_000);
    let seen = outcome.text().len() as u64 + dropped_total(&outcome.errors());
    assert_eq!(seen, once.len() as u64 * 8, "{}", outcome.errors());
}

/// The sum of all that a follower was told.
pub(crate) fn dropped_total(text: &str) -> u64 {
    text.lines().map(dropped_note).sum()
}

// F14
#[test]
fn who_is_slower_than_rotation_is_told_what_he_missed() {
    let bgp = Sandbox::new();
    let line = "seq 100000 110000; read go; seq 100000 499999; echo last";
    let process = bgp.start_with(&["--name", "work", MIB], ["sh", "-c", line]);
    bgp.wait_until("the first lines", || {
        bgp.run(["output", "-n", "1", "work"])
            .text()
            .eq("110000\n")
            .then_some(())
    });
    let follower = Running::begin(&mut bgp.command(["output", "-f", "-n", "0", "work"]));
    bgp.wait_until("the follower has read them", || {
        follower.stdout().ends_with("\n110000\n").then_some(())
    });
    proc::kill(follower.pid(), Signal::SIGSTOP);
    bgp.run(["send", "work", "go"]).code(0);
    bgp.run(["wait", "work"]).code(0);
    bgp.wait_for_supervisor_end(&process.id);
    proc::kill(follower.pid(), Signal::SIGCONT);
    let outcome = follower.finish().code(0);
    let written =
        numbered("", 100_000..=110_000).len() + numbered("", LINES).len() + "last\n".len();
    let dropped = dropped_total(&outcome.errors());
    assert!(dropped > 500_000, "{}", outcome.errors());
    // A line that was cut there has a newline of its own.
    let told = outcome.text().len() as u64 + dropped - written as u64;
    assert!(told <= 1, "{told} bytes too many");
    assert!(outcome.text().ends_with("\nlast\n"));
}

// C13
#[test]
fn readers_beside_a_rotating_writer_never_see_damage() {
    let bgp = Sandbox::new();
    let line = "while :; do seq 100000 150000; done";
    bgp.start_with(&["--name", "work", MIB], ["sh", "-c", line]);
    for _ in 0..30 {
        for args in [["-n", "0"], ["-n", "100"]] {
            bgp.run([&["output", "work"][..], &args].concat()).code(0);
        }
        bgp.run(["logs", "work", "--path"]).code(0);
        assert_eq!(bgp.status("work")["status"], "running");
    }
    bgp.run(["stop", "--force", "work"]).code(0);
    bgp.run(["verify"]).code(0);
}

// C11
#[test]
fn a_supervisor_killed_at_any_step_of_a_rotation_leaves_a_log_that_reads() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let points = [
        "rotate-created",
        "rotate-written",
        "rotate-published",
        "rotate-removed",
    ];
    let mut reached = 0;
    for point in points {
        for hit in [1, 2, 7] {
            let bgp = Sandbox::new();
            let mut start = bgp.command([
                "start", "--json", MIB, "-n", "work", "seq", "100000", "499999",
            ]);
            start.env("BGP_CRASH_AT", format!("{point}:{hit}"));
            let process =
                Proc::from_json(&crate::invocation::finish(&mut start).code(0).json()["process"]);
            bgp.wait_for_supervisor_end(&process.id);
            let status = bgp.status("work")["status"].clone();
            if status == "exited" {
                continue; // a release build has no such points
            }
            reached += 1;
            assert_eq!(status, "lost", "{point}:{hit}");
            let outcome = bgp.run(["output", "-n", "0", "--raw", "work"]).code(0);
            let all = numbered("", LINES);
            let dropped = usize::try_from(dropped_note(&outcome.errors())).unwrap();
            let text = outcome.text();
            assert!(all[dropped..].starts_with(&text), "{point}:{hit} {dropped}");
            assert!(text.len() > 80_000, "{point}:{hit}");
            bgp.run(["verify", "work"]).code(0);
            bgp.run(["restart", "work"]).code(0);
            bgp.run(["wait", "work"]).code(0);
            bgp.run(["clear"]).code(0);
            bgp.wait_until("all is cleared", || {
                bgp.run(["clear"]).code(0);
                bgp.list().is_empty().then_some(())
            });
            assert_eq!(
                file_names(&bgp.state().join("logs")),
                Vec::<String>::new(),
                "{point}:{hit}"
            );
        }
    }
    assert!(reached > 0, "no point was reached");
}

// C11
#[test]
fn a_segment_that_rotation_did_not_remove_is_missed() {
    let bgp = Sandbox::new();
    let process = rotated(&bgp, "work");
    let kept = segments(&bgp, &process.id);
    for (index, (number, _)) in kept.iter().enumerate() {
        let path = bgp
            .state()
            .join(format!("logs/{}.{number}.log.enc", process.id));
        let aside = bgp.dir().join("aside");
        fs::rename(&path, &aside).unwrap();
        let outcome = bgp
            .run(["output", "-n", "0", "work"])
            .code(13)
            .stderr_has("missing");
        assert!(outcome.text().len() > 100_000, "what is intact is shown");
        bgp.run(["verify", "work"])
            .code(13)
            .stdout_has(&format!("{}.{number}.log.enc", process.id));
        fs::rename(&aside, &path).unwrap();
        if index + 1 == kept.len() {
            bgp.run(["verify", "work"]).code(0);
        }
    }
}

// C10
#[test]
fn a_log_that_is_taken_away_under_its_writer_goes_on_and_is_missed() {
    // It looks at its file once a second, when there is something to write.
    let line = "echo first; read go; sleep 1.1; echo second; read go; echo third";
    let harms: [(&str, Harm); 3] = [
        ("removed", |log| fs::remove_file(log).unwrap()),
        ("renamed", |log| {
            fs::rename(log, log.with_extension("old")).unwrap();
        }),
        ("cut", |log| {
            File::options()
                .write(true)
                .open(log)
                .unwrap()
                .set_len(200)
                .unwrap();
        }),
    ];
    for (harm, do_harm) in harms {
        let bgp = Sandbox::new();
        let process = bgp.start("work", ["sh", "-c", line]);
        bgp.wait_until("the first line", || {
            bgp.output("work").eq("first\n").then_some(())
        });
        do_harm(&bgp.log(&process.id));
        bgp.run(["send", "work", "go"]).code(0);
        bgp.wait_until("the log goes on", || {
            (segments(&bgp, &process.id).last()?.0 == 1).then_some(())
        });
        bgp.wait_until("it is told", || {
            let told = bgp.run(["alerts", "--peek"]).code(0);
            told.text()
                .contains("removed, renamed or cut")
                .then_some(())
        });
        bgp.run(["send", "work", "go"]).code(0);
        bgp.run(["wait", "work"]).code(0);
        bgp.wait_for_supervisor_end(&process.id);
        let outcome = bgp.run(["output", "-n", "0", "work"]).code(13);
        assert!(
            outcome.text().ends_with("second\nthird\n"),
            "{harm}: {}",
            outcome.describe()
        );
        bgp.run(["verify", "work"]).code(13);
        assert_eq!(bgp.status("work")["exitCode"], 0, "{harm}");
    }
}

// C2 C5
#[test]
fn a_limit_of_file_sizes_ends_a_segment_and_not_the_log() {
    let bgp = Sandbox::new();
    bgp.sh("ulimit -f 200; exec \"$BGP\" start -n work seq 100000 199999")
        .code(0);
    bgp.run(["wait", "work"]).code(0);
    bgp.run(["output", "-n", "0", "work"])
        .code(0)
        .stdout(&numbered("", 100_000..=199_999))
        .stderr("");
    bgp.run(["verify"]).code(0);
    let id = bgp.status("work")["id"].as_str().unwrap().to_owned();
    assert!(segments(&bgp, &id).len() > 3);
}

// C2 C5
#[test]
fn whatever_record_a_limit_of_file_sizes_falls_on_the_log_has_its_end() {
    const BLOCKS: u64 = 200;
    let bgp = Sandbox::new();
    let log_of = |bytes: u64, limit: &str| {
        bgp.sh(&format!(
            "{limit} exec \"$BGP\" start -n work head -c {bytes} /dev/zero"
        ))
        .code(0);
        bgp.run(["wait", "work"]).code(0);
        let id = bgp.status("work")["id"].as_str().unwrap().to_owned();
        bgp.wait_for_supervisor_end(&id);
        let (first, last) = (
            segments(&bgp, &id),
            fs::metadata(bgp.log(&id)).unwrap().len(),
        );
        let verified = bgp
            .run(["verify", "work"])
            .code(0)
            .stdout_has("intact, sealed");
        bgp.run(["clear", "work"]).code(0);
        (first.len(), last, verified.describe())
    };
    let limit = BLOCKS * 512;
    // As much as that limit can hold, but for what the records take besides.
    let most = limit - 4096;
    // How many records there are is for the reads to say: of some logs the smallest, so that none of the sizes
    // around it is too small for all.
    let whole = (0..3).map(|_| log_of(most, "").1).min().unwrap();
    let around = most + limit - whole;
    let told: Vec<_> = (0..40)
        .map(|step| log_of(around + 500 - 25 * step, &format!("ulimit -f {BLOCKS};")))
        .collect();
    assert!(told.iter().any(|(segments, ..)| *segments == 1), "{told:?}");
    assert!(told.iter().any(|(segments, ..)| *segments == 2), "{told:?}");
    assert!(told.iter().all(|(_, bytes, _)| *bytes <= limit), "{told:?}");
}

/// What `line` gives that is run with its state on a disk of 600 KiB, mounted as `tiny`; nothing where none can
/// be mounted.
#[track_caller]
fn on_a_tiny_disk(bgp: &Sandbox, line: &str) -> Option<Outcome> {
    if proc::pass_over(!proc::may_unshare(), proc::NO_NAMESPACES) {
        return None;
    }
    let line = format!(
        r#"
        mkdir -m 700 tiny && mount -t tmpfs -o size=600k,mode=700 tmpfs tiny || exit 99
        mkdir -m 700 tiny/s && cp -p state/key tiny/s/key && export BGP_DIR="$PWD/tiny/s"
        {line}"#
    );
    let mut unshare = bgp.foreign("unshare");
    let outcome = finish(unshare.args(["--mount", "sh", "-c", &line]));
    let no_mounts = proc::pass_over(outcome.status.code() == Some(99), "no mounts here");
    (!no_mounts).then(|| outcome.code(0))
}

// C2: a disk of 600 KiB, which gets no room before the end
#[test]
fn what_a_full_disk_has_taken_to_the_last_is_told_though_no_log_tells_it() {
    let bgp = Sandbox::new();
    let line = r#"
        "$BGP" start -n work sh -c 'seq 100000 599999; : > done; read go; exit 3' >&2 || exit 98
        while [ ! -e done ]; do sleep 0.05; done
        "$BGP" send work go >&2 || exit 97
        "$BGP" wait work >&2; [ $? = 3 ] || exit 96
        until "$BGP" output work --json -n 0 > json && grep -q '"eof":true' json; do sleep 0.05; done
        cat json
        "$BGP" output work --raw -n 0 > raw || exit 95
        "$BGP" verify work >&2 || exit 94
        mount -o remount,size=16m tmpfs tiny
        "$BGP" alerts --peek >&2
    "#;
    let Some(outcome) = on_a_tiny_disk(&bgp, line) else {
        return;
    };
    let (json, errors) = (outcome.json(), outcome.errors());
    let kept = fs::read(bgp.dir().join("raw")).unwrap().len() as u64;
    let lost = json["droppedBytes"].as_u64().unwrap();
    assert_eq!(kept + lost, 500_000 * 7, "{errors}");
    assert!(lost > 2_000_000, "{lost}");
    assert!(errors.contains("has a log with a gap"), "{errors}");
    assert_eq!(json["eof"], true);
    assert!(
        errors.contains(&format!("gap: {lost} bytes of output")),
        "{errors}"
    );
}

// C2 C3: a disk of 600 KiB, which gets room later
#[test]
fn a_full_disk_leaves_a_gap_that_is_told_and_the_log_goes_on() {
    let bgp = Sandbox::new();
    let line = r#"
        "$BGP" start -n work sh -c 'seq 100000 599999; : > done; read go; echo last; exit 3' >&2 || exit 98
        while [ ! -e done ]; do sleep 0.05; done
        "$BGP" status work --json | grep -q '"running"' || exit 97
        mount -o remount,size=16m tmpfs tiny
        until "$BGP" output -n 0 work 2>&1 >/dev/null | grep -q gap; do sleep 0.05; done
        "$BGP" send work go >&2
        "$BGP" wait work >&2; [ $? = 3 ] || exit 96
        until "$BGP" verify work | grep -q ', sealed'; do sleep 0.05; done
        "$BGP" alerts --peek >&2
        "$BGP" output -n 0 --raw work
    "#;
    let Some(outcome) = on_a_tiny_disk(&bgp, line) else {
        return;
    };
    let errors = outcome.errors();
    let gaps: u64 = errors
        .lines()
        .filter_map(|line| {
            line.split_once("gap: ")?
                .1
                .split(' ')
                .next()?
                .parse::<u64>()
                .ok()
        })
        .sum();
    let written = numbered("", 100_000..=599_999).len() as u64 + 5;
    assert!(gaps > 500_000, "{errors}");
    assert!(errors.contains("has a log with a gap"), "{errors}");
    assert_eq!(outcome.text().len() as u64 + gaps, written, "{errors}");
    assert!(outcome.text().ends_with("last\n"));
}
