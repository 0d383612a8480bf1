//! What a key means, which depends on what is in front.
//!
//! Does not: do anything.

use super::keys::Key;

/// What is in front, and so what takes the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Focus {
    /// The list, with the log of the selected process below.
    List,
    /// The log of one process, full height.
    Stream,
    /// A text is typed.
    Text,
    /// It is asked whether a process is to be stopped.
    Confirm,
    Help,
}

/// What a person wants. Steps go down or on when they are positive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    Quit,
    /// To what was in front before.
    Back,
    Suspend,
    Redraw,
    Move(isize),
    MovePage(isize),
    MoveToFirst,
    MoveToLast,
    Scroll(isize),
    ScrollHalf(isize),
    ScrollPage(isize),
    ScrollToTop,
    /// To the end, and along with it.
    Follow,
    /// The wheel, over this row of the screen.
    Wheel {
        row: u16,
        steps: isize,
    },
    Open,
    NextStreams,
    Help,
    AskStop,
    Stop,
    Kill,
    Restart,
    Clear,
    AskFilter,
    AskSend,
    Attach,
    Type(char),
    TypeAll(String),
    Erase,
    EraseAll,
    Submit,
}

/// What `key` means with this in front; nothing, perhaps.
pub(super) fn action(focus: Focus, key: Key) -> Option<Action> {
    match key {
        Key::Control('c') => return Some(Action::Quit),
        Key::Control('z') => return Some(Action::Suspend),
        Key::Control('l') => return Some(Action::Redraw),
        _ => {}
    }
    match focus {
        Focus::List => list(&key).or_else(|| anywhere(&key)),
        Focus::Stream => stream(&key).or_else(|| anywhere(&key)),
        Focus::Text => text(key),
        Focus::Confirm => Some(match key {
            Key::Char('y' | 'Y') => Action::Stop,
            Key::Char('k' | 'K') => Action::Kill,
            _ => Action::Back,
        }),
        Focus::Help => Some(Action::Back),
    }
}

fn list(key: &Key) -> Option<Action> {
    Some(match key {
        Key::Char('j') | Key::Down => Action::Move(1),
        Key::Char('k') | Key::Up => Action::Move(-1),
        Key::Char('g') | Key::Home => Action::MoveToFirst,
        Key::Char('G') | Key::End => Action::MoveToLast,
        Key::PageDown => Action::MovePage(1),
        Key::PageUp => Action::MovePage(-1),
        Key::Enter => Action::Open,
        Key::Char('q') => Action::Quit,
        Key::Char('c') => Action::Clear,
        _ => return None,
    })
}

fn stream(key: &Key) -> Option<Action> {
    Some(match key {
        Key::Char('j') | Key::Down | Key::Enter => Action::Scroll(1),
        Key::Char('k') | Key::Up => Action::Scroll(-1),
        Key::Char('g') | Key::Home => Action::ScrollToTop,
        Key::Char('G') | Key::End => Action::Follow,
        Key::PageDown | Key::Char(' ') => Action::ScrollPage(1),
        Key::PageUp => Action::ScrollPage(-1),
        Key::Char('q') => Action::Back,
        _ => return None,
    })
}

fn anywhere(key: &Key) -> Option<Action> {
    const WHEEL_STEPS: isize = 3;
    Some(match key {
        Key::Char('J') => Action::Scroll(1),
        Key::Char('K') => Action::Scroll(-1),
        Key::Control('d') => Action::ScrollHalf(1),
        Key::Control('u') => Action::ScrollHalf(-1),
        Key::WheelDown { row } => Action::Wheel {
            row: *row,
            steps: WHEEL_STEPS,
        },
        Key::WheelUp { row } => Action::Wheel {
            row: *row,
            steps: -WHEEL_STEPS,
        },
        Key::Char('f') => Action::Follow,
        Key::Tab | Key::BackTab => Action::NextStreams,
        Key::Char('/') => Action::AskFilter,
        Key::Char('s') => Action::AskSend,
        Key::Char('a') => Action::Attach,
        Key::Char('x') => Action::AskStop,
        Key::Char('r') => Action::Restart,
        Key::Char('?') => Action::Help,
        Key::Escape => Action::Back,
        _ => return None,
    })
}

fn text(key: Key) -> Option<Action> {
    Some(match key {
        Key::Char(c) => Action::Type(c),
        Key::Paste(text) => Action::TypeAll(text),
        Key::Backspace => Action::Erase,
        Key::Control('u' | 'w') => Action::EraseAll,
        Key::Enter => Action::Submit,
        Key::Escape => Action::Back,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_mean_what_is_in_front() {
        use Focus::*;
        for (focus, key, expected) in [
            (List, Key::Char('j'), Some(Action::Move(1))),
            (Stream, Key::Char('j'), Some(Action::Scroll(1))),
            (List, Key::Char('J'), Some(Action::Scroll(1))),
            (Stream, Key::Char('K'), Some(Action::Scroll(-1))),
            (List, Key::Char('q'), Some(Action::Quit)),
            (Stream, Key::Char('q'), Some(Action::Back)),
            (Help, Key::Char('q'), Some(Action::Back)),
            (Text, Key::Char('q'), Some(Action::Type('q'))),
            (Stream, Key::Control('c'), Some(Action::Quit)),
            (Confirm, Key::Char('y'), Some(Action::Stop)),
            (Confirm, Key::Enter, Some(Action::Back)),
            (List, Key::Char('y'), None),
            (List, Key::Char('c'), Some(Action::Clear)),
            (Stream, Key::Char('c'), None),
            (Stream, Key::Char('a'), Some(Action::Attach)),
            (Text, Key::Char('a'), Some(Action::Type('a'))),
            (List, Key::Paste("xy".into()), None),
            (Confirm, Key::Paste("y".into()), Some(Action::Back)),
        ] {
            assert_eq!(action(focus, key.clone()), expected, "{focus:?} {key:?}");
        }
    }
}
