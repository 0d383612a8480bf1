//! The system: files, locks, clocks, the keyring, the terminal. The only place where `unsafe` may be said.
//!
//! Does not: know what bgp is; it names nothing above it.

pub(crate) mod clock;
pub(crate) mod crash;
pub(crate) mod fault;
pub(crate) mod fs;
pub(crate) mod keyring;
pub(crate) mod lock;
pub(crate) mod terminal;
