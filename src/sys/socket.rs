//! Unix sockets: with descriptors passed along, at paths longer than an address holds, and with a look
//! at who is at the other end.
//!
//! Does not: know what is said.
#![expect(unsafe_code, reason = "descriptors that recvmsg(2) made become owned")]

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr,
    recvmsg, sendmsg,
};

/// The most descriptors one message carries.
pub(crate) const FDS_MAX: usize = 8;

/// Sends one byte with `fds` beside it.
///
/// # Errors
///
/// See sendmsg(2).
pub(crate) fn send_fds(socket: &UnixStream, fds: &[BorrowedFd]) -> io::Result<()> {
    let raw: Vec<_> = fds.iter().map(std::os::fd::AsRawFd::as_raw_fd).collect();
    let data = [IoSlice::new(b"F")];
    let rights = [ControlMessage::ScmRights(&raw)];
    sendmsg::<()>(socket.as_raw_fd(), &data, &rights, MsgFlags::empty(), None)?;
    Ok(())
}

/// Receives what [`send_fds`] sent; all are close-on-exec.
///
/// # Errors
///
/// See recvmsg(2); `UnexpectedEof` when the other end has closed.
pub(crate) fn receive_fds(socket: &UnixStream) -> io::Result<Vec<OwnedFd>> {
    let mut byte = [0];
    let mut data = [IoSliceMut::new(&mut byte)];
    let mut space = nix::cmsg_space!([std::os::fd::RawFd; FDS_MAX]);
    #[cfg(target_os = "linux")]
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = MsgFlags::empty();
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut data, Some(&mut space), flags)?;
    if message.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut fds = Vec::new();
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(raw) = part {
            for fd in raw {
                // SAFETY: recvmsg(2) has just made these descriptors for us alone.
                let fd = unsafe { OwnedFd::from_raw_fd(fd) };
                #[cfg(not(target_os = "linux"))]
                nix::fcntl::fcntl(
                    &fd,
                    nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC),
                )?;
                fds.push(fd);
            }
        }
    }
    Ok(fds)
}

/// Listens at `name` in `directory`. For a process of its own: it changes its working directory to
/// `directory` for the call and then to `/`, as an address holds about 100 bytes of path and a
/// directory may be deeper. See unix(7).
///
/// # Errors
///
/// `EADDRINUSE` when the name is taken; see bind(2).
pub(crate) fn listen_in(directory: BorrowedFd, name: &str) -> io::Result<UnixListener> {
    nix::unistd::fchdir(directory)?;
    // A socket is made 0777 less the umask, which is 0077 here.
    let listener = UnixListener::bind(name).and_then(|listener| {
        std::fs::set_permissions(name, std::fs::Permissions::from_mode(0o600)).map(|()| listener)
    });
    nix::unistd::chdir("/")?;
    let listener = listener?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Connects to `name` in `directory`, on Linux whatever the length of its path, and waits for nobody.
///
/// # Errors
///
/// `ECONNREFUSED` when nobody listens, `ENOENT` when it is not there, `EAGAIN` when as many wait already as
/// may; see connect(2).
pub(crate) fn connect_in(directory: BorrowedFd, name: &str) -> io::Result<UnixStream> {
    // The magic link is short, and means the directory we have open, not a path that may have changed.
    #[cfg(target_os = "linux")]
    let base = format!("/proc/self/fd/{}", directory.as_raw_fd());
    #[cfg(target_os = "macos")]
    let base = {
        let mut path = std::path::PathBuf::new();
        nix::fcntl::fcntl(directory, nix::fcntl::FcntlArg::F_GETPATH(&mut path))?;
        path.display().to_string()
    };
    let address = UnixAddr::new(format!("{base}/{name}").as_str())?;
    #[cfg(target_os = "linux")]
    let flags = SockFlag::SOCK_CLOEXEC;
    #[cfg(target_os = "macos")]
    let flags = SockFlag::empty();
    let socket = nix::sys::socket::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    #[cfg(target_os = "macos")]
    nix::fcntl::fcntl(
        &socket,
        nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC),
    )?;
    let socket = UnixStream::from(socket);
    socket.set_nonblocking(true)?; // else a supervisor that is stopped holds up all once its queue is full
    nix::sys::socket::connect(socket.as_raw_fd(), &address)?;
    socket.set_nonblocking(false)?;
    Ok(socket)
}

/// The user at the other end.
///
/// # Errors
///
/// See getsockopt(2), `SO_PEERCRED`.
pub(crate) fn peer_uid(socket: &UnixStream) -> io::Result<u32> {
    #[cfg(target_os = "linux")]
    {
        use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
        Ok(getsockopt(socket, PeerCredentials)?.uid())
    }
    #[cfg(not(target_os = "linux"))]
    {
        Ok(nix::unistd::getpeereid(socket)?.0.as_raw())
    }
}
