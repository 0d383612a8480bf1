//! Processes that are started anew under their names.
//!
//! | rows | here |
//! |---|---|
//! | A27 | a name that is taken, and `--replace` |
//! | B2 B5 B12 | what must be gone before anything is started |

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;

use crate::harness::{Sandbox, script, write_script};
use crate::invocation::{Running, finish};
use crate::proc;

/// What a command tells of itself: where it is, its variables, its umask, its arguments.
const TELLS: &str =
    r#"pwd; echo "$WHO $BGP_ID $BGP_NAME"; umask; printf '%s\n' "$@"; echo ready $$; exec cat"#;

#[test]
fn a_restart_runs_what_start_ran_whatever_the_caller_has() {
    let bgp = Sandbox::new();
    let place = bgp.dir().join("place");
    fs::create_dir(&place).unwrap();
    let mut start = bgp.foreign("/bin/sh");
    start.env("WHO", "first").current_dir(&place);
    start.args([
        "-c",
        r#"umask 027; exec "$BGP" start --name web --group g --session s --alert-on-success \
           --grace 700ms -- sh -c "$0" x 'two words' """#,
        TELLS,
    ]);
    finish(&mut start).code(0);
    let first = bgp.status("web");
    let first_id = first["id"].as_str().unwrap().to_owned();
    bgp.wait_until("it has told", || {
        bgp.output("web").contains("ready").then_some(())
    });
    let told = bgp.output("web");

    let mut restart = bgp.command(["restart", "--json", "web"]);
    restart.env("WHO", "second").env("BGP_SESSION", "other");
    let second = finish(&mut restart).code(0).json()["process"].clone();
    let second_id = second["id"].as_str().unwrap().to_owned();
    assert_ne!(first_id, second_id);
    assert_eq!(
        (&second["number"], &second["previous"]),
        (&2.into(), &first["id"])
    );
    for field in [
        "name",
        "argv",
        "command",
        "cwd",
        "group",
        "session",
        "alertOnSuccess",
        "alertOnFailure",
        "alertOnKill",
    ] {
        assert_eq!(first[field], second[field], "{field}");
    }
    bgp.wait_until("the second has told", || {
        bgp.output(&second_id).contains("ready").then_some(())
    });
    let pid = |status: &serde_json::Value| format!("ready {}", status["pid"]);
    let expected = told
        .replace(&first_id, &second_id)
        .replace(&pid(&first), &pid(&second));
    assert_eq!(bgp.output(&second_id), expected);
    assert!(expected.contains(&format!("first {second_id} web\n")) && expected.contains("0027\n"));
    assert!(expected.contains("two words\n\n"), "{expected}");

    let old = bgp.status(&first_id);
    assert_eq!(
        (&old["status"], &old["reason"], &old["previous"]),
        (&"killed".into(), &"restart".into(), &().into())
    );
    assert_eq!(bgp.output(&first_id), told, "its log stays");
}

#[test]
fn a_restart_says_what_a_start_says_in_its_own_word() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["sleep", "60"]);
    let outcome = bgp.run(["restart", "web"]).code(0).stderr("");
    let now = bgp.status("web");
    let (id, pid) = (now["id"].as_str().unwrap(), &now["pid"]);
    outcome.stdout(&format!("Restarted web ({id}, proc_2, pid {pid})\n"));
    assert!(!proc::alive(web.pid));
}

#[test]
fn one_that_has_ended_is_started_anew_and_keeps_its_end() {
    let bgp = Sandbox::new();
    let job = bgp.start("job", ["sh", "-c", "echo done; exit 3"]);
    bgp.run(["wait", "job"]).code(3);
    bgp.run(["restart", "job"]).code(0);
    bgp.run(["wait", "job"]).code(3);
    let statuses: Vec<_> = bgp
        .list()
        .iter()
        .map(|p| (p["status"].clone(), p["reason"].clone()))
        .collect();
    assert_eq!(statuses, vec![("failed".into(), ().into()); 2]);
    assert_eq!(bgp.output(&job.id), "done\n");
    assert_eq!(bgp.output("proc_2"), "done\n");
}

// B12
#[test]
fn what_a_killed_supervisor_left_is_ended_before_a_restart() {
    let bgp = Sandbox::new();
    let tree = bgp.start_with(
        &["--name", "tree", "--grace", "200ms"],
        [script("stubborn-member.sh")],
    );
    let pids = bgp.ready(&tree);
    proc::kill(tree.supervisor(), Signal::SIGKILL);
    bgp.wait_status("tree", "lost");
    assert!(proc::alive(pids[1]));
    bgp.run(["restart", "tree"]).code(0);
    assert!(!proc::alive(pids[1]), "it lives beside the new one");
    assert_eq!(bgp.status("tree")["previous"], tree.id.as_str());
    assert_eq!(bgp.status(&tree.id)["status"], "lost");
}

#[test]
fn a_restart_waits_for_the_whole_tree() {
    let bgp = Sandbox::new();
    let tree = bgp.start_with(
        &["--name", "tree", "--grace", "200ms"],
        [script("stubborn-member.sh")],
    );
    let pids = bgp.ready(&tree);
    bgp.run(["restart", "tree"]).code(0);
    assert!(pids.iter().all(|pid| !proc::alive(*pid)));
}

#[test]
fn what_cannot_be_started_anew_is_not_stopped() {
    let bgp = Sandbox::new();
    let (place, program) = (bgp.dir().join("place"), bgp.dir().join("program"));
    fs::create_dir(&place).unwrap();
    write_script(&program, "#!/bin/sh\nexec sleep 60\n");
    fs::write(bgp.dir().join("in"), "").unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let input = text(&bgp.dir().join("in"));
    let gone = bgp.start("gone", [text(&program)]);
    let nowhere = bgp.start_with(
        &["--name", "nowhere", "--cwd", &text(&place)],
        ["sleep", "60"],
    );
    let deaf = bgp.start_with(&["--name", "deaf", "--stdin", &input], ["sleep", "60"]);
    fs::remove_file(&program).unwrap();
    fs::remove_dir(&place).unwrap();
    fs::remove_file(&input).unwrap();

    bgp.run(["restart", "gone"])
        .failed(127)
        .stderr_has(&text(&program));
    bgp.run(["restart", "nowhere"])
        .failed(2)
        .stderr_has(&text(&place));
    bgp.run(["restart", "deaf"]).failed(2).stderr_has(&input);
    fs::write(&program, "").unwrap();
    bgp.run(["restart", "gone"]).failed(126);
    assert_eq!(bgp.list().len(), 3);
    for process in [gone, nowhere, deaf] {
        assert_eq!(bgp.status(&process.id)["status"], "running");
        assert!(proc::alive(process.pid));
    }
}

#[test]
fn the_file_of_its_stdin_is_read_from_its_beginning_again() {
    let bgp = Sandbox::new();
    let input = bgp.dir().join("in");
    fs::write(&input, "one\n").unwrap();
    let (file, null) = (input.to_str().unwrap(), "null");
    for (name, stdin) in [("reads", file), ("empty", null)] {
        bgp.start_with(&["--name", name, "--stdin", stdin], ["cat"]);
        bgp.run(["wait", name]).code(0);
        bgp.run(["restart", name]).code(0);
        bgp.run(["wait", name]).code(0);
    }
    assert_eq!(bgp.output("reads"), "one\n");
    assert_eq!(bgp.output("empty"), "");
}

#[test]
fn a_stdin_that_its_starter_had_open_is_opened_again_by_its_path_if_it_has_one() {
    let bgp = Sandbox::new();
    fs::write(bgp.dir().join("in"), "one\n").unwrap();
    let start = r#""$BGP" start --stdin /dev/stdin"#;
    bgp.sh(&format!(
        "{start} -n file -- sh -c 'cat; exec sleep 60' <in"
    ))
    .code(0);
    let has_read = |name: &str| {
        bgp.wait_until("it has read its file", || {
            (bgp.output(name) == "one\n").then_some(())
        });
    };
    has_read("file");
    bgp.run(["restart", "file"]).code(0);
    has_read("proc_2");
    bgp.sh(&format!(
        "echo one | {start} -n pipe -- sh -c 'cat; exec sleep 60'"
    ))
    .code(0);
    has_read("pipe");
    bgp.run(["restart", "pipe"])
        .failed(2)
        .stderr_has("its stdin '/dev/stdin' cannot be opened again");
    assert_eq!(bgp.status("pipe")["status"], "running");
}

#[test]
fn several_are_restarted_each_for_itself_and_the_first_failure_is_the_code() {
    let bgp = Sandbox::new();
    let program = bgp.dir().join("program");
    write_script(&program, "#!/bin/sh\nexec sleep 60\n");
    bgp.start("one", ["sleep", "60"]);
    bgp.start("two", [&program]);
    bgp.start("three", ["sleep", "60"]);
    fs::remove_file(&program).unwrap();
    let outcome = bgp.run(["restart", "--json", "one", "two", "three"]);
    let outcome = outcome.code(127).json();
    let names: Vec<_> = outcome["processes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|process| process["name"].clone())
        .collect();
    assert_eq!(names, ["one", "three"]);
    assert_eq!(outcome["errors"][0]["code"], 127);
    bgp.run(["restart", "one", "never-there"]).failed(3);
    assert_eq!(bgp.list().len(), 5, "one that is not there restarts nobody");
}

#[test]
fn a_restart_that_fails_says_which_and_offers_no_option_that_it_has_not() {
    let bgp = Sandbox::new();
    let gone = bgp.dir().join("gone");
    fs::create_dir(&gone).unwrap();
    let dir = gone.to_str().unwrap();
    let one = bgp.start_with(&["--name", "one", "--cwd", dir], ["sleep", "600"]);
    let two = bgp.start_with(&["--name", "two", "--cwd", dir], ["sleep", "600"]);
    fs::remove_dir(&gone).unwrap();
    let told = bgp.run(["restart", "one", "two", "--json"]).code(2).json();
    for (index, process) in [one, two].iter().enumerate() {
        let error = &told["errors"][index];
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&process.id), "{message}");
        assert!(
            !error["hint"].as_str().unwrap().contains("--cwd"),
            "{error}"
        );
        assert!(proc::alive(process.pid));
    }
}

#[test]
fn a_group_or_session_of_none_is_not_found() {
    let bgp = Sandbox::fresh();
    for _ in 0..2 {
        bgp.run(["restart", "--group", "nog"])
            .failed(3)
            .stderr_has("no process is in group 'nog'");
        bgp.run(["restart", "--session", "nos"])
            .failed(3)
            .stderr_has("no process is in session 'nos'");
        bgp.run(["start", "--name", "x", "true"]).code(0);
    }
}

#[test]
fn of_a_group_the_newest_of_each_name_is_restarted() {
    let bgp = Sandbox::new();
    for name in ["one", "two"] {
        bgp.start_with(&["--name", name, "--group", "dev"], ["sleep", "60"]);
    }
    let other = bgp.start("other", ["sleep", "60"]);
    bgp.run(["stop", "two"]).code(0);
    for round in 1..=2 {
        bgp.run(["restart", "--group", "dev"]).code(0);
        let listed = bgp.list();
        assert_eq!(listed.len(), 3 + 2 * round);
        let running = |name: &str| {
            listed
                .iter()
                .filter(|p| p["name"] == name && p["status"] == "running")
                .count()
        };
        assert_eq!((running("one"), running("two")), (1, 1));
    }
    assert!(proc::alive(other.pid));
    bgp.run(["restart"]).failed(2);
}

// A27
#[test]
fn a_name_that_lives_is_in_the_way_of_an_old_one_of_that_name() {
    let bgp = Sandbox::new();
    let old = bgp.start("web", ["true"]);
    bgp.run(["wait", "web"]);
    bgp.run(["clear", "nobody"]).failed(3);
    let new = bgp.start("web", ["sleep", "60"]);
    bgp.run(["restart", &old.id]).failed(6).stderr_has(&new.id);
    assert!(proc::alive(new.pid));
}

// A27
#[test]
fn a_replaced_process_is_stopped_and_another_takes_its_name() {
    let bgp = Sandbox::new();
    let old = bgp.start("web", [script("setsid-grandchild.sh")]);
    let pids = bgp.ready(&old);
    bgp.run(["start", "--name", "web", "sleep", "60"]).failed(6);
    let new = bgp.start_with(&["--name", "web", "--replace"], ["sleep", "60"]);
    assert!(pids.iter().all(|pid| !proc::alive(*pid)));
    let status = bgp.status(&old.id);
    assert_eq!(
        (&status["status"], &status["reason"]),
        (&"killed".into(), &"replaced".into())
    );
    assert_eq!(bgp.status("web")["id"], new.id.as_str());
    // Nobody there is no reason to complain, nor one that has ended.
    bgp.start_with(&["--name", "free", "--replace"], ["true"]);
    bgp.run(["wait", "free"]).code(0);
    bgp.start_with(&["--name", "free", "--replace"], ["true"]);
    // A command that cannot be run replaces nobody.
    bgp.run(["start", "--name", "web", "--replace", "no-such-command"])
        .failed(127);
    assert!(proc::alive(new.pid));
    bgp.run(["start", "--replace", "true"]).failed(2);
}

#[test]
fn of_several_that_replace_each_other_the_last_one_lives() {
    for _ in 0..5 {
        let bgp = Sandbox::new();
        bgp.start("web", ["sleep", "60"]);
        let starts: Vec<Running> = (0..3)
            .map(|_| {
                let args = ["start", "--name", "web", "--replace", "sleep", "60"];
                Running::begin(&mut bgp.command(args))
            })
            .collect();
        for start in starts {
            start.finish().code(0);
        }
        let listed = bgp.list();
        let running = listed.iter().filter(|p| p["status"] == "running").count();
        assert_eq!((listed.len(), running), (4, 1), "{listed:?}");
    }
}
