//! The configuration: what may be set, what is set, and where it comes from.
//!
//! - [`table`] has a row for each setting; all else derives from it.
//! - [`value`] is what one is set to, [`document`] the JSON text, [`mod@file`] the file with it.
//!
//! A file that is not there sets nothing. One that is faulty sets nothing either, and says why: whoever
//! reads a configuration decides whether that matters.
//! Does not: print, or know the commands.

mod document;
mod file;
pub(crate) mod table;
mod value;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::model::error::Error;
use crate::store::environment::Environment;
use document::{Document, Fault};
use table::{Default, Key, SETTINGS, Setting};
pub(crate) use value::Value;

/// What the configuration file says, and so what holds.
pub(crate) struct Configuration {
    /// Where the file is or would be; `None` where there is no home.
    pub(crate) path: Option<PathBuf>,
    pub(crate) file: FileState,
    pub(crate) settings: Settings,
}

/// What became of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileState {
    Absent,
    Read,
    /// Nothing of it holds.
    Faulty(Error),
}

/// All settings, each with where its value comes from.
pub(crate) struct Settings([Held; SETTINGS.len()]);

/// The value that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) value: Value,
    pub(crate) source: Source,
}

/// Who said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File,
}

impl Configuration {
    /// Reads the file that `environment` leads to.
    pub(crate) fn read(environment: &Environment) -> Self {
        let (path, read) = match file::location(environment) {
            Ok(None) => (None, Ok(None)),
            Ok(Some(path)) => {
                let read = file::read(&path);
                (Some(path), read)
            }
            Err(error) => (None, Err(error)),
        };
        let mut settings = Settings::defaults(environment);
        let parsed = read.and_then(|text| match (&path, text) {
            (Some(path), Some(text)) => {
                let parsed = Document::parse(&text).and_then(|document| document.settings());
                parsed.map(Some).map_err(|fault| told(path, fault))
            }
            _ => Ok(None),
        });
        let file = match parsed {
            Ok(None) => FileState::Absent,
            Ok(Some(set)) => {
                for (setting, value) in set {
                    settings.0[setting.key as usize] = Held {
                        value,
                        source: Source::File,
                    };
                }
                FileState::Read
            }
            Err(error) => FileState::Faulty(error),
        };
        Self {
            path,
            file,
            settings,
        }
    }
}

impl Settings {
    /// What holds when nothing is set.
    fn defaults(environment: &Environment) -> Self {
        Self(SETTINGS.each_ref().map(|setting| Held {
            value: match setting.default {
                Default::Number(number) => Value::Number(number),
                Default::Shell(_) => Value::Text(shell_of_caller(environment)),
            },
            source: Source::Default,
        }))
    }

    /// Every setting with the value that holds, in the order of the table.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static Setting, &Held)> {
        SETTINGS.iter().zip(&self.0)
    }

    /// The shell for a line.
    pub(crate) fn shell_path(&self) -> &OsStr {
        self.of(Key::ShellPath).value.text()
    }

    /// How many lines of output are shown; 0 for all.
    pub(crate) fn default_tail_lines(&self) -> u64 {
        self.of(Key::DefaultTailLines).value.number()
    }

    /// From TERM to KILL when nobody says otherwise.
    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.of(Key::GraceSeconds).value.number())
    }

    /// The same, if the file says it.
    pub(crate) fn grace_of_file(&self) -> Option<Duration> {
        let set = self.of(Key::GraceSeconds).source == Source::File;
        set.then(|| self.grace())
    }

    /// How often `watch` looks.
    pub(crate) fn watch_interval(&self) -> Duration {
        Duration::from_secs(self.of(Key::IntervalSeconds).value.number())
    }

    /// How large a log may grow.
    pub(crate) fn log_max_bytes(&self) -> u64 {
        self.of(Key::MaxBytes).value.number()
    }

    fn of(&self, key: Key) -> &Held {
        &self.0[key as usize]
    }
}

impl Source {
    /// The word for it, in JSON too.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
        }
    }
}

/// Sets `setting` to `value` in the file at `path`, which is made if it is missing. What else is in it stays, even if
/// it is faulty.
///
/// # Errors
///
/// The file is no JSON object, so that nobody knows what to keep (2); it cannot be written (15, 1).
pub(crate) fn set(path: &Path, setting: &Setting, value: &Value) -> Result<(), Error> {
    file::replace(path, |old| {
        let mut document = match old {
            Some(text) => Document::parse(&text).map_err(|fault| told(path, fault))?,
            None => Document::empty(),
        };
        document
            .set(setting, value)
            .map_err(|fault| told(path, fault))?;
        Ok(document.text())
    })
}

fn told(path: &Path, fault: Fault) -> Error {
    Error::usage(format!("'{}' {}", path.display(), fault.what)).hint(fault.hint)
}

/// The caller's shell if it speaks the language of sh, else `/bin/sh`.
fn shell_of_caller(environment: &Environment) -> OsString {
    const LIKE_SH: [&[u8]; 5] = [b"sh", b"bash", b"dash", b"ksh", b"zsh"];
    let shell = environment.get("SHELL").unwrap_or_default();
    let base = shell.as_bytes().rsplit(|byte| *byte == b'/').next();
    if shell.as_bytes().starts_with(b"/") && LIKE_SH.contains(&base.unwrap_or_default()) {
        shell.to_owned()
    } else {
        "/bin/sh".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TempDir;

    #[test]
    fn only_a_shell_that_speaks_sh_runs_a_line() {
        for (variable, expected) in [
            ("/bin/bash", "/bin/bash"),
            ("/usr/bin/zsh", "/usr/bin/zsh"),
            ("/usr/bin/fish", "/bin/sh"),
            ("/opt/nu", "/bin/sh"),
            ("bash", "/bin/sh"),
            ("", "/bin/sh"),
        ] {
            let environment = Environment::new([("SHELL", variable)]);
            let settings = Settings::defaults(&environment);
            assert_eq!(settings.shell_path(), expected, "{variable}");
        }
        let settings = Settings::defaults(&Environment::new::<&str, &str>([]));
        assert_eq!(settings.shell_path(), "/bin/sh");
        assert_eq!(settings.default_tail_lines(), 20);
        assert_eq!(settings.grace(), Duration::from_secs(5));
        assert_eq!(settings.grace_of_file(), None);
    }

    #[test]
    fn what_is_set_holds_and_a_faulty_file_sets_nothing() {
        let temp = TempDir::new();
        let environment = Environment::new([
            ("XDG_CONFIG_HOME", temp.path()),
            ("SHELL", Path::new("/bin/zsh")),
        ]);
        let path = temp.path().join("bgp/config.json");
        assert_eq!(Configuration::read(&environment).file, FileState::Absent);

        for (dotted, value) in [
            ("execution.shellPath", Value::Text("/bin/dash".into())),
            ("processes.stop.graceSeconds", Value::Number(2)),
        ] {
            set(&path, table::find(dotted).unwrap(), &value).unwrap();
        }
        let read = Configuration::read(&environment);
        assert_eq!(
            (read.file, read.path),
            (FileState::Read, Some(path.clone()))
        );
        assert_eq!(read.settings.shell_path(), "/bin/dash");
        assert_eq!(read.settings.grace_of_file(), Some(Duration::from_secs(2)));
        let from: Vec<&str> = read
            .settings
            .all()
            .map(|(_, held)| held.source.word())
            .collect();
        assert_eq!(from, ["file", "default", "file", "default", "default"]);

        std::fs::write(&path, r#"{"processes":{"stop":{"graceSeconds":1},"x":1}}"#).unwrap();
        let faulty = Configuration::read(&environment);
        let FileState::Faulty(error) = faulty.file else {
            panic!("{:?}", faulty.file);
        };
        assert!(
            error
                .message
                .starts_with(&format!("'{}' has the unknown key", path.display()))
        );
        assert_eq!(faulty.settings.grace_of_file(), None);
        assert_eq!(faulty.settings.shell_path(), "/bin/zsh");
    }
}
