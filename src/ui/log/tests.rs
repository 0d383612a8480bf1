//! What is held of a log, and what of it is on the screen.

use super::*;
use crate::text::lines::Stream;

const WINDOW: Window = Window {
    columns: 10,
    rows: 3,
};

fn line(text: &str) -> LogLine {
    LogLine::Output(unfinished(text))
}

fn unfinished(text: &str) -> Line<'static> {
    Line {
        stream: Stream::Out,
        time_ns: 0,
        bytes: text.as_bytes().to_vec().into(),
        partial: false,
        continued: false,
        cut: None,
    }
}

fn log(lines: &[&str]) -> Log {
    let mut log = Log::default();
    for text in lines {
        log.push(line(text));
    }
    log
}

fn shown(log: &Log) -> String {
    let rows: Vec<String> = log
        .visible(WINDOW)
        .iter()
        .map(|row| row.iter().map(|cell| cell.c).collect())
        .collect();
    rows.join("|")
}

#[test]
fn the_end_is_followed_until_somebody_scrolls() {
    let mut log = log(&["1", "2", "3", "4", "5"]);
    assert_eq!(shown(&log), "3|4|5");
    log.push(line("6"));
    assert_eq!(shown(&log), "4|5|6");
    log.scroll(-1, WINDOW);
    assert!(!log.follows());
    log.push(line("7"));
    log.set_unfinished(vec![unfinished("8")]);
    assert_eq!(shown(&log), "3|4|5");
    log.scroll(-100, WINDOW);
    assert_eq!(shown(&log), "1|2|3");
    assert!(log.shows_first(WINDOW));
    log.scroll(2, WINDOW);
    assert_eq!(shown(&log), "3|4|5");
    assert!(!log.shows_first(WINDOW));
    log.scroll(100, WINDOW);
    assert_eq!(shown(&log), "6|7|8");
    assert!(log.follows());
    log.scroll_to_top(WINDOW);
    assert_eq!(shown(&log), "1|2|3");
    log.follow();
    assert_eq!(shown(&log), "6|7|8");
}

#[test]
fn a_long_line_is_seen_row_by_row() {
    let mut log = log(&["first", "0123456789abcdefghijABCDEFGHIJklmnopqrst", ""]);
    assert_eq!(shown(&log), "ABCDEFGHIJ|klmnopqrst|");
    log.scroll(-1, WINDOW);
    assert_eq!(shown(&log), "abcdefghij|ABCDEFGHIJ|klmnopqrst");
    log.scroll(-1, WINDOW);
    assert_eq!(shown(&log), "0123456789|abcdefghij|ABCDEFGHIJ");
    log.scroll(-5, WINDOW);
    assert_eq!(shown(&log), "first|0123456789|abcdefghij");
    log.scroll(1, WINDOW);
    assert_eq!(shown(&log), "0123456789|abcdefghij|ABCDEFGHIJ");
}

#[test]
fn few_lines_stand_still() {
    let mut log = log(&["1", "2"]);
    for rows in [-1, 1, -100, 100] {
        log.scroll(rows, WINDOW);
        assert_eq!(shown(&log), "1|2");
        assert!(log.follows());
    }
    let mut empty = Log::default();
    empty.scroll(-1, WINDOW);
    empty.scroll_to_top(WINDOW);
    assert_eq!(shown(&empty), "");
}

#[test]
fn a_filter_leaves_the_lines_that_have_it() {
    let mut log = log(&[
        "one", "Error 1", "two", "error 2", "three", "ERROR 3", "four", "error 4",
    ]);
    log.set_filter("error");
    assert_eq!(shown(&log), "error 2|ERROR 3|error 4");
    log.scroll(-1, WINDOW);
    assert_eq!(shown(&log), "Error 1|error 2|ERROR 3");
    log.push(line("five"));
    log.push(line("error 5"));
    assert_eq!(shown(&log), "Error 1|error 2|ERROR 3");
    log.set_filter("nothing");
    assert_eq!(shown(&log), "");
    log.set_filter("");
    assert_eq!(shown(&log), "error 4|five|error 5");
}

#[test]
fn reading_further_back_moves_nothing_on_the_screen() {
    let mut log = log(&["4", "5", "6", "7", "8"]);
    log.scroll(-2, WINDOW);
    assert_eq!(shown(&log), "4|5|6");
    let older = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    log.reload(older.iter().map(|text| line(text)).collect(), Vec::new());
    assert_eq!(shown(&log), "4|5|6");
    log.scroll(-1, WINDOW);
    assert_eq!(shown(&log), "3|4|5");
    // Nothing of it is found again: then as far from the end.
    let others = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    log.reload(others.iter().map(|text| line(text)).collect(), Vec::new());
    assert_eq!(shown(&log), "d|e|f");
}

#[test]
fn memory_is_bounded_and_the_screen_goes_with_what_goes() {
    let mut log = log(&["1", "2", "3", "4", "5"]);
    log.scroll(-2, WINDOW);
    for _ in 0..1500 {
        log.push(line(&"x".repeat(16 * 1024)));
    }
    assert!(log.bytes <= BYTES_MAX && log.line_count() < 600);
    assert!(log.is_full());
    assert_eq!(log.visible(WINDOW).len(), 3);
    log.scroll(-1, WINDOW);
    assert_eq!(log.visible(WINDOW).len(), 3);
    for _ in 0..2 * LINES_MAX {
        log.push(line(""));
    }
    assert_eq!(log.line_count(), LINES_MAX);
}
