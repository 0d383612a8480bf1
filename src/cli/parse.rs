//! From arguments to what is asked for. Every value is checked here, before anything is done.
//!
//! The grammar is `bgp COMMAND [OPTIONS] [ARGS]`: options and arguments in any order, `--` before
//! arguments that look like options; but where a command to run is taken, its first word ends bgp's
//! own options.
//! Does not: resolve an ID, look for a file, or fill in what a configuration may say.

use std::ffi::{OsStr, OsString};

use lexopt::Arg;

use super::commands;
use super::completions::SHELLS;
use super::matches::{Matches, Parsed};
use super::table::{Command, Operands, Value, Verb};
use super::values::{self, quoted};
use crate::commands::out::Format;
use crate::model::bytes::Bytes;
use crate::model::error::Error;
use crate::text::similar::closest;

/// What was asked for.
#[derive(Debug)]
pub(crate) enum Request {
    Run(Matches),
    /// Help on this command, or on all.
    Help(Option<&'static Command>, Format),
    Version,
}

/// What is wrong with the arguments, and how the caller wants to be told.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) error: Error,
    pub(crate) format: Format,
}

/// Reads the arguments of the program, without its own name.
///
/// # Errors
///
/// Usage errors that name the flag, and say what to write instead.
pub(crate) fn parse(arguments: Vec<OsString>) -> Result<Request, Refusal> {
    let says_json = arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "--json");
    let mut parser = lexopt::Parser::from_args(arguments);
    let command = match first_word(&mut parser) {
        Ok(First::Command(command)) => command,
        Ok(First::Done(request)) => return Ok(request),
        Err(error) => return Err(refusal(error, says_json)),
    };
    let mut matches = Matches::new(command);
    match matches.read(&mut parser) {
        Ok(Some(help)) => Ok(help),
        Ok(None) if command.verb == Verb::Help => matches.topic(),
        Ok(None) => Ok(Request::Run(matches)),
        // Of what follows a mistake in the options of `start`, nobody knows whose it is.
        Err(error) => Err(match command.operands {
            Operands::CommandOr(_) => refusal(error, matches.has("json")),
            _ => refusal(error, says_json),
        }),
    }
}

fn refusal(error: Error, json: bool) -> Refusal {
    let format = if json { Format::Json } else { Format::Text };
    Refusal { error, format }
}

enum First {
    Command(&'static Command),
    Done(Request),
}

fn first_word(parser: &mut lexopt::Parser) -> Result<First, Error> {
    match parser.next().map_err(from_lexopt)? {
        None => Err(Error::usage("no command is given").hint("'bgp help' lists the commands")),
        Some(Arg::Short('h') | Arg::Long("help")) => {
            Ok(First::Done(Request::Help(None, Format::Text)))
        }
        Some(Arg::Short('V') | Arg::Long("version")) => Ok(First::Done(Request::Version)),
        Some(Arg::Value(word)) => find(&word).map(First::Command),
        Some(option @ (Arg::Short(_) | Arg::Long(_))) => Err(Error::usage(format!(
            "no command before {}",
            quoted(&dashed(&option))
        ))
        .hint("options follow the command, as in 'bgp list --json'")),
    }
}

fn find(word: &OsStr) -> Result<&'static Command, Error> {
    let word = word.to_string_lossy();
    commands::find(&word).ok_or_else(|| {
        let error = Error::usage(format!("unknown command {}", quoted(&word)));
        match closest(&word, commands::names()) {
            Some(near) => error.hint(format!(
                "did you mean 'bgp {near}'? 'bgp help' lists them all"
            )),
            None => {
                error.hint("'bgp help' lists the commands; 'bgp start COMMAND' runs one of yours")
            }
        }
    })
}

impl Matches {
    /// Takes all arguments; or the request for help, when that comes first.
    fn read(&mut self, parser: &mut lexopt::Parser) -> Result<Option<Request>, Error> {
        while let Some(argument) = parser.next().map_err(from_lexopt)? {
            let flag = match argument {
                Arg::Value(word) => {
                    self.operand(word)?;
                    if let Operands::CommandOr(_) = self.command.operands {
                        self.operands
                            .extend(parser.raw_args().map_err(from_lexopt)?);
                    }
                    continue;
                }
                Arg::Long(long) => self.command.flag(long),
                Arg::Short(short) => self
                    .command
                    .all_flags()
                    .find(|flag| flag.short == Some(short)),
            };
            let Some(flag) = flag else {
                return Err(self.unknown(&argument));
            };
            if flag.long == "help" {
                return Ok(Some(Request::Help(Some(self.command), self.format())));
            }
            if self.has(flag.long) && !flag.repeatable {
                return Err(Error::usage(format!("--{} is given twice", flag.long))
                    .hint("give it once; nothing was done"));
            }
            let parsed = match flag.value {
                None => Parsed::Switch,
                Some((kind, placeholder)) => {
                    let value = parser.value().map_err(|_| {
                        Error::usage(format!("--{} needs a value", flag.long))
                            .hint(format!("write --{} {placeholder}", flag.long))
                    })?;
                    Parsed::read(kind, value).map_err(|error| Error {
                        message: format!("--{}: {}", flag.long, error.message),
                        ..error
                    })?
                }
            };
            self.flags.push((flag, parsed));
        }
        self.check_flags()?;
        self.check_operands()?;
        Ok(None)
    }

    fn unknown(&self, option: &Arg<'_>) -> Error {
        let name = self.command.name;
        let typed = dashed(option);
        let error = Error::usage(format!("'bgp {name}' has no option {}", quoted(&typed)));
        let near = match option {
            Arg::Long(long) => closest(long, self.command.all_flags().map(|flag| flag.long)),
            Arg::Short(_) | Arg::Value(_) => None,
        };
        match (near, self.command.operands) {
            (Some(near), _) => error.hint(format!(
                "did you mean --{near}? 'bgp {name} --help' lists them all"
            )),
            (None, Operands::IdAndText { .. }) => error.hint(format!(
                "'--' goes before a text that begins with a dash, as in 'bgp {name} ID -- -x'"
            )),
            (None, Operands::CommandOr(_)) => error.hint(format!(
                "options of the command stand after it; 'bgp {name} --help' lists bgp's own"
            )),
            (None, _) => error.hint(format!("'bgp {name} --help' lists its options")),
        }
    }

    fn operand(&mut self, word: OsString) -> Result<(), Error> {
        let name = self.command.name;
        let most = match self.command.operands {
            Operands::None => 0,
            Operands::Id | Operands::Topic | Operands::Shell | Operands::Session => 1,
            Operands::IdAndText { .. } | Operands::IdAndSignal => 2,
            Operands::Change => 3,
            Operands::AnyIds | Operands::Ids | Operands::Words | Operands::CommandOr(_) => {
                usize::MAX
            }
        };
        let shown = quoted(&Bytes::from(word.as_os_str()).escaped());
        if self.operands.len() >= most {
            let error = Error::usage(format!("unexpected argument {shown}"));
            return Err(error.hint(match self.command.operands {
                Operands::IdAndText { .. } => "put a text of several words in quotes".to_owned(),
                _ => self.usage(),
            }));
        }
        let is_id = self.command.operands.is_id(self.operands.len());
        match self.command.operands {
            Operands::Change if self.operands.is_empty() && word != "set" => {
                return Err(Error::usage(format!("unexpected argument {shown}")).hint(self.usage()));
            }
            Operands::CommandOr(_) if word.is_empty() => {
                return Err(Error::usage("the command is empty").hint(self.usage()));
            }
            _ if is_id && word.is_empty() => {
                return Err(Error::usage("an ID is empty").hint(format!(
                    "'bgp list' shows the IDs; a variable given to 'bgp {name}' may be unset"
                )));
            }
            _ if is_id && word.to_str().is_none() => {
                return Err(
                    Error::usage(format!("{shown} is not an ID")).hint("'bgp list' shows the IDs")
                );
            }
            _ => {}
        }
        self.operands.push(word);
        Ok(())
    }

    fn check_flags(&self) -> Result<(), Error> {
        for (flag, _) in &self.flags {
            if let Some(other) = flag.not_with.iter().find(|other| self.has(other)) {
                return Err(Error::usage(format!(
                    "--{} and --{other} contradict each other",
                    flag.long
                ))
                .hint("give one of them"));
            }
            if let Some(other) = flag.only_with
                && !self.has(other)
            {
                return Err(Error::usage(format!(
                    "--{} means nothing without --{other}",
                    flag.long
                ))
                .hint(format!("give --{other} too")));
            }
        }
        Ok(())
    }

    fn check_operands(&self) -> Result<(), Error> {
        let selecting = self.flags.iter().find(|(flag, _)| flag.selects);
        match (self.command.operands, self.operands.is_empty(), selecting) {
            (Operands::Id | Operands::Ids | Operands::AnyIds, false, Some((flag, _))) => Err(
                Error::usage(format!("an ID and --{} contradict each other", flag.long))
                    .hint("give IDs, or say which are meant, not both"),
            ),
            (Operands::IdAndText { .. } | Operands::IdAndSignal, true, _)
            | (Operands::Id | Operands::Ids, true, None) => {
                Err(Error::usage("no ID is given").hint(self.usage()))
            }
            (Operands::IdAndText { instead, beside }, false, _) => {
                let in_place = instead.iter().find(|flag| self.has(flag));
                match (self.text_after_id(), in_place) {
                    (None, None) if !self.has(beside) => {
                        Err(Error::usage("no text is given").hint(self.usage()))
                    }
                    (Some(_), Some(instead)) => Err(Error::usage(format!(
                        "--{instead} and a text contradict each other"
                    ))
                    .hint("give one of them")),
                    _ => Ok(()),
                }
            }
            (Operands::Session, false, _) => match self.operands[0].to_str() {
                Some(name) => values::label(name).map(drop).map_err(|error| Error {
                    message: format!("the session's name: {}", error.message),
                    ..error
                }),
                None => Err(Error::usage("the session's name is not UTF-8").hint(self.usage())),
            },
            (Operands::Shell, true, _) => Err(Error::usage("no shell is given").hint(self.usage())),
            (Operands::Shell, false, _) => {
                Parsed::read(Value::OneOf(SHELLS), self.operands[0].clone()).map(drop)
            }
            (Operands::IdAndSignal, false, _) => match self.text_after_id() {
                None => Err(Error::usage("no signal is given").hint(self.usage())),
                Some(word) => Parsed::read(Value::Signal, word.to_owned()).map(drop),
            },
            (Operands::Change, false, _) if self.operands.len() < 3 => {
                let missing = ["setting", "value"][self.operands.len() - 1];
                Err(Error::usage(format!("no {missing} is given")).hint(self.usage()))
            }
            (Operands::CommandOr(flag), empty, _) => match (empty, self.has(flag)) {
                (true, false) => Err(Error::usage("no command is given").hint(self.usage())),
                (false, true) => Err(Error::usage(format!(
                    "--{flag} and another command contradict each other"
                ))
                .hint(format!(
                    "give the whole line to --{flag}, in quotes, or leave that out"
                ))),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// A hint at how the command is called.
    fn usage(&self) -> String {
        let ways: Vec<String> = self
            .command
            .usage
            .iter()
            .map(|usage| format!("bgp {} {usage}", self.command.name))
            .collect();
        format!("usage: {}", ways.join(", or "))
    }

    /// `bgp help COMMAND`.
    fn topic(&self) -> Result<Request, Refusal> {
        let topic = match self.operands.first() {
            None => None,
            Some(word) => Some(find(word).map_err(|error| refusal(error, self.has("json")))?),
        };
        Ok(Request::Help(topic, self.format()))
    }
}

/// The option as it was typed.
fn dashed(option: &Arg<'_>) -> String {
    match option {
        Arg::Short(short) => format!("-{short}"),
        Arg::Long(long) => format!("--{long}"),
        Arg::Value(value) => value.to_string_lossy().into_owned(),
    }
}

fn from_lexopt(error: lexopt::Error) -> Error {
    match error {
        lexopt::Error::UnexpectedValue { option, value } => Error::usage(format!(
            "{option} takes no value, but was given {}",
            quoted(&value.to_string_lossy())
        ))
        .hint(format!("write {option} alone")),
        other => Error::usage(other.to_string()).hint("'bgp help' lists the commands"),
    }
}

#[cfg(test)]
mod tests;
