//! How long a process is to live: for how long at most, as long as which other process, and whether it is
//! run again when it has ended.
//!
//! Does not: look at clocks or processes.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What was asked about the life of a process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Lifetime {
    /// It is stopped when it has lived so long, all runs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timeout_ms: Option<u64>,
    /// It is stopped when this process has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) owner: Option<Owner>,
    #[serde(skip_serializing_if = "Restart::is_never")]
    pub(crate) restart: Restart,
}

impl Lifetime {
    /// Whether nothing was asked.
    pub(crate) fn is_its_own(&self) -> bool {
        *self == Self::default()
    }
}

/// A process of this boot: its number alone may come to mean another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) pid: i32,
    /// When the kernel says it started.
    pub(crate) start: u64,
}

/// When a command that has ended is run again. Written `no`, `on-failure`, `always:3`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Restart {
    pub(crate) when: When,
    /// How often at most; without it for ever.
    pub(crate) max: Option<u64>,
}

/// After which ends a command is run again. After a stop it never is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum When {
    #[default]
    Never,
    /// When it failed or crashed.
    OnFailure,
    Always,
}

impl Restart {
    /// Reads `no`, `on-failure` or `always`, the latter two perhaps with `:N`, N from 1.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (word, max) = match text.split_once(':') {
            Some((word, max)) => {
                let digits = !max.is_empty() && max.bytes().all(|byte| byte.is_ascii_digit());
                let max: u64 = digits.then(|| max.parse().ok()).flatten()?;
                (word, Some(max).filter(|max| *max > 0)?.into())
            }
            None => (text, None),
        };
        let when = match word {
            "no" if max.is_none() => When::Never,
            "on-failure" => When::OnFailure,
            "always" => When::Always,
            _ => return None,
        };
        Some(Self { when, max })
    }

    /// Whether it is never run again.
    pub(crate) fn is_never(&self) -> bool {
        self.when == When::Never
    }
}

impl fmt::Display for Restart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.when {
            When::Never => "no",
            When::OnFailure => "on-failure",
            When::Always => "always",
        })?;
        self.max.map_or(Ok(()), |max| write!(f, ":{max}"))
    }
}

impl From<Restart> for String {
    fn from(restart: Restart) -> Self {
        restart.to_string()
    }
}

impl TryFrom<String> for Restart {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("'{text}' is no restart policy"))
    }
}

/// The pause before the first restart, and the longest.
const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LONGEST: Duration = Duration::from_secs(60);
/// A run as long as this begins anew with the shortest pause.
const BACKOFF_RESET: Duration = Duration::from_secs(10);

/// The pauses between runs: each twice as long as the one before it, up to a bound.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    first: Duration,
    next: Duration,
}

impl Backoff {
    /// From 1 s on, or from `first`.
    pub(crate) fn new(first: Option<Duration>) -> Self {
        let first = first.unwrap_or(BACKOFF_FIRST);
        Self { first, next: first }
    }

    /// The pause after a run of this length; `random` of 0 to 1 makes it up to a fifth shorter or longer,
    /// so that what failed together does not try again together.
    pub(crate) fn after(&mut self, run: Duration, random: f64) -> Duration {
        if run >= BACKOFF_RESET {
            self.next = self.first;
        }
        let pause = self.next.mul_f64(0.8 + 0.4 * random.clamp(0.0, 1.0));
        self.next = (self.next * 2).min(BACKOFF_LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_strictly_and_written_as_they_are_read() {
        for text in ["no", "on-failure", "always", "on-failure:1", "always:20"] {
            let restart = Restart::parse(text).unwrap();
            assert_eq!(restart.to_string(), text);
            let json = serde_json::to_string(&restart).unwrap();
            assert_eq!(serde_json::from_str::<Restart>(&json).unwrap(), restart);
        }
        for bad in [
            "",
            "yes",
            "no:1",
            "always:",
            "always:0",
            "always:-1",
            "always:+1",
            "always:1.5",
            "Always",
            "always:99999999999999999999",
            "on-failure:3:4",
            " always",
        ] {
            assert_eq!(Restart::parse(bad), None, "{bad}");
        }
        assert!(serde_json::from_str::<Restart>("\"sometimes\"").is_err());
    }

    #[test]
    fn pauses_double_to_a_minute_and_begin_anew_after_a_long_run() {
        let mut backoff = Backoff::new(None);
        let short = Duration::from_millis(9_999);
        let pauses: Vec<u64> = (0..8)
            .map(|_| backoff.after(short, 0.5).as_secs())
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.after(BACKOFF_RESET, 0.5), BACKOFF_FIRST);
        assert_eq!(backoff.after(short, 0.5), 2 * BACKOFF_FIRST);
    }

    #[test]
    fn chance_moves_a_pause_by_a_fifth_at_most() {
        for (random, millis) in [(0.0, 800), (1.0, 1200), (-1.0, 800), (2.0, 1200)] {
            let pause = Backoff::new(None).after(Duration::ZERO, random);
            assert_eq!(pause.as_millis(), millis);
        }
    }
}
