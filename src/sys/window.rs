//! The size of a terminal's window.
//!
//! Does not: watch it.
#![expect(unsafe_code, reason = "ioctl(2) TIOCGWINSZ")]

/// The columns of the terminal that is the standard output, if it tells.
pub(crate) fn columns() -> Option<u16> {
    size().map(|(columns, _)| columns)
}

/// Its columns and rows; one that tells no rows has 0. See `ioctl_tty(2)`.
pub(crate) fn size() -> Option<(u16, u16)> {
    // SAFETY: zeroed is a valid winsize (plain numbers), and TIOCGWINSZ writes one, into ours.
    let (rc, size) = unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        (
            libc::ioctl(libc::STDOUT_FILENO, libc::TIOCGWINSZ, &raw mut size),
            size,
        )
    };
    (rc == 0 && size.ws_col > 0).then_some((size.ws_col, size.ws_row))
}
