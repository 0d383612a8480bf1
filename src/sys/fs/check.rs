//! What a file must be to be ours: regular, of one name, of this user, closed to everybody else.
//!
//! Does not: open anything; it judges what fstat(2) said.

use nix::sys::stat::{FileStat, SFlag};
use nix::unistd::geteuid;

use crate::sys::fault::Danger;

pub(super) fn check_file(stat: &FileStat) -> Result<(), Danger> {
    match kind(stat) {
        SFlag::S_IFREG => (),
        SFlag::S_IFLNK => return Err(Danger::Symlink),
        _ => return Err(Danger::NotAFile),
    }
    if stat.st_uid != geteuid().as_raw() {
        return Err(Danger::Owner(stat.st_uid));
    }
    let bits = permission_bits(stat);
    if bits & 0o077 != 0 {
        return Err(Danger::OpenFile(bits));
    }
    // None at all is a file that was replaced or removed since it was opened.
    #[cfg_attr(
        target_os = "linux",
        expect(clippy::useless_conversion, reason = "u16 on macOS")
    )]
    let links = u64::from(stat.st_nlink);
    if links > 1 {
        return Err(Danger::HardLinks(links));
    }
    Ok(())
}

pub(super) fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

#[cfg_attr(
    target_os = "linux",
    expect(clippy::useless_conversion, reason = "u16 on macOS")
)]
pub(super) fn permission_bits(stat: &FileStat) -> u32 {
    u32::from(stat.st_mode & 0o7777)
}
