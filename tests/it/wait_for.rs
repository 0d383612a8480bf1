//! What is waited for before an end: a line of output, a port, silence.
//!
//! | rows | here |
//! |---|---|
//! | A17 A18 | the leader's end ends a wait, what it wrote before counts |
//! | F3 F18 | an interrupted wait; ended before is 7, timed out 124 |

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::{Sandbox, script};
use crate::invocation::Running;
use crate::proc;

/// A leader that waits for the file `go` and then does the rest.
fn when_told(rest: &str) -> [String; 3] {
    let line = format!("while [ ! -e go ]; do sleep 0.01; done; {rest}");
    ["sh".into(), "-c".into(), line]
}

/// A wait that is under way: it has looked at least once, as it holds its inotify descriptor.
#[track_caller]
fn waiting(bgp: &Sandbox, args: &[&str]) -> Running {
    let mut wait = bgp.command(["wait"]);
    let wait = Running::begin(wait.args(args));
    bgp.wait_until("it waits", || {
        let state = proc::stat(wait.pid())?;
        let cmdline = proc::cmdline(wait.pid());
        (state.line.contains(") S ") && cmdline.windows(5).any(|word| word == b"wait\0"))
            .then_some(())
    });
    wait
}

fn has_python() -> bool {
    let there = Command::new("python3").arg("--version").output();
    let there = there.is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("passed over: there is no python3");
    }
    there
}

#[test]
fn a_line_that_comes_and_one_that_came_before_end_the_wait() {
    let bgp = Sandbox::new();
    bgp.start("web", when_told("echo warm; echo ready on 80; sleep 60"));
    let wait = waiting(&bgp, &["web", "--output", "ready on [0-9]+", "--json"]);
    fs::write(bgp.dir().join("go"), "").unwrap();
    let told = wait.finish().code(0).stderr("").json();
    let condition = &told["condition"];
    assert_eq!(condition["kind"], "output", "{told:#}");
    assert_eq!(condition["id"], told["process"]["id"]);
    assert_eq!(condition["pattern"], "ready on [0-9]+");
    assert_eq!(condition["line"]["text"], "ready on 80");
    assert_eq!(condition["line"]["stream"], "stdout");
    // It is there already now, and which of several is found is told.
    let again = bgp.run([
        "wait", "web", "--output", "no", "--output", "warm", "--json",
    ]);
    let again = again.code(0).json();
    assert_eq!(again["condition"]["pattern"], "warm");
    bgp.run(["wait", "web", "--output", "^warm$"])
        .code(0)
        .stdout(&format!(
            "web ({}): wrote: warm\n",
            told["process"]["id"].as_str().unwrap()
        ));
}

#[test]
fn a_prompt_counts_and_what_follows_a_cursor_is_only_what_is_new() {
    let bgp = Sandbox::new();
    let line = "printf 'name? '; read a; echo hello $a; printf 'age? '; read b; sleep 60";
    bgp.start("ask", ["sh", "-c", line]);
    let wait = |after: Option<&str>, pattern: &str| {
        let mut command = bgp.command(["wait", "ask", "--json", "--timeout", "20s"]);
        command.args(["--output", pattern]);
        if let Some(cursor) = after {
            command.args(["--after", cursor]);
        }
        let told = crate::invocation::finish(&mut command).code(0).json();
        told["condition"].clone()
    };
    let first = wait(None, r"\? $");
    assert_eq!(
        (&first["line"]["text"], &first["line"]["partial"]),
        (&"name? ".into(), &true.into())
    );
    let cursor = first["nextCursor"].as_str().unwrap();
    bgp.run([
        "wait",
        "ask",
        "--output",
        "name",
        "--after",
        cursor,
        "--timeout",
        "100ms",
    ])
    .failed(124);
    bgp.run(["send", "ask", "bob"]).code(0);
    // The same stream goes on within the line of the prompt.
    let second = wait(Some(cursor), "hello bob");
    assert_eq!(second["line"]["continued"], true, "{second:#}");
    let third = wait(second["nextCursor"].as_str(), r"\? $");
    assert_eq!(third["line"]["text"], "age? ");
    assert_eq!(third["line"]["continued"], Value::Null);
}

#[test]
fn a_repl_is_driven_by_send_and_wait() {
    if !has_python() {
        return;
    }
    let bgp = Sandbox::new();
    bgp.start("repl", ["python3", "-i", "-q"]);
    let prompt = |after: Option<&str>| {
        let mut wait = bgp.command(["wait", "repl", "--output", "^>>> $", "--json"]);
        wait.args(["--timeout", "25s"]);
        if let Some(cursor) = after {
            wait.args(["--after", cursor]);
        }
        let told = crate::invocation::finish(&mut wait).code(0).json();
        told["condition"]["nextCursor"].as_str().unwrap().to_owned()
    };
    let mut cursor = prompt(None);
    for n in 1..=3 {
        bgp.run(["send", "repl", &format!("print({n} * 111)")])
            .code(0);
        let next = prompt(Some(&cursor));
        let new = bgp.run(["output", "repl", "--after", &cursor, "--stdout"]);
        new.code(0).stdout(&format!("{}\n", n * 111));
        cursor = next;
    }
    bgp.run(["send", "repl", "exit(3)"]).code(0);
    bgp.run(["wait", "repl"]).code(3);
}

// F18
#[test]
fn an_end_before_the_condition_is_7_and_says_how_it_ended() {
    let bgp = Sandbox::new();
    bgp.start("quick", ["sh", "-c", "echo almost; exit 3"]);
    let conditions: [&[&str]; 3] = [&["--output", "ready"], &["--port", "9"], &["--idle", "1h"]];
    for condition in conditions {
        let mut wait = bgp.command(["wait", "quick"]);
        crate::invocation::finish(wait.args(condition))
            .failed(7)
            .stderr_has("'quick' ended before")
            .stderr_has("failed with code 3");
    }
    let told = bgp.run(["wait", "quick", "--output", "ready", "--json"]);
    assert_eq!(told.code(7).json()["error"]["kind"], "ended-before");
    // What it wrote before it ended still counts.
    bgp.run(["wait", "quick", "--output", "almost"]).code(0);
}

// A17 A18
#[test]
fn a_leader_that_ends_while_a_grandchild_writes_ends_the_wait() {
    let bgp = Sandbox::new();
    bgp.start("left", [script("chatty-grandchild.sh")]);
    bgp.run(["wait", "left", "--output", "this never comes"])
        .failed(7);
}

#[test]
fn several_must_all_come_and_any_needs_one() {
    let bgp = Sandbox::new();
    bgp.start("one", ["sh", "-c", "echo ready; sleep 60"]);
    bgp.start("two", when_told("echo ready; sleep 60"));
    bgp.start("three", ["sh", "-c", "exit 4"]);
    let told = bgp.run(["wait", "two", "one", "--any", "--output", "ready", "--json"]);
    assert_eq!(told.code(0).json()["process"]["name"], "one");
    bgp.run([
        "wait",
        "one",
        "two",
        "--output",
        "ready",
        "--timeout",
        "100ms",
    ])
    .failed(124)
    .stderr_has("two");
    // One that has ended cannot come any more; of any the others still can.
    bgp.run(["wait", "one", "three", "--output", "ready"])
        .failed(7);
    bgp.run(["wait", "one", "three", "--any", "--output", "ready"])
        .code(0);
    bgp.run(["wait", "three", "--any", "--output", "ready"])
        .failed(7);
    fs::write(bgp.dir().join("go"), "").unwrap();
    let told = bgp.run(["wait", "one", "two", "--output", "ready", "--json"]);
    let told = told.code(0).json();
    assert_eq!(told["conditions"].as_array().unwrap().len(), 2, "{told:#}");
    assert_eq!(told["conditions"][1]["id"], told["processes"][1]["id"]);
}

#[test]
fn a_port_counts_when_one_of_the_tree_listens() {
    if !has_python() || !cfg!(target_os = "linux") {
        return;
    }
    let bgp = Sandbox::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    // A grandchild listens, and only once it is told to.
    bgp.start(
        "web",
        when_told(&format!(
            "python3 -c 'import socket, time; \
             held = socket.create_server((\"127.0.0.1\", {port})); time.sleep(60)' & wait"
        )),
    );
    let wait = waiting(&bgp, &["web", "--port", &port, "--json"]);
    fs::write(bgp.dir().join("go"), "").unwrap();
    let told = wait.finish().code(0).json();
    let found = &told["condition"]["port"];
    assert_eq!(told["condition"]["kind"], "port", "{told:#}");
    assert_eq!(found["port"].to_string(), port);
    assert_eq!(found["address"], "127.0.0.1");
    assert_ne!(found["pid"], told["process"]["pid"]);
}

#[test]
fn a_port_that_somebody_else_holds_is_told_and_does_not_count() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let bgp = Sandbox::new();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    bgp.start("web", ["sleep", "60"]);
    let told = bgp.run(["wait", "web", "--port", &port, "--timeout", "300ms"]);
    let me = format!("({})", std::process::id());
    told.failed(124)
        .stderr_has(&format!("port {port} is held by "))
        .stderr_has(&me)
        .stderr_has("which is no part of 'web'");
}

#[test]
fn silence_is_counted_from_the_last_output_and_not_from_before_the_wait() {
    let bgp = Sandbox::new();
    bgp.start("quiet", ["sh", "-c", "echo begun; sleep 60"]);
    bgp.run(["wait", "quiet", "--output", "begun"]).code(0);
    let begun = std::time::Instant::now();
    let told = bgp.run(["wait", "quiet", "--idle", "300ms", "--json"]);
    let told = told.code(0).json();
    assert!(begun.elapsed() >= std::time::Duration::from_millis(300));
    assert_eq!(told["condition"]["kind"], "idle", "{told:#}");
    assert_eq!(told["condition"]["idleMs"], 300);
    // One that goes on writing is not silent.
    bgp.start(
        "chatty",
        ["sh", "-c", "while :; do echo x; sleep 0.02; done"],
    );
    bgp.run(["wait", "chatty", "--idle", "10s", "--timeout", "1s"])
        .failed(124);
}

#[test]
fn what_cannot_be_waited_for_is_refused_before_anything_is_asked() {
    let bgp = Sandbox::fresh();
    let cases: [(&[&str], &str); 8] = [
        (&["--output", "("], "--output"),
        (&["--port", "0"], "--port"),
        (&["--port", "65536"], "--port"),
        (&["--port", "http"], "--port"),
        (&["--idle", "soon"], "--idle"),
        (&["--output", "x", "--after", "garbage"], "--after"),
        (
            &["--output", "x", "--after", "0.1.2.3.4.5.6.7.8"],
            "--after",
        ),
        (&["--after", "garbage"], "--after"),
    ];
    for (condition, named) in cases {
        let mut wait = bgp.command(["wait", "web"]);
        crate::invocation::finish(wait.args(condition).env_remove("BG_PASSWORD"))
            .failed(2)
            .stderr_has(named);
    }
    assert!(!bgp.state().exists());
}

#[test]
fn a_cursor_of_another_process_is_refused() {
    let bgp = Sandbox::new();
    let cursor = |name: &str| -> String {
        let told = bgp.run(["output", name, "--json"]).code(0).json();
        told["nextCursor"].as_str().unwrap().to_owned()
    };
    bgp.start("one", ["sh", "-c", "echo x; sleep 60"]);
    bgp.start("two", ["sh", "-c", "echo x; sleep 60"]);
    let (one, two) = (cursor("one"), cursor("two"));
    let wait = |ids: &[&str], cursor: &str| {
        let mut wait = bgp.command(["wait", "--output", "x", "--timeout", "10s"]);
        crate::invocation::finish(wait.args(ids).args(["--after", cursor]))
    };
    wait(&["one"], &two).failed(2);
    // A slip of one digit is one, too.
    let slip: String = one.chars().rev().collect();
    wait(&["one"], &slip).failed(2);
    bgp.run(["wait", "one", "--output", "x", "--timeout", "5s"])
        .code(0);
}

// F3
#[test]
fn an_interrupted_wait_for_a_line_leaves_nothing_behind() {
    if proc::pass_over(proc::interrupts_are_ignored(), "SIGINT is ignored here") {
        return;
    }
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    let before: Vec<String> = files(&bgp);
    for args in [
        &["web", "--output", "x", "--port", "9", "--idle", "1h"][..],
        &["web", "--timeout", "1h"],
    ] {
        let wait = waiting(&bgp, args);
        proc::kill(wait.pid(), Signal::SIGINT);
        let outcome = wait.finish();
        let told = outcome.status.code() == Some(130)
            || std::os::unix::process::ExitStatusExt::signal(&outcome.status)
                == Some(Signal::SIGINT as i32);
        assert!(told, "{}", outcome.describe());
    }
    assert_eq!(files(&bgp), before);
    assert!(proc::alive(web.pid));
}

fn files(bgp: &Sandbox) -> Vec<String> {
    let all = crate::harness::files_below(&bgp.state());
    all.iter().map(|path| path.display().to_string()).collect()
}

/// A wait is no loop that turns without end: it takes next to no processor time.
#[test]
fn who_waits_sleeps() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    let line =
        "\"$BGP\" wait web --output x --port 9 --idle 1h --timeout 2s; code=$?; times; exit $code";
    let told = bgp.sh(line).code(124).text();
    // The last line of times: what the children used, as 0m0.012s 0m0.004s.
    let used = told.lines().last().unwrap();
    let times: Option<Vec<f64>> = used
        .split_whitespace()
        .map(|time| {
            let (minutes, seconds) = time.strip_suffix('s')?.split_once('m')?;
            Some(60.0 * minutes.parse::<f64>().ok()? + seconds.parse::<f64>().ok()?)
        })
        .collect();
    let times = times.unwrap_or_default();
    assert_eq!(times.len(), 2, "{told}");
    let seconds: f64 = times.iter().sum();
    assert!(seconds < 1.0, "it used {used} in two seconds");
}

#[test]
fn a_start_that_waits_returns_once_it_is_ready_and_tells_the_id_in_any_case() {
    let bgp = Sandbox::new();
    let ready = bgp.run([
        "start",
        "--name",
        "web",
        "--wait-for",
        "ready in [0-9]+ ms",
        "--wait-timeout",
        "20s",
        "-c",
        "echo ready in 12 ms; sleep 60",
    ]);
    let text = ready.code(0).stderr("").text();
    assert!(text.starts_with("Started web ("), "{text}");
    assert!(text.ends_with("wrote: ready in 12 ms\n"), "{text}");

    let start = |name: &str, timeout: &str, line: &str, json: bool| {
        let mut start = bgp.command(["start", "--name", name, "--wait-for", "ready"]);
        start.args(["--wait-timeout", timeout, "-c", line]);
        if json {
            start = {
                let mut other = bgp.command(["start", "--json", "--name", name]);
                other.args(["--wait-for", "ready", "--wait-timeout", timeout, "-c", line]);
                other
            };
        }
        crate::invocation::finish(&mut start)
    };
    let died = start("dies", "20s", "echo no such port >&2; exit 3", false).code(7);
    assert!(died.text().starts_with("Started dies ("));
    died.stderr_has("bgp: note: dies: no such port\n")
        .stderr_has("'dies' ended before a line of output matched: failed with code 3")
        .stderr_has("bgp: hint: ");
    let died = start("dead", "20s", "echo no such port >&2; exit 3", true).code(7);
    let told = died.json();
    assert_eq!(told["process"]["name"], "dead");
    assert_eq!(told["process"]["exitCode"], 3);
    assert_eq!(told["error"]["code"], 7);
    assert_eq!(told["condition"], Value::Null);
    assert_eq!(told["lastLines"][0]["text"], "no such port");

    let slow = start("slow", "100ms", "sleep 60", false).code(124);
    assert!(slow.text().starts_with("Started slow ("));
    slow.stderr_has("it runs on");
    let slower = start("slower", "100ms", "sleep 60", true).code(124).json();
    assert_eq!(slower["error"]["code"], 124);
    assert_eq!(slower["process"]["status"], "running");
    assert_eq!(bgp.status("slow")["status"], "running");
}

#[test]
fn a_start_with_a_condition_that_cannot_be_starts_nothing() {
    let bgp = Sandbox::fresh();
    for condition in ["(", "port:0", "port:http", "port:70000", ""] {
        bgp.run(["start", "--wait-for", condition, "touch", "started"])
            .failed(2)
            .stderr_has("--wait-for");
    }
    bgp.run(["start", "--wait-timeout", "1s", "touch", "started"])
        .failed(2);
    assert!(!bgp.state().exists() && !bgp.dir().join("started").exists());
}

#[test]
fn what_an_earlier_run_wrote_does_not_count_for_the_current_one() {
    let bgp = Sandbox::new();
    let line = "if [ -e ran ]; then echo again; sleep 60; fi; touch ran; echo ready; exit 1";
    bgp.start_with(
        &["--name", "web", "--restart", "always"],
        ["sh", "-c", line],
    );
    bgp.run(["wait", "web", "--output", "again", "--timeout", "25s"])
        .code(0);
    bgp.run(["wait", "web", "--output", "ready", "--timeout", "100ms"])
        .failed(124);
    let told = bgp.run(["wait", "web", "--output", "again", "--json"]);
    let told = told.code(0).json();
    let cursor = told["condition"]["nextCursor"].as_str().unwrap();
    bgp.run(["output", "web", "--after", cursor])
        .code(0)
        .stdout("");
}

// The same when rotation has removed the beginning of the log, but not that of the run.
#[test]
fn what_an_earlier_run_wrote_does_not_count_after_rotation() {
    let bgp = Sandbox::new();
    let line = "if [ -e ran ]; then echo again; sleep 60; fi; touch ran; seq 100000 399999; echo ready; exit 1";
    bgp.start_with(
        &["--name", "web", "--restart", "always", "--max-log=1MiB"],
        ["sh", "-c", line],
    );
    bgp.run(["wait", "web", "--output", "again", "--timeout", "25s"])
        .code(0);
    let first = bgp.run(["output", "-n", "0", "web"]).code(0).text();
    assert!(!first.starts_with("100000\n") && first.ends_with("\nready\nagain\n"));
    bgp.run(["wait", "web", "--output", "ready", "--timeout", "100ms"])
        .failed(124);
}

#[test]
fn a_timeout_points_at_one_that_is_missing() {
    let bgp = Sandbox::new();
    bgp.start("fine", ["sh", "-c", "echo ready; exec sleep 600"]);
    bgp.start("slow", ["sleep", "600"]);
    bgp.run([
        "wait",
        "fine",
        "slow",
        "--output",
        "ready",
        "--timeout",
        "200ms",
    ])
    .failed(124)
    .stderr_has("matched: slow")
    .stderr_has("'bgp output slow' shows");
}
