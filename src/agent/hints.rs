//! Hints in the words of who is talked to: they are written for the command line, whose options and
//! commands an agent may not have.
//!
//! Does not: change what is said of the error itself, or of a command that no action does.

use super::Face;
use crate::model::error::Error;

/// Commands that are actions, and by which name.
const COMMANDS: [(&str, &str); 6] = [
    ("alerts", "alerts"),
    ("clear", "clear"),
    ("list", "list"),
    ("output", "output"),
    ("status", "status"),
    ("stop", "kill"),
];

/// Options that are parameters, and how they are said: the longer of two that begin alike first.
const OPTIONS: [(&str, &str); 11] = [
    ("--cwd DIR", "cwd"),
    ("--env-file", "envFile"),
    ("--eof", "eof=true"),
    ("--pty", "pty=true"),
    ("--replace", "replace=true"),
    ("--restart always", "restart=always"),
    ("--stdin FILE", "stdin=FILE"),
    ("--stdin null", "stdin=null"),
    ("--stdin", "stdin"),
    ("--timeout", "timeout"),
    ("--with-pid", "withPid"),
];

/// `error` with its hint as `face` has it. Its message may repeat the caller's words, and is left as it
/// is but for an option whose value is wrong.
pub(super) fn said_to(face: Face, error: Error) -> Error {
    let message = match error.message.split_once(": ") {
        Some((option, what)) if option.starts_with("--") => {
            format!("{}: {what}", options(option))
        }
        _ => error.message,
    };
    Error {
        message,
        hint: error.hint.map(|hint| hint_to(face, &hint)),
        ..error
    }
}

/// `hint` as `face` has it: `'bgp stop web'` becomes the call of the action, with the id if there is one.
pub(super) fn hint_to(face: Face, hint: &str) -> String {
    let mut parts = hint.split("'bgp ");
    let mut told = options(parts.next().unwrap_or_default());
    for part in parts {
        let (line, rest) = part.split_once('\'').unwrap_or((part, ""));
        match call_of(face, line) {
            Some(call) => told.push_str(&call),
            None => told.extend(["'bgp ", line, "'"]),
        }
        told.push_str(&options(rest));
    }
    told
}

/// `text` with each option in it, as a word of its own, as the parameter that it is.
fn options(text: &str) -> String {
    let before = |c: char| c.is_alphanumeric() || "-._/".contains(c);
    let behind = |c: char| c.is_alphanumeric() || "-_".contains(c);
    let (mut told, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("--") {
        told.push_str(&rest[..at]);
        rest = &rest[at..];
        let is_one = |(option, _): &&(&str, &str)| {
            let follows = rest.strip_prefix(option);
            follows.is_some_and(|follows| !follows.starts_with(behind))
        };
        let found = OPTIONS.iter().find(is_one);
        let (option, said) = match found {
            Some(found) if !told.ends_with(before) => *found,
            _ => ("--", "--"),
        };
        told.push_str(said);
        rest = &rest[option.len()..];
    }
    told + rest
}

/// The call that does what `bgp LINE` does, if there is one.
pub(super) fn call_of(face: Face, line: &str) -> Option<String> {
    let mut words = line.split(' ');
    let command = words.next()?;
    let (_, action) = COMMANDS.iter().find(|(name, _)| *name == command)?;
    match (words.next(), words.next()) {
        (None, _) => Some(face.call_of(action, &[])),
        (Some(id), None) if !id.starts_with('-') => Some(face.call_of(action, &[("id", id)])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::error::Kind;

    #[test]
    fn hints_name_what_an_agent_can_do() {
        for (face, hint, said) in [
            (
                Face::Line,
                "'bgp stop web' first, or start with --replace",
                "process action=kill id=web first, or start with replace=true",
            ),
            (
                Face::Tools,
                "'bgp clear 0011' removes it from the list",
                "process_clear {\"id\":\"0011\"} removes it from the list",
            ),
            (
                Face::Tools,
                "'bgp list' shows what there is",
                "process_list {} shows what there is",
            ),
            (
                Face::Line,
                "start it with --pty; 'bgp output a' reads it, 'bgp verify a' tells more",
                "start it with pty=true; process action=output id=a reads it, 'bgp verify a' tells more",
            ),
            (
                Face::Line,
                "'bgp list --running' too",
                "'bgp list --running' too",
            ),
            (
                Face::Line,
                "'bgp stop a--eof' ends it, a--eof is no --eof, and --eof-x is none; --eof.",
                "process action=kill id=a--eof ends it, a--eof is no eof=true, and --eof-x is none; eof=true.",
            ),
            (
                Face::Line,
                "it was started with '--stdin null'; --env-file takes a file, another --with-pid none",
                "it was started with 'stdin=null'; envFile takes a file, another withPid none",
            ),
            (Face::Line, "'bgp stop", "process action=kill"),
            (Face::Line, "", ""),
        ] {
            let error = Error::new(Kind::InTheWay, "m").hint(hint);
            assert_eq!(said_to(face, error).hint.unwrap(), said);
        }
    }

    #[test]
    fn of_a_message_only_the_option_before_it_is_said_in_other_words() {
        for (message, said) in [
            (
                "--timeout: nothing lives for no time",
                "timeout: nothing lives for no time",
            ),
            (
                "--with-pid: there is no --eof",
                "withPid: there is no --eof",
            ),
            ("no process called '--eof'", "no process called '--eof'"),
            ("cannot open '/x/--replace'", "cannot open '/x/--replace'"),
            ("a --pty: b", "a --pty: b"),
        ] {
            assert_eq!(
                said_to(Face::Line, Error::usage(message)),
                Error::usage(said)
            );
        }
    }
}
