//! Names of processes: what is one, and how one is made from a command.
//!
//! Does not: know which names are taken.

use super::bytes::Bytes;
use super::error::Error;
use super::id::ProcessId;

/// The longest name, in bytes.
pub(crate) const NAME_MAX_BYTES: usize = 64;

/// Whether `text` is a name: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, neither `proc_N` nor 8 hex digits.
///
/// # Errors
///
/// A usage error that says what a name is.
pub(crate) fn check(text: &str) -> Result<(), Error> {
    let charset = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let shaped = text.len() <= NAME_MAX_BYTES
        && text.bytes().all(charset)
        && text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
    if !shaped {
        return Err(Error::usage(format!("'{}' is not a name", shorten(text)))
            .hint("a name is 1 to 64 of A-Z a-z 0-9 . _ - and starts with a letter or digit"));
    }
    let like_an_id = ProcessId::parse(&text.to_ascii_lowercase()).is_some();
    if digits_of_number(text).is_some() || like_an_id {
        return Err(Error::usage(format!("'{text}' cannot be a name")).hint(
            "proc_N and 8 hex digits are how bgp itself calls processes; choose another word",
        ));
    }
    Ok(())
}

fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        short.push('…');
    }
    short
}

/// The number that `proc_N` means.
pub(crate) fn number(text: &str) -> Option<u64> {
    digits_of_number(text)?.parse().ok()
}

fn digits_of_number(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("proc_")?;
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    (!digits.is_empty() && are_digits).then_some(digits)
}

/// A name made from a command: the last part of its first word, or `process` when nothing is left of it.
///
/// `shell_line` commands are one string, of which the first word counts that is no assignment.
pub(crate) fn from_command(argv: &[Bytes], shell_line: Option<&Bytes>) -> String {
    let first = match shell_line {
        Some(line) => line
            .0
            .split(u8::is_ascii_whitespace)
            .find(|word| !word.is_empty() && !word.contains(&b'='))
            .unwrap_or_default(),
        None => argv
            .first()
            .map(|word| word.0.as_slice())
            .unwrap_or_default(),
    };
    let base = first
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default();
    let mut name: String = base
        .iter()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"._-".contains(byte) {
                *byte as char
            } else {
                '-'
            }
        })
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(NAME_MAX_BYTES - 8) // room for "-2", "-3" and on
        .collect();
    name.truncate(name.trim_end_matches(['-', '.', '_']).len());
    match check(&name) {
        Ok(()) => name,
        Err(_) => "process".to_owned(),
    }
}

/// `base`, or `base-2`, `base-3` …: the first that `taken` does not know.
pub(crate) fn unused(base: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(base) {
        return base.to_owned();
    }
    let mut number: u64 = 2;
    loop {
        let name = format!("{base}-{number}");
        if !taken(&name) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_charset() {
        let longest = "a".repeat(64);
        for good in [
            "a",
            "7",
            "web",
            "my-build_2.0",
            "proc_",
            "proc_x",
            "deadbee",
            "deadbeeff",
            &longest,
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = "a".repeat(65);
        for bad in [
            "",
            "-x",
            ".x",
            "a/b",
            "..",
            "a b",
            "a\n",
            "é",
            "proc_1",
            "deadbeef",
            "DeadBeef",
            "12345678",
            "proc_99999999999999999999",
            &long,
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_made_from_any_command() {
        let made = |words: &[&str]| {
            from_command(
                &words.iter().map(|w| Bytes::from(*w)).collect::<Vec<_>>(),
                None,
            )
        };
        assert_eq!(made(&["/usr/bin/npm", "run"]), "npm");
        assert_eq!(made(&["./-weird name-"]), "weird-name");
        assert_eq!(made(&["deadbeef"]), "process");
        assert_eq!(made(&["\u{e9}"]), "process");
        assert_eq!(made(&[""]), "process");
        assert_eq!(made(&[&"x".repeat(300)]).len(), NAME_MAX_BYTES - 8);
        assert_eq!(
            from_command(&[], Some(&"A=1  make all | tee x".into())),
            "make"
        );
    }

    #[test]
    fn a_taken_name_gets_the_next_number() {
        assert_eq!(
            unused("npm", |name| ["npm", "npm-2"].contains(&name)),
            "npm-3"
        );
        assert_eq!(unused("npm", |_| false), "npm");
    }
}
