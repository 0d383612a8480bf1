//! The password: which source gives it, and what is no password.
//!
//! Exactly one of three variables gives it: `BG_PASSWORD` itself, a file (`BG_PASSWORD_FILE`) or a command's
//! output (`BG_PASSWORD_COMMAND`). Of a file and of an output one newline (`\n`) at the end is taken off, and
//! nothing else: no space, no carriage return. Bytes count as they are, UTF-8 or not; a byte order mark
//! is refused, as no keyboard types one. Without a variable it is asked for, if somebody is there to answer.
//! Does not: derive keys, or remember it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::environment::Environment;
use super::password_source::{self, TIME_LIMIT};
use crate::model::error::{Error, Kind, reason};
use crate::sys::terminal;

/// The longest password, in bytes. A longer one is refused and never cut.
pub(crate) const PASSWORD_MAX_BYTES: usize = 64 * 1024;

/// A password, wiped when dropped. Has no `Debug`, no `Clone` and no `Serialize`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Password(Vec<u8>);

impl Password {
    /// `bytes` as they are.
    ///
    /// # Errors
    ///
    /// `NoPassword` when they are empty, too long, or begin with a byte order mark.
    pub(crate) fn new(mut bytes: Zeroizing<Vec<u8>>) -> Result<Self, Error> {
        if bytes.is_empty() {
            return Err(empty_password());
        }
        if bytes.len() > PASSWORD_MAX_BYTES {
            return Err(no_password(format!(
                "the password is longer than {PASSWORD_MAX_BYTES} bytes"
            ))
            .hint("choose a shorter one, or check what gives it"));
        }
        if bytes.starts_with(b"\xef\xbb\xbf") {
            return Err(no_password("the password begins with a byte order mark")
                .hint("save it as UTF-8 without a byte order mark"));
        }
        Ok(Self(std::mem::take(&mut *bytes)))
    }

    /// The secret itself, for the one who derives a key from it.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

/// How to ask when no variable gives the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// For one that exists.
    Once,
    /// For one that is being made: a mistyped one would lock its owner out.
    Twice,
}

/// The password of the store, from `BG_PASSWORD`, `BG_PASSWORD_FILE` or `BG_PASSWORD_COMMAND`, or asked for.
///
/// # Errors
///
/// `Usage` when two are set, `NoPassword` when none is or it gives none, `Unsafe` for a file that others
/// may read.
pub(crate) fn current(environment: &Environment, ask: Ask) -> Result<Password, Error> {
    obtain(environment, &CURRENT, ask)
}

/// `environment` with the password in it that its sources give: so it is taken once, from whatever source.
///
/// # Errors
///
/// As [`current`].
pub(crate) fn taken_once(environment: &Environment) -> Result<Environment, Error> {
    let password = current(environment, Ask::Once)?;
    Ok(environment.with_password(CURRENT.value, OsStr::from_bytes(password.expose())))
}

/// The password that is to come, from `BG_NEW_PASSWORD` or `BG_NEW_PASSWORD_FILE`, or asked for twice.
///
/// # Errors
///
/// As [`current`].
pub(crate) fn replacement(environment: &Environment) -> Result<Password, Error> {
    obtain(environment, &NEW, Ask::Twice)
}

/// Whether a variable gives the password, so that nobody is asked for it.
///
/// # Errors
///
/// `Usage` when two do.
pub(crate) fn is_given(environment: &Environment) -> Result<bool, Error> {
    Ok(choose(environment, &CURRENT)?.is_some())
}

/// The variables that give one password.
struct Names {
    what: &'static str,
    value: &'static str,
    file: &'static str,
    command: Option<&'static str>,
}

const CURRENT: Names = Names {
    what: "password",
    value: "BG_PASSWORD",
    file: "BG_PASSWORD_FILE",
    command: Some("BG_PASSWORD_COMMAND"),
};

const NEW: Names = Names {
    what: "new password",
    value: "BG_NEW_PASSWORD",
    file: "BG_NEW_PASSWORD_FILE",
    command: None,
};

#[derive(Debug, PartialEq, Eq)]
enum Source<'a> {
    Value(&'a OsStr),
    File(&'a Path),
    Command(&'a OsStr),
}

fn obtain(environment: &Environment, names: &Names, ask: Ask) -> Result<Password, Error> {
    match choose(environment, names)? {
        Some(Source::Value(value)) => Password::new(Zeroizing::new(value.as_bytes().to_vec())),
        Some(Source::File(path)) => {
            Password::new(without_newline(password_source::file(path, TIME_LIMIT)?))
        }
        Some(Source::Command(line)) => Password::new(without_newline(password_source::command(
            line,
            environment,
            TIME_LIMIT,
        )?)),
        None if terminal::somebody_is_there() => typed(names, ask),
        None => Err(none_given(environment, names)),
    }
}

/// The one source that is set; set but empty counts.
fn choose<'a>(environment: &'a Environment, names: &Names) -> Result<Option<Source<'a>>, Error> {
    let value = environment.get(names.value);
    let file = environment.get(names.file);
    let command = names.command.and_then(|name| environment.get(name));
    let mut sources = [
        (names.value, value.map(Source::Value)),
        (names.file, file.map(|path| Source::File(Path::new(path)))),
        (
            names.command.unwrap_or_default(),
            command.map(Source::Command),
        ),
    ]
    .into_iter()
    .filter_map(|(name, source)| Some((name, source?)));
    let Some((first, source)) = sources.next() else {
        return Ok(None);
    };
    match sources.next() {
        None => Ok(Some(source)),
        Some((second, _)) => Err(Error::usage(format!(
            "both {first} and {second} are set: which is the {}?",
            names.what
        ))
        .hint("set exactly one of them")),
    }
}

fn without_newline(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    bytes
}

fn typed(names: &Names, ask: Ask) -> Result<Password, Error> {
    let line = |prompt: &str| {
        terminal::read_hidden(prompt)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::Interrupted => Error::new(Kind::Interrupted, "interrupted"),
                _ => no_password(format!("cannot read the password: {}", reason(&error))),
            })?
            .ok_or_else(|| no_password("no password was typed"))
            .and_then(Password::new)
    };
    match ask {
        Ask::Once => line(&format!("bgp: {}: ", names.what)),
        Ask::Twice => {
            let first = line("bgp: new password: ")?;
            let second = line("bgp: once more: ")?;
            if first.expose() != second.expose() {
                return Err(no_password("the two passwords are not the same")
                    .hint("nothing was written; try again"));
            }
            Ok(first)
        }
    }
}

fn none_given(environment: &Environment, names: &Names) -> Error {
    let variables = match names.command {
        Some(command) => format!("{}, {} or {command}", names.value, names.file),
        None => format!("{} or {}", names.value, names.file),
    };
    let error = no_password(format!("no {}: set {variables}", names.what));
    if names.command.is_none() {
        return error.hint(format!("for example: export {}=FILE", names.file));
    }
    if environment.get("BGP_ID").is_some() {
        return error.hint(
            "a command that bgp runs does not get the password: pass it on with 'bgp start -e BG_PASSWORD=…'",
        );
    }
    error
}

fn empty_password() -> Error {
    no_password("empty password").hint("what was to give it is set and gives nothing")
}

pub(super) fn no_password(message: impl Into<String>) -> Error {
    Error::new(Kind::NoPassword, message)
        .hint("set one of them, for example: export BG_PASSWORD_COMMAND='cat FILE'")
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: &str = "BG_PASSWORD";
    const F: &str = "BG_PASSWORD_FILE";
    const C: &str = "BG_PASSWORD_COMMAND";

    fn chosen(variables: &[&'static str]) -> Result<&'static str, (Kind, String)> {
        let environment = Environment::new(variables.iter().map(|name| (*name, *name)));
        match choose(&environment, &CURRENT) {
            Ok(None) => Ok("none"),
            Ok(Some(Source::Value(_))) => Ok("value"),
            Ok(Some(Source::File(_))) => Ok("file"),
            Ok(Some(Source::Command(_))) => Ok("command"),
            Err(error) => Err((error.kind, error.message)),
        }
    }

    #[test]
    fn exactly_one_source_counts() {
        let both = |one: &str, two: &str| {
            let message = format!("both {one} and {two} are set: which is the password?");
            Err((Kind::Usage, message))
        };
        assert_eq!(chosen(&[]), Ok("none"));
        assert_eq!(chosen(&[P]), Ok("value"));
        assert_eq!(chosen(&[F]), Ok("file"));
        assert_eq!(chosen(&[C]), Ok("command"));
        assert_eq!(chosen(&[F, P]), both(P, F));
        assert_eq!(chosen(&[C, P]), both(P, C));
        assert_eq!(chosen(&[C, F]), both(F, C));
        assert_eq!(chosen(&[C, F, P]), both(P, F));
        assert_eq!(chosen(&["BG_NEW_PASSWORD"]), Ok("none"));
    }

    #[test]
    fn a_password_is_bytes_as_they_are_and_never_none() {
        let made = |bytes: &[u8]| match Password::new(Zeroizing::new(bytes.to_vec())) {
            Ok(password) => Ok(password.expose().to_vec()),
            Err(error) => Err((error.kind, error.message)),
        };
        for good in [
            &b"x"[..],
            b" two words ",
            b"\xff\x00\xfe",
            b"\n",
            &vec![b'x'; 65536],
        ] {
            assert_eq!(made(good).as_deref(), Ok(good));
        }
        for (bad, message) in [
            (&b""[..], "empty password"),
            (
                &vec![b'x'; 65537],
                "the password is longer than 65536 bytes",
            ),
            (
                b"\xef\xbb\xbfsecret",
                "the password begins with a byte order mark",
            ),
        ] {
            assert_eq!(made(bad), Err((Kind::NoPassword, message.to_owned())));
        }
    }

    #[test]
    fn one_newline_is_taken_off_and_nothing_else() {
        for (given, left) in [
            ("x", "x"),
            ("x\n", "x"),
            ("x\n\n", "x\n"),
            ("x\r\n", "x\r"),
            (" x \n", " x "),
            ("\n", ""),
            ("", ""),
        ] {
            let bytes = without_newline(Zeroizing::new(given.into()));
            assert_eq!(*bytes, left.as_bytes(), "{given:?}");
        }
    }

    #[test]
    fn without_any_the_error_says_what_to_set() {
        let plain = none_given(&Environment::new([("HOME", "/h")]), &CURRENT);
        assert_eq!(plain.kind, Kind::NoPassword);
        assert_eq!(
            plain.message,
            "no password: set BG_PASSWORD, BG_PASSWORD_FILE or BG_PASSWORD_COMMAND"
        );
        assert!(plain.hint.is_some());
        let nested = none_given(&Environment::new([("BGP_ID", "deadbeef")]), &CURRENT);
        assert!(nested.hint.unwrap().contains("start -e"));
        assert_eq!(
            none_given(&Environment::new([("HOME", "/h")]), &NEW).message,
            "no new password: set BG_NEW_PASSWORD or BG_NEW_PASSWORD_FILE"
        );
    }

    #[test]
    fn an_empty_variable_is_an_empty_password() {
        let error = current(&Environment::new([(P, "")]), Ask::Once)
            .err()
            .unwrap();
        assert_eq!(error, empty_password());
        let command = Environment::new([(C, "echo")]);
        let error = current(&command, Ask::Once).err().unwrap();
        assert_eq!(error, empty_password());
    }
}
