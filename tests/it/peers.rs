//! More bugs that others had, each named after what must not happen. The first of them are in
//! `regressions`; those that are covered elsewhere are named there.
//!
//! | what | where |
//! |---|---|
//! | e15 e16 e24 e25 e26 e27 e28 e29 | here |
//! | o1 o2 o3 o4 | here; starts at once and a ruined state are e7 and e8 in `regressions` |

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::Signal;

use crate::harness::{
    DEADLINE, Proc, Sandbox, copy_program, file_names, files_below, set_mode, tree, write_script,
};
use crate::invocation::{Running, finish, in_a_pid_namespace};
use crate::proc;

#[test]
fn e15_the_state_is_not_beside_the_program_nor_for_others_nor_in_local_time() {
    let bgp = Sandbox::new();
    let site = bgp.dir().join("site");
    fs::create_dir(&site).unwrap();
    let mut start = bgp.command(["start", "--json", "--name", "web", "cat"]);
    let before = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let started = finish(start.current_dir(&site).env("TZ", "Asia/Tokyo")).code(0);
    assert_eq!(
        file_names(&site),
        Vec::<String>::new(),
        "nothing where it was called"
    );
    for path in files_below(&bgp.state()) {
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", path.display());
    }
    let time = started.json()["process"]["startTime"].as_u64().unwrap();
    let after = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    assert!(
        (before..=after).contains(&time.into()),
        "{before} {time} {after}"
    );
}

#[test]
fn e16_the_death_of_the_logger_is_not_silent() {
    let bgp = Sandbox::new();
    let line = "echo before; echo ready; while :; do sleep 0.02; echo more; done";
    let web = bgp.start("web", ["/bin/sh", "-c", line]);
    bgp.ready(&web);
    proc::kill(web.supervisor(), Signal::SIGKILL);
    bgp.wait_for_supervisor_end(&web.id);
    assert_eq!(bgp.status("web")["status"], "lost");
    bgp.run(["wait", "web"]).code(1);
    assert!(bgp.output("web").starts_with("before\nready\n"));
    bgp.wait_until("its leader is gone with it", || {
        (!proc::alive(web.pid)).then_some(())
    });
}

#[test]
fn e24_no_escape_sequence_is_left_over_and_a_redrawn_line_is_its_last_state() {
    let bgp = Sandbox::new();
    let line = r"printf '\033[?25lhidden\033[?25h\n'
        printf '\033]0;title\007titled\033]8;;http://x\033\\\n'
        printf '\033[>4;2mkeys\033[=1u\033[38:2::1:2:3mcolour\033[0m\n'
        printf '\033P1$r0m\033\\dcs\033_apc\033\\\n'
        printf '10%%\r50%%\r100%%\n'
        printf 'a\033(Bb\0337\0338c\n'";
    bgp.start("loud", ["/bin/sh", "-c", line]);
    bgp.run(["wait", "loud"]).code(0);
    assert_eq!(
        bgp.output("loud"),
        "hidden\ntitled\nkeyscolour\ndcs\n100%\nabc\n"
    );
}

#[test]
fn e25_the_last_lines_of_a_long_log_do_not_take_the_memory_of_all_of_it() {
    let bgp = Sandbox::new();
    let line = "yes 'a line of some length, as programs write them' | head -c 50000000; echo last";
    bgp.start("long", ["/bin/sh", "-c", line]);
    bgp.run(["wait", "long"]).code(0);
    assert!(bgp.status("long")["logBytes"].as_u64().unwrap() > 50_000_000);
    for line in [
        "output -n 1",
        "output --raw -n 1",
        "status",
        "output --grep last",
    ] {
        let limited = format!("ulimit -v 40000; exec \"$BGP\" {line} long");
        bgp.sh(&limited).code(0).stdout_has("last\n");
    }
}

#[test]
fn e26_nothing_is_in_a_public_place_and_a_killed_caller_leaves_nobody_behind_unknown() {
    let bgp = Sandbox::new();
    let line = "\"$BGP\" start --name web cat >/dev/null; echo started; exec sleep 60";
    let mut caller = Running::begin(bgp.foreign("/bin/sh").args(["-c", line]));
    bgp.wait_until("it has started one", || {
        caller.stdout().contains("started").then_some(())
    });
    proc::kill(caller.pid(), Signal::SIGKILL);
    bgp.wait_until("the caller is gone", || caller.has_ended().then_some(()));
    let temporary = bgp.dir().join("tmp");
    assert_eq!(file_names(&temporary), Vec::<String>::new());
    assert_eq!(bgp.status("web")["status"], "running");
    bgp.run(["stop", "web"]).code(0);
}

#[test]
fn e27_a_bad_directory_or_a_shell_that_is_not_there_is_told_and_leaves_no_files() {
    let bgp = Sandbox::new();
    let file = bgp.dir().join("file");
    fs::write(&file, "").unwrap();
    for cwd in ["not-there", "file"] {
        bgp.run(["start", "--cwd", cwd, "cat"])
            .failed(2)
            .stderr_has(cwd);
    }
    let mut start = bgp.command(["start", "-c", "echo hello"]);
    let told = finish(start.env("SHELL", "/not-there/bash")).failed(127);
    assert!(
        told.errors().contains("/not-there/bash"),
        "{}",
        told.errors()
    );
    assert_eq!(bgp.list().len(), 0);
    for sub in ["logs", "run"] {
        assert_eq!(file_names(&bgp.state().join(sub)), Vec::<String>::new());
    }
}

#[test]
fn e28_the_end_of_a_session_is_not_an_instant_kill_and_not_the_end_of_all_starts() {
    let bgp = Sandbox::new();
    let line = "trap 'echo saved > saved; exit 0' TERM; echo ready; while :; do sleep 0.02; done";
    let options = ["--name", "web", "--session", "agent"];
    let web = bgp.start_with(&options, ["/bin/sh", "-c", line]);
    bgp.ready(&web);
    bgp.run(["end-session", "agent"]).code(0);
    let saved = fs::read_to_string(bgp.dir().join("saved")).unwrap();
    assert_eq!(saved, "saved\n", "it could do what it does on TERM");
    bgp.start_with(&options, ["true"]);
    bgp.run(["wait", "web"]).code(0);
}

#[test]
fn e29_the_names_and_words_of_the_readme_are_those_of_the_program() {
    let bgp = Sandbox::new();
    let readme = fs::read_to_string(tree().join("README.md")).unwrap();
    bgp.run(["start", "echo", "hello"])
        .code(0)
        .stdout_has("Started echo (");
    bgp.run(["wait", "echo"]).code(0);
    bgp.run(["logs", "echo", "--export", "clear"]).code(0);
    let names = file_names(&bgp.dir().join("clear"));
    assert_eq!(names, ["proc_1_stderr.log", "proc_1_stdout.log"]);
    let help = bgp.run(["output", "--help"]).code(0).text();
    for name in names.iter().map(|name| name.replace("_1_", "_N_")) {
        assert!(help.contains(&name), "{name}");
    }
    let status = bgp.status("echo")["status"].as_str().unwrap().to_owned();
    assert!(readme.contains(&format!("| `{status}` |")), "{status}");
}

#[test]
fn o1_a_process_does_not_run_in_the_directory_or_environment_of_an_earlier_one() {
    let bgp = Sandbox::new();
    for word in ["one", "two"] {
        let dir = bgp.dir().join(word);
        fs::create_dir(&dir).unwrap();
        let mut start = bgp.command(["start", "--name", word, "/bin/sh", "-c"]);
        start.arg("basename \"$PWD\"; echo \"VV=$VV\"");
        finish(start.env("VV", word).current_dir(&dir)).code(0);
        bgp.run(["wait", word]).code(0);
        assert_eq!(bgp.output(word), format!("{word}\nVV={word}\n"));
    }
}

#[test]
fn o2_a_slow_stop_holds_nobody_up() {
    let bgp = Sandbox::new();
    bgp.start_stubborn("slow", "1h");
    let stop = Running::begin(&mut bgp.command(["stop", "slow"]));
    bgp.wait_status("slow", "stopping");
    let begun = Instant::now();
    bgp.run(["list"]).code(0).stdout_has("stopping");
    bgp.start("other", ["true"]);
    bgp.run(["wait", "other"]).code(0);
    bgp.run(["clear", "other"]).code(0);
    assert!(begun.elapsed() < DEADLINE / 2, "{:?}", begun.elapsed());
    bgp.run(["stop", "slow", "--force"]).code(0);
    stop.finish().code(0);
}

#[test]
fn o2_a_process_is_not_in_its_callers_session_and_nothing_is_shared_to_die_of() {
    let bgp = Sandbox::new();
    let (one, two) = (bgp.start("one", ["cat"]), bgp.start("two", ["cat"]));
    let me = proc::stat(i32::try_from(std::process::id()).unwrap())
        .unwrap()
        .session;
    for process in [&one, &two] {
        let (leader, supervisor) = (process.pid, process.supervisor());
        assert_eq!(proc::stat(leader).unwrap().session, leader);
        assert_ne!(proc::stat(supervisor).unwrap().session, me);
    }
    proc::kill(one.supervisor(), Signal::SIGKILL);
    bgp.wait_for_supervisor_end(&one.id);
    assert_eq!(bgp.status("one")["status"], "lost");
    assert_eq!(bgp.status("two")["status"], "running");
    bgp.start("three", ["cat"]); // and starting goes on
}

#[test]
fn o3_a_name_can_be_used_again_and_wait_gives_codes_and_signals() {
    let bgp = Sandbox::new();
    for (line, code, signal) in [("exit 7", 7, None), ("kill -9 $$", 137, Some("SIGKILL"))] {
        let web: Proc = bgp.start("web", ["/bin/sh", "-c", line]);
        bgp.run(["wait", "web"]).code(code);
        let status = bgp.status(&web.id);
        assert_eq!(status["signal"].as_str(), signal);
        bgp.wait_for_supervisor_end(&web.id);
    }
    assert_eq!(bgp.list().len(), 2);
}

#[test]
fn o3_a_stop_after_the_leaders_end_ends_what_it_left_in_every_session() {
    let bgp = Sandbox::new();
    let line = "sleep 60 & echo $!; setsid sleep 60 & echo $!; exit 0";
    bgp.start("web", ["/bin/sh", "-c", line]);
    bgp.run(["wait", "web"]).code(0);
    let pids: Vec<i32> = bgp
        .output("web")
        .lines()
        .map(|pid| pid.parse().unwrap())
        .collect();
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|pid| proc::alive(*pid)));
    bgp.run(["stop", "web"]).code(0);
    assert!(!pids.iter().any(|pid| proc::alive(*pid)));
}

#[test]
fn o4_a_command_that_is_missing_is_two_lines_and_no_trace() {
    let bgp = Sandbox::new();
    let told = bgp.run(["start", "no-such-command-here"]).failed(127);
    assert_eq!(told.errors().lines().count(), 2, "{}", told.errors());
    assert!(
        !told.errors().contains("at "),
        "no stack: {}",
        told.errors()
    );
}

#[test]
fn o4_a_stop_does_not_leave_the_children_of_a_leader_and_a_zombie_does_not_run() {
    let bgp = Sandbox::new();
    let web = bgp.start(
        "web",
        ["/bin/sh", "-c", "sleep 91 & echo ready $!; sleep 92"],
    );
    let children = bgp.ready(&web);
    bgp.run(["stop", "web"]).code(0);
    assert!(!proc::alive(children[0]) && !proc::alive(web.pid));
    let status = bgp.status("web");
    assert_eq!(status["status"], "killed");
    assert_eq!(status["signal"], "SIGTERM", "how it ended is known");
}

/// A copy of the program in the sandbox, which can be removed.
fn copy_of_bgp(bgp: &Sandbox) -> std::path::PathBuf {
    let copy = bgp.dir().join("bgp-of-yesterday");
    copy_program(&crate::harness::bin(), &copy);
    set_mode(&copy, 0o755);
    copy
}

// A26
#[test]
fn a_program_that_is_replaced_or_removed_leaves_what_it_started_running() {
    let bgp = Sandbox::new();
    let copy = copy_of_bgp(&bgp);
    let with = |program: &Path| -> Command { bgp.foreign(program) };
    finish(with(&copy).args(["start", "--name", "web", "cat"])).code(0);
    let line = "[ -f again ] && exit 0; touch again; sleep 0.3; exit 1";
    let mut again = with(&copy);
    again.env("BGP_TEST_BACKOFF_MS", "20");
    again.args(["start", "--name", "again", "--restart", "on-failure:1"]);
    finish(again.args(["/bin/sh", "-c", line])).code(0);
    fs::remove_file(&copy).unwrap();
    fs::write(&copy, "#!/bin/sh\nexit 99\n").unwrap();
    bgp.run(["send", "web", "hello"]).code(0);
    bgp.run(["wait", "again"]).code(0); // it was run again without its program
    assert_eq!(bgp.status("again")["restarts"], 1);
    bgp.wait_until("it echoes", || {
        (bgp.output("web") == "hello\n").then_some(())
    });
    bgp.run(["stop", "web"]).code(0);
}

// H11
#[test]
fn a_shell_that_speaks_another_language_is_passed_over() {
    let bgp = Sandbox::new();
    for (name, ran) in [("fish", "sh"), ("nu", "sh"), ("bash", "fake bash")] {
        let shell = bgp.dir().join(name);
        write_script(&shell, &format!("#!/bin/sh\necho fake {name}\n"));
        let mut start = bgp.command(["start", "--name", name, "-c", "echo sh"]);
        finish(start.env("SHELL", &shell)).code(0);
        bgp.run(["wait", name]).code(0);
        assert_eq!(bgp.output(name), format!("{ran}\n"), "{name}");
    }
}

// H10
#[test]
fn a_supervisor_that_is_stopped_is_told_with_its_pid_and_holds_no_list_up() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["cat"]);
    let supervisor = web.supervisor();
    proc::kill(supervisor, Signal::SIGSTOP);
    bgp.wait_until("it is stopped", || {
        proc::stat(supervisor)
            .filter(|stat| stat.state == 'T')
            .map(drop)
    });
    let pid = format!("pid {supervisor}");
    let limit = Duration::from_secs(10); // 2 s, and a machine with much to do
    for args in [
        &["stop", "web"][..],
        &["stop", "web", "--force"],
        &["send", "web", "x"],
    ] {
        let begun = Instant::now();
        bgp.run(args).failed(1).stderr_has(&pid);
        assert!(begun.elapsed() < limit, "{args:?}: {:?}", begun.elapsed());
    }
    let begun = Instant::now();
    bgp.run(["list"]).code(0).stdout_has("running");
    bgp.run(["status", "web"]).code(0);
    bgp.run(["output", "web"]).code(0);
    bgp.run(["clear", "web"]).failed(6);
    assert!(begun.elapsed() < limit, "{:?}", begun.elapsed());
    proc::kill(supervisor, Signal::SIGCONT);
    bgp.run(["stop", "web"]).code_in(&[0, 5]); // what was asked before may have come through
}

// H13 B8
#[test]
fn strangers_that_take_freed_numbers_while_a_stop_runs_are_never_signalled() {
    let bgp = Sandbox::new();
    // Each member of the tree frees a number twenty times a second, and the strangers want these.
    let line = r#"
        mount -t proc proc /proc || exit 99
        member='trap "" TERM; echo up; while :; do sleep 0.05; done'
        tree="n=0; while [ \$n -lt 15 ]; do n=\$((n + 1)); setsid sh -c '$member' & done; wait"
        started=$("$BGP" start --name tree --grace 300ms sh -c "$tree") || exit 98
        first=${started##*pid }; first=${first%)}
        while [ "$("$BGP" output -n 0 tree | wc -l)" -lt 15 ]; do sleep 0.01; done
        ("$BGP" stop tree; echo $? > stopped.new; mv stopped.new stopped) &
        strangers= count=0
        while [ ! -e stopped ]; do
            if [ $count -lt 300 ]; then
                echo "$first" > /proc/sys/kernel/ns_last_pid || exit 97
                setsid sleep 60 & strangers="$strangers $!"; count=$((count + 1))
            else sleep 0.01; fi
        done
        code=$(cat stopped); killed=0; taken=0
        for stranger in $strangers; do
            read -r stat < "/proc/$stranger/stat" || stat=") Z "
            case "$stat" in *") Z "*) killed=$((killed + 1));; esac
            [ "$stranger" -lt $((first + 60)) ] && taken=$((taken + 1))
        done
        kill -KILL $strangers
        echo "$count strangers, $taken with a low number, $killed were killed; stop gave $code"
        [ $taken -gt 0 ] || exit 96
        [ $killed = 0 ] && exit "$code""#;
    in_a_pid_namespace(bgp.foreign("unshare"), line, 0);
}

// D21
#[test]
fn what_is_done_often_reads_no_directory_of_the_state() {
    let bgp = Sandbox::new();
    let trace = bgp.dir().join("trace");
    let traced = |args: &[&str]| -> Option<String> {
        let mut strace = bgp.foreign("strace");
        strace.args(["-qq", "-y", "-e", "trace=getdents64,getdents", "-o"]);
        strace.arg(&trace).arg(crate::harness::bin()).args(args);
        strace.output().ok()?.status.success().then_some(())?;
        fs::read_to_string(&trace).ok()
    };
    bgp.start("cat", ["cat"]);
    for args in [
        &["list"][..],
        &["start", "--name", "web", "cat"],
        &["send", "web", "x"],
        &["output", "web"],
        &["status", "web"],
        &["stop", "web"],
    ] {
        let Some(calls) = traced(args) else {
            proc::pass_over(true, "there is no strace that may trace");
            return;
        };
        let state = bgp.state();
        let own: Vec<&str> = calls
            .lines()
            .filter(|line| line.contains(state.to_str().unwrap()))
            .collect();
        assert_eq!(own, Vec::<&str>::new(), "{args:?}");
    }
}
