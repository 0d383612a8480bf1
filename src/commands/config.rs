//! `bgp config`: the settings, each with where it comes from; or one of them changed.
//!
//! Does not: need a password, or fail because the file is faulty. That is told, and the defaults shown.

use std::ffi::OsStr;
use std::path::Path;

use nix::unistd::{AccessFlags, access};
use serde::Serialize;
use serde_json::Value as Json;

use super::documents::SCHEMA;
use super::out::{Format, note};
use super::{Context, Outcome};
use crate::config::table::{Kind, Setting};
use crate::config::{self, Configuration, FileState, Value};
use crate::model::bytes::Bytes;
use crate::model::error::Error;
use crate::text::table::Table;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    schema: u32,
    /// The path of the file; null where there is no home.
    file: Option<String>,
    /// `absent`, `read` or `faulty`.
    state: &'static str,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    settings: Vec<SettingDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SettingDocument {
    key: String,
    value: Json,
    source: &'static str,
    allowed: String,
    default: String,
    help: &'static str,
}

/// Shows what holds.
///
/// # Errors
///
/// The output cannot be written.
pub(crate) fn show(context: &mut Context) -> Outcome {
    match context.format {
        Format::Json => {
            let document = document(&context.configuration);
            context.out.json(&document)?;
        }
        Format::Text => {
            let mut table = Table::new(&["SETTING", "VALUE", "FROM"]);
            for (setting, held) in context.settings().all() {
                table.row([&setting.dotted(), &held.value.words(), held.source.word()]);
            }
            let table = table.render(context.columns(), context.look());
            context.out.text(&table)?;
            context
                .out
                .line(&format!("\n{}", file(&context.configuration)))?;
        }
    }
    warn(context);
    Ok(0)
}

/// Sets `setting` to `value` in the file.
///
/// # Errors
///
/// No home, a shell that cannot be executed, a file that is no JSON (2); one that cannot be written.
pub(crate) fn set(context: &mut Context, setting: &Setting, value: &Value) -> Outcome {
    let Some(path) = context.configuration.path.clone() else {
        return Err(match &context.configuration.file {
            FileState::Faulty(error) => error.clone(),
            FileState::Absent | FileState::Read => {
                Error::usage("there is no place for the configuration: HOME is not set")
                    .hint("set HOME or XDG_CONFIG_HOME")
            }
        });
    };
    if let (Kind::Path, Value::Text(program)) = (setting.kind, value) {
        check_executable(setting, program)?;
    }
    config::set(&path, setting, value)?;
    context.configuration = Configuration::read(&context.environment);
    match context.format {
        Format::Json => {
            let document = document(&context.configuration);
            context.out.json(&document)?;
        }
        Format::Text => {
            let (name, value) = (setting.dotted(), value.words());
            let path = shown(&path);
            context
                .out
                .line(&format!("Set {name} to {value} in {path}"))?;
        }
    }
    warn(context);
    Ok(0)
}

/// Tells what is wrong with the file.
fn warn(context: &Context) {
    if let FileState::Faulty(error) = &context.configuration.file {
        note(&format!("{}; the defaults hold", error.message));
    }
}

fn check_executable(setting: &Setting, program: &OsStr) -> Result<(), Error> {
    let path = Path::new(program);
    if path.is_file() && access(path, AccessFlags::X_OK).is_ok() {
        return Ok(());
    }
    let message = format!(
        "{} cannot be '{}', which is no program that can be executed",
        setting.dotted(),
        program.display()
    );
    Err(Error::usage(message).hint("name one that is there, such as /bin/sh"))
}

fn document(configuration: &Configuration) -> Document {
    let (state, fault) = match &configuration.file {
        FileState::Absent => ("absent", None),
        FileState::Read => ("read", None),
        FileState::Faulty(error) => ("faulty", Some(error.message.clone())),
    };
    let settings = configuration
        .settings
        .all()
        .map(|(setting, held)| SettingDocument {
            key: setting.dotted(),
            value: held.value.json(),
            source: held.source.word(),
            allowed: setting.allowed(),
            default: setting.default_words(),
            help: setting.help,
        })
        .collect();
    Document {
        schema: SCHEMA,
        file: configuration.path.as_deref().map(shown),
        state,
        fault,
        settings,
    }
}

fn file(configuration: &Configuration) -> String {
    let Some(path) = &configuration.path else {
        return "No file: neither XDG_CONFIG_HOME nor HOME leads to one".to_owned();
    };
    let state = match &configuration.file {
        FileState::Absent => " (not there)",
        FileState::Read => "",
        FileState::Faulty(_) => " (faulty, so that nothing of it holds)",
    };
    format!("File: {}{state}", shown(path))
}

fn shown(path: &Path) -> String {
    Bytes::from(path.as_os_str()).escaped()
}
