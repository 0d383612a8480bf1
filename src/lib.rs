//! `bgp` runs commands in the background: one small supervisor each, everything sealed at rest.
//!
//! Modules read downwards, each naming only those below it:
//! `cli → commands → manager → supervisor, watch → control, log, store → crypto, model → sys`.

mod crypto;
#[expect(dead_code, reason = "grows")]
mod model;
#[expect(dead_code, reason = "grows")]
mod store;
#[cfg_attr(not(test), expect(dead_code, reason = "grows"))]
mod sys;
#[cfg(test)]
mod testing;

/// What the `bgp` program does.
#[must_use]
pub fn main() -> std::process::ExitCode {
    std::process::ExitCode::SUCCESS
}
