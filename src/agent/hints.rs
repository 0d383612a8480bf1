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

/// Options that are parameters, and how they are said.
const OPTIONS: [(&str, &str); 7] = [
    ("--cwd DIR", "cwd"),
    ("--eof", "eof=true"),
    ("--pty", "pty=true"),
    ("--replace", "replace=true"),
    ("--restart always", "restart=always"),
    ("--stdin", "stdin"),
    ("--timeout", "timeout"),
];

/// `error` with a hint, and names of options, as `face` has them.
pub(super) fn said_to(face: Face, error: Error) -> Error {
    Error {
        message: options(error.message),
        hint: error.hint.map(|hint| options(commands(face, &hint))),
        ..error
    }
}

fn options(text: String) -> String {
    OPTIONS
        .iter()
        .fold(text, |text, (option, said)| text.replace(option, said))
}

/// `'bgp stop web'` becomes the call of the action, with the id if there is one.
fn commands(face: Face, hint: &str) -> String {
    let mut parts = hint.split("'bgp ");
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (line, rest) = part.split_once('\'').unwrap_or((part, ""));
        if let Some(call) = call_of(face, line) {
            told.extend([&call, rest]);
        } else {
            told.extend(["'bgp ", part]);
        }
    }
    told
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
            (Face::Line, "'bgp stop", "process action=kill"),
            (Face::Line, "", ""),
        ] {
            let error = Error::new(Kind::InTheWay, "m").hint(hint);
            assert_eq!(said_to(face, error).hint.unwrap(), said);
        }
        let error = Error::usage("--timeout: nothing lives for no time");
        assert_eq!(
            said_to(Face::Line, error),
            Error::usage("timeout: nothing lives for no time")
        );
    }
}
