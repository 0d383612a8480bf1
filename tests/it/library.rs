//! The library: the same processes, by calls from a program with threads.
//!
//! | rows | here |
//! |---|---|
//! | H14 | several threads start, read and stop at once |

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bgp::{
    Came, Error, ManagerEvent, OutputOptions, ProcessManager, ProcessStatus, StartOptions, Stream,
    WaitFor,
};

use crate::harness::{DEADLINE, PASSWORD, Sandbox, bin, script};
use crate::invocation::finish;

fn open(sandbox: &Sandbox) -> ProcessManager {
    ProcessManager::open(sandbox.state(), PASSWORD, bin()).unwrap()
}

fn shell(name: &str, line: &str) -> StartOptions {
    let mut options = StartOptions::command(["sh", "-c", line]);
    options.name = Some(name.into());
    options
}

#[track_caller]
fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> u8 {
    let error = result.unwrap_err();
    assert!(!error.to_string().is_empty());
    error.code()
}

/// The example in the documentation of `ProcessManager`, run.
#[test]
fn a_process_is_started_awaited_told_and_cleared() {
    let bgp = Sandbox::new();
    let manager = open(&bgp);
    let heard: Arc<Mutex<Vec<ManagerEvent>>> = Arc::default();
    let listener = Arc::clone(&heard);
    let events = manager.on_event(move |event| listener.lock().unwrap().push(event.clone()));

    let started = manager
        .start(&shell("web", "echo ready; read x; echo got $x >&2; exit 3"))
        .unwrap();
    assert_eq!((started.name.as_str(), started.number), ("web", 1));
    assert_eq!(started.status, ProcessStatus::Running);
    let ready = WaitFor::output("^ready$").unwrap();
    let (_, came) = manager.wait("web", &ready, Some(DEADLINE)).unwrap();
    let Came::Output { text, next_cursor } = came else {
        panic!("{came:?}");
    };
    assert_eq!(text, "ready");
    assert!(manager.get("web").unwrap().success().is_none());
    manager.send(&started.id, b"hello\n").unwrap();
    let (ended, came) = manager
        .wait("web", &WaitFor::end(), Some(DEADLINE))
        .unwrap();
    assert_eq!((came, ended.exit_code), (Came::End, Some(3)));
    assert_eq!(ended.status, ProcessStatus::Failed);
    assert!(ended.end_time.unwrap() >= ended.start_time);

    let all = manager.output("web", &OutputOptions::default()).unwrap();
    let lines: Vec<_> = all.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["ready", "got hello"]);
    let rest = manager
        .output("web", &OutputOptions::after(next_cursor))
        .unwrap();
    assert_eq!(rest.lines.len(), 1);
    assert_eq!(rest.lines[0].stream, Stream::Stderr);
    let last = manager.output("web", &OutputOptions::last(1)).unwrap();
    assert_eq!(last.lines, rest.lines);

    // Nothing is told but from within poll.
    assert!(heard.lock().unwrap().is_empty());
    assert_eq!(manager.poll(DEADLINE).unwrap(), 1);
    let event = heard.lock().unwrap().pop().unwrap();
    assert_eq!(
        (event.event, event.process.id.as_str()),
        ("failed", &*started.id)
    );
    assert!(event.message.contains("web"), "{}", event.message);
    assert_eq!(manager.poll(Duration::ZERO).unwrap(), 0);

    drop(events);
    manager.start(&shell("again", "exit 1")).unwrap();
    manager
        .wait("again", &WaitFor::end(), Some(DEADLINE))
        .unwrap();
    assert_eq!(manager.poll(Duration::ZERO).unwrap(), 0);
    // Who comes later hears what came while nobody listened.
    let listener = Arc::clone(&heard);
    let _events = manager.on_event(move |event| listener.lock().unwrap().push(event.clone()));
    assert_eq!(manager.poll(DEADLINE).unwrap(), 1);
    assert_eq!(heard.lock().unwrap()[0].process.name, "again");

    assert_eq!(manager.clear("web").unwrap().id, started.id);
    assert_eq!(manager.clear_ended().unwrap().len(), 1);
    assert!(manager.list().unwrap().is_empty());
}

#[test]
fn the_program_and_the_library_see_the_same_processes() {
    let bgp = Sandbox::new();
    let manager = open(&bgp);
    let ours = manager.start(&shell("ours", "sleep 60")).unwrap();
    let theirs = bgp.start("theirs", ["sleep", "60"]);
    let names: Vec<_> = manager.list().unwrap();
    let names: Vec<_> = names.iter().map(|info| info.name.as_str()).collect();
    assert_eq!(names, ["ours", "theirs"]);
    bgp.run(["stop", &ours.id]).code(0);
    assert_eq!(manager.get("ours").unwrap().status, ProcessStatus::Killed);
    let killed = manager.kill(&theirs.id).unwrap();
    assert_eq!(killed.signal.as_deref(), Some("SIGTERM"));
    assert_eq!(killed.reason, Some("stop"));
    // They live on without the manager.
    let stays = manager.start(&shell("stays", "sleep 60")).unwrap();
    drop(manager);
    assert_eq!(bgp.status(&stays.id)["status"], "running");
}

#[test]
fn a_failure_has_the_code_of_the_program() {
    let bgp = Sandbox::new();
    let manager = open(&bgp);
    assert_eq!(code(manager.get("nobody")), 3);
    assert_eq!(code(manager.kill("nobody")), 3);
    assert_eq!(
        code(manager.start(&StartOptions::command(["/no/such/thing"]))),
        127
    );
    assert_eq!(code(manager.start(&StartOptions::command::<&str>([]))), 2);
    assert_eq!(code(manager.start(&shell("no name", "true"))), 2);
    let mut options = shell("x", "true");
    options.env.push(("A=B".into(), "c".into()));
    assert_eq!(code(manager.start(&options)), 2);
    let web = manager.start(&shell("web", "sleep 60")).unwrap();
    assert_eq!(code(manager.start(&shell("web", "true"))), 6);
    assert_eq!(code(manager.clear("web")), 6);
    let never = WaitFor::output("never").unwrap();
    let limit = Some(Duration::from_millis(50));
    assert_eq!(code(manager.wait("web", &never, limit)), 124);
    assert_eq!(code(WaitFor::output("(").map(|_| ())), 2);
    assert_eq!(code(manager.output("web", &OutputOptions::after("x"))), 2);
    manager.kill("web").unwrap();
    assert_eq!(code(manager.wait("web", &never, limit)), 7);
    assert_eq!(code(manager.send(&web.id, b"x")), 5);
    let wrong = ProcessManager::open(bgp.state(), "wrong", bin());
    assert_eq!(code(wrong.map(|_| ())), 12);
}

#[test]
fn an_executable_that_is_no_bgp_is_told_before_anything_is_made() {
    let bgp = Sandbox::fresh();
    let me = std::env::current_exe().unwrap();
    for (wrong, why) in [
        ("/bin/true", "it is no bgp"),
        ("/bin/cat", "it is no bgp"),
        ("/no/such/bgp", "No such file"),
        ("/etc/passwd", "Permission denied"),
        (me.to_str().unwrap(), "it is this program itself"),
    ] {
        let Err(error) = ProcessManager::open(bgp.state(), PASSWORD, wrong) else {
            panic!("{wrong} was taken for a bgp");
        };
        assert_eq!(error.code(), 2, "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.hint().is_some());
    }
    assert!(!bgp.state().exists());
}

// H14
#[test]
fn several_threads_start_read_and_stop_at_once() {
    let bgp = Sandbox::new();
    let manager = open(&bgp);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let manager = &manager;
            scope.spawn(move || {
                for n in 0..3 {
                    let name = format!("p{thread}-{n}");
                    let line = format!("echo {name}; sleep 60");
                    manager.start(&shell(&name, &line)).unwrap();
                    let said = WaitFor::output(&format!("^{name}$")).unwrap();
                    manager.wait(&name, &said, Some(DEADLINE)).unwrap();
                    let output = manager.output(&name, &OutputOptions::default()).unwrap();
                    assert_eq!(output.lines[0].text, name);
                    let killed = manager.kill(&name).unwrap();
                    assert_eq!(killed.status, ProcessStatus::Killed);
                }
            });
        }
    });
    assert_eq!(manager.list().unwrap().len(), 12);
}

#[test]
fn a_poll_ends_when_its_time_is_over_and_is_woken_before() {
    let bgp = Sandbox::new();
    let manager = open(&bgp);
    let _events = manager.on_event(|_| ());
    let begun = Instant::now();
    assert_eq!(manager.poll(Duration::from_millis(100)).unwrap(), 0);
    assert!(begun.elapsed() >= Duration::from_millis(100));
    manager.start(&shell("web", "read x; exit 2")).unwrap();
    std::thread::scope(|scope| {
        let polling = scope.spawn(|| manager.poll(DEADLINE).unwrap());
        manager.send("web", b"x\n").unwrap();
        assert_eq!(polling.join().unwrap(), 1);
    });
}

#[test]
fn a_time_that_no_clock_holds_is_never_over() {
    let bgp = Sandbox::new();
    let manager = open(&bgp);
    let mut options = shell("web", "echo ready; read x");
    options.grace = Some(std::time::Duration::MAX);
    manager.start(&options).unwrap();
    let ready = WaitFor::output("^ready$").unwrap();
    let ready = (manager.wait("web", &ready, Some(std::time::Duration::MAX))).unwrap();
    assert_eq!(ready.0.status, ProcessStatus::Running);
    manager.send("web", b"\n").unwrap();
    let idle = WaitFor::idle(std::time::Duration::MAX);
    let ended_before = manager.wait("web", &idle, None).unwrap_err();
    assert_eq!(ended_before.code(), 7);
}

/// It would take an hour if another grace held. A program has the configuration of its user, so this one is its own
/// child, with the sandbox's home.
#[test]
fn a_kill_has_the_grace_of_the_configuration() {
    if std::env::var_os("BGP_TEST_KILLS").is_some() {
        let variable = |name| std::env::var_os(name).unwrap();
        let manager = ProcessManager::open(variable("BGP_DIR"), PASSWORD, variable("BGP")).unwrap();
        let killed = manager.kill("deaf").unwrap();
        assert_eq!(killed.signal.as_deref(), Some("SIGKILL"));
        return;
    }
    let bgp = Sandbox::new();
    let grace = |seconds| {
        bgp.run(["config", "set", "stop.graceSeconds", seconds])
            .code(0);
    };
    grace("3600");
    bgp.ready(&bgp.start("deaf", [script("ignores-term.sh")]));
    grace("0");
    let test = "library::a_kill_has_the_grace_of_the_configuration";
    let mut program = bgp.foreign(std::env::current_exe().unwrap());
    finish(program.args(["--exact", test]).env("BGP_TEST_KILLS", "1"))
        .code(0)
        .stdout_has("1 passed");
}
