//! What keys and news make of the model.

use super::*;
use crate::model::facts::Entry;
use crate::model::status::Status;
use crate::ui::log::LogLine;

/// A process of this number, name and status.
pub(in crate::ui) fn info(number: u64, name: &str, status: Status) -> ProcessInfo {
    let entry: Entry = serde_json::from_value(serde_json::json!({
        "id": format!("{number:08}"), "number": number, "name": name, "log": "00".repeat(16),
        "argv": ["sleep", "1 h"], "cwd": "/", "graceMs": 5000, "startMs": 1, "uptimeMs": 1,
        "boot": "b",
    }))
    .unwrap();
    let mut info = ProcessInfo::of(entry);
    info.status = status;
    info.pid = Some(1000);
    info.runtime_ms = Some(61_500);
    info
}

/// So many that run: p1, p2, and so on.
pub(in crate::ui) fn numbered(count: u64) -> Vec<ProcessInfo> {
    (1..=count)
        .map(|number| info(number, &format!("p{number}"), Status::Running))
        .collect()
}

fn model(count: u64) -> Model {
    let mut model = Model::new(Rect::new(0, 0, 80, 24), Instant::now());
    model.update(numbered(count));
    model
}

fn selected(model: &Model) -> &str {
    &model.list.selected().unwrap().name
}

#[test]
fn moving_stays_within_the_list() {
    let mut model = model(30);
    for (action, name) in [
        (Action::Move(1), "p29"),
        (Action::Move(-1), "p30"),
        (Action::Move(-1), "p30"),
        (Action::MovePage(1), "p20"),
        (Action::MoveToLast, "p1"),
        (Action::Move(1), "p1"),
        (Action::MovePage(-1), "p11"),
        (Action::MoveToFirst, "p30"),
        (Action::Wheel { row: 3, steps: 3 }, "p29"),
        (Action::Wheel { row: 20, steps: 3 }, "p29"),
    ] {
        assert_eq!(model.apply(action.clone()), None, "{action:?}");
        assert_eq!(selected(&model), name, "{action:?}");
    }
}

#[test]
fn a_stop_is_asked_for_and_can_be_taken_back() {
    let mut model = model(3);
    let id = model.list.selected().unwrap().id;
    model.apply(Action::AskStop);
    assert_eq!(model.focus(), Focus::Confirm);
    assert_eq!(model.apply(Action::Back), None);
    assert_eq!(model.focus(), Focus::List);
    model.apply(Action::AskStop);
    model.update(numbered(4)); // another is selected, say: the one that was asked for counts
    model.list.select(0);
    assert_eq!(
        model.apply(Action::Stop),
        Some(Effect::Stop(id, Haste::WithGrace))
    );
    assert_eq!(model.apply(Action::Stop), None);
    model.list.select(1);
    model.apply(Action::AskStop);
    assert_eq!(
        model.apply(Action::Kill),
        Some(Effect::Stop(id, Haste::AtOnce))
    );
}

#[test]
fn a_line_is_typed_and_sent_or_not() {
    let mut model = model(1);
    let id = model.list.selected().unwrap().id;
    model.apply(Action::AskSend);
    model.apply(Action::TypeAll("hellx".into()));
    model.apply(Action::Erase);
    model.apply(Action::Type('o'));
    let sent = model.apply(Action::Submit);
    assert_eq!(sent, Some(Effect::Send(id, "hello".into())));
    model.apply(Action::AskSend);
    model.apply(Action::Type('x'));
    model.apply(Action::Back);
    assert_eq!(model.apply(Action::Submit), None);
}

#[test]
fn a_filter_shows_at_once_and_can_be_taken_back() {
    let mut model = model(12);
    model.apply(Action::AskFilter);
    model.apply(Action::Type('p'));
    model.apply(Action::Type('1'));
    assert_eq!(model.list.shown().len(), 4);
    model.apply(Action::Submit);
    assert_eq!(model.list.filter(), "p1");
    model.apply(Action::AskFilter);
    model.apply(Action::Type('2'));
    assert_eq!(selected(&model), "p12");
    model.apply(Action::Back);
    assert_eq!(model.list.filter(), "p1");
    model.apply(Action::Back);
    assert_eq!(model.list.shown().len(), 12);
}

#[test]
fn a_stream_is_opened_left_and_ends_when_its_process_is_cleared() {
    let mut model = model(3);
    model.apply(Action::Move(1));
    model.apply(Action::Open);
    assert_eq!(model.focus(), Focus::Stream);
    model.apply(Action::Help);
    assert_eq!(model.focus(), Focus::Help);
    model.apply(Action::Back);
    assert_eq!(model.focus(), Focus::Stream);
    model.apply(Action::Back);
    assert_eq!(model.focus(), Focus::List);
    model.apply(Action::Open);
    model.update(vec![info(1, "p1", Status::Running)]);
    assert_eq!(model.focus(), Focus::List);
    assert_eq!(selected(&model), "p1");
}

#[test]
fn what_ends_is_told_for_a_while() {
    let mut model = model(2);
    assert!(model.notice().is_none());
    let mut now = numbered(2);
    now[0].status = Status::Failed;
    now.push(info(3, "short", Status::Exited));
    model.update(now.clone());
    let (notice, others) = model.notice().unwrap();
    assert_eq!(
        (notice.text.as_str(), others),
        ("short exited after 1m 1s", 1)
    );
    model.update(now);
    assert_eq!(model.notice().unwrap().1, 1);
    assert_eq!(model.next_tick(), Some(model.now + NOTICE_TIME));
    assert!(model.tick(model.now + NOTICE_TIME));
    assert!(model.notice().is_none());
}

#[test]
fn older_lines_are_wanted_when_the_first_one_is_seen() {
    let mut model = model(1);
    for number in 0..100 {
        model.log.push(LogLine::Note(number.to_string()));
    }
    assert_eq!(model.apply(Action::Scroll(-1)), None);
    assert_eq!(model.apply(Action::ScrollToTop), Some(Effect::Older));
    assert_eq!(model.apply(Action::ScrollPage(1)), None);
    model.log.no_older = true;
    assert_eq!(model.apply(Action::ScrollToTop), None);
}
