//! Two at once.
//!
//! | rows | here |
//! |---|---|
//! | A7 | a hundred starts |
//! | A27 | two starts of one name |
//! | B10 | two stops; a stop and a natural end; a stop during a start |
//! | D10 | clear beside start |
//!
//! Each race is run again and again; `BGP_RACE_ROUNDS` (10) says how often.

use std::collections::BTreeSet;
use std::process::Command;

use crate::harness::Sandbox;
use crate::invocation::{Outcome, Running};
use crate::proc;

fn rounds() -> usize {
    std::env::var("BGP_RACE_ROUNDS").map_or(10, |text| text.parse().unwrap())
}

// A7
#[test]
fn a_hundred_starts_at_once_are_a_hundred_processes() {
    let bgp = Sandbox::new();
    let starts: Vec<(Running, Command)> = (0..100)
        .map(|n| {
            let line = format!("exit {n}");
            let mut start = bgp.command(["start", "--json", "sh", "-c", &line]);
            (Running::begin(&mut start), start)
        })
        .collect();
    let mut ids = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    for (start, mut command) in starts {
        let started = start.finish_in_turn(&mut command).code(0).stderr("");
        let process = started.json()["process"].clone();
        ids.insert(process["id"].as_str().unwrap().to_owned());
        numbers.insert(process["number"].as_u64().unwrap());
    }
    assert_eq!((ids.len(), numbers), (100, (1..=100).collect()));
    let mut wait = bgp.command(["wait"]);
    wait.args(&ids);
    crate::invocation::finish(&mut wait);
    let listed = bgp.list();
    assert_eq!(listed.len(), 100);
    let codes: BTreeSet<i64> = listed
        .iter()
        .map(|p| p["exitCode"].as_i64().unwrap())
        .collect();
    assert_eq!(codes, (0..100).collect());
    let names: BTreeSet<String> = listed.iter().map(|p| p["name"].to_string()).collect();
    assert_eq!(names.len(), 100, "made names are unique");
    bgp.run(["verify"]).code(0);
}

// A27
#[test]
fn of_two_starts_of_one_name_one_is_in_the_way_of_the_other() {
    for _ in 0..rounds() {
        let bgp = Sandbox::new();
        let starts: Vec<Running> = (0..3)
            .map(|_| Running::begin(&mut bgp.command(["start", "--name", "web", "sleep", "60"])))
            .collect();
        let mut codes: Vec<i32> = starts
            .into_iter()
            .map(|start| start.finish().status.code().unwrap())
            .collect();
        codes.sort_unstable();
        assert_eq!(codes, [0, 6, 6]);
        assert_eq!(bgp.list().len(), 1);
    }
}

// B10
#[test]
fn two_stops_at_once_both_say_that_it_is_stopped() {
    let bgp = Sandbox::new();
    for round in 0..rounds() {
        let web = bgp.start(&format!("web-{round}"), ["sleep", "60"]);
        let stops: Vec<Running> = (0..3)
            .map(|_| Running::begin(&mut bgp.command(["stop", &web.id])))
            .collect();
        let outcomes: Vec<Outcome> = stops.into_iter().map(Running::finish).collect();
        for outcome in &outcomes {
            outcome.clone().code_in(&[0, 5]);
            assert!(
                !outcome.errors().contains("No such process (os"),
                "{}",
                outcome.describe()
            );
        }
        assert!(outcomes.iter().any(|outcome| outcome.status.success()));
        assert!(!proc::alive(web.pid));
        assert_eq!(bgp.status(&web.id)["status"], "killed");
        bgp.wait_for_supervisor_end(&web.id);
        bgp.run(["verify", &web.id]).code(0);
    }
}

// B10
#[test]
fn a_stop_beside_a_natural_end_is_one_end() {
    let bgp = Sandbox::new();
    for round in 0..rounds() {
        // The delay covers the time from before the stop is asked for to after it is done.
        let delay = format!("sleep 0.0{round:02}; exit 7");
        let quick = bgp.start(&format!("quick-{round}"), ["sh", "-c", &delay]);
        let code = bgp.run(["stop", &quick.id]).code_in(&[0, 5]).status.code();
        let status = bgp.status(&quick.id);
        if code == Some(5) {
            assert_eq!(
                (&status["status"], &status["exitCode"]),
                (&"failed".into(), &7.into())
            );
        } else {
            assert!(
                ["killed", "failed"].contains(&status["status"].as_str().unwrap()),
                "{status}"
            );
        }
        bgp.wait_for_supervisor_end(&quick.id);
        let again = bgp.status(&quick.id);
        assert_eq!(
            (&again["status"], &again["endTime"]),
            (&status["status"], &status["endTime"])
        );
        bgp.run(["verify", &quick.id]).code(0);
    }
}

// B10
#[test]
fn a_stop_during_a_start_finds_it_or_does_not() {
    let bgp = Sandbox::new();
    for round in 0..rounds() {
        let name = format!("web-{round}");
        let mut start =
            Running::begin(&mut bgp.command(["start", "--json", "--name", &name, "sleep", "60"]));
        let mut stopped = false;
        while !stopped && !start.has_ended() {
            stopped = bgp
                .run(["stop", &name])
                .code_in(&[0, 3, 5])
                .status
                .success();
        }
        let id = start.finish().code(0).json()["process"]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        if !stopped {
            bgp.run(["stop", &name]).code(0);
        }
        assert_eq!(bgp.status(&id)["status"], "killed");
        bgp.wait_for_supervisor_end(&id);
    }
    bgp.wait_until("nothing lives", || bgp.living().is_empty().then_some(()));
    bgp.run(["verify"]).code(0);
}

// D10
#[test]
fn clear_beside_start_takes_nothing_that_lives() {
    let bgp = Sandbox::new();
    for round in 0..rounds() {
        let starts: Vec<Running> = (0..4)
            .map(|n| {
                let command = if n % 2 == 0 {
                    ["sleep", "60"]
                } else {
                    ["sleep", "0"]
                };
                let mut start =
                    bgp.command(["start", "--json", "--name", &format!("n{round}-{n}")]);
                Running::begin(start.args(command))
            })
            .collect();
        let clears: Vec<Running> = (0..2)
            .map(|_| Running::begin(&mut bgp.command(["clear"])))
            .collect();
        for clear in clears {
            clear.finish().code(0);
        }
        for (n, start) in starts.into_iter().enumerate() {
            let id = start.finish().code(0).json()["process"]["id"]
                .as_str()
                .unwrap()
                .to_owned();
            if n % 2 == 0 {
                assert_eq!(bgp.status(&id)["status"], "running");
                assert!(bgp.log(&id).exists());
            }
        }
    }
    bgp.run(["stop", "--all"]).code(0);
    bgp.wait_until("nothing lives", || {
        bgp.held_leases().is_empty().then_some(())
    });
    bgp.run(["verify"]).code(0);
    bgp.run(["clear"]).code(0);
    assert!(bgp.list().is_empty());
}

// What is told of a process that ended at once, while others put its end into the state.
#[test]
fn a_start_beside_lists_is_never_told_to_be_lost() {
    let bgp = Sandbox::new();
    bgp.run(["start", "true"]).code(0);
    for _ in 0..rounds() {
        let lists: Vec<Running> = (0..3)
            .map(|_| Running::begin(&mut bgp.command(["list", "--json"])))
            .collect();
        let started = bgp.run(["start", "--json", "true"]).code(0).json()["process"].clone();
        assert_ne!(started["status"], "lost", "{started}");
        assert!(started["pid"].is_i64(), "{started}");
        for list in lists {
            let listed = list.finish().code(0).json();
            for process in listed["processes"].as_array().unwrap() {
                assert_ne!(process["status"], "lost", "{process}");
            }
        }
    }
}
