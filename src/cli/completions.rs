//! Completion scripts for bash, zsh and fish, made from the table. They ask bgp itself for the processes
//! there are, which answers only from what is unlocked already.
//!
//! Does not: know processes; [`complete`](crate::commands::complete) does.

mod bash;
mod fish;
mod zsh;

use std::process::ExitCode;

use super::commands::COMMANDS;
use super::table::{Command, Flag, Operands, Value};
use crate::commands::out::{Format, Out, finish};
use crate::commands::{self, Context};
use crate::config::Configuration;
use crate::store::environment::Environment;

/// The shells there are scripts for.
pub(crate) const SHELLS: &[&str] = &["bash", "zsh", "fish"];
/// What the scripts call to learn which processes there are: not shown in help.
pub(crate) const HIDDEN: &str = "__complete";

/// The script for `shell`, one of [`SHELLS`].
pub(crate) fn script(shell: &str) -> String {
    match shell {
        "zsh" => zsh::script(),
        "fish" => fish::script(),
        _ => bash::script(),
    }
}

/// Answers a shell that completes.
pub(crate) fn answer(environment: Environment) -> ExitCode {
    let mut context = Context {
        configuration: Configuration::read(&environment),
        environment,
        format: Format::Text,
        out: Out::stdout(),
    };
    let outcome = commands::complete::run(&mut context);
    finish(context.out, Format::Text, outcome)
}

/// What may stand in the place of an operand, or of a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fits {
    Nothing,
    Processes,
    Files,
    /// A command and then its arguments.
    Commands,
    Words(&'static [&'static str]),
    /// The names of bgp's own commands.
    Topics,
}

impl Fits {
    fn operand(command: &Command) -> Self {
        match command.operands {
            Operands::Id
            | Operands::AnyIds
            | Operands::Ids
            | Operands::IdAndText { .. }
            | Operands::IdAndSignal => Self::Processes,
            Operands::Topic => Self::Topics,
            Operands::Change => Self::Words(&["set"]),
            Operands::Shell => Self::Words(SHELLS),
            Operands::CommandOr(_) => Self::Commands,
            _ => Self::Nothing,
        }
    }

    /// What fits behind a flag; `None` for a switch, which takes nothing.
    fn value(flag: &Flag) -> Option<Self> {
        Some(match flag.value?.0 {
            Value::Path => Self::Files,
            Value::Stdin => Self::Words(&["pipe", "null"]),
            Value::OneOf(words) => Self::Words(words),
            _ => Self::Nothing,
        })
    }
}

/// Every name under which a command is called, with its row.
fn names() -> impl Iterator<Item = (&'static str, &'static Command)> {
    COMMANDS.iter().flat_map(|command| {
        std::iter::once(&command.name)
            .chain(command.aliases)
            .map(move |name| (*name, command))
    })
}

/// `text` within single quotes of a shell of the family of sh.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_flag_is_in_every_script() {
        for shell in SHELLS {
            let script = script(shell);
            for (name, command) in names() {
                assert!(script.contains(name), "{shell}: {name}");
                for flag in command.all_flags() {
                    let typed = match *shell {
                        "fish" => format!("-l {}", flag.long),
                        _ => format!("--{}", flag.long),
                    };
                    assert!(script.contains(&typed), "{shell}: {name} {typed}");
                }
            }
            assert!(script.contains(HIDDEN), "{shell}");
            assert!(script.ends_with('\n'));
        }
    }
}
