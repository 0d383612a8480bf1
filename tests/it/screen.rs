//! What stands on the screen of a process with a terminal, replayed from its log.
//!
//! | rows | here |
//! |---|---|
//! | C16 | hostile bytes reach no terminal |

use std::fs;
use std::time::Instant;

use serde_json::Value;

use crate::harness::{DEADLINE, Proc, Sandbox, numbered};
use crate::proc;

/// Starts a line of shell with a terminal of this size.
fn shell(bgp: &Sandbox, name: &str, size: &str, line: &str) -> Proc {
    let options = ["--name", name, "--pty", "--size", size];
    bgp.start_with(&options, ["sh", "-c", line])
}

fn screen(bgp: &Sandbox, id: &str) -> Value {
    bgp.run(["screen", "--json", id]).code(0).json()
}

/// Waits until a row of the screen holds `wanted`, and gives back what `screen` prints.
#[track_caller]
fn wait_for(bgp: &Sandbox, id: &str, wanted: &str) -> String {
    bgp.wait_until(&format!("{wanted:?} stands on the screen of {id}"), || {
        let text = bgp.run(["screen", id]).code(0).text();
        text.contains(wanted).then_some(text)
    })
}

/// Whether a program is missing, which is said.
fn is_missing(bgp: &Sandbox, program: &str) -> bool {
    let found = bgp.sh(&format!("command -v {program}")).status.success();
    proc::pass_over(!found, &format!("there is no {program}"))
}

#[test]
fn a_screen_is_text_cursor_and_size_while_it_runs_and_after() {
    let bgp = Sandbox::new();
    let line = "printf 'one\\r\\ntwo  \\r\\n\\033[31mred\\033[m\\033]2;its title\\007'; echo ready >&2; \
                read -r x; printf '\\033[2J\\033[3;5Hlast'";
    shell(&bgp, "draws", "30x5", line);
    wait_for(&bgp, "draws", "ready");
    bgp.run(["screen", "draws"])
        .code(0)
        .stdout("one\ntwo\nredready\n")
        .stderr("");
    let told = screen(&bgp, "draws");
    assert_eq!(told["size"], serde_json::json!({"columns": 30, "rows": 5}));
    assert_eq!(
        told["cursor"],
        serde_json::json!({"row": 3, "column": 0, "visible": true})
    );
    let lines = serde_json::json!(["one", "two", "redready", "", ""]);
    assert_eq!(told["lines"], lines);
    assert_eq!(
        (&told["title"], &told["alternate"], &told["exact"]),
        (&"its title".into(), &false.into(), &true.into())
    );
    bgp.run(["send", "draws", ""]).code(0);
    bgp.run(["wait", "draws"]).code(0);
    bgp.run(["screen", "draws"])
        .code(0)
        .stdout("\n\n    last\n");
    bgp.run(["stop", "draws"]).code_in(&[0, 5]);
    bgp.run(["screen", "draws"])
        .code(0)
        .stdout("\n\n    last\n");
}

#[test]
fn a_process_without_a_terminal_has_no_screen() {
    let bgp = Sandbox::new();
    bgp.start("plain", ["echo", "x"]);
    bgp.run(["screen", "plain"])
        .failed(2)
        .stderr_has("has no terminal")
        .stderr_has("--pty");
    bgp.run(["screen", "nobody"]).failed(3);
    bgp.run(["screen"]).failed(2);
}

#[test]
fn a_long_log_is_shown_at_once_and_it_is_told_how_much_of_it() {
    let bgp = Sandbox::new();
    let line = "seq 1 1500000; printf 'the end'";
    let process = shell(&bgp, "long", "80x24", line);
    bgp.run(["wait", &process.id]).code(0);
    let begun = Instant::now();
    let shown = bgp.run(["screen", "long"]).code(0);
    assert!(begun.elapsed() < DEADLINE / 5, "{:?}", begun.elapsed());
    let expected = numbered("", 1_499_978..=1_500_000) + "the end\n";
    shown.stdout(&expected).stderr_has("the last 4 MiB");
    assert_eq!(screen(&bgp, "long")["exact"], false);
    let tool = ["process", "action=screen", "id=long"];
    bgp.run(tool)
        .code(0)
        .stdout_has("\nNote: the screen is as the last 4 MiB");
    let tool = bgp.run([&tool[..], &["--json"]].concat()).code(0).json();
    assert_eq!(tool["exact"], false);
}

#[test]
fn damage_is_told_with_the_screen() {
    let bgp = Sandbox::new();
    let process = shell(&bgp, "pt", "80x24", "echo first; sleep 0.05; echo second");
    bgp.run(["wait", "pt"]).code(0);
    bgp.wait_for_supervisor_end(&process.id);
    let tool = ["process", "action=screen", "id=pt"];
    let whole = bgp.run(tool).code(0).text();
    assert!(
        whole.contains("second") && !whole.contains("Note:"),
        "{whole}"
    );
    let log = bgp.log(&process.id);
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, bytes).unwrap();
    bgp.run(["screen", "pt"]).code(13);
    bgp.run(tool)
        .code(13)
        .stdout_has("\nNote: the log of 'pt', segment 0, byte ");
    let tool = bgp.run([&tool[..], &["--json"]].concat()).code(13).json();
    assert_eq!(tool["exact"], false);
    assert!(
        tool["notes"][0]
            .as_str()
            .unwrap()
            .starts_with("the log of 'pt'")
    );
}

#[test]
fn of_a_very_large_screen_the_tool_tells_the_first_rows_and_how_many_follow() {
    let bgp = Sandbox::new();
    let line = "l=$(printf '%999s' | tr ' ' x); for i in $(seq 999); do echo \"$l\"; done";
    let process = shell(&bgp, "large", "1000x1000", line);
    bgp.run(["wait", &process.id]).code(0);
    let tool = ["process", "action=screen", "id=large"];
    let text = bgp.run(tool).code(0).text();
    assert!(text.len() <= 50_001, "{}", text.len());
    assert!(
        text.contains("\nNote: 952 rows below these are left out\n"),
        "{}",
        &text[text.len() - 200..]
    );
    let told = bgp.run([&tool[..], &["--json"]].concat()).code(0);
    assert!(told.text().len() <= 50_001, "{}", told.text().len());
    let told = told.json();
    let rows = told["rows"].as_array().unwrap().len() as u64;
    assert_eq!(rows + told["leftOut"].as_u64().unwrap(), 999);
}

#[test]
fn a_pager_and_an_editor_stand_on_the_screen_and_obey_keys() {
    let bgp = Sandbox::new();
    fs::write(bgp.dir().join("text"), numbered("line ", 1..=100)).unwrap();
    if !is_missing(&bgp, "less") {
        shell(&bgp, "less", "40x10", "exec less text");
        let text = wait_for(&bgp, "less", "line 9\n");
        assert!(text.starts_with("line 1\n"), "{text}");
        bgp.run(["send", "less", "--key", "PageDown"]).code(0);
        wait_for(&bgp, "less", "line 18\n");
        bgp.run(["send", "less", "--key", "Down Down"]).code(0);
        wait_for(&bgp, "less", "line 20\n");
        bgp.run(["send", "less", "--key", "q"]).code(0);
        bgp.run(["wait", "less"]).code(0);
    }
    if !is_missing(&bgp, "vim") {
        shell(&bgp, "vim", "60x12", "exec vim -u NONE -n text");
        wait_for(&bgp, "vim", "line 1");
        assert_eq!(screen(&bgp, "vim")["alternate"], true);
        bgp.run(["send", "vim", "--key", "G o", "--key", "n e w"])
            .code(0);
        wait_for(&bgp, "vim", "\nnew");
        bgp.run(["send", "vim", "--key", "Esc", "--key", ": w q Enter"])
            .code(0);
        bgp.run(["wait", "vim"]).code(0);
        let text = fs::read_to_string(bgp.dir().join("text")).unwrap();
        assert!(text.ends_with("line 100\nnew\n"));
    }
}

#[test]
fn the_output_of_a_program_that_draws_reads_well() {
    let bgp = Sandbox::new();
    let line = "printf 'start\\n'; for n in 10 50 100; do printf '\\r%s%% ' $n; done; \
                printf '\\n\\033[1;32mdone\\033[0m\\n'";
    let process = shell(&bgp, "bar", "80x24", line);
    bgp.run(["wait", &process.id]).code(0);
    assert_eq!(bgp.output("bar"), "start\n100% \ndone\n");
}

// C16
#[test]
fn hostile_output_is_shown_without_a_control_character() {
    let bgp = Sandbox::new();
    let line = "printf 'a\\033]52;c;aGk=\\007b\\033]0;x\\033\\\\c\\033P1$r0m\\033\\\\d\\233e\\200f\\r\\n'; \
                printf '\\342\\200\\256rtl\\r\\n\\033[8;65535;65535t\\033[99999;99999Hcorner'; \
                head -c 20000 /dev/urandom; printf '\\033c\\033[Hok'";
    let process = shell(&bgp, "hostile", "40x6", line);
    bgp.run(["wait", &process.id]).code(0);
    for args in [
        &["screen", "hostile"][..],
        &["output", "-n", "0", "hostile"],
        &["status", "hostile"],
        &["list"],
    ] {
        let told = bgp.run(args).code(0).text();
        let bad = told
            .chars()
            .find(|c| c.is_control() && *c != '\n' && *c != '\t');
        assert_eq!(bad, None, "{args:?}: {told:?}");
    }
    let told = screen(&bgp, "hostile");
    assert_eq!(told["size"], serde_json::json!({"columns": 40, "rows": 6}));
}
