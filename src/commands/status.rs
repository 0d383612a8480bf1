//! `bgp status`: all there is to know about a process.
//!
//! Does not: change anything.

use std::time::Duration;

use super::documents::{One, Several};
use super::out::Format;
use super::select::nothing_there;
use super::words::{Clock, Runtime, alerts, colour};
use super::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::info::ProcessInfo;
use crate::manager::inspect::{Inspection, Member, Port, Used};
use crate::model::facts::Exit;
use crate::model::lifetime::Lifetime;
use crate::text::display::{HumanDuration, cut, human_bytes, one_line, width, without_tabs};
use crate::text::row::Look;
use crate::text::style::Style;

/// How many descendants are named.
const NAMED_DESCENDANTS: usize = 8;
/// What stands before a value.
const LABEL_COLUMNS: usize = 14;
/// What stands before one of the last lines.
const INDENT: &str = "    ";

/// Shows the processes that `ids` mean.
///
/// # Errors
///
/// Not found (3), ambiguous (4); a damaged or unsafe state.
pub(crate) fn run(context: &mut Context, ids: &[String]) -> Outcome {
    let Some(manager) = Manager::open(&context.environment)? else {
        return Err(nothing_there(ids));
    };
    let processes = manager.resolve_all(ids)?;
    let inspections: Vec<Inspection> = processes
        .iter()
        .map(|process| manager.inspect(process))
        .collect();
    match context.format {
        Format::Json if inspections.len() == 1 => context.out.json(&One::new(&inspections[0]))?,
        Format::Json => context.out.json(&Several::new(&inspections))?,
        Format::Text => {
            let clock = Clock::local();
            for (index, inspection) in inspections.iter().enumerate() {
                if index > 0 {
                    context.out.text("\n")?;
                }
                let mut page = Page::new(context.look(), context.columns());
                page.describe(inspection, &clock);
                context.out.text(&page.text)?;
            }
        }
    }
    Ok(0)
}

/// `at most 10m, with the process 812, restart on-failure:3`.
fn asked(lifetime: &Lifetime) -> String {
    let timeout = lifetime.timeout_ms.map(|ms| {
        let limit = HumanDuration(Duration::from_millis(ms));
        format!("at most {limit}")
    });
    let owner = lifetime
        .owner
        .map(|owner| format!("with the process {}", owner.pid));
    let restart = lifetime.restart;
    let restart = (!restart.is_never()).then(|| format!("restart {restart}"));
    let all: Vec<String> = timeout.into_iter().chain(owner).chain(restart).collect();
    all.join(", ")
}

/// `failed with code 1 after 2s`.
fn last_run(exit: &Exit) -> String {
    let status = exit.status.word();
    let how = match (&exit.signal, exit.code) {
        (Some(signal), _) => format!("{status} by {signal}"),
        (None, Some(code)) => format!("{status} with code {code}"),
        (None, None) => status.to_owned(),
    };
    match (&exit.error, exit.run_ms) {
        (Some(error), _) => format!("{how}, as it was not executed: {error}"),
        (None, Some(ms)) => format!("{how} after {}", HumanDuration(Duration::from_millis(ms))),
        (None, None) => how,
    }
}

/// The text about one process.
struct Page {
    text: String,
    look: Look,
    columns: Option<usize>,
}

impl Page {
    fn new(look: Look, columns: Option<usize>) -> Self {
        Self {
            text: String::new(),
            look,
            columns,
        }
    }

    fn describe(&mut self, inspection: &Inspection, clock: &Clock) {
        let info = &inspection.info;
        let (id, number) = (info.id, info.number);
        self.line(
            "",
            &info.name,
            Style::BOLD,
            &format!(" ({id}, proc_{number})"),
        );
        let meaning = format!(": {}", info.meaning());
        self.line(&label("status"), &info.ending(), colour(info), &meaning);
        if let Some(hint) = &inspection.hint {
            self.line(&label("hint"), hint, Style::YELLOW, "");
        }
        self.row("command", &info.command_line().to_string());
        self.row("directory", &info.cwd.escaped());
        if let Some(pid) = info.pid {
            self.row("pid", &pid.to_string());
        }
        self.row("started", &clock.date_time(info.start_ms).to_string());
        if let Some(exit) = &info.exit {
            self.row("ended", &clock.date_time(exit.end_ms).to_string());
        }
        self.row("runtime", &Runtime(info).to_string());
        if let Some(used) = &inspection.used {
            self.row("used", &use_of(used, info));
        }
        if !inspection.ports.is_empty() {
            self.row("ports", &ports(&inspection.ports));
        }
        if !inspection.tree.is_empty() {
            self.row("descendants", &named(&inspection.tree));
        }
        for (label, value) in [("group", &info.group), ("session", &info.session)] {
            if let Some(value) = value {
                self.row(label, value);
            }
        }
        if let Some(previous) = info.previous {
            self.row("previous", &previous.to_string());
        }
        if let Some(lifetime) = &inspection.lifetime {
            self.row("lifetime", &asked(lifetime));
        }
        if info.restarts > 0 {
            self.row("restarts", &info.restarts.to_string());
        }
        if let Some(last) = &info.last_exit {
            self.row("last run", &last_run(last));
        }
        self.row("alerts", &alerts(&info.alerts));
        self.row("log", &human_bytes(info.log_bytes));
        self.last_lines(inspection);
    }

    /// The last lines of output; a log that cannot be read is said to be so, and is no failure here.
    fn last_lines(&mut self, inspection: &Inspection) {
        if let Some(error) = &inspection.log_error {
            self.line(&label("output"), &error.message, Style::RED, "");
        }
        if !inspection.last_lines.is_empty() {
            self.text.push_str("  last lines\n");
        }
        // Also in a pipe nothing of it misleads: a status is read by people.
        let look = match self.look {
            Look::Pipe => Look::Terminal,
            look => look,
        };
        for line in &inspection.last_lines {
            let plain = line.shown_as(Look::Terminal);
            let room = self
                .columns
                .map_or(usize::MAX, |columns| columns.saturating_sub(INDENT.len()));
            // What is cut or has tabs is shown without its colours.
            let shown = if plain.contains('\t') || width(&plain) > room {
                cut(&without_tabs(&plain), room).into_owned().into()
            } else {
                line.shown_as(look)
            };
            self.text.push_str(INDENT);
            self.text.push_str(&shown);
            self.text.push('\n');
        }
    }

    fn row(&mut self, name: &str, value: &str) {
        self.line(&label(name), value, Style::DEFAULT, "");
    }

    /// A line of three parts, the second in this style, no wider than the terminal.
    fn line(&mut self, before: &str, painted: &str, style: Style, after: &str) {
        let mut room = self.columns.unwrap_or(usize::MAX);
        for (part, style) in [
            (before, Style::DEFAULT),
            (painted, style),
            (after, Style::DEFAULT),
        ] {
            let part = one_line(part);
            let part = cut(&part, room);
            room -= width(&part);
            if self.look == Look::Colours && !style.is_default() && !part.is_empty() {
                self.text.push_str(&style.paint(&part));
            } else {
                self.text.push_str(&part);
            }
        }
        self.text.push('\n');
    }
}

fn label(name: &str) -> String {
    format!("{:LABEL_COLUMNS$}", format!("  {name}"))
}

fn use_of(used: &Used, info: &ProcessInfo) -> String {
    let mut text = format!(
        "{:.2} s user, {:.2} s system",
        seconds(used.user_ms),
        seconds(used.system_ms)
    );
    if let Some(bytes) = used.resident_bytes {
        text = format!("{text}, {} resident", human_bytes(bytes));
    }
    if let Some(bytes) = used.max_resident_bytes {
        text = format!("{text}, {} resident at most", human_bytes(bytes));
    }
    if info.exit.as_ref().is_some_and(|exit| exit.core_dumped) {
        text.push_str(", core dumped");
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// `8080 (127.0.0.1, python3 812)`.
fn ports(ports: &[Port]) -> String {
    let one = |port: &Port| {
        let (number, address, name, pid) = (port.port, port.address, &port.name, port.pid);
        if address.is_unspecified() {
            format!("{number} ({name} {pid})")
        } else {
            format!("{number} ({address}, {name} {pid})")
        }
    };
    ports.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn named(tree: &[Member]) -> String {
    let named: Vec<String> = tree
        .iter()
        .take(NAMED_DESCENDANTS)
        .map(|member| format!("{} {}", member.name, member.pid))
        .collect();
    let more = match tree.len().saturating_sub(NAMED_DESCENDANTS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{more}", named.join(", "))
}
