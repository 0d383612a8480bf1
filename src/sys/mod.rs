//! The system, one small file for each of its nouns. The only place with `unsafe`, each block argued.
//!
//! Linux first; what only Linux has sits behind functions that do something sensible, or say "no",
//! elsewhere. Does not: know what bgp is.

pub(crate) mod exec;
pub(crate) mod image;
pub(crate) mod notify;
pub(crate) mod pidfd;
pub(crate) mod pipe;
pub(crate) mod proc;
pub(crate) mod reap;
pub(crate) mod signals;
pub(crate) mod socket;
