//! libproc, on macOS.
//!
//! Does not: interpret; who asks does.
#![expect(unsafe_code, reason = "libproc")]

use super::{Stat, Usage};

pub(crate) fn usage(_pid: i32) -> Option<Usage> {
    None
}

pub(crate) fn stat(pid: i32) -> Option<Stat> {
    let size = i32::try_from(size_of::<libc::proc_bsdinfo>()).ok()?;
    // SAFETY: zeroed is a valid proc_bsdinfo (plain numbers); the call writes at most `size` bytes.
    let (got, info) = unsafe {
        let mut info: libc::proc_bsdinfo = std::mem::zeroed();
        let to = (&raw mut info).cast();
        (
            libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, to, size),
            info,
        )
    };
    // SAFETY: getsid(2) touches no memory.
    let session = unsafe { libc::getsid(pid) };
    (got == size).then(|| Stat {
        pid,
        name: info
            .pbi_comm
            .iter()
            .take_while(|c| **c != 0)
            .map(|c| c.cast_unsigned())
            .collect(),
        state: match info.pbi_status {
            libc::SZOMB => b'Z',
            libc::SSTOP => b'T',
            _ => b'S',
        },
        parent: i32::try_from(info.pbi_ppid).unwrap_or(0),
        group: i32::try_from(info.pbi_pgid).unwrap_or(0),
        session,
        threads: 1, // it is a zombie only when all of them have ended
        start: info.pbi_start_tvsec * 1_000_000 + info.pbi_start_tvusec,
    })
}

pub(crate) fn is_exiting(_pid: i32) -> bool {
    false
}

#[expect(clippy::unnecessary_wraps, reason = "where it is a file it may fail")]
pub(crate) fn try_stat(pid: i32) -> std::io::Result<Option<Stat>> {
    Ok(stat(pid))
}

pub(crate) fn try_all() -> std::io::Result<Vec<Stat>> {
    let mut pids = vec![0_i32; 100_000];
    let bytes = i32::try_from(pids.len() * size_of::<i32>()).unwrap_or(i32::MAX);
    // SAFETY: the call writes at most `bytes` bytes into our vector.
    let count = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), bytes) };
    let count = usize::try_from(count).map_err(|_| std::io::Error::last_os_error())?;
    pids.truncate(count);
    Ok(pids.into_iter().filter_map(stat).collect())
}

pub(crate) fn own_children() -> Option<Vec<i32>> {
    None
}

pub(crate) fn children(_pid: i32) -> Option<Vec<i32>> {
    None
}

pub(crate) fn arguments(_pid: i32) -> Option<Vec<u8>> {
    None
}

pub(crate) fn environment(_pid: i32) -> Option<Vec<u8>> {
    None
}

pub(crate) fn tracer(_pid: i32) -> Option<i32> {
    None
}

pub(crate) fn owner(pid: i32) -> Option<u32> {
    let size = i32::try_from(size_of::<libc::proc_bsdinfo>()).ok()?;
    // SAFETY: as in `stat`.
    let (got, info) = unsafe {
        let mut info: libc::proc_bsdinfo = std::mem::zeroed();
        let to = (&raw mut info).cast();
        (
            libc::proc_pidinfo(pid, libc::PROC_PIDTBSDINFO, 0, to, size),
            info,
        )
    };
    (got == size).then_some(info.pbi_ruid)
}
