//! Flipped, cut, swapped and repeated bytes are noticed.
//!
//! | rows | here |
//! |---|---|
//! | D4 D5 D8 | state, key and log: every byte flipped, every length cut, emptied, zeroed |
//! | D7 | records and segments moved, repeated, dropped, put into another log |
//! | E5 E20 E21 | what is said then, and no downgrade |
//! | E19 | no IV twice |
//!
//! Every single bit is flipped in the unit tests, without a process for each; here it is one of each byte.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::harness::{Proc, Sandbox};
use crate::raw;

/// What the small log of these tests shows.
const LINES: &str = "first line\nsecond line\nthird line\n";

/// A process that has ended and whose end the state knows.
fn ended(bgp: &Sandbox, name: &str) -> Proc {
    let process = bgp.start_with(
        &["--name", name],
        [
            "sh",
            "-c",
            "for n in first second third; do echo $n line; sleep 0.05; done",
        ],
    );
    bgp.run(["wait", name]).code(0);
    bgp.wait_for_supervisor_end(&process.id);
    bgp.run(["list"]).code(0);
    bgp.run(["verify"]).code(0);
    process
}

/// Runs `check` with each variant of a file's content in its place, and puts the file back.
fn with_each(
    path: &Path,
    variants: impl Iterator<Item = (String, Vec<u8>)>,
    mut check: impl FnMut(&str),
) {
    let whole = fs::read(path).unwrap();
    for (what, variant) in variants {
        fs::write(path, &variant).unwrap();
        check(&what);
        assert!(
            fs::read(path).unwrap() == variant,
            "{what}: the file was written to"
        );
    }
    fs::write(path, whole).unwrap();
}

/// One bit flipped, another one for each byte.
fn flips(bytes: &[u8], step: usize) -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..bytes.len()).step_by(step).map(|n| {
        let mut flipped = bytes.to_vec();
        flipped[n] ^= 1 << (n % 8);
        (format!("bit {} of byte {n}", n % 8), flipped)
    })
}

/// Cut at every `step`th length.
fn cuts(bytes: &[u8], step: usize) -> impl Iterator<Item = (String, Vec<u8>)> {
    (0..bytes.len())
        .step_by(step)
        .map(|len| (format!("cut at {len}"), bytes[..len].to_vec()))
}

/// Emptied, zeroed, garbage.
fn ruins(bytes: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> {
    let garbage = (0..bytes.len())
        .map(|n| (n % 251).to_le_bytes()[0])
        .collect();
    [
        ("empty".to_owned(), Vec::new()),
        ("zeroed".to_owned(), vec![0; bytes.len()]),
        ("zeroed, 64 KiB".to_owned(), vec![0; 65_536]),
        ("garbage".to_owned(), garbage),
        ("doubled".to_owned(), [bytes, bytes].concat()),
    ]
    .into_iter()
}

// D4 D5
#[test]
fn an_altered_state_is_13_and_stays_as_it_is() {
    let bgp = Sandbox::new();
    let process = ended(&bgp, "work");
    let path = bgp.state().join("processes.json.enc");
    let whole = fs::read(&path).unwrap();
    let variants = flips(&whole, 2)
        .chain(cuts(&whole, 11))
        .chain(ruins(&whole));
    with_each(&path, variants, |what| {
        let outcome = bgp.run(["list"]);
        assert_eq!(
            outcome.status.code(),
            Some(13),
            "{what}\n{}",
            outcome.describe()
        );
        outcome.stdout("");
    });
    fs::write(&path, b"").unwrap();
    for args in [
        &["start", "true"][..],
        &["status", "work"],
        &["output", "work"],
        &["stop", "--all"],
        &["wait", "work"],
        &["clear"],
        &["verify"],
    ] {
        bgp.run(args.iter().copied()).code(13).stderr_has("bgp: ");
        assert_eq!(fs::read(&path).unwrap(), b"", "{args:?} wrote the state");
    }
    bgp.run(["list"]).failed(13).stderr_has("repair");
    fs::write(&path, whole).unwrap();
    bgp.run(["output", &process.id]).code(0).stdout(LINES);
}

// D4
#[test]
fn a_state_or_key_that_is_missing_is_never_made_anew() {
    let bgp = Sandbox::new();
    ended(&bgp, "work");
    for name in ["processes.json.enc", "key"] {
        let (path, away) = (bgp.state().join(name), bgp.dir().join("away"));
        fs::rename(&path, &away).unwrap();
        for args in [&["list"][..], &["start", "true"], &["verify"], &["clear"]] {
            bgp.run(args.iter().copied()).code(13).stderr_has("bgp: ");
            assert!(!path.exists(), "{args:?} made a new {name}");
        }
        fs::rename(&away, &path).unwrap();
    }
    bgp.run(["output", "work"]).code(0).stdout(LINES);
}

// D5 E5
#[test]
fn an_altered_key_is_13_or_12_and_stays_as_it_is() {
    let bgp = Sandbox::new();
    ended(&bgp, "work");
    let path = bgp.state().join("key");
    let whole = fs::read(&path).unwrap();
    let document = whole.trim_ascii_end();
    let variants = flips(document, 1)
        .chain(cuts(document, 7))
        .chain(ruins(document));
    with_each(&path, variants, |what| {
        let outcome = bgp.run(["list"]);
        let code = outcome.status.code().unwrap_or_default();
        assert!([12, 13].contains(&code), "{what}\n{}", outcome.describe());
        outcome.stdout("");
    });
    bgp.run(["list"]).code(0);
}

// D5 D8 C1
#[test]
fn an_altered_log_is_13_and_what_is_shown_is_the_intact_part() {
    let bgp = Sandbox::new();
    let process = ended(&bgp, "work");
    let path = bgp.log(&process.id);
    let whole = fs::read(&path).unwrap();
    let variants = flips(&whole, 5)
        .chain(cuts(&whole, 17))
        .chain(ruins(&whole));
    with_each(&path, variants, |what| {
        let outcome = bgp.run(["verify", "work"]);
        assert_eq!(
            outcome.status.code(),
            Some(13),
            "{what}\n{}",
            outcome.describe()
        );
    });
    // What is printed is true, in order, and ends where the damage begins; and where something is missing,
    // that is told: as a torn tail, or as damage.
    let mut wrong = Vec::new();
    let variants = flips(&whole, 31)
        .chain(cuts(&whole, 61))
        .chain(ruins(&whole));
    with_each(&path, variants, |what| {
        let outcome = bgp.run(["output", "-n", "0", "work"]).code_in(&[0, 13]);
        let text = outcome.text();
        let true_so_far = LINES.starts_with(&text) || what == "doubled";
        if !true_so_far || (text != LINES && outcome.stderr.is_empty()) {
            wrong.push(format!("{what}: {}", outcome.describe()));
        }
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

// D8
#[test]
fn a_log_cut_between_two_records_is_13() {
    let bgp = Sandbox::new();
    let process = ended(&bgp, "work");
    let path = bgp.log(&process.id);
    let whole = fs::read(&path).unwrap();
    let records = raw::records(&whole);
    assert!(records.len() >= 4, "{records:?}");
    let cuts = records.iter().map(|record| {
        (
            format!("before record {}", record.number),
            whole[..record.range.start].to_vec(),
        )
    });
    with_each(&path, cuts, |what| {
        let outcome = bgp.run(["verify", "work"]);
        assert_eq!(
            outcome.status.code(),
            Some(13),
            "{what}\n{}",
            outcome.describe()
        );
    });
    fs::remove_file(&path).unwrap();
    bgp.run(["verify", "work"]).code(13);
    bgp.run(["verify"]).code(13);
    bgp.run(["output", "work"]).code(13);
}

// D7
#[test]
fn records_that_are_swapped_repeated_or_dropped_are_13() {
    let bgp = Sandbox::new();
    let process = ended(&bgp, "work");
    let path = bgp.log(&process.id);
    let whole = fs::read(&path).unwrap();
    let records = raw::records(&whole);
    let part = |n: usize| whole[records[n].range.clone()].to_vec();
    let header = whole[..raw::HEADER_BYTES].to_vec();
    let join = |order: &[usize]| {
        let mut bytes = header.clone();
        for n in order {
            bytes.extend(part(*n));
        }
        bytes
    };
    let all: Vec<usize> = (0..records.len()).collect();
    assert_eq!(
        join(&all),
        whole,
        "a small log is its records and nothing else"
    );
    let mut variants = Vec::new();
    for a in 0..all.len() {
        for b in a + 1..all.len() {
            let mut order = all.clone();
            order.swap(a, b);
            variants.push((format!("{a} and {b} swapped"), join(&order)));
        }
        let mut order = all.clone();
        order.insert(a, a);
        variants.push((format!("{a} twice"), join(&order)));
        let mut order = all.clone();
        order.remove(a);
        variants.push((format!("without {a}"), join(&order)));
        let mut order = all.clone();
        order.push(a);
        variants.push((format!("{a} behind the end"), join(&order)));
    }
    with_each(&path, variants.into_iter(), |what| {
        let outcome = bgp.run(["verify", "work"]);
        assert_eq!(
            outcome.status.code(),
            Some(13),
            "{what}\n{}",
            outcome.describe()
        );
        bgp.run(["output", "work"]).code_in(&[0, 13]);
    });
}

// D7
#[test]
fn the_log_of_another_process_is_13() {
    let bgp = Sandbox::new();
    let (one, two) = (ended(&bgp, "one"), ended(&bgp, "two"));
    let (first, second) = (bgp.log(&one.id), bgp.log(&two.id));
    let (a, b) = (fs::read(&first).unwrap(), fs::read(&second).unwrap());
    fs::write(&second, &a).unwrap();
    bgp.run(["verify", "two"]).code(13);
    bgp.run(["output", "two"]).code(13).stdout("");
    bgp.run(["verify", "one"]).code(0);
    // One record of the other, of the same number and length, in a log that is right otherwise.
    let (from, to) = (raw::records(&a), raw::records(&b));
    for (mine, theirs) in to.iter().zip(&from) {
        if mine.range != theirs.range {
            continue;
        }
        let mut mixed = b.clone();
        mixed[mine.range.clone()].copy_from_slice(&a[theirs.range.clone()]);
        fs::write(&second, &mixed).unwrap();
        bgp.run(["verify", "two"]).code(13);
    }
    fs::write(&second, &b).unwrap();
    bgp.run(["verify"]).code(0);
}

// D5: one record after the other damaged in a large log
#[test]
fn a_log_is_read_on_behind_the_damage() {
    let bgp = Sandbox::new();
    let process = bgp.start("seq", ["seq", "1", "100000"]);
    bgp.run(["wait", "seq"]).code(0);
    bgp.wait_for_supervisor_end(&process.id);
    let path = bgp.log(&process.id);
    let mut bytes = fs::read(&path).unwrap();
    assert!(bytes.len() > 5 * raw::BLOCK_BYTES);
    let hit = 2 * raw::BLOCK_BYTES + 5000;
    bytes[hit] ^= 1;
    fs::write(&path, &bytes).unwrap();
    bgp.run(["verify", "seq"]).code(13);
    let outcome = bgp.run(["output", "-n", "0", "seq"]).code(13);
    let text = outcome.text();
    assert!(text.starts_with("1\n2\n3\n"), "{}", outcome.describe());
    assert!(
        text.ends_with("\n99999\n100000\n"),
        "{}",
        outcome.describe()
    );
    // One document, as ever.
    let json = bgp.run(["output", "--json", "-n", "0", "seq"]).code(13);
    assert_eq!(json.text().lines().count(), 1, "{}", json.describe());
    assert_eq!(json.errors(), "");
    let error = &json.json()["error"];
    assert_eq!(
        (&error["code"], &error["kind"]),
        (&13.into(), &"damaged".into())
    );
    // The end is far from the damage.
    bgp.run(["output", "-n", "2", "seq"])
        .code_in(&[0, 13])
        .stdout("99999\n100000\n");
}

// E20
#[test]
fn a_bad_tag_a_bad_ciphertext_and_a_bad_length_are_one_error() {
    let bgp = Sandbox::new();
    ended(&bgp, "work");
    let path = bgp.state().join("processes.json.enc");
    let whole = fs::read(&path).unwrap();
    let flip = |n: usize| {
        let mut bytes = whole.clone();
        bytes[n] ^= 1;
        (format!("byte {n}"), bytes)
    };
    let len = whole.len();
    // The IV, the first block (whose flip changes the plaintext of the second), the padding, the tag.
    let variants = vec![
        flip(32),
        flip(50),
        flip(len - 33),
        flip(len - 49),
        flip(len - 1),
        ("16 bytes less".to_owned(), whole[..len - 16].to_vec()),
    ];
    let mut said = BTreeSet::new();
    with_each(&path, variants.into_iter(), |_| {
        said.insert(bgp.run(["list"]).code(13).errors());
    });
    assert_eq!(said.len(), 1, "{said:?}");
}

// E20: the same of a record
#[test]
fn a_bad_iv_ciphertext_padding_or_tag_of_a_record_is_one_error() {
    let bgp = Sandbox::new();
    let process = ended(&bgp, "work");
    let path = bgp.log(&process.id);
    let whole = fs::read(&path).unwrap();
    let record = raw::records(&whole)[1].range.clone();
    let end = record.end;
    // The IV, the first byte of the ciphertext, its last one (which makes the padding another), the tag.
    let variants = [
        record.start + 16,
        record.start + 32,
        end - 33,
        end - 32,
        end - 1,
    ];
    let variants = variants.map(|n| {
        let mut bytes = whole.clone();
        bytes[n] ^= 1;
        (format!("byte {n}"), bytes)
    });
    let mut said = BTreeSet::new();
    with_each(&path, variants.into_iter(), |_| {
        let verified = bgp.run(["verify", "work"]).code(13);
        said.insert((verified.text(), verified.errors()));
        let shown = bgp.run(["output", "work"]).code(13);
        said.insert((shown.text(), shown.errors()));
    });
    assert_eq!(said.len(), 2, "{said:?}");
}

// E21
#[test]
fn a_key_of_another_version_or_without_protection_is_refused() {
    let bgp = Sandbox::new();
    ended(&bgp, "work");
    let path = bgp.state().join("key");
    let whole = fs::read_to_string(&path).unwrap();
    let replace = |from: &str, to: &str| {
        assert!(whole.contains(from), "no {from} in {whole}");
        (
            format!("{from} became {to}"),
            checked(&whole.replace(from, to)),
        )
    };
    let variants = vec![
        replace("\"iterations\":1000", "\"iterations\":1"),
        replace("\"iterations\":1000", "\"iterations\":0"),
        replace("\"iterations\":1000", "\"iterations\":100000001"),
        replace("\"iterations\":1000", "\"iterations\":4294967296"),
        replace("\"iterations\":1000", "\"iterations\":-1"),
        replace("\"kdf\":\"PBKDF2-HMAC-SHA256\"", "\"kdf\":\"none\""),
        replace(
            "\"kdf\":\"PBKDF2-HMAC-SHA256\"",
            "\"kdf\":\"PBKDF2-HMAC-SHA1\"",
        ),
        replace("\"version\":1", "\"version\":2"),
        replace("\"version\":1", "\"version\":0"),
        replace("\"format\":\"bgp key\"", "\"format\":\"plain\""),
        ("64 KiB".to_owned(), " ".repeat(65_536).into_bytes()),
        ("no JSON".to_owned(), b"key\n".to_vec()),
        ("deep JSON".to_owned(), "[".repeat(4000).into_bytes()),
    ];
    with_each(&path, variants.into_iter(), |what| {
        let outcome = bgp.run(["list"]);
        assert_eq!(
            outcome.status.code(),
            Some(13),
            "{what}\n{}",
            outcome.describe()
        );
    });
    // Another number of iterations, rightly checked: the key does not open.
    let other = checked(&whole.replace("\"iterations\":1000", "\"iterations\":2000"));
    fs::write(&path, other).unwrap();
    bgp.run(["list"]).code(12);
}

/// The key with the check that fits what it says: damage is told from a wrong password by it.
fn checked(key: &str) -> Vec<u8> {
    let field = |name: &str| -> String {
        let (_, rest) = key.split_once(&format!("\"{name}\":")).unwrap();
        rest.chars()
            .take_while(|c| !",}".contains(*c))
            .filter(|c| *c != '"')
            .collect()
    };
    let (version, kdf, iterations) = (field("version"), field("kdf"), field("iterations"));
    let (format, salt, store) = (field("format"), field("salt"), field("store"));
    let context = format!("{format} {version}\n{kdf}\n{iterations}\n{salt}\n{store}\n");
    let digest = Sha256::digest(format!("{context}{}", field("sealed")));
    let check = digest
        .iter()
        .take(8)
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    key.replace(&field("check"), &check).into_bytes()
}

// E19
#[test]
fn no_iv_is_used_twice() {
    let bgp = Sandbox::new();
    let mut ivs = BTreeSet::new();
    let mut count = 0;
    for name in ["one", "two"] {
        let process = bgp.start(name, ["seq", "1", "1000000"]);
        bgp.run(["wait", name]).code(0);
        bgp.wait_for_supervisor_end(&process.id);
        let bytes = fs::read(bgp.log(&process.id)).unwrap();
        let records = raw::records(&bytes);
        let numbers: Vec<u64> = records.iter().map(|record| record.number).collect();
        assert!(
            numbers.iter().zip(0..).all(|(number, n)| *number == n),
            "records are numbered without a gap"
        );
        count += records.len();
        ivs.extend(records.iter().map(|record| record.iv));
    }
    assert!(count > 3000, "{count} records");
    assert_eq!(ivs.len(), count);
}
