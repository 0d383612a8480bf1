//! A state directory with everything that a format version can hold: made anew, and as version 1 left it.
//!
//! `tests/fixtures/v1` to `v3` are what [`make`] made once, and are read for ever (`v2`: the facts of rotation, `v3`:
//! whether a segment begins within a line). They are never made again; a later format gets a directory of its
//! own, with `BGP_MAKE_FIXTURES=tests/fixtures/v4 cargo test --lib what_earlier`. Here all are read record by record;
//! `tests/it/fixtures.rs` reads the one of version 1 as a user does, and in another language.
//!
//! Does not: alter bits or cut files: [`testing`](crate::testing) does, by chance, and the tests of `store` and `log`,
//! every bit and every length.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use crate::log::reader::{Item, Reader};
use crate::log::writer::{Opening, Writer};
use crate::log::{Identity, Kind, LogKeys, block};
use crate::manager::Manager;
use crate::model::facts::{self, Block, Entry, Start};
use crate::model::id::{Id, LogId, ProcessId, encode_hex};
use crate::store::dir::Sub;
use crate::store::files;
use crate::store::readers::{self, Part, Place};
use crate::store::unlocked::Store;
use crate::testing::{TempDir, copy, environment};

/// A moment in September 2026.
const BEGUN_MS: u64 = 1_790_000_000_000;
/// No machine's.
const BOOT: &str = "00000000-0000-4000-8000-000000000000";

/// What happens in a log, in this order.
enum Step {
    Write(Kind, Vec<u8>),
    /// The leader ends, with these fields of EXIT.
    Exit(Json),
    /// A segment more.
    Rotate,
    /// A segment more, and those before it go.
    RotateAndDrop,
    End,
    /// A record of which the last bytes are missing.
    Tear,
}

/// What is left of a process beside its log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Its end is in the state.
    Folded,
    /// Its end is in its status block only.
    Lease,
    /// Its supervisor was killed; the block says that it runs.
    Running,
    /// And both slots of the block are damaged.
    Damaged,
    /// And no block was written yet.
    Unwritten,
}

struct Process {
    name: &'static str,
    argv: Vec<Json>,
    /// Fields of START and of the state's entry.
    also: Json,
    env: Vec<String>,
    steps: Vec<Step>,
    left: Left,
}

fn out(text: &[u8]) -> Step {
    Step::Write(Kind::Stdout, text.to_vec())
}

fn err(text: &[u8]) -> Step {
    Step::Write(Kind::Stderr, text.to_vec())
}

fn closed() -> [Step; 2] {
    [Kind::Stdout, Kind::Stderr].map(|kind| Step::Write(Kind::Closed, vec![kind as u8]))
}

/// Pieces of numbered lines that fit no line and no block.
fn numbered(from: u32, to: u32) -> Vec<Step> {
    let text = (from..=to).fold(String::new(), |mut text, n| {
        writeln!(text, "line {n:05} of a log that goes on").unwrap();
        text
    });
    text.as_bytes().chunks(3_001).map(out).collect()
}

fn steps(parts: impl IntoIterator<Item = Vec<Step>>) -> Vec<Step> {
    parts.into_iter().flatten().collect()
}

/// The processes of the directory, by their numbers from 1 on.
#[expect(clippy::too_many_lines, reason = "data")]
fn processes() -> Vec<Process> {
    let words = |words: &[&str]| words.iter().map(|word| json!(word)).collect::<Vec<_>>();
    let plain = || vec!["PATH=/usr/bin:/bin".to_owned(), "LANG=C".to_owned()];
    let exited = || Step::Exit(json!({ "status": "exited", "code": 0 }));
    vec![
        Process {
            name: "hello",
            argv: words(&["echo", "hello"]),
            also: json!({}),
            env: plain(),
            steps: steps([
                vec![out(b"hello\n")],
                closed().into(),
                vec![exited(), Step::End],
            ]),
            left: Left::Folded,
        },
        Process {
            name: "mixed",
            argv: vec![
                json!("./mixed.sh"),
                json!({ "base64": "Y2Fm6Q==" }),
                json!("two words"),
            ],
            also: json!({
                "cwd": { "base64": "L3Nydi9k/w==" }, "group": "build", "session": "s1", "stdin": "null",
                "graceMs": 1500, "alerts": { "onSuccess": true, "onFailure": false, "onKill": true },
            }),
            env: vec![
                "PATH=/bin".to_owned(),
                format!("LONG={}", "0123456789".repeat(900)),
            ],
            steps: steps([
                vec![
                    out(b"first line\n"),
                    err(b"to stderr\n"),
                    out(b"caf\xc3"), // a character, cut
                    out(b"\xa9\nnot \xff\xfe text\n\x1b[31mred\x1b[0m\n 10%\r 99%\r100%\n"),
                    err(b"no newline"),
                ],
                closed().into(),
                vec![
                    Step::Exit(json!({ "status": "failed", "code": 3 })),
                    Step::End,
                ],
            ]),
            left: Left::Folded,
        },
        Process {
            name: "rotated",
            argv: words(&["/bin/sh", "-c", "seq 2>&1 | tee x"]),
            also: json!({ "shellLine": "seq 2>&1 | tee x", "previous": "f1000001" }),
            env: plain(),
            steps: steps([
                numbered(1, 2_200), // more than a block of 64 KiB
                vec![Step::Rotate],
                numbered(2_201, 2_300),
                closed().into(),
                vec![exited(), Step::End],
            ]),
            left: Left::Folded,
        },
        Process {
            name: "dropped",
            argv: words(&["./server"]),
            also: json!({ "stdin": { "file": "/srv/input" } }),
            env: plain(),
            steps: steps([
                vec![
                    out(b"this is dropped\n"),
                    Step::RotateAndDrop,
                    out(b"kept\n"),
                ],
                vec![
                    Step::Write(Kind::Note, b"{\"paused\":true}".into()),
                    Step::Write(
                        Kind::Gap,
                        b"{\"bytes\":70000,\"reason\":\"the disk was full or failed\"}".into(),
                    ),
                    Step::Write(Kind::Alert, b"{\"event\":\"output\"}".into()),
                    Step::Exit(
                        json!({ "status": "crashed", "signal": "SIGSEGV", "coreDumped": true }),
                    ),
                    Step::Rotate,
                    err(b"a child goes on\n"),
                ],
                closed().into(),
                vec![Step::End],
            ]),
            left: Left::Folded,
        },
        Process {
            name: "stopped",
            argv: words(&["sleep", "1000"]),
            also: json!({}),
            env: plain(),
            steps: steps([
                closed().into(),
                vec![
                    Step::Exit(
                        json!({ "status": "killed", "reason": "stop", "signal": "SIGTERM" }),
                    ),
                    Step::End,
                ],
            ]),
            left: Left::Lease,
        },
        Process {
            name: "lost",
            argv: words(&["./worker"]),
            also: json!({ "group": "build" }),
            env: plain(),
            steps: vec![out(b"one\ntwo\nhalf a li"), Step::Tear],
            left: Left::Running,
        },
        Process {
            name: "damaged",
            argv: words(&["./worker"]),
            also: json!({}),
            env: plain(),
            steps: vec![out(b"before\n")],
            left: Left::Damaged,
        },
        Process {
            name: "unwritten",
            argv: words(&["true"]),
            also: json!({}),
            env: plain(),
            steps: vec![],
            left: Left::Unwritten,
        },
    ]
}

/// Facts of `fields`, over those of `more`.
fn merged(mut fields: Json, more: &Json) -> Json {
    let more = more.as_object().unwrap().clone();
    fields.as_object_mut().unwrap().extend(more);
    fields
}

/// Makes a state directory with all of [`processes`], and readers who have had some of it.
fn make(dir: &Path) {
    let store = Store::open_or_create(&environment(dir)).unwrap();
    for sub in [Sub::Logs, Sub::Run] {
        store.dir().make_sub(sub).unwrap();
    }
    let mut locked = store.lock().unwrap();
    for (number, process) in (1_u8..).zip(processes()) {
        let entry = make_process(&store, number, &process);
        locked.state.processes.push(entry);
        locked.state.next_number = u64::from(number) + 1;
    }
    locked.state.next_number += 3; // others were cleared
    locked.save().unwrap();
    drop(locked);
    for (name, alert_cursor) in [("default", 0), ("agent", 4)] {
        for part in [Part::Alerts, Part::Outputs] {
            let mut reader = store.reader(name, part, Duration::ZERO).unwrap();
            reader.places.alert_cursor = alert_cursor;
            let place = Place {
                cursor: String::new(), // there was another place there, which nobody used
            };
            reader.places.outputs.insert(Id([0xf1, 0, 0, 2]), place);
            store.save_reader(&reader).unwrap();
        }
    }
    // Locks say only who had them.
    fs::remove_file(dir.join("processes.lock")).unwrap();
    for name in store
        .dir()
        .sub(Sub::Readers)
        .unwrap()
        .unwrap()
        .names()
        .unwrap()
    {
        if name.contains(".lock") {
            fs::remove_file(dir.join("readers").join(name)).unwrap();
        }
    }
}

/// Writes log and lease of one process, and tells what the state says of it.
#[expect(clippy::too_many_lines, reason = "one file after the other")]
fn make_process(store: &Store, number: u8, process: &Process) -> Entry {
    let (id, log): (ProcessId, LogId) = (Id([0xf1, 0, 0, number]), Id([0xa0 + number; 16]));
    let start_ms = BEGUN_MS + u64::from(number) * 60_000;
    let common = json!({
        "id": id, "number": number, "name": process.name, "argv": process.argv, "cwd": "/srv",
        "graceMs": 5000, "startMs": start_ms, "uptimeMs": 1_000_000 + u64::from(number), "boot": BOOT,
    });
    let common = merged(common, &process.also);
    let start = merged(
        common.clone(),
        &json!({ "env": process.env, "umask": 0o22 }),
    );
    let start: Start = serde_json::from_value(start).unwrap();
    let mut entry: Entry = serde_json::from_value(merged(common, &json!({ "log": log }))).unwrap();

    let keys = Arc::new(LogKeys::derive(&store.keys().log_key(log), log));
    let identity = Identity {
        log,
        store: store.keys().store(),
    };
    let logs = store.dir().sub(Sub::Logs).unwrap().unwrap();
    let mut now_ns = start_ms * 1_000_000;
    let file = logs.create_new(&files::log(id, 0)).unwrap();
    let mut writer = Writer::create(file, identity, Arc::clone(&keys), now_ns).unwrap();
    let start = serde_json::to_vec(&start).unwrap();
    writer.append(Kind::Start, now_ns, &start).unwrap();
    let mut block: Block = serde_json::from_value(json!({
        "status": "running", "run": 1, "pid": 4_100_000 + u32::from(number), "pidStart": 100_002,
        "supervisorPid": 4_000_000 + u32::from(number), "supervisorStart": 100_001, "boot": BOOT,
    }))
    .unwrap();
    let running = block.clone();
    let (mut exit, mut output_bytes) = (None, 0);
    for step in &process.steps {
        now_ns += 1_500_000;
        match step {
            Step::Write(kind, payload) => {
                output_bytes += if kind.is_output() {
                    payload.len() as u64
                } else {
                    0
                };
                writer.append(*kind, now_ns, payload).unwrap();
            }
            Step::Exit(how) => {
                let fields = json!({
                    "endMs": now_ns / 1_000_000, "runtimeMs": now_ns / 1_000_000 - start_ms,
                    "userMs": 12, "systemMs": 3, "maxRssKib": 2048,
                });
                let fact: facts::Exit = serde_json::from_value(merged(fields, how)).unwrap();
                let json = serde_json::to_vec(&fact).unwrap();
                writer.append(Kind::Exit, now_ns, &json).unwrap();
                (block.status, block.reason) = (fact.status, fact.reason);
                (block.exit, exit) = (Some(fact), Some(json));
            }
            Step::Rotate | Step::RotateAndDrop => {
                let drops = matches!(step, Step::RotateAndDrop);
                let opening = Opening {
                    created_ns: now_ns,
                    start: &start,
                    exit: exit.as_deref(),
                    removed: if drops { usize::MAX } else { 0 },
                };
                let next = logs
                    .create_new(&files::log(id, writer.segment() + 1))
                    .unwrap();
                writer.rotate(next, &opening).unwrap();
                block.last_segment = writer.segment();
                if drops {
                    (block.first_segment..block.last_segment)
                        .for_each(|old| assert!(logs.remove(&files::log(id, old)).unwrap()));
                    block.first_segment = block.last_segment;
                }
            }
            Step::End => {
                let end = facts::End {
                    end_ms: now_ns / 1_000_000,
                    output_bytes,
                    lost: facts::Lost::default(),
                };
                block.log_end = Some(writer.end(now_ns, &end).unwrap());
                block.end = Some(end);
            }
            Step::Tear => {
                let whole = writer.segment_bytes();
                writer.append(Kind::Stdout, now_ns, b"ne, lost").unwrap();
                writer.file().set_len(whole + 77).unwrap();
            }
        }
    }
    if process.left == Left::Folded {
        entry.ended = Some(Box::new(block));
        return entry;
    }
    let run = store.dir().sub(Sub::Run).unwrap().unwrap();
    let lease = run.create_new(&files::lease(id)).unwrap();
    block::reserve(&lease).unwrap();
    let blocks = match process.left {
        Left::Unwritten => vec![],
        _ => vec![running, block],
    };
    for (number, facts) in (1..).zip(blocks) {
        block::write(&lease, &keys, log, number, &facts).unwrap();
    }
    if process.left == Left::Damaged {
        for at in [100, 4096 + 100] {
            let mut byte = [0];
            lease.read_exact_at(&mut byte, at).unwrap();
            lease.write_all_at(&[!byte[0]], at).unwrap();
        }
    }
    entry
}

/// All that is in a state directory, as text; tags are left out, which no two have in common.
fn told(dir: &Path) -> String {
    let manager = Manager::open(&environment(dir)).unwrap().unwrap();
    let mut state = serde_json::to_value(manager.store.read_state().unwrap()).unwrap();
    for process in state["processes"].as_array_mut().unwrap() {
        if let Some(tag) = process.pointer_mut("/ended/logEnd/tag") {
            assert_eq!(tag.take().as_str().unwrap().len(), 64);
        }
    }
    let mut text = format!("{state:#}\n");
    for name in ["default", "agent"] {
        let places = readers::peek(manager.store.dir(), manager.store.keys(), name).unwrap();
        writeln!(text, "{:#}", serde_json::to_value(places).unwrap()).unwrap();
    }
    for process in manager.observe_if(|_| true).unwrap() {
        let (info, verified) = (process.info(), manager.verify(&process).unwrap());
        writeln!(
            text,
            "{}: {}, {:?}",
            info.name,
            info.ending(),
            verified.findings
        )
        .unwrap();
        let mut reader = Reader::new(manager.segments(&process).unwrap().segments);
        loop {
            match reader.next().unwrap() {
                Item::Record(record) => {
                    let digest = encode_hex(&Sha256::digest(record.payload));
                    let payload = String::from_utf8_lossy(record.payload);
                    let shown: String = payload.chars().take(100).collect();
                    let (number, time, kind) = (record.number, record.time_ns, record.kind);
                    writeln!(text, "{number} {time} {kind:?} {digest} {shown:?}").unwrap();
                }
                Item::Damage(damage) => panic!("{}: {damage:?}", info.name),
                Item::End(ending) => {
                    writeln!(text, "{ending:?}").unwrap();
                    break;
                }
            }
        }
    }
    text
}

/// What is made now, where the variable says; else nowhere for long.
fn made_now() -> (TempDir, String) {
    let temp = TempDir::new();
    make(temp.path());
    if let Some(place) = std::env::var_os("BGP_MAKE_FIXTURES") {
        fs::create_dir_all(&place).unwrap();
        copy(temp.path(), place.as_ref());
    }
    let told = told(temp.path());
    (temp, told)
}

// C17
#[test]
fn what_earlier_versions_left_reads_as_what_is_made_now() {
    let (_made, now) = made_now();
    let left_by = |version: &str| {
        let (temp, from) = (TempDir::new(), Path::new(env!("CARGO_MANIFEST_DIR")));
        copy(&from.join("tests/fixtures").join(version), temp.path());
        told(temp.path())
    };
    for version in ["v1", "v2"] {
        left_by(version); // has fewer or shorter DROPPED, so other numbers; but it is all there
    }
    let then = left_by("v3");
    for (line, (then, now)) in (1..).zip(then.lines().zip(now.lines())) {
        assert_eq!(then, now, "line {line}");
    }
    assert_eq!(then.len(), now.len());
}
