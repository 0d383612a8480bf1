//! What tests share: a directory of their own, waiting for what comes soon, and properties that hold for any bytes.
//!
//! The properties are in [`properties`], [`altered`], [`written`] and beside the module they are about. Tests look at
//! each with some thousand inputs ([`Property::holds`]); a build for fuzzing makes them its `targets`.
//!
//! Does not: hold anything that a test alone needs.

mod altered;
mod properties;
#[cfg(fuzzing)]
pub mod targets;
mod written;

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
#[cfg(test)]
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
#[cfg(test)]
use std::time::{Duration, Instant};

use crate::crypto::random_bytes;
use crate::model::id::encode_hex;
use crate::store::environment::Environment;

/// The environment in which `dir`, a copy of the fixtures, is opened.
pub(crate) fn environment(dir: &Path) -> Environment {
    Environment::new([
        ("BGP_DIR", dir.to_str().unwrap()),
        ("BG_PASSWORD", "correct horse"),
        ("BGP_KEY_CACHE", "off"),
        ("BGP_TEST_ITERATIONS", "1000"),
    ])
}

/// Copies what is in a directory, with the modes that a state directory has.
pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (
            entry.as_ref().unwrap().path(),
            to.join(entry.unwrap().file_name()),
        );
        let mode = if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&from, &to);
            0o700
        } else {
            fs::copy(&from, &to).unwrap();
            0o600
        };
        fs::set_permissions(&to, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Says why a test is passed over, or the rest of it: past the test runner, which shows what a test printed only
/// when it failed.
#[cfg(test)]
pub(crate) fn passed_over(why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "passed over: {why}");
}

/// A fresh directory of mode 0700, removed with all that is in it when dropped.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        let name = format!("bgp-test-{}", encode_hex(&random_bytes::<8>().unwrap()));
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap(); // whatever the umask
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// Does not compile when one of the types can be shown, copied or serialized: which of two implementations is
/// meant cannot be told then.
macro_rules! shows_nothing {
    ($($secret:ty),+) => {
        $crate::testing::shows_nothing!(only std::fmt::Debug: $($secret),+);
        $crate::testing::shows_nothing!(only std::fmt::Display: $($secret),+);
        $crate::testing::shows_nothing!(only Clone: $($secret),+);
        $crate::testing::shows_nothing!(only serde::Serialize: $($secret),+);
    };
    (only $shown:path: $($secret:ty),+) => {{
        struct Shown;
        trait NotBoth<Which> {
            fn is_told_apart() {}
        }
        impl<T> NotBoth<()> for T {}
        impl<T: $shown> NotBoth<Shown> for T {}
        let _ = Shown;
        $(<$secret as NotBoth<_>>::is_told_apart();)+
    }};
}
pub(crate) use shows_nothing;

/// Waits until `holds`, 10 s at most.
///
/// # Panics
///
/// When it does not hold by then.
#[cfg(test)]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "not within 10 s: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Panics when something does not hold for these bytes.
pub(crate) type Check = Box<dyn Fn(&[u8])>;

/// Something that holds for any bytes.
pub(crate) struct Property {
    /// Its directory in `tests/corpus`.
    pub(crate) theme: &'static str,
    /// How many inputs the tests look at.
    #[cfg_attr(fuzzing, expect(dead_code, reason = "the fuzzer goes on for its time"))]
    pub(crate) rounds: u32,
    /// What inputs are likely to be made of.
    pub(crate) words: &'static [&'static [u8]],
    /// Makes what is needed once; what that gives does not panic, whatever the bytes.
    pub(crate) check: fn() -> Check,
}

#[cfg(test)]
impl Property {
    /// Looks that it does.
    ///
    /// # Panics
    ///
    /// When it does not: see [`holds_for`].
    pub(crate) fn holds(&self) {
        holds_for(self.theme, self.rounds, self.words, (self.check)());
    }
}

/// The longest that one input may take, in a debug build on a busy machine.
#[cfg(test)]
const INPUT_LIMIT: Duration = Duration::from_secs(20);

/// Looks that `check` does not panic for any file of `tests/corpus/THEME`, nor for `rounds` inputs that are made of
/// these, of `words` and of chance: the same ones each time. With `BGP_FUZZ_SECONDS` they are others each time, for
/// so long.
///
/// # Panics
///
/// As `check` does, after the input was written below `target`, to be kept in the corpus.
#[cfg(test)]
fn holds_for(theme: &str, rounds: u32, words: &[&[u8]], check: impl Fn(&[u8])) {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut corpus = Vec::new();
    for file in fs::read_dir(tree.join("tests/corpus").join(theme)).unwrap() {
        corpus.push(fs::read(file.unwrap().path()).unwrap());
    }
    corpus.sort(); // the order of a directory is chance
    let looked_at = |input: &[u8]| {
        let begun = Instant::now();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| check(input))) {
            let name = format!("found-{theme}-{:08x}", fastrand::u32(..));
            let kept = tree.join("target").join(name);
            fs::write(&kept, input).ok();
            #[expect(clippy::print_stderr, reason = "the harness shows it with the failure")]
            {
                eprintln!("the input is in '{}'", kept.display());
                eprintln!(
                    "it begins with {:?}",
                    input[..input.len().min(300)].escape_ascii().to_string()
                );
            }
            resume_unwind(panic);
        }
        assert!(
            begun.elapsed() < INPUT_LIMIT,
            "{theme}: {:?}",
            input.escape_ascii().to_string()
        );
    };
    assert!(!corpus.is_empty(), "no corpus of {theme}");
    for input in &corpus {
        looked_at(input);
    }

    let seconds = std::env::var("BGP_FUZZ_SECONDS").ok();
    let until = seconds.map(|text| Instant::now() + Duration::from_secs(text.parse().unwrap()));
    let mut random = fastrand::Rng::with_seed(1);
    if until.is_some() {
        random = fastrand::Rng::new();
    }
    let mut round = 0;
    while until.map_or(round < rounds, |until| Instant::now() < until) {
        looked_at(&input(&mut random, words, &corpus));
        round += 1;
    }
}

/// Bytes from the corpus or from nothing, with something put in, written over or taken out in some places.
#[cfg(test)]
fn input(random: &mut fastrand::Rng, words: &[&[u8]], corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if random.bool() {
        bytes.clone_from(&corpus[random.usize(..corpus.len())]);
    }
    let most = 64 >> random.u32(..6);
    for _ in 0..=random.usize(..most) {
        let at = random.usize(..=bytes.len());
        let end = at + random.usize(..=(bytes.len() - at).min(8));
        match random.u8(..8) {
            0 => drop(bytes.drain(at..end)),
            1 => bytes[at..end]
                .iter_mut()
                .for_each(|byte| *byte = random.u8(..)),
            2 if at < end => bytes[at] ^= 1 << random.u8(..8),
            3..=5 if !words.is_empty() => {
                let word = words[random.usize(..words.len())];
                drop(bytes.splice(at..at, word.iter().copied()));
            }
            _ => {
                let more = random.usize(1..=8);
                drop(bytes.splice(at..at, (0..more).map(|_| random.u8(..))));
            }
        }
    }
    bytes
}

/// Decisions, read from an input: zeros once it is over.
pub(crate) struct Tape<'a>(pub(crate) &'a [u8]);

impl<'a> Tape<'a> {
    pub(crate) fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub(crate) fn number(&mut self) -> u32 {
        let mut bytes = [0; 4];
        let taken = self.take(4);
        bytes[..taken.len()].copy_from_slice(taken);
        u32::from_le_bytes(bytes)
    }

    /// Less than `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let number = if limit <= 256 {
            self.byte().into()
        } else {
            self.number()
        };
        number as usize % limit
    }

    /// The next bytes, as many of them as there are.
    pub(crate) fn take(&mut self, bytes: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(bytes.min(self.0.len()));
        self.0 = rest;
        taken
    }
}
