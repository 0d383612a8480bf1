//! The words bgp thinks in: what a process is, how it lives and ends, what can go wrong.
//!
//! Does not: touch files, processes or clocks. Everything here is a value or a function of values.

pub(crate) mod alert;
pub(crate) mod bytes;
pub(crate) mod error;
pub(crate) mod facts;
pub(crate) mod id;
pub(crate) mod lifetime;
pub(crate) mod name;
pub(crate) mod signal;
pub(crate) mod size;
pub(crate) mod status;
