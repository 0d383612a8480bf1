//! The state: an index of the processes, and the numbered alerts. One sealed JSON document.
//!
//! Does not: say how a process is; its status block and its lease do, until the end is copied here.

use std::fmt;

use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::alerts::Alerts;
use super::dir::{STATE, StateDir, Sub};
use super::envelope;
use super::keys::Keys;
use crate::model::alert::Alert;
use crate::model::error::{Error, Kind};
use crate::model::facts::Entry;
use crate::sys::fs::Replacement;

const VERSION: u32 = 1;
/// The remedy where a later bgp has written.
const NEWER: &str = "use the newest bgp that has been used here";

/// What is kept about all processes of a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State {
    version: u32,
    /// Counts the saves.
    pub(crate) generation: u64,
    /// The number of the next process; none is given twice.
    pub(crate) next_number: u64,
    /// In the order of their numbers.
    #[serde(deserialize_with = "entries")]
    pub(crate) processes: Vec<Entry>,
    /// The number of the next alert.
    pub(crate) next_alert: u64,
    /// In the order of their numbers.
    alerts: Alerts,
    /// What a later bgp has added: kept as it is.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// Reads the entries into one place: growing it again and again costs a `list` more than all of them.
fn entries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry>, D::Error> {
    /// So many have room at first. What is not used costs nothing.
    const ROOM: usize = 256;
    struct Entries;
    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<Entry>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("processes")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Entry>, A::Error> {
            let mut entries = Vec::with_capacity(ROOM);
            while let Some(entry) = list.next_element()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }
    deserializer.deserialize_seq(Entries)
}

impl State {
    /// The alerts that are kept, the oldest first.
    ///
    /// # Errors
    ///
    /// `Damaged` when they are none.
    pub(crate) fn alerts(&self) -> Result<Vec<Alert>, Error> {
        self.alerts.read()
    }

    /// Gives the next numbers to `new`, and keeps them.
    ///
    /// # Errors
    ///
    /// `Damaged` when what is kept are no alerts.
    pub(crate) fn add_alerts(&mut self, new: Vec<Alert>) -> Result<(), Error> {
        self.next_alert = self.alerts.add(self.next_alert, new)?;
        Ok(())
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: VERSION,
            generation: 0,
            next_number: 1,
            processes: Vec::new(),
            next_alert: 1,
            alerts: Alerts::default(),
            extra: Map::new(),
        }
    }
}

/// Reads the state, with or without its lock: what is read was whole at one moment.
///
/// A store without a state and without logs is fresh.
///
/// # Errors
///
/// `Damaged` when it is altered, or missing while there are logs.
pub(crate) fn load(dir: &StateDir, keys: &Keys) -> Result<State, Error> {
    let path = dir.top().path(STATE);
    let read = || dir.top().read(STATE, envelope::STATE.max_bytes);
    let mut bytes = match read()? {
        Some(bytes) => bytes,
        None if !has_logs(dir)? => return Ok(State::default()),
        // The first start writes the state, then a log: maybe after we had looked for the state.
        None => read()?.ok_or_else(|| missing(dir))?,
    };
    let json = envelope::STATE.open(keys.store(), &keys.state(), &mut bytes, &path)?;
    let state: State = std::str::from_utf8(json)
        .ok()
        .and_then(|json| serde_json::from_str(json).ok())
        .ok_or_else(|| envelope::altered(&path))?;
    if state.version != VERSION {
        let message = format!(
            "'{}' has version {} inside, which this bgp does not know",
            path.display(),
            state.version
        );
        return Err(Error::new(Kind::Damaged, message).hint(NEWER));
    }
    Ok(state)
}

/// Seals this state, as the next generation, and writes it beside the one there is. The caller holds the
/// lock.
///
/// # Errors
///
/// `Storage`.
pub(super) fn prepare<'a>(
    dir: &'a StateDir,
    keys: &Keys,
    state: &mut State,
) -> Result<Replacement<'a>, Error> {
    let path = dir.top().path(STATE);
    state.generation += 1;
    let prepared = serde_json::to_vec(&*state)
        .map_err(|error| Error::other(format!("cannot write the state as JSON: {error}")))
        .and_then(|json| envelope::STATE.seal(keys.store(), &keys.state(), &json, &path))
        .and_then(|bytes| Ok(dir.top().prepare(STATE, &bytes)?));
    if prepared.is_err() {
        state.generation -= 1;
    }
    prepared
}

/// Whether `error` tells that the state is damaged or lost, so that it can be made anew. A later bgp's is not.
pub(crate) fn is_damage(error: &Error) -> bool {
    error.kind == Kind::Damaged && error.hint.as_deref() != Some(NEWER)
}

/// Replaces the state with this one, of the next generation. The caller holds the lock.
///
/// # Errors
///
/// `Storage`; the old state is still there then.
pub(super) fn save(dir: &StateDir, keys: &Keys, state: &mut State) -> Result<(), Error> {
    Ok(prepare(dir, keys, state)?.commit()?)
}

/// Whether there is a state.
///
/// # Errors
///
/// `Unsafe` when it is not a file of ours alone.
pub(super) fn exists(dir: &StateDir) -> Result<bool, Error> {
    Ok(dir.top().open_read(STATE)?.is_some())
}

/// Whether anything is in `logs`.
///
/// # Errors
///
/// `Unsafe` when it is not a directory of ours alone.
pub(super) fn has_logs(dir: &StateDir) -> Result<bool, Error> {
    match dir.sub(Sub::Logs)? {
        Some(logs) => Ok(!logs.names()?.is_empty()),
        None => Ok(false),
    }
}

fn missing(dir: &StateDir) -> Error {
    let message = format!("'{}' has logs, but no state", dir.path().display());
    Error::new(Kind::Damaged, message).hint("'bgp repair' makes the state anew from the logs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Key;
    use crate::model::id::Id;
    use crate::testing::TempDir;

    fn keys() -> Keys {
        Keys::new(Id([1; 16]), Key::from_bytes([7; 32]))
    }

    fn store() -> (TempDir, StateDir) {
        let temp = TempDir::new();
        let dir = StateDir::open_existing(temp.path()).unwrap().unwrap();
        (temp, dir)
    }

    fn entry(number: u64) -> Entry {
        serde_json::from_value(serde_json::json!({
            "id": "00000001", "number": number, "name": "web", "log": "00".repeat(16),
            "argv": ["sleep", "1"], "cwd": "/", "graceMs": 5000, "startMs": 1, "uptimeMs": 1, "boot": "b",
        }))
        .unwrap()
    }

    #[test]
    fn what_is_saved_is_loaded_and_each_save_is_a_generation() {
        let (_temp, dir) = store();
        let mut state = load(&dir, &keys()).unwrap();
        assert_eq!(state, State::default());
        state.processes.push(entry(1));
        state.next_number = 2;
        save(&dir, &keys(), &mut state).unwrap();
        assert_eq!(state.generation, 1);
        assert_eq!(load(&dir, &keys()).unwrap(), state);
        save(&dir, &keys(), &mut state).unwrap();
        assert_eq!(load(&dir, &keys()).unwrap().generation, 2);
        assert_eq!(dir.top().names().unwrap(), [STATE]);
    }

    #[test]
    fn fields_of_a_later_bgp_survive() {
        let (_temp, dir) = store();
        let json = br#"{"version":1,"generation":4,"nextNumber":9,"processes":[],"nextAlert":3,"alerts":[],"later":{"x":[1]}}"#;
        let mut state: State = serde_json::from_slice(json).unwrap();
        save(&dir, &keys(), &mut state).unwrap();
        let read = load(&dir, &keys()).unwrap();
        assert_eq!((read.generation, read.next_number), (5, 9));
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written["later"], serde_json::json!({"x": [1]}));
    }

    #[test]
    fn no_state_is_fresh_only_without_logs() {
        let (_temp, dir) = store();
        let logs = dir.make_sub(Sub::Logs).unwrap();
        assert_eq!(load(&dir, &keys()).unwrap(), State::default());
        logs.create_new("00000001.log.enc").unwrap();
        let error = load(&dir, &keys()).unwrap_err();
        assert_eq!(error.kind, Kind::Damaged);
        assert!(error.hint.unwrap().contains("bgp repair"));
    }

    #[test]
    fn every_flipped_bit_every_cut_and_garbage_is_damage_and_stays() {
        let (_temp, dir) = store();
        save(&dir, &keys(), &mut State::default()).unwrap();
        let bytes = dir.top().read(STATE, 4096).unwrap().unwrap();
        let refused = |altered: &[u8]| {
            dir.top().remove(STATE).unwrap();
            let mut file = dir.top().create_new(STATE).unwrap();
            std::io::Write::write_all(&mut file, altered).unwrap();
            assert_eq!(load(&dir, &keys()).unwrap_err().kind, Kind::Damaged);
            assert_eq!(dir.top().read(STATE, 4096).unwrap().unwrap(), altered);
        };
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            refused(&altered);
        }
        for len in 0..bytes.len() {
            refused(&bytes[..len]);
        }
        refused(&vec![0; bytes.len()]);
        // A well sealed document that is no state.
        for json in ["", "{}", "[]", "null", r#"{"version":1}"#, "\u{0}"] {
            let path = dir.top().path(STATE);
            let sealed =
                envelope::STATE.seal(keys().store(), &keys().state(), json.as_bytes(), &path);
            refused(&sealed.unwrap());
        }
        let later = r#"{"version":2,"generation":1,"nextNumber":1,"processes":[],"nextAlert":1,"alerts":[]}"#;
        let path = dir.top().path(STATE);
        let sealed = envelope::STATE.seal(keys().store(), &keys().state(), later.as_bytes(), &path);
        refused(&sealed.unwrap());
    }

    #[test]
    fn a_state_longer_than_it_may_be_is_not_read() {
        let (_temp, dir) = store();
        let file = dir.top().create_new(STATE).unwrap();
        file.set_len(envelope::STATE.max_bytes + 1).unwrap(); // sparse
        assert_eq!(load(&dir, &keys()).unwrap_err().kind, Kind::Damaged);
    }
}
