//! Feeds one property of bgp, the one that `BGP_FUZZ_TARGET` names, with inputs that libFuzzer makes of what the code did
//! with those before. `test-scripts/fuzz-coverage.sh` builds and runs it.
//!
//! With `BGP_FUZZ_WORDS=FILE` it only writes what inputs are likely to be made of, as a dictionary of libFuzzer.
//!
//! Does not: say what holds; bgp's own tests look at the same properties.

#![no_main]

use std::fmt::Write as _;
use std::{env, fs, process};

use bgp::fuzzing::{Target, target};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static TARGET: Target = {
        let name = env::var("BGP_FUZZ_TARGET").unwrap_or_default();
        target(&name).unwrap_or_else(|| refuse(&name))
    };
}

fuzz_target!(
    init: TARGET.with(|target| {
        if let Some(file) = env::var_os("BGP_FUZZ_WORDS") {
            fs::write(file, dictionary(target.words)).expect("the dictionary can be written");
            process::exit(0);
        }
    }),
    |bytes: &[u8]| TARGET.with(|target| (target.check)(bytes))
);

fn refuse(name: &str) -> ! {
    eprintln!("BGP_FUZZ_TARGET is '{name}', which is no target");
    process::exit(2);
}

/// A line for each word, every byte of it escaped.
fn dictionary(words: &[&[u8]]) -> String {
    let mut lines = String::new();
    for word in words {
        let escaped = word.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\x{byte:02x}"); // a text takes everything
            text
        });
        let _ = writeln!(lines, "\"{escaped}\"");
    }
    lines
}
