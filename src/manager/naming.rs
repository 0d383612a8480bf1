//! The name of a process that is started: one that is free, or is made free.
//!
//! Does not: say what a name may be; `model::name` does.

use std::collections::HashSet;

use super::Manager;
use super::around::refuse_around_us;
use super::plan::{IfTaken, Plan, StartOptions};
use super::stop::{StopOptions, has_leftovers};
use crate::model::error::{Error, Kind};
use crate::model::name;
use crate::model::status::Reason;
use crate::store::state::State;

impl Manager {
    /// Stops who has the name, or lets him say his last word if he has ended.
    pub(super) fn make_way(&self, options: &StartOptions) -> Result<(), Error> {
        let Some(name) = &options.name else {
            return Ok(());
        };
        let mut there = self.observe_if(|entry| entry.name == *name && entry.ended.is_none())?;
        self.settle(&mut there)?;
        if options.if_taken == IfTaken::Refuse {
            return Ok(()); // it is refused when the state is locked
        }
        there.retain(|process| process.is_live() || has_leftovers(process));
        there.iter().try_for_each(refuse_around_us)?;
        let stopped = self.stop(
            &there,
            StopOptions {
                reason: Reason::Replaced,
                grace: None,
                configured: None,
            },
        );
        match stopped.into_iter().find_map(Result::err) {
            Some(error) if error.kind != Kind::NotRunning => Err(error),
            _ => Ok(()),
        }
    }

    /// The name for what `options` ask for, in `state`, which is locked.
    ///
    /// # Errors
    ///
    /// A live process has it (6).
    pub(super) fn choose_name(
        &self,
        state: &State,
        options: &StartOptions,
        plan: &Plan,
    ) -> Result<String, Error> {
        let Some(name) = &options.name else {
            let base = name::from_command(&plan.argv, plan.shell_line.as_ref());
            let taken = names(state);
            return Ok(name::unused(&base, |name| taken.contains(name)));
        };
        for entry in state
            .processes
            .iter()
            .filter(|entry| entry.name == *name && entry.ended.is_none())
        {
            let observed = self.observe(entry.clone())?;
            if observed.is_live() {
                return Err(Error::new(
                    Kind::InTheWay,
                    format!(
                        "the name '{name}' is taken by {} (proc_{}), which lives",
                        entry.id, entry.number
                    ),
                )
                .hint(format!(
                    "'bgp stop {name}' first, or start with --replace, or choose another name"
                )));
            }
        }
        Ok(name.clone())
    }
}

/// Names in use, of live and of ended processes.
fn names(state: &State) -> HashSet<&str> {
    state
        .processes
        .iter()
        .map(|entry| entry.name.as_str())
        .collect()
}
