//! The integration tests: bgp as a person or a script sees it, one module for each theme.
//!
//! All of it is one binary, runs in parallel, as root and as an ordinary user, and depends on time only
//! through generous deadlines. What only root can look at, or root with all its capabilities, says so in a
//! line and is passed over as another user. `BGP_TEST_BIN` and `BGP_TEST_TREE` name a binary and a source tree
//! elsewhere.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on may say so and end"
)]

/// A sandbox for each test, deadlines for each invocation, and nothing left behind.
mod harness;
/// One program run, and what it gave.
mod invocation;
/// What the kernel says of processes.
mod proc;
/// The records of a log as they lie in the file, without a key.
mod raw;
/// A terminal of the test's own.
mod tty;
/// An ordinary user, also where the tests run as root.
mod user;

/// What a process raises is told to each reader, once, and never lost.
mod alerts;
/// A terminal taken over, and given back as it was.
mod attach;
/// Ended processes and their files go, live ones stay.
mod clear;
/// What a shell completes, and the manual page.
mod completions;
/// What is set holds, what is faulty is told.
mod config;
/// What a crash at any moment may leave, and what not.
mod crash;
/// What was read does not come again, and nothing is left out.
mod cursor;
/// Where the state lives, and what is refused there.
mod directory;
/// What is wrong with the set-up is told, and nothing made.
mod doctor;
/// Calls on the disk that fail, one after the other.
mod faults;
/// What earlier versions wrote is read for ever, also in another language.
mod fixtures;
/// What is missing in a log, and what is read around it.
mod holes;
/// Strangers on the control socket, and supervisors that are none.
mod hostile;
/// What is sent to a process, and signals.
mod input;
/// Field names and types are a contract.
mod json;
/// Keys by their names.
mod keys;
/// The same processes by calls, from a program with threads.
mod library;
/// How long a process lives, and whether it lives again.
mod lifetime;
/// What is listed, how it is addressed, and how it is shown.
mod list;
/// The Model Context Protocol, as clients of both eras speak it and as they should not.
mod mcp;
/// Random operations of several commands at once against a reference.
mod model;
/// Every byte that was written can be read, in order, while it runs and after.
mod output;
/// Another password, and nothing else changes.
mod passwd;
/// Where the password comes from, and where it must not go.
mod password;
/// More of the bugs that others had.
mod peers;
/// Every named point as the last.
mod points;
/// What belongs together, and ends together.
mod policy;
/// The tool for agents: every word a parameter, every answer short.
mod process_tool;
/// Programs that find a terminal, and what is typed into it.
mod pty;
/// Two at once.
mod race;
/// The README says what the program does.
mod readme;
/// Bugs that others had, each named after what must not happen.
mod regressions;
/// A damaged state is made anew.
mod repair;
/// Stopped and started anew, under the same name.
mod restart;
/// A log stays small, and says what it has let go.
mod rotation;
/// What stands on the screen of a process with a terminal.
mod screen;
/// Flipped, cut, swapped and repeated bytes are noticed.
mod seal;
/// What the threat model promises, from the side of the one who tries.
mod security;
/// The instructions for agents do what they say.
mod skill;
/// What a command gets, and what a start leaves when it fails.
mod start;
/// The whole tree ends, and nothing else does.
mod stop;
/// Killed at random times, under load.
mod storm;
/// The source tree tests itself.
mod tidy;
/// The panel, as a person sees it.
mod ui;
/// The end of a process, as the one who waits sees it.
mod wait;
/// What is waited for before an end: a line, a port, silence.
mod wait_for;
/// What happens is told when it happens.
mod watch;
