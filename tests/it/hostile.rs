//! Strangers and impostors on the control socket, of either side.
//!
//! | rows | here |
//! |---|---|
//! | F16 | another version of the protocol |
//! | F17 | random bytes, half messages, endless lengths, crowds that say nothing |
//! | D18 | a socket whose supervisor was killed, or that does not answer |

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{Proc, Sandbox, connect, listen, script};
use crate::invocation::Running;
use crate::proc;

fn socket(bgp: &Sandbox, process: &Proc) -> PathBuf {
    bgp.state().join(format!("run/{}.sock", process.id))
}

/// A frame of the protocol: a length, a kind, a payload.
fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 1).unwrap().to_le_bytes();
    [&length[..], &[kind], payload].concat()
}

fn hello(low: u32, high: u32) -> Vec<u8> {
    let payload = [
        b"BGPCTL\r\n",
        &low.to_le_bytes()[..],
        &high.to_le_bytes(),
        &[7; 32],
    ]
    .concat();
    frame(1, &payload)
}

// F17
#[test]
fn strangers_on_the_socket_hold_nobody_up() {
    let bgp = Sandbox::new();
    let line = "while read -r word; do echo \"got $word\"; done";
    let web = bgp.start("web", ["/bin/sh", "-c", line]);
    let supervisor = web.supervisor();
    let long_frame = [&u32::MAX.to_le_bytes()[..], &[2], &[0; 4096]].concat();
    let gibibyte = [&(1_u32 << 30).to_le_bytes()[..], &[4]].concat();
    let mut held = Vec::new();
    for bytes in [
        vec![],
        vec![0],
        vec![0, 0, 0, 0],
        (0..60_000)
            .map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect(),
        frame(2, &[1; 20]),
        frame(2, &[1; 68]),
        frame(4, b"{\"do\":\"stop\",\"reason\":\"stop\",\"graceMs\":0}"),
        frame(6, b"\x03\0\0\0\0not typed\n"),
        frame(99, b"?"),
        long_frame,
        gibibyte,
        hello(1, 1),
    ] {
        let mut stranger = connect(&socket(&bgp, &web)).unwrap();
        let _ = stranger.write_all(&bytes); // it may be thrown out before all is written
        held.push(stranger);
    }
    for _ in 0..200 {
        held.push(connect(&socket(&bgp, &web)).unwrap());
        if held.len() > 100 {
            held.remove(0);
        }
    }
    bgp.run(["send", "web", "hello"]).code(0);
    bgp.wait_until("it answers", || {
        (bgp.output("web") == "got hello\n").then_some(())
    });
    let resident = proc::status_line(supervisor, "VmRSS").unwrap();
    let kib: u64 = resident.trim_end_matches(" kB").trim().parse().unwrap();
    assert!(kib < 16 * 1024, "the supervisor has {kib} KiB");
    assert_eq!(web.supervisor(), supervisor, "it lives");
    bgp.run(["stop", "web"]).code(0);
    assert_eq!(bgp.output("web"), "got hello\n", "nothing else was typed");
}

// F17
#[test]
fn a_crowd_that_comes_again_and_again_does_not_keep_a_stop_away() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["cat"]);
    let path = socket(&bgp, &web);
    let crowd = thread::spawn(move || {
        let mut held = Vec::new();
        while let Ok(stranger) = connect(&path) {
            held.push(stranger);
            if held.len() > 50 {
                held.remove(0);
            }
        }
    });
    let stopped = Running::begin(&mut bgp.command(["stop", "web"])).finish();
    stopped.code_in(&[0, 1]); // a hint at what to do, or done; never a hang
    if proc::alive(web.pid) {
        proc::kill(web.supervisor(), Signal::SIGTERM); // as the hint says
    }
    bgp.wait_for_supervisor_end(&web.id);
    crowd.join().unwrap();
}

/// Takes the socket's place, and answers everybody so.
fn impostor(bgp: &Sandbox, process: &Proc, answer: Vec<Vec<u8>>, clients: usize) -> JoinHandle<()> {
    let path = socket(bgp, process);
    fs::rename(&path, path.with_extension("real")).unwrap();
    let listener = listen(&path);
    crate::harness::set_mode(&path, 0o600);
    thread::spawn(move || {
        for _ in 0..clients {
            let (mut client, _) = listener.accept().unwrap();
            for part in &answer {
                let _ = client.write_all(part);
                if part.len() > 5 && part[4] == 1 {
                    let _ = client.read(&mut [0; 128]); // his proof
                }
            }
            let _ = client.set_read_timeout(Some(Duration::from_secs(10)));
            let _ = client.read(&mut [0; 16]); // until he goes
        }
    })
}

fn put_back(bgp: &Sandbox, process: &Proc) {
    let path = socket(bgp, process);
    fs::rename(path.with_extension("real"), &path).unwrap();
}

// F16: what cannot be typed is told; what must not be out of reach, a stop, is asked for by a signal
#[test]
fn a_supervisor_of_another_version_is_said_to_be_one_and_can_be_stopped() {
    let bgp = Sandbox::new();
    let options = ["--name", "web", "--grace", "200ms"];
    let web = bgp.start_with(&options, [script("stubborn-member.sh")]);
    let pids = bgp.ready(&web);
    let supervisor = web.supervisor();
    let other = impostor(&bgp, &web, vec![hello(7, 9)], 2);
    let told = bgp.run(["send", "web", "x"]).failed(1).errors();
    assert!(told.contains("versions 7 to 9"), "{told}");
    assert!(told.contains(&format!("kill {supervisor}")), "{told}");
    let status = bgp.status("web"); // which needs no socket
    assert_eq!(status["status"], "running");
    bgp.run(["stop", "web"]).code(0);
    other.join().unwrap();
    assert!(!pids.iter().any(|pid| proc::alive(*pid)), "all of the tree");
    let status = bgp.status("web");
    assert_eq!(status["reason"], "supervisor-terminated");
    bgp.run(["verify", "web"]).code(0);
}

// F17
#[test]
fn who_cannot_prove_to_be_the_supervisor_is_told_nothing() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["cat"]);
    let answers = vec![hello(1, 1), frame(3, &[9; 32])];
    let other = impostor(&bgp, &web, answers, 2);
    for args in [&["send", "web", "secret"][..], &["stop", "web"]] {
        bgp.run(args).failed(13);
    }
    other.join().unwrap();
    put_back(&bgp, &web);
    bgp.run(["stop", "web"]).code(0);
    assert_eq!(bgp.output("web"), "");
}

// D18
#[test]
fn a_socket_where_nobody_answers_is_waited_for_two_seconds() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["cat"]);
    let silent = impostor(&bgp, &web, vec![], 2);
    let pid = format!("pid {}", web.supervisor());
    for args in [&["send", "web", "x"][..], &["stop", "web"]] {
        let begun = Instant::now();
        bgp.run(args).failed(1).stderr_has(&pid);
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "{:?}",
            begun.elapsed()
        );
    }
    silent.join().unwrap();
    put_back(&bgp, &web);
    bgp.run(["stop", "web"]).code(0);
}

// D18
#[test]
fn the_socket_of_a_killed_supervisor_misleads_nobody_and_goes_with_it() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["cat"]);
    proc::kill(web.supervisor(), Signal::SIGKILL);
    bgp.wait_for_supervisor_end(&web.id);
    let path = socket(&bgp, &web);
    assert!(path.exists(), "nobody was there to remove it");
    bgp.run(["list"]).code(0).stdout_has("lost");
    bgp.run(["send", "web", "x"]).failed(5);
    bgp.wait_until("its leader is gone", || {
        (!proc::alive(web.pid)).then_some(())
    });
    bgp.run(["stop", "web"]).failed(5);
    let again = bgp.run(["restart", "--json", "web"]).code(0).json();
    assert_ne!(again["process"]["id"], web.id.as_str());
    bgp.run(["send", "web", "x"]).code(0);
    bgp.run(["clear", &web.id]).code(0);
    assert!(!path.exists());
}
