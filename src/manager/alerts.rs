//! Events become alerts, and readers have them.
//!
//! - [`store`]: ends and events go into the state; each event gets its number there, once.
//! - [`message`]: an alert in words.
//!
//! A reader has had an alert when it has said so: after it was told. Who dies between is told again.
//! Does not: tell anybody; the faces do.

mod message;
mod store;

use std::time::{Duration, Instant};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::Manager;
use super::info::ProcessInfo;
use super::observe::Observed;
use super::stop::{not_running, unanswered};
use crate::control::client::{ANSWER_LIMIT, Unreachable};
use crate::control::{Reply, Request};
use crate::model::alert::{Alert, Subject};
use crate::model::error::Error;
use crate::model::facts::{AlertSettings, Entry};
use crate::model::id::ProcessId;
use crate::store::lock::PATIENCE;
use crate::store::readers::{Part, Places, Reader};
use crate::store::state::State;
use crate::sys::crash::crash_point;
use crate::sys::notify::Notifier;

/// An alert that a reader has not had.
pub(crate) struct Pending {
    pub(crate) alert: Alert,
    /// Its process as it was then.
    pub(crate) info: ProcessInfo,
    /// Whether the process is not on record any more.
    cleared: bool,
}

/// Whose alerts are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    Everybodys,
    Of(Vec<Whom>),
}

/// One whose alerts are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whom {
    pub(crate) id: ProcessId,
    pub(crate) number: u64,
    /// When the name is what was asked for: then also those that have it later.
    pub(crate) name: Option<String>,
}

/// What there is for a reader.
pub(crate) struct News {
    pub(crate) pending: Vec<Pending>,
    /// Somebody else changes the state: there may be more in a moment.
    pub(crate) busy: bool,
    /// The numbers of all that are kept.
    kept: Vec<u64>,
}

/// How long the state is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as commands do.
    Patient,
    /// Not at all: then it is done the next time.
    None,
}

impl Patience {
    fn duration(self) -> Duration {
        match self {
            Self::Patient => PATIENCE,
            Self::None => Duration::ZERO,
        }
    }
}

impl Whose {
    fn includes(&self, alert: &Alert) -> bool {
        match self {
            Self::Everybodys => true,
            Self::Of(all) => all.iter().any(|whom| {
                let of = &alert.process;
                let is_later = of.number > whom.number;
                of.id == whom.id || is_later && whom.name.as_ref() == Some(&of.name)
            }),
        }
    }
}

impl Manager {
    /// The alerts that the reader called `name` has not had. Consumes nothing.
    ///
    /// # Errors
    ///
    /// Locked (11), damaged (13), storage (15) when events cannot be numbered.
    pub(crate) fn news(
        &self,
        name: &str,
        whose: &Whose,
        patience: Patience,
    ) -> Result<News, Error> {
        self.news_after(self.store.peek_reader(name)?, whose, patience)
    }

    /// The alerts above this number. Has to do with no reader, and waits for nobody.
    ///
    /// # Errors
    ///
    /// As [`news`](Self::news).
    pub(crate) fn alerts_above(&self, number: u64) -> Result<News, Error> {
        self.news_after(Places::up_to(number), &Whose::Everybodys, Patience::None)
    }

    /// Hands the alerts that the reader called `name` has not had to `tell`, all at once, and takes note of
    /// those it says were told. Nobody else has this reader meanwhile.
    ///
    /// # Errors
    ///
    /// As [`news`](Self::news), and what `tell` says, once what it told is taken note of.
    pub(crate) fn deliver(
        &self,
        name: &str,
        whose: &Whose,
        patience: Patience,
        tell: impl FnOnce(&[Pending]) -> Delivery,
    ) -> Result<(), Error> {
        let taken = self.take_news(name, whose, patience)?;
        if taken.news.pending.is_empty() {
            return Ok(());
        }
        let delivery = tell(&taken.news.pending);
        self.acknowledge(taken, delivery.told)?;
        delivery.outcome
    }

    /// The alerts that the reader called `name` has not had. Nobody else has this reader until they are
    /// acknowledged, or dropped.
    ///
    /// # Errors
    ///
    /// As [`news`](Self::news).
    pub(crate) fn take_news(
        &self,
        name: &str,
        whose: &Whose,
        patience: Patience,
    ) -> Result<Taken, Error> {
        let reader = self.store.reader(name, Part::Alerts, patience.duration())?;
        let news = self.news_after(reader.places.clone(), whose, patience)?;
        Ok(Taken { reader, news })
    }

    /// Takes note that the first `told` of them were told.
    ///
    /// # Errors
    ///
    /// Storage (15): they are told again then.
    pub(crate) fn acknowledge(&self, taken: Taken, told: usize) -> Result<(), Error> {
        crash_point!("alerts-told");
        let Taken { mut reader, news } = taken;
        if told == 0 {
            return Ok(());
        }
        let told = news.pending.iter().take(told);
        let told: Vec<u64> = told.map(|pending| pending.alert.number).collect();
        let beyond = news.kept.last().map_or(0, |last| last + 1);
        reader.places.begin_anew_if_beyond(beyond);
        reader.places.acknowledge(&told, news.kept.iter().copied());
        self.store.save_reader(&reader)
    }

    /// What wakes when something of a process changes.
    pub(crate) fn notifier(&self) -> Notifier {
        Notifier::watch(&[&self.store.dir().path().join("run")])
    }

    fn news_after(
        &self,
        mut places: Places,
        whose: &Whose,
        patience: Patience,
    ) -> Result<News, Error> {
        let (state, busy) = self.state_with_news(patience)?;
        places.begin_anew_if_beyond(state.next_alert);
        if state.next_alert <= 1 || places.has_had(state.next_alert - 1) && places.has_no_gap() {
            return Ok(News {
                pending: Vec::new(),
                busy,
                kept: Vec::new(),
            });
        }
        let alerts = state.alerts()?;
        let kept = alerts.iter().map(|alert| alert.number).collect();
        let pending = alerts
            .into_iter()
            .filter(|alert| !places.has_had(alert.number) && whose.includes(alert))
            .map(|alert| pending(alert, &state))
            .collect();
        Ok(News {
            pending,
            busy,
            kept,
        })
    }

    /// Changes the alert settings of `target`, which lives, from now on.
    ///
    /// # Errors
    ///
    /// Not running (5), usage (2), locked (11), storage (15); its supervisor does not answer (1).
    pub(crate) fn set_alerts(
        &self,
        target: &Observed,
        settings: &AlertSettings,
    ) -> Result<ProcessInfo, Error> {
        settings
            .check()
            .map_err(|(what, hint)| Error::usage(what).hint(hint))?;
        let mut locked = self.store.lock()?; // so that two changes come in one order
        let id = target.entry.id;
        let entry = locked.state.processes.iter_mut();
        let entry = entry.into_iter().find(|entry| entry.id == id);
        let Some(entry) = entry.filter(|entry| entry.ended.is_none()) else {
            return Err(not_running(&target.info()));
        };
        self.tell_supervisor(target, settings)?;
        entry.alerts = settings.clone();
        let seen = entry.clone();
        locked.save()?;
        Ok(self.observe(seen)?.into_info())
    }

    fn tell_supervisor(&self, target: &Observed, settings: &AlertSettings) -> Result<(), Error> {
        use super::contact::Contact;
        let mut client = match self.contact(target, Instant::now() + ANSWER_LIMIT)? {
            Contact::Connected(client) => client,
            Contact::Ended(info) => return Err(not_running(&info)),
        };
        let request = Request::SetAlerts {
            settings: settings.clone(),
        };
        let answer = client
            .send(&request)
            .and_then(|()| client.reply(ANSWER_LIMIT));
        match answer {
            Ok(Some(Reply::Accepted)) => Ok(()),
            Ok(Some(Reply::NotRunning)) | Err(Unreachable::Gone) => {
                Err(not_running(&*self.await_exit(target)?))
            }
            Ok(Some(Reply::Refused { message })) => Err(Error::other(message)),
            Ok(Some(_)) => Err(unanswered(target, &Unreachable::NotOurs)),
            Ok(None) => Err(unanswered(target, &Unreachable::Silent)),
            Err(error) => Err(unanswered(target, &error)),
        }
    }
}

/// What a reader has not had, while nobody else has it.
pub(crate) struct Taken {
    reader: Reader,
    pub(crate) news: News,
}

/// What came of telling alerts.
pub(crate) struct Delivery {
    /// So many, from the first, were told.
    pub(crate) told: usize,
    /// Why not more, if that is a failure.
    pub(crate) outcome: Result<(), Error>,
}

fn pending(alert: Alert, state: &State) -> Pending {
    let entry = state.processes.iter().find(|it| it.id == alert.process.id);
    Pending {
        info: info_then(&alert.process, entry),
        cleared: entry.is_none(),
        alert,
    }
}

/// The process as it was when the alert was raised; of one that is cleared, what the alert knows.
fn info_then(then: &Subject, entry: Option<&Entry>) -> ProcessInfo {
    let entry = entry.cloned().unwrap_or_else(|| then.as_entry());
    ProcessInfo {
        status: then.status,
        reason: then.reason,
        pid: then.pid,
        exit: then.exit.clone(),
        runtime_ms: then.runtime_ms,
        log_bytes: then.log_bytes,
        restarts: then.run.saturating_sub(1),
        ..ProcessInfo::of(entry)
    }
}

/// The fields of one alert, in the contract's order.
impl Serialize for Pending {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("seq", &self.alert.number)?;
        map.serialize_entry("time", &self.alert.time_ms)?;
        map.serialize_entry("event", self.alert.event.word())?;
        map.serialize_entry("count", &self.alert.count)?;
        map.serialize_entry("line", &self.alert.line)?;
        map.serialize_entry("process", &self.info)?;
        map.serialize_entry("message", &self.message())?;
        map.end()
    }
}
