//! A store that is unlocked: the state directory with the keys to all that is in it.
//!
//! Does not: know processes, or print.

use std::path::PathBuf;
use std::time::Duration;

use super::cache::{self, Cache};
use super::dir::{self, KEY, LOCK, STATE, StateDir};
use super::environment::Environment;
use super::key::{self, KEY_FILE_MAX_BYTES, KeyFile};
use super::keys::Keys;
use super::lock::{self, Lock, PATIENCE};
use super::password::{self, Ask, Password};
use super::readers::{self, Part, Places, Reader};
use super::state::{self, State};
use crate::crypto::Key;
use crate::model::error::{Error, Kind};
use crate::sys::crash::{crash_point, panic_point};
use crate::sys::fs::Replacement;

const THE_STATE: &str = "the state";

/// An unlocked store.
pub(crate) struct Store {
    dir: StateDir,
    keys: Keys,
    /// What `key` held when it was opened.
    key_file: KeyFile,
}

impl Store {
    /// Opens the store that `environment` leads to, with the password it gives. `None` when there is none
    /// yet: then no password is asked for and nothing is written.
    ///
    /// # Errors
    ///
    /// `Usage`, `NoPassword`, `WrongPassword`, `Damaged`, `Unsafe`: as the parts say.
    pub(crate) fn open_existing(environment: &Environment) -> Result<Option<Self>, Error> {
        let Some(dir) = StateDir::open_existing(&dir::location(environment)?)? else {
            return Ok(None);
        };
        match find_key(&dir)? {
            Some(file) => Self::unlock(dir, file, environment).map(Some),
            None => Ok(None),
        }
    }

    /// Opens the store that `environment` leads to if its key is cached: no question is asked, no command
    /// run, no key derived, and nothing is told of what is wrong.
    pub(crate) fn open_cached(environment: &Environment) -> Option<Self> {
        if Cache::of(environment) == Cache::Off || environment.get("BG_PASSWORD_COMMAND").is_some()
        {
            return None; // a command may take its time
        }
        let given = ["BG_PASSWORD", "BG_PASSWORD_FILE"].map(|name| environment.get(name));
        given.iter().flatten().next()?; // else a terminal would be asked
        let dir = StateDir::open_existing(&dir::location(environment).ok()?).ok()??;
        let file = read_key(&dir).ok()??;
        let password = password::current(environment, Ask::Once).ok()?;
        let master = cache::find(&file, &password)?;
        Some(Self::new(dir, file, master))
    }

    /// Opens the store that `environment` leads to, and makes it if there is none: directory, key, and an
    /// empty state, so that nothing can be in it before there is a state.
    ///
    /// # Errors
    ///
    /// As [`open_existing`](Self::open_existing), and `Storage`. Nothing is written without a password.
    pub(crate) fn open_or_create(environment: &Environment) -> Result<Self, Error> {
        let path = dir::location(environment)?;
        let existing = StateDir::open_existing(&path)?;
        let file = existing.as_ref().map(find_key).transpose()?.flatten();
        let store = if let (Some(dir), Some(file)) = (existing, file) {
            Self::unlock(dir, file, environment)?
        } else {
            let password = password::current(environment, Ask::Twice)?;
            Self::create(StateDir::open_or_create(&path)?, &password, environment)?
        };
        store.begin_state()?;
        Ok(store)
    }

    /// Makes the state if there is none, before anything else is made: logs without a state would look
    /// like damage.
    ///
    /// # Errors
    ///
    /// `Locked`, `Damaged`, `Storage`.
    pub(crate) fn begin_state(&self) -> Result<(), Error> {
        if !state::exists(&self.dir)? {
            let mut locked = self.lock()?;
            if locked.state.generation == 0 {
                locked.save()?;
            }
        }
        Ok(())
    }

    /// The state directory.
    pub(crate) fn dir(&self) -> &StateDir {
        &self.dir
    }

    /// The keys to what is in it.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The state as it is now. Waits for nobody; by the time it is used it may have changed.
    ///
    /// # Errors
    ///
    /// `Damaged`.
    pub(crate) fn read_state(&self) -> Result<State, Error> {
        state::load(&self.dir, &self.keys)
    }

    /// Waits until nobody else changes the state, 10 s at most, and loads it.
    ///
    /// # Errors
    ///
    /// `Locked` with who has it, `Damaged`.
    pub(crate) fn lock(&self) -> Result<LockedState<'_>, Error> {
        let lock = lock::take(self.dir.top(), LOCK, THE_STATE, PATIENCE)?;
        self.locked(lock)
    }

    /// Like [`lock`](Self::lock) without waiting: `None` when somebody else has it.
    ///
    /// # Errors
    ///
    /// `Damaged`.
    pub(crate) fn try_lock(&self) -> Result<Option<LockedState<'_>>, Error> {
        let lock = lock::try_take(self.dir.top(), LOCK)?;
        lock.map(|lock| self.locked(lock)).transpose()
    }

    /// Takes `part` of the reader called `name`, and waits for it as long as `patience`.
    ///
    /// # Errors
    ///
    /// `Locked` after that, `Damaged`.
    pub(crate) fn reader(
        &self,
        name: &str,
        part: Part,
        patience: Duration,
    ) -> Result<Reader, Error> {
        Reader::take(&self.dir, &self.keys, name, part, patience)
    }

    /// Writes down where `reader` is.
    ///
    /// # Errors
    ///
    /// `Locked`, `Storage`; what was saved before still counts then. `Damaged`.
    pub(crate) fn save_reader(&self, reader: &Reader) -> Result<(), Error> {
        reader.save(&self.dir, &self.keys)
    }

    /// Where the reader called `name` is, without taking it.
    ///
    /// # Errors
    ///
    /// `Damaged`.
    pub(crate) fn peek_reader(&self, name: &str) -> Result<Places, Error> {
        readers::peek(&self.dir, &self.keys, name)
    }

    /// Seals the master key under `new`. Everything else stays as it is, and what runs goes on.
    ///
    /// # Errors
    ///
    /// `Locked`, `Storage`; the old password still counts then, or, if only the directory could not be
    /// synced, the new one. `WrongPassword` when somebody else has changed it meanwhile, `Damaged` when the
    /// key has become another store's.
    pub(crate) fn change_password(
        &self,
        new: &Password,
        environment: &Environment,
    ) -> Result<(), Error> {
        let iterations = iterations(environment);
        let file = KeyFile::wrap(self.keys.master(), self.keys.store(), new, iterations)?;
        let _lock = lock::take(self.dir.top(), LOCK, THE_STATE, PATIENCE)?;
        match read_key(&self.dir)? {
            Some(there) if there == self.key_file => (),
            Some(there) if there.store() == self.keys.store() => {
                return Err(Error::new(
                    Kind::WrongPassword,
                    "the password has been changed by somebody else meanwhile",
                )
                .hint("theirs counts now, and nothing was changed here"));
            }
            Some(_) | None => {
                return Err(Error::new(
                    Kind::Damaged,
                    format!(
                        "'{}' has been exchanged meanwhile",
                        self.dir.top().path(KEY).display()
                    ),
                ));
            }
        }
        self.dir.top().replace(KEY, &file.to_bytes())?;
        crash_point!("passwd-saved");
        cache::forget(self.keys.store());
        if Cache::of(environment) == Cache::On {
            cache::put(&file, new, self.keys.master());
        }
        Ok(())
    }

    /// Waits for the lock as [`lock`](Self::lock) does, and takes it whatever the state is like.
    ///
    /// # Errors
    ///
    /// `Locked`.
    pub(crate) fn lock_whatever(&self) -> Result<AnyState<'_>, Error> {
        let lock = lock::take(self.dir.top(), LOCK, THE_STATE, PATIENCE)?;
        Ok(AnyState {
            found: self.read_state(),
            store: self,
            _lock: lock,
        })
    }

    fn new(dir: StateDir, key_file: KeyFile, master: Key) -> Self {
        Self {
            keys: Keys::new(key_file.store(), master),
            dir,
            key_file,
        }
    }

    fn unlock(dir: StateDir, file: KeyFile, environment: &Environment) -> Result<Self, Error> {
        let password = password::current(environment, Ask::Once)?;
        Self::unlock_with(dir, file, &password, Cache::of(environment))
    }

    fn unlock_with(
        dir: StateDir,
        file: KeyFile,
        password: &Password,
        cache: Cache,
    ) -> Result<Self, Error> {
        let path = dir.top().path(KEY);
        let master = cache::unlock(cache, &file, password, || file.unlock(password, &path))?;
        panic_point!("store-unlocked");
        Ok(Self::new(dir, file, master))
    }

    /// Makes the key, unless somebody else has made it meanwhile: then theirs counts.
    fn create(
        dir: StateDir,
        password: &Password,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let cache = Cache::of(environment);
        let (file, master) = KeyFile::create(password, iterations(environment))?;
        let lock = lock::take(dir.top(), LOCK, THE_STATE, PATIENCE)?;
        if let Some(theirs) = read_key(&dir)? {
            drop(lock); // to unlock it takes long
            return Self::unlock_with(dir, theirs, password, cache);
        }
        check_fresh(&dir)?;
        dir.top().replace(KEY, &file.to_bytes())?;
        crash_point!("key-made");
        if cache == Cache::On {
            cache::put(&file, password, &master);
        }
        Ok(Self::new(dir, file, master))
    }

    fn locked(&self, lock: Lock) -> Result<LockedState<'_>, Error> {
        Ok(LockedState {
            store: self,
            _lock: lock,
            state: self.read_state()?,
        })
    }
}

/// The state, which nobody else changes while this exists.
pub(crate) struct LockedState<'a> {
    store: &'a Store,
    _lock: Lock,
    /// As it was loaded; changes count once they are saved.
    pub(crate) state: State,
}

impl<'a> LockedState<'a> {
    /// Writes the state down. When this returns it is on the disk.
    ///
    /// # Errors
    ///
    /// `Storage`; what was saved before still counts then.
    pub(crate) fn save(&mut self) -> Result<(), Error> {
        state::save(&self.store.dir, &self.store.keys, &mut self.state)
    }

    /// Does what takes long about it, so that [`Replacement::commit`] makes it count in a moment.
    ///
    /// # Errors
    ///
    /// `Storage`.
    pub(crate) fn prepare(&mut self) -> Result<Replacement<'a>, Error> {
        state::prepare(&self.store.dir, &self.store.keys, &mut self.state)
    }
}

/// A state that may be damaged, which nobody else changes while this exists.
pub(crate) struct AnyState<'a> {
    store: &'a Store,
    _lock: Lock,
    /// The state, or what is wrong with it.
    pub(crate) found: Result<State, Error>,
}

impl AnyState<'_> {
    /// Puts `state` in its place. Returns where the old one is kept now, if there was one.
    ///
    /// # Errors
    ///
    /// `Storage`; the old one is kept then, under its name unless the last step failed, a rename.
    pub(crate) fn replace(self, state: &mut State) -> Result<Option<PathBuf>, Error> {
        let top = self.store.dir.top();
        let mut prepared = state::prepare(&self.store.dir, &self.store.keys, state)?;
        crash_point!("repair-prepared");
        let kept = top.set_aside(STATE)?;
        crash_point!("repair-aside");
        prepared.commit()?;
        Ok(kept.map(|name| top.path(&name)))
    }
}

/// Forgets the cached key of the store that `environment` leads to, without a password; whether there was one.
///
/// # Errors
///
/// `Damaged` or `Unsafe` when its `key` cannot be read.
pub(crate) fn forget_key(environment: &Environment) -> Result<bool, Error> {
    let Some(dir) = StateDir::open_existing(&dir::location(environment)?)? else {
        return Ok(false);
    };
    Ok(read_key(&dir)?.is_some_and(|file| cache::forget(file.store())))
}

fn read_key(dir: &StateDir) -> Result<Option<KeyFile>, Error> {
    let bytes = dir.top().read(KEY, KEY_FILE_MAX_BYTES)?;
    bytes
        .map(|bytes| KeyFile::parse(&bytes, &dir.top().path(KEY)))
        .transpose()
}

/// The key; `None` where there is none, and nothing that it would open.
fn find_key(dir: &StateDir) -> Result<Option<KeyFile>, Error> {
    if let Some(file) = read_key(dir)? {
        return Ok(Some(file));
    }
    let Err(error) = check_fresh(dir) else {
        return Ok(None);
    };
    // The first start writes the key, then the state: maybe after we had looked for the key.
    read_key(dir)?.map(Some).ok_or(error)
}

/// That there is nothing which the missing key would open: a new one would hide it for ever.
fn check_fresh(dir: &StateDir) -> Result<(), Error> {
    if !state::exists(dir)? && !state::has_logs(dir)? {
        return Ok(());
    }
    let path = dir.top().path(KEY);
    Err(Error::new(
        Kind::Damaged,
        format!(
            "'{}' is missing, and what it opens is there",
            path.display()
        ),
    )
    .hint("put back a copy of 'key'; with it 'bgp repair' can make anew what else is missing"))
}

#[cfg(debug_assertions)]
fn iterations(environment: &Environment) -> u32 {
    let set = environment.get("BGP_TEST_ITERATIONS");
    set.and_then(|text| text.to_str()?.parse().ok())
        .unwrap_or(key::ITERATIONS)
}

#[cfg(not(debug_assertions))]
fn iterations(_environment: &Environment) -> u32 {
    key::ITERATIONS
}

#[cfg(test)]
mod tests;
