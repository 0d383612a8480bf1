//! The whole tree ends, and nothing else does.
//!
//! | rows | here |
//! |---|---|
//! | B1 B2 B3 B4 B6 | the stragglers: ignores TERM, beside an obedient leader, other sessions, hydra, stopped |
//! | B5 | what may not be killed |
//! | B7 B11 | stop of what has ended, signals to the supervisor alone |
//! | A17 A20 A21 A22 H9 | what lives on after the leader, odd names, strangers on the pipe |
//! | G1 G2 G3 | all of it without pidfds, without lists of children, with others' processes hidden |
//! | H2 H3 | codes on TERM, a bgp inside a bgp |

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use nix::sys::signal::Signal;

use crate::harness::{DEADLINE, PASSWORD, Proc, Sandbox, script};
use crate::invocation::{Running, finish};
use crate::proc;
use crate::user::User;

/// After a stop that said so, none of these lives: not one moment later.
#[track_caller]
fn assert_dead(pids: &[i32]) {
    for pid in pids {
        assert!(
            !proc::alive(*pid),
            "it lives: {}",
            proc::stat(*pid).unwrap().line
        );
    }
}

#[test]
fn a_stopped_process_is_killed_by_request() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    bgp.run(["stop", "web"]).code(0).stderr("");
    assert_dead(&[web.pid]);
    let status = bgp.status("web");
    assert_eq!(
        (&status["status"], &status["reason"]),
        (&"killed".into(), &"stop".into())
    );
    assert_eq!(
        (&status["signal"], &status["success"]),
        (&"SIGTERM".into(), &false.into())
    );
    assert_eq!(status["pid"], web.pid, "the pid stays after the end");
}

// B1
#[test]
fn what_ignores_term_is_killed_after_the_grace() {
    let bgp = Sandbox::new();
    let stubborn = bgp.start_stubborn("stubborn", "300ms");
    bgp.run(["stop", "stubborn"]).code(0);
    assert_dead(&[stubborn.pid]);
    let status = bgp.status("stubborn");
    assert_eq!(
        (&status["status"], &status["signal"]),
        (&"killed".into(), &"SIGKILL".into())
    );
}

// B1
#[test]
fn force_does_not_wait_and_a_grace_can_be_given_to_stop() {
    let bgp = Sandbox::new();
    for (name, option) in [("one", "--force"), ("two", "--grace=100ms")] {
        let stubborn = bgp.start_stubborn(name, "1h");
        bgp.run(["stop", option, name]).code(0);
        assert_dead(&[stubborn.pid]);
    }
}

// B2
#[test]
fn a_stop_returns_only_when_the_last_member_is_gone() {
    let bgp = Sandbox::new();
    let group = bgp.start_with(
        &["--name", "group", "--grace", "300ms"],
        [script("stubborn-member.sh")],
    );
    let pids = bgp.ready(&group);
    assert_eq!(pids.len(), 2);
    bgp.run(["stop", "group"]).code(0);
    assert_dead(&pids);
}

// B3
#[test]
fn a_grandchild_in_a_session_of_its_own_is_stopped_too() {
    let bgp = Sandbox::new();
    let tree = bgp.start("tree", [script("setsid-grandchild.sh")]);
    let pids = bgp.ready(&tree);
    assert_ne!(proc::stat(pids[1]).unwrap().session, tree.pid);
    bgp.run(["stop", "tree"]).code(0);
    assert_dead(&pids);
}

// A20 B3
#[test]
fn a_daemon_outlives_its_leader_is_counted_and_is_stopped() {
    let bgp = Sandbox::new();
    let daemon = bgp.start("daemon", [script("daemonizes.pl")]);
    let pids = bgp.ready(&daemon);
    bgp.run(["wait", "daemon"]).code(0);
    let status = bgp.wait_status("daemon", "exited");
    assert_eq!(
        (&status["descendants"], &status["exitCode"]),
        (&1.into(), &0.into())
    );
    assert!(proc::alive(pids[0]));
    bgp.run(["stop", "daemon"]).code(0);
    assert_dead(&pids);
    assert_eq!(bgp.status("daemon")["status"], "exited", "an end is final");
}

// B4
#[test]
fn a_hydra_ends() {
    let bgp = Sandbox::new();
    for period in ["0", "1000"] {
        let hydra = bgp.start_with(
            &["--grace", "100ms"],
            [script("hydra.pl"), period.to_owned()],
        );
        bgp.ready(&hydra);
        bgp.run(["stop", &hydra.id]).code(0);
        let name = script("hydra.pl");
        assert_eq!(
            proc::with_argument(&name)
                .iter()
                .filter(|pid| belongs(**pid, &hydra.id))
                .count(),
            0
        );
    }
}

fn belongs(pid: i32, id: &str) -> bool {
    proc::with_variable(&format!("BGP_ID={id}")).contains(&pid)
}

// B6 A22
#[test]
fn a_stopped_leader_is_paused_and_ends_without_kill() {
    let bgp = Sandbox::new();
    let paused = bgp.start("paused", [script("stops-itself.sh")]);
    bgp.wait_until("it is paused", || {
        (bgp.status("paused")["paused"] == true).then_some(())
    });
    assert_eq!(bgp.status("paused")["status"], "running");
    bgp.run(["stop", "paused"]).code(0);
    assert_dead(&[paused.pid]);
    assert_eq!(bgp.status("paused")["signal"], "SIGTERM");
}

// A22
#[test]
fn a_leader_that_is_continued_is_no_longer_paused() {
    let bgp = Sandbox::new();
    let paused = bgp.start("paused", [script("stops-itself.sh")]);
    bgp.wait_until("it is paused", || {
        (bgp.status("paused")["paused"] == true).then_some(())
    });
    proc::kill(paused.pid, Signal::SIGCONT);
    bgp.wait_until("it goes on", || {
        (bgp.status("paused")["paused"] == false && bgp.output("paused").contains("continued\n"))
            .then_some(())
    });
}

// A21
#[test]
fn a_process_with_a_name_like_a_line_of_proc_is_found_and_stopped() {
    let bgp = Sandbox::new();
    let odd = bgp.start("odd", [script("renames-itself.pl")]);
    let pids = bgp.ready(&odd);
    assert_eq!(pids.len(), 2);
    assert_eq!(bgp.status("odd")["status"], "running");
    proc::kill(odd.pid, Signal::SIGKILL);
    let status = bgp.wait_status("odd", "crashed");
    assert_eq!(
        (&status["signal"], &status["descendants"]),
        (&"SIGKILL".into(), &1.into())
    );
    bgp.run(["stop", "odd"]).code(0);
    assert_dead(&pids);
}

// B7
#[test]
fn a_stop_of_what_has_ended_is_5_and_tells_how_it_ended() {
    let bgp = Sandbox::new();
    let gone = bgp.start("gone", ["sh", "-c", "exit 42"]);
    bgp.run(["wait", "gone"]).code(42);
    bgp.wait_for_supervisor_end(&gone.id);
    bgp.run(["stop", "gone"])
        .failed(5)
        .stderr_has("gone")
        .stderr_has("42");
    bgp.run(["kill", "gone"]).failed(5);
    bgp.run(["stop", "never-there"]).failed(3);
    assert_eq!(bgp.status("gone")["exitCode"], 42);
}

// B7
#[test]
fn a_stop_after_the_leaders_end_ends_what_still_lives() {
    let bgp = Sandbox::new();
    let leader = bgp.start("leader", [script("holds-stdout.sh"), "9".to_owned()]);
    let pids = bgp.ready(&leader);
    bgp.run(["wait", "leader"]).code(9);
    bgp.run(["stop", "leader"]).code(0);
    assert_dead(&pids);
    let status = bgp.status("leader");
    assert_eq!(
        (&status["status"], &status["exitCode"]),
        (&"failed".into(), &9.into())
    );
}

#[test]
fn several_are_stopped_at_once_and_all_of_them() {
    let bgp = Sandbox::new();
    let pids: Vec<i32> = (0..6)
        .map(|n| bgp.start(&format!("n{n}"), ["sleep", "60"]).pid)
        .collect();
    bgp.run(["stop", "n0", "n1", "proc_3"]).code(0);
    assert_dead(&pids[..3]);
    assert!(pids[3..].iter().all(|pid| proc::alive(*pid)));
    bgp.run(["stop", "--all"]).code(0);
    assert_dead(&pids);
    bgp.run(["stop", "--all"]).code_in(&[0, 5]);
}

// H2
#[test]
fn what_obeys_with_a_code_of_its_own_was_killed_all_the_same() {
    let bgp = Sandbox::new();
    let (jvm, zero) = (script("like-a-jvm.sh"), script("obeys-with-zero.sh"));
    // A wrapper that waits for its child and passes its code on, as npm and shell wrappers do.
    let wrapper = format!("trap 'wait $!; exit $?' TERM; {jvm} & wait $!");
    let cases: [(&str, Vec<&str>, i32); 4] = [
        ("jvm", vec![&jvm], 143),
        ("server", vec![&zero], 0),
        ("wrapped", vec!["sh", "-c", &wrapper], 143),
        ("plain-wrapped", vec!["sh", "-c", "sleep 60; exit 4"], -1),
    ];
    for (name, command, code) in cases {
        let process = bgp.start(name, command);
        if name != "plain-wrapped" {
            bgp.ready(&process);
        }
        bgp.run(["stop", name]).code(0);
        let status = bgp.status(name);
        assert_eq!(
            (&status["status"], &status["reason"]),
            (&"killed".into(), &"stop".into()),
            "{name}"
        );
        if code >= 0 {
            assert_eq!(status["exitCode"], code, "{name}");
            bgp.run(["wait", name]).code(code);
        } else {
            assert_eq!(status["signal"], "SIGTERM", "{name}");
            bgp.run(["wait", name]).code(143);
        }
    }
}

#[test]
fn a_signal_from_outside_is_told_from_a_stop() {
    let bgp = Sandbox::new();
    for (signal, name, status) in [
        (Signal::SIGTERM, "SIGTERM", "killed"),
        (Signal::SIGINT, "SIGINT", "killed"),
        (Signal::SIGHUP, "SIGHUP", "killed"),
        (Signal::SIGKILL, "SIGKILL", "crashed"),
        (Signal::SIGSEGV, "SIGSEGV", "crashed"),
        (Signal::SIGUSR1, "SIGUSR1", "crashed"),
    ] {
        let process = bgp.start(name, ["sleep", "60"]);
        proc::kill(process.pid, signal);
        bgp.run(["wait", name]).code(128 + signal as i32);
        let seen = bgp.status(name);
        assert_eq!(
            (&seen["status"], &seen["signal"]),
            (&status.into(), &name.into())
        );
        assert_ne!(seen["reason"], "stop");
    }
}

// B11
#[test]
fn term_to_a_supervisor_is_an_orderly_stop_of_its_tree() {
    let bgp = Sandbox::new();
    let tree = bgp.start_with(
        &["--name", "tree", "--grace", "200ms"],
        [script("stubborn-member.sh")],
    );
    let pids = bgp.ready(&tree);
    proc::kill(tree.supervisor(), Signal::SIGTERM);
    bgp.wait_for_supervisor_end(&tree.id);
    assert_dead(&pids);
    let status = bgp.status("tree");
    assert_eq!(
        (&status["status"], &status["reason"]),
        (&"killed".into(), &"supervisor-terminated".into())
    );
    bgp.run(["verify"]).code(0);
}

// B11
#[test]
fn other_signals_to_a_supervisor_are_ignored() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["cat"]);
    let supervisor = web.supervisor();
    for signal in [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
        Signal::SIGPIPE,
    ] {
        proc::kill(supervisor, signal);
    }
    // It still answers, so it has seen them: signals come before what is asked later.
    assert_eq!(bgp.status("web")["status"], "running");
    assert_eq!(web.supervisor(), supervisor);
    bgp.run(["stop", "web"]).code(0);
    assert_eq!(bgp.status("web")["reason"], "stop");
}

// H3
#[test]
fn a_bgp_inside_a_bgp_is_another_tree() {
    let bgp = Sandbox::new();
    let password = format!("BG_PASSWORD={PASSWORD}");
    let line = "\"$BGP\" start --name inner sleep 60 >/dev/null && echo ready; sleep 60";
    let outer = bgp.start_with(&["--name", "outer", "-e", &password], ["sh", "-c", line]);
    bgp.ready(&outer);
    let inner = bgp.status("inner");
    let inner_pid = i32::try_from(inner["pid"].as_i64().unwrap()).unwrap();

    bgp.run(["stop", "outer"]).code(0);
    assert!(
        proc::alive(inner_pid),
        "the inner one ended with the outer one"
    );
    assert_eq!(bgp.status("inner")["status"], "running");
    let status = bgp.status("outer");
    assert_eq!(
        (&status["status"], &status["descendants"]),
        (&"killed".into(), &0.into())
    );
    bgp.wait_for_supervisor_end(&outer.id);
    bgp.run(["clear", "outer"]).code(0);
    assert_eq!(bgp.list().len(), 1);
    bgp.run(["stop", "inner"]).code(0);
    assert_dead(&[inner_pid]);
}

// H3: whatever an inner start has come to, what it tells of its process is true
#[test]
fn an_outer_stop_at_any_time_leaves_an_inner_start_that_is_whole_or_nothing() {
    let bgp = Sandbox::new();
    let password = format!("BG_PASSWORD={PASSWORD}");
    let mut random = fastrand::Rng::new();
    for round in 0..15 {
        let inner = format!("inner{round}");
        let line = format!("\"$BGP\" start --name {inner} sleep 60; sleep 60");
        let options = ["--name", "outer", "-e", &password];
        let outer = bgp.start_with(&options, ["sh", "-c", &line]);
        std::thread::sleep(std::time::Duration::from_micros(random.u64(0..25_000)));
        let how: &[&str] = if round % 2 == 0 { &[] } else { &["--force"] };
        bgp.run(["stop", "outer"].iter().chain(how)).code(0);
        assert_dead(&[outer.pid]);
        bgp.wait_until("the inner one lives and is listed, or neither", || {
            let listed = bgp.list();
            let inner = listed.iter().find(|p| p["name"] == inner.as_str());
            let (status, reason, id) =
                inner.map_or_else(Default::default, |p| (&p["status"], &p["reason"], &p["id"]));
            let living = match id.as_str() {
                Some(id) => proc::with_variable(&format!("BGP_ID={id}")).len(),
                None => 0,
            };
            let whole = status == "running" && living == 1;
            // It was put on record and not told so: that is what its end says.
            let ended = status == "killed" && reason == "owner" && living == 0;
            (whole || ended || inner.is_none()).then_some(())
        });
        bgp.run(["stop", "--all", "--force"]).code(0);
        bgp.run(["clear"]).code(0);
    }
}

// H3
#[test]
fn an_outer_process_that_ends_by_itself_counts_no_inner_one() {
    let bgp = Sandbox::new();
    let password = format!("BG_PASSWORD={PASSWORD}");
    let outer = bgp.start_with(
        &["--name", "outer", "-e", &password],
        ["sh", "-c", "\"$BGP\" start --name inner sleep 60; exit 3"],
    );
    bgp.run(["wait", "outer"]).code(3);
    bgp.wait_for_supervisor_end(&outer.id);
    assert_eq!(bgp.status("outer")["descendants"], 0);
    bgp.run(["stop", "outer"]).failed(5);
    assert_eq!(bgp.status("inner")["status"], "running");
}

// H9
#[test]
fn a_stranger_who_never_stops_writing_does_not_keep_an_ended_process_open() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    let mut held = OpenOptions::new()
        .write(true)
        .open(format!("/proc/{}/fd/1", web.pid))
        .unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || while held.write_all(&[b'x'; 4096]).is_ok() {});
        proc::kill(web.pid, Signal::SIGTERM);
        bgp.run(["wait", "web"]).code(143);
        bgp.wait_for_supervisor_end(&web.id); // then the pipe is broken, and the stranger ends
    });
    bgp.run(["verify", "web"]).code(0);
}

// H9
#[test]
fn a_stranger_on_the_pipe_does_not_keep_an_ended_process_open() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    // This test is the stranger: it holds the pipe that was the command's stdout.
    let mut held = OpenOptions::new()
        .write(true)
        .open(format!("/proc/{}/fd/1", web.pid))
        .unwrap();
    held.write_all(b"from a stranger\n").unwrap();
    proc::kill(web.pid, Signal::SIGTERM);
    bgp.run(["wait", "web"]).code(143);
    bgp.wait_for_supervisor_end(&web.id);
    assert_eq!(bgp.status("web")["descendants"], 0);
    assert_eq!(bgp.output("web"), "from a stranger\n");
    bgp.run(["verify", "web"]).code(0);
    drop(held);
}

// A17 H9
#[test]
fn a_quiet_grandchild_on_the_pipe_is_counted_and_holds_nothing_up() {
    let bgp = Sandbox::new();
    bgp.start("quiet", [script("holds-stdout.sh")]);
    bgp.run(["wait", "quiet"]).code(0);
    let status = bgp.status("quiet");
    assert_eq!(
        (&status["status"], &status["descendants"]),
        (&"exited".into(), &1.into())
    );
    let follower = Running::begin(&mut bgp.command(["output", "-f", "quiet"]));
    follower.finish().code(0).stdout_has("ready ");
}

#[test]
fn an_interrupted_stop_leaves_the_process_stopping() {
    if proc::pass_over(proc::interrupts_are_ignored(), "SIGINT is ignored here") {
        return;
    }
    let bgp = Sandbox::new();
    let stubborn = bgp.start_stubborn("stubborn", "1h");
    let stop = Running::begin(&mut bgp.command(["stop", "stubborn"]));
    bgp.wait_status("stubborn", "stopping");
    proc::kill(stop.pid(), Signal::SIGINT);
    let outcome = stop.finish();
    let ended = outcome.status.code() == Some(130)
        || std::os::unix::process::ExitStatusExt::signal(&outcome.status)
            == Some(Signal::SIGINT as i32);
    assert!(ended, "{}", outcome.describe());
    finish(&mut bgp.command(["stop", "--force", "stubborn"])).code(0);
    assert_dead(&[stubborn.pid]);
}

#[test]
fn more_are_stopped_than_there_are_descriptors_for() {
    let bgp = Sandbox::new();
    let pids: Vec<i32> = (0..30)
        .map(|n| bgp.start(&format!("n{n}"), ["sleep", "60"]).pid)
        .collect();
    bgp.sh("ulimit -n 35; exec \"$BGP\" stop --all")
        .code(0)
        .stderr("");
    assert_dead(&pids);
}

// B5: a setuid program that has become root altogether
#[test]
fn what_may_not_be_killed_is_named_with_8_and_not_called_stopped() {
    let user = User::new();
    if proc::pass_over(
        !proc::is_root(),
        "only root makes a setuid program of another user",
    ) || proc::pass_over(!proc::may_be_setuid(user.bgp.dir()), proc::NO_SETUID)
    {
        return;
    }
    let setpriv = std::path::Path::new("/usr/bin/setpriv");
    if proc::pass_over(!setpriv.exists(), "there is no setpriv") {
        return;
    }
    let program = user.setuid_copy(setpriv);
    let becomes_root = format!("{} --reuid=0 sleep 60", program.display());
    for (name, line) in [
        (
            "below",
            format!("{becomes_root} & echo ready $! $$; trap '' TERM; wait; wait"),
        ),
        ("leader", format!("echo ready $$; exec {becomes_root}")),
    ] {
        let tree = user.start(name, ["sh", "-c", &line]);
        let pids = user.ready(&tree);
        let sleeps =
            || proc::status_line(pids[0], "Uid").is_some_and(|uid| uid.starts_with("0\t0"));
        user.bgp.wait_until("it is root", || sleeps().then_some(()));
        let told = user
            .run(["stop", "--grace", "100ms", name])
            .failed(8)
            .errors();
        let named = format!(
            "1 process could not be killed: pid {} sleep (EPERM)",
            pids[0]
        );
        assert!(told.contains(&named), "{told}");
        assert!(proc::alive(pids[0]));
        assert!(pids[1..].iter().all(|pid| !proc::alive(*pid)), "the others");
        let status = user.status(name);
        if name == "leader" {
            assert_eq!(status["status"], "stopping", "{status}");
        } else {
            assert_eq!(
                (&status["status"], &status["descendants"]),
                (&"killed".into(), &1.into())
            );
        }
        user.run(["clear", name]).failed(6);
        proc::kill(pids[0], Signal::SIGKILL);
        user.bgp.wait_for_supervisor_end(&tree.id);
        assert_eq!(user.status(name)["status"], "killed");
    }
}

/// A stopped tracer of `pid`, which lets it end only when it is dropped; `None` where nobody may trace.
fn stopped_tracer(bgp: &Sandbox, pid: i32) -> Option<Running> {
    let missing = bgp.foreign("strace").arg("-V").output().is_err();
    if proc::pass_over(missing, "there is no strace") {
        return None;
    }
    let mut strace = bgp.foreign("strace");
    strace.args(["-qq", "-o", "/dev/null", "-p", &pid.to_string()]);
    let mut tracer = Running::begin(&mut strace);
    let begun = bgp.wait_until("it traces, or may not", || {
        let begun = proc::status_line(pid, "TracerPid")? != "0";
        (begun || tracer.has_ended()).then_some(begun)
    });
    if proc::pass_over(!begun, "strace may not trace") {
        return None;
    }
    proc::kill(tracer.pid(), Signal::SIGSTOP);
    bgp.wait_until("the tracer is stopped", || {
        (proc::stat(tracer.pid())?.state == 'T').then_some(())
    });
    Some(tracer)
}

// B5: a process that waits in the kernel. One that its tracer does not let end stands for it
#[test]
fn what_is_below_a_process_that_does_not_die_is_killed_all_the_same() {
    let bgp = Sandbox::new();
    let line = "sh -c 'sleep 60 & echo ready $$ $!; wait; sleep 60' & trap '' TERM; wait; sleep 60";
    let tree = bgp.start("tree", ["sh", "-c", line]);
    let pids = bgp.ready(&tree);
    let Some(tracer) = stopped_tracer(&bgp, pids[0]) else {
        return;
    };
    let stopped = bgp.run(["stop", "--force", "tree"]);
    let ended = stopped.status.success();
    if proc::pass_over(ended, "this kernel lets a second KILL end what is traced") {
        return;
    }
    let told = stopped.failed(8).errors();
    let without = without_pidfds(); // then only its parent's end brings it into reach
    let named = |pid: i32| told.contains(&format!("pid {pid} "));
    assert!(named(pids[0]), "{told}");
    assert_eq!(
        (named(pids[1]), proc::alive(pids[1])),
        (without, without),
        "{told}"
    );
    drop(tracer);
    bgp.wait_for_supervisor_end(&tree.id);
    assert_dead(&pids);
    assert_eq!(bgp.status("tree")["status"], "killed");
}

/// Whether these tests run again, with a bgp that has to do without pidfds.
fn without_pidfds() -> bool {
    std::env::var_os("BGP_TEST_WITHOUT").is_some_and(|what| what == "pidfd")
}

/// Runs the tests of this file once more, each in a bgp that has to do `without` something.
fn run_again(without: &str) {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let tests = std::env::current_exe().unwrap();
    let mut again = std::process::Command::new(tests);
    again.args(["stop::", "--skip", "the_same_holds"]);
    let outcome = Running::begin(again.env("BGP_TEST_WITHOUT", without));
    outcome.finish_within(DEADLINE * 10).code(0);
}

// G1
#[test]
fn the_same_holds_without_pidfds() {
    run_again("pidfd");
}

// G3
#[test]
fn the_same_holds_without_lists_of_children() {
    run_again("children");
}

// G2: a user who sees his own processes alone, and no supervisor, as that cannot be inspected
#[test]
fn the_same_holds_where_others_processes_are_hidden() {
    let user = User::new();
    if proc::pass_over(!proc::may_unshare(), proc::NO_NAMESPACES) {
        return;
    }
    let line = r#"
        mount -t proc -o hidepid=2 proc /proc || exit 99
        trap '' TERM
        setpriv --reuid="$OWNER" --regid="$OWNER" --clear-groups sh -c '
            "$BGP" start --name tree --grace 200ms sh -c "setsid sleep 60 & echo ready; sleep 60" || exit 1
            until [ "$("$BGP" output tree)" = ready ]; do sleep 0.01; done
            "$BGP" start --name ends sh -c "setsid sleep 60 & exit 3"
            "$BGP" wait ends; [ $? = 3 ] || exit 2
            "$BGP" stop tree ends || exit 3
            [ -z "$("$BGP" list --running | tail -n +2)" ] || exit 4
        ' || exit
        for stat in /proc/[0-9]*/stat; do
            read -r _ name _ < "$stat" && [ "$name" = "(sleep)" ] && exit 5
        done
        exit 0"#;
    let mut unshare = user.bgp.foreign("unshare");
    unshare.args([
        "--pid",
        "--fork",
        "--mount",
        "--kill-child",
        "/bin/sh",
        "-c",
        line,
    ]);
    let owner = std::os::unix::fs::MetadataExt::uid(&user.bgp.state().metadata().unwrap());
    unshare.env("OWNER", owner.to_string());
    let outcome = finish(unshare.env("BGP", user.bgp.dir().join("bgp")));
    if !proc::pass_over(outcome.status.code() == Some(99), "no mounts here") {
        outcome.code(0);
    }
}

// B12: a stop is not over when the one is killed who was asked for it
#[test]
fn what_lives_on_when_the_supervisor_dies_during_a_stop_is_ended_all_the_same() {
    if nothing_is_signalled_safely() {
        return;
    }
    let bgp = Sandbox::new();
    let line = "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo ready $$; sleep 60; sleep 60' & wait; sleep 60";
    let web = bgp.start_with(&["--name", "web", "--grace", "1h"], ["sh", "-c", line]);
    let grandchild: i32 = bgp.wait_until("it is ready", || {
        bgp.output("web")
            .strip_prefix("ready ")?
            .trim()
            .parse()
            .ok()
    });
    let supervisor = web.supervisor();
    // It is seen in the middle of its stop only as long as its grace lasts.
    let stop = Running::begin(&mut bgp.command(["stop", "--grace", "3s", "web"]));
    bgp.wait_until("it is being stopped", || {
        (bgp.status("web")["status"] == "stopping").then_some(())
    });
    proc::kill(supervisor, Signal::SIGKILL);
    stop.finish().code(0);
    assert_dead(&[web.pid, grandchild]);
}

/// Says so and is true where what is not in the leader's group gets no TERM, nor anything else.
fn nothing_is_signalled_safely() -> bool {
    let what = "without pidfds nothing of it can be signalled safely";
    proc::pass_over(without_pidfds(), what)
}

/// A program whose first thread ends at once. The second says `ready` with the pid and its own number, and
/// obeys TERM with a word.
const WITHOUT_ITS_FIRST_THREAD: &str = "
import ctypes, os, signal, threading, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
def work():
    while open('/proc/self/stat').read().rsplit(')', 1)[1].split()[0] != 'Z':
        time.sleep(0.01)
    print('ready', os.getpid(), threading.get_native_id(), flush=True)
    try:
        print('told', int(signal.sigwait([signal.SIGTERM])), flush=True)
    finally:
        os._exit(0)
threading.Thread(target=work).start()
ctypes.CDLL(None).pthread_exit(None)
";

/// Starts one in a session of its own, below a leader that then does `what`. Gives its pid and the number of
/// its thread; `None` without a Python, and where it could not be signalled.
fn start_without_first_thread(bgp: &Sandbox, what: &str) -> Option<(Proc, i32, i32)> {
    if nothing_is_signalled_safely() {
        return None;
    }
    let mut python = bgp.foreign("python3");
    let there = python.args(["-c", "import ctypes"]).output();
    let missing = !there.is_ok_and(|there| there.status.success());
    if proc::pass_over(missing, "there is no python3 with ctypes") {
        return None;
    }
    let line = format!("setsid python3 -c \"$0\" & {what}");
    let options = ["--name", "web", "--grace", "1h"];
    let web = bgp.start_with(&options, ["sh", "-c", &line, WITHOUT_ITS_FIRST_THREAD]);
    let numbers = bgp.ready(&web);
    Some((web, numbers[0], numbers[1]))
}

// A20: who looks at the state alone takes it for a zombie
#[test]
fn a_process_whose_first_thread_has_ended_lives_and_is_told_to_end() {
    let bgp = Sandbox::new();
    let Some((_, pid, thread)) = start_without_first_thread(&bgp, "exit 3") else {
        return;
    };
    bgp.run(["wait", "web"]).code(3);
    let status = bgp.status("web");
    assert_eq!(status["descendants"], 1);
    assert_eq!(status["tree"][0]["pid"], pid);
    bgp.run(["clear", "web"]).failed(6);
    let with = ["--name", "with", "--with-pid", &pid.to_string()];
    bgp.start_with(&with, ["sleep", "60"]);
    bgp.run(["stop", "web"]).code(0); // in an hour it would be killed
    assert!(proc::stat(thread).is_none());
    assert!(bgp.output("web").ends_with("told 15\n"));
    assert_eq!(bgp.wait_status("with", "killed")["reason"], "owner");
}

// B12
#[test]
fn a_process_whose_first_thread_has_ended_is_found_when_its_supervisor_was_killed() {
    let bgp = Sandbox::new();
    let Some((web, _, thread)) = start_without_first_thread(&bgp, "wait") else {
        return;
    };
    proc::kill(web.supervisor(), Signal::SIGKILL);
    bgp.wait_status("web", "lost");
    bgp.run(["clear", "web"]).failed(6);
    assert!(proc::alive(thread));
    bgp.run(["stop", "web"]).code(0);
    assert!(proc::stat(thread).is_none());
    bgp.run(["clear", "web"]).code(0);
}

// H10: who does not answer costs the others nothing, not even their turn
#[test]
fn a_supervisor_that_does_not_answer_spoils_no_other_stop() {
    let bgp = Sandbox::new();
    let start = |name: &str| bgp.start_stubborn(name, "1h");
    let silent = start("silent");
    let others: Vec<_> = ["one", "two", "three"].map(start).into();
    proc::kill(silent.supervisor(), Signal::SIGSTOP);
    bgp.run(["stop", "--force", "--all"])
        .code(1)
        .stderr_has("silent");
    proc::kill(silent.supervisor(), Signal::SIGCONT);
    for other in &others {
        assert_dead(&[other.pid]);
        assert_eq!(bgp.status(&other.id)["reason"], "stop");
    }
    bgp.run(["stop", "--force", "silent"]).code_in(&[0, 5]);
}

// D18 H10: nobody waits in the queue of a supervisor that takes no connection
#[test]
fn a_full_queue_of_connections_holds_nobody_up() {
    let bgp = Sandbox::new();
    let silent = bgp.start("silent", ["sleep", "60"]);
    let other = bgp.start("other", ["sleep", "60"]);
    proc::kill(silent.supervisor(), Signal::SIGSTOP);
    let perl = "use Socket; my $n = 0; my $address = sockaddr_un(shift); for (1 .. 10_000) { \
        socket(my $s, PF_UNIX, SOCK_STREAM | 0x800, 0) or die; connect($s, $address) or last; $n++ } print \"$n\\n\"";
    let mut fills = bgp.foreign("perl");
    fills.args(["-e", perl, &format!("{}.sock", silent.id)]);
    let filled = finish(fills.current_dir(bgp.state().join("run"))).code(0);
    assert!(filled.text().trim() != "10000", "it was never full");
    bgp.run(["stop", "silent", "other"])
        .code(1)
        .stderr_has("silent");
    assert_dead(&[other.pid]);
    bgp.run(["start", "true"]).code(0);
    proc::kill(silent.supervisor(), Signal::SIGCONT);
    bgp.wait_until("it has worked through its queue", || {
        let stopped = bgp.run(["stop", "silent"]).status.success();
        stopped.then_some(())
    });
}

// Many who send to a process that does not read do not keep a stop away from it.
#[test]
fn a_crowd_of_senders_does_not_keep_a_stop_away() {
    let bgp = Sandbox::new();
    let deaf = bgp.start_stubborn("deaf", "1h");
    let much = bgp.dir().join("much");
    std::fs::write(&much, "x".repeat(200_000)).unwrap();
    let much = much.to_str().unwrap();
    let senders: Vec<_> = (0..20)
        .map(|_| {
            Running::begin(&mut bgp.command(["send", "--timeout", "1h", "deaf", "--file", much]))
        })
        .collect();
    let name = format!("{}.sock", deaf.id);
    bgp.wait_until("all of them are connected", || {
        // Any user may read this. What a listener has accepted has its name, state 03 and an inode.
        let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
        let accepted = sockets.lines().filter(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            matches!(fields[..], [_, _, _, _, _, "03", inode, path] if inode != "0" && path == name)
        });
        (accepted.count() >= 20).then_some(())
    });
    bgp.run(["stop", "--force", "deaf"]).code(0);
    assert_eq!(bgp.status("deaf")["reason"], "stop");
    for sender in senders {
        sender.finish().code_in(&[1, 5, 7]);
    }
}

/// Traces the process that is its argument until its own stdin ends, and never waits for it. `PTRACE_ATTACH` is 16
/// on every machine.
const TRACES: &str = "
import ctypes, sys
null = ctypes.c_void_p(0)
failed = ctypes.CDLL(None).ptrace(16, int(sys.argv[1]), null, null)
print('refused' if failed else 'attached', flush=True)
sys.stdin.read()
";

// A20: one that has ended and that its tracer has not released is no child that could be reaped
#[test]
fn a_process_that_a_debugger_holds_is_named_with_it() {
    let bgp = Sandbox::new();
    let mut python = bgp.foreign("python3");
    let there = python.args(["-c", "import ctypes"]).output();
    let missing = !there.is_ok_and(|there| there.status.success());
    if proc::pass_over(missing, "there is no python3 with ctypes") {
        return;
    }
    let web = bgp.start_with(&["--name", "web", "--grace", "0"], ["sleep", "60"]);
    let mut tracer = bgp
        .foreign("python3")
        .args(["-c", TRACES, &web.pid.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = String::new();
    BufReader::new(tracer.stdout.take().unwrap())
        .read_line(&mut told)
        .unwrap();
    if !proc::pass_over(told != "attached\n", "ptrace is refused") {
        bgp.run(["stop", "web"])
            .failed(8)
            .stderr_has(&format!(
                "1 process could not be killed: pid {} sleep (ended, held by its tracer, pid {})",
                web.pid,
                tracer.id()
            ))
            .stderr_has("hint: end the debugger");
    }
    drop(tracer.stdin.take());
    tracer.wait().unwrap();
    bgp.run(["stop", "web"]);
    bgp.wait_for_supervisor_end(&web.id);
    assert_eq!(bgp.status("web")["status"], "killed");
}
