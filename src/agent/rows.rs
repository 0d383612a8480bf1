//! Every action there is, one row each: the source of the `process` tool, of the MCP tools, their schemas
//! and their documentation.
//!
//! Does not: contain code.

use super::actions;
use super::parameter::{Kind, Parameter};
use super::table::{Action, Effect, Shape};

const ID: Parameter = Parameter::new(
    "id",
    Kind::Id,
    "which process: its id, proc_N, its name, or the beginning of its id",
);
const ON_SUCCESS: Parameter = Parameter::new(
    "alertOnSuccess",
    Kind::Switch,
    "raise an alert when it ends well",
);
const ON_FAILURE: Parameter = Parameter::new(
    "alertOnFailure",
    Kind::Switch,
    "raise an alert when it fails or crashes",
);
const ON_KILL: Parameter = Parameter::new(
    "alertOnKill",
    Kind::Switch,
    "raise an alert when it is killed or stopped",
);
const ON_OUTPUT: Parameter = Parameter::new(
    "alertOnOutput",
    Kind::Patterns,
    "raise an alert when it writes a line in which this regular expression, or one of a list, is found",
);
const ON_IDLE: Parameter = Parameter::new(
    "alertOnIdle",
    Kind::Interval,
    "raise an alert when it has written nothing for so long",
);
const WAIT_HELP: &str = "the longest to wait; over MCP never longer than 50s, as clients give up";
const GROUP: Parameter = Parameter::new("group", Kind::Label, "only those of this group");
const SESSION: Parameter = Parameter::new("session", Kind::Label, "only those of this session");

/// The actions, in the order in which they are listed.
pub(crate) const ACTIONS: &[Action] = &[
    Action {
        name: "start",
        title: "Start a background process",
        description: "Run a shell command in the background and return at once, or with waitFor when it is \
                      ready. Use it for servers, watchers, builds and tests that take long. The process \
                      goes on when this session ends; its output is kept.",
        parameters: &[
            Parameter::new(
                "name",
                Kind::Name,
                "what to call it, such as \"dev-server\"",
            )
            .required(),
            Parameter::new("command", Kind::Text, "the command, a line for the shell").required(),
            ON_SUCCESS.default("false"),
            ON_FAILURE.default("true"),
            ON_KILL.default("false"),
            ON_OUTPUT,
            ON_IDLE,
            Parameter::new("cwd", Kind::Text, "the directory it runs in")
                .default("the current one"),
            Parameter::new(
                "env",
                Kind::Variables,
                "variables to set: an object, or a list of KEY=VALUE",
            ),
            Parameter::new(
                "envFile",
                Kind::Text,
                "a file of KEY=VALUE lines to set before those",
            ),
            Parameter::new(
                "clearEnv",
                Kind::Switch,
                "give it no variables but those of env",
            )
            .default("false"),
            Parameter::new(
                "stdin",
                Kind::Text,
                "its standard input: pipe (the action send writes to it), null, or a file",
            )
            .default("pipe"),
            Parameter::new(
                "pty",
                Kind::Switch,
                "give it a terminal, for programs that want one; stderr is then in stdout",
            )
            .default("false"),
            Parameter::new("size", Kind::TerminalSize, "how large that is").default("80x24"),
            Parameter::new("group", Kind::Label, "put it into this group"),
            Parameter::new("session", Kind::Label, "put it into this session"),
            Parameter::new("timeout", Kind::Duration, "stop it after this time"),
            Parameter::new(
                "withPid",
                Kind::Pid,
                "stop it when the process of this number has ended",
            ),
            Parameter::new(
                "maxLog",
                Kind::LogSize,
                "how large its log may grow before the oldest output is dropped",
            )
            .default("64MiB, or what is configured"),
            Parameter::new(
                "grace",
                Kind::Duration,
                "the time it gets to end when it is stopped, before it is killed",
            ),
            Parameter::new(
                "restart",
                Kind::Restart,
                "run it again when it ends: no, on-failure or always, with :N at most N times",
            )
            .default("no"),
            Parameter::new(
                "replace",
                Kind::Switch,
                "stop a live process of that name first",
            )
            .default("false"),
            Parameter::new(
                "waitFor",
                Kind::Condition,
                "answer once this regular expression is found in a line of its output, or with port:N once \
                 it listens there; or when it ends before, or the time is up",
            ),
            Parameter::new("waitTimeout", Kind::Duration, WAIT_HELP).default("50s"),
        ],
        example: &[("name", "my-build"), ("command", "npm run build")],
        effect: Effect::Runs,
        result: Shape::Started,
        run: actions::start::run,
    },
    Action {
        name: "list",
        title: "List processes",
        description: "List the processes, oldest first: number, name, status, runtime and command.",
        parameters: &[
            Parameter::new(
                "running",
                Kind::Switch,
                "only those of which something lives",
            )
            .default("false"),
            GROUP,
            SESSION,
        ],
        example: &[],
        effect: Effect::Reads,
        result: Shape::Processes,
        run: actions::list::run,
    },
    Action {
        name: "output",
        title: "Read output",
        description: "Read the last lines that a process wrote, stdout and stderr. Reading consumes \
                      nothing. The answer is at most 50 KB, with both ends kept.",
        parameters: &[
            ID.required(),
            Parameter::new(
                "lines",
                Kind::Count,
                "how many of the last lines; 0 for all",
            )
            .default("100"),
            Parameter::new(
                "stream",
                Kind::OneOf(&["both", "stdout", "stderr"]),
                "which of them",
            )
            .default("both"),
            Parameter::new(
                "grep",
                Kind::Regex,
                "only lines in which this regular expression is found",
            ),
            Parameter::new(
                "since",
                Kind::Duration,
                "only what was written in the last time",
            ),
            Parameter::new(
                "after",
                Kind::Cursor,
                "only what was written behind this place: a nextCursor, which is in the document of an answer \
                 (over MCP always, else with --json)",
            ),
        ],
        example: &[("id", "proc_1")],
        effect: Effect::Reads,
        result: Shape::Output,
        run: actions::output::run,
    },
    Action {
        name: "logs",
        title: "Find the log files",
        description: "Tell where the log files of a process are. They are encrypted: export=true writes \
                      a readable copy of stdout and stderr, and tells where that is.",
        parameters: &[
            ID.required(),
            Parameter::new("export", Kind::Switch, "write a readable copy").default("false"),
            Parameter::new(
                "dir",
                Kind::Text,
                "the directory for the copy; nothing in it is overwritten",
            )
            .default("one of your own for temporary files"),
        ],
        example: &[("id", "proc_1"), ("export", "true")],
        effect: Effect::Writes,
        result: Shape::Files,
        run: actions::logs::run,
    },
    Action {
        name: "kill",
        title: "Stop a process",
        description: "Stop a process with all that it started: TERM first, KILL when its time is over. \
                      Returns when nothing of it lives.",
        parameters: &[
            ID.required(),
            Parameter::new("force", Kind::Switch, "kill at once").default("false"),
            Parameter::new("grace", Kind::Duration, "the time from TERM to KILL")
                .default("what it was started with, or 5 s"),
        ],
        example: &[("id", "proc_1")],
        effect: Effect::Ends,
        result: Shape::Process,
        run: actions::kill::run,
    },
    Action {
        name: "clear",
        title: "Clear ended processes",
        description: "Remove ended processes and their logs: all of them, or one. Never one that lives.",
        parameters: &[ID, GROUP, SESSION],
        example: &[],
        effect: Effect::Ends,
        result: Shape::Processes,
        run: actions::clear::run,
    },
    Action {
        name: "send",
        title: "Write to stdin",
        description: "Write a line to the standard input of a process, or press keys on its terminal.",
        parameters: &[
            ID.required(),
            Parameter::new("text", Kind::Data, "what to write"),
            Parameter::new(
                "newline",
                Kind::Switch,
                "end it with a newline, as Enter does",
            )
            .default("true"),
            Parameter::new(
                "key",
                Kind::Keys,
                "in place of a text, keys by their names with blanks between, such as \"Up Enter\" or \"C-c\"",
            ),
            Parameter::new(
                "eof",
                Kind::Switch,
                "close the standard input after it, for good; of a terminal, type its end of file",
            )
            .default("false"),
            Parameter::new(
                "timeout",
                Kind::Duration,
                "how long it may take until it has room for all of it",
            )
            .default("2s"),
        ],
        example: &[("id", "proc_1"), ("text", "yes")],
        effect: Effect::Runs,
        result: Shape::Sent,
        run: actions::send::run,
    },
    Action {
        name: "wait",
        title: "Wait for the end, or for readiness",
        description: "Wait until a process has ended, and tell how, with its last lines; or, with output, \
                      port or idle, until the first of these holds. Returns after the timeout if nothing \
                      came, and says how to go on: this replaces polling.",
        parameters: &[
            ID.required(),
            Parameter::new(
                "output",
                Kind::Regex,
                "until it has written a line in which this regular expression is found, before or now",
            ),
            Parameter::new(
                "after",
                Kind::Cursor,
                "look for output only after this place: a nextCursor, which is in the document of an answer \
                 (over MCP always, else with --json)",
            ),
            Parameter::new(
                "port",
                Kind::Port,
                "until it, or what it started, listens on this port",
            ),
            Parameter::new(
                "idle",
                Kind::Duration,
                "until it has written nothing for so long",
            ),
            Parameter::new("timeout", Kind::Duration, WAIT_HELP).default("50s"),
        ],
        example: &[("id", "proc_1"), ("output", "ready|listening")],
        effect: Effect::Reads,
        result: Shape::Waited,
        run: actions::wait::run,
    },
    Action {
        name: "status",
        title: "Inspect a process",
        description: "Tell all about one process: how it is and what that means, its exit code, ports, \
                      descendants, memory, last lines, and why it may have failed.",
        parameters: &[ID.required()],
        example: &[("id", "proc_1")],
        effect: Effect::Reads,
        result: Shape::Inspection,
        run: actions::status::run,
    },
    Action {
        name: "restart",
        title: "Restart a process",
        description: "Stop a process if it runs, and start it anew as it was started, under the same \
                      name. It gets a new id.",
        parameters: &[ID.required()],
        example: &[("id", "proc_1")],
        effect: Effect::Runs,
        result: Shape::Process,
        run: actions::restart::run,
    },
    Action {
        name: "alerts",
        title: "Read alerts",
        description: "Tell what has happened that was not told yet: processes that failed, crashed or were \
                      lost, and what their alert settings ask for. Each alert is told once.",
        parameters: &[
            Parameter::new("peek", Kind::Switch, "leave them: they are told again")
                .default("false"),
        ],
        example: &[],
        effect: Effect::Writes,
        result: Shape::Alerts,
        run: actions::alerts::run,
    },
    Action {
        name: "update",
        title: "Change alert settings",
        description: "Change what raises an alert, of a process that runs. What is not said stays; an \
                      empty alertOnOutput takes all of its expressions back.",
        parameters: &[
            ID.required(),
            ON_SUCCESS,
            ON_FAILURE,
            ON_KILL,
            ON_OUTPUT,
            Parameter::new(ON_IDLE.name, Kind::IntervalOrOff, ON_IDLE.help),
        ],
        example: &[("id", "proc_1"), ("alertOnSuccess", "true")],
        effect: Effect::Writes,
        result: Shape::Process,
        run: actions::update::run,
    },
    Action {
        name: "screen",
        title: "Look at a terminal",
        description: "Show the screen of a process that was started with pty=true, as text.",
        parameters: &[ID.required()],
        example: &[("id", "proc_1")],
        effect: Effect::Reads,
        result: Shape::Screen,
        run: actions::screen::run,
    },
];
