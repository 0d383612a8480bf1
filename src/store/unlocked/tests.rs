//! The store as a whole: made once, opened with its password only, and whole after every crash.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::*;
use crate::store::dir::{STATE, Sub};
use crate::testing::TempDir;

fn environment(dir: &Path, password: &str) -> Environment {
    Environment::new([
        ("BGP_DIR", dir.as_os_str()),
        ("BG_PASSWORD", password.as_ref()),
        ("BGP_KEY_CACHE", "off".as_ref()),
        ("BGP_TEST_ITERATIONS", "1000".as_ref()),
    ])
}

fn kind<T>(result: Result<T, Error>) -> Kind {
    match result {
        Err(error) => error.kind,
        Ok(_) => panic!("it succeeded"),
    }
}

/// The bytes of all files, by name.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            (entry.file_name().into_string().unwrap(), bytes)
        })
        .collect();
    all.sort();
    all
}

#[test]
fn looking_at_a_fresh_place_asks_for_nothing_and_writes_nothing() {
    let temp = TempDir::new();
    let dir = temp.path().join("bgp");
    let no_password = Environment::new([("BGP_DIR", &dir)]);
    assert!(Store::open_existing(&no_password).unwrap().is_none());
    assert!(!dir.exists());
    let made = Environment::new([("BGP_DIR", temp.path())]);
    assert!(Store::open_existing(&made).unwrap().is_none());
    assert!(!forget_key(&made).unwrap());
    assert!(contents(temp.path()).is_empty());
}

#[test]
fn without_a_password_nothing_is_made() {
    let temp = TempDir::new();
    let dir = temp.path().join("bgp");
    assert_eq!(
        kind(Store::open_or_create(&environment(&dir, ""))),
        Kind::NoPassword
    );
    assert!(!dir.exists());
}

#[test]
fn a_store_opens_with_its_password_and_another_leaves_it_as_it_is() {
    let temp = TempDir::new();
    let right = environment(temp.path(), "right");
    let made = Store::open_or_create(&right).unwrap();
    assert_eq!(made.read_state().unwrap().generation, 1);
    let before = contents(temp.path());
    let names: Vec<&str> = before.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, [KEY, STATE, LOCK].map(|name| name));
    let wrong = environment(temp.path(), "wrong");
    assert_eq!(kind(Store::open_existing(&wrong)), Kind::WrongPassword);
    assert_eq!(kind(Store::open_or_create(&wrong)), Kind::WrongPassword);
    assert_eq!(contents(temp.path()), before);
    let opened = Store::open_existing(&right).unwrap().unwrap();
    assert_eq!(opened.keys().store(), made.keys().store());
    assert_eq!(contents(temp.path()), before);
}

#[test]
fn of_many_first_starts_one_makes_the_key_and_all_use_it() {
    let temp = TempDir::new();
    let dir = temp.path().join("bgp");
    let stores: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| Store::open_or_create(&environment(&dir, "same")).unwrap()))
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    let id = stores[0].keys().store();
    assert!(stores.iter().all(|store| store.keys().store() == id));
    assert_eq!(stores[0].read_state().unwrap().generation, 1);
}

#[test]
fn of_two_first_starts_with_two_passwords_one_wins() {
    let temp = TempDir::new();
    let opened: Vec<bool> = std::thread::scope(|scope| {
        let start = |password| {
            let environment = environment(temp.path(), password);
            move || match Store::open_or_create(&environment) {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.kind, Kind::WrongPassword);
                    false
                }
            }
        };
        let starts = [scope.spawn(start("one")), scope.spawn(start("two"))];
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
}

#[test]
fn a_missing_key_is_never_made_anew_over_what_it_opened() {
    let temp = TempDir::new();
    let environment = environment(temp.path(), "p");
    let store = Store::open_or_create(&environment).unwrap();
    fs::remove_file(temp.path().join(KEY)).unwrap();
    let refused = || {
        let before = contents(temp.path());
        for result in [
            Store::open_existing(&environment).map(drop),
            Store::open_or_create(&environment).map(drop),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind, Kind::Damaged);
            assert!(error.hint.unwrap().contains("bgp repair"));
        }
        assert_eq!(contents(temp.path()), before);
    };
    refused();
    store
        .dir()
        .make_sub(Sub::Logs)
        .unwrap()
        .create_new("x.log.enc")
        .unwrap();
    fs::remove_file(temp.path().join(STATE)).unwrap();
    refused();
}

#[test]
fn a_missing_state_is_made_before_anything_else_can_be() {
    let temp = TempDir::new();
    let environment = environment(temp.path(), "p");
    Store::open_or_create(&environment).unwrap();
    fs::remove_file(temp.path().join(STATE)).unwrap();
    let store = Store::open_or_create(&environment).unwrap();
    assert!(temp.path().join(STATE).exists());
    store
        .dir()
        .make_sub(Sub::Logs)
        .unwrap()
        .create_new("x.log.enc")
        .unwrap();
    fs::remove_file(temp.path().join(STATE)).unwrap();
    assert_eq!(kind(Store::open_or_create(&environment)), Kind::Damaged);
}

#[test]
fn who_has_the_lock_changes_the_state_and_others_read_it() {
    let temp = TempDir::new();
    let store = Store::open_or_create(&environment(temp.path(), "p")).unwrap();
    let mut locked = store.lock().unwrap();
    locked.state.next_number = 5;
    assert!(store.try_lock().unwrap().is_none());
    assert_eq!(store.read_state().unwrap().next_number, 1);
    locked.save().unwrap();
    assert_eq!(store.read_state().unwrap().next_number, 5);
    drop(locked);
    let locked = store.lock().unwrap();
    assert_eq!((locked.state.generation, locked.state.next_number), (2, 5));
}

#[test]
fn a_new_password_opens_all_that_the_old_one_did() {
    let temp = TempDir::new();
    let old = environment(temp.path(), "old");
    let store = Store::open_or_create(&old).unwrap();
    let log = crate::model::id::Id([3; 16]);
    let new = Password::new(Zeroizing::new(b"new".to_vec())).unwrap();
    store.change_password(&new, &old).unwrap();
    store.lock().unwrap().save().unwrap(); // what is open goes on
    assert_eq!(kind(Store::open_existing(&old)), Kind::WrongPassword);
    let opened = Store::open_existing(&environment(temp.path(), "new"))
        .unwrap()
        .unwrap();
    assert_eq!(opened.read_state().unwrap().generation, 2);
    let keys = [&store, &opened].map(|store| store.keys().log_key(log));
    assert_eq!(keys[0].expose(), keys[1].expose());
}

#[test]
fn of_two_who_change_the_password_at_once_one_is_told_that_he_did_not() {
    let temp = TempDir::new();
    let old = environment(temp.path(), "old");
    let store = Store::open_or_create(&old).unwrap();
    let other = Store::open_existing(&old).unwrap().unwrap();
    let password = |text: &[u8]| Password::new(Zeroizing::new(text.to_vec())).unwrap();
    store.change_password(&password(b"one"), &old).unwrap();
    let refused = other.change_password(&password(b"two"), &old);
    assert_eq!(kind(refused), Kind::WrongPassword);
    assert!(Store::open_existing(&environment(temp.path(), "one")).is_ok());
}

#[test]
fn planted_files_are_refused_at_once() {
    let begin = Instant::now();
    for name in [KEY, STATE, LOCK, "key.tmp", "processes.json.enc.tmp"] {
        for plant in ["link", "fifo", "hard link", "directory", "mode"] {
            let temp = TempDir::new();
            let environment = environment(temp.path(), "p");
            let store = Store::open_or_create(&environment).unwrap();
            let path = temp.path().join(name);
            let away = temp.path().join("away");
            fs::write(&away, "").unwrap();
            fs::rename(&path, &away).ok();
            fs::set_permissions(&away, fs::Permissions::from_mode(0o600)).unwrap();
            match plant {
                "link" => symlink(&away, &path).unwrap(),
                "fifo" => nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap(),
                "hard link" => fs::hard_link(&away, &path).unwrap(),
                "directory" => fs::create_dir(&path).unwrap(),
                _ => {
                    fs::rename(&away, &path).unwrap();
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
                }
            }
            let new = Password::new(Zeroizing::new(b"new".to_vec())).unwrap();
            let result = match name {
                KEY => Store::open_existing(&environment).map(drop),
                "key.tmp" => store.change_password(&new, &environment),
                _ => store.lock().and_then(|mut locked| locked.save()),
            };
            assert_eq!(kind(result), Kind::Unsafe, "{name}: {plant}");
        }
    }
    assert!(begin.elapsed() < Duration::from_secs(20), "something hung");
}

/// Not a test by itself: what [`a_full_disk_leaves_the_old_state`] runs where nothing can be written.
#[test]
fn a_child_that_cannot_save() {
    let Ok(dir) = std::env::var("BGP_TEST_FULL") else {
        return;
    };
    let environment = environment(Path::new(&dir), "p");
    let store = Store::open_or_create(&environment).unwrap();
    let mut locked = store.lock().unwrap();
    locked.state.next_number = 7;
    for _ in 0..2 {
        assert_eq!(kind(locked.save()), Kind::Storage);
        assert_eq!(locked.state.generation, 1);
    }
    let new = Password::new(Zeroizing::new(b"new".to_vec())).unwrap();
    drop(locked);
    assert_eq!(
        kind(store.change_password(&new, &environment)),
        Kind::Storage
    );
}

#[test]
fn a_full_disk_leaves_the_old_state() {
    let temp = TempDir::new();
    let environment = environment(temp.path(), "p");
    Store::open_or_create(&environment).unwrap();
    let before = contents(temp.path());
    let status = Command::new("/bin/sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "store::unlocked::tests::a_child_that_cannot_save",
        ])
        .env("BGP_TEST_FULL", temp.path())
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(contents(temp.path()), before);
}

/// Not a test by itself: what [`a_crash_at_any_moment_leaves_the_old_or_the_new`] runs and kills.
#[test]
fn a_child_that_makes_a_store_and_saves_twice() {
    let Ok(dir) = std::env::var("BGP_TEST_STORE") else {
        return;
    };
    let environment = environment(Path::new(&dir), "p");
    let store = Store::open_or_create(&environment).unwrap();
    let mut locked = store.lock().unwrap();
    locked.state.next_number = 7;
    locked.save().unwrap();
    let new = Password::new(Zeroizing::new(b"new".to_vec())).unwrap();
    drop(locked);
    store.change_password(&new, &environment).unwrap();
}

#[test]
fn a_crash_at_any_moment_leaves_the_old_or_the_new() {
    let mut moments = vec!["key-made".to_owned(), "never".to_owned()];
    for name in ["created", "written", "synced", "renamed"] {
        // In turn: the key, the empty state, the state, the key under the new password.
        moments.extend((1..=4).map(|hit| format!("replace-{name}:{hit}")));
    }
    for moment in moments {
        let temp = TempDir::new();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--test-threads=1"])
            .arg("store::unlocked::tests::a_child_that_makes_a_store_and_saves_twice")
            .env("BGP_TEST_STORE", temp.path())
            .env("BGP_CRASH_AT", &moment)
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        let killed = moment != "never";
        assert_eq!(status.signal(), killed.then_some(libc::SIGKILL), "{moment}");
        let open = |password| Store::open_or_create(&environment(temp.path(), password));
        let store = open("p").or_else(|_| open("new")).expect(&moment);
        let state = store.read_state().expect(&moment);
        assert!(matches!(state.next_number, 1 | 7), "{moment}");
        if !killed {
            assert!(open("p").is_err() && state.next_number == 7);
        }
        // The next one goes on as if nothing had been.
        store.lock().unwrap().save().expect(&moment);
        let new = Password::new(Zeroizing::new(b"third".to_vec())).unwrap();
        store
            .change_password(&new, &environment(temp.path(), ""))
            .expect(&moment);
        open("third").expect(&moment);
        let left = contents(temp.path());
        let names: Vec<&str> = left.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, [KEY, STATE, LOCK], "{moment}");
    }
}
