//! `bgp ui`, put together: the panel, and the command that takes over a terminal, which do not know each
//! other.
//!
//! Does not: draw.

use crate::commands::attach::{Over, take_over};
use crate::commands::out::Format;
use crate::commands::{Context, Outcome};
use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::model::error::Error;
use crate::text::row::Look;
use crate::ui::{self, Attached};

pub(super) fn run(context: &Context) -> Outcome {
    if context.format == Format::Json {
        return Err(
            Error::usage("the panel is for people").hint("'bgp list --json' is for programs")
        );
    }
    ui::run(&ui::Options {
        environment: &context.environment,
        colours: if context.look() == Look::Colours {
            ui::Colours::On
        } else {
            ui::Colours::Off
        },
        configured_grace: context.settings().grace_of_file(),
        attach: &attach,
    })
}

fn attach(manager: &Manager, process: Observed) -> Result<Attached, Error> {
    let (over, _, dropped) = take_over(manager, process)?;
    Ok(match over {
        Over::Left | Over::Ended => Attached::Over(dropped),
        Over::Signal(signal) => Attached::By(signal),
        Over::Gone => Attached::TerminalGone,
    })
}
