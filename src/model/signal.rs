//! Signals by their names, which are the same everywhere; numbers are not.
//!
//! Does not: send any.

use nix::sys::signal::Signal;

/// `SIGTERM` for 15; `SIGRTMIN+2` and the like, which have no names, as `SIG36`.
pub(crate) fn name(number: i32) -> String {
    match Signal::try_from(number) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) => format!("SIG{number}"),
    }
}

/// The number of a signal called `TERM`, `SIGTERM`, `term` or `15`.
pub(crate) fn number(text: &str) -> Option<i32> {
    let upper = text.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Ok(number) = short.parse::<i32>() {
        return (1..=64).contains(&number).then_some(number);
    }
    Signal::iterator()
        .find(|signal| signal.as_str() == format!("SIG{short}"))
        .map(|signal| signal as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_has_many_spellings_and_one_name() {
        for text in ["TERM", "SIGTERM", "term", "sigterm", "15", "SIG15"] {
            assert_eq!(number(text), Some(15), "{text}");
        }
        for text in ["", "SIG", "NOPE", "0", "65", "-1", "TERM "] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(
            (name(9), name(40)),
            ("SIGKILL".to_owned(), "SIG40".to_owned())
        );
    }
}
