//! What the README's threat model promises, from the side of the one who tries.
//!
//! | rows | here |
//! |---|---|
//! | B15 E12 E14 | another user, or a process of the same one, looks into a supervisor |
//! | E13 E16 E19 | where keys go, what a panic tells, no random numbers |
//! | F11 G10 | names of files tell no name |
//! | F17 | peers without the key, a proof used again, a thousand who say nothing |
//!
//! Many of its promises are held elsewhere: the table in the README names each test.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;

use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use hkdf::Hkdf;
use nix::sys::signal::Signal;
use sha2::Sha256;

use crate::harness::{DEADLINE, PASSWORD, Proc, Sandbox, files_below, set_mode};
use crate::invocation::{Running, finish};
use crate::proc;
use crate::user::User;

fn socket(bgp: &Sandbox, process: &Proc) -> PathBuf {
    bgp.state().join(format!("run/{}.sock", process.id))
}

/// Connects with a limit on how long is waited for anything.
fn connect(path: &Path) -> UnixStream {
    let stream = crate::harness::connect(path).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// All that comes until the other end closes.
fn to_end(mut stream: UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Closed with something unread is a reset: an end as well.
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    bytes
}

/// The length of the supervisor's hello and of a client's proof, as the README draws them.
const HELLO_BYTES: usize = 4 + 1 + 8 + 4 + 4 + 32;
const PROOF_BYTES: usize = 4 + 1 + 4 + 32 + 32;

// E12 E14
#[test]
fn a_process_of_the_same_user_cannot_look_into_a_supervisor() {
    let user = User::new();
    let web = user.start("web", ["sleep", "60"]);
    let supervisor = web.supervisor();
    // ptrace(2) is call 101 of x86_64, PTRACE_ATTACH is 16; the command itself can be attached to.
    let line = format!(
        "for file in environ mem maps fd/0 cwd auxv; do \
            {{ head -c 1 /proc/{supervisor}/$file || ls /proc/{supervisor}/$file/; }} >/dev/null 2>&1 && echo $file; \
         done; head -c 1 /proc/{}/environ >/dev/null || echo cannot look at all; \
         [ \"$(uname -m)\" != x86_64 ] || perl -e 'print qq(ptrace\\n) if syscall(101, 16, {supervisor}, 0, 0) != -1'",
        web.pid
    );
    user.sh(&line).code(0).stdout("").stderr("");
    assert_eq!(web.supervisor(), supervisor);
}

// B15
#[test]
fn another_user_is_not_even_greeted() {
    let user = User::new();
    if proc::pass_over(!proc::is_root(), "only root can go to another's socket") {
        return;
    }
    let web = user.start("web", ["sleep", "60"]);
    // This is root, whom the modes of the files do not stop.
    assert_eq!(
        to_end(connect(&socket(&user.bgp, &web))),
        b"",
        "root was greeted"
    );
    let line = "perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un(shift)) or die; \
        sysread(S, $_, 100); print length' \"$0\"";
    let mut greeted = user.foreign("/bin/sh");
    greeted.args(["-c", line, &format!("{}.sock", web.id)]);
    let outcome = finish(greeted.current_dir(user.bgp.state().join("run"))).code(0);
    outcome.stdout(&HELLO_BYTES.to_string());
    // Nor has he a way around: the directory is another's.
    user.bgp.run(["stop", "web"]).failed(14);
    user.run(["stop", "web"]).code(0);
}

// F17
#[test]
fn a_peer_without_the_key_is_dropped_without_a_word() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["cat"]);
    let path = socket(&bgp, &web);
    let stop = b"{\"do\":\"stop\",\"reason\":\"stop\",\"graceMs\":0}";
    let request = [
        &[u8::try_from(stop.len() + 1).unwrap(), 0, 0, 0, 4],
        &stop[..],
    ]
    .concat();
    let mut proof = vec![69, 0, 0, 0, 2, 1, 0, 0, 0];
    proof.resize(PROOF_BYTES, 7);
    let mut answers = Vec::new();
    for said in [
        [&proof[..], &request].concat(),
        request.clone(),
        [&proof[..40], &request, &proof].concat(),
        vec![0; 100],
        vec![0xff; 100],
    ] {
        let mut stranger = connect(&path);
        let mut hello = [0; HELLO_BYTES];
        stranger.read_exact(&mut hello).unwrap();
        let _ = stranger.write_all(&said);
        answers.push(to_end(stranger));
    }
    assert!(answers.iter().all(Vec::is_empty), "{answers:?}");
    assert!(proc::alive(web.pid));
    bgp.run(["stop", "web"]).code(0);
}

// F17: what a client has said once proves nothing the next time
#[test]
fn a_proof_cannot_be_used_again() {
    let bgp = Sandbox::new();
    let web = bgp.start("web", ["cat"]);
    let (path, real) = (socket(&bgp, &web), bgp.dir().join("real.sock"));
    fs::rename(&path, &real).unwrap();
    let listener = crate::harness::listen(&path);
    set_mode(&path, 0o600);
    let between = {
        let real = real.clone();
        thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut supervisor = connect(&real);
            let mut hello = [0; HELLO_BYTES];
            supervisor.read_exact(&mut hello).unwrap();
            client.write_all(&hello).unwrap();
            let mut proof = [0; PROOF_BYTES];
            client.read_exact(&mut proof).unwrap();
            supervisor.write_all(&proof).unwrap();
            let mut welcome = [0; 37];
            supervisor.read_exact(&mut welcome).unwrap(); // it was the right one
            proof
        })
    };
    bgp.run(["send", "web", "x"]);
    let proof = between.join().unwrap();
    let mut again = connect(&real);
    let mut hello = [0; HELLO_BYTES];
    again.read_exact(&mut hello).unwrap();
    again.write_all(&proof).unwrap();
    assert_eq!(to_end(again), b"", "it was let in");
    fs::rename(&real, &path).unwrap();
    bgp.run(["stop", "web"]).code(0);
    assert_eq!(bgp.output("web"), "");
}

// F17
#[test]
fn a_thousand_who_connect_and_say_nothing_hold_nobody_up() {
    let bgp = Sandbox::new();
    let line = "n=0; while :; do n=$((n + 1)); echo \"line $n\"; sleep 0.05; done";
    let web = bgp.start("web", ["/bin/sh", "-c", line]);
    let supervisor = web.supervisor();
    let crowd = "my @all; for (1 .. 1000) { socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die $!; \
        connect($s, sockaddr_un($ARGV[0])) or die $!; push @all, $s } \
        $| = 1; print qq(ready\\n); sleep 60";
    let mut crowded = bgp.foreign("/bin/sh");
    crowded.args([
        "-c",
        "ulimit -n 1100; exec perl -MSocket -e \"$0\" \"$1\"",
        crowd,
        &format!("{}.sock", web.id),
    ]);
    let crowd = Running::begin(crowded.current_dir(bgp.state().join("run")));
    bgp.wait_until("a thousand are connected", || {
        (crowd.stdout() == "ready\n").then_some(())
    });
    let before = bgp.output("web").len();
    bgp.wait_until("its output goes on", || {
        (bgp.output("web").len() > before + 20).then_some(())
    });
    let resident = proc::status_line(supervisor, "VmRSS").unwrap();
    let kib: u64 = resident.trim_end_matches(" kB").trim().parse().unwrap();
    assert!(kib < 16 * 1024, "the supervisor has {kib} KiB");
    bgp.run(["signal", "web", "CONT"]).code(0);
    bgp.run(["stop", "web"]).code(0);
    proc::kill(crowd.pid(), Signal::SIGKILL);
}

// E14
#[test]
fn a_supervisor_that_crashes_leaves_no_core() {
    let bgp = Sandbox::new();
    let place = bgp.dir().join("place");
    fs::create_dir(&place).unwrap();
    let line = "cd place; ulimit -c unlimited; \"$BGP\" start --name crashes sh -c 'kill -SEGV $$'; \
        exec \"$BGP\" start --name web sleep 60";
    bgp.sh(line).code(0);
    bgp.run(["wait", "crashes"]).code(139);
    let web = Proc::from_json(&bgp.status("web"));
    let supervisor = web.supervisor();
    bgp.wait_until("the supervisor has crashed", || {
        // The first one is taken by a handler that looks for a full stack, and lets the next one through.
        proc::kill(supervisor, Signal::SIGSEGV);
        (!proc::alive(supervisor)).then_some(())
    });
    let cores = |dir: &Path| -> Vec<String> {
        let names = crate::harness::file_names(dir);
        let of_it = |name: &String| name.starts_with("core") && name.contains("bgp");
        names.into_iter().filter(of_it).collect()
    };
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    let in_place = crate::harness::file_names(&place);
    if proc::pass_over(
        pattern.starts_with(['/', '|']) || in_place.is_empty(),
        "core files are not written where a command runs",
    ) {
        return;
    }
    assert_eq!(in_place.len(), 1, "the command's own core, and no other");
    assert_eq!(cores(Path::new("/")), Vec::<String>::new());
    let plain = fs::symlink_metadata("/core").and_then(|core| core.modified());
    let fresh = plain.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < DEADLINE));
    assert!(!fresh, "there is a fresh /core");
    bgp.wait_status("web", "lost");
}

/// The keys of the sandboxes' store, made from the layouts in the README alone.
struct Opened {
    master: [u8; 32],
}

fn derive(key: &[u8], salt: &[u8], label: &str) -> [u8; 32] {
    let mut derived = [0; 32];
    let expanded = Hkdf::<Sha256>::new(Some(salt), key);
    expanded.expand(label.as_bytes(), &mut derived).unwrap();
    derived
}

fn from_hex(text: &str) -> Vec<u8> {
    let digit = |n: usize| u8::from_str_radix(&text[n..n + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

impl Opened {
    fn of(bgp: &Sandbox) -> Self {
        let key = fs::read(bgp.state().join("key")).unwrap();
        let key: serde_json::Value = serde_json::from_slice(&key).unwrap();
        let field = |name: &str| from_hex(key[name].as_str().unwrap());
        let rounds = u32::try_from(key["iterations"].as_u64().unwrap()).unwrap();
        let (store, mut sealed) = (field("store"), field("sealed"));
        let mut kek = [0; 32];
        let salt = field("salt");
        pbkdf2::pbkdf2::<hmac::Hmac<Sha256>>(PASSWORD.as_bytes(), &salt, rounds, &mut kek).unwrap();
        let enc = derive(&kek, &store, "key enc");
        let end = sealed.len() - 32;
        let (iv, ct) = sealed[..end].split_at_mut(16);
        let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(&enc, iv).unwrap();
        let master = cipher.decrypt_padded::<Pkcs7>(ct).unwrap();
        Self {
            master: master.try_into().unwrap(),
        }
    }

    /// The one secret of a process's log, and its control key.
    fn of_log(&self, bgp: &Sandbox, id: &str) -> ([u8; 32], [u8; 32]) {
        let header = fs::read(bgp.log(id)).unwrap();
        let log = &header[16..32];
        let key = derive(&self.master, log, "log");
        (key, derive(&key, log, "control"))
    }
}

/// Each byte as two digits with `before` before them.
fn escaped(bytes: &[u8], before: &str) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut all, byte| {
        write!(all, "{before}{byte:02x}").unwrap();
        all
    })
}

/// All that a process could write to in its memory, and may be read.
fn memory(pid: i32) -> Vec<u8> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let [from, to] = [from, to].map(|hex| u64::from_str_radix(hex, 16).unwrap());
        let mut part = vec![0; usize::try_from(to - from).unwrap()];
        if memory.read_exact_at(&mut part, from).is_ok() {
            all.extend(part);
        }
    }
    all
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

// E12: what a supervisor has in its memory opens its own log and nothing else
#[test]
fn a_supervisors_memory_opens_nothing_but_its_own_log() {
    let bgp = Sandbox::new();
    if proc::pass_over(!proc::may_inspect(), proc::NO_LOOK_INSIDE) {
        return;
    }
    let (web, other) = (bgp.start("web", ["cat"]), bgp.start("other", ["cat"]));
    bgp.run(["send", "web", "hello"]).code(0);
    let opened = Opened::of(&bgp);
    let found = memory(web.supervisor());
    let ((own_key, own_control), theirs) =
        (opened.of_log(&bgp, &web.id), opened.of_log(&bgp, &other.id));
    assert!(contains(&found, &own_control), "this finds nothing");
    assert!(!contains(&found, &own_key), "made other keys of, and wiped");
    assert!(!contains(&found, PASSWORD.as_bytes()), "the password");
    assert!(!contains(&found, &opened.master), "the master key");
    assert!(!contains(&found, &theirs.0) && !contains(&found, &theirs.1));
}

// E13
#[test]
fn the_key_of_a_log_goes_over_the_socketpair_and_nowhere_else() {
    let bgp = Sandbox::new();
    let trace = bgp.dir().join("trace");
    let mut strace = bgp.foreign("strace");
    strace.args(["-f", "-y", "-xx", "-s", "200000", "-e"]);
    strace.arg("trace=execve,write,writev,pwrite64,pwritev,sendto,sendmsg,add_key,openat,mkdirat");
    strace.arg("-o").arg(&trace).arg(crate::harness::bin());
    strace.args(["start", "--name", "traced", "true"]);
    let traced = strace.output().is_ok_and(|output| output.status.success());
    if proc::pass_over(!traced, "there is no strace that may trace") {
        return;
    }
    bgp.run(["wait", "traced"]).code(0);
    let id = bgp.status("traced")["id"].as_str().unwrap().to_owned();
    let opened = Opened::of(&bgp);
    let (key, control) = opened.of_log(&bgp, &id);
    let escaped = |bytes: &[u8]| escaped(bytes, "\\x");
    let text = fs::read_to_string(&trace).unwrap();
    let readable = text.contains(&escaped(b"processes.lock")) || proc::may_inspect();
    if proc::pass_over(!readable, "strace may not read what it traces") {
        return;
    }
    let lines = |bytes: &[u8]| -> Vec<&str> {
        let wanted = escaped(bytes);
        text.lines().filter(|line| line.contains(&wanted)).collect()
    };
    let carried = lines(&key);
    assert_eq!(carried.len(), 1, "{carried:?}");
    // -xx writes the names of descriptors so as well.
    let socket = [escaped(b"socket:"), "socket:".to_owned(), "UNIX".to_owned()];
    let over_a_socket = socket.iter().any(|name| carried[0].contains(name));
    assert!(over_a_socket, "{carried:?}");
    for secret in [&opened.master[..], &control, PASSWORD.as_bytes()] {
        assert_eq!(lines(secret), Vec::<&str>::new());
    }
}

// E16
#[test]
fn a_panic_tells_no_secret() {
    if crate::harness::pass_over_a_release() {
        return;
    }
    let bgp = Sandbox::new();
    bgp.start_with(&["--name", "web", "-e", "SECRET=PLANTED"], ["true"]);
    let mut list = bgp.command(["list"]);
    list.env("BGP_PANIC_AT", "store-unlocked");
    let output = list.env("RUST_BACKTRACE", "full").output().unwrap();
    assert_eq!(output.status.code(), Some(101));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("panicked"), "{told}");
    let master = escaped(&Opened::of(&bgp).master, "");
    for secret in [PASSWORD, "PLANTED", "BG_PASSWORD", &master] {
        assert!(
            !told.to_lowercase().contains(&secret.to_lowercase()),
            "{told}"
        );
    }
    assert_eq!(output.stdout, b"");
}

// E19
#[test]
fn without_random_numbers_nothing_is_written_and_nothing_is_lost() {
    let bgp = Sandbox::new();
    if proc::pass_over(!proc::may_inspect(), proc::NO_LOOK_INSIDE) {
        return;
    }
    let line = "echo first; read go; echo second; read go; echo third";
    let web = bgp.start("web", ["sh", "-c", line]);
    bgp.wait_until("the first line", || {
        (bgp.output("web") == "first\n").then_some(())
    });
    let mut strace = bgp.foreign("strace");
    let trace = bgp.dir().join("trace");
    strace.arg("-o").arg(&trace);
    strace.args(["-e", "inject=getrandom:error=EIO", "-p"]);
    let missing = bgp.foreign("strace").arg("-V").output().is_err();
    if proc::pass_over(missing, "there is no strace") {
        return;
    }
    let mut tracer = Running::begin(strace.arg(web.supervisor().to_string()));
    let attached = bgp.wait_until("it traces, or may not", || {
        let by = proc::status_line(web.supervisor(), "TracerPid")?;
        let attached = by == tracer.pid().to_string();
        (attached || tracer.has_ended()).then_some(attached)
    });
    if proc::pass_over(!attached, "there is no strace that may trace") {
        return;
    }
    let length = || fs::metadata(bgp.log(&web.id)).unwrap().len();
    let before = length();
    // A client is greeted with a random number, so its own way in is closed as well; this one is not.
    fs::OpenOptions::new()
        .write(true)
        .open(format!("/proc/{}/fd/0", web.pid))
        .unwrap()
        .write_all(b"go\n")
        .unwrap();
    bgp.wait_until("it has asked for random numbers", || {
        let calls = fs::read_to_string(&trace).unwrap();
        calls.contains("(INJECTED)").then_some(())
    });
    assert_eq!(bgp.output("web"), "first\n", "it was sealed with what?");
    assert_eq!(length(), before);
    proc::kill(tracer.pid(), Signal::SIGTERM);
    bgp.wait_until("what was held is written", || {
        (bgp.output("web") == "first\nsecond\n").then_some(())
    });
    bgp.run(["send", "web", "go"]).code(0);
    bgp.run(["wait", "web"]).code(0);
    assert_eq!(bgp.output("web"), "first\nsecond\nthird\n");
    bgp.run(["verify", "web"]).code(0);
}

// F11 G10
#[test]
fn the_names_of_files_tell_no_name() {
    let bgp = Sandbox::new();
    let options = [
        "--name",
        "PLANTED",
        "--group",
        "PLANTED",
        "--session",
        "PLANTED",
    ];
    bgp.start_with(&options, ["sleep", "60"]);
    bgp.run(["output", "PLANTED", "--new", "--as", "PLANTED"])
        .code(0);
    let files = files_below(&bgp.state());
    assert!(files.len() > 5, "{files:?}");
    for path in files {
        let name = path.file_name().unwrap().as_bytes().to_ascii_uppercase();
        assert!(!contains(&name, b"PLANTED"), "{}", path.display());
    }
}
