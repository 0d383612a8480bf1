//! What is raised, and when, on a clock that the test turns.

use super::*;
use crate::model::status::{Reason, Status};

fn settings(json: serde_json::Value) -> AlertSettings {
    serde_json::from_value(json).unwrap()
}

fn run(runtime_ms: u64, again: bool) -> Exit {
    Exit {
        again,
        run_ms: Some(runtime_ms),
        ..exit(Status::Failed, 99_999)
    }
}

fn exit(status: Status, runtime_ms: u64) -> Exit {
    serde_json::from_value(serde_json::json!({
        "status": status, "endMs": 5, "runtimeMs": runtime_ms,
    }))
    .unwrap()
}

fn began(json: serde_json::Value) -> (Alerts, Instant) {
    let mut alerts = Alerts::new(&settings(json));
    let now = Instant::now();
    alerts.started(now);
    (alerts, now)
}

#[test]
fn an_end_is_raised_by_the_settings_with_the_last_line() {
    for (json, status, raised) in [
        (serde_json::json!({}), Status::Failed, true),
        (serde_json::json!({}), Status::Exited, false),
        (serde_json::json!({"onSuccess": true}), Status::Exited, true),
        (
            serde_json::json!({"onFailure": false}),
            Status::Crashed,
            false,
        ),
    ] {
        let (mut alerts, now) = began(json);
        alerts.read(Kind::Stdout, b"one\ntwo\n\n \n");
        let event = alerts.ended(&exit(status, 7), now);
        assert_eq!(event.is_some(), raised, "{status:?}");
        if let Some(event) = event {
            assert_eq!(event.line.as_deref(), Some("two"));
            assert_eq!((event.seq, event.total, event.runtime_ms), (1, 1, 7));
        }
    }
    let (mut alerts, now) = began(serde_json::json!({}));
    let timeout = Exit {
        reason: Some(Reason::Timeout),
        ..exit(Status::Killed, 1)
    };
    let raised = alerts.ended(&timeout, now).unwrap();
    assert_eq!(raised.event, Event::Timeout);
}

#[test]
fn a_crash_loop_is_raised_once_and_once_when_it_is_over() {
    let (mut alerts, now) = began(serde_json::json!({}));
    let mut raised = Vec::new();
    for number in 1..=50 {
        raised.extend(alerts.ended(&run(20, number < 50), now));
        alerts.started(now);
    }
    let told: Vec<(u64, bool)> = raised.iter().map(|it| (it.total, it.restarting)).collect();
    assert_eq!(told, [(1, true), (50, false)]);
    // A long run ends a loop: what fails then is new.
    let (mut alerts, now) = began(serde_json::json!({}));
    let ends = [20, 20, 10_000, 20, 20].map(|ms| alerts.ended(&run(ms, true), now).is_some());
    assert_eq!(ends, [true, false, true, true, false]);
}

#[test]
fn silence_is_raised_once_until_something_is_written() {
    let (mut alerts, now) = began(serde_json::json!({"onIdleMs": 1000}));
    let second = Duration::from_secs(1);
    assert_eq!(alerts.deadline(), Some(now + second));
    assert_eq!(alerts.due(now), None);
    assert_eq!(alerts.due(now + second).unwrap().event, Event::Idle);
    assert_eq!(
        (alerts.due(now + 9 * second), alerts.deadline()),
        (None, None)
    );
    alerts.read(Kind::Stdout, b"x");
    assert!(alerts.deadline().is_some());
    alerts.ended(&exit(Status::Exited, 1), now);
    assert_eq!(alerts.deadline(), None, "the dead are not silent");
}

#[test]
fn a_chatty_match_is_raised_every_two_seconds_with_its_count() {
    let (mut alerts, now) = began(serde_json::json!({"onOutput": ["x"]}));
    let mut raised = Vec::new();
    for tenth in 0..200 {
        alerts.read(Kind::Stdout, b"x\nx\nx\n");
        raised.extend(alerts.due(now + Duration::from_millis(100) * tenth));
    }
    raised.extend(alerts.held_back(now));
    assert_eq!(raised.len(), 4 + 9 + 1);
    assert_eq!(raised.last().unwrap().total, 600);
    assert!(raised.iter().zip(1..).all(|(event, seq)| event.seq == seq));
}

#[test]
fn nothing_is_compiled_or_timed_unless_asked_for() {
    let (mut alerts, now) = began(serde_json::json!({}));
    alerts.read(Kind::Stdout, b"anything\n");
    assert!(alerts.matcher.is_none() && alerts.silent_since.is_none());
    assert_eq!((alerts.deadline(), alerts.due(now)), (None, None));
}

#[test]
fn settings_change_and_the_count_goes_on() {
    let (mut alerts, now) = began(serde_json::json!({"onOutput": ["a"]}));
    alerts.read(Kind::Stdout, b"a\na\n");
    let told = alerts.set(
        &settings(serde_json::json!({"onOutput": ["b"], "onIdleMs": 5})),
        now,
    );
    assert_eq!(told.iter().map(|it| it.total).collect::<Vec<_>>(), [2]);
    alerts.read(Kind::Stdout, b"a\nb\n");
    assert_eq!(alerts.due(now).unwrap().total, 3);
    assert!(alerts.silent_since.is_some());
    let _ = alerts.set(&AlertSettings::default(), now);
    alerts.read(Kind::Stdout, b"b\n");
    assert_eq!((alerts.due(now), alerts.deadline()), (None, None));
}

#[test]
fn other_expressions_go_on_in_the_lines_that_are_not_finished() {
    let on = |patterns: &[&str]| settings(serde_json::json!({ "onOutput": patterns }));
    let lines = |alerts: &mut Alerts, now| {
        let told = std::iter::from_fn(|| alerts.due(now).and_then(|raised| raised.line));
        told.collect::<Vec<_>>()
    };
    for before in [on(&["err.*fatal"]), AlertSettings::default()] {
        let mut alerts = Alerts::new(&before);
        let now = Instant::now();
        alerts.started(now);
        alerts.read(Kind::Stdout, b"one\nerr ");
        alerts.read(Kind::Stderr, b"non");
        assert_eq!(alerts.set(&on(&["err.*fatal", "^fatal"]), now), []);
        alerts.read(Kind::Stdout, b"fatal\n");
        alerts.read(Kind::Stderr, b"fatal\n");
        assert_eq!(lines(&mut alerts, now), ["err fatal"]);
    }
}

#[test]
fn of_what_repeats_the_older_goes_first_and_never_an_end() {
    let event = |seq, event, pattern| Raised {
        seq,
        event,
        time_ms: 0,
        runtime_ms: 0,
        run: 1,
        total: seq,
        line: None,
        pattern,
        exit: None,
        restarting: false,
        silent_ms: None,
    };
    let mut all = Vec::new();
    add(&mut all, event(1, Event::Output, Some(0)));
    add(&mut all, event(2, Event::Failed, None));
    for seq in 3..100 {
        add(&mut all, event(seq, Event::Output, Some(1)));
    }
    let left: Vec<u64> = all.iter().map(|event| event.seq).collect();
    assert_eq!(left, [1, 2, 95, 96, 97, 98, 99]);
}

#[test]
fn a_tail_keeps_the_end_of_all_that_was_pushed() {
    let bytes: Vec<u8> = (0..2000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    for step in [1, 3, 100, 255, 256, 257, 2000] {
        let mut tail = Tail::default();
        for piece in bytes.chunks(step) {
            tail.push(piece);
        }
        assert_eq!(tail.bytes[..tail.len], bytes[bytes.len() - TAIL_BYTES..]);
    }
}

#[test]
fn no_flood_of_lines_holds_back_what_is_wrong_with_the_log() {
    let (mut alerts, now) = began(serde_json::json!({"onOutput": ["e"]}));
    for _ in 0..8 {
        alerts.read(Kind::Stdout, b"e\n");
        let _ = alerts.due(now);
    }
    alerts.read(Kind::Stdout, b"e\n");
    assert!(alerts.due(now).is_none(), "the pace of lines is used up");
    assert!(alerts.of_log(Event::Tampered, now).is_some());
}

#[test]
fn the_end_of_a_process_tells_how_long_all_of_it_was() {
    let (mut alerts, now) = began(serde_json::json!({}));
    let last = Exit {
        run_ms: Some(3),
        ..exit(Status::Failed, 700)
    };
    assert_eq!(alerts.ended(&last, now).unwrap().runtime_ms, 700);
}
