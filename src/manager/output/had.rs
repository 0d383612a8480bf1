//! What a reader has had of the output of each process, kept from one command to the next.
//!
//! Does not: show anything. What was not shown is not saved, and comes again.

use super::cursor::Cursor;
use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::model::error::Error;
use crate::store::lock::PATIENCE;
use crate::store::readers::{Part, Place, Reader};

/// A reader of one process's output, as whom nobody else reads meanwhile.
pub(crate) struct ReadAs<'a> {
    manager: &'a Manager,
    reader: Reader,
}

impl Manager {
    /// Takes the reader called `name`, and gives the place up to which it has had the output of
    /// `process`; `None` when it has had nothing of it.
    ///
    /// # Errors
    ///
    /// Somebody reads as this reader (11), its document is altered (13).
    pub(crate) fn read_as(
        &self,
        name: &str,
        process: &Observed,
    ) -> Result<(ReadAs<'_>, Option<Cursor>), Error> {
        let reader = self.store.reader(name, Part::Outputs, PATIENCE)?;
        let place = reader.places.outputs.get(&process.entry.id);
        // The id may have been another's before, whose log is gone.
        let cursor = place
            .and_then(|place| Cursor::parse(&place.cursor).ok())
            .filter(|cursor| cursor.belongs_to(&process.entry).is_ok());
        let manager = self;
        Ok((ReadAs { manager, reader }, cursor))
    }
}

impl ReadAs<'_> {
    /// Writes down that all up to `cursor` was had. Places in what was cleared meanwhile are forgotten.
    ///
    /// # Errors
    ///
    /// `Storage`; what was saved before still counts then, and some of it comes again.
    pub(crate) fn save(mut self, cursor: &Cursor) -> Result<(), Error> {
        let place = Place {
            cursor: cursor.to_string(),
        };
        let outputs = &mut self.reader.places.outputs;
        if outputs.insert(cursor.process(), place.clone()) == Some(place) {
            return Ok(());
        }
        let state = self.manager.load()?;
        let mut kept: Vec<_> = state.processes.iter().map(|entry| entry.id).collect();
        kept.sort_unstable();
        outputs.retain(|id, _| kept.binary_search(id).is_ok());
        self.manager.store.save_reader(&self.reader)
    }
}
