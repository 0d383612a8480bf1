//! The script for fish: with what each command and flag does, and the status of each process.
//!
//! Does not: need any other file.

use std::fmt::Write as _;

use super::{Fits, HIDDEN, names};
use crate::cli::table::{Command, Flag};

const HEAD: &str = "\
# Completion of bgp for fish. To use it:  bgp completions fish > ~/.config/fish/completions/bgp.fish
complete -c bgp -f
complete -c bgp -n __fish_use_subcommand -l help -s h -d 'list the commands'
complete -c bgp -n __fish_use_subcommand -l version -s V -d 'tell which bgp this is'
";

pub(super) fn script() -> String {
    let mut script = String::from(HEAD);
    for (name, command) in names() {
        let does = quoted(command.summary);
        let _ = writeln!(
            script,
            "complete -c bgp -n __fish_use_subcommand -a {name} -d {does}"
        );
    }
    for command in super::COMMANDS {
        let called = [&[command.name], command.aliases].concat().join(" ");
        let when = format!("'__fish_seen_subcommand_from {called}'");
        for flag in command.all_flags() {
            one_flag(&mut script, &when, flag);
        }
        operands(&mut script, &when, command);
    }
    script
}

fn one_flag(script: &mut String, when: &str, flag: &Flag) {
    let _ = write!(script, "complete -c bgp -n {when} -l {}", flag.long);
    if let Some(short) = flag.short {
        let _ = write!(script, " -s {short}");
    }
    match Fits::value(flag) {
        None => {}
        Some(Fits::Files) => script.push_str(" -r -F"),
        Some(Fits::Words(words)) => {
            let _ = write!(script, " -x -a {}", quoted(&words.join(" ")));
        }
        Some(_) => script.push_str(" -x"),
    }
    let _ = writeln!(script, " -d {}", quoted(flag.help));
}

fn operands(script: &mut String, when: &str, command: &Command) {
    let _ = match Fits::operand(command) {
        Fits::Nothing => Ok(()),
        Fits::Processes => writeln!(
            script,
            "complete -c bgp -n {when} -a '(command bgp {HIDDEN} 2>/dev/null)'"
        ),
        Fits::Files => writeln!(script, "complete -c bgp -n {when} -F"),
        Fits::Commands => writeln!(
            script,
            "complete -c bgp -n {when} -a '(__fish_complete_subcommand --fcs-skip=2)'"
        ),
        Fits::Words(words) => {
            let words = quoted(&words.join(" "));
            writeln!(script, "complete -c bgp -n {when} -a {words}")
        }
        Fits::Topics => {
            let all: Vec<&str> = names().map(|(name, _)| name).collect();
            let all = quoted(&all.join(" "));
            writeln!(script, "complete -c bgp -n {when} -a {all}")
        }
    };
}

/// `text` within single quotes of fish, which takes a backslash before a quote and before itself.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
