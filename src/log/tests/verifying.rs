//! What `verify` says of whole, unfinished, shortened and exchanged logs.

use super::*;
use crate::log::verify::{Report, verify};
use crate::log::writer::Opening;
use crate::model::facts::LogEnd;

/// Three segments, the first of which rotation removed; with where the log ends.
fn rotated() -> (Vec<(u64, Vec<u8>)>, LogEnd) {
    let mut writer = writer();
    writer.append(Kind::Start, 1, &json(&start(0))).unwrap();
    let mut files = Vec::new();
    for (number, removed) in [(0, 0), (1, 1)] {
        let opening = Opening {
            created_ns: 1,
            start: &json(&start(0)),
            exit: None,
            removed,
        };
        writer.append(Kind::Stdout, 1, &vec![1; 70_000]).unwrap();
        let old = writer.rotate(Scratch::empty(), &opening).unwrap();
        files.push((number, Scratch::bytes(&old)));
    }
    writer
        .append(
            Kind::Exit,
            1,
            br#"{"status":"exited","code":0,"endMs":1,"runtimeMs":1}"#,
        )
        .unwrap();
    let end = writer.end(2, &END).unwrap();
    files.push((2, Scratch::bytes(writer.file())));
    files.remove(0);
    (files, end)
}

fn report(files: &[(u64, Vec<u8>)], end: Option<&LogEnd>) -> Report {
    let files = files
        .iter()
        .map(|(number, bytes)| (*number, Scratch::holding(bytes)))
        .collect();
    verify(
        Segments::open(Arc::new(keys()), IDENTITY, files).unwrap(),
        end,
    )
    .unwrap()
}

#[test]
fn a_whole_log_has_no_findings_and_tells_all_its_facts() {
    let (files, end) = rotated();
    let report = report(&files, Some(&end));
    assert_eq!(report.findings, []);
    assert!(report.sealed && report.torn_bytes == 0 && report.dropped_bytes == 70_000);
    assert_eq!(report.start, Some(start(0)));
    assert_eq!(report.exit.unwrap().code, Some(0));
    assert_eq!(report.end, Some(END));
    assert_eq!(
        report.bytes,
        files
            .iter()
            .map(|(_, bytes)| bytes.len() as u64)
            .sum::<u64>()
    );
    assert_eq!(report.log_end, Some(end));
}

#[test]
fn a_log_without_its_end_is_unsealed_and_cut_only_if_an_end_was_promised() {
    let (mut files, end) = rotated();
    let last = files.last_mut().map(|(_, bytes)| bytes).unwrap();
    let at = ranges(last).last().unwrap().start;
    last.truncate(at + 3);
    let open = report(&files, None);
    assert_eq!(
        (open.findings, open.sealed, open.torn_bytes),
        (vec![], false, 3)
    );
    let cut = report(&files, Some(&end));
    assert_eq!(cut.findings, [damage(2, at as u64 + 3, Cause::Cut)]);
}

#[test]
fn segments_that_are_gone_without_a_word_are_missing() {
    let (files, end) = rotated();
    let gone = report(&files[1..], Some(&end));
    let (segment, len) = (files[1].0, files[1].1.len() as u64);
    assert_eq!(
        gone.findings,
        [
            damage(1, 0, Cause::Missing),
            damage(segment, len, Cause::Cut)
        ],
        "the newest tells which is the lowest that was left"
    );
    let newest_gone = report(&files[..1], Some(&end));
    assert_eq!(newest_gone.findings[0], damage(0, 0, Cause::Missing));
    assert_eq!(newest_gone.findings.last().unwrap().cause, Cause::Cut);
    assert_eq!(report(&[], Some(&end)).findings, [damage(0, 0, Cause::Cut)]);
    assert_eq!(report(&[], None).findings, []);
}

#[test]
fn an_older_or_another_end_is_not_the_promised_one() {
    let (files, end) = rotated();
    for other in [
        LogEnd {
            record: end.record + 1,
            ..end.clone()
        },
        LogEnd {
            tag: end.tag.chars().rev().chain(['0']).collect(),
            ..end.clone()
        },
        LogEnd {
            segment: 3,
            ..end.clone()
        },
        LogEnd {
            bytes: end.bytes + 16,
            ..end.clone()
        },
    ] {
        assert_eq!(report(&files, Some(&other)).findings.len(), 1, "{other:?}");
    }
}

#[test]
fn a_segment_that_does_not_begin_with_start_is_found() {
    let bytes = log_of(&[(Kind::Stdout, b"output")]);
    assert_eq!(
        report(&[(0, bytes)], None).findings,
        [damage(0, 0, Cause::Fact)]
    );
    let bytes = log_of(&[(Kind::Start, b"{}")]);
    assert_eq!(report(&[(0, bytes)], None).findings[0].cause, Cause::Fact);
}
