//! Segments and blocks that no writer of this version makes, sealed all the same: by one that holds the keys.
//!
//! Does not: keep any rule of the format that a seal does not need, unless the tape says so.

use std::fs::File;
use std::io;

use super::header::Header;
use super::record::{self, Meta, PAYLOAD_AT, PAYLOAD_MAX_BYTES, segment_keys};
use super::{BLOCK_BYTES, Identity, LogKeys, block};
use crate::crypto::seal::TAG_BYTES;
use crate::testing::Tape;

/// What facts look like, for the tape to alter.
const FACTS: [&str; 8] = [
    r#"{"id":"f1000001","number":1,"name":"a","argv":["b"],"cwd":"/","graceMs":1,"startMs":1,"uptimeMs":1,"boot":"b","env":["A=1"],"umask":18}"#,
    r#"{"endMs":2,"runtimeMs":1,"userMs":0,"systemMs":0,"maxRssKib":1,"status":"exited","code":0}"#,
    r#"{"endMs":2,"outputBytes":5}"#,
    r#"{"bytes":70000,"first":1,"before":9}"#,
    r#"{"bytes":18446744073709551615,"before":18446744073709551615}"#,
    r#"{"note":"run","run":2,"pid":3}"#,
    r#"{"note":"resized","from":{"columns":80,"rows":24},"to":{"columns":1,"rows":1}}"#,
    r#"{"event":"output"}"#,
];
/// The kinds of the facts, in the same order.
const KINDS: [u8; 8] = [1, 4, 5, 8, 8, 9, 9, 10];
/// The most that one tape makes of a segment: some blocks.
const SEGMENT_MAX_BYTES: usize = 4 * 64 * 1024;

/// The bytes of one segment, and whether all in it is as a writer would have it but for the payloads.
pub(crate) fn segment(
    keys: &LogKeys,
    identity: Identity,
    number: u64,
    next: &mut u64,
    tape: &mut Tape<'_>,
) -> (Vec<u8>, bool) {
    let header = Header {
        identity,
        created_ns: 1,
        segment: number,
        first_record: *next,
    };
    let mut bytes = header.seal(keys).to_vec();
    let keys = segment_keys(keys, &identity, number);
    let mut regular = true;
    while !tape.is_over() && bytes.len() < SEGMENT_MAX_BYTES {
        let how = tape.byte();
        if how == 0 {
            break; // the next segment
        }
        let (kind, payload) = payload(tape);
        let mut meta = Meta {
            number: *next,
            time_ns: tape.byte().into(),
            kind,
            more: how & 0b111 == 0b111,
        };
        if how & 0b11_1000 == 0b11_1000 {
            meta.number = meta
                .number
                .wrapping_add_signed(tape.number().cast_signed().into());
        }
        *next = meta.number.wrapping_add(1);
        let len = record::record_len(payload.len());
        let room = usize::try_from(BLOCK_BYTES - bytes.len() as u64 % BLOCK_BYTES).unwrap();
        let crosses = how & 0b1100_0000 == 0b1100_0000;
        if len > room && !crosses {
            bytes.resize(bytes.len() + room, 0);
        }
        let at = bytes.len();
        record::put(&mut bytes, meta, &payload);
        let is_odd = how & 0b1111_0000 == 0b1010_0000;
        if is_odd {
            // Time, kind, flags and reserved bytes, or the padding, which says how long the payload is.
            let place = [PAYLOAD_AT - 3, PAYLOAD_AT - 1, len - TAG_BYTES - 1][tape.below(3)];
            bytes[at + place] = tape.byte();
        }
        let iv = [tape.byte(); 16];
        record::seal(&keys, &mut bytes[at..], len, || Ok(iv)).unwrap();
        if is_odd && tape.byte() == 1 {
            bytes.truncate(bytes.len() - tape.below(len));
        }
        regular &= !(is_odd || how & 0b11_1000 == 0b11_1000 || meta.more || crosses && len > room);
    }
    (bytes, regular)
}

/// A kind, and the payload of one record of it.
fn payload(tape: &mut Tape<'_>) -> (u8, Vec<u8>) {
    let how = tape.byte();
    match how % 4 {
        0 => {
            let fact = usize::from(how / 4) % FACTS.len();
            let mut json = FACTS[fact].as_bytes().to_vec();
            let (at, gone) = (tape.below(json.len()), usize::from(tape.byte() % 16));
            let new = usize::from(tape.byte() % 32);
            let end = (at + gone).min(json.len());
            json.splice(at..end, tape.take(new).iter().copied());
            (KINDS[fact], json)
        }
        1 => {
            let len = (tape.number() as usize) % (PAYLOAD_MAX_BYTES + 1);
            (how / 4 % 12, vec![tape.byte(); len])
        }
        _ => {
            let len = usize::from(tape.byte());
            (how / 4 % 12, tape.take(len).to_vec())
        }
    }
}

/// Writes a block with any JSON, or what is none.
///
/// # Errors
///
/// As [`block::write`].
pub(crate) fn write_block(
    file: &File,
    keys: &LogKeys,
    identity: Identity,
    number: u64,
    json: &[u8],
) -> io::Result<()> {
    block::write_json(file, keys, identity.log, number, json)
}
