//! The numbered alerts in the state. They are read only when they are asked for: a `list` passes over them.
//!
//! The last 1,000 are kept; of what one process repeats (its lines and silences) the last 50, so that it
//! cannot drive out what others have to tell. What goes for that is counted in the next one.
//! Does not: know who has had which.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::model::alert::Alert;
use crate::model::error::{Error, Kind};

/// How many are kept.
pub(crate) const ALERTS_MAX: usize = 1000;
/// How many of these may be lines and silences of one process.
const REPEATED_MAX: usize = 50;

/// The alerts as they stand in the state: a list as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Alerts(Box<RawValue>);

impl PartialEq for Alerts {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

impl Default for Alerts {
    fn default() -> Self {
        Self(RawValue::from_string("[]".to_owned()).expect("an empty list is JSON"))
    }
}

impl Alerts {
    /// All of them, the oldest first.
    ///
    /// # Errors
    ///
    /// `Damaged` when they are none.
    pub(super) fn read(&self) -> Result<Vec<Alert>, Error> {
        serde_json::from_str(self.0.get()).map_err(|error| {
            Error::new(
                Kind::Damaged,
                format!("the state holds alerts that are none: {error}"),
            )
            .hint("use the newest bgp that has been used here")
        })
    }

    /// Keeps `new` under the numbers from `number` on, and gives the number after these.
    ///
    /// # Errors
    ///
    /// `Damaged` when what is kept are no alerts.
    pub(super) fn add(&mut self, number: u64, new: Vec<Alert>) -> Result<u64, Error> {
        if new.is_empty() {
            return Ok(number);
        }
        let mut all = self.read()?;
        let mut next = number;
        for mut alert in new {
            alert.number = next;
            next += 1;
            let repeats = !alert.event.is_end();
            let id = alert.process.id;
            all.push(alert);
            if repeats {
                thin_out(&mut all, |one| one.process.id == id && !one.event.is_end());
            }
        }
        let surplus = all.len().saturating_sub(ALERTS_MAX);
        all.drain(..surplus);
        self.0 = serde_json::value::to_raw_value(&all)
            .map_err(|error| Error::other(format!("cannot write alerts as JSON: {error}")))?;
        Ok(next)
    }
}

/// Of those that are `alike`, the oldest goes when there are too many, and the next counts for it too.
fn thin_out(all: &mut Vec<Alert>, alike: impl Fn(&Alert) -> bool) {
    let mut places = (0..all.len()).filter(|&index| alike(&all[index]));
    let (first, second) = (places.next(), places.next());
    if let (Some(first), Some(second)) = (first, second)
        && 2 + places.count() > REPEATED_MAX
    {
        if all[first].event == all[second].event {
            all[second].count += all[first].count;
        }
        all.remove(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::alert::Event;
    use serde_json::json;

    fn alert(event: Event, id: &str) -> Alert {
        serde_json::from_value(json!({
            "number": 0, "event": event, "timeMs": 1, "later": [1],
            "process": {
                "id": id, "number": 1, "name": "web", "command": "x", "status": "failed",
                "startMs": 1,
            },
        }))
        .unwrap()
    }

    #[test]
    fn the_last_thousand_are_kept_and_no_number_is_given_twice() {
        let mut alerts = Alerts::default();
        let mut next = 1;
        for _ in 0..3 {
            let new = vec![alert(Event::Failed, "00000001"); 400];
            next = alerts.add(next, new).unwrap();
        }
        let numbers: Vec<u64> = alerts.read().unwrap().iter().map(|it| it.number).collect();
        assert_eq!(next, 1201);
        assert_eq!(numbers, (201..=1200).collect::<Vec<u64>>());
        assert_eq!(alerts.read().unwrap()[0].extra["later"], json!([1]));
    }

    #[test]
    fn who_repeats_himself_drives_nobody_out_and_is_counted() {
        let mut alerts = Alerts::default();
        let mut next = alerts
            .add(1, vec![alert(Event::Failed, "00000001")])
            .unwrap();
        for _ in 0..2000 {
            let new = vec![alert(Event::Output, "00000002")];
            next = alerts.add(next, new).unwrap();
        }
        let all = alerts.read().unwrap();
        assert_eq!((all.len(), all[0].number), (1 + REPEATED_MAX, 1));
        let count: u64 = all[1..].iter().map(|alert| alert.count).sum();
        assert_eq!(count, 2000);
    }
}
