//! Text that others wrote: output in lines, and what of it a terminal, a pipe or a table may be shown.
//!
//! Does not: read, write, or ask where something goes. Everything here is a function of bytes.

pub(crate) mod budget;
pub(crate) mod display;
pub(crate) mod emulator;
pub(crate) mod escapes;
pub(crate) mod json;
pub(crate) mod keys;
pub(crate) mod lines;
pub(crate) mod row;
pub(crate) mod similar;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod tail;
pub(crate) mod written;
