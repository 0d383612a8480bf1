//! The terminal given to others, and taken again: to the shell while the panel is stopped, and to a process
//! that is attached to.
//!
//! Does not: know what others do with it.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::{LIST_PAUSE, Left, Panel, area};
use crate::manager::observe::Observed;
use crate::sys::raw::RawTerminal;
use crate::sys::signals::suffer;
use crate::ui::Attached;
use crate::ui::model::Tone;
use crate::ui::screen::END;

impl Panel<'_> {
    /// Gives the terminal to `target`, until that is left or ends.
    pub(super) fn attach(&mut self, target: Observed) -> Result<(), Left> {
        self.terminal = None;
        let attached = (self.options.attach)(self.manager, target);
        match attached {
            Ok(Attached::Over(told)) => {
                if let Some(text) = told {
                    self.model.tell(text, Tone::Bad);
                }
            }
            Ok(Attached::By(signal)) => return Err(Left::By(signal)),
            Ok(Attached::TerminalGone) => return Err(Left::TerminalGone),
            Err(error) => self.tell(&error),
        }
        self.list_due = Instant::now();
        self.list_pause = LIST_PAUSE;
        self.take_over_again()
    }

    /// Stops itself, as the shell's user wants, and goes on when it is continued.
    pub(super) fn suspend(&mut self) -> Result<(), Left> {
        self.terminal = None;
        suffer(Signal::SIGTSTP).map_err(|_| Left::TerminalGone)?;
        self.take_over_again()
    }

    pub(super) fn take_over_again(&mut self) -> Result<(), Left> {
        self.terminal = None; // as it was found the first time, before it is found again
        let terminal = RawTerminal::enter(END).map_err(|_| Left::TerminalGone)?;
        self.terminal = Some(terminal);
        self.redraw()
    }

    /// Draws everything anew, as large as the terminal is now.
    pub(super) fn redraw(&mut self) -> Result<(), Left> {
        let area = area();
        self.model.screen = area;
        self.changed = true;
        self.screen.begin_anew(area).map_err(|_| Left::TerminalGone)
    }
}
