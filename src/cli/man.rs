//! The manual page, made from the table, as roff source for man(7).
//!
//! Does not: format it; `bgp man | man -l -` does.

use std::fmt::Write as _;

use super::commands::COMMANDS;
use super::table::{Command, Flag};
use crate::config::table::SETTINGS;
use crate::model::error::Kind;

/// The whole page.
pub(crate) fn page() -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut page = format!(".TH BGP 1 \"\" \"bgp {version}\" \"User Commands\"\n");
    section(&mut page, "NAME");
    text(&mut page, "bgp - run commands in the background");
    section(&mut page, "SYNOPSIS");
    page.push_str(".B bgp\n.I COMMAND\n[OPTIONS] [ARGS]\n");
    section(&mut page, "DESCRIPTION");
    text(
        &mut page,
        "Runs commands in the background: one small supervisor each, no daemon, and everything that is \
         kept is encrypted.",
    );
    page.push_str(".PP\n");
    text(
        &mut page,
        "An ID is what 'bgp list' shows: the id, proc_N, the name, or the first digits of an id. A TIME \
         is 5s, 500ms, 10m, 2h, 7d, or plain seconds.",
    );
    section(&mut page, "COMMANDS");
    for command in COMMANDS {
        one(&mut page, command);
    }
    section(&mut page, "SETTINGS");
    for setting in &SETTINGS {
        tagged(&mut page, &setting.dotted(), setting.help);
    }
    section(&mut page, "ENVIRONMENT");
    for (variable, says) in super::help::ENVIRONMENT {
        tagged(&mut page, variable, says);
    }
    section(&mut page, "EXIT STATUS");
    tagged(&mut page, "0", "done");
    for (kind, meaning) in Kind::ALL {
        tagged(&mut page, &kind.exit_code().to_string(), meaning);
    }
    page
}

fn one(page: &mut String, command: &Command) {
    let _ = writeln!(page, ".SS \"bgp {}\"", escaped(command.name));
    for usage in command.usage {
        let _ = writeln!(page, ".B bgp {}\n{}\n.br", command.name, escaped(usage));
    }
    if !command.aliases.is_empty() {
        text(
            page,
            &format!("Also: bgp {}", command.aliases.join(", bgp ")),
        );
    }
    for paragraph in [&[command.summary], command.description].concat() {
        page.push_str(".PP\n");
        text(page, paragraph);
    }
    for flag in command.all_flags() {
        let help = match flag.default {
            Some(default) => format!("{} [default: {default}]", flag.help),
            None => flag.help.to_owned(),
        };
        tagged(page, &flag_names(flag), &help);
    }
    page.push_str(".PP\nExamples:\n");
    for example in command.examples {
        tagged(page, example.line, example.does);
    }
}

fn flag_names(flag: &Flag) -> String {
    let mut names = match flag.short {
        Some(short) => format!("-{short}, --{}", flag.long),
        None => format!("--{}", flag.long),
    };
    if let Some((_, placeholder)) = flag.value {
        let _ = write!(names, " {placeholder}");
    }
    names
}

fn section(page: &mut String, name: &str) {
    let _ = writeln!(page, ".SH {name}");
}

/// A term, and what it means, indented below it.
fn tagged(page: &mut String, term: &str, meaning: &str) {
    let _ = writeln!(page, ".TP\n\\fB{}\\fR", escaped(term));
    text(page, meaning);
}

fn text(page: &mut String, text: &str) {
    let _ = writeln!(page, "{}", escaped(text));
}

/// `text` as roff shows it as it stands: no dash, quote, backslash or dot at its beginning means anything.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    if text.starts_with(['.', '\'']) {
        escaped.push_str("\\&");
    }
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '`' => escaped.push_str("\\(ga"),
            '…' => escaped.push_str("\\&..."),
            '\n' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_command_and_flag_and_roff_obeys_nothing_of_the_texts() {
        let page = page();
        for command in COMMANDS {
            assert!(page.contains(&format!(".SS \"bgp {}\"", escaped(command.name))));
            for flag in command.all_flags() {
                assert!(page.contains(&escaped(&format!("--{}", flag.long))));
            }
        }
        for line in page.lines().filter(|line| line.starts_with('.')) {
            let known = [".TH", ".SH", ".SS", ".TP", ".PP", ".B", ".I", ".br"];
            let request = line.split(' ').next().unwrap();
            assert!(known.contains(&request), "{line}");
        }
        assert!(!page.lines().any(|line| line.starts_with('\'')));
        assert!(page.is_ascii());
    }
}
