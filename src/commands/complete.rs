//! What a shell completes: the processes there are, for the scripts of `bgp completions`.
//!
//! Does not: ask for a password, derive a key, wait, or fail. What is not unlocked is not told.

use super::Context;
use super::words::ShortStatus;
use crate::manager::Manager;
use crate::manager::observe::Observed;
use crate::model::error::Error;

/// Tells each process's name, and its id, with its status behind a tab.
///
/// # Errors
///
/// The output cannot be written.
pub(crate) fn run(context: &mut Context) -> Result<u8, Error> {
    let Some(manager) = Manager::open_cached(&context.environment) else {
        return Ok(0);
    };
    let Ok(all) = manager.observe_if(|_| true) else {
        return Ok(0);
    };
    let infos: Vec<_> = all.into_iter().rev().map(Observed::into_info).collect();
    for (index, info) in infos.iter().enumerate() {
        // Of several with the same name the newest stands for it.
        if !infos[..index].iter().any(|newer| newer.name == info.name) {
            let status = ShortStatus(info);
            context.out.line(&format!("{}\t{status}", info.name))?;
        }
    }
    for info in &infos {
        let status = ShortStatus(info);
        context
            .out
            .line(&format!("{}\t{} {status}", info.id, info.name))?;
    }
    Ok(0)
}
