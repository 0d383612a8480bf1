//! What one reader has had: its place among the alerts and in each output. A sealed document of its own.
//!
//! `readers/NAME.enc`, with `NAME` the keyed hash of the reader's name, holds
//! `{"version":1,"name":"…","alertCursor":n,"alertsHad":[n, …],"outputs":{"<process id>":{"cursor":"…"}}}`.
//! While one part of it is read, acted upon and saved, `readers/NAME.alerts.lock` or `readers/NAME.outputs.lock`
//! is locked, and for the moment of the change `readers/NAME.lock`: output that stands in a pager keeps no
//! alert waiting.
//! Does not: touch the state: reading never waits for those who change it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::dir::{StateDir, Sub};
use super::envelope;
use super::keys::Keys;
use super::lock::{self, Lock, PATIENCE};
use crate::model::error::Error;
use crate::model::id::ProcessId;
use crate::sys::fs::Dir;

const VERSION: u32 = 1;

/// The places up to which a reader has had everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Places {
    version: u32,
    name: String,
    /// The number of the last alert that it has had; 0 for none.
    pub(crate) alert_cursor: u64,
    /// The numbers above it of those that it has had too: it was asked for some processes' only.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    alerts_had: BTreeSet<u64>,
    pub(crate) outputs: BTreeMap<ProcessId, Place>,
    /// What a later bgp has added: kept as it is.
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// A place in a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// As `nextCursor` tells it; empty in documents of the time before there was one.
    #[serde(default)]
    pub(crate) cursor: String,
}

impl Places {
    fn of_a_new_reader(name: &str) -> Self {
        Self {
            version: VERSION,
            name: name.to_owned(),
            alert_cursor: 0,
            alerts_had: BTreeSet::new(),
            outputs: BTreeMap::new(),
            extra: Map::new(),
        }
    }

    /// The places of nobody, who has had the alerts up to this number.
    pub(crate) fn up_to(alert: u64) -> Self {
        Self {
            alert_cursor: alert,
            ..Self::of_a_new_reader("")
        }
    }
}

impl Places {
    /// Whether it has had the alert of this number.
    pub(crate) fn has_had(&self, alert: u64) -> bool {
        alert <= self.alert_cursor || self.alerts_had.contains(&alert)
    }

    /// Whether it has had all up to its cursor and nothing above.
    pub(crate) fn has_no_gap(&self) -> bool {
        self.alerts_had.is_empty()
    }

    /// Takes note that it has had these alerts, of those that are `kept` now, in their order.
    pub(crate) fn acknowledge(&mut self, alerts: &[u64], kept: impl IntoIterator<Item = u64>) {
        self.alerts_had.extend(alerts);
        for number in kept {
            if !self.has_had(number) {
                break;
            }
            self.alert_cursor = self.alert_cursor.max(number);
        }
        let cursor = self.alert_cursor;
        self.alerts_had.retain(|number| *number > cursor);
    }

    /// Begins anew where the numbers have: the state was made anew, and this document could not be read then.
    pub(crate) fn begin_anew_if_beyond(&mut self, next_alert: u64) {
        if self.alert_cursor >= next_alert {
            self.alert_cursor = 0;
            self.alerts_had.clear();
        }
    }
}

/// What a reader is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Alerts,
    Outputs,
}

/// A reader of alerts, or of output, that nobody else reads these as meanwhile.
pub(crate) struct Reader {
    _lock: Lock,
    part: Part,
    /// Where it is; changes count once they are saved.
    pub(crate) places: Places,
}

impl Reader {
    /// Waits for `part` of the reader called `name` to be free, as long as `patience`, and takes it. A new one has
    /// had nothing.
    ///
    /// # Errors
    ///
    /// `Locked` after that, `Damaged` when its document is altered.
    pub(crate) fn take(
        dir: &StateDir,
        keys: &Keys,
        name: &str,
        part: Part,
        patience: Duration,
    ) -> Result<Self, Error> {
        let dir = dir.make_sub(Sub::Readers)?;
        let word = match part {
            Part::Alerts => "alerts",
            Part::Outputs => "outputs",
        };
        let file = format!("{}.{word}.lock", keys.reader_file(name));
        let lock = lock::take(dir, &file, &the_reader(name), patience)?;
        let places = read(dir, keys, name)?;
        Ok(Self {
            _lock: lock,
            part,
            places,
        })
    }

    /// Writes down where it is, in the part that was taken.
    ///
    /// # Errors
    ///
    /// `Locked`, `Storage`; what was saved before still counts then. `Damaged`.
    pub(crate) fn save(&self, dir: &StateDir, keys: &Keys) -> Result<(), Error> {
        let dir = dir.make_sub(Sub::Readers)?;
        let name = &self.places.name;
        let file = format!("{}.lock", keys.reader_file(name));
        let _lock = lock::take(dir, &file, &the_reader(name), PATIENCE)?;
        let mut places = read(dir, keys, name)?;
        match self.part {
            Part::Alerts => {
                places.alert_cursor = self.places.alert_cursor;
                places.alerts_had.clone_from(&self.places.alerts_had);
            }
            Part::Outputs => places.outputs.clone_from(&self.places.outputs),
        }
        let file = document(keys, name);
        let json = serde_json::to_vec(&places)
            .map_err(|error| Error::other(format!("cannot write a reader as JSON: {error}")))?;
        let bytes = envelope::READER.seal(keys.store(), &keys.reader(), &json, &dir.path(&file))?;
        Ok(dir.replace(&file, &bytes)?)
    }
}

/// Where the reader called `name` is, without a lock and without making anything.
///
/// # Errors
///
/// `Damaged` when its document is altered.
pub(crate) fn peek(dir: &StateDir, keys: &Keys, name: &str) -> Result<Places, Error> {
    match dir.sub(Sub::Readers)? {
        Some(dir) => read(dir, keys, name),
        None => Ok(Places::of_a_new_reader(name)),
    }
}

/// The highest number of an alert that a reader has had; 0 for none. What is no intact document does not count.
///
/// # Errors
///
/// When the directory cannot be read.
pub(crate) fn highest_alert_had(dir: &StateDir, keys: &Keys) -> Result<u64, Error> {
    let Some(dir) = dir.sub(Sub::Readers)? else {
        return Ok(0);
    };
    let names = dir.names()?;
    let places = names.iter().filter_map(|file| open(dir, keys, file).ok()?);
    let had = places.flat_map(|places| {
        let above = places.alerts_had.last().copied();
        above.into_iter().chain([places.alert_cursor])
    });
    Ok(had.max().unwrap_or(0))
}

fn the_reader(name: &str) -> String {
    format!("the reader '{name}'")
}

fn document(keys: &Keys, name: &str) -> String {
    format!("{}.enc", keys.reader_file(name))
}

fn read(dir: &Dir, keys: &Keys, name: &str) -> Result<Places, Error> {
    let file = document(keys, name);
    match open(dir, keys, &file)? {
        None => Ok(Places::of_a_new_reader(name)),
        // All readers' documents have the same keys: another's must not count as this one's.
        Some(places) if places.name != name => Err(damaged(dir, &file)),
        Some(places) => Ok(places),
    }
}

/// The document in `file`, if there is one.
fn open(dir: &Dir, keys: &Keys, file: &str) -> Result<Option<Places>, Error> {
    let Some(bytes) = dir.read(file, envelope::READER.max_bytes)? else {
        return Ok(None);
    };
    let mut bytes = Zeroizing::new(bytes);
    let json = envelope::READER
        .open(keys.store(), &keys.reader(), &mut bytes, &dir.path(file))
        .map_err(|_| damaged(dir, file))?;
    let places: Places = serde_json::from_slice(json).map_err(|_| damaged(dir, file))?;
    if places.version != VERSION {
        return Err(damaged(dir, file));
    }
    Ok(Some(places))
}

fn damaged(dir: &Dir, file: &str) -> Error {
    envelope::altered(&dir.path(file))
        .hint("remove it: the reader then begins at the oldest that is kept")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Key;
    use crate::model::error::Kind;
    use crate::model::id::Id;
    use crate::testing::TempDir;

    fn keys() -> Keys {
        Keys::new(Id([1; 16]), Key::from_bytes([7; 32]))
    }

    #[test]
    fn a_reader_goes_on_where_it_was_and_others_do_not() {
        let (temp, keys) = (TempDir::new(), keys());
        let dir = StateDir::open_existing(temp.path()).unwrap().unwrap();
        assert_eq!(peek(&dir, &keys, "agent").unwrap().alert_cursor, 0);
        assert!(
            dir.top().names().unwrap().is_empty(),
            "a look makes nothing"
        );
        let place = Place {
            cursor: "a place".into(),
        };
        let take = |part| Reader::take(&dir, &keys, "agent", part, Duration::ZERO);
        let mut alerts = take(Part::Alerts).unwrap();
        let mut outputs = take(Part::Outputs).unwrap();
        assert!(
            [Part::Alerts, Part::Outputs]
                .map(take)
                .iter()
                .all(Result::is_err)
        );
        alerts.places.alert_cursor = 5;
        outputs
            .places
            .outputs
            .insert(Id([0, 0, 0, 1]), place.clone());
        outputs.save(&dir, &keys).unwrap();
        alerts.save(&dir, &keys).unwrap();
        drop((alerts, outputs));
        let places = take(Part::Alerts).unwrap().places;
        assert_eq!(
            (places.alert_cursor, &places.outputs[&Id([0, 0, 0, 1])]),
            (5, &place)
        );
        assert_eq!(peek(&dir, &keys, "agent").unwrap(), places);
        assert_eq!(peek(&dir, &keys, "default").unwrap().alert_cursor, 0);
    }

    #[test]
    fn who_has_had_some_has_not_had_the_others() {
        let mut places = Places::of_a_new_reader("x");
        places.acknowledge(&[2, 4], 1..=5);
        let had: Vec<u64> = (1..=5).filter(|number| places.has_had(*number)).collect();
        assert_eq!((had, places.alert_cursor), (vec![2, 4], 0));
        places.acknowledge(&[1], 1..=5);
        assert_eq!((places.alert_cursor, places.alerts_had.len()), (2, 1));
        places.acknowledge(&[], [4, 5]); // 3 is kept no longer
        assert_eq!((places.alert_cursor, places.alerts_had.len()), (4, 0));
        places.acknowledge(&[5], [4, 5]);
        places.begin_anew_if_beyond(6);
        assert_eq!(places.alert_cursor, 5);
        places.begin_anew_if_beyond(5);
        assert!(!places.has_had(1));
    }

    #[test]
    fn every_flipped_bit_every_cut_and_another_readers_document_is_damage() {
        let (temp, keys) = (TempDir::new(), keys());
        let dir = StateDir::open_existing(temp.path()).unwrap().unwrap();
        Reader::take(&dir, &keys, "agent", Part::Alerts, Duration::ZERO)
            .unwrap()
            .save(&dir, &keys)
            .unwrap();
        let readers = dir.sub(Sub::Readers).unwrap().unwrap();
        let file = |name: &str| document(&keys, name);
        let bytes = readers.read(&file("agent"), 4096).unwrap().unwrap();
        let refused = |name: &str, altered: &[u8]| {
            readers.replace(&file(name), altered).unwrap();
            let error = peek(&dir, &keys, name).unwrap_err();
            assert_eq!(error.kind, Kind::Damaged);
            assert!(error.hint.unwrap().starts_with("remove it"));
        };
        for bit in (0..bytes.len() * 8).step_by(3) {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            refused("agent", &altered);
        }
        for len in (0..bytes.len()).step_by(3) {
            refused("agent", &bytes[..len]);
        }
        refused("default", &bytes);
    }
}
