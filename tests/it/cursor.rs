//! Reading on: what was read does not come again, and nothing is left out.
//!
//! | rows | here |
//! |---|---|
//! | F13 F14 | a place that is kept between two readings, while it runs and after its end |
//! | A18 A19 | all that was written is there, once |

use std::fs;
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Sandbox, numbered};
use crate::invocation::{Outcome, Running, finish};
use crate::proc;

fn new(bgp: &Sandbox, name: &str) -> Outcome {
    bgp.run(["output", name, "--new"]).code(0)
}

#[track_caller]
fn after(bgp: &Sandbox, name: &str, cursor: &str) -> Value {
    let told = bgp.run(["output", name, "--after", cursor, "--json"]);
    told.code(0).json()
}

/// Lines of a document: the text, `+` behind it if it has no newline, before it if its beginning came before.
fn lines(document: &Value) -> Vec<String> {
    let lines = document["lines"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let mark = |field: &str| if line[field] == true { "+" } else { "" };
            let text = line["text"].as_str().unwrap();
            format!("{}{text}{}", mark("continued"), mark("partial"))
        })
        .collect()
}

// F13
#[test]
fn what_is_new_is_shown_once_while_it_runs_and_after_its_end() {
    let bgp = Sandbox::new();
    bgp.start(
        "ask",
        [
            "sh",
            "-c",
            "echo begun; while read x; do echo \"got $x\"; done; echo done",
        ],
    );
    bgp.run(["wait", "ask", "--output", "begun"]).code(0);
    new(&bgp, "ask").stdout("begun\n").stderr("");
    new(&bgp, "ask").stdout("");
    for word in ["one", "two"] {
        bgp.run(["send", "ask", word]).code(0);
        bgp.run(["wait", "ask", "--output", &format!("got {word}")])
            .code(0);
        new(&bgp, "ask").stdout(&format!("got {word}\n"));
    }
    bgp.run(["send", "ask", "--eof"]).code(0);
    bgp.run(["wait", "ask"]).code(0);
    new(&bgp, "ask").stdout("done\n");
    new(&bgp, "ask").stdout("");
    let told = bgp.run(["output", "ask", "--new", "--json"]).code(0).json();
    assert_eq!(
        (&told["lines"], &told["eof"]),
        (&Value::Array(vec![]), &true.into())
    );
    // Another reader has had nothing of it.
    bgp.run(["output", "ask", "--new", "--as", "agent"])
        .code(0)
        .stdout("begun\ngot one\ngot two\ndone\n");
    bgp.run(["output", "ask", "--new", "--as", "agent"])
        .code(0)
        .stdout("");
}

#[test]
fn a_prompt_is_shown_at_once_and_only_its_rest_later() {
    let bgp = Sandbox::new();
    let line = "printf 'name? '; read a; printf 'hello %s' \"$a\"; read b; echo; printf '\\303'; read c; \
                printf '\\251!\\033[3'; read d; printf '1mred\\033[0m\\n'; read e";
    bgp.start("ask", ["sh", "-c", line]);
    let seen = |text: &str| {
        let args = ["wait", "ask", "--output", text, "--timeout", "20s"];
        bgp.run(args).code(0);
    };
    seen("name");
    let first = bgp.run(["output", "ask", "--json"]).code(0).json();
    assert_eq!(lines(&first), ["name? +"]);
    new(&bgp, "ask").stdout("name? \n");
    new(&bgp, "ask").stdout("");
    bgp.run(["send", "ask", "bob"]).code(0);
    seen("hello bob");
    let second = after(&bgp, "ask", first["nextCursor"].as_str().unwrap());
    assert_eq!(lines(&second), ["+hello bob+"]);
    new(&bgp, "ask").stdout("hello bob\n");
    // Half a character, and half a colour: neither is shown before it is whole.
    bgp.run(["send", "ask", "x"]).code(0);
    let cursor = second["nextCursor"].as_str().unwrap();
    let third = bgp.wait_until("the line ends", || {
        let told = after(&bgp, "ask", cursor);
        (told["lines"] != Value::Array(vec![])).then_some(told)
    });
    assert_eq!(lines(&third), ["+"]);
    new(&bgp, "ask").stdout("");
    bgp.run(["send", "ask", "x"]).code(0);
    seen("\u{e9}!");
    let fourth = after(&bgp, "ask", third["nextCursor"].as_str().unwrap());
    assert_eq!(lines(&fourth), ["\u{e9}!+"]);
    new(&bgp, "ask").stdout("\u{e9}!\n");
    bgp.run(["send", "ask", "x"]).code(0);
    seen("red");
    let fifth = after(&bgp, "ask", fourth["nextCursor"].as_str().unwrap());
    assert_eq!(lines(&fifth), ["+red"]);
    new(&bgp, "ask").stdout("red\n");
}

// A18 A19
#[test]
fn a_flood_that_is_read_in_pieces_has_every_line_once() {
    let bgp = Sandbox::new();
    let line = "i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo \"out $i\"; \
                [ $((i % 7)) -eq 0 ] && echo \"err $i\" >&2; done";
    bgp.start("flood", ["sh", "-c", line]);
    let mut cursor: Option<String> = None;
    let (mut out, mut err) = (String::new(), String::new());
    loop {
        let mut read = bgp.command(["output", "flood", "--json"]);
        match &cursor {
            Some(cursor) => read.args(["--after", cursor]),
            None => read.args(["-n", "0"]),
        };
        let told = finish(&mut read).code(0).json();
        for line in told["lines"].as_array().unwrap() {
            let all = if line["stream"] == "stdout" {
                &mut out
            } else {
                &mut err
            };
            all.push_str(line["text"].as_str().unwrap());
            if line["partial"] != true {
                all.push('\n');
            }
        }
        cursor = told["nextCursor"].as_str().map(str::to_owned);
        if told["eof"] == true {
            break;
        }
    }
    assert_eq!(out, numbered("out ", 1..=4000));
    assert_eq!(err.lines().count(), 4000 / 7);
    assert!(err.starts_with("err 7\nerr 14\n") && err.ends_with("err 3997\n"));
}

#[test]
fn what_nobody_took_comes_again() {
    let bgp = Sandbox::new();
    bgp.start("seq", ["seq", "100000"]);
    bgp.run(["wait", "seq"]).code(0);
    // The reader goes away after the first line.
    bgp.sh("\"$BGP\" output seq --new | head -n 1")
        .code(0)
        .stdout("1\n");
    // A full disk took nothing either.
    if std::path::Path::new("/dev/full").exists() {
        bgp.sh("\"$BGP\" output seq --new > /dev/full").code(15);
    }
    let all = new(&bgp, "seq").text();
    assert_eq!(all, numbered("", 1..=100_000));
}

#[test]
fn two_who_read_as_one_share_and_lose_nothing() {
    let bgp = Sandbox::new();
    let line = "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo $i; done; sleep 60";
    bgp.start("count", ["sh", "-c", line]);
    let mut seen: Vec<u32> = Vec::new();
    bgp.wait_until("all was read", || {
        let readers = [(); 3].map(|()| {
            let mut read = bgp.command(["output", "count", "--new", "--json"]);
            Running::begin(read.stdin(Stdio::null()))
        });
        let mut text = String::new();
        for reader in readers {
            let told = reader.finish().code(0).json();
            for line in told["lines"].as_array().unwrap() {
                text.push_str(line["text"].as_str().unwrap());
                text.push(if line["partial"] == true { ' ' } else { '\n' });
            }
        }
        let whole = !text.contains(' ');
        seen.extend(
            text.split_whitespace()
                .filter_map(|n| n.parse::<u32>().ok()),
        );
        (whole && seen.len() >= 500).then_some(())
    });
    seen.sort_unstable();
    assert_eq!(seen, (1..=500).collect::<Vec<_>>());
}

#[test]
fn a_place_is_forgotten_with_its_process() {
    let bgp = Sandbox::new();
    bgp.start("one", ["echo", "first"]);
    bgp.run(["wait", "one"]).code(0);
    new(&bgp, "one").stdout("first\n");
    bgp.run(["clear", "one"]).code(0);
    // The same name, another process.
    bgp.start("one", ["echo", "second"]);
    bgp.run(["wait", "one"]).code(0);
    new(&bgp, "one").stdout("second\n");
}

// F14
#[test]
fn a_place_counts_after_the_end_of_a_killed_supervisor_and_across_a_restart() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sh", "-c", "echo one; sleep 60"]);
    bgp.run(["wait", "web", "--output", "one"]).code(0);
    let cursor = bgp.run(["output", "web", "--json"]).code(0).json();
    let cursor = cursor["nextCursor"].as_str().unwrap().to_owned();
    new(&bgp, "web").stdout("one\n");
    proc::kill(web.supervisor(), Signal::SIGKILL);
    bgp.wait_status("web", "lost");
    new(&bgp, "web").stdout("");
    assert_eq!(after(&bgp, "web", &cursor)["lines"], Value::Array(vec![]));
    bgp.run(["restart", "web"]).code(0);
    bgp.run(["wait", "web", "--output", "one"]).code(0);
    new(&bgp, "web").stdout("one\n");
    // The cursor is of the process before.
    bgp.run(["output", "web", "--after", &cursor])
        .failed(2)
        .stderr_has(&web.id);
    bgp.run(["output", &web.id, "--after", &cursor])
        .code(0)
        .stdout("");
}

#[test]
fn a_place_that_is_none_is_refused_and_contradictions_too() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sh", "-c", "echo one; sleep 60"]);
    let told = bgp.run(["output", "web", "--json"]).code(0).json();
    let cursor = told["nextCursor"].as_str().unwrap();
    for bad in [
        "",
        "garbage",
        &web.id,
        &format!("{cursor}0"),
        &cursor[..cursor.len() - 1],
        &cursor.replacen(&web.id, "00000000", 1),
        &cursor.replacen(".0.", ".1.", 1),
        &"9".repeat(100_000),
    ] {
        bgp.run(["output", "web", "--after", bad]).failed(2);
    }
    for contradiction in [
        &["--new", "--after", cursor][..],
        &["--new", "-n", "5"],
        &["--new", "--stdout"],
        &["--new", "--since", "5m"],
        &["--new", "--follow"],
        &["--after", cursor, "-n", "5"],
        &["--as", "agent"],
        &["--new", "--as", ""],
        &["--new", "--as", "a\nb"],
    ] {
        finish(bgp.command(["output", "web"]).args(contradiction)).failed(2);
    }
}

#[test]
fn a_text_answer_tells_its_place_only_when_asked() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sh", "-c", "echo one; read x; echo two"]);
    bgp.run(["wait", "web", "--output", "one"]).code(0);
    bgp.run(["output", "web"]).code(0).stderr("");
    let told = bgp
        .run(["output", "web", "--cursor"])
        .code(0)
        .stdout("one\n");
    let errors = told.errors();
    let cursor = errors
        .strip_prefix("bgp: note: cursor ")
        .and_then(|rest| rest.strip_suffix('\n'))
        .unwrap();
    bgp.run(["send", "web", "x"]).code(0);
    bgp.run(["wait", "web"]).code(0);
    // Also what follows a place can be followed, searched and given as bytes.
    for more in [
        &[][..],
        &["-f"],
        &["--raw"],
        &["--grep", "two"],
        &["--stdout"],
    ] {
        finish(bgp.command(["output", "web", "--after", cursor]).args(more))
            .code(0)
            .stdout("two\n");
    }
    let found = bgp.run(["wait", "web", "--output", "one", "--cursor"]);
    found
        .code(0)
        .stderr(&format!("bgp: note: cursor {cursor}\n"));
}

/// What does not match yet may match once it is finished, and then it is shown as a whole.
#[test]
fn a_search_that_goes_on_sees_whole_lines() {
    let bgp = Sandbox::new();
    bgp.start(
        "web",
        ["sh", "-c", "printf 'half '; read x; echo whole; read y"],
    );
    bgp.run(["wait", "web", "--output", "half"]).code(0);
    let told = bgp.run(["output", "web", "--grep", "whole", "--json"]);
    let told = told.code(0).json();
    assert_eq!(lines(&told), Vec::<String>::new());
    bgp.run(["send", "web", "x"]).code(0);
    bgp.run(["wait", "web", "--output", "whole"]).code(0);
    let cursor = told["nextCursor"].as_str().unwrap();
    bgp.run(["output", "web", "--grep", "half whole", "--after", cursor])
        .code(0)
        .stdout("half whole\n");
}

/// A line that was found is shown as it stands; what it becomes is its rest, whatever stands in that.
#[test]
fn the_rest_of_a_line_that_was_found_comes_too() {
    let bgp = Sandbox::new();
    let line = "printf 'error: disk'; read x; echo ' is full'; echo fine; read y";
    bgp.start("web", ["sh", "-c", line]);
    bgp.run(["wait", "web", "--output", "disk"]).code(0);
    let first = bgp.run(["output", "web", "--grep", "error", "--json"]);
    let first = first.code(0).json();
    assert_eq!(lines(&first), ["error: disk+"]);
    let new = || {
        bgp.run(["output", "web", "--grep", "error", "--new"])
            .code(0)
    };
    new().stdout("error: disk\n");
    bgp.run(["send", "web", "x"]).code(0);
    bgp.run(["wait", "web", "--output", "fine"]).code(0);
    new().stdout(" is full\n");
    let cursor = first["nextCursor"].as_str().unwrap();
    let rest = ["output", "web", "--grep", "error", "--after", cursor];
    bgp.run(rest).code(0).stdout(" is full\n");
}

#[test]
fn the_place_behind_a_prompt_is_one_of_its_stream() {
    let bgp = Sandbox::new();
    let line = "printf abc; read x; printf 'password: ' >&2; read y; echo def";
    bgp.start("ask", ["sh", "-c", line]);
    bgp.run(["wait", "ask", "--output", "abc"]).code(0);
    bgp.run(["send", "ask", "x"]).code(0);
    let found = bgp.run(["wait", "ask", "--output", "password", "--json"]);
    let found = found.code(0).json();
    bgp.run(["send", "ask", "y"]).code(0);
    bgp.run(["wait", "ask"]).code(0);
    let cursor = found["condition"]["nextCursor"].as_str().unwrap();
    assert_eq!(lines(&after(&bgp, "ask", cursor)), ["abcdef"]);
}

#[test]
fn what_rotation_has_left_of_a_line_is_no_line_behind_a_place_either() {
    let bgp = Sandbox::new();
    let line = "printf 'prompt> ' >&2; read x; seq 1 300000; read y; echo answer >&2";
    bgp.start_with(&["--name", "ask", "--max-log", "1MiB"], ["sh", "-c", line]);
    bgp.run(["wait", "ask", "--output", "prompt"]).code(0);
    bgp.run(["send", "ask", "x"]).code(0);
    bgp.run(["wait", "ask", "--output", "^300000$"]).code(0);
    let all = bgp
        .run(["output", "ask", "-n", "0", "--json"])
        .code(0)
        .json();
    assert!(all["droppedBytes"].as_u64() > Some(0), "it was rotated");
    bgp.run(["send", "ask", "y"]).code(0);
    bgp.run(["wait", "ask"]).code(0);
    let cursor = all["nextCursor"].as_str().unwrap();
    assert_eq!(lines(&after(&bgp, "ask", cursor)), ["+answer"]);
}

/// Reading writes nothing but the reader's own document.
#[test]
fn who_reads_on_does_not_touch_the_state() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sh", "-c", "echo one; sleep 60"]);
    bgp.run(["wait", "web", "--output", "one"]).code(0);
    let state = || fs::read(bgp.state().join("processes.json.enc")).unwrap();
    let before = state();
    new(&bgp, "web").stdout("one\n");
    let readers = crate::harness::file_names(&bgp.state().join("readers"));
    assert_eq!(readers.len(), 3, "a document and its locks: {readers:?}");
    assert_eq!(state(), before);
    // A reader whose document was altered is told, with what to do.
    let document = bgp.state().join("readers").join(&readers[0]);
    let mut bytes = fs::read(&document).unwrap();
    bytes[40] ^= 1;
    fs::write(&document, bytes).unwrap();
    bgp.run(["output", "web", "--new"])
        .failed(13)
        .stderr_has("remove it");
    bgp.run(["output", "web", "--new", "--as", "other"])
        .code(0)
        .stdout("one\n");
}
