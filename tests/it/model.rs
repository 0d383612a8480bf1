//! Random operations of several commands at once against a reference.
//!
//! Each thread owns the processes it starts and knows what each of them must be; all of them share one
//! state directory, list everything and clear everybody's ended processes. At the end: what is listed is
//! what was started less what was reported as cleared, nothing was cleared twice, nothing unlisted runs,
//! and nothing is left.
//!
//! `BGP_MODEL_ROUNDS` (2) says how often, `BGP_MODEL_SEED` repeats one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use fastrand::Rng;
use serde_json::Value;

use crate::harness::{Proc, Sandbox, file_names, numbered};
use crate::invocation::Outcome;
use crate::proc;

const THREADS: usize = 4;
const OPERATIONS: usize = 50;

/// What a process was started to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Writes lines and ends with this code.
    Ends(i32),
    /// Kills itself.
    Crashes,
    /// Runs until it is stopped.
    Runs,
    /// Runs, and obeys only KILL.
    Deaf,
}

/// What the reference knows of a process.
#[derive(Debug, Clone)]
struct Known {
    proc: Proc,
    kind: Kind,
    /// A stop of it has said that it is done, or that there was nothing to do.
    stopped: bool,
}

impl Known {
    /// Whether it can run at this moment.
    fn may_live(&self) -> bool {
        !self.stopped
    }

    /// Whether it must run at this moment.
    fn must_live(&self) -> bool {
        !self.stopped && matches!(self.kind, Kind::Runs | Kind::Deaf)
    }

    /// The statuses it may have.
    fn statuses(&self) -> &'static [&'static str] {
        match (self.kind, self.stopped) {
            (Kind::Runs | Kind::Deaf, false) => &["running"],
            (Kind::Runs | Kind::Deaf, true) => &["killed"],
            (Kind::Ends(0), false) => &["running", "exited"],
            (Kind::Ends(0), true) => &["exited", "killed"],
            (Kind::Ends(_), false) => &["running", "failed"],
            (Kind::Ends(_), true) => &["failed", "killed"],
            (Kind::Crashes, false) => &["running", "crashed"],
            (Kind::Crashes, true) => &["crashed", "killed"],
        }
    }

    /// What `list` says of it is possible.
    fn check(&self, seen: &Value) {
        let status = seen["status"].as_str().unwrap();
        assert!(
            self.statuses().contains(&status),
            "{self:?} is {status}: {seen}"
        );
        assert_eq!(seen["name"], self.proc.name.as_str());
        if let (Kind::Ends(code), "exited" | "failed") = (self.kind, status) {
            assert_eq!(seen["exitCode"], code, "{seen}");
        }
    }

    /// The codes `wait` may give.
    fn codes(&self) -> Vec<i32> {
        let stop = if self.stopped { &[143, 137][..] } else { &[] };
        let own = match self.kind {
            Kind::Ends(code) => vec![code],
            Kind::Crashes => vec![137],
            Kind::Runs | Kind::Deaf => vec![],
        };
        [&own, stop].concat()
    }
}

/// What all threads share: what clear has reported.
#[derive(Default)]
struct Shared {
    cleared: Mutex<Vec<String>>,
}

/// One thread with its processes.
struct Actor<'a> {
    bgp: &'a Sandbox,
    shared: &'a Shared,
    random: Rng,
    mine: BTreeMap<String, Known>,
    /// Ids of ours that may be gone: ended ones, since others clear too.
    made: usize,
    number: usize,
}

impl Actor<'_> {
    fn act(&mut self) {
        match self.random.u32(0..100) {
            0..35 => self.start(),
            35..50 => self.list(),
            50..65 => self.stop(),
            65..75 => self.wait(),
            75..87 => self.output(),
            87..94 => self.clear_one(),
            _ => self.clear_all(),
        }
    }

    fn start(&mut self) {
        let kind = match self.random.u32(0..6) {
            0 | 1 => Kind::Ends(0),
            2 => Kind::Ends(self.random.i32(1..100)),
            3 => Kind::Crashes,
            4 => Kind::Runs,
            _ => Kind::Deaf,
        };
        let line = match kind {
            Kind::Ends(code) => format!("seq 1 50; exit {code}"),
            Kind::Crashes => "seq 1 50; kill -KILL $$".to_owned(),
            Kind::Runs => "seq 1 50; exec sleep 600".to_owned(),
            Kind::Deaf => "trap '' TERM; seq 1 50; exec sleep 600".to_owned(),
        };
        let name = format!("t{}-{}", self.number, self.made);
        self.made += 1;
        let proc = self
            .bgp
            .start_with(&["--name", &name, "--grace", "50ms"], ["sh", "-c", &line]);
        let known = Known {
            proc,
            kind,
            stopped: false,
        };
        assert!(
            self.mine.insert(known.proc.id.clone(), known).is_none(),
            "an id twice"
        );
    }

    fn list(&mut self) {
        let listed: BTreeMap<String, Value> = self
            .bgp
            .list()
            .into_iter()
            .map(|process| (process["id"].as_str().unwrap().to_owned(), process))
            .collect();
        for (id, known) in &self.mine {
            match listed.get(id) {
                Some(seen) => known.check(seen),
                None => assert!(!known.must_live(), "{known:?} lives and is not listed"),
            }
        }
    }

    /// One of ours, by chance.
    fn pick(&mut self) -> Option<Known> {
        let all: Vec<&Known> = self.mine.values().collect();
        self.random.choice(all).cloned()
    }

    /// 3 is right when others may have cleared it; it is gone for good then.
    fn gone(&mut self, known: &Known, outcome: &Outcome) -> bool {
        if outcome.status.code() != Some(3) || outcome.stdout.starts_with(b"{") {
            return false;
        }
        assert!(
            !known.must_live(),
            "{known:?} lives and is not found\n{}",
            outcome.describe()
        );
        self.mine.remove(&known.proc.id);
        true
    }

    fn stop(&mut self) {
        let Some(known) = self.pick() else { return };
        let outcome = self.bgp.run(["stop", &known.proc.id]);
        if self.gone(&known, &outcome) {
            return;
        }
        let expected: &[i32] = match (known.must_live(), known.may_live()) {
            (true, _) => &[0],
            (false, true) => &[0, 5],
            (false, false) => &[5],
        };
        outcome.code_in(expected);
        assert!(
            !proc::alive(known.proc.pid),
            "{known:?} lives after its stop"
        );
        if let Some(known) = self.mine.get_mut(&known.proc.id) {
            known.stopped = true;
        }
    }

    fn wait(&mut self) {
        let Some(known) = self.pick() else { return };
        if known.must_live() {
            return;
        }
        let outcome = self.bgp.run(["wait", "--json", &known.proc.id]);
        if outcome.errors().contains("no process") || outcome.text().contains("not-found") {
            let mut told = outcome.clone();
            told.stdout.clear();
            assert!(self.gone(&known, &told), "{}", outcome.describe());
            return;
        }
        outcome.code_in(&known.codes());
    }

    fn output(&mut self) {
        let Some(known) = self.pick() else { return };
        let outcome = self.bgp.run(["output", "-n", "0", &known.proc.id]);
        if self.gone(&known, &outcome) {
            return;
        }
        // Cleared between the look at the state and the look at the log.
        if !known.must_live() && outcome.errors().contains("cleared") {
            return;
        }
        let text = outcome.code(0).text();
        let all = numbered("", 1..=50);
        assert!(all.starts_with(&text), "{known:?}: {text}");
    }

    fn clear_one(&mut self) {
        let Some(known) = self.pick() else { return };
        let outcome = self.bgp.run(["clear", "--json", &known.proc.id]);
        if self.gone(&known, &outcome) || outcome.text().contains("not-found") {
            self.mine.remove(&known.proc.id);
            return;
        }
        // What has just ended may hold its lease a moment longer.
        let outcome = outcome.code_in(if known.must_live() { &[6] } else { &[0, 6] });
        if outcome.status.success() {
            self.report(&outcome);
            self.mine.remove(&known.proc.id);
        }
    }

    fn clear_all(&mut self) {
        let outcome = self.bgp.run(["clear", "--json"]).code(0);
        self.report(&outcome);
    }

    fn report(&self, outcome: &Outcome) {
        let document = outcome.json();
        let cleared = document["processes"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![document["process"].clone()]);
        let ids = cleared
            .iter()
            .map(|process| process["id"].as_str().unwrap().to_owned());
        self.shared.cleared.lock().unwrap().extend(ids);
    }
}

// D9
#[test]
fn random_operations_at_once_agree_with_the_reference() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    for round in 0..number("BGP_MODEL_ROUNDS").unwrap_or(2) {
        let seed = number("BGP_MODEL_SEED").unwrap_or_else(|| fastrand::u64(..));
        eprintln!("round {round}, BGP_MODEL_SEED={seed}");
        one_round(seed);
    }
}

fn one_round(seed: u64) {
    let bgp = Sandbox::new();
    let shared = Shared::default();
    let started: Vec<(usize, BTreeMap<String, Known>)> = std::thread::scope(|scope| {
        let actors: Vec<_> = (0..THREADS)
            .map(|number| {
                let mut actor = Actor {
                    bgp: &bgp,
                    shared: &shared,
                    random: Rng::with_seed(seed.wrapping_add(number as u64)),
                    mine: BTreeMap::new(),
                    made: 0,
                    number,
                };
                scope.spawn(move || {
                    (0..OPERATIONS).for_each(|_| actor.act());
                    (actor.made, actor.mine)
                })
            })
            .collect();
        actors
            .into_iter()
            .map(|actor| actor.join().unwrap())
            .collect()
    });

    let listed = bgp.list();
    let ids: BTreeSet<&str> = listed
        .iter()
        .map(|process| process["id"].as_str().unwrap())
        .collect();
    let cleared = shared.cleared.lock().unwrap();
    let unique: BTreeSet<&str> = cleared.iter().map(String::as_str).collect();
    assert_eq!(unique.len(), cleared.len(), "something was cleared twice");
    assert!(ids.is_disjoint(&unique), "something is listed and cleared");
    let total: usize = started.iter().map(|(made, _)| made).sum();
    assert_eq!(
        ids.len() + unique.len(),
        total,
        "listed and cleared are all that were started"
    );
    let numbers: BTreeSet<u64> = listed
        .iter()
        .map(|p| p["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers.len(), listed.len());
    for (_, mine) in &started {
        for known in mine.values().filter(|known| known.must_live()) {
            assert!(
                ids.contains(known.proc.id.as_str()) && proc::alive(known.proc.pid),
                "{known:?}"
            );
        }
    }
    let live: Vec<i32> = started
        .iter()
        .flat_map(|(_, mine)| mine.values())
        .filter(|known| known.must_live())
        .map(|known| known.proc.pid)
        .collect();
    bgp.wait_until("only what must live lives", || {
        let unlisted = |pid: &i32| {
            let stat = proc::stat(*pid);
            !live.contains(pid)
                && stat.is_some_and(|_| {
                    !live
                        .iter()
                        .any(|l| proc::stat(*l).is_some_and(|s| s.parent == *pid))
                })
        };
        (!bgp.living().iter().any(unlisted)).then_some(())
    });
    bgp.run(["verify"]).code(0);
    bgp.run(["stop", "--all", "--force"]).code_in(&[0, 5]);
    bgp.wait_until("all can be cleared", || {
        bgp.run(["clear"]).code(0);
        bgp.list().is_empty().then_some(())
    });
    for dir in ["logs", "run"] {
        assert_eq!(
            file_names(&bgp.state().join(dir)),
            Vec::<String>::new(),
            "{dir}"
        );
    }
}
