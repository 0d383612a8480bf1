//! The source tree tests itself: layers, sizes, words, and that the README says what the program does.
//!
//! Does not: parse Rust. It reads lines, without comments, up to the tests of a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use regex::Regex;

use crate::harness::{Sandbox, files_below, tree};

/// The modules of `src/`, the lowest first, in groups. A module may name those of the groups below its own.
const LAYERS: [&[&str]; 10] = [
    &["sys"],
    &["model"],
    &["crypto", "text"],
    &["log", "store", "control"],
    &["config"],
    &["supervisor"],
    &["manager"],
    &["agent"],
    &["commands", "library", "ui"],
    &["cli"],
];

/// The group of a module, counted from the lowest.
fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|group| group.contains(&module))
}

/// The longest file of `src/`, in lines.
const FILE_MAX_LINES: usize = 400;

struct Source {
    /// Below `src/`.
    path: PathBuf,
    text: String,
}

impl Source {
    /// The module of the first level it belongs to, `lib` or `main`.
    fn module(&self) -> String {
        let first = self.path.components().next().unwrap();
        Path::new(first.as_os_str())
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    }

    /// Whether all of it is compiled for tests only.
    fn is_test(&self) -> bool {
        let stem = self.path.file_stem().unwrap();
        stem == "tests"
            || stem == "testing"
            || self.path.components().any(|part| {
                ["testing", "tests"]
                    .iter()
                    .any(|dir| part.as_os_str() == *dir)
            })
    }

    /// The numbered lines that are neither comment nor test, each without the comment at its end.
    fn code(&self) -> Vec<(usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = (0..lines.len().saturating_sub(1))
            .find(|n| {
                lines[*n] == "#[cfg(test)]"
                    && lines[*n + 1].starts_with("mod ")
                    && lines[*n + 1].ends_with('{')
            })
            .unwrap_or(lines.len());
        lines[..tests]
            .iter()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(n, line)| (n + 1, line.split(" // ").next().unwrap()))
            .collect()
    }
}

fn sources() -> Vec<Source> {
    let src = tree().join("src");
    let found: Vec<Source> = files_below(&src)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Source {
            text: fs::read_to_string(&path).unwrap(),
            path: path.strip_prefix(&src).unwrap().to_owned(),
        })
        .collect();
    assert!(!found.is_empty(), "no sources below {}", src.display());
    found
}

/// The lines of code that match, as `path:line: text`, outside of tests.
fn matches(pattern: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    sources()
        .iter()
        .filter(|source| !source.is_test())
        .flat_map(|source| {
            source
                .code()
                .into_iter()
                .filter(|(_, line)| pattern.is_match(line))
                .map(|(n, line)| format!("{}:{n}: {}", source.path.display(), line.trim()))
                .collect::<Vec<_>>()
        })
        .collect()
}

#[track_caller]
fn assert_none(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n{}", found.join("\n"));
}

#[test]
fn a_module_names_only_those_below_it() {
    let named = Regex::new(r"\bcrate::(?:\{([^}]*)|([a-z_]+))").unwrap();
    let first_word = Regex::new(r"^\s*([a-z_]+)").unwrap();
    let mut wrong = Vec::new();
    for source in sources() {
        let module = source.module();
        if source.is_test() || ["lib", "main"].contains(&module.as_str()) {
            continue;
        }
        let Some(mine) = layer(&module) else {
            wrong.push(format!(
                "{}: {module} has no place among the layers",
                source.path.display()
            ));
            continue;
        };
        for (n, line) in source.code() {
            for found in named.captures_iter(line) {
                let group = found.get(1).or(found.get(2)).unwrap().as_str();
                for part in group.split(',') {
                    let Some(name) = first_word.captures(part).map(|word| word[1].to_owned())
                    else {
                        continue;
                    };
                    if name != module && layer(&name).is_none_or(|its| its >= mine) {
                        wrong.push(format!(
                            "{}:{n}: {module} names {name}",
                            source.path.display()
                        ));
                    }
                }
            }
        }
    }
    assert_none("upwards or sideways", &wrong);
}

#[test]
fn only_sys_says_unsafe() {
    let found: Vec<String> = matches(r"\bunsafe\s*(\{|\(|fn\b|impl\b|extern\b|trait\b)")
        .into_iter()
        .filter(|line| !line.starts_with("sys/"))
        .collect();
    assert_none("unsafe outside of sys", &found);
}

#[test]
fn no_test_is_switched_off() {
    let switched_off = concat!("#[ig", "nore");
    let found: Vec<String> = [tree().join("src"), tree().join("tests")]
        .iter()
        .flat_map(|dir| files_below(dir))
        .filter(|path| {
            fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(switched_off))
        })
        .map(|path| path.display().to_string())
        .collect();
    assert_none("switched off", &found);
}

#[test]
fn no_file_is_long_and_each_says_what_it_is_and_what_not() {
    let mut wrong = Vec::new();
    for source in sources() {
        let (path, lines) = (source.path.display(), source.text.lines().count());
        let is_data = source.path.ends_with("cli/commands.rs"); // a table of rows, without code
        if lines > FILE_MAX_LINES && !source.is_test() && !is_data {
            wrong.push(format!("{path} has {lines} lines"));
        }
        if !source.text.starts_with("//! ") {
            wrong.push(format!("{path} does not open with what it is"));
        }
        let root = ["lib", "main"].contains(&source.module().as_str());
        if !root && !source.is_test() && !source.text.contains("//! Does not: ") {
            wrong.push(format!("{path} does not say what it does not"));
        }
    }
    assert_none("files", &wrong);
}

#[test]
fn nothing_prints_panics_or_waits_by_the_way() {
    assert_none(
        "outside of tests",
        &matches(r"\b(e?println?|dbg|todo|unimplemented)!|\.unwrap\(\)"),
    );
    // A sleep says in the line above it what it is for: it is never there for order.
    let sources = sources();
    let unexplained: Vec<String> = matches(r"\b(thread::sleep|nanosleep|usleep)\b")
        .into_iter()
        .filter(|found| !found.contains(": use "))
        .filter(|found| {
            let (path, rest) = found.split_once(':').unwrap();
            let line: usize = rest.split(':').next().unwrap().parse().unwrap();
            let source = sources
                .iter()
                .find(|source| source.path.to_str() == Some(path))
                .unwrap();
            let lines: Vec<&str> = source.text.lines().collect();
            !lines[line.saturating_sub(2)].trim_start().starts_with("//")
                && !lines[line - 1].contains(" // ")
        })
        .collect();
    assert_none("sleeps without a reason", &unexplained);
}

#[test]
fn no_tag_is_compared_but_in_constant_time() {
    let word = r"\b(tag|mac|proof|kek|master|password)\b(\.\w+(\(\))?)*";
    let compared = format!(r"({word} *(==|!=) )|((==|!=) *&?\*?{word} *[;){{,&|])");
    assert_none("compares what is secret", &matches(&compared));
    let verified = matches(r"\.verify_slice\(");
    let elsewhere = |line: &&String| !line.starts_with("crypto/seal.rs:");
    assert_eq!(verified.iter().find(elsewhere), None);
    assert_eq!(verified.len(), 2, "{verified:?}");
}

#[test]
fn nothing_names_a_machine_or_a_page_that_is_not_here() {
    let banned = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("../sh", "ared"),
        concat!("des", "ign.md"),
        concat!("fau", "lts.md"),
        concat!("pee", "rs.md"),
        concat!("lim", "its.md"),
        concat!("sty", "le.md"),
    ];
    let mut found = Vec::new();
    for top in [
        "src",
        "tests",
        "test-scripts",
        ".ci",
        "README.md",
        "Cargo.toml",
    ] {
        let path = tree().join(top);
        let files = if path.is_dir() {
            files_below(&path)
        } else {
            vec![path]
        };
        for file in files.iter().filter(|file| file.is_file()) {
            let text = String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned();
            for (n, line) in text.lines().enumerate() {
                // Words of other systems' paths, as examples, are written with a user called `u`.
                if banned.iter().any(|word| line.contains(word))
                    && !line.contains(concat!("/ho", "me/u/"))
                {
                    found.push(format!("{}:{}: {}", file.display(), n + 1, line.trim()));
                }
            }
        }
    }
    assert_none("names", &found);
}

#[test]
fn the_top_of_the_tree_is_what_it_should_be() {
    let known = [
        ".ci",
        ".git",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "src",
        "target",
        "test-scripts",
        "tests",
    ];
    // Who builds may keep something of his own there, as a cache: what begins with a dot and is not tracked.
    let mut git = Command::new("git");
    let tracked = git.arg("-C").arg(tree()).arg("ls-files").output();
    let tracked = tracked.map_or_else(|_| Vec::new(), |told| told.stdout);
    let tracked = String::from_utf8_lossy(&tracked);
    let is_tracked = |name: &str| {
        tracked
            .lines()
            .any(|path| path.split('/').next() == Some(name))
    };
    let found: Vec<String> = crate::harness::file_names(&tree())
        .into_iter()
        .filter(|name| !known.contains(&name.as_str()))
        .filter(|name| !name.starts_with('.') || is_tracked(name))
        .collect();
    assert_none("at the top", &found);
}

/// The exit codes of `bgp help`, each with its meaning.
fn exit_codes(help: &str) -> Vec<(u8, String)> {
    let line = Regex::new(r"^\s*(\d{1,3})\s{1,}(\S.*)$").unwrap();
    help.lines()
        .filter_map(|text| {
            let found = line.captures(text)?;
            Some((found[1].parse().ok()?, found[2].trim().to_owned()))
        })
        .collect()
}

#[test]
fn the_readme_has_the_exit_codes_of_the_help() {
    let Ok(readme) = fs::read_to_string(tree().join("README.md")) else {
        crate::proc::pass_over(true, "there is no README yet");
        return;
    };
    let help = Sandbox::fresh().run(["help"]).code(0).text();
    let codes = exit_codes(&help);
    assert!(codes.len() >= 20, "{codes:?}");
    let missing: Vec<String> = codes
        .iter()
        .map(|(code, meaning)| format!("| {code} | {meaning} |"))
        .filter(|row| !readme.contains(row.trim_end_matches(" |")))
        .collect();
    assert_none("not in the README", &missing);
}

#[test]
fn the_readme_names_every_command_of_the_help() {
    let Ok(readme) = fs::read_to_string(tree().join("README.md")) else {
        crate::proc::pass_over(true, "there is no README yet");
        return;
    };
    for command in [
        "start", "list", "status", "output", "stop", "wait", "clear", "verify", "lock", "config",
    ] {
        Sandbox::fresh().run([command, "--help"]).code(0);
        assert!(
            readme.contains(&format!("bgp {command}")) || readme.contains(&format!("`{command}")),
            "{command}"
        );
    }
}
