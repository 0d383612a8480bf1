//! Which process an ID argument means: an id, `proc_N`, a name, or a unique prefix of an id, in this
//! order.
//!
//! A live process wins over ended ones of the same name, then the newest. Never a part of a name or of
//! a command: that would stop somebody else.
//! Does not: know what is to be done with it.

use std::collections::HashSet;

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
        let found = self.resolve_all(&[query])?.pop();
        found.ok_or_else(|| nothing_called(query))
    }

    /// The processes that `queries` mean, each once, in the order given.
    ///
    /// # Errors
    ///
    /// As [`resolve`](Self::resolve), for the first that is not clear.
    pub(crate) fn resolve_all(&self, queries: &[impl AsRef<str>]) -> Result<Vec<Observed>, Error> {
        let also = |error: Error| match queries {
            [_] => error,
            _ => error.also("nothing was done to the others"),
        };
        let state = self.load()?;
        let mut meant = Vec::with_capacity(queries.len());
        for query in queries {
            let entries = candidates(&state, query.as_ref()).map_err(also)?;
            let ids: HashSet<ProcessId> = entries.iter().map(|entry| entry.id).collect();
            meant.push((query.as_ref(), ids));
        }
        let any: HashSet<ProcessId> = meant.iter().flat_map(|(_, ids)| ids).copied().collect();
        let observed = self.observe_if(|entry| any.contains(&entry.id))?;
        let mut chosen = Vec::with_capacity(queries.len());
        for (query, ids) in meant {
            let newest_live_or_newest = (0..observed.len())
                .filter(|&index| ids.contains(&observed[index].entry.id))
                .max_by_key(|&index| observed[index].is_live()); // the last of those that are equal
            let index = newest_live_or_newest.ok_or_else(|| also(not_found(&state, query)))?; // cleared meanwhile
            chosen.push(index);
        }
        let mut observed: Vec<Option<Observed>> = observed.into_iter().map(Some).collect();
        let each_once = chosen
            .into_iter()
            .filter_map(|index| observed[index].take());
        Ok(each_once.collect())
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

fn nothing_called(query: &str) -> Error {
    Error::new(Kind::NotFound, format!("no process called '{query}'"))
}

fn not_found(state: &State, query: &str) -> Error {
    let error = nothing_called(query);
    let names = state.processes.iter().map(|entry| entry.name.as_str());
    match similar::closest(query, names) {
        Some(name) => error.hint(format!("did you mean '{name}'?")),
        None => error.hint("'bgp list' shows what there is"),
    }
}
