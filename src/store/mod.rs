//! The store: the state directory, its key, and the documents that are sealed under it.
//!
//! - [`dir`]: where the state directory is, and its files, all reached through open directories.
//! - [`environment`], [`password`]: what the caller's variables say, and the one password among them.
//! - [`key`], [`cache`], [`keys`]: the password opens the master key, of which every other key is made.
//! - [`envelope`], [`state`], [`readers`]: sealed documents, replaced as a whole.
//! - [`lock`]: who may change the state.
//!
//! [`unlocked::Store`] is all of it, unlocked.
//! Does not: read or write logs and leases, nor judge what a process does.

pub(crate) mod alerts;
pub(crate) mod cache;
pub(crate) mod dir;
pub(crate) mod envelope;
pub(crate) mod environment;
pub(crate) mod files;
pub(crate) mod key;
pub(crate) mod keys;
pub(crate) mod lock;
pub(crate) mod password;
mod password_source;
pub(crate) mod readers;
pub(crate) mod state;
pub(crate) mod unlocked;
