//! Checks one whole log: each record, that none is missing, and that it ends where it was said to end.
//!
//! The facts it comes by are in the report, so that a lost state can be made again from logs alone.
//! Does not: name files or put anything right.

use std::io;

use super::beginning::Dropped;
use super::reader::{Ending, Item, Reader};
use super::segments::Segments;
use super::{Cause, Damage, Kind};
use crate::model::facts;
use crate::model::id::encode_hex;

/// What a log is found to be.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Records and facts that are intact.
    pub(crate) records: u64,
    /// The size of all segments, in bytes.
    pub(crate) bytes: u64,
    /// What is wrong, in the order of the log, and last what is wrong with its end. At most one for
    /// each block of 64 KiB and each segment.
    pub(crate) findings: Vec<Damage>,
    /// The log ends with END. One that does not is being written, or its supervisor was killed.
    pub(crate) sealed: bool,
    /// What a write cut short left at the end, in bytes.
    pub(crate) torn_bytes: u64,
    /// Output that rotation removed, in bytes, as the log says.
    pub(crate) dropped_bytes: u64,
    /// The lowest segment that it left, as far as the log says so.
    lowest: Option<u64>,
    /// The facts, as far as they are there: the first START, the last EXIT, END and where it is.
    pub(crate) start: Option<facts::Start>,
    pub(crate) exit: Option<facts::Exit>,
    pub(crate) end: Option<facts::End>,
    pub(crate) log_end: Option<facts::LogEnd>,
    /// The last run that was told of, and its leader; 0 when the first was the only one.
    pub(crate) run: u64,
    pub(crate) pid: Option<i32>,
    /// What raises alerts, if that was changed.
    pub(crate) alerts: Option<facts::AlertSettings>,
}

/// Reads all of the log. `promised` is where it ended, if its block or the state says that it did.
///
/// # Errors
///
/// When a file cannot be read.
pub(crate) fn verify(segments: Segments, promised: Option<&facts::LogEnd>) -> io::Result<Report> {
    let mut report = Report {
        bytes: segments.bytes(),
        ..Report::default()
    };
    let first = segments.list.first().map_or(0, |segment| segment.number);
    let last = segments
        .list
        .last()
        .map(|segment| (segment.number, segment.len));
    let mut opened = None;
    let mut reader = Reader::new(segments);
    let ending = loop {
        match reader.next()? {
            Item::End(ending) => break ending,
            Item::Damage(damage) => {
                opened = Some(damage.segment); // its START may be what is damaged
                report.findings.push(damage);
            }
            Item::Record(record) => {
                let segment = record.after.segment;
                if opened.replace(segment) != Some(segment) && record.kind != Kind::Start {
                    report.findings.push(Damage::at(segment, 0, Cause::Fact));
                }
                report.records += 1;
                if let Some(damage) = report.note(&record) {
                    report.findings.push(damage);
                }
            }
        }
    };
    report.sealed = ending == Ending::Ended;
    if let Ending::TornTail { bytes } = ending {
        report.torn_bytes = bytes;
    }
    let told = report.lowest.unwrap_or(0);
    if first > told && (report.lowest.is_some() || report.dropped_bytes == 0) {
        report
            .findings
            .insert(0, Damage::at(told, 0, Cause::Missing));
    }
    if promised.is_some_and(|promised| report.log_end.as_ref() != Some(promised)) {
        let (segment, offset) = last.unwrap_or_default();
        report
            .findings
            .push(Damage::at(segment, offset, Cause::Cut));
    }
    Ok(report)
}

impl Report {
    /// Keeps what a fact says. Tells if it says nothing that can be understood.
    fn note(&mut self, record: &super::Record<'_>) -> Option<Damage> {
        let understood = match record.kind {
            Kind::Start => match serde_json::from_slice(record.payload) {
                Ok(start) => {
                    self.start.get_or_insert(start);
                    true
                }
                Err(_) => false,
            },
            Kind::Exit => {
                let mut exit: Option<facts::Exit> = None;
                let understood = keep(&mut exit, record.payload);
                // Who is run again has not ended.
                self.exit = exit.filter(|exit| !exit.again).or(self.exit.take());
                understood
            }
            Kind::Dropped => {
                let mut dropped: Option<Dropped> = None;
                let understood = keep(&mut dropped, record.payload);
                if let Some(dropped) = dropped {
                    self.dropped_bytes = dropped.bytes;
                    self.lowest = dropped.first.or(self.lowest);
                }
                understood
            }
            Kind::End => {
                self.log_end = Some(facts::LogEnd {
                    record: record.number,
                    tag: encode_hex(&record.tag),
                    segment: record.after.segment,
                    bytes: self.bytes,
                });
                keep(&mut self.end, record.payload)
            }
            Kind::Note => {
                match serde_json::from_slice(record.payload) {
                    Ok(facts::Note::Run { run, pid, .. }) => (self.run, self.pid) = (run, pid),
                    Ok(facts::Note::Alerts { alerts }) => self.alerts = Some(alerts),
                    // Another, or one of a later version.
                    Ok(_) | Err(_) => (),
                }
                true
            }
            Kind::Stdout | Kind::Stderr | Kind::Closed | Kind::Gap | Kind::Alert => true,
        };
        (!understood).then_some(Damage::at(
            record.after.segment,
            record.after.offset,
            Cause::Fact,
        ))
    }
}

fn keep<T: serde::de::DeserializeOwned>(slot: &mut Option<T>, payload: &[u8]) -> bool {
    match serde_json::from_slice(payload) {
        Ok(fact) => {
            *slot = Some(fact);
            true
        }
        Err(_) => false,
    }
}
