//! The life of a process as one total function of status and event.
//!
//! Does not: know how an event was seen. The supervisor feeds it what it saw; what a dead supervisor
//! left is judged by who finds the lease free.

use serde::{Deserialize, Serialize};

/// Where a process is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// A restart waits for its time.
    Starting,
    /// The leader lives.
    Running,
    /// Asked to stop and not gone yet.
    Stopping,
    /// Ended with code 0.
    Exited,
    /// Ended after bgp was asked to stop it, or by an outside TERM, INT, HUP or QUIT.
    Killed,
    /// Ended by another signal, or by a code that is a shell's way to say so.
    Crashed,
    /// Ended with any other code.
    Failed,
    /// Nobody knows how it ended: its supervisor is gone without a word.
    Lost,
}

impl Status {
    /// All of them, in the order of a life.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 8] = [
        Self::Starting,
        Self::Running,
        Self::Stopping,
        Self::Exited,
        Self::Killed,
        Self::Crashed,
        Self::Failed,
        Self::Lost,
    ];

    /// The word for it, in tables and JSON.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Exited => "exited",
            Self::Killed => "killed",
            Self::Crashed => "crashed",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }

    /// Whether the leader has not ended for good.
    #[must_use]
    pub(crate) fn is_live(self) -> bool {
        match self {
            Self::Starting | Self::Running | Self::Stopping => true,
            Self::Exited | Self::Killed | Self::Crashed | Self::Failed | Self::Lost => false,
        }
    }

    /// Where `event` leads from here.
    pub(crate) fn after(self, event: Event) -> Self {
        match (self, event) {
            // Only a restart leads out of an end.
            (Self::Exited | Self::Crashed | Self::Failed | Self::Killed, Event::RestartPlanned) => {
                Self::Starting
            }
            (Self::Starting | Self::Running | Self::Stopping, Event::SupervisorGone) => Self::Lost,
            (Self::Starting, Event::Started) => Self::Running,
            (Self::Running, Event::StopAsked) => Self::Stopping,
            (Self::Starting, Event::StopAsked) | (Self::Stopping, Event::Ended(_)) => Self::Killed,
            (Self::Starting | Self::Running, Event::Ended(how)) => how.status(),
            (Self::Running | Self::Stopping, Event::Started | Event::RestartPlanned)
            | (Self::Starting, Event::RestartPlanned)
            | (Self::Stopping, Event::StopAsked)
            | (Self::Exited | Self::Killed | Self::Crashed | Self::Failed | Self::Lost, _) => self,
        }
    }
}

/// What can happen to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The command was executed.
    Started,
    /// bgp was asked to stop it.
    StopAsked,
    /// The leader ended.
    Ended(How),
    /// It ended, and its restart policy will run it again.
    RestartPlanned,
    /// The lease is free and no end is recorded.
    SupervisorGone,
}

/// How a leader ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// With this code.
    Code(i32),
    /// By the signal of this number.
    Signal(i32),
}

/// Signals that mean a crash when a code of 128 plus the number reports them.
const CRASH_SIGNALS: [i32; 10] = [
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGKILL,
    libc::SIGSEGV,
    libc::SIGSYS,
    libc::SIGXCPU,
    libc::SIGXFSZ,
];

impl How {
    /// What an end that nobody asked for is called.
    fn status(self) -> Status {
        match self {
            Self::Code(0) => Status::Exited,
            Self::Code(code) if CRASH_SIGNALS.contains(&code.wrapping_sub(128)) => Status::Crashed,
            Self::Code(_) => Status::Failed,
            Self::Signal(libc::SIGTERM | libc::SIGINT | libc::SIGHUP | libc::SIGQUIT) => {
                Status::Killed
            }
            Self::Signal(_) => Status::Crashed,
        }
    }

    /// The code a shell gives: the code, or 128 and the signal.
    pub(crate) fn shell_code(self) -> i32 {
        match self {
            Self::Code(code) => code,
            Self::Signal(signal) => signal.saturating_add(128),
        }
    }
}

/// Why a status is what it is, where the status alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    /// `bgp stop`.
    Stop,
    /// A signal that was no stop of bgp's.
    Signal,
    /// Its `--timeout` was over.
    Timeout,
    /// The process it was to end with has ended: also the `bgp start` that began it, before it was through.
    Owner,
    /// Its session was ended.
    Session,
    /// `start --replace` took its name.
    Replaced,
    /// `bgp restart`.
    Restart,
    /// Its supervisor was told to end.
    SupervisorTerminated,
    /// A restart waits for its time.
    Backoff,
    /// The machine went down.
    Reboot,
    /// Its supervisor was killed.
    SupervisorKilled,
    /// Its status block is damaged.
    Damaged,
}

impl Reason {
    /// The word for it, in tables and JSON.
    #[must_use]
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Signal => "signal",
            Self::Timeout => "timeout",
            Self::Owner => "owner",
            Self::Session => "session",
            Self::Replaced => "replaced",
            Self::Restart => "restart",
            Self::SupervisorTerminated => "supervisor-terminated",
            Self::Backoff => "backoff",
            Self::Reboot => "reboot",
            Self::SupervisorKilled => "supervisor-killed",
            Self::Damaged => "damaged",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_life_on_one_screen() {
        let events = [
            Event::Started,
            Event::StopAsked,
            Event::Ended(How::Code(0)),
            Event::Ended(How::Code(1)),
            Event::Ended(How::Code(137)),
            Event::Ended(How::Signal(libc::SIGTERM)),
            Event::Ended(How::Signal(libc::SIGKILL)),
            Event::RestartPlanned,
            Event::SupervisorGone,
        ];
        let mut table = String::from(
            "status    started  stop     code 0   code 1   code 137 TERM     KILL     restart  gone\n",
        );
        for status in Status::ALL {
            let cells: Vec<String> = events
                .iter()
                .map(|event| match status.after(*event) {
                    same if same == status => format!("{:8}", "-"),
                    next => format!("{:8}", next.word()),
                })
                .collect();
            table.push_str(format!("{:9} {}", status.word(), cells.join(" ")).trim_end());
            table.push('\n');
        }
        assert_eq!(
            table,
            "\
status    started  stop     code 0   code 1   code 137 TERM     KILL     restart  gone
starting  running  killed   exited   failed   crashed  killed   crashed  -        lost
running   -        stopping exited   failed   crashed  killed   crashed  -        lost
stopping  -        -        killed   killed   killed   killed   killed   -        lost
exited    -        -        -        -        -        -        -        starting -
killed    -        -        -        -        -        -        -        starting -
crashed   -        -        -        -        -        -        -        starting -
failed    -        -        -        -        -        -        -        starting -
lost      -        -        -        -        -        -        -        -        -
"
        );
    }

    #[test]
    fn codes_and_signals_are_told_apart_as_a_shell_does() {
        let status = |how| Status::Running.after(Event::Ended(how));
        for signal in ["INT", "HUP", "QUIT", "TERM"] {
            let number = crate::model::signal::number(signal).unwrap();
            assert_eq!(status(How::Signal(number)), Status::Killed, "{signal}");
            assert_eq!(
                status(How::Code(128 + number)),
                Status::Failed,
                "128 + {signal}"
            );
        }
        for signal in [
            "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "SEGV", "SYS", "XCPU", "XFSZ",
        ] {
            let number = crate::model::signal::number(signal).unwrap();
            assert_eq!(status(How::Signal(number)), Status::Crashed, "{signal}");
            assert_eq!(
                status(How::Code(128 + number)),
                Status::Crashed,
                "128 + {signal}"
            );
        }
        assert_eq!(status(How::Code(255)), Status::Failed);
        assert_eq!(status(How::Signal(libc::SIGUSR1)), Status::Crashed);
        assert_eq!(
            (How::Code(7).shell_code(), How::Signal(9).shell_code()),
            (7, 137)
        );
    }
}
