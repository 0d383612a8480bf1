//! What bgp can do, as functions: every face (commands, and what comes after) calls these and no more.
//!
//! - [`start`]: the transaction that puts a process on record and runs it.
//! - [`plan`], [`stdin`], [`variables`], [`unrunnable`]: what is to be started, and why it cannot be.
//! - [`launch`]: the supervisor that it is handed to.
//! - [`naming`]: what it is called.
//! - [`observe`]: what a process is doing, from its entry, its lease and its status block.
//! - [`info`]: what is told of one; [`inspect`]: all about it; [`diagnosis`]: why it may have failed.
//! - [`resolve`]: which process an ID argument means.
//! - [`stop`], [`restart`], [`wait`], [`clear`], [`verify`]: the rest of its life; [`settle`]: its last moment;
//!   [`session`]: the end of all that were started together.
//! - [`input`]: what is sent to its stdin; [`signal`]: and to its leader's group; both by [`contact`].
//! - [`alerts`]: events are numbered, and readers have them.
//! - [`around`]: the process in whose tree the caller itself runs.
//! - [`leftovers`]: what is left of a process whose supervisor was killed.
//! - [`sweep`]: what belongs to nobody.
//! - [`logs`], [`output`], [`export`]: its log, opened, what it wrote, read, or written out in clear.
//! - [`repair`]: the state made anew, from what is [`told_by_logs`].
//! - [`words`]: the phrases that all faces say; [`watching`]: to be woken when something changes.
//! - [`screen`]: what stands on the terminal of one that has it; [`attach`]: that terminal, taken over.
//! - [`doctor`]: what is wrong with the set-up.
//!
//! Does not: parse arguments or print.

pub(crate) mod alerts;
mod around;
pub(crate) mod attach;
pub(crate) mod clear;
mod contact;
mod diagnosis;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod info;
pub(crate) mod input;
pub(crate) mod inspect;
mod launch;
pub(crate) mod leftovers;
pub(crate) mod logs;
mod naming;
pub(crate) mod observe;
pub(crate) mod output;
pub(crate) mod plan;
pub(crate) mod repair;
pub(crate) mod resolve;
mod restart;
pub(crate) mod screen;
mod session;
mod settle;
pub(crate) mod signal;
pub(crate) mod start;
mod stdin;
pub(crate) mod stop;
mod sweep;
mod told_by_logs;
mod unrunnable;
pub(crate) mod variables;
pub(crate) mod verify;
pub(crate) mod wait;
mod watching;
pub(crate) mod words;

use std::path::PathBuf;

use crate::crypto::Key;
use crate::crypto::seal::SealKeys;
use crate::log::{Identity, LogKeys};
use crate::model::error::Error;
use crate::model::facts::Entry;
use crate::store::environment::Environment;
use crate::store::state::State;
use crate::store::unlocked::Store;

/// An unlocked store, and what is done with it.
pub(crate) struct Manager {
    pub(crate) store: Store,
    /// The executable that acts as supervisors; by default the one that runs.
    supervisor: Option<PathBuf>,
}

impl Manager {
    /// Opens the store that `environment` names; `None` where there is none yet.
    ///
    /// # Errors
    ///
    /// No or a wrong password, an unsafe or damaged store.
    pub(crate) fn open(environment: &Environment) -> Result<Option<Self>, Error> {
        Ok(Store::open_existing(environment)?.map(Self::of))
    }

    /// Opens it, and makes it when it is not there.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn open_or_create(environment: &Environment) -> Result<Self, Error> {
        Store::open_or_create(environment).map(Self::of)
    }

    /// Opens the store that `environment` names without a question, a wait or a key to derive: `None`
    /// where its key is not in the cache.
    pub(crate) fn open_cached(environment: &Environment) -> Option<Self> {
        Store::open_cached(environment).map(Self::of)
    }

    fn of(store: Store) -> Self {
        Self {
            store,
            supervisor: None,
        }
    }

    /// Lets `bgp` act as the supervisors of what is started from now on.
    pub(crate) fn supervised_by(&mut self, bgp: PathBuf) {
        self.supervisor = Some(bgp);
    }

    fn load(&self) -> Result<State, Error> {
        self.store.read_state()
    }

    /// Whether the state knows it; else it was cleared.
    fn is_on_record(&self, entry: &Entry) -> Result<bool, Error> {
        let state = self.load()?;
        Ok(state.processes.iter().any(|other| other.id == entry.id))
    }

    fn log_key(&self, entry: &Entry) -> Key {
        self.store.keys().log_key(entry.log)
    }

    fn log_keys(&self, entry: &Entry) -> LogKeys {
        LogKeys::derive(&self.log_key(entry), entry.log)
    }

    /// The keys of its status block alone.
    fn block_keys(&self, entry: &Entry) -> SealKeys {
        LogKeys::block(&self.log_key(entry), entry.log)
    }

    fn identity(&self, entry: &Entry) -> Identity {
        Identity {
            log: entry.log,
            store: self.store.keys().store(),
        }
    }
}
