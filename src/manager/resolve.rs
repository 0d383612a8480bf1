//! Which process an ID argument means: an id, `proc_N`, a name, or a unique prefix of an id, in this
//! order.
//!
//! A live process wins over ended ones of the same name, then the newest. Never a part of a name or of
//! a command: that would stop somebody else.
//! Does not: know what is to be done with it.

use super::Manager;
use super::observe::Observed;
use crate::model::error::{Error, Kind};
use crate::model::facts::Entry;
use crate::model::id::ProcessId;
use crate::model::name;
use crate::store::state::State;
use crate::text::similar;

impl Manager {
    /// The process that `query` means, observed.
    ///
    /// # Errors
    ///
    /// Not found (3), ambiguous (4).
    pub(crate) fn resolve(&self, query: &str) -> Result<Observed, Error> {
        let state = self.load()?;
        let candidates = candidates(&state, query)?;
        let ids: Vec<ProcessId> = candidates.iter().map(|entry| entry.id).collect();
        let mut observed = self.observe_if(|entry| ids.contains(&entry.id))?;
        let live = observed.iter().rposition(Observed::is_live);
        let index = live.unwrap_or(observed.len().saturating_sub(1));
        if observed.is_empty() {
            return Err(not_found(&state, query)); // cleared since we read the state
        }
        Ok(observed.swap_remove(index))
    }

    /// The processes that `queries` mean, each once, in the order given.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve), for the first that is not clear.
    pub(crate) fn resolve_all(&self, queries: &[String]) -> Result<Vec<Observed>, Error> {
        let mut found: Vec<Observed> = Vec::new();
        for query in queries {
            let observed = self.resolve(query).map_err(|error| match queries {
                [_] => error,
                _ => error.also("nothing was done to the others"),
            })?;
            if !found
                .iter()
                .any(|known| known.entry.id == observed.entry.id)
            {
                found.push(observed);
            }
        }
        Ok(found)
    }
}

/// All that `query` may mean: more than one only for several processes of one name, oldest first.
pub(crate) fn candidates<'a>(state: &'a State, query: &str) -> Result<Vec<&'a Entry>, Error> {
    let find = |matches: &dyn Fn(&Entry) -> bool| -> Vec<&'a Entry> {
        state
            .processes
            .iter()
            .filter(|entry| matches(entry))
            .collect()
    };
    let exact = ProcessId::parse(query).map(|id| find(&|entry| entry.id == id));
    let numbered = name::number(query).map(|number| find(&|entry| entry.number == number));
    let named = find(&|entry| entry.name == query);
    for found in [exact, numbered, Some(named)].into_iter().flatten() {
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let by_prefix = find(&|entry| !query.is_empty() && entry.id.to_string().starts_with(query));
    match by_prefix.as_slice() {
        [] => Err(not_found(state, query)),
        [_] => Ok(by_prefix),
        several => {
            let list: Vec<String> = several
                .iter()
                .map(|entry| format!("{} ({})", entry.id, entry.name))
                .collect();
            Err(Error::new(
                Kind::Ambiguous,
                format!("'{query}' means {} processes", several.len()),
            )
            .hint(format!("say which: {}", list.join(", "))))
        }
    }
}

fn not_found(state: &State, query: &str) -> Error {
    let error = Error::new(Kind::NotFound, format!("no process called '{query}'"));
    let names = state.processes.iter().map(|entry| entry.name.as_str());
    match similar::closest(query, names) {
        Some(name) => error.hint(format!("did you mean '{name}'?")),
        None => error.hint("'bgp list' shows what there is"),
    }
}
