//! The key cache: the master key in the kernel's keyring, for those who know the password, for a while.
//!
//! One command in fifteen minutes pays for the 600,000 iterations, the others for 4,096. The key in the
//! keyring of the user is called `bgp:v1:<store>`, and its payload is:
//!
//! ```text
//! header  = "BGPC" ‖ version u32 = 1 ‖ salt (16 bytes)
//! payload = header ‖ seal[HKDF(PBKDF2(password, salt, 4096), salt = tag of the key file, "cache …")](
//!               header, master key ‖ expiry u64 (ms since boot))
//! ```
//!
//! A new password changes the tag, and so ends what was cached. A wrong one does not open it: it goes the
//! long way and is refused there. Whatever the keyring refuses is not told: then there is no cache.
//! Does not: keep anything on disk.

use std::time::Duration;

use super::environment::Environment;
use super::key::KeyFile;
use super::password::Password;
use crate::crypto::seal::SealKeys;
use crate::crypto::{KEY_BYTES, Key, kdf, random_bytes};
use crate::model::error::Error;
use crate::model::id::StoreId;
use crate::sys::{clock, keyring};

/// How long it stays after its last use.
const IDLE_MAX: Duration = Duration::from_secs(15 * 60);
/// How long it stays at most, from the last time the password went the long way.
const AGE_MAX_MS: u64 = 8 * 60 * 60 * 1000;
/// 0.4 ms for us, and a guess for somebody who reads the keyring: a 146th of one at the key file.
const ITERATIONS: u32 = 4096;

const MAGIC: &[u8; 8] = b"BGPC\x01\0\0\0";
const SALT_BYTES: usize = 16;
const HEADER_BYTES: usize = MAGIC.len() + SALT_BYTES;
const PLAIN_BYTES: usize = KEY_BYTES + size_of::<u64>();

/// Whether keys are cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cache {
    /// They are, where the kernel lets us.
    On,
    /// `BGP_KEY_CACHE=off`: nothing is read or put there.
    Off,
}

impl Cache {
    /// What `BGP_KEY_CACHE` says: `on`, as without it, or anything else for off.
    pub(crate) fn of(environment: &Environment) -> Self {
        match environment.get("BGP_KEY_CACHE") {
            Some(value) if !value.is_empty() && !value.eq_ignore_ascii_case("on") => Self::Off,
            Some(_) | None => Self::On,
        }
    }
}

/// The master key of `file`, from the cache or the long way, and cached from now on.
///
/// # Errors
///
/// Those of `long_way`, which opens the file with the same password.
pub(crate) fn unlock(
    cache: Cache,
    file: &KeyFile,
    password: &Password,
    long_way: impl FnOnce() -> Result<Key, Error>,
) -> Result<Key, Error> {
    if cache == Cache::Off {
        return long_way();
    }
    if let Some(master) = find(file, password) {
        return Ok(master);
    }
    let master = long_way()?;
    put(file, password, &master);
    Ok(master)
}

/// Forgets the master key of `store`; whether it was cached.
pub(crate) fn forget(store: StoreId) -> bool {
    keyring::forget(&name(store)).unwrap_or(false)
}

/// Whether the kernel lets us keep keys.
pub(crate) fn is_possible() -> bool {
    let none = |error: &std::io::Error| {
        let refusals = [
            libc::EPERM,
            libc::ENOSYS,
            libc::EACCES,
            libc::ENOTSUP,
            libc::EOPNOTSUPP,
        ];
        error
            .raw_os_error()
            .is_none_or(|errno| refusals.contains(&errno))
    };
    keyring::find("bgp:v1:none").map_or_else(|error| !none(&error), |_| true)
}

/// Caches a master key that has just been made or sealed anew.
pub(crate) fn put(file: &KeyFile, password: &Password, master: &Key) {
    let expiry_ms = clock::boottime_ms() + AGE_MAX_MS;
    if let Ok(payload) = seal(file, password, master, expiry_ms) {
        keyring::put(&name(file.store()), &payload, IDLE_MAX).ok();
    }
}

/// The master key of `file`, if it is cached and `password` opens it.
pub(crate) fn find(file: &KeyFile, password: &Password) -> Option<Key> {
    let found = keyring::find(&name(file.store())).ok()?;
    let master = open(&found.payload, file, password, clock::boottime_ms())?;
    found.keep_for(IDLE_MAX).ok();
    Some(master)
}

fn name(store: StoreId) -> String {
    format!("bgp:v1:{store}")
}

fn seal(
    file: &KeyFile,
    password: &Password,
    master: &Key,
    expiry_ms: u64,
) -> Result<Vec<u8>, Error> {
    let salt = random_bytes::<SALT_BYTES>()?;
    let mut payload = [MAGIC.as_slice(), &salt].concat();
    let mut plain = zeroize::Zeroizing::new([0; PLAIN_BYTES]);
    plain[..KEY_BYTES].copy_from_slice(master.expose());
    plain[KEY_BYTES..].copy_from_slice(&expiry_ms.to_le_bytes());
    let sealed = seal_keys(file, password, &salt).seal(&payload, plain.as_slice())?;
    payload.extend_from_slice(&sealed);
    Ok(payload)
}

fn open(payload: &[u8], file: &KeyFile, password: &Password, now_ms: u64) -> Option<Key> {
    let (header, sealed) = payload.split_first_chunk::<HEADER_BYTES>()?;
    let salt = header.strip_prefix(MAGIC)?.first_chunk::<SALT_BYTES>()?;
    let plain = seal_keys(file, password, salt).open(header, sealed).ok()?;
    let (master, expiry) = plain.split_first_chunk::<KEY_BYTES>()?;
    let expiry_ms = u64::from_le_bytes(expiry.try_into().ok()?);
    // One further off than it can be is from another count of time.
    let left_ms = expiry_ms.checked_sub(now_ms)?;
    (1..=AGE_MAX_MS)
        .contains(&left_ms)
        .then(|| Key::from_bytes(*master))
}

fn seal_keys(file: &KeyFile, password: &Password, salt: &[u8; SALT_BYTES]) -> SealKeys {
    let root = kdf::from_password(password.expose(), salt, ITERATIONS);
    SealKeys::derive(&root, file.tag(), "cache")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use zeroize::Zeroizing;

    use super::*;

    fn password(text: &str) -> Password {
        Password::new(Zeroizing::new(text.into())).unwrap()
    }

    #[test]
    fn it_opens_for_its_password_and_key_file_until_it_expires() {
        let (file, master) = KeyFile::create(&password("p"), 1_000).unwrap();
        let payload = seal(&file, &password("p"), &master, 1_000).unwrap();
        assert!(payload.len() <= keyring::PAYLOAD_MAX_BYTES);
        let opens = |payload: &[u8], file: &KeyFile, text: &str, now_ms| {
            open(payload, file, &password(text), now_ms)
                .is_some_and(|key| key.expose() == master.expose())
        };
        assert!(opens(&payload, &file, "p", 0) && opens(&payload, &file, "p", 999));
        assert!(!opens(&payload, &file, "p", 1_000) && !opens(&payload, &file, "p", u64::MAX));
        assert!(!opens(&payload, &file, "P", 0));
        let rewrapped = KeyFile::wrap(&master, file.store(), &password("p"), 1_000).unwrap();
        assert!(!opens(&payload, &rewrapped, "p", 0));
        let far = seal(&file, &password("p"), &master, AGE_MAX_MS + 1).unwrap();
        assert!(!opens(&far, &file, "p", 0) && opens(&far, &file, "p", 1));
    }

    #[test]
    fn nothing_altered_or_cut_opens() {
        let (file, master) = KeyFile::create(&password("p"), 1_000).unwrap();
        let payload = seal(&file, &password("p"), &master, 1_000).unwrap();
        for bit in (0..payload.len() * 8).step_by(7) {
            let mut altered = payload.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&altered, &file, &password("p"), 0).is_none(), "{bit}");
        }
        for len in (0..payload.len()).step_by(5) {
            assert!(open(&payload[..len], &file, &password("p"), 0).is_none());
        }
    }

    #[test]
    #[expect(clippy::print_stdout, reason = "says why it tests nothing")]
    fn the_second_call_does_not_go_the_long_way_and_a_wrong_password_does() {
        let (file, master) = KeyFile::create(&password("p"), 1_000).unwrap();
        let path = Path::new("/store/key");
        let long_way = |text: &str| file.unlock(&password(text), path);
        unlock(Cache::On, &file, &password("p"), || long_way("p")).unwrap();
        if keyring::find(&name(file.store())).is_err() {
            println!("skipped: no keyring here");
            return;
        }
        let never = || panic!("the key is cached");
        let cached = unlock(Cache::On, &file, &password("p"), never).unwrap();
        assert_eq!(cached.expose(), master.expose());
        assert!(unlock(Cache::On, &file, &password("wrong"), || long_way("wrong")).is_err());
        let refused = || Err(Error::other("went the long way"));
        assert!(unlock(Cache::Off, &file, &password("p"), refused).is_err());
        assert!(forget(file.store()));
        assert!(!forget(file.store()));
        assert!(unlock(Cache::On, &file, &password("p"), refused).is_err());
    }

    #[test]
    fn only_off_turns_it_off() {
        let of = |value: &str| Cache::of(&Environment::new([("BGP_KEY_CACHE", value)]));
        assert_eq!(of("off"), Cache::Off);
        assert_eq!((of(""), of("on")), (Cache::On, Cache::On));
        assert_eq!(Cache::of(&Environment::new([("A", "off")])), Cache::On);
    }
}
