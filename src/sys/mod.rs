//! The system, one small file for each of its nouns. The only place with `unsafe`, each block argued.
//!
//! Linux first; what only Linux has sits behind functions that do something sensible, or say "no",
//! elsewhere.
//! Does not: know what bgp is.

pub(crate) mod clock;
pub(crate) mod crash;
pub(crate) mod exec;
pub(crate) mod failing;
pub(crate) mod fault;
pub(crate) mod filesystem;
pub(crate) mod fs;
pub(crate) mod group;
pub(crate) mod image;
pub(crate) mod input;
pub(crate) mod keyring;
pub(crate) mod links;
pub(crate) mod lock;
pub(crate) mod notify;
pub(crate) mod pidfd;
pub(crate) mod pipe;
pub(crate) mod ports;
pub(crate) mod proc;
pub(crate) mod pty;
pub(crate) mod publish;
pub(crate) mod raw;
pub(crate) mod reap;
pub(crate) mod signals;
pub(crate) mod sink;
pub(crate) mod socket;
pub(crate) mod terminal;
pub(crate) mod window;
