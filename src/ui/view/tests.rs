//! What a person sees, on small, usual and large screens.

use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::model::status::Status;
use crate::text::lines::{Line, Stream};
use crate::ui::actions::Action;
use crate::ui::log::LogLine;
use crate::ui::model::tests::{info, numbered};

const SIZES: [(u16, u16); 3] = [(40, 10), (80, 24), (200, 60)];

fn model(size: (u16, u16)) -> Model {
    let mut model = Model::new(Rect::new(0, 0, size.0, size.1), Instant::now());
    model.update(vec![
        info(1, "web", Status::Running),
        info(2, "a-name-that-is-longer-than-most", Status::Failed),
        info(3, "build", Status::Exited),
    ]);
    model
}

fn line(text: &[u8]) -> LogLine {
    LogLine::Output(Line {
        stream: Stream::Out,
        time_ns: 0,
        bytes: text.to_vec().into(),
        partial: false,
        continued: false,
        cut: None,
    })
}

fn drawn(model: &mut Model) -> Buffer {
    let size = (model.screen.width, model.screen.height);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let frame = terminal
        .draw(|frame| draw(model, frame.buffer_mut()))
        .unwrap();
    frame.buffer.clone()
}

fn rows(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width.max(1));
    buffer
        .content
        .chunks(width)
        .map(|row| {
            row.iter()
                .map(ratatui::buffer::Cell::symbol)
                .collect::<String>()
        })
        .map(|row| row.trim_end().to_owned())
        .collect()
}

fn screen(model: &mut Model) -> String {
    rows(&drawn(model)).join("\n")
}

#[test]
fn a_small_screen_has_what_matters() {
    let mut model = model((40, 10));
    model.log.push(line(b"listening on 8080"));
    assert_eq!(
        screen(&mut model),
        " bgp  1 running  1 failed  1 ended
 web             running  sleep '1 h'
 build           exited   sleep '1 h'
 a-name-that-i…  failed   sleep '1 h'
── web ─────────────────────────────────
listening on 8080



 q quit  ? help  enter stream  x stop"
    );
}

#[test]
fn a_usual_screen_has_all_columns() {
    let mut model = model((80, 24));
    let screen = screen(&mut model);
    let rows: Vec<&str> = screen.lines().collect();
    assert_eq!(rows.len(), 24);
    assert_eq!(
        rows[1..3],
        [
            " NAME                      STATUS   PID      RUNTIME   COMMAND",
            " web                       running  1000     1m 1s     sleep '1 h'",
        ]
    );
    assert!(rows[5].starts_with("── web ──"));
    assert_eq!(rows[6], " no output");
}

#[test]
fn every_size_shows_the_selected_one_and_its_log() {
    for size in SIZES {
        let mut model = Model::new(Rect::new(0, 0, size.0, size.1), Instant::now());
        model.update(numbered(200));
        for number in 0..500 {
            model.log.push(line(format!("line {number}").as_bytes()));
        }
        for (action, name) in [(Action::MoveToLast, "p1"), (Action::MoveToFirst, "p200")] {
            model.apply(action);
            let screen = screen(&mut model);
            assert!(screen.contains(&format!(" {name} ")), "{size:?}\n{screen}");
            assert!(
                screen.contains("── ") && screen.contains("line 499"),
                "{screen}"
            );
        }
        model.apply(Action::Open);
        let streamed = screen(&mut model);
        let rows: Vec<&str> = streamed.lines().collect();
        assert!(rows[0].contains("p200  running"), "{streamed}");
        assert_eq!(rows[rows.len() - 2], "line 499");
        assert_eq!(rows[1], format!("line {}", 500 - usize::from(size.1 - 2)));
    }
}

#[test]
fn any_size_can_be_drawn() {
    let mut model = model((80, 24));
    for _ in 0..50 {
        model
            .log
            .push(line("\u{4e2d}\u{6587} \x1b[31mred".as_bytes()));
    }
    for width in [0, 1, 2, 3, 7, 20, 39, 41, 300] {
        for height in [0, 1, 2, 3, 4, 5, 9, 11, 100] {
            model.screen = Rect::new(0, 0, width, height);
            for action in [
                Action::Open,
                Action::Scroll(-7),
                Action::AskSend,
                Action::TypeAll("\u{1f600} a long text that has no room".into()),
                Action::Back,
                Action::AskStop,
                Action::Back,
                Action::Help,
                Action::Back,
                Action::Back,
                Action::MovePage(1),
                Action::Wheel { row: 0, steps: -3 },
                Action::ScrollToTop,
                Action::Follow,
            ] {
                model.apply(action);
                let mut buffer = Buffer::empty(model.screen);
                draw(&mut model, &mut buffer);
            }
        }
    }
}

#[test]
fn the_help_has_every_key_on_the_smallest_screen() {
    for size in SIZES {
        let mut model = model(size);
        model.apply(Action::Help);
        let screen = screen(&mut model);
        for (key, does) in help::KEYS {
            let found = screen.contains(&format!("{key:10}{does}"));
            assert!(found, "{key}\n{screen}");
        }
    }
}

#[test]
fn the_last_row_asks_tells_and_helps() {
    let mut model = model((80, 24));
    let last = |model: &mut Model| rows(&drawn(model)).pop().unwrap();
    assert!(last(&mut model).starts_with(" q quit  ? help"));
    model.tell("build failed(1)".into(), crate::ui::model::Tone::Bad);
    model.tell("web exited".into(), crate::ui::model::Tone::Good);
    assert_eq!(last(&mut model), " web exited (+1)");
    model.apply(Action::AskStop);
    assert_eq!(
        last(&mut model),
        " stop web?  y yes  k kill at once  n no".replace("  y", " y")
    );
    model.apply(Action::Back);
    model.apply(Action::AskSend);
    model.apply(Action::TypeAll("a\x1b[2Jb".into()));
    assert_eq!(last(&mut model), " to web: a\\x1b[2Jb");
    model.apply(Action::TypeAll("x".repeat(200)));
    assert!(last(&mut model).ends_with("xxx"));
    model.apply(Action::Back);
    model.apply(Action::AskFilter);
    model.apply(Action::TypeAll("nothing".into()));
    assert_eq!(last(&mut model), " /nothing");
    assert!(screen(&mut model).contains("none has what is looked for"));
}

#[test]
fn colours_say_how_a_process_is_unless_nobody_wants_them() {
    let mut model = model((80, 24));
    model.log.push(line(b"plain \x1b[34mblue"));
    let mut buffer = drawn(&mut model);
    let at = |buffer: &Buffer, x, y| buffer[(x, y)].style();
    assert_eq!(at(&buffer, 27, 2).fg, Some(Color::Green));
    assert_eq!(at(&buffer, 27, 4).fg, Some(Color::Red));
    assert_eq!(at(&buffer, 6, 6).fg, Some(Color::Blue));
    crate::ui::screen::without_colours(&mut buffer);
    assert!(
        buffer
            .content
            .iter()
            .all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset)
    );
    assert!(
        at(&buffer, 5, 2).add_modifier.contains(Modifier::REVERSED),
        "still selected"
    );
}

#[test]
fn a_runtime_goes_on_while_nothing_is_read() {
    let mut model = model((80, 24));
    model.tick(model.now + Duration::from_secs(8));
    assert!(screen(&mut model).contains("1m 9s"));
}

/// F8: whatever a program writes, only text and looks come through, and nothing panics.
#[test]
fn nothing_that_a_program_writes_is_obeyed() {
    let mut random = fastrand::Rng::with_seed(8);
    let alphabet = b"\x1b\x1b[]P_^Xk\\;:?>!0 9mKhAHJ\x07\x18\x9b\x9c\x9d\xc2\xe2\x80\xae\r\ttext";
    for round in 0..3000 {
        let bytes: Vec<u8> = (0..random.usize(..300))
            .filter_map(|_| match round % 2 {
                0 => Some(random.u8(..)).filter(|byte| *byte != b'\n'),
                _ => Some(alphabet[random.usize(..alphabet.len())]),
            })
            .collect();
        let mut model = model(SIZES[round % 2]);
        let mut name = info(9, "x", Status::Running);
        name.name = String::from_utf8_lossy(&bytes).into_owned();
        model.update(vec![name]);
        model.log.push(line(&bytes));
        let buffer = drawn(&mut model);
        for cell in &buffer.content {
            let symbol = cell.symbol();
            let harmless = !symbol.chars().any(crate::text::display::is_dangerous);
            assert!(
                harmless,
                "{symbol:?} of {:?}",
                bytes.escape_ascii().to_string()
            );
        }
    }
}
