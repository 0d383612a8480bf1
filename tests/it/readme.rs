//! The README says what the program does.
//!
//! Commands and flags are written into it from the program's own table: with `BGP_WRITE_README=1` the test
//! that compares them writes them. All else is compared with what the program, the manifest and the
//! modules say; the byte layouts stand in the README as in the module that owns them, word for word.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use regex::Regex;
use serde_json::Value;

use crate::harness::{Sandbox, bin, script, tree};
use crate::invocation::finish;

fn readme() -> String {
    fs::read_to_string(tree().join("README.md")).unwrap()
}

fn source(path: &str) -> String {
    fs::read_to_string(tree().join("src").join(path)).unwrap()
}

/// What stands between the line that begins with `from` and the next that begins with `to`.
#[track_caller]
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let missing = || panic!("the README has no '{from}' … '{to}'");
    let begin = text.find(&format!("\n{from}")).unwrap_or_else(missing) + 1;
    let begin = begin + text[begin..].find('\n').unwrap_or_else(missing) + 1;
    let end = text[begin..].find(to).unwrap_or_else(missing);
    &text[begin..begin + end]
}

/// The words in backticks in the first cells of a section's tables.
fn first_cells(section: &str) -> BTreeSet<String> {
    let word = Regex::new("`([^`]+)`").unwrap();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .filter_map(|row| row.split(" | ").next())
        .flat_map(|cell| word.captures_iter(cell).map(|found| found[1].to_owned()))
        .collect()
}

/// A row of flags: how it is given, and what it means.
fn flag_row(flag: &Value) -> String {
    let mut names = format!("`--{}", flag["long"].as_str().unwrap());
    if let Some(short) = flag["short"].as_str() {
        names = format!("`-{short}`, {names}");
    }
    if let Some(value) = flag["value"].as_str() {
        write!(names, " {}", value.replace('|', "\\|")).unwrap();
    }
    let help = flag["help"].as_str().unwrap();
    match flag["default"].as_str() {
        Some(default) => format!("| {names}` | {help} [default: {default}] |\n"),
        None => format!("| {names}` | {help} |\n"),
    }
}

/// Commands and flags as they stand in the README.
fn commands() -> String {
    let help = Sandbox::fresh().run(["help", "--json"]).code(0).json();
    let commands = help["commands"].as_array().unwrap();
    let words = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut text = "\n| command | does |\n|---|---|\n".to_owned();
    for command in commands {
        let names = [
            vec![command["name"].as_str().unwrap().to_owned()],
            words(&command["aliases"]),
        ];
        let names = names.concat().join("`, `");
        writeln!(
            text,
            "| `{names}` | {} |",
            command["summary"].as_str().unwrap()
        )
        .unwrap();
    }
    text.push_str("\nEvery command has these:\n\n| flag | meaning |\n|---|---|\n");
    let everywhere = |flag: &&Value| flag["long"] == "json" || flag["long"] == "help";
    let flags = |command: &Value| command["flags"].as_array().unwrap().clone();
    for flag in flags(&commands[0]).iter().filter(everywhere) {
        text.push_str(&flag_row(flag));
    }
    for command in commands {
        writeln!(
            text,
            "\n### `bgp {}`\n\n```text",
            command["name"].as_str().unwrap()
        )
        .unwrap();
        for usage in words(&command["usage"]) {
            writeln!(text, "{usage}").unwrap();
        }
        text.push_str("```\n");
        let flags = flags(command);
        let mut own = flags.iter().filter(|flag| !everywhere(flag)).peekable();
        if own.peek().is_some() {
            text.push_str("\n| flag | meaning |\n|---|---|\n");
        }
        own.for_each(|flag| text.push_str(&flag_row(flag)));
        let codes: Vec<String> = command["exitCodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        writeln!(text, "\nExit codes: {}.", codes.join(", ")).unwrap();
        if command["name"] == "config" {
            text.push_str("\n| setting | default | value | what |\n|---|---|---|---|\n");
            for setting in help["settings"].as_array().unwrap() {
                let word = |field: &str| setting[field].as_str().unwrap();
                let (key, does) = (word("key"), word("help"));
                let (allowed, default) = (word("allowed"), word("default"));
                writeln!(text, "| `{key}` | {default} | {allowed} | {does} |").unwrap();
            }
        }
    }
    text.push('\n');
    text
}

#[test]
fn the_readme_has_every_command_and_flag_as_the_help_has_them() {
    let (readme, expected) = (readme(), commands());
    let found = between(&readme, "<!-- commands:", "<!-- end of commands -->");
    if std::env::var_os("BGP_WRITE_README").is_some() {
        let (before, after) = readme.split_at(found.as_ptr() as usize - readme.as_ptr() as usize);
        let written = [before, &expected, &after[found.len()..]].concat();
        fs::write(tree().join("README.md"), written).unwrap();
        return;
    }
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(
            found, expected,
            "BGP_WRITE_README=1 cargo test --test it readme writes it"
        );
    }
    assert_eq!(
        found.len(),
        expected.len(),
        "BGP_WRITE_README=1 cargo test --test it readme writes it"
    );
}

#[test]
fn the_readme_has_every_field_of_a_process_and_no_other() {
    let readme = readme();
    let bgp = Sandbox::new();
    let document = bgp.run(["start", "--json", "true"]).code(0).json();
    let fields = names_of(&document["process"]);
    let section = between(&readme, "## JSON", "\n## ");
    let mut tables = section.split("| field | what |\n").skip(1);
    let mut table = || first_cells(tables.next().unwrap().split("\n\n").next().unwrap());
    assert_eq!(table(), fields);
    let example = between(section, "<!-- process -->", "\n```\n");
    let example: Value = serde_json::from_str(example.trim_start_matches("```json\n")).unwrap();
    assert_eq!(names_of(&example["process"]), fields);
    let status = bgp.run(["status", "--json", "proc_1"]).code(0).json();
    let added = names_of(&status["process"])
        .difference(&fields)
        .cloned()
        .collect();
    assert_eq!(table(), added);
}

/// The names of an object's fields.
fn names_of(object: &Value) -> BTreeSet<String> {
    object.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_readme_has_every_variable_of_the_help() {
    let readme = readme();
    let section = between(&readme, "## Environment variables", "\n## ");
    let help = Sandbox::fresh().run(["help"]).code(0).text();
    let variable = Regex::new(r"(?m)^  ([A-Z_]+)").unwrap();
    let named: Vec<String> = variable
        .captures_iter(between(&help, "Environment:", "\n\n"))
        .map(|found| found[1].to_owned())
        .collect();
    assert!(named.len() >= 5, "{named:?}");
    for name in named {
        assert!(first_cells(section).contains(&name), "{name}");
    }
}

#[test]
fn the_configuration_in_the_readme_has_every_setting_and_is_read() {
    let readme = readme();
    let section = between(&readme, "## Configuration", "\n## ");
    let bgp = Sandbox::fresh();
    let path = bgp.dir().join("home/.config/bgp");
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("config.json"), between(section, "```json", "```")).unwrap();
    let config = bgp.run(["config", "--json"]).code(0).json();
    let settings = config["settings"].as_array().unwrap();
    let all_set = settings.iter().all(|setting| setting["source"] == "file");
    assert!(all_set, "{config}");
}

#[test]
fn the_readme_justifies_every_dependency_and_no_other() {
    let readme = readme();
    let manifest = fs::read_to_string(tree().join("Cargo.toml")).unwrap();
    let crates: BTreeSet<String> = between(&manifest, "[dependencies]", "\n\n")
        .lines()
        .filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()))
        .collect();
    let section = between(&readme, "## Dependencies", "\n## ");
    assert_eq!(first_cells(section), crates);
}

/// The lines of a module's head.
fn head(path: &str) -> Vec<String> {
    source(path)
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .map(|line| {
            line.trim_start_matches("//!")
                .strip_prefix(' ')
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

/// The drawings and tables in a module's head.
fn layouts(path: &str) -> Vec<String> {
    let (mut all, mut inside) = (vec![String::new()], false);
    for line in head(path) {
        let fence = line.starts_with("```");
        if fence {
            inside = !inside;
        }
        if !fence && (inside || line.starts_with('|')) {
            all.last_mut().unwrap().push_str(&(line + "\n"));
        } else if !all.last().unwrap().is_empty() {
            all.push(String::new());
        }
    }
    all.retain(|layout| !layout.is_empty());
    all
}

#[test]
fn the_readme_has_the_byte_layouts_of_the_modules_that_own_them() {
    let readme = readme();
    for (path, count) in [
        ("crypto/seal.rs", 1),
        ("store/key.rs", 1),
        ("store/envelope.rs", 1),
        ("log/mod.rs", 3),
        ("control/mod.rs", 1),
    ] {
        let layouts = layouts(path);
        assert!(
            layouts.len() >= count,
            "{path} has {} layouts",
            layouts.len()
        );
        for layout in layouts
            .iter()
            .filter(|layout| !layout.starts_with("derive("))
        {
            assert!(
                readme.contains(layout.as_str()),
                "of {path} the README lacks:\n{layout}"
            );
        }
    }
    let section = between(&readme, "### Keys", "\n### ");
    let label = Regex::new(r#"(?:derive\(|")(?:[^"]*, )?"([a-z ]+)""#).unwrap();
    for path in ["store/keys.rs", "control/mod.rs", "log/mod.rs"] {
        let text = source(path);
        let code = text.split("mod tests {").next().unwrap();
        for line in code
            .lines()
            .filter(|line| line.contains("derive(") && !line.starts_with("//!"))
        {
            for found in label.captures_iter(line) {
                assert!(
                    section.contains(&format!("\"{}", &found[1])),
                    "{path}: {}",
                    &found[1]
                );
            }
        }
    }
}

#[test]
fn the_readme_has_every_field_of_every_fact() {
    let readme = readme();
    let section = between(&readme, "### Facts", "\n### ");
    let field = Regex::new(r"^    pub\(crate\) ([a-z_]+): ").unwrap();
    let mut count = 0;
    for found in source("model/facts.rs")
        .lines()
        .filter_map(|line| field.captures(line))
    {
        let mut name = String::new();
        for (n, part) in found[1].split('_').enumerate() {
            match n {
                0 => name.push_str(part),
                _ => name.push_str(&(part[..1].to_uppercase() + &part[1..])),
            }
        }
        let there =
            section.contains(&format!("`{name}`")) || ["log", "ended"].contains(&name.as_str());
        assert!(
            there,
            "`{name}`, a field of a fact, is not in the README's section on facts"
        );
        count += 1;
    }
    assert!(count > 50, "{count} fields");
}

#[test]
fn every_test_that_the_readme_names_is_there() {
    let readme = readme();
    let section = between(&readme, "## Threat model", "\n## ");
    let named = Regex::new("`([a-z_/]+(?:\\.rs)?)::([a-z0-9_]+)`").unwrap();
    let mut count = 0;
    for found in named.captures_iter(section) {
        let path = match &found[1] {
            path if path.contains('/') => tree().join(path),
            theme => tree().join(format!("tests/it/{theme}.rs")),
        };
        let text = fs::read_to_string(&path).unwrap_or_default();
        let wanted = format!("#[test]\nfn {}() {{", &found[2]);
        // Those beside the code are indented by their module.
        let unindented = text.replace("\n    ", "\n");
        assert!(unindented.contains(&wanted), "{}", &found[0]);
        count += 1;
    }
    assert!(count > 30, "{count} tests");
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let without = rows.skip(1).find(|row| !named.is_match(row));
    assert_eq!(without, None, "nothing holds it");
}

#[test]
fn the_first_session_does_what_the_readme_shows() {
    let bgp = Sandbox::fresh();
    let mut session = bgp.foreign(script("readme.sh"));
    session.arg(bin()).env("BGP_TEST_ITERATIONS", "1000");
    finish(&mut session).code(0);
}
