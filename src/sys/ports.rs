//! Sockets that listen: on which port, and whose they are.
//!
//! Linux tells by `/proc/PID/net/tcp` and the open files of each process (`proc_pid_net(5)`), and the
//! latter only of one's own processes. On macOS nothing is told.
//! Does not: know UDP, where nobody listens.

use std::net::IpAddr;

/// A TCP socket that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    /// What names the socket in its network namespace.
    pub(crate) inode: u64,
}

/// The sockets that listen in the network namespace of `pid`; none when it cannot be seen.
pub(crate) fn listeners(pid: i32) -> Vec<Listener> {
    system::listeners(pid)
}

/// The sockets that `pid` has open; none when it is not ours.
pub(crate) fn sockets(pid: i32) -> Vec<u64> {
    system::sockets(pid)
}

#[cfg(target_os = "linux")]
mod system {
    use std::fs::File;
    use std::io::Read as _;

    use super::{Listener, parse};

    /// The longest table that is read: some hundred thousand sockets.
    const TABLE_MAX_BYTES: u64 = 64 * 1024 * 1024;

    pub(super) fn listeners(pid: i32) -> Vec<Listener> {
        let mut found = Vec::new();
        for table in ["tcp", "tcp6"] {
            let mut text = String::new();
            let read = File::open(format!("/proc/{pid}/net/{table}"))
                .and_then(|file| file.take(TABLE_MAX_BYTES).read_to_string(&mut text));
            if read.is_ok() {
                found.extend(text.lines().skip(1).filter_map(parse));
            }
        }
        found
    }

    pub(super) fn sockets(pid: i32) -> Vec<u64> {
        let number = |entry: std::fs::DirEntry| {
            let target = std::fs::read_link(entry.path()).ok()?;
            let inode = target.to_str()?.strip_prefix("socket:[")?;
            inode.strip_suffix(']')?.parse().ok()
        };
        std::fs::read_dir(format!("/proc/{pid}/fd"))
            .into_iter()
            .flatten()
            .filter_map(|entry| number(entry.ok()?))
            .collect()
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::Listener;

    pub(super) fn listeners(_pid: i32) -> Vec<Listener> {
        Vec::new()
    }

    pub(super) fn sockets(_pid: i32) -> Vec<u64> {
        Vec::new()
    }
}

/// Reads a line of `/proc/net/tcp` or `tcp6`, if its socket listens.
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
fn parse(line: &str) -> Option<Listener> {
    const LISTENS: &str = "0A";
    let mut fields = line.split_ascii_whitespace();
    let (address, port) = fields.nth(1)?.split_once(':')?;
    if fields.nth(1)? != LISTENS {
        return None;
    }
    Some(Listener {
        address: parse_address(address)?,
        port: u16::from_str_radix(port, 16).ok()?,
        inode: fields.nth(5)?.parse().ok()?,
    })
}

/// An address in words of 32 bits, each as this machine reads what came from the network.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let digits = hex.get(at * 8..at * 8 + 8)?;
        Some(u32::from_be(u32::from_str_radix(digits, 16).ok()?))
    };
    match hex.len() {
        8 => Some(IpAddr::V4(word(0)?.into())),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let number = words
                .iter()
                .fold(0, |number, word| number << 32 | u128::from(*word));
            Some(IpAddr::V6(number.into()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &str = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 31337 1 0000000000000000 100 0 0 10 0";
    const V6: &str = "   1: B80D0120000000000000000001000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7 1 0000000000000000 100 0 0 10 0";

    #[test]
    #[cfg(target_endian = "little")]
    fn a_line_of_the_table_is_read() {
        let listener = parse(V4).unwrap();
        assert_eq!(listener.address.to_string(), "127.0.0.1");
        assert_eq!((listener.port, listener.inode), (8080, 31337));
        let connected = V4.replace(" 0A ", " 01 ");
        assert_eq!(parse(&connected), None);

        let listener = parse(V6).unwrap();
        assert_eq!(listener.address.to_string(), "2001:db8::1");
        assert_eq!((listener.port, listener.inode), (443, 7));
        for len in 0..V6.len() {
            let _ = parse(&V6[..len]);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_of_this_process_is_found() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let me = std::process::id().cast_signed();
        let listener = listeners(me)
            .into_iter()
            .find(|listener| listener.port == port)
            .unwrap();
        assert_eq!(listener.address.to_string(), "127.0.0.1");
        assert!(sockets(me).contains(&listener.inode));
        drop(socket);
        // What another test forks has it until it executes.
        crate::testing::eventually("it is closed", || {
            let mut others = listeners(me).into_iter();
            !others.any(|other| other.inode == listener.inode)
        });
        assert!(sockets(i32::MAX).is_empty());
    }
}
