//! The kernel's keyring of this user: bytes in kernel memory that go away after a time, by name.
//!
//! Nothing in it reaches a disk, also not by swapping, and it ends with the boot. Containers mostly
//! refuse it, and an ordinary user has room for about 200 keys and 20 kB: every call may fail.
//! Does not: seal what is put there. Other processes of this user can read it. macOS has none.
//! Source: keyrings(7), keyctl(2), `add_key(2)`.
#![cfg_attr(
    target_os = "linux",
    expect(unsafe_code, reason = "the C library has no wrapper for these calls")
)]

#[cfg(target_os = "linux")]
pub(crate) use linux::{find, forget, put};
#[cfg(not(target_os = "linux"))]
pub(crate) use none::{find, forget, put};

/// The longest payload that is put or read, in bytes.
#[cfg_attr(
    not(target_os = "linux"),
    expect(dead_code, reason = "there is no keyring")
)]
pub(crate) const PAYLOAD_MAX_BYTES: usize = 1024;

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::{CStr, CString};
    use std::io;
    use std::time::Duration;

    use libc::{c_int, c_long, c_ulong};

    use super::PAYLOAD_MAX_BYTES;

    const KEY_TYPE: &CStr = c"user";
    /// All for its possessor; view, read, write, search and set attributes for its user, as sessions of
    /// su and cron do not possess the user's keyring. Source: `keyctl_setperm(3)`.
    const PERMISSIONS: c_ulong = 0x3f2f_0000;

    /// A key that is in the keyring.
    pub(crate) struct Found {
        serial: c_long,
        /// What was put there.
        pub(crate) payload: Vec<u8>,
    }

    impl Found {
        /// Lets it live for `time` from now.
        ///
        /// # Errors
        ///
        /// As the kernel says.
        pub(crate) fn keep_for(&self, time: Duration) -> io::Result<()> {
            set_timeout(self.serial, time)
        }
    }

    /// The key that is called `name`.
    ///
    /// # Errors
    ///
    /// `ENOKEY` and the like when there is none, `EPERM` or `ENOSYS` when there may be none.
    pub(crate) fn find(name: &str) -> io::Result<Found> {
        let serial = search(name)?;
        let mut payload = vec![0; PAYLOAD_MAX_BYTES];
        // SAFETY: the kernel writes at most the length given into the buffer, and tells the key's.
        let len = check(unsafe {
            libc::syscall(
                libc::SYS_keyctl,
                c_long::from(libc::KEYCTL_READ),
                serial,
                payload.as_mut_ptr(),
                payload.len(),
            )
        })?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len > payload.len() {
            return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
        }
        payload.truncate(len);
        Ok(Found { serial, payload })
    }

    /// Puts `payload` under `name`, in the place of what was there, to go away after `time`.
    ///
    /// # Errors
    ///
    /// `EDQUOT` when the user has too many keys, `EPERM` or `ENOSYS` when there may be none.
    pub(crate) fn put(name: &str, payload: &[u8], time: Duration) -> io::Result<()> {
        let name = c_string(name)?;
        // It is made in a keyring of this process, where it is ours to set up, then linked to the user's.
        // SAFETY: both strings end in NUL and the payload has the length given; all are only read.
        let serial = check(unsafe {
            libc::syscall(
                libc::SYS_add_key,
                KEY_TYPE.as_ptr(),
                name.as_ptr(),
                payload.as_ptr(),
                payload.len(),
                libc::KEY_SPEC_PROCESS_KEYRING,
            )
        })?;
        let linked = keyctl(libc::KEYCTL_SETPERM, serial, PERMISSIONS)
            .and_then(|_| set_timeout(serial, time))
            .and_then(|()| keyctl(libc::KEYCTL_LINK, serial, spec(libc::KEY_SPEC_USER_KEYRING)));
        let unlinked = keyctl(
            libc::KEYCTL_UNLINK,
            serial,
            spec(libc::KEY_SPEC_PROCESS_KEYRING),
        );
        linked.and(unlinked).map(drop)
    }

    /// Removes the key that is called `name`; whether there was one.
    ///
    /// # Errors
    ///
    /// As the kernel says.
    pub(crate) fn forget(name: &str) -> io::Result<bool> {
        let serial = match search(name) {
            Ok(serial) => serial,
            Err(error) => {
                return match error.raw_os_error() {
                    Some(libc::ENOKEY | libc::EKEYEXPIRED | libc::EKEYREVOKED) => Ok(false),
                    _ => Err(error),
                };
            }
        };
        keyctl(libc::KEYCTL_INVALIDATE, serial, 0).or_else(|_| {
            keyctl(
                libc::KEYCTL_UNLINK,
                serial,
                spec(libc::KEY_SPEC_USER_KEYRING),
            )
        })?;
        Ok(true)
    }

    fn search(name: &str) -> io::Result<c_long> {
        let name = c_string(name)?;
        // SAFETY: both strings end in NUL and are only read; nothing is linked (the last argument).
        check(unsafe {
            libc::syscall(
                libc::SYS_keyctl,
                c_long::from(libc::KEYCTL_SEARCH),
                c_long::from(libc::KEY_SPEC_USER_KEYRING),
                KEY_TYPE.as_ptr(),
                name.as_ptr(),
                0 as c_long,
            )
        })
    }

    fn set_timeout(serial: c_long, time: Duration) -> io::Result<()> {
        let seconds = c_ulong::try_from(time.as_secs()).unwrap_or(c_ulong::MAX);
        keyctl(libc::KEYCTL_SET_TIMEOUT, serial, seconds).map(drop)
    }

    fn keyctl(operation: u32, serial: c_long, argument: c_ulong) -> io::Result<c_long> {
        // SAFETY: the operations used here take numbers only.
        check(unsafe { libc::syscall(libc::SYS_keyctl, c_long::from(operation), serial, argument) })
    }

    /// A special keyring's number as the kernel takes it.
    fn spec(keyring: c_int) -> c_ulong {
        c_long::from(keyring).cast_unsigned()
    }

    fn c_string(name: &str) -> io::Result<CString> {
        CString::new(name).map_err(io::Error::from)
    }

    fn check(result: c_long) -> io::Result<c_long> {
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(result)
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use std::io;
    use std::time::Duration;

    /// A key that is in the keyring; there is none.
    pub(crate) struct Found {
        /// What was put there.
        pub(crate) payload: Vec<u8>,
    }

    impl Found {
        #[expect(clippy::unused_self, reason = "as where there is a keyring")]
        pub(crate) fn keep_for(&self, _time: Duration) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    pub(crate) fn find(_name: &str) -> io::Result<Found> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn put(_name: &str, _payload: &[u8], _time: Duration) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn forget(_name: &str) -> io::Result<bool> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sys::clock;

    #[test]
    #[expect(clippy::print_stdout, reason = "says why it tests nothing")]
    fn what_is_put_is_found_replaced_and_forgotten() {
        let name = format!("bgp:test:{}:{}", std::process::id(), clock::wall_ns());
        if let Err(error) = put(&name, b"one", Duration::from_secs(60)) {
            println!("skipped: no keyring here: {error}");
            return;
        }
        let found = find(&name).unwrap();
        assert_eq!(found.payload, b"one");
        found.keep_for(Duration::from_secs(30)).unwrap();
        put(&name, b"another", Duration::from_secs(60)).unwrap();
        assert_eq!(find(&name).unwrap().payload, b"another");
        assert!(forget(&name).unwrap());
        assert!(find(&name).is_err());
        assert!(!forget(&name).unwrap());
    }
}
