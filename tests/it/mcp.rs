//! The Model Context Protocol as clients of both eras speak it, and as they should not.
//!
//! Does not: use a client of somebody else; `test-scripts/mcp-clients.sh` does.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::harness::{DEADLINE, Sandbox};
use crate::proc;

/// A client, and the server that it has started.
struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// What came while something else was waited for.
    aside: VecDeque<Value>,
    next_id: u64,
}

impl Client {
    fn new(bgp: &Sandbox) -> Self {
        Self::of(&mut bgp.command(["mcp"]))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            aside: VecDeque::new(),
            next_id: 1,
        }
    }

    fn send(&mut self, message: &Value) {
        self.send_line(&message.to_string());
    }

    fn send_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
    }

    /// The next message, whatever it answers.
    #[track_caller]
    fn next(&mut self) -> Value {
        let line = self.lines.recv_timeout(DEADLINE).expect("a message");
        let message: Value = serde_json::from_str(&line).expect("nothing but protocol");
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        message
    }

    /// The answer to the request with this id.
    #[track_caller]
    fn answer(&mut self, id: &Value) -> Value {
        if let Some(at) = self.aside.iter().position(|message| message["id"] == *id) {
            return self.aside.remove(at).unwrap();
        }
        loop {
            let message = self.next();
            if message["id"] == *id {
                return message;
            }
            self.aside.push_back(message);
        }
    }

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "made for it")]
    fn request(&mut self, method: &str, params: Value) -> Value {
        let id = json!(self.next_id);
        self.next_id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        self.answer(&id)
    }

    /// The result of a tool.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "made for it")]
    fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.request("tools/call", json!({"name": tool, "arguments": arguments}));
        assert!(answer["error"].is_null(), "{answer}");
        answer["result"].clone()
    }

    /// What a tool answers when all goes well.
    #[track_caller]
    fn done(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.call(tool, arguments);
        assert_eq!(result["isError"], false, "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        let same: Value = serde_json::from_str(text).unwrap();
        assert_eq!(same, result["structuredContent"], "the same as text");
        same
    }

    /// Closes the client's end, and waits until the server has ended.
    #[track_caller]
    fn close(&mut self) -> i32 {
        drop(self.stdin.take());
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code().expect("an exit code");
            }
            assert!(begun.elapsed() < DEADLINE, "the server does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn initialize(client: &mut Client, version: &str) -> Value {
    let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = client.request("initialize", params);
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    answer["result"].clone()
}

/// That `value` is as `schema` says, as far as our schemas go.
fn conforms(value: &Value, schema: &Value, at: &str) {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("{at}: {other}"),
    };
    match &schema["type"] {
        Value::String(kind) => assert!(is(kind), "{at}: {value} is no {kind}"),
        Value::Array(kinds) => {
            assert!(
                kinds.iter().any(|kind| is(kind.as_str().unwrap())),
                "{at}: {value}"
            );
        }
        _ => {}
    }
    if let Some(allowed) = schema["enum"].as_array() {
        assert!(allowed.contains(value), "{at}: {value}");
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        assert!(
            value.get(name.as_str().unwrap()).is_some(),
            "{at}: no {name} in {value}"
        );
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = value.get(name) {
            conforms(value, schema, &format!("{at}.{name}"));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        conforms(item, &schema["items"], &format!("{at}[]"));
    }
}

#[test]
fn the_older_era_opens_with_initialize_in_every_version() {
    let bgp = Sandbox::new();
    for (asked, given) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2024-11-05", "2024-11-05"),
        ("2030-01-01", "2025-11-25"),
    ] {
        let mut client = Client::new(&bgp);
        let result = initialize(&mut client, asked);
        assert_eq!(result["protocolVersion"], given);
        assert_eq!(result["serverInfo"]["name"], "bgp");
        assert!(result["capabilities"]["tools"].is_object());
        assert!(result["resultType"].is_null());
        assert_eq!(client.request("ping", json!({}))["result"], json!({}));
        assert_eq!(client.close(), 0);
    }
}

#[test]
fn the_newer_era_needs_no_opening() {
    let bgp = Sandbox::new();
    let mut client = Client::new(&bgp);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    });
    let found = client.request("server/discover", json!({"_meta": meta}))["result"].clone();
    assert_eq!(found["resultType"], "complete");
    assert_eq!(found["supportedVersions"], json!(["2026-07-28"]));
    assert!(
        found["ttlMs"].is_u64() && found["cacheScope"].is_string(),
        "{found}"
    );
    assert_eq!(
        found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"],
        "bgp"
    );
    let listed = client.request("tools/list", json!({"_meta": meta}))["result"].clone();
    assert_eq!(listed["resultType"], "complete");
    assert!(listed["ttlMs"].is_u64() && listed["cacheScope"].is_string());
    let params = json!({"_meta": meta, "name": "process_list", "arguments": {}});
    let called = client.request("tools/call", params)["result"].clone();
    assert_eq!(
        (&called["resultType"], &called["isError"]),
        (&json!("complete"), &json!(false))
    );
    let other = json!({"_meta": {"io.modelcontextprotocol/protocolVersion": "2027-01-01"}});
    let error = client.request("tools/list", other)["error"].clone();
    assert_eq!(error["code"], -32022);
    assert_eq!(
        error["data"],
        json!({"supported": ["2026-07-28"], "requested": "2027-01-01"})
    );
}

#[test]
fn every_tool_has_schemas_and_annotations_and_keeps_to_them() {
    let bgp = Sandbox::new();
    let mut client = Client::new(&bgp);
    initialize(&mut client, "2025-11-25");
    let tools = client.request("tools/list", json!({}))["result"]["tools"].clone();
    let tools = tools.as_array().unwrap();
    assert!(tools.len() >= 10);
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        assert!(name.starts_with("process_") && !tool["description"].as_str().unwrap().is_empty());
        assert_eq!(tool["inputSchema"]["type"], "object", "{name}");
        for hint in [
            "readOnlyHint",
            "destructiveHint",
            "idempotentHint",
            "openWorldHint",
        ] {
            assert!(tool["annotations"][hint].is_boolean(), "{name} {hint}");
        }
    }
    for (name, arguments) in [
        (
            "start",
            json!({"name": "a", "command": "echo out; echo err >&2; exit 3", "env": {"A": "1"}}),
        ),
        ("wait", json!({"id": "a"})),
        (
            "start",
            json!({"name": "b", "command": "read x; echo $x; exec sleep 600", "alertOnKill": true}),
        ),
        ("list", json!({})),
        ("send", json!({"id": "b", "text": "hello"})),
        ("wait", json!({"id": "b", "output": "hel+o"})),
        ("wait", json!({"id": "b", "timeout": 0.1})),
        ("output", json!({"id": "a", "lines": 5})),
        ("status", json!({"id": "b"})),
        ("logs", json!({"id": "a"})),
        ("logs", json!({"id": "a", "export": true})),
        (
            "update",
            json!({"id": "b", "alertOnOutput": ["x", "y"], "alertOnIdle": "5m"}),
        ),
        ("alerts", json!({})),
        (
            "start",
            json!({"name": "c", "command": "printf screen; exec sleep 600", "pty": true}),
        ),
        ("wait", json!({"id": "c", "output": "screen"})),
        ("send", json!({"id": "c", "key": ["Up", "C-a"]})),
        ("screen", json!({"id": "c"})),
        (
            "start",
            json!({"name": "d", "command": "echo ready", "waitFor": "ready"}),
        ),
        (
            "start",
            json!({"name": "e", "command": "echo ready", "waitFor": "never"}),
        ),
        ("kill", json!({"id": "c"})),
        ("restart", json!({"id": "b"})),
        ("kill", json!({"id": "b", "force": true})),
        ("clear", json!({"id": "a"})),
        ("clear", json!({})),
    ] {
        let tool = tools
            .iter()
            .find(|tool| tool["name"] == format!("process_{name}"))
            .unwrap();
        let result = client.done(tool["name"].as_str().unwrap(), arguments);
        conforms(&result, &tool["outputSchema"], name);
        assert_eq!(result["action"], name);
    }
    assert_eq!(client.close(), 0);
}

#[test]
fn a_mistake_of_the_caller_is_told_to_the_model_and_one_of_the_protocol_to_the_client() {
    let bgp = Sandbox::new();
    let mut client = Client::new(&bgp);
    for (tool, arguments, told) in [
        (
            "process_output",
            json!({}),
            "parameter 'id' of 'output' is missing",
        ),
        (
            "process_output",
            json!({"id": "nobody"}),
            "no process called 'nobody'",
        ),
        (
            "process_output",
            json!({"id": "x", "lines": "many"}),
            "parameter 'lines': 'many'",
        ),
        (
            "process_start",
            json!({"name": "x", "command": "a\u{0}b"}),
            "parameter 'command': it holds a NUL",
        ), // A6
        (
            "process_start",
            json!({"name": "x", "command": "true", "cwd": "/nowhere"}),
            "cannot work in the directory",
        ),
        (
            "process_start",
            json!({"name": "x", "command": "true", "colour": 1}),
            "'start' has no parameter 'colour'",
        ),
    ] {
        let result = client.call(tool, arguments);
        assert_eq!(result["isError"], true, "{result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with(told), "{text}");
        assert!(
            !text.contains("parameter") || text.contains("a right call: process_"),
            "{text}"
        );
    }
    for (method, params, code) in [
        ("tools/call", json!({"name": "process_dance"}), -32602),
        ("tools/call", json!({"name": "list"}), -32602),
        ("tools/call", json!({}), -32602),
        (
            "tools/call",
            json!({"name": "process_list", "arguments": []}),
            -32602,
        ),
        ("tools/list", json!({"cursor": "x"}), -32602),
        ("initialize", json!({}), -32602),
        ("resources/list", json!({}), -32601),
        ("shutdown", json!({}), -32601),
    ] {
        let error = client.request(method, params)["error"].clone();
        assert_eq!(error["code"], code, "{method}");
    }
    assert_eq!(
        client.request("ping", json!({}))["result"],
        json!({}),
        "it goes on"
    );
}

#[test]
fn what_is_no_message_is_refused_and_the_next_one_is_answered() {
    let bgp = Sandbox::new();
    let mut client = Client::new(&bgp);
    let long = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"x\":\"{}\"}}",
        "x".repeat(10_000_000)
    );
    for (line, code) in [
        ("nonsense", -32700),
        ("{\"jsonrpc\":\"2.0\",", -32700),
        ("[]", -32600),
        ("[1]", -32600),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":{\"a\":1},\"method\":\"ping\"}",
            -32600,
        ),
        (
            "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
            -32600,
        ),
        (long.as_str(), -32600),
    ] {
        client.send_line(line);
        let refused = client.next();
        let shown: String = line.chars().take(60).collect();
        assert_eq!(
            (&refused["id"], &refused["error"]["code"]),
            (&Value::Null, &json!(code)),
            "{shown}"
        );
    }
    // A batch, as one version of the protocol has them.
    let ping = |id: u32| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    client.send(&json!([ping(1), {"jsonrpc": "2.0", "method": "notifications/x"}, ping(2)]));
    assert_eq!(
        (&client.next()["id"], &client.next()["id"]),
        (&json!(1), &json!(2))
    );
    for id in [json!("text"), json!(-7), json!(1.5), json!("")] {
        client.send(&json!({"jsonrpc": "2.0", "id": id, "method": "ping"}));
        assert_eq!(client.next()["id"], id);
    }
    for silent in [
        json!({"jsonrpc": "2.0", "method": "notifications/unheard-of"}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}}),
        json!({"jsonrpc": "2.0", "id": 5, "result": {}}),
    ] {
        client.send(&silent);
    }
    client.send_line("");
    assert_eq!(
        client.request("ping", json!({}))["result"],
        json!({}),
        "and nothing else came"
    );
    let pid = i32::try_from(client.child.id()).unwrap();
    if let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) {
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(kib < 64 * 1024, "10 MB of nonsense took {kib} KiB");
    }
}

#[test]
fn a_wait_keeps_nobody_waiting_and_ends_when_it_is_cancelled() {
    let bgp = Sandbox::new();
    let mut client = Client::new(&bgp);
    client.done(
        "process_start",
        json!({"name": "slow", "command": "exec sleep 600"}),
    );
    let wait = |id: &str| {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": "process_wait", "arguments": {"id": "slow", "timeout": "10m"}}})
    };
    client.send(&wait("dropped"));
    client.send(&wait("kept"));
    assert_eq!(client.request("ping", json!({}))["result"], json!({}));
    let listed = client.done("process_list", json!({}));
    assert_eq!(listed["processes"][0]["status"], "running");
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "dropped", "reason": "no more"}}));
    client.done("process_kill", json!({"id": "slow"}));
    let kept = client.answer(&json!("kept"));
    assert_eq!(
        kept["result"]["structuredContent"]["process"]["status"],
        "killed"
    );
    client.request("ping", json!({}));
    assert!(
        client
            .aside
            .iter()
            .all(|message| message["id"] != "dropped"),
        "what is cancelled is not answered"
    );
}

#[test]
fn the_end_of_the_input_ends_the_server_and_leaves_the_processes() {
    let bgp = Sandbox::new();
    let mut client = Client::new(&bgp);
    client.done(
        "process_start",
        json!({"name": "stays", "command": "exec sleep 600"}),
    );
    client.send(
        &json!({"jsonrpc": "2.0", "id": "last", "method": "tools/call",
        "params": {"name": "process_wait", "arguments": {"id": "stays"}}}),
    );
    assert_eq!(client.close(), 0);
    let last = client.answer(&json!("last"));
    assert_eq!(
        last["result"]["structuredContent"]["timedOut"], true,
        "a wait is answered at the end"
    );
    assert_eq!(bgp.status("stays")["status"], "running");
}

#[test]
fn the_session_ends_with_the_server_if_that_is_asked_for() {
    let bgp = Sandbox::new();
    let other = bgp.start("other", ["sleep", "600"]);
    let mut client = Client::of(&mut bgp.command(["mcp", "--end-session"]));
    let started = client.done(
        "process_start",
        json!({"name": "mine", "command": "exec sleep 600"}),
    );
    let pid = i32::try_from(started["process"]["pid"].as_i64().unwrap()).unwrap();
    assert_eq!(client.close(), 0);
    assert!(!proc::alive(pid));
    assert_eq!(bgp.status(&other.id)["status"], "running");
    bgp.run(["status", "mine"]).code(3);
}

#[test]
fn the_session_ends_with_a_server_that_is_told_to_end() {
    let bgp = Sandbox::new();
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGQUIT, 131)] {
        let mut client = Client::of(&mut bgp.command(["mcp", "--end-session"]));
        let started = client.done(
            "process_start",
            json!({"name": "mine", "command": "exec sleep 600"}),
        );
        let pid = i32::try_from(started["process"]["pid"].as_i64().unwrap()).unwrap();
        proc::kill(i32::try_from(client.child.id()).unwrap(), signal);
        assert_eq!(client.child.wait().unwrap().code(), Some(code));
        assert!(!proc::alive(pid));
        bgp.run(["status", "mine"]).code(3);
    }
}

/// Each would hold up what follows by 2 s, and all of them by longer than is waited for here.
#[test]
fn waits_that_are_under_way_keep_no_other_call_waiting() {
    let bgp = Sandbox::new();
    bgp.start("web", ["sleep", "600"]);
    let mut client = Client::new(&bgp);
    for id in 0..40 {
        client.send(
            &json!({"jsonrpc": "2.0", "id": format!("wait {id}"), "method": "tools/call",
            "params": {"name": "process_wait", "arguments": {"id": "web", "timeout": 600}}}),
        );
    }
    let list = client.done("process_list", json!({}));
    assert_eq!(list["processes"][0]["status"], "running");
    client.done("process_kill", json!({"id": "web"}));
    for id in 0..40 {
        let answer = client.answer(&json!(format!("wait {id}")));
        assert_eq!(answer["result"]["structuredContent"]["came"], "end");
    }
    assert_eq!(client.close(), 0);
}

#[test]
fn a_session_of_pipes_is_answered_in_order_to_its_end() {
    let bgp = Sandbox::new();
    let call = |id: u64, tool: &str, arguments: Value| {
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}).to_string()
    };
    let lines = [
        call(
            1,
            "process_start",
            json!({"name": "x", "command": "echo hello"}),
        ),
        call(2, "process_wait", json!({"id": "x"})),
        call(3, "process_output", json!({"id": "x"})),
        call(4, "process_clear", json!({})),
    ];
    // A wait is cut short when the input ends: what follows it is said when it is answered.
    let shown = bgp
        .sh(&format!(
            "{{ printf '%s\\n' '{}' '{}'; until grep -q '\"id\":2' told; do sleep 0.05; done; \
             printf '%s\\n' '{}' '{}'; }} | \"$BGP\" mcp > told && cat told",
            lines[0], lines[1], lines[2], lines[3]
        ))
        .code(0)
        .text();
    let answers: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ids: Vec<u64> = answers
        .iter()
        .map(|answer| answer["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(
        answers[2]["result"]["structuredContent"]["lines"][0]["text"],
        "hello"
    );
}

// F1, F2
#[test]
fn a_client_that_is_gone_or_cannot_be_told_ends_the_server() {
    let bgp = Sandbox::new();
    let ping = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}";
    let mut command = bgp.command(["mcp"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{ping}").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    if std::path::Path::new("/dev/full").exists() {
        bgp.sh(&format!("echo '{ping}' | \"$BGP\" mcp >/dev/full"))
            .code(15)
            .stderr_has("No space left on device");
    }
}

#[test]
fn a_client_that_does_not_read_costs_no_more_than_a_bound() {
    let bgp = Sandbox::new();
    let mut command = bgp.command(["mcp"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let list = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n".repeat(1000);
    let mut taken = 0;
    while stdin.write_all(list.as_bytes()).is_ok() {
        taken += 1;
        assert!(taken < 50, "it takes whatever comes"); // its answers are some times its bound then
    }
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn without_a_password_every_call_says_how_to_give_one() {
    let bgp = Sandbox::new();
    let mut client = Client::of(bgp.command(["mcp"]).env_remove("BG_PASSWORD"));
    initialize(&mut client, "2025-11-25");
    let result = client.call("process_list", json!({}));
    assert_eq!(result["isError"], true);
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("no password") && text.contains("env of its configuration"),
        "{text}"
    );
}

#[test]
fn the_password_is_taken_once_from_whatever_source() {
    let bgp = Sandbox::new();
    let count = bgp.dir().join("asked");
    let line = format!(
        "echo x >>'{}'; printf '%s' \"{}\"",
        count.display(),
        crate::harness::PASSWORD
    );
    let mut client = Client::of(
        bgp.command(["mcp"])
            .env_remove("BG_PASSWORD")
            .env("BG_PASSWORD_COMMAND", line),
    );
    let started = client.done(
        "process_start",
        json!({"name": "x", "command": "env | grep -c PASSWORD; exec sleep 600"}),
    );
    assert_eq!(started["process"]["status"], "running");
    for _ in 0..3 {
        client.done("process_list", json!({}));
    }
    let wait = client.done("process_wait", json!({"id": "x", "output": "^[0-9]+$"}));
    assert_eq!(wait["lines"][0]["text"], "0", "the command does not get it");
    assert_eq!(std::fs::read_to_string(count).unwrap(), "x\n");
}

// F17
#[test]
fn a_supervisor_that_is_stopped_or_a_lock_that_is_held_hangs_nothing() {
    let bgp = Sandbox::new();
    let mut client = Client::new(&bgp);
    let process = bgp.start("stuck", ["sleep", "600"]);
    let supervisor = process.supervisor();
    proc::kill(supervisor, Signal::SIGSTOP);
    let result = client.call("process_kill", json!({"id": "stuck"}));
    assert_eq!(result["isError"], true, "{result}");
    let result = client.call("process_send", json!({"id": "stuck", "text": "x"}));
    assert_eq!(result["isError"], true, "{result}");
    client.done("process_list", json!({}));
    client.done("process_output", json!({"id": "stuck"}));
    proc::kill(supervisor, Signal::SIGCONT);
    client.done("process_kill", json!({"id": "stuck", "force": true}));
}

fn calling(id: &str, tool: &str, arguments: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
}

#[test]
fn an_alert_that_nobody_has_received_stays_pending() {
    let bgp = Sandbox::new();
    bgp.start("fails", ["sh", "-c", "exit 3"]);
    bgp.wait_status("fails", "failed");
    let pending = || {
        let told = bgp.run(["alerts", "--as", "agent", "--peek", "--json"]);
        let told = told.code(0).json()["alerts"].clone();
        told.as_array().unwrap().len()
    };
    let list = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n";
    // Nobody reads any more; somebody does not read all that comes before it.
    for (is_open, before) in [(false, String::new()), (true, list.repeat(20))] {
        let mut child = bgp
            .command(["mcp"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let unread = child.stdout.take().filter(|_| is_open);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(before.as_bytes()).unwrap();
        writeln!(stdin, "{}", calling("it", "process_alerts", &json!({}))).unwrap();
        drop(stdin);
        assert_eq!(child.wait().unwrap().code(), Some(0));
        drop(unread);
        assert_eq!(pending(), 1, "{is_open}");
    }
    let mut client = Client::new(&bgp);
    client.send(&calling("dropped", "process_alerts", &json!({})));
    client.send(&json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "dropped"}}));
    let told = client.done("process_alerts", json!({}))["alerts"].clone();
    let told = told.as_array().unwrap().len();
    let before = client.aside.len(); // what comes before it is cancelled is told all the same
    assert_eq!(told + before, 1);
    assert_eq!(client.close(), 0);
    assert_eq!(pending(), 0);
}

#[test]
fn what_is_read_is_not_cleared_meanwhile() {
    let bgp = Sandbox::new();
    let mut client = Client::new(&bgp);
    for round in 0..5 {
        client.done(
            "process_start",
            json!({"name": "z", "command": "seq 100000"}),
        );
        client.done("process_wait", json!({"id": "z"}));
        for (tool, arguments) in [
            ("output", json!({"id": "z", "lines": 0})),
            ("status", json!({"id": "z"})),
            ("wait", json!({"id": "z"})),
            ("clear", json!({"id": "z"})),
        ] {
            client.send(&calling(tool, &format!("process_{tool}"), &arguments));
        }
        for id in ["output", "status", "clear"] {
            let result = client.answer(&json!(id))["result"].clone();
            assert_eq!(result["isError"], false, "round {round}: {result}");
        }
        client.answer(&json!("wait"));
    }
}

#[test]
fn a_start_that_waits_says_what_has_come() {
    let bgp = Sandbox::new();
    let mut client = Client::new(&bgp);
    let noise = "for i in $(seq 30); do echo noise; done";
    for (name, command, limit, told) in [
        (
            "comes",
            format!("echo port 8080 ready; {noise}; exec sleep 600"),
            "50s",
            "\"comes\" (proc_1) has written: port 8080 ready",
        ),
        ("ends", noise.to_owned(), "50s", "'ends' ended before"),
        (
            "waits",
            "exec sleep 600".to_owned(),
            "100ms",
            "what was waited for has not come",
        ),
    ] {
        let arguments =
            json!({"name": name, "command": command, "waitFor": "ready", "waitTimeout": limit});
        let answer = client.done("process_start", arguments);
        let notes = answer["notes"].as_array().unwrap();
        assert!(
            notes
                .iter()
                .any(|note| note.as_str().unwrap().contains(told)),
            "{answer}"
        );
    }
}

/// What is killed would take an hour if another grace held.
#[test]
fn the_configuration_holds_as_it_is_at_a_call() {
    let bgp = Sandbox::new();
    let set = |key: &str, value: &str| drop(bgp.run(["config", "set", key, value]).code(0));
    set("stop.graceSeconds", "3600");
    let mut client = Client::new(&bgp);
    let killed = |client: &mut Client| {
        let deaf = format!("exec {}", crate::harness::script("ignores-term.sh"));
        let deaf = json!({"name": "deaf", "command": deaf, "waitFor": "^ready", "replace": true});
        assert_eq!(client.done("process_start", deaf)["came"], "output");
        let killed = client.done("process_kill", json!({"id": "deaf"}));
        assert_eq!(killed["process"]["signal"], "SIGKILL", "{killed}");
    };
    set("stop.graceSeconds", "0");
    killed(&mut client);
    client.done("process_start", json!({"name": "many", "command": "seq 9"}));
    client.done("process_wait", json!({"id": "many"}));
    set("output.defaultTailLines", "2");
    let shown = client.done("process_output", json!({"id": "many"}));
    assert_eq!(shown["lines"].as_array().unwrap().len(), 2, "{shown}");
    // A faulty file changes nothing.
    let path = bgp.dir().join("home/.config/bgp/config.json");
    assert!(path.exists());
    std::fs::write(&path, "nonsense").unwrap();
    killed(&mut client);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn what_is_started_during_a_kill_has_the_callers_limit_of_open_files() {
    let bgp = Sandbox::new();
    let mut client = Client::of(
        bgp.foreign("/bin/sh")
            .args(["-c", "ulimit -Sn 200; exec \"$BGP\" mcp"]),
    );
    bgp.start_stubborn("deaf", "4s");
    client.send(&calling("kill", "process_kill", &json!({"id": "deaf"})));
    // It begins when the kill has had its turn.
    client.done(
        "process_start",
        json!({"name": "limit", "command": "ulimit -Sn"}),
    );
    client.done("process_wait", json!({"id": "limit"}));
    assert_eq!(bgp.output("limit"), "200\n");
    let killed = client.answer(&json!("kill"));
    assert_eq!(killed["result"]["isError"], false, "{killed}");
}
