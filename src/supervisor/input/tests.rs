//! Turns, times and ends, over a real pipe; and a line that a real terminal does not take.

use std::io::Read;

use std::fs::File;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::termios::{LocalFlags, SetArg, SpecialCharacterIndices::VEOF, tcgetattr, tcsetattr};

use super::*;
use crate::control::input::PART_MAX_BYTES;
use crate::supervisor::outlet::Keyboard;
use crate::sys::{notify, pipe, pty};

const LIMIT_MS: u32 = 2000;
const LIMIT: Duration = Duration::from_millis(LIMIT_MS as u64);

/// An input whose other end is ours, too.
fn piped() -> (Input, Option<File>, Instant) {
    let (read, write) = pipe::pipe().unwrap();
    pipe::set_nonblocking(&read).unwrap();
    pipe::set_nonblocking(&write).unwrap();
    let input = Input::new(Some(Outlet::Pipe(File::from(write))), &Stdin::Pipe);
    (input, Some(File::from(read)), Instant::now())
}

/// What the pipe of an input holds: less than others for who has many of them, pipe(7).
fn room(end: Option<&File>) -> usize {
    let bytes = fcntl(end.unwrap(), FcntlArg::F_GETPIPE_SZ).unwrap();
    bytes.cast_unsigned() as usize
}

fn part(begins: bool, bytes: &[u8], then: Then) -> Part {
    Part {
        begins: begins.then_some(LIMIT_MS),
        then,
        bytes: bytes.to_vec(),
    }
}

fn taken(peer: u64, bytes: u64) -> (u64, Reply) {
    (peer, Reply::Taken { bytes })
}

fn refused(peer: u64, why: NoInput) -> (u64, Reply) {
    (peer, Reply::NoInput { why, bytes: 0 })
}

/// All that can be read now.
fn read(end: &mut Option<File>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = end.as_mut().unwrap().read_to_end(&mut bytes); // `WouldBlock`, or end of file
    bytes
}

#[test]
fn a_message_that_fits_is_taken_at_once() {
    let (mut input, mut end, now) = piped();
    assert!(input.waits_for_room().is_none() && input.deadline().is_none());
    input.take(1, part(true, b"\xff\0yes\n", Then::Done), now);
    assert_eq!(input.go_on(now), [taken(1, 6)]);
    assert_eq!(read(&mut end), b"\xff\0yes\n");
    assert!(input.waits_for_room().is_none() && input.deadline().is_none());
}

#[test]
fn messages_are_whole_however_their_parts_come() {
    let (mut input, mut end, now) = piped();
    input.take(1, part(true, b"a1 ", Then::More), now);
    input.take(2, part(true, b"b1 ", Then::More), now);
    assert_eq!(input.go_on(now), [taken(1, 3)]);
    assert!(input.waits_for_room().is_none(), "the other one waits");
    input.take(1, part(false, b"a2 ", Then::Done), now);
    assert_eq!(input.go_on(now), [taken(1, 3), taken(2, 3)]);
    input.take(3, part(true, b"c ", Then::Done), now);
    input.take(2, part(false, b"b2 ", Then::Done), now);
    assert_eq!(input.go_on(now), [taken(2, 3), taken(3, 2)]);
    assert_eq!(read(&mut end), b"a1 a2 b1 b2 c ");
}

#[test]
fn what_there_is_no_room_for_waits_and_is_counted_when_the_time_is_over() {
    let (mut input, mut end, now) = piped();
    let room = room(end.as_ref());
    let much = vec![7; room];
    input.take(1, part(true, &much, Then::More), now);
    assert_eq!(input.go_on(now), [taken(1, room as u64)]);
    input.take(1, part(false, &much, Then::Done), now);
    input.take(2, part(true, b"two", Then::Done), now);
    assert_eq!(input.go_on(now), []);
    assert!(input.waits_for_room().is_some());
    assert_eq!(input.deadline(), Some(now + LIMIT));

    read(&mut end); // room, at the last moment
    assert_eq!(
        input.go_on(now + LIMIT),
        [taken(1, room as u64), taken(2, 0)]
    );

    let (mut input, _end, now) = piped();
    input.take(1, part(true, &much, Then::More), now);
    input.go_on(now);
    input.take(1, part(false, b"no room", Then::Done), now);
    input.take(2, part(true, b"two", Then::Done), now);
    assert_eq!(
        input.go_on(now + LIMIT),
        [taken(1, 0), (2, Reply::Busy)],
        "who had it is told what was taken, who waited that another had it"
    );
    assert!(input.deadline().is_none());
}

#[test]
fn a_client_that_is_slow_or_gone_loses_its_turn() {
    let (mut input, mut end, now) = piped();
    input.take(1, part(true, b"one ", Then::More), now);
    input.go_on(now);
    assert_eq!(input.go_on(now + LIMIT), []);
    input.take(2, part(true, b"two ", Then::Done), now + LIMIT);
    assert_eq!(input.go_on(now + LIMIT), [taken(2, 4)]);
    input.take(1, part(false, b"late", Then::Done), now + LIMIT);
    assert_eq!(input.go_on(now + LIMIT), [taken(1, 0)]);

    input.take(3, part(true, b"three ", Then::More), now);
    input.take(4, part(true, b"four ", Then::Done), now);
    input.go_on(now);
    input.forget_all_but(|peer| peer != 3);
    assert_eq!(input.go_on(now), [taken(4, 5)]);
    assert_eq!(read(&mut end), b"one two three four ");
}

#[test]
fn a_second_part_before_the_first_is_taken_is_refused() {
    let (mut input, end, now) = piped();
    let much = vec![7; room(end.as_ref())];
    for _ in 0..2 {
        input.take(1, part(true, &much, Then::Done), now);
        input.go_on(now);
    }
    input.take(1, part(false, &much, Then::Done), now);
    let answers = input.go_on(now);
    assert!(
        matches!(answers[..], [(1, Reply::Refused { .. })]),
        "{answers:?}"
    );
}

#[test]
fn closing_is_for_good_and_comes_after_all_of_its_message() {
    let (mut input, mut end, now) = piped();
    input.take(1, part(true, b"la", Then::More), now);
    input.go_on(now);
    input.take(1, part(false, b"st", Then::Close), now);
    input.take(2, part(true, b"more", Then::Done), now);
    assert_eq!(input.go_on(now), [taken(1, 2), refused(2, NoInput::Closed)]);
    let mut all = String::new();
    end.as_mut().unwrap().read_to_string(&mut all).unwrap();
    assert_eq!(all, "last", "then end of file");
    input.close(NoInput::Ended);
    input.take(3, part(true, b"", Then::Close), now);
    assert_eq!(input.go_on(now), [refused(3, NoInput::Closed)]);
}

#[test]
fn a_stdin_that_nobody_reads_is_told_even_for_nothing() {
    for bytes in [&b""[..], b"text"] {
        let (mut input, mut end, now) = piped();
        drop(end.take());
        input.take(1, part(true, bytes, Then::Done), now);
        assert_eq!(input.go_on(now), [refused(1, NoInput::Unread)]);
    }
    let (mut input, mut end, now) = piped();
    let much = vec![7; PART_MAX_BYTES];
    input.take(1, part(true, b"seven b", Then::Done), now);
    input.take(2, part(true, &much, Then::Done), now);
    assert_eq!(input.go_on(now), [taken(1, 7)]);
    drop(end.take());
    let why = NoInput::Unread;
    match input.go_on(now)[..] {
        [(2, Reply::NoInput { why: told, bytes })] => {
            assert_eq!(told, why);
            assert!(bytes > 0 && bytes < much.len() as u64, "{bytes}");
        }
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_pipe_it_is_told_why() {
    let now = Instant::now();
    for (asked, why) in [
        (Stdin::Null, NoInput::Null),
        (Stdin::File("in".into()), NoInput::File),
    ] {
        let mut input = Input::new(None, &asked);
        input.take(1, part(true, b"text", Then::Done), now);
        assert_eq!(input.go_on(now), [refused(1, why)]);
    }
}

#[test]
fn the_leaders_end_is_told_to_all_who_wait() {
    let (mut input, mut end, now) = piped();
    let much = vec![7; room(end.as_ref())];
    input.take(1, part(true, &much, Then::Done), now);
    input.go_on(now);
    input.take(2, part(true, b"", Then::More), now);
    assert_eq!(input.go_on(now), [taken(2, 0)]);
    input.take(3, part(true, b"three", Then::Done), now);
    assert_eq!(input.go_on(now), []);
    input.close(NoInput::Ended);
    let why = NoInput::Ended;
    assert_eq!(input.go_on(now), [refused(3, why)]);
    input.take(2, part(false, b"two", Then::Done), now);
    assert_eq!(input.go_on(now), [refused(2, why)], "with its next part");
    assert!(input.waits_for_room().is_none());
    assert_eq!(read(&mut end).len(), much.len());
}

/// Sets the character that ends a file, or hands over what is typed of a line.
fn set_end_of_file(terminal: &File, character: u8) {
    let mut settings = tcgetattr(terminal).unwrap();
    settings.local_flags.remove(LocalFlags::ECHO); // nobody reads the echo
    settings.control_chars[VEOF as usize] = character;
    tcsetattr(terminal, SetArg::TCSANOW, &settings).unwrap();
}

#[test]
fn no_room_is_waited_for_where_only_its_settings_keep_a_terminal_from_a_line() {
    let (master, slave) = pty::open(80, 24).unwrap();
    let mut slave = File::from(slave);
    pipe::set_nonblocking(&master).unwrap();
    set_end_of_file(&slave, if cfg!(target_os = "macos") { 0xff } else { 0 }); // none
    let keyboard = Keyboard::new(File::from(master));
    let mut input = Input::new(Some(Outlet::Terminal(keyboard)), &Stdin::Pipe);
    let now = Instant::now();
    let line = [b'x'; 9000];

    input.take(1, part(true, &line, Then::Done), now);
    assert_eq!(input.go_on(now), []);
    assert!(input.waits_for_room().is_none(), "poll(2) finds room");
    assert_eq!(input.deadline(), Some(now + TRY_AGAIN));
    assert_eq!(input.go_on(now + LIMIT), [taken(1, 4000)]);
    assert!(input.deadline().is_none());

    // With other settings it goes on where it stood.
    input.take(2, part(true, &line, Then::Done), now);
    assert_eq!(input.go_on(now), []);
    set_end_of_file(&slave, 4);
    let mut answers = input.go_on(now + TRY_AGAIN);
    assert!(notify::readable(&slave, LIMIT));
    assert_eq!(slave.read(&mut [0; 9000]).unwrap(), 4000);
    // How much more has room at once is the kernel's to say: what is read makes more.
    let begun = Instant::now();
    while answers.is_empty() && begun.elapsed() < 10 * LIMIT {
        assert!(input.waits_for_room().is_some(), "it is not stuck");
        if notify::readable(&slave, Duration::from_millis(10)) {
            assert_eq!(slave.read(&mut [0; 9000]).unwrap(), 4000);
        }
        answers = input.go_on(now + TRY_AGAIN);
    }
    assert_eq!(answers, [taken(2, 9000)]);
    assert!(input.deadline().is_none() && input.waits_for_room().is_none());
}
