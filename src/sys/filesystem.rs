//! On what a path lies: kind, room, and whether other machines may have it too.
//!
//! Source: statfs(2), statvfs(3).
//! Does not: change anything.

use std::io;
use std::path::Path;

use nix::sys::statfs::statfs;
use nix::sys::statvfs::{FsFlags, statvfs};

/// A file system.
pub(crate) struct FileSystem {
    pub(crate) name: String,
    /// Locks there may not be those of one kernel: NFS, SMB, 9p, FUSE.
    pub(crate) is_shared: bool,
    pub(crate) is_read_only: bool,
    /// What this user may still write, in bytes.
    pub(crate) free_bytes: u64,
}

/// What `path` lies on.
///
/// # Errors
///
/// As the system says.
pub(crate) fn of(path: &Path) -> io::Result<FileSystem> {
    let kind = statfs(path)?;
    let room = statvfs(path)?;
    let (name, is_shared) = described(&kind);
    #[cfg_attr(
        target_os = "linux",
        expect(
            clippy::useless_conversion,
            reason = "the types differ between systems"
        )
    )]
    let (blocks, each) = (
        u64::from(room.blocks_available()),
        u64::from(room.fragment_size()),
    );
    let free_bytes = blocks.saturating_mul(each);
    Ok(FileSystem {
        name,
        is_shared,
        is_read_only: room.flags().contains(FsFlags::ST_RDONLY),
        free_bytes,
    })
}

#[cfg(target_os = "linux")]
fn described(found: &nix::sys::statfs::Statfs) -> (String, bool) {
    /// Source: statfs(2), linux/magic.h.
    const KNOWN: [(i128, &str, bool); 15] = [
        (0x6969, "NFS", true),
        (0x0102_1997, "9p", true),
        (0x6573_5546, "FUSE", true),
        (0xff53_4d42, "SMB", true),
        (0xfe53_4d42, "SMB", true),
        (0x517b, "SMB", true),
        (0x00c3_6400, "Ceph", true),
        (0x5346_414f, "AFS", true),
        (0x786f_4256, "a folder of VirtualBox", true),
        (0xef53, "ext4", false),
        (0x0102_1994, "tmpfs", false),
        (0x5846_5342, "XFS", false),
        (0x9123_683e, "Btrfs", false),
        (0x794c_7630, "overlay", false),
        (0x2fc1_2fc1, "ZFS", false),
    ];
    let kind = i128::from(found.filesystem_type().0) & 0xffff_ffff;
    let known = KNOWN.iter().find(|(magic, _, _)| *magic == kind);
    known.map_or_else(
        || (format!("of kind 0x{kind:x}, taken for a local one"), false),
        |(_, name, is_shared)| ((*name).to_owned(), *is_shared),
    )
}

#[cfg(not(target_os = "linux"))]
fn described(found: &nix::sys::statfs::Statfs) -> (String, bool) {
    let name = found.filesystem_type_name().to_owned();
    let is_shared =
        ["nfs", "smbfs", "afpfs", "webdav", "macfuse", "osxfuse"].contains(&name.as_str());
    (name, is_shared)
}
