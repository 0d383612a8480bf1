//! Symbolic links, and what they lead to.
//!
//! Does not: look at what is there.

use std::fs;
use std::iter::successors;
use std::path::{Path, PathBuf};

/// How many links to the next may stand one behind the other: as in the kernel, `path_resolution(7)`.
pub(crate) const LINKS_MAX: usize = 40;

/// `path`, and while that is a link the path it leads to, which need not be there. More links than the kernel
/// follows end with the one beyond.
pub(crate) fn followed(path: &Path) -> impl Iterator<Item = PathBuf> {
    let next = |path: &PathBuf| {
        let target = fs::read_link(path).ok()?;
        Some(path.parent()?.join(target))
    };
    successors(Some(path.to_owned()), next).take(LINKS_MAX + 1)
}
