//! Which processes a command is about: IDs, or all, or those of a group or session.
//!
//! Does not: accept nothing at all; that is for the command to say.

use super::Context;
use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::model::error::{Error, Kind};
use crate::model::facts::Entry;

/// What was selected on the command line.
#[derive(Default)]
pub(crate) struct Selection {
    pub(crate) ids: Vec<String>,
    pub(crate) group: Option<String>,
    pub(crate) session: Option<String>,
}

impl Selection {
    /// Whether processes were named one by one.
    pub(super) fn is_named(&self) -> bool {
        !self.ids.is_empty()
    }

    /// Whether `entry` is of the group and session that were asked for.
    pub(super) fn matches(&self, entry: &Entry) -> bool {
        let fits = |asked: &Option<String>, has: &Option<String>| asked.is_none() || asked == has;
        fits(&self.group, &entry.group) && fits(&self.session, &entry.session)
    }

    /// The processes that are meant, oldest first where they are not named.
    ///
    /// # Errors
    ///
    /// Not found (3), ambiguous (4).
    pub(super) fn observe(&self, manager: &Manager) -> Result<Vec<Observed>, Error> {
        if self.is_named() {
            return manager.resolve_all(&self.ids);
        }
        let mut all = manager.observe_all()?;
        all.retain(|process| self.matches(&process.entry));
        Ok(all)
    }
}

impl Selection {
    /// The IDs of the processes that are meant: as they were typed, or of all that were selected.
    ///
    /// # Errors
    ///
    /// Not found (3): there are none of that group or session.
    pub(crate) fn ids(self, context: &Context) -> Result<Vec<String>, Error> {
        if self.is_named() {
            return Ok(self.ids);
        }
        let (_, all) = self.observe_some(context)?;
        Ok(all
            .iter()
            .map(|process| process.entry.id.to_string())
            .collect())
    }

    /// The processes that were selected, of which there is at least one.
    ///
    /// # Errors
    ///
    /// Not found (3): there is none.
    pub(super) fn observe_some(
        &self,
        context: &Context,
    ) -> Result<(Manager, Vec<Observed>), Error> {
        if let Some(manager) = Manager::open(&context.environment)? {
            let all = self.observe(&manager)?;
            if !all.is_empty() {
                return Ok((manager, all));
            }
        }
        Err(self.none())
    }

    /// The error where nothing is of what was selected.
    fn none(&self) -> Error {
        if self.is_named() {
            return nothing_there(&self.ids);
        }
        let asked = [("group", &self.group), ("session", &self.session)];
        let of: Vec<String> = asked
            .into_iter()
            .filter_map(|(what, name)| Some(format!("{what} '{}'", name.as_ref()?)))
            .collect();
        Error::new(
            Kind::NotFound,
            format!("no process is in {}", of.join(" and ")),
        )
        .hint("'bgp list --json' tells the group and session of each")
    }
}

/// The one process that `id` means.
///
/// # Errors
///
/// Not found (3), ambiguous (4).
pub(super) fn one(context: &Context, id: &str) -> Result<(Manager, Observed), Error> {
    let Some(manager) = Manager::open(&context.environment)? else {
        return Err(nothing_there(&[id.to_owned()]));
    };
    let process = manager.resolve(id)?;
    Ok((manager, process))
}

/// The error where there is no store yet, and so no process.
pub(super) fn nothing_there(ids: &[String]) -> Error {
    let name = ids.first().map_or("", String::as_str);
    Error::new(Kind::NotFound, format!("no process called '{name}'"))
        .hint("nothing was started here yet: bgp start COMMAND")
}
