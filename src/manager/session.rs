//! The end of a session: all that was started in it is stopped, and then cleared.
//!
//! What cannot be stopped stays on record. It takes as long as the slowest stop, and those
//! whose supervisors do not answer no longer together than one.
//! Does not: keep anybody from starting something new in it.

use super::Manager;
use super::clear::Leave;
use super::info::ProcessInfo;
use super::observe::Observed;
use super::stop::{StopOptions, has_leftovers};
use crate::model::error::{Error, Kind};
use crate::model::facts::Entry;

impl Manager {
    /// Stops as `options` say all that lives of the session `name`, and clears all that has ended. Gives
    /// what was cleared, and what could not be stopped and why.
    ///
    /// # Errors
    ///
    /// Locked (11), storage (15); an unsafe or damaged state.
    pub(crate) fn end_session(
        &self,
        name: &str,
        options: StopOptions,
    ) -> Result<(Vec<ProcessInfo>, Vec<Error>), Error> {
        let of_session = |entry: &Entry| entry.session.as_deref() == Some(name);
        // What a start has begun, and is about to put on record, is waited for. Who has the lock for
        // long keeps nobody from stopping the others.
        let _ = self.store.lock();
        let mut living = self.observe_if(of_session)?;
        living.retain(|target| target.is_live() || has_leftovers(target));
        let results = self.stop(&living, options);
        let errors = results
            .into_iter()
            .filter_map(Result::err)
            .filter(|error| error.kind != Kind::NotRunning) // it ended meanwhile
            .collect();
        let mut all: Vec<Observed> = self.observe_if(of_session)?;
        self.settle(&mut all)?;
        Ok((self.clear(&all, Leave::All)?, errors))
    }
}
