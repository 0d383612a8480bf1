//! Field names and types are a contract.
//!
//! | rows | here |
//! |---|---|
//! | | the JSON of a process, of output, of errors |
//! | A5 | bytes that are no UTF-8: escaped, and a lossless field beside |

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::harness::Sandbox;
use crate::invocation::finish;
use crate::proc;

/// The fields of a process, and the types they may have.
const FIELDS: [(&str, &str); 27] = [
    ("id", "string"),
    ("number", "number"),
    ("name", "string"),
    ("pid", "number"),
    ("command", "string"),
    ("argv", "array"),
    ("cwd", "string"),
    ("status", "string"),
    ("reason", "string|null"),
    ("startTime", "number"),
    ("endTime", "number|null"),
    ("exitCode", "number|null"),
    ("signal", "string|null"),
    ("success", "bool|null"),
    ("runtimeMs", "number|null"),
    ("descendants", "number"),
    ("paused", "bool"),
    ("pty", "bool"),
    ("group", "string|null"),
    ("session", "string|null"),
    ("restarts", "number"),
    ("previous", "string|null"),
    ("alertOnSuccess", "bool"),
    ("alertOnFailure", "bool"),
    ("alertOnKill", "bool"),
    ("logBytes", "number"),
    ("schema", "absent"),
];

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[track_caller]
fn assert_is_a_process(process: &Value) {
    let object = process
        .as_object()
        .unwrap_or_else(|| panic!("no object: {process}"));
    for (field, types) in FIELDS {
        let found = object.get(field).map_or("absent", type_of);
        assert!(
            types.split('|').any(|t| t == found),
            "{field} is {found}, not {types}: {process:#}"
        );
    }
    let statuses = [
        "starting", "running", "stopping", "exited", "killed", "crashed", "failed", "lost",
    ];
    assert!(
        statuses.contains(&process["status"].as_str().unwrap()),
        "{process:#}"
    );
}

#[test]
fn a_process_has_all_its_fields_in_every_answer() {
    let bgp = Sandbox::new();
    let started = bgp
        .run(["start", "--json", "--name", "live", "sleep", "60"])
        .code(0)
        .json();
    assert_is_a_process(&started["process"]);
    bgp.start("good", ["true"]);
    bgp.start("bad", ["false"]);
    bgp.start("term", ["sleep", "60"]);
    let lost = bgp.start("lost", ["sleep", "60"]);
    proc::kill(lost.supervisor(), Signal::SIGKILL);
    bgp.run(["wait", "good"]).code(0);
    bgp.run(["wait", "bad"]).code(1);
    bgp.run(["wait", "lost"]).code(1);
    let stopped = bgp.run(["stop", "--json", "term"]).code(0).json();
    assert_is_a_process(&stopped["process"]);
    let listed = bgp.run(["list", "--json"]).code(0).json();
    let processes = listed["processes"].as_array().unwrap();
    assert_eq!(processes.len(), 5);
    for process in processes {
        assert_is_a_process(process);
        let name = process["name"].as_str().unwrap();
        let one = bgp.run(["status", "--json", name]).code(0).json()["process"].clone();
        assert_is_a_process(&one);
        for field in [
            "id",
            "number",
            "name",
            "pid",
            "argv",
            "status",
            "exitCode",
            "signal",
            "startTime",
            "endTime",
        ] {
            assert_eq!(one[field], process[field], "{name}: {field}");
        }
    }
    let several = bgp.run(["status", "--json", "live", "good"]).code(0).json();
    assert_eq!(several["processes"].as_array().unwrap().len(), 2);
}

#[test]
fn the_values_say_what_happened() {
    let bgp = Sandbox::new();
    let before = now_ms();
    bgp.start("live", ["sleep", "60"]);
    bgp.start("bad", ["sh", "-c", "exit 9"]);
    bgp.start("segv", ["sh", "-c", "kill -SEGV $$"]);
    bgp.run(["wait", "bad"]).code(9);
    bgp.run(["wait", "segv"]).code(139);
    let by_name: BTreeMap<String, Value> = bgp
        .list()
        .into_iter()
        .map(|process| (process["name"].as_str().unwrap().to_owned(), process))
        .collect();
    let (live, bad, segv) = (&by_name["live"], &by_name["bad"], &by_name["segv"]);

    assert_eq!(
        (&live["status"], &live["command"]),
        (&"running".into(), &"sleep 60".into())
    );
    assert_eq!(live["argv"], serde_json::json!(["sleep", "60"]));
    for empty in [
        "endTime", "exitCode", "signal", "success", "reason", "group", "session", "previous",
    ] {
        assert!(live[empty].is_null(), "{empty}: {live:#}");
    }
    assert_eq!(
        (&live["paused"], &live["pty"], &live["restarts"]),
        (&false.into(), &false.into(), &0.into())
    );
    assert_eq!(
        (
            &live["alertOnSuccess"],
            &live["alertOnFailure"],
            &live["alertOnKill"]
        ),
        (&false.into(), &true.into(), &false.into())
    );
    assert_eq!(live["cwd"].as_str(), bgp.dir().to_str());

    assert_eq!(
        (&bad["status"], &bad["exitCode"]),
        (&"failed".into(), &9.into())
    );
    assert_eq!(
        (&bad["success"], &bad["signal"]),
        (&false.into(), &Value::Null)
    );
    assert_eq!(
        (&segv["status"], &segv["signal"]),
        (&"crashed".into(), &"SIGSEGV".into())
    );
    assert!(segv["exitCode"].is_null(), "{segv:#}");
    for ended in [bad, segv] {
        let (start, end) = (
            ended["startTime"].as_u64().unwrap(),
            ended["endTime"].as_u64().unwrap(),
        );
        assert!(
            before <= start && start <= end && end <= now_ms(),
            "{ended:#}"
        );
        assert!(
            ended["runtimeMs"].as_u64().unwrap() <= now_ms() - before,
            "{ended:#}"
        );
    }
    let id = bad["id"].as_str().unwrap();
    bgp.wait_for_supervisor_end(id);
    let log = fs::metadata(bgp.log(id)).unwrap().len();
    assert_eq!(bgp.status("bad")["logBytes"], log);
}

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

#[test]
fn output_is_lines_with_their_stream_and_time() {
    let bgp = Sandbox::new();
    let before = now_ms();
    let line = "echo out; read x; echo err >&2; read x; printf partial";
    bgp.start("mix", ["sh", "-c", line]);
    for written in ["out\n", "out\nerr\n"] {
        bgp.wait_until(&format!("{written:?} is logged"), || {
            (bgp.output("mix") == written).then_some(())
        });
        bgp.run(["send", "mix", ""]).code(0);
    }
    bgp.run(["wait", "mix"]).code(0);
    let answer = bgp.run(["output", "--json", "mix"]).code(0).json();
    assert_eq!(answer["id"], bgp.status("mix")["id"]);
    let lines = answer["lines"].as_array().unwrap();
    let seen: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| {
            (
                line["stream"].as_str().unwrap(),
                line["text"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [("stdout", "out"), ("stderr", "err"), ("stdout", "partial")]
    );
    for line in lines {
        let time = line["time"].as_u64().unwrap();
        assert!(before <= time && time <= now_ms(), "{line}");
    }
    assert_eq!(lines[2]["partial"], true, "{answer:#}");
    assert_eq!(
        (&answer["eof"], &answer["droppedBytes"]),
        (&true.into(), &0.into()),
        "{answer:#}"
    );
    assert_eq!(type_of(&answer["nextCursor"]), "string", "{answer:#}");
}

#[test]
fn an_error_has_a_code_a_kind_a_message_and_a_hint() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "60"]);
    let cases: [(&[&str], i32, &str); 6] = [
        (&["status", "--json", "nobody"], 3, "not-found"),
        (
            &["start", "--json", "--name", "web", "true"],
            6,
            "in-the-way",
        ),
        (
            &["start", "--json", "no-such-command-anywhere"],
            127,
            "command-not-found",
        ),
        (&["start", "--json", "--grace", "soon", "true"], 2, "usage"),
        (&["clear", "--json", "web"], 6, "in-the-way"),
        (&["list", "--json", "--no-such-option"], 2, "usage"),
    ];
    for (args, code, kind) in cases {
        let outcome = bgp.run(args.iter().copied()).code(code);
        // On stdout, where a script reads; nothing else is there.
        let error = outcome.json()["error"].clone();
        assert_eq!(
            (&error["code"], &error["kind"]),
            (&code.into(), &kind.into()),
            "{}",
            outcome.describe()
        );
        let message = error["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.ends_with('.'), "{message}");
        assert!(error.get("hint").is_some(), "{}", outcome.describe());
    }
    let mut locked_out = bgp.command(["list", "--json"]);
    let error = finish(locked_out.env("BG_PASSWORD", "wrong"))
        .code(12)
        .json()["error"]
        .clone();
    assert_eq!(
        (&error["code"], &error["kind"]),
        (&12.into(), &"wrong-password".into())
    );
}

// A5
#[test]
fn bytes_that_are_no_text_are_escaped_with_a_lossless_field_beside() {
    let bgp = Sandbox::new();
    let dir = bgp.dir().join(OsStr::from_bytes(b"d\xff"));
    fs::create_dir(&dir).unwrap();
    let mut start = bgp.command(["start", "--json", "--name", "bytes", "--cwd"]);
    start
        .arg(&dir)
        .args(["printf", "%s", "plain"])
        .arg(OsStr::from_bytes(b"a\xff\nb"));
    let process = finish(&mut start).code(0).json()["process"].clone();
    assert_eq!(process["argv"][3], "a\\xff\nb", "{process:#}");
    // base64 of "a\xff\nb"
    assert!(
        process["argvBase64"].to_string().contains("Yf8KYg=="),
        "{process:#}"
    );
    assert!(
        process["cwd"].as_str().unwrap().ends_with("d\\xff"),
        "{process:#}"
    );
    assert_eq!(type_of(&process["cwdBase64"]), "string", "{process:#}");
    bgp.run(["wait", "bytes"]).code(0);
    let plain = bgp
        .run(["start", "--json", "--name", "plain", "true"])
        .code(0)
        .json()["process"]
        .clone();
    assert!(
        plain.get("argvBase64").is_none_or(Value::is_null),
        "{plain:#}"
    );
}
