//! Help, made from the table: for people in 80 columns, for programs in JSON.
//!
//! Does not: print.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::commands::COMMANDS;
use super::table::{Command, Example, Flag, Value, Verb};
use crate::config::table::{SETTINGS, Setting};
use crate::model::error::Kind;
use crate::text::display::{width, wrap};

/// No line is wider.
const COLUMNS: usize = 80;
/// Where the explanation of a flag begins.
const FLAG_COLUMNS: usize = 27;

/// The variables that matter most, and what each says.
pub(super) const ENVIRONMENT: &[(&str, &str)] = &[
    ("BG_PASSWORD", "the password; or one of the two that follow"),
    (
        "BG_PASSWORD_FILE",
        "a file with the password, for its owner alone",
    ),
    ("BG_PASSWORD_COMMAND", "a command that prints the password"),
    ("BGP_DIR", "where all is kept [default: ~/.local/state/bgp]"),
    ("BGP_KEY_CACHE", "'off': derive the key anew each time"),
    (
        "XDG_CONFIG_HOME",
        "where bgp/config.json is, see 'bgp help config' [default: ~/.config]",
    ),
];

/// All commands in a line each, the environment, and the exit codes.
pub(crate) fn overview() -> String {
    let mut help = String::from(
        "bgp runs commands in the background: one small supervisor each, no daemon, and\n\
         everything that is kept is encrypted.\n\n\
         Usage: bgp COMMAND [OPTIONS] [ARGS]\n\nCommands:\n",
    );
    for command in COMMANDS {
        let names = [&[command.name], command.aliases].concat().join(", ");
        entry(&mut help, &names, 18, command.summary);
    }
    help.push_str(
        "\nAn ID is what 'bgp list' shows: the id, proc_N, the name, or the first digits of\n\
         an id. 'bgp COMMAND --help' explains a command, 'bgp --version' tells which bgp\n\
         this is.\n\nEnvironment:\n",
    );
    for (variable, says) in ENVIRONMENT {
        entry(&mut help, variable, FLAG_COLUMNS, says);
    }
    exit_codes(&mut help, Kind::ALL.into_iter());
    help
}

/// How one command is called, with its flags, examples and exit codes.
pub(crate) fn of(command: &Command) -> String {
    let mut help = String::new();
    for (i, usage) in command.usage.iter().enumerate() {
        let lead = if i == 0 { "Usage:" } else { "      " };
        line(&mut help, &format!("{lead} bgp {} {usage}", command.name));
    }
    if !command.aliases.is_empty() {
        line(
            &mut help,
            &format!("Also:  bgp {}", command.aliases.join(", bgp ")),
        );
    }
    help.push('\n');
    let summary = [&[command.summary], command.description].concat();
    for (i, paragraph) in summary.iter().enumerate() {
        if i > 0 {
            help.push('\n');
        }
        let sentence = if i == 0 {
            capitalised(paragraph) + "."
        } else {
            (*paragraph).to_owned()
        };
        for text in wrap(&sentence, COLUMNS) {
            line(&mut help, &text);
        }
    }
    help.push_str("\nOptions:\n");
    for flag in command.all_flags() {
        entry(&mut help, &flag_names(flag), FLAG_COLUMNS, &flag_help(flag));
    }
    let takes_time = |flag: &Flag| flag.value.is_some_and(|(kind, _)| kind == Value::Duration);
    if command.flags.iter().any(takes_time) {
        help.push_str("\nA TIME is 5s, 500ms, 10m, 2h, 7d, or plain seconds.\n");
    }
    if command.verb == Verb::Config {
        help.push_str("\nSettings:\n");
        for setting in &SETTINGS {
            entry(
                &mut help,
                &setting.dotted(),
                FLAG_COLUMNS,
                &setting_help(setting),
            );
        }
        help.push_str(
            "\n'set' takes 5m for seconds and 64MiB for bytes too; the file has plain numbers.\n",
        );
    }
    help.push_str("\nExamples:\n");
    for Example { line: typed, does } in command.examples {
        line(&mut help, &format!("  {typed}"));
        line(&mut help, &format!("      {does}"));
    }
    exit_codes(&mut help, command.all_failures());
    help
}

/// The whole table, or one row of it.
pub(crate) fn json(only: Option<&Command>) -> Json {
    let commands: Vec<Json> = COMMANDS
        .iter()
        .filter(|command| only.is_none_or(|only| only.verb == command.verb))
        .map(|command| {
            json!({
                "name": command.name,
                "aliases": command.aliases,
                "usage": command.usage.iter().map(|usage| format!("bgp {} {usage}", command.name)).collect::<Vec<_>>(),
                "summary": command.summary,
                "flags": command.all_flags().map(flag_json).collect::<Vec<_>>(),
                "exitCodes": std::iter::once(0)
                    .chain(command.all_failures().map(|(kind, _)| kind.exit_code()))
                    .collect::<Vec<_>>(),
            })
        })
        .collect();
    let with_settings = only.is_none_or(|only| only.verb == Verb::Config);
    let settings: Vec<Json> = SETTINGS
        .iter()
        .filter(|_| with_settings)
        .map(|setting| {
            json!({
                "key": setting.dotted(),
                "allowed": setting.allowed(),
                "default": setting.default_words(),
                "help": setting.help,
            })
        })
        .collect();
    json!({ "schema": 1, "commands": commands, "settings": settings })
}

fn flag_json(flag: &Flag) -> Json {
    json!({
        "long": flag.long,
        "short": flag.short,
        "value": flag.value.map(|(_, placeholder)| placeholder),
        "repeatable": flag.repeatable,
        "default": flag.default,
        "help": flag.help,
    })
}

fn flag_names(flag: &Flag) -> String {
    let mut names = match flag.short {
        Some(short) => format!("-{short}, --{}", flag.long),
        None => format!("    --{}", flag.long),
    };
    if let Some((_, placeholder)) = flag.value {
        write!(names, " {placeholder}").expect("a string takes all");
    }
    names
}

fn flag_help(flag: &Flag) -> String {
    match flag.default {
        Some(default) => format!("{} [default: {default}]", flag.help),
        None => flag.help.to_owned(),
    }
}

fn setting_help(setting: &Setting) -> String {
    format!(
        "{}: {} [default: {}]",
        setting.help,
        setting.allowed(),
        setting.default_words()
    )
}

fn exit_codes(help: &mut String, failures: impl Iterator<Item = (Kind, &'static str)>) {
    help.push_str("\nExit codes:\n");
    entry(help, "0", 7, "done");
    for (kind, meaning) in failures {
        entry(help, &kind.exit_code().to_string(), 7, meaning);
    }
}

/// A term, and beside it from `column` on what it means.
fn entry(help: &mut String, term: &str, column: usize, meaning: &str) {
    let mut lead = format!("  {term}");
    if width(&lead) + 2 > column {
        line(help, &lead);
        lead.clear();
    }
    for text in wrap(meaning, COLUMNS - column) {
        let pad = " ".repeat(column - width(&lead));
        line(help, &format!("{lead}{pad}{text}"));
        lead.clear();
    }
}

fn line(help: &mut String, text: &str) {
    help.push_str(text);
    help.push('\n');
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands;

    #[test]
    fn help_fits_a_terminal() {
        let all = COMMANDS.iter().map(of).chain([overview()]);
        for help in all {
            for text in help.lines() {
                assert!(width(text) <= COLUMNS, "{text}");
                assert_eq!(text, text.trim_end());
            }
            assert!(help.ends_with('\n') && !help.contains("\n\n\n"), "{help}");
        }
    }

    #[test]
    fn help_on_a_command_has_everything() {
        let verify = commands::find("verify").unwrap();
        assert_eq!(
            of(verify),
            "\
Usage: bgp verify [OPTIONS] [ID…]

Check every record of key, state and logs.

Reads all that is kept, or the logs of these processes, and tells what is
damaged or was altered, and where.

Options:
      --json               answer as one JSON document, errors too
  -h, --help               show this

Examples:
  bgp verify
      is everything as it was written?

Exit codes:
  0    done
  1    anything else
  2    usage, configuration
  3    no such process
  4    ambiguous
  10   no password
  12   wrong password
  13   damaged or altered key, state or log
  14   unsafe state directory or file (owner, mode, symlink, kind)
  15   storage (disk full, read-only, I/O)
"
        );
    }

    #[test]
    fn every_command_flag_and_code_is_in_the_help() {
        let overview = overview();
        for command in COMMANDS {
            let help = of(command);
            assert!(overview.contains(command.summary), "{}", command.name);
            for flag in command.all_flags() {
                assert!(help.contains(&format!("--{}", flag.long)), "{}", flag.long);
            }
            for (kind, _) in command.all_failures() {
                assert!(help.contains(&format!("\n  {} ", kind.exit_code())));
            }
        }
        for (kind, meaning) in Kind::ALL {
            assert!(overview.contains(&format!("\n  {:<5}{meaning}\n", kind.exit_code())));
        }
    }

    #[test]
    fn json_has_the_whole_table() {
        let all = json(None);
        assert_eq!(
            all["commands"].as_array().map(Vec::len),
            Some(COMMANDS.len())
        );
        let start = json(commands::find("start"));
        assert_eq!(start["commands"][0]["flags"][0]["long"], "name");
        assert_eq!(start["commands"][0]["flags"][0]["value"], "NAME");
    }
}
