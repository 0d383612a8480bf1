//! One signal to a leader's group, sent by the supervisor, which alone knows that it is still the
//! leader's.
//!
//! Does not: wait for what the signal does.

use std::time::Instant;

use super::Manager;
use super::contact::Contact;
use super::observe::Observed;
use super::stop::{not_running, unanswered};
use crate::control::client::{ANSWER_LIMIT, Unreachable};
use crate::control::{Reply, Request};
use crate::model::error::Error;
use crate::model::signal;

impl Manager {
    /// Sends the signal of this number to the group of the leader of `target`.
    ///
    /// # Errors
    ///
    /// Not running (5); the system refuses, or the supervisor does not answer (1).
    pub(crate) fn signal(&self, target: &Observed, number: i32) -> Result<(), Error> {
        let until = Instant::now() + ANSWER_LIMIT;
        let mut client = match self.contact(target, until)? {
            Contact::Connected(client) => client,
            Contact::Ended(info) => return Err(not_running(&info)),
        };
        let answer = client
            .send(&Request::Signal { number })
            .and_then(|()| client.reply(ANSWER_LIMIT));
        match answer {
            Ok(Some(Reply::Accepted)) => Ok(()),
            Ok(Some(Reply::NotRunning)) | Err(Unreachable::Gone) => {
                Err(not_running(&*self.await_exit(target)?))
            }
            Ok(Some(Reply::Refused { message })) => Err(Error::other(format!(
                "cannot send {} to '{}': {message}",
                signal::name(number),
                target.entry.name
            ))
            .hint("it is another user's, or there is no such signal here")),
            Ok(Some(_)) => Err(unanswered(target, &Unreachable::NotOurs)),
            Ok(None) => Err(unanswered(target, &Unreachable::Silent)),
            Err(error) => Err(unanswered(target, &error)),
        }
    }
}
