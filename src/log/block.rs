//! The status block: what a supervisor knows now, sealed, in two slots that are written in turn.
//!
//! While one slot is written the other stands, so that there is always a whole one to read.
//! Does not: hold the lease that it shares a file with, or judge whether what it says is still so.

use std::cmp::Reverse;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use super::LogKeys;
use super::header::{array_at, u32_at, u64_at};
use crate::crypto::seal::SealKeys;
use crate::model::facts;
use crate::model::id::LogId;
use crate::sys::crash::crash_point;
use crate::sys::sink::{Sink, write_all};

/// The length of a slot, a page.
const SLOT_BYTES: usize = 4096;
/// What stands before the sealed part.
const HEAD_BYTES: usize = 48;
/// The most JSON that a slot has room for.
pub(crate) const BLOCK_JSON_MAX_BYTES: usize = 3999;

const MAGIC: &[u8; 8] = b"BGPBLK\r\n";
const VERSION: u32 = 1;
/// How often a slot that does not open is read again: a write in progress is over by then.
const READS: usize = 4;

/// What a status block is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BlockState {
    /// Nobody has written one.
    NotWritten,
    Valid {
        number: u64,
        facts: Box<facts::Block>,
    },
    /// There is something, and none of it was sealed here.
    Damaged,
}

/// Writes zeros where both slots will be, so that later writes need no room on the disk.
///
/// # Errors
///
/// When they cannot be written.
pub(crate) fn reserve(file: &impl Sink) -> io::Result<()> {
    write_all(file, &[0; 2 * SLOT_BYTES], 0)
}

/// Writes block `number`, in its slot, with one write. The caller counts those that were written: 1, 2 … One
/// that was not has perhaps spoilt its slot, so that the next goes there and not into the one that stands.
///
/// # Errors
///
/// When it cannot be written: the block before it still stands. `InvalidInput` for facts of more than
/// [`BLOCK_JSON_MAX_BYTES`].
pub(crate) fn write(
    file: &impl Sink,
    keys: &LogKeys,
    log: LogId,
    number: u64,
    facts: &facts::Block,
) -> io::Result<()> {
    write_json(file, keys, log, number, &serde_json::to_vec(facts)?)
}

/// As [`write()`], with the JSON as it is.
pub(super) fn write_json(
    file: &impl Sink,
    keys: &LogKeys,
    log: LogId,
    number: u64,
    json: &[u8],
) -> io::Result<()> {
    if json.len() > BLOCK_JSON_MAX_BYTES {
        let message = format!("{} bytes are too much for a status block", json.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let sealed_len = u32::try_from(SealKeys::sealed_len(json.len())).expect("less than a slot");
    let mut slot = vec![0; HEAD_BYTES];
    slot[0..8].copy_from_slice(MAGIC);
    slot[8..12].copy_from_slice(&VERSION.to_le_bytes());
    slot[12..16].copy_from_slice(&sealed_len.to_le_bytes());
    slot[16..24].copy_from_slice(&number.to_le_bytes());
    slot[32..48].copy_from_slice(&log.0);
    let sealed = keys.block.seal(&slot, json).map_err(io::Error::other)?;
    slot.extend_from_slice(&sealed);
    slot.resize(SLOT_BYTES, 0);
    write_all(file, &slot, number % 2 * SLOT_BYTES as u64)?;
    crash_point!("block-written");
    Ok(())
}

/// The newest block in `file`, opened with its keys.
///
/// # Errors
///
/// When `file` cannot be read.
pub(crate) fn read(file: &File, keys: &SealKeys, log: LogId) -> io::Result<BlockState> {
    let mut state = BlockState::NotWritten;
    for _ in 0..READS {
        let mut bytes = read_slots(file)?;
        let mut slots: Vec<_> = (0..)
            .zip(bytes.chunks_mut(SLOT_BYTES))
            .filter(|(_, slot)| is_written(slot))
            .collect();
        if slots.is_empty() {
            return Ok(BlockState::NotWritten);
        }
        // The one that says it is the newest is, if it opens.
        slots.sort_by_key(|(_, slot)| Reverse(slot.get(16..24).map(|_| u64_at(slot, 16))));
        state = BlockState::Damaged;
        for (rank, (index, slot)) in slots.into_iter().enumerate() {
            if let Some((number, facts)) = open(keys, log, index, slot) {
                state = BlockState::Valid { number, facts };
                if rank == 0 {
                    return Ok(state);
                }
                break;
            }
        }
    }
    Ok(state)
}

/// Whether anything but zeros is in `slot`.
fn is_written(slot: &[u8]) -> bool {
    let or = |part: &[u8]| part.iter().fold(0, |bits, byte| bits | byte);
    slot.chunks(64).any(|part| or(part) != 0) // which the compiler does many bytes at a time
}

/// All there is of both slots.
fn read_slots(file: &File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 2 * SLOT_BYTES];
    let mut done = 0;
    while done < bytes.len() {
        match file.read_at(&mut bytes[done..], done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

/// What the slot holds, if it was sealed here. It is of no use otherwise afterwards.
fn open(
    keys: &SealKeys,
    log: LogId,
    index: u64,
    slot: &mut [u8],
) -> Option<(u64, Box<facts::Block>)> {
    let (head, rest) = slot.split_at_mut_checked(HEAD_BYTES)?;
    let sealed = rest.get_mut(..usize::try_from(u32_at(head, 12)).ok()?)?;
    let number = u64_at(head, 16);
    let ours = head[0..8] == *MAGIC
        && u32_at(head, 8) == VERSION
        && array_at(head, 24) == [0; 8]
        && array_at(head, 32) == log.0
        && number > 0
        && number % 2 == index;
    let plain = ours.then(|| keys.open_in_place(head, sealed).ok())??;
    Some((number, Box::new(serde_json::from_slice(plain).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tests::{IDENTITY, Scratch, keys};

    fn facts(run: u64) -> facts::Block {
        serde_json::from_value(serde_json::json!({
            "status": "running", "run": run, "pid": 1, "pidStart": 2,
            "supervisorPid": 3, "supervisorStart": 4, "boot": "boot",
        }))
        .unwrap()
    }

    fn valid(number: u64) -> BlockState {
        BlockState::Valid {
            number,
            facts: Box::new(facts(number)),
        }
    }

    fn read_bytes(bytes: &[u8]) -> BlockState {
        let file = Scratch::holding(bytes);
        read(&file, &keys().block, IDENTITY.log).unwrap()
    }

    fn after_writes(count: u64) -> Vec<u8> {
        let file = Scratch::holding(b"");
        reserve(&file).unwrap();
        for number in 1..=count {
            write(&file, &keys(), IDENTITY.log, number, &facts(number)).unwrap();
            assert_eq!(
                read(&file, &keys().block, IDENTITY.log).unwrap(),
                valid(number)
            );
        }
        Scratch::bytes(&file)
    }

    #[test]
    fn a_block_is_not_written_until_it_is() {
        assert_eq!(read_bytes(b""), BlockState::NotWritten);
        assert_eq!(read_bytes(&after_writes(0)), BlockState::NotWritten);
        assert_eq!(read_bytes(&after_writes(5)), valid(5));
    }

    #[test]
    fn a_slot_with_any_bit_changed_does_not_count() {
        let two = after_writes(2);
        let one = after_writes(1);
        let sealed = HEAD_BYTES + usize::try_from(u32_at(&one[SLOT_BYTES..], 12)).unwrap();
        for bit in 0..sealed * 8 {
            let mut altered = two.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_bytes(&altered), valid(1), "bit {bit} of the newest");
            let mut altered = one.clone();
            altered[SLOT_BYTES + bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                read_bytes(&altered),
                BlockState::Damaged,
                "bit {bit} of the only one"
            );
        }
    }

    #[test]
    fn a_cut_of_any_length_gives_an_older_block_or_none() {
        let bytes = after_writes(2); // number 2 in slot 0, number 1 in slot 1
        let sealed = HEAD_BYTES + usize::try_from(u32_at(&bytes, 12)).unwrap();
        assert_eq!(read_bytes(&bytes[..0]), BlockState::NotWritten);
        for len in 1..bytes.len() {
            let expected = if len < sealed {
                BlockState::Damaged
            } else {
                valid(2)
            };
            assert_eq!(read_bytes(&bytes[..len]), expected, "length {len}");
        }
    }

    #[test]
    fn slots_do_not_move_and_other_logs_blocks_do_not_open() {
        let bytes = after_writes(1);
        let (zero, one) = bytes.split_at(SLOT_BYTES);
        assert_eq!(read_bytes(&[one, zero].concat()), BlockState::Damaged);
        let file = Scratch::holding(&bytes);
        let other = crate::model::id::Id([9; 16]);
        assert_eq!(
            read(&file, &keys().block, other).unwrap(),
            BlockState::Damaged
        );
    }

    #[test]
    fn facts_that_do_not_fit_are_refused_and_the_block_stands() {
        let file = Scratch::holding(b"");
        write(&file, &keys(), IDENTITY.log, 1, &facts(1)).unwrap();
        let mut big = facts(2);
        let spare = BLOCK_JSON_MAX_BYTES - serde_json::to_vec(&big).unwrap().len();
        big.boot.push_str(&"x".repeat(spare + 1));
        assert!(write(&file, &keys(), IDENTITY.log, 2, &big).is_err());
        assert_eq!(read(&file, &keys().block, IDENTITY.log).unwrap(), valid(1));
        big.boot.pop();
        write(&file, &keys(), IDENTITY.log, 2, &big).unwrap();
        assert_eq!(Scratch::bytes(&file).len(), 2 * SLOT_BYTES);
    }

    #[test]
    fn a_reader_beside_a_writer_always_sees_a_whole_block_and_never_an_older_one() {
        let file = Scratch::holding(b"");
        reserve(&file).unwrap();
        write(&file, &keys(), IDENTITY.log, 1, &facts(1)).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let keys = keys();
                for number in 2..=5_000 {
                    write(&file, &keys, IDENTITY.log, number, &facts(number)).unwrap();
                }
            });
            let (keys, mut last) = (keys(), 0);
            while last < 5_000 {
                let done = writer.is_finished();
                let BlockState::Valid {
                    number,
                    facts: read,
                } = read(&file, &keys.block, IDENTITY.log).unwrap()
                else {
                    panic!("no block after {last}");
                };
                assert!(number >= last && read.run == number);
                assert!(!done || number == 5_000);
                last = number;
            }
        });
    }
}
