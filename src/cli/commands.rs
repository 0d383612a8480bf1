//! Every command and every flag there is: the source of the parser, the help and all lists of them.
//!
//! Does not: contain code. What holds for all rows is tested here.

use super::table::{Command, Example, Flag, Operands, State, Value, Verb};
use crate::model::error::Kind;

const GROUP: Flag = Flag::with_value(
    "group",
    Value::Label,
    "GROUP",
    "those that were started with this group",
)
.selects();
const SESSION: Flag = Flag::with_value(
    "session",
    Value::Label,
    "SESSION",
    "those that were started in this session",
)
.selects();

/// What `output` does for one process only.
const ONE_BY_ONE: &[&str] = &["after", "follow", "raw", "path", "export"];

const LINES: Flag =
    Flag::with_value("lines", Value::Count, "N", "the last N lines; 0 for all").short('n');
const STDOUT: Flag = Flag::switch("stdout", "only the standard output");
const STDERR: Flag = Flag::switch("stderr", "only the standard error");
const AFTER: Flag = Flag::with_value(
    "after",
    Value::Cursor,
    "CURSOR",
    "all that was written after this place, nothing twice; a line that is not finished goes on next time",
)
.not_with(&["lines", "since"]);
const CURSOR: Flag = Flag::switch(
    "cursor",
    "tell the place behind what was shown, on stderr, for --after",
)
.not_with(&["json"]);
const SINCE: Flag = Flag::with_value(
    "since",
    Value::Duration,
    "TIME",
    "only what was written in the last TIME",
);
const GREP: Flag = Flag::with_value(
    "grep",
    Value::Regex,
    "RE",
    "only lines in which this regular expression is found",
);
const RAW: Flag = Flag::switch("raw", "the bytes as they were written");
const TIMESTAMPS: Flag = Flag::switch("timestamps", "begin each line with its time");

const ALERT_ON_OUTPUT: Flag = Flag::with_value(
    "alert-on-output",
    Value::Regex,
    "RE",
    "raise an alert when it writes a line in which this regular expression is found; may be repeated",
)
.repeatable();
const ALERT_ON_IDLE: Flag = Flag::with_value(
    "alert-on-idle",
    Value::Interval,
    "TIME",
    "raise an alert when it has written nothing for so long",
);

const AS: Flag = Flag::with_value(
    "as",
    Value::Label,
    "NAME",
    "read under this name, which has its own place among the alerts",
)
.default("default");

/// The commands, in the order of help.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        verb: Verb::Start,
        name: "start",
        aliases: &[],
        usage: &["[OPTIONS] COMMAND [ARGS…]", "[OPTIONS] -c LINE"],
        operands: Operands::CommandOr("command"),
        summary: "run a command in the background",
        description: &[
            "Runs COMMAND in the background and returns at once. It goes on when the terminal, the \
             shell or the session that started it ends; what it writes is kept, encrypted.",
            "The first word that is no option begins the command, and all that follows is the \
             command's, untouched; no shell looks at it. With -c a shell runs LINE.",
        ],
        flags: &[
            Flag::with_value("name", Value::Name, "NAME", "what to call it")
                .short('n')
                .default("made from the command"),
            Flag::with_value("command", Value::Bytes, "LINE", "let a shell run this line")
                .short('c'),
            Flag::with_value("cwd", Value::Path, "DIR", "where it runs").default("here"),
            Flag::with_value(
                "env",
                Value::Variable,
                "KEY=VALUE",
                "set a variable in its environment; may be repeated",
            )
            .short('e')
            .repeatable(),
            Flag::with_value(
                "env-file",
                Value::Path,
                "FILE",
                "set those of a file: KEY=VALUE lines taken as they stand, and # comments; may be \
                 repeated, and what is said later counts",
            )
            .repeatable(),
            Flag::switch(
                "clear-env",
                "give it nothing of this environment, not even PATH: only what -e and --env-file \
                 say, BGP_ID and BGP_NAME",
            ),
            Flag::with_value(
                "stdin",
                Value::Stdin,
                "pipe|null|FILE",
                "its standard input: a pipe that is held open, nothing, or a file",
            )
            .default("pipe"),
            Flag::switch(
                "pty",
                "a terminal of its own in place of the three pipes: for what needs one, or behaves \
                 better with one",
            )
            .not_with(&["stdin"]),
            Flag::with_value("size", Value::Window, "COLUMNSxROWS", "how large that is")
                .default("80x24")
                .only_with("pty"),
            Flag::with_value(
                "grace",
                Value::Duration,
                "TIME",
                "how long it may take to end when it is stopped, before it is killed",
            )
            .default("stop.graceSeconds of the configuration, or 5s"),
            Flag::with_value("group", Value::Label, "GROUP", "put it into a group"),
            Flag::with_value("session", Value::Label, "SESSION", "put it into a session")
                .default("$BGP_SESSION"),
            Flag::with_value(
                "max-log",
                Value::LogSize,
                "SIZE",
                "how large its log may grow, before its oldest output is dropped",
            )
            .default("logs.maxBytes of the configuration, or 64MiB"),
            Flag::with_value(
                "wait-for",
                Value::Condition,
                "RE|port:N",
                "return once this regular expression is found in a line of its output, or it listens \
                 on port N; if it ends before, with 7 and its last lines",
            ),
            Flag::with_value(
                "wait-timeout",
                Value::Duration,
                "TIME",
                "give up waiting after this time; it runs on",
            )
            .only_with("wait-for"),
            Flag::switch("replace", "stop a live process of that name first").only_with("name"),
            Flag::with_value(
                "timeout",
                Value::Duration,
                "TIME",
                "stop it when it has run so long, which counts as a failure",
            ),
            Flag::with_value(
                "with-pid",
                Value::Pid,
                "PID",
                "stop it when this process has ended",
            ),
            Flag::with_value(
                "restart",
                Value::Restart,
                "no|on-failure|always[:N]",
                "run it again when it fails, or whenever it ends, N times at most; after 1s, and longer \
                 each time up to 60s",
            )
            .default("no"),
            Flag::switch("alert-on-success", "raise an alert when it ends well"),
            Flag::switch("no-alert-on-failure", "raise none when it fails"),
            Flag::switch(
                "alert-on-kill",
                "raise an alert when it is killed or stopped",
            ),
            ALERT_ON_OUTPUT,
            ALERT_ON_IDLE,
        ],
        examples: &[
            Example {
                line: "bgp start -n web npm run dev",
                does: "start a server and call it web",
            },
            Example {
                line: "bgp start -c 'make 2>&1 | tee build.txt'",
                does: "a line for the shell",
            },
            Example {
                line: "bgp start -n web --wait-for port:8080 --wait-timeout 30s ./serve",
                does: "return when it can be connected to",
            },
            Example {
                line: "bgp start -n repl --pty python3",
                does: "a program that wants a terminal",
            },
            Example {
                line: "bgp start -e PORT=8080 --cwd site -- ./serve --verbose",
                does: "a variable, a directory, and options of its own",
            },
        ],
        state: State::Changed,
        failures: &[
            Kind::InTheWay,
            Kind::EndedBefore,
            Kind::Survivors,
            Kind::TimedOut,
            Kind::CannotRun,
            Kind::CommandNotFound,
            Kind::Interrupted,
            Kind::Terminated,
        ],
    },
    Command {
        verb: Verb::List,
        name: "list",
        aliases: &["ls", "ps"],
        usage: &["[OPTIONS]"],
        operands: Operands::None,
        summary: "list the processes",
        description: &[
            "One line a process, the oldest first: what it is called, how it is, since when, and its \
             command. A terminal gets what fits; in a pipe nothing is cut.",
        ],
        flags: &[
            Flag::switch("running", "only those of which something lives"),
            GROUP,
            SESSION,
        ],
        examples: &[
            Example {
                line: "bgp list --running",
                does: "what is going on",
            },
            Example {
                line: "bgp list --json",
                does: "all of it, for a program",
            },
        ],
        state: State::Read,
        failures: &[],
    },
    Command {
        verb: Verb::Status,
        name: "status",
        aliases: &[],
        usage: &["[OPTIONS] ID…"],
        operands: Operands::Ids,
        summary: "tell all about processes",
        description: &[
            "How a process is and what that means, its times, how it ended, what it used, what is left \
             of it, and its last lines.",
        ],
        flags: &[],
        examples: &[Example {
            line: "bgp status web",
            does: "why did it fail?",
        }],
        state: State::Read,
        failures: &[Kind::NotFound, Kind::Ambiguous],
    },
    Command {
        verb: Verb::Output,
        name: "output",
        aliases: &["logs"],
        usage: &[
            "[OPTIONS] ID",
            "[OPTIONS] --group GROUP",
            "[OPTIONS] --session SESSION",
        ],
        operands: Operands::Id,
        summary: "show what a process wrote",
        description: &[
            "The last lines of both streams, in the order in which they were read. Without --raw they \
             are cleaned: no escape sequences (but colours on a terminal), of a progress bar its last \
             state, and a line above 16 KiB is cut in its middle.",
            "--max-bytes keeps the beginning and the end of each stream, and says how much is left out \
             between them.",
            "With --group or --session it shows each of these under a line with its name; with --json it \
             writes one document for each.",
            "The log itself is encrypted: --path tells where it is, --export writes it out in clear as \
             proc_N_stdout.log and proc_N_stderr.log, which only their owner can read.",
        ],
        flags: &[
            LINES.default(
                "as the configuration says; all with --new, --after, --since, --grep, --max-bytes",
            ),
            STDOUT,
            STDERR,
            Flag::switch(
                "follow",
                "go on with what is written, until the command ends",
            )
            .short('f'),
            Flag::switch(
                "to-end",
                "with --follow: until all that it started has ended too",
            )
            .only_with("follow"),
            Flag::switch(
                "new",
                "all that this reader has not had yet, and remember that it has had that",
            )
            .not_with(&["lines", "stdout", "stderr", "follow", "after", "since"]),
            Flag::with_value(
                "as",
                Value::Label,
                "NAME",
                "with --new: read under this name, which has its own place in each output",
            )
            .default("default")
            .only_with("new"),
            AFTER,
            CURSOR,
            SINCE,
            GREP,
            Flag::with_value(
                "max-bytes",
                Value::Size,
                "SIZE",
                "at most so much text; of more, both ends",
            )
            .not_with(&["follow"]),
            RAW.not_with(&["json", "timestamps", "grep", "max-bytes"]),
            TIMESTAMPS,
            Flag::switch("path", "the log's files and their sizes in bytes").not_with(&[
                "lines",
                "stdout",
                "stderr",
                "follow",
                "new",
                "after",
                "cursor",
                "since",
                "grep",
                "max-bytes",
                "raw",
                "timestamps",
                "export",
            ]),
            Flag::with_value(
                "export",
                Value::Path,
                "DIR",
                "write all of it, decrypted, into this directory",
            )
            .not_with(&[
                "lines",
                "follow",
                "new",
                "after",
                "cursor",
                "since",
                "grep",
                "max-bytes",
                "raw",
                "timestamps",
            ]),
            Flag::switch("force", "with --export: over files that are there").only_with("export"),
            GROUP.not_with(ONE_BY_ONE),
            SESSION.not_with(ONE_BY_ONE),
        ],
        examples: &[
            Example {
                line: "bgp output web -n 50",
                does: "the last 50 lines",
            },
            Example {
                line: "bgp output web -f",
                does: "watch it",
            },
            Example {
                line: "bgp output build --grep 'error|warning' --max-bytes 8KiB",
                does: "what went wrong, and not more than one wants to read",
            },
            Example {
                line: "bgp output web -n 0 --stdout --raw > web.txt",
                does: "every byte of its standard output",
            },
        ],
        state: State::Read,
        failures: &[
            Kind::NotFound,
            Kind::Ambiguous,
            Kind::Interrupted,
            Kind::Terminated,
            Kind::Locked,
        ],
    },
    Command {
        verb: Verb::Stream,
        name: "stream",
        aliases: &[],
        usage: &["[OPTIONS] ID"],
        operands: Operands::Id,
        summary: "show what a process writes until it ends",
        description: &[
            "The same as output --follow: the last lines, and then all that is written until the \
             command ends. Ctrl-C ends the watching and not the process.",
        ],
        flags: &[
            LINES.default("as the configuration says; all with --after, --since, --grep"),
            STDOUT,
            STDERR,
            Flag::switch("to-end", "until all that it started has ended too"),
            AFTER,
            CURSOR,
            SINCE,
            GREP,
            RAW.not_with(&["json", "timestamps", "grep"]),
            TIMESTAMPS,
        ],
        examples: &[Example {
            line: "bgp stream web --grep ERROR",
            does: "watch for errors",
        }],
        state: State::Read,
        failures: &[
            Kind::NotFound,
            Kind::Ambiguous,
            Kind::Interrupted,
            Kind::Terminated,
        ],
    },
    Command {
        verb: Verb::Send,
        name: "send",
        aliases: &[],
        usage: &[
            "[OPTIONS] ID TEXT",
            "[OPTIONS] ID --key NAME…",
            "[OPTIONS] ID --file FILE",
            "[OPTIONS] ID --eof",
        ],
        operands: Operands::IdAndText {
            instead: &["file", "key"],
            beside: "eof",
        },
        summary: "type into a process",
        description: &[
            "Writes TEXT and a newline to the standard input of a process, exactly as given; to a \
             terminal TEXT and what its Enter key sends, a carriage return. What several send at the \
             same time arrives one after the other, each as a whole.",
            "It waits at most 2 seconds for room, and tells how many bytes were taken: a process that \
             does not read takes 64 KiB or so, and no more. One that reads to the end of its input, as \
             sort does, waits for --eof.",
            "Keys are C-a to C-z, Enter, Tab, S-Tab, Esc, Space, BSpace, Up, Down, Left, Right, Home, End, \
             PageUp, PageDown, IC, DC, F1 to F12 and single characters, each with C-, M- (Alt) or S- before \
             it. A pipe gets their bytes, of Enter a newline; C-c is no signal there, but 'bgp signal ID \
             INT' is one.",
        ],
        flags: &[
            Flag::switch("no-newline", "without the newline").short('n'),
            Flag::with_value(
                "file",
                Value::Path,
                "FILE",
                "the bytes of a file in place of TEXT; '-' is bgp's own standard input",
            )
            .not_with(&["no-newline"]),
            Flag::with_value(
                "key",
                Value::Keys,
                "NAME…",
                "keys in place of TEXT, as C-c, Enter, Up, F1, M-x; several with blanks between, and \
                 may be repeated",
            )
            .repeatable()
            .not_with(&["no-newline", "file"]),
            Flag::switch(
                "eof",
                "then close it, for good: the process reads an end of file; on a terminal send its \
                 end-of-file character, as C-d does",
            ),
            Flag::with_value(
                "timeout",
                Value::Duration,
                "TIME",
                "how long to wait for room",
            )
            .default("2s"),
        ],
        examples: &[
            Example {
                line: "bgp send web yes",
                does: "answer its question",
            },
            Example {
                line: "bgp send top --key 'Down Down' --key q",
                does: "keys, in this order",
            },
            Example {
                line: "bgp send sql --file dump.sql --eof",
                does: "all of a file, and the end of file",
            },
            Example {
                line: "bgp send -n web -- -q",
                does: "a text that begins with a dash, and no newline",
            },
        ],
        state: State::Read,
        failures: &[
            Kind::NotFound,
            Kind::Ambiguous,
            Kind::NotRunning,
            Kind::TimedOut,
            Kind::Interrupted,
            Kind::Terminated,
        ],
    },
    Command {
        verb: Verb::Screen,
        name: "screen",
        aliases: &[],
        usage: &["[OPTIONS] ID"],
        operands: Operands::Id,
        summary: "show the screen of a process with a terminal",
        description: &[
            "What stands on the terminal of a process that was started with --pty, as text; also of one \
             that has ended. Of much output the last 4 MiB are looked at.",
        ],
        flags: &[],
        examples: &[Example {
            line: "bgp screen repl",
            does: "what somebody who sat there would see",
        }],
        state: State::Read,
        failures: &[Kind::NotFound, Kind::Ambiguous],
    },
    Command {
        verb: Verb::Attach,
        name: "attach",
        aliases: &[],
        usage: &["[OPTIONS] ID"],
        operands: Operands::Id,
        summary: "take over the terminal of a process",
        description: &[
            "Shows the terminal of a process that was started with --pty in this one, types what is typed \
             here, and makes it as large. C-\\ leaves it; the process goes on. One at a time may have it.",
            "This terminal is set as it was found when it is left, when the process ends, and when bgp is \
             ended by a signal other than KILL.",
        ],
        flags: &[],
        examples: &[Example {
            line: "bgp attach repl",
            does: "sit down at it; C-\\ gets up again",
        }],
        state: State::Read,
        failures: &[
            Kind::NotFound,
            Kind::Ambiguous,
            Kind::NotRunning,
            Kind::InTheWay,
            Kind::HungUp,
            Kind::Interrupted,
            Kind::Terminated,
        ],
    },
    Command {
        verb: Verb::Signal,
        name: "signal",
        aliases: &[],
        usage: &["[OPTIONS] ID SIGNAL"],
        operands: Operands::IdAndSignal,
        summary: "send one signal to a process",
        description: &[
            "Signals the process group of the command. SIGNAL is a name or a number: HUP, SIGHUP, 1. \
             STOP pauses it and CONT lets it go on; to end a process with all that it started there \
             is 'bgp stop'.",
        ],
        flags: &[],
        examples: &[Example {
            line: "bgp signal web HUP",
            does: "most servers read their configuration again",
        }],
        state: State::Read,
        failures: &[Kind::NotFound, Kind::Ambiguous, Kind::NotRunning],
    },
    Command {
        verb: Verb::Stop,
        name: "stop",
        aliases: &["kill"],
        usage: &[
            "[OPTIONS] ID…",
            "[OPTIONS] --all",
            "[OPTIONS] --group GROUP",
            "[OPTIONS] --session SESSION",
        ],
        operands: Operands::Ids,
        summary: "end processes and all that they started",
        description: &[
            "Asks the whole tree of each process to end (TERM), and kills what is left when the grace \
             is over. It returns when nothing lives, or says what could not be killed.",
        ],
        flags: &[
            Flag::with_value(
                "grace",
                Value::Duration,
                "TIME",
                "how long they may take to end, before they are killed",
            )
            .default("as started"),
            Flag::switch("force", "kill at once").not_with(&["grace"]),
            Flag::switch("all", "every process")
                .selects()
                .not_with(&["group", "session"]),
            GROUP,
            SESSION,
        ],
        examples: &[
            Example {
                line: "bgp stop web db",
                does: "end two of them",
            },
            Example {
                line: "bgp stop --all --grace 10s",
                does: "end everything, gently",
            },
        ],
        state: State::Read,
        failures: &[
            Kind::NotFound,
            Kind::Ambiguous,
            Kind::NotRunning,
            Kind::Survivors,
            Kind::Interrupted,
            Kind::Terminated,
        ],
    },
    Command {
        verb: Verb::Restart,
        name: "restart",
        aliases: &[],
        usage: &[
            "[OPTIONS] ID…",
            "[OPTIONS] --group GROUP",
            "[OPTIONS] --session SESSION",
        ],
        operands: Operands::Ids,
        summary: "stop processes and start them anew",
        description: &[
            "Stops each process if it lives, and starts it anew under its name: the same command, \
             directory, environment and options as the first time, whatever they are here. The new one \
             has an id and a log of its own; the old one stays on record. Of a group or session the \
             newest of each name is restarted.",
        ],
        flags: &[GROUP, SESSION],
        examples: &[
            Example {
                line: "bgp restart web",
                does: "after a change that it does not see by itself",
            },
            Example {
                line: "bgp restart --group dev",
                does: "all of a group",
            },
        ],
        state: State::Changed,
        failures: &[
            Kind::NotFound,
            Kind::Ambiguous,
            Kind::InTheWay,
            Kind::Survivors,
            Kind::Damaged,
            Kind::CannotRun,
            Kind::CommandNotFound,
        ],
    },
    Command {
        verb: Verb::Wait,
        name: "wait",
        aliases: &[],
        usage: &[
            "[OPTIONS] ID…",
            "[OPTIONS] --group GROUP",
            "[OPTIONS] --session SESSION",
        ],
        operands: Operands::Ids,
        summary: "wait until processes end, or something comes before",
        description: &[
            "Ends with the process's own code: 128 and the number of a signal that ended it, 1 if \
             nobody knows how it ended. Of several it waits for all, and ends with the first code that \
             is not 0, in the order given. That code may be one of those below; --json tells them \
             apart.",
            "With --output, --port or --idle it waits until one of these holds, and ends with 0; or \
             with 7 if the process ends before. What it wrote before the wait counts, also a line \
             without a newline, as a prompt is.",
        ],
        flags: &[
            Flag::with_value(
                "output",
                Value::Regex,
                "RE",
                "until this regular expression is found in a line of its output; may be repeated",
            )
            .repeatable(),
            Flag::with_value(
                "after",
                Value::Cursor,
                "CURSOR",
                "with --output: only in what was written after this place; may be repeated, for \
                 several processes",
            )
            .repeatable()
            .only_with("output"),
            Flag::with_value(
                "port",
                Value::Port,
                "PORT",
                "until it, or what it started, listens on this TCP port",
            ),
            Flag::with_value(
                "idle",
                Value::Duration,
                "TIME",
                "until it has written nothing for so long",
            ),
            Flag::with_value(
                "timeout",
                Value::Duration,
                "TIME",
                "give up after this time",
            ),
            Flag::switch(
                "any",
                "wait for the first of several, and end with its code",
            ),
            Flag::switch(
                "cursor",
                "tell the place behind the line that was found, on stderr, for --after",
            )
            .only_with("output"),
            GROUP,
            SESSION,
        ],
        examples: &[
            Example {
                line: "bgp wait web --output 'listening on' --timeout 30s",
                does: "until it says that it is ready, or has ended",
            },
            Example {
                line: "bgp wait web --port 8080 --timeout 30s",
                does: "until it can be connected to",
            },
            Example {
                line: "bgp wait build --timeout 10m",
                does: "at most ten minutes",
            },
            Example {
                line: "bgp wait --any web db",
                does: "which ends first?",
            },
        ],
        state: State::Read,
        failures: &[
            Kind::NotFound,
            Kind::Ambiguous,
            Kind::EndedBefore,
            Kind::TimedOut,
            Kind::Interrupted,
            Kind::Terminated,
        ],
    },
    Command {
        verb: Verb::Watch,
        name: "watch",
        aliases: &[],
        usage: &["[OPTIONS] [ID…]"],
        operands: Operands::AnyIds,
        summary: "tell what happens, when it happens",
        description: &[
            "One line for each alert, as soon as it is raised: at once where the system tells of changes, \
             else within the interval. First those that this reader has not had. With IDs only theirs; \
             the others stay pending.",
            "Each is acknowledged once it is told, so that one who comes back hears what he missed. What \
             keeps it from looking is a line too; it goes on.",
        ],
        flags: &[
            Flag::switch("once", "end when something was told"),
            Flag::with_value(
                "timeout",
                Value::Duration,
                "TIME",
                "end after this time, with code 124",
            ),
            Flag::with_value(
                "interval",
                Value::Interval,
                "TIME",
                "how often to look when nothing wakes it",
            )
            .default("watch.intervalSeconds of the configuration, or 5s"),
            Flag::with_value(
                "exec",
                Value::Bytes,
                "LINE",
                "for each alert let sh run this line, with the alert as JSON on its standard input; for \
                 30 s at most",
            ),
            AS,
        ],
        examples: &[
            Example {
                line: "bgp watch --once --timeout 10m",
                does: "wait for the next thing that happens",
            },
            Example {
                line: "bgp watch --exec 'notify-send \"$(cat)\"'",
                does: "hand each alert on",
            },
        ],
        state: State::Changed,
        failures: &[
            Kind::NotFound,
            Kind::Ambiguous,
            Kind::TimedOut,
            Kind::HungUp,
            Kind::Interrupted,
            Kind::Terminated,
        ],
    },
    Command {
        verb: Verb::Alerts,
        name: "alerts",
        aliases: &[],
        usage: &["[OPTIONS]"],
        operands: Operands::None,
        summary: "tell what happened since the last time",
        description: &[
            "One line for each alert that this reader has not had: a process has failed, crashed or \
             was lost, or did what its --alert-on options say. They are acknowledged once they are \
             told; readers of different names do not take them from each other.",
            "Alerts outlive their processes: what is cleared is still told. The last 1,000 are kept.",
        ],
        flags: &[
            Flag::switch("peek", "leave them: they are told again the next time"),
            Flag::switch("exit-code", "end with code 9 if there were any"),
            AS,
        ],
        examples: &[
            Example {
                line: "bgp alerts",
                does: "what happened meanwhile?",
            },
            Example {
                line: "bgp alerts --peek --exit-code",
                does: "did anything?",
            },
        ],
        state: State::Changed,
        failures: &[Kind::AlertsPending],
    },
    Command {
        verb: Verb::Alert,
        name: "alert",
        aliases: &[],
        usage: &["[OPTIONS] ID"],
        operands: Operands::Id,
        summary: "change what raises an alert, while it runs",
        description: &[
            "What is said counts from now on, and what is not said stays as it was. Expressions that \
             are said take the place of those before.",
        ],
        flags: &[
            Flag::switch("alert-on-success", "raise an alert when it ends well"),
            Flag::switch("no-alert-on-success", "raise none then").not_with(&["alert-on-success"]),
            Flag::switch("alert-on-failure", "raise an alert when it fails"),
            Flag::switch("no-alert-on-failure", "raise none then").not_with(&["alert-on-failure"]),
            Flag::switch(
                "alert-on-kill",
                "raise an alert when it is killed or stopped",
            ),
            Flag::switch("no-alert-on-kill", "raise none then").not_with(&["alert-on-kill"]),
            ALERT_ON_OUTPUT,
            Flag::switch("no-alert-on-output", "raise none by its output")
                .not_with(&["alert-on-output"]),
            ALERT_ON_IDLE,
            Flag::switch("no-alert-on-idle", "raise none by its silence")
                .not_with(&["alert-on-idle"]),
        ],
        examples: &[
            Example {
                line: "bgp alert web --alert-on-output 'error|panic'",
                does: "tell me when it writes one",
            },
            Example {
                line: "bgp alert build --alert-on-success --no-alert-on-failure",
                does: "tell me only when it is done",
            },
        ],
        state: State::Changed,
        failures: &[Kind::NotFound, Kind::Ambiguous, Kind::NotRunning],
    },
    Command {
        verb: Verb::Clear,
        name: "clear",
        aliases: &[],
        usage: &["[OPTIONS] [ID…]"],
        operands: Operands::AnyIds,
        summary: "forget ended processes and delete their logs",
        description: &["Without an ID all that have ended. A process that lives is never cleared."],
        flags: &[
            Flag::with_value(
                "older-than",
                Value::Duration,
                "TIME",
                "those that ended longer ago than this",
            )
            .selects(),
            GROUP,
            SESSION,
        ],
        examples: &[
            Example {
                line: "bgp clear",
                does: "all that have ended",
            },
            Example {
                line: "bgp clear --older-than 7d",
                does: "those of last week and before",
            },
        ],
        state: State::Changed,
        failures: &[Kind::NotFound, Kind::Ambiguous, Kind::InTheWay],
    },
    Command {
        verb: Verb::EndSession,
        name: "end-session",
        aliases: &[],
        usage: &["[OPTIONS] [NAME]"],
        operands: Operands::Session,
        summary: "stop and forget all of a session",
        description: &[
            "Stops all processes that were started in the session NAME, or in that of $BGP_SESSION, and \
             then clears them: for the hook that an agent or a shell runs when it closes. What cannot be \
             stopped stays on record. Nothing to end is a success.",
        ],
        flags: &[
            Flag::with_value(
                "grace",
                Value::Duration,
                "TIME",
                "how long they may take to end, before they are killed",
            )
            .default("as started"),
            Flag::switch("force", "kill at once").not_with(&["grace"]),
        ],
        examples: &[
            Example {
                line: "bgp end-session",
                does: "of the session in $BGP_SESSION",
            },
            Example {
                line: "bgp end-session nightly --grace 2s",
                does: "of another one, in a hurry",
            },
        ],
        state: State::Changed,
        failures: &[Kind::Survivors],
    },
    Command {
        verb: Verb::Verify,
        name: "verify",
        aliases: &[],
        usage: &["[OPTIONS] [ID…]"],
        operands: Operands::AnyIds,
        summary: "check every record of key, state and logs",
        description: &[
            "Reads all that is kept, or the logs of these processes, and tells what is damaged or was \
             altered, and where.",
        ],
        flags: &[],
        examples: &[Example {
            line: "bgp verify",
            does: "is everything as it was written?",
        }],
        state: State::Read,
        failures: &[Kind::NotFound, Kind::Ambiguous],
    },
    Command {
        verb: Verb::Repair,
        name: "repair",
        aliases: &[],
        usage: &["[OPTIONS]"],
        operands: Operands::None,
        summary: "make a damaged or lost state anew from the logs",
        description: &[
            "Needs the key and the password. The damaged state is kept beside the new one, and what could not \
             be brought back is told. A state that is intact is left alone.",
        ],
        flags: &[],
        examples: &[Example {
            line: "bgp repair",
            does: "list again what the logs know",
        }],
        state: State::Changed,
        failures: &[],
    },
    Command {
        verb: Verb::Doctor,
        name: "doctor",
        aliases: &[],
        usage: &["[OPTIONS]"],
        operands: Operands::None,
        summary: "tell what is wrong with the set-up, and what to do",
        description: &[
            "Looks at the directory, its modes and file system, the lock, the password and the state, the \
             key cache, the shell, and what the system lets bgp do. Works without a password as far as \
             that goes, and makes nothing. 0 when nothing is wrong, else 1.",
        ],
        flags: &[],
        examples: &[Example {
            line: "bgp doctor",
            does: "why does it not work here?",
        }],
        state: State::Untouched,
        failures: &[],
    },
    Command {
        verb: Verb::Passwd,
        name: "passwd",
        aliases: &[],
        usage: &["[OPTIONS]"],
        operands: Operands::None,
        summary: "change the password",
        description: &[
            "The new password comes from BG_NEW_PASSWORD or BG_NEW_PASSWORD_FILE, or is asked for twice; \
             the one that holds comes from where it always does. What runs goes on, and nothing is \
             sealed anew but the key.",
        ],
        flags: &[],
        examples: &[Example {
            line: "bgp passwd",
            does: "be asked for the old password, and twice for the new one",
        }],
        state: State::Changed,
        failures: &[],
    },
    Command {
        verb: Verb::Ui,
        name: "ui",
        aliases: &[],
        usage: &["[OPTIONS]"],
        operands: Operands::None,
        summary: "look at all processes in a panel",
        description: &[
            "Shows the processes, those that live and the newest first, and what the selected one writes. \
             Keys move, stream, stop, clear, restart, filter and send; '?' shows them. It needs a terminal.",
            "The programs' own colours are kept and nothing else that they send is obeyed. NO_COLOR is \
             respected. No alert is consumed.",
        ],
        flags: &[],
        examples: &[Example {
            line: "bgp ui",
            does: "look at everything",
        }],
        state: State::Read,
        failures: &[Kind::NotFound],
    },
    Command {
        verb: Verb::Lock,
        name: "lock",
        aliases: &[],
        usage: &["[OPTIONS]"],
        operands: Operands::None,
        summary: "forget the cached key",
        description: &[
            "The next command needs the password again, and the time to derive the key from it.",
        ],
        flags: &[],
        examples: &[Example {
            line: "bgp lock",
            does: "before leaving the machine",
        }],
        state: State::Untouched,
        failures: &[Kind::Damaged, Kind::Unsafe, Kind::Storage],
    },
    Command {
        verb: Verb::Config,
        name: "config",
        aliases: &[],
        usage: &["[OPTIONS]", "[OPTIONS] set SETTING VALUE"],
        operands: Operands::Change,
        summary: "show the settings, or change one",
        description: &[
            "Shows each setting with its value and where that comes from: the file or the default. With \
             'set' it writes one into the file, $XDG_CONFIG_HOME/bgp/config.json or \
             ~/.config/bgp/config.json, and leaves all else there as it is.",
            "A file with a key that is unknown or a value that is not allowed stops every command but \
             'stop', 'end-session', 'signal', 'config', 'doctor' and help: these go on with the defaults.",
        ],
        flags: &[],
        examples: &[
            Example {
                line: "bgp config",
                does: "what holds, and why",
            },
            Example {
                line: "bgp config set output.defaultTailLines 50",
                does: "let 'bgp output' show 50 lines",
            },
            Example {
                line: "bgp config set logs.maxBytes 256MiB",
                does: "keep more of each log",
            },
        ],
        state: State::Untouched,
        failures: &[Kind::Locked, Kind::Storage],
    },
    Command {
        verb: Verb::Process,
        name: "process",
        aliases: &[],
        usage: &["KEY=VALUE…", "JSON", "<JSON"],
        operands: Operands::Words,
        summary: "the tool for agents: one action, told in KEY=VALUE or JSON",
        description: &[
            "Does one action, and answers in a short text for a model: what happened, the id, what to \
             call next. The answer is at most 50 KB; of longer output both ends are kept. The actions \
             are start, list, output, logs, kill, clear, send, wait, status, restart, alerts, update and screen.",
            "What is asked for is said in KEY=VALUE words, in one argument with all of them, in one JSON \
             object, or on the standard input. A parameter that is missing or wrong is an error that \
             names it and shows a right call.",
        ],
        flags: &[],
        examples: &[
            Example {
                line: "bgp process action=start name=\"my-build\" command=\"npm run build\"",
                does: "run a line of shell in the background",
            },
            Example {
                line: "bgp process action=output id=my-build lines=20",
                does: "the last lines that it wrote",
            },
            Example {
                line: "bgp process '{\"action\":\"wait\",\"id\":\"my-build\"}'",
                does: "how it ends, or after 50 s that it still runs",
            },
        ],
        state: State::Changed,
        failures: &[
            Kind::NotFound,
            Kind::Ambiguous,
            Kind::NotRunning,
            Kind::InTheWay,
            Kind::EndedBefore,
            Kind::Survivors,
            Kind::TimedOut,
            Kind::CannotRun,
            Kind::CommandNotFound,
        ],
    },
    Command {
        verb: Verb::Mcp,
        name: "mcp",
        aliases: &[],
        usage: &["[OPTIONS]"],
        operands: Operands::None,
        summary: "serve that tool over MCP, on stdin and stdout",
        description: &[
            "Speaks the Model Context Protocol, one JSON message a line: versions 2024-11-05 to \
             2025-11-25, and 2026-07-28. A host starts it; each action is a tool, such as \
             process_start, with the parameters of 'bgp process'.",
            "The password is taken once, when it starts, from the same variables as everywhere. At the \
             end of its standard input it ends, and the processes run on.",
        ],
        flags: &[Flag::switch(
            "end-session",
            "at the end stop and clear what was started in the session: that of $BGP_SESSION, or its own",
        )],
        examples: &[Example {
            line: "bgp mcp --end-session",
            does: "for a host whose background processes are to end with it",
        }],
        state: State::Changed,
        failures: &[
            Kind::Survivors,
            Kind::HungUp,
            Kind::Interrupted,
            Kind::Terminated,
        ],
    },
    Command {
        verb: Verb::Skill,
        name: "skill",
        aliases: &[],
        usage: &["[OPTIONS]"],
        operands: Operands::None,
        summary: "print the instructions for agents, a SKILL.md",
        description: &[
            "The SKILL.md tells an agent when and how to use bgp, in the format of the Agent Skills \
             specification. The directory that it is in should be called bgp, as the skill is.",
        ],
        flags: &[Flag::with_value(
            "install",
            Value::Path,
            "DIR",
            "write it to DIR/SKILL.md; a file there that bgp did not write is left alone",
        )],
        examples: &[
            Example {
                line: "bgp skill",
                does: "read it",
            },
            Example {
                line: "bgp skill --install ~/.agents/skills/bgp",
                does: "give it to the agents that look there",
            },
        ],
        state: State::Untouched,
        failures: &[],
    },
    Command {
        verb: Verb::Completions,
        name: "completions",
        aliases: &[],
        usage: &["[OPTIONS] bash|zsh|fish"],
        operands: Operands::Shell,
        summary: "print what makes a shell complete bgp's commands",
        description: &[
            "Prints a script for the shell: commands, options, and the processes there are, in zsh and \
             fish with their status. Completing never asks for a password and never waits: it knows the \
             processes while BG_PASSWORD or BG_PASSWORD_FILE is set and the key is cached.",
        ],
        flags: &[],
        examples: &[
            Example {
                line: "bgp completions bash > ~/.local/share/bash-completion/completions/bgp",
                does: "once, for all shells to come",
            },
            Example {
                line: "bgp completions fish > ~/.config/fish/completions/bgp.fish",
                does: "once",
            },
        ],
        state: State::Untouched,
        failures: &[],
    },
    Command {
        verb: Verb::Man,
        name: "man",
        aliases: &[],
        usage: &["[OPTIONS]"],
        operands: Operands::None,
        summary: "print the manual page",
        description: &["As source for man: all commands, options and exit codes on one page."],
        flags: &[],
        examples: &[Example {
            line: "bgp man > ~/.local/share/man/man1/bgp.1",
            does: "then 'man bgp' shows it",
        }],
        state: State::Untouched,
        failures: &[],
    },
    Command {
        verb: Verb::Help,
        name: "help",
        aliases: &[],
        usage: &["[OPTIONS] [COMMAND]"],
        operands: Operands::Topic,
        summary: "explain a command, or list them",
        description: &[],
        flags: &[],
        examples: &[Example {
            line: "bgp help start",
            does: "all about start",
        }],
        state: State::Untouched,
        failures: &[],
    },
];

/// The command that is called so.
pub(crate) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS
        .iter()
        .find(|command| command.name == name || command.aliases.contains(&name))
}

/// Every name and alias.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS
        .iter()
        .flat_map(|command| std::iter::once(&command.name).chain(command.aliases))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_all_differ<T: Ord + std::fmt::Debug>(what: &str, mut items: Vec<T>) {
        items.sort();
        for pair in items.windows(2) {
            assert!(pair[0] != pair[1], "{what}: {:?} twice", pair[0]);
        }
    }

    #[test]
    fn no_word_means_two_things() {
        assert_all_differ("commands", names().collect());
        for command in COMMANDS {
            let flags = || command.all_flags();
            assert_all_differ(command.name, flags().map(|flag| flag.long).collect());
            assert_all_differ(
                command.name,
                flags().filter_map(|flag| flag.short).collect(),
            );
        }
    }

    #[test]
    fn each_verb_has_one_row() {
        for (i, command) in COMMANDS.iter().enumerate() {
            let others = &COMMANDS[i + 1..];
            assert!(others.iter().all(|other| other.verb != command.verb));
        }
    }

    #[test]
    fn rows_speak_of_flags_that_are_there() {
        for command in COMMANDS {
            for flag in command.flags {
                for other in flag.not_with.iter().chain(&flag.only_with) {
                    assert!(command.flag(other).is_some(), "{} {other}", flag.long);
                }
            }
            let in_place = match command.operands {
                Operands::CommandOr(flag) => vec![flag],
                Operands::IdAndText { instead, beside } => [instead, &[beside]].concat(),
                _ => vec![],
            };
            for flag in in_place {
                assert!(command.flag(flag).is_some(), "{flag}");
            }
        }
    }

    #[test]
    fn help_texts_have_one_form() {
        for command in COMMANDS {
            let flags = command.all_flags().map(|flag| flag.help);
            let examples = command.examples.iter().map(|example| example.does);
            for text in flags.chain([command.summary]).chain(examples) {
                assert!(!text.ends_with('.') && !text.is_empty(), "{text}");
                assert!(text.starts_with(|c: char| c.is_lowercase()), "{text}");
            }
            for text in command.description {
                assert!(text.ends_with('.') || text.ends_with('?'), "{text}");
            }
            for usage in command.usage {
                assert!(!usage.starts_with("bgp"), "{usage}");
            }
            assert!(!command.examples.is_empty(), "{}", command.name);
        }
    }
}
