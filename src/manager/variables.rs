//! The environment that a command gets: the caller's or nothing, and what is added to it.
//!
//! A file of variables holds a line `NAME=value` for each: the name without white space, the value all
//! that follows the first `=` as it stands. Nothing is expanded, unquoted or trimmed. Lines of white
//! space alone, and those that begin with `#`, are passed over.
//! Does not: say a value in any message; it may be a secret.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::bytes::Bytes;
use crate::model::error::{Error, reason};
use crate::store::environment::Environment;
use crate::sys::input;

/// What bgp itself says to the command; nobody else does.
const OURS: [&str; 2] = ["BGP_ID", "BGP_NAME"];
/// The longest file of variables: no system takes more of them (execve(2)).
const FILE_MAX_BYTES: usize = 6 * 1024 * 1024;
/// How long a pipe in the place of the file may take to its end.
const PIPE_LIMIT: Duration = Duration::from_secs(30);

/// What a command gets of its caller's environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inherited {
    /// All but the password variables.
    All,
    Nothing,
}

/// What a command's standard streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surroundings {
    Pipes,
    /// A terminal of its own: what the caller's variables say of another one does not hold.
    Terminal,
}

impl Surroundings {
    /// Whether the caller's variable holds here too.
    fn inherit(self, name: &OsStr, value: &OsStr) -> bool {
        match self {
            Self::Pipes => true,
            Self::Terminal if name == "TERM" => !value.is_empty() && value != "dumb",
            Self::Terminal => name != "COLUMNS" && name != "LINES",
        }
    }
}

/// What a terminal is called that nobody has named: what most of them understand.
const TERM_DEFAULT: &[u8] = b"xterm-256color";

/// Variables that are added.
pub(crate) enum Variables {
    One(OsString, OsString),
    /// Those in this file.
    File(PathBuf),
}

/// The variables for the command, `NAME=value` each: those inherited, then those `added`; the last of a
/// name counts.
///
/// # Errors
///
/// A usage error that names the variable, or the file and the line.
pub(super) fn child_environment(
    caller: &Environment,
    inherited: Inherited,
    added: &[Variables],
    surroundings: Surroundings,
) -> Result<Vec<Bytes>, Error> {
    let mut pairs = Vec::new();
    for variables in added {
        match variables {
            Variables::One(name, value) => {
                check(name, value)?;
                pairs.push((name.clone(), value.clone()));
            }
            Variables::File(path) => read(path, &mut pairs)?,
        }
    }
    let last: HashMap<&OsStr, usize> = pairs
        .iter()
        .enumerate()
        .map(|(index, (name, _))| (name.as_os_str(), index))
        .collect();
    let kept = caller
        .without_passwords()
        .filter(|(name, _)| inherited == Inherited::All && !last.contains_key(name))
        .filter(|(name, value)| surroundings.inherit(name, value));
    let new = pairs
        .iter()
        .enumerate()
        .filter(|(index, (name, _))| last[name.as_os_str()] == *index)
        .map(|(_, (name, value))| (name.as_os_str(), value.as_os_str()));
    let mut all: Vec<Bytes> = kept
        .chain(new)
        .filter(|(name, _)| !OURS.iter().any(|ours| name == ours))
        .map(|(name, value)| variable(name.as_bytes(), value.as_bytes()))
        .collect();
    let names_terminal = all.iter().any(|variable| variable.0.starts_with(b"TERM="));
    if surroundings == Surroundings::Terminal && !names_terminal {
        all.push(variable(b"TERM", TERM_DEFAULT));
    }
    Ok(all)
}

/// `NAME=value`.
pub(super) fn variable(name: &[u8], value: &[u8]) -> Bytes {
    Bytes([name, b"=", value].concat())
}

fn check(name: &OsStr, value: &OsStr) -> Result<(), Error> {
    let bad = name.is_empty() || name.as_bytes().iter().any(|byte| b"=\0".contains(byte));
    if bad || value.as_bytes().contains(&0) {
        return Err(
            Error::usage(format!("'{}' is not a variable", name.display()))
                .hint("write NAME=VALUE, without NUL bytes"),
        );
    }
    Ok(())
}

fn read(path: &Path, pairs: &mut Vec<(OsString, OsString)>) -> Result<(), Error> {
    let text = input::read_file_or_pipe(path, FILE_MAX_BYTES, PIPE_LIMIT).map_err(|error| {
        Error::usage(format!(
            "cannot read the variables in '{}': {}",
            path.display(),
            reason(&error)
        ))
        .hint("--env-file takes a file, or a pipe, with a line KEY=VALUE for each variable")
    })?;
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let pair = parse(line).map_err(|why| {
            Error::usage(format!(
                "'{}', line {}: {why}",
                path.display(),
                index + 1
            ))
            .hint("a line is KEY=VALUE as it stands, without 'export' and quotes; one that begins with # says nothing")
        })?;
        pairs.extend(pair);
    }
    Ok(())
}

/// The variable of one line, if it has one.
fn parse(line: &[u8]) -> Result<Option<(OsString, OsString)>, &'static str> {
    if line
        .trim_ascii_start()
        .first()
        .is_none_or(|byte| *byte == b'#')
    {
        return Ok(None);
    }
    if line.contains(&0) {
        return Err("it holds a NUL byte");
    }
    let Some(at) = line.iter().position(|byte| *byte == b'=') else {
        return Err("there is no '='");
    };
    let (name, value) = (&line[..at], &line[at + 1..]);
    if name.is_empty() {
        return Err("there is no key before the '='");
    }
    if name.iter().any(u8::is_ascii_whitespace) {
        return Err("there is white space before the '='");
    }
    Ok(Some((
        OsString::from_vec(name.to_vec()),
        OsString::from_vec(value.to_vec()),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;
    use std::fs;

    fn one(name: &str, value: &str) -> Variables {
        Variables::One(name.into(), value.into())
    }

    fn shown(inherited: Inherited, added: &[Variables]) -> Result<Vec<String>, String> {
        let caller = Environment::new([
            ("PATH", "/bin"),
            ("BG_PASSWORD", "secret"),
            ("BGP_ID", "outer"),
            ("B", "3"),
        ]);
        let variables = child_environment(&caller, inherited, added, Surroundings::Pipes);
        let variables = variables.map_err(|error| error.message)?;
        Ok(variables.iter().map(Bytes::escaped).collect())
    }

    #[test]
    fn the_child_gets_what_was_asked_and_no_password_unless_asked() {
        let added = || {
            [
                one("A", "1"),
                one("PATH", "/x"),
                one("A", "2"),
                one("BG_PASSWORD", "given"),
                one("BGP_NAME", "not ours"),
            ]
        };
        let given = ["PATH=/x", "A=2", "BG_PASSWORD=given"];
        let all = [&["B=3"][..], &given].concat();
        assert_eq!(shown(Inherited::All, &added()).unwrap(), all);
        assert_eq!(shown(Inherited::Nothing, &added()).unwrap(), given);
        assert_eq!(shown(Inherited::All, &[]).unwrap(), ["PATH=/bin", "B=3"]);
        assert!(shown(Inherited::Nothing, &[]).unwrap().is_empty());
        for (name, value) in [("", "x"), ("A=B", "x"), ("A", "x\0")] {
            assert!(
                shown(Inherited::All, &[one(name, value)]).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn a_file_is_taken_as_it_stands_and_the_last_of_a_name_counts() {
        let temp = TempDir::new();
        let path = temp.path().join("env");
        fs::write(
            &path,
            b"# a comment=1\n\n  \t\n  # another\nA= b=c \nQ=\"$A\"\r\nA.B=\xff\nEMPTY=\nB=file",
        )
        .unwrap();
        let file = || Variables::File(path.clone());
        assert_eq!(
            shown(
                Inherited::Nothing,
                &[one("A", "before"), file(), one("B", "after")]
            )
            .unwrap(),
            ["A= b=c ", "Q=\"$A\"\r", "A.B=\\xff", "EMPTY=", "B=after"]
        );
    }

    #[test]
    fn a_bad_line_is_named_by_its_number_and_not_repeated() {
        let temp = TempDir::new();
        let path = temp.path().join("env");
        for (text, told) in [
            (&b"A=1\n\nsecret\n"[..], "line 3: there is no '='"),
            (b"=secret", "line 1: there is no key before the '='"),
            (
                b"\nexport A=secret",
                "line 2: there is white space before the '='",
            ),
            (b" A=secret", "line 1: there is white space before the '='"),
            (b"A=secret\0", "line 1: it holds a NUL byte"),
        ] {
            fs::write(&path, text).unwrap();
            let expected = format!("'{}', {told}", path.display());
            let file = Variables::File(path.clone());
            assert_eq!(shown(Inherited::All, &[file]), Err(expected));
        }
        fs::remove_file(&path).unwrap();
        let error = shown(Inherited::All, &[Variables::File(path.clone())]).unwrap_err();
        assert!(error.ends_with("No such file or directory"), "{error}");
    }

    #[test]
    fn a_long_file_takes_no_longer_than_its_length() {
        let temp = TempDir::new();
        let path = temp.path().join("env");
        let text: String = (0..400_000).fold(String::new(), |all, n| all + &format!("A{n}=\n"));
        fs::write(&path, text).unwrap();
        let file = || Variables::File(path.clone());
        let variables = shown(Inherited::Nothing, &[file(), file()]).unwrap();
        assert_eq!(variables.len(), 400_000);
    }
}
