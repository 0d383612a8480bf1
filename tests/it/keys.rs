//! Keys by their names: to programs with a terminal, and the bytes of them to pipes.

use std::fs;

use crate::harness::Sandbox;

/// Waits until the output holds `wanted`.
#[track_caller]
fn wait_for(bgp: &Sandbox, id: &str, wanted: &str) {
    bgp.wait_until(&format!("{id} writes {wanted:?}"), || {
        bgp.output(id).contains(wanted).then_some(())
    });
}

#[test]
fn keys_arrive_in_the_order_in_which_they_were_named() {
    let bgp = Sandbox::new();
    let line = "stty raw -echo; echo ready; head -c 24 >got";
    let process = bgp.start_with(&["-n", "raw", "--pty"], ["sh", "-c", line]);
    bgp.ready(&process);
    bgp.run([
        "send",
        "raw",
        "--key",
        "C-a C-z Enter",
        "--key",
        "Up",
        "--key",
        "M-x q",
    ])
    .code(0)
    .stdout("Sent 9 bytes to raw\n");
    bgp.run(["send", "--key=F5 PageUp", "raw", "--key", "S-Tab Home"])
        .code(0);
    bgp.run(["wait", "raw"]).code(0);
    let got = fs::read(bgp.dir().join("got")).unwrap();
    assert_eq!(
        got.escape_ascii().to_string(),
        r"\x01\x1a\r\x1b[A\x1bxq\x1b[15~\x1b[5~\x1b[Z\x1b[H"
    );
}

#[test]
fn cursor_keys_have_the_form_that_the_program_asked_for() {
    let bgp = Sandbox::new();
    let line = "stty raw -echo; printf '\\033[?1hready\\r\\n'; head -c 3 >first; \
                printf '\\033[?1lnormal\\r\\n'; head -c 3 >second";
    let process = bgp.start_with(&["-n", "keys", "--pty"], ["sh", "-c", line]);
    bgp.ready(&process);
    bgp.run(["send", "keys", "--key", "Up"]).code(0);
    wait_for(&bgp, "keys", "normal");
    bgp.run(["send", "keys", "--key", "Up"]).code(0);
    bgp.run(["wait", "keys"]).code(0);
    assert_eq!(fs::read(bgp.dir().join("first")).unwrap(), b"\x1bOA");
    assert_eq!(fs::read(bgp.dir().join("second")).unwrap(), b"\x1b[A");
}

#[test]
fn control_c_interrupts_what_runs_in_the_foreground() {
    let bgp = Sandbox::new();
    let line = "trap 'echo interrupted' INT; echo ready; while :; do sleep 0.05; done";
    let process = bgp.start_with(&["-n", "loop", "--pty"], ["sh", "-c", line]);
    bgp.ready(&process);
    bgp.run(["send", "loop", "--key", "C-c"]).code(0);
    wait_for(&bgp, "loop", "^Cinterrupted");
    bgp.run(["stop", "loop"]).code(0);
}

#[test]
fn a_pipe_gets_the_bytes_and_enter_is_a_newline() {
    let bgp = Sandbox::new();
    bgp.start("cat", ["sh", "-c", "cat >got"]);
    bgp.run(["send", "cat", "--key", "h i Enter Tab C-d", "--eof"])
        .code(0)
        .stdout("Sent 5 bytes to cat, and closed its stdin\n");
    bgp.run(["wait", "cat"]).code(0);
    assert_eq!(fs::read(bgp.dir().join("got")).unwrap(), b"hi\n\t\x04");
}

#[test]
fn what_is_no_key_is_refused_with_a_list_of_those_there_are() {
    let bgp = Sandbox::new();
    bgp.start("cat", ["cat"]);
    let told = bgp
        .run(["send", "cat", "--key", "Up Entr"])
        .failed(2)
        .errors();
    assert!(
        told.contains("'Entr' is not a key") && told.contains("did you mean Enter?"),
        "{told}"
    );
    for key in [
        "C-a",
        "Enter",
        "Up",
        "PageDown",
        "F1 to F12",
        "BSpace",
        "DC",
        "M-x",
    ] {
        assert!(told.contains(key), "{key}: {told}");
    }
    for args in [
        &["text", "--key", "Up"][..],
        &["--key", ""],
        &["--key", "Up", "-n"],
        &["--key", "Up", "--file", "-"],
        &["--key", "F13"],
    ] {
        bgp.run([&["send", "cat"], args].concat()).failed(2);
    }
    assert_eq!(bgp.output("cat"), "");
}
