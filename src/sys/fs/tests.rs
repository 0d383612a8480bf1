//! Private files: what is made, what is refused, and what a replaced file holds.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

use super::*;
use crate::testing::{TempDir, passed_over};

fn danger<T>(result: Result<T, Fault>) -> Option<Danger> {
    match result {
        Err(Fault {
            cause: Cause::Unsafe(danger),
            ..
        }) => Some(danger),
        Err(other) => panic!("{other:?}"),
        Ok(_) => None,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn what_is_made_is_ours_alone() {
    let temp = TempDir::new();
    let path = temp.path().join("a/b/c");
    let dir = Dir::create(&path).unwrap();
    dir.create_new("new").unwrap();
    dir.open_or_create("opened").unwrap();
    dir.replace("replaced", b"x").unwrap();
    dir.create_dir("sub").unwrap();
    for made in ["a", "a/b", "a/b/c", "a/b/c/sub"] {
        assert_eq!(mode(&temp.path().join(made)), 0o700, "{made}");
    }
    for made in ["new", "opened", "replaced"] {
        assert_eq!(mode(&dir.path(made)), 0o600, "{made}");
    }
    let mut names = dir.names().unwrap();
    names.sort();
    assert_eq!(names, ["new", "opened", "replaced", "sub"]);
}

/// The umask is of the whole process, so each has one of its own.
#[test]
fn what_is_made_is_ours_alone_whatever_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let status = std::process::Command::new("/bin/sh")
            .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "sys::fs::tests::what_is_made_is_ours_alone"])
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "umask {umask}");
    }
}

#[test]
fn what_is_not_there_is_none_and_stays_so() {
    let temp = TempDir::new();
    let dir = Dir::open(temp.path()).unwrap().unwrap();
    assert!(Dir::open(&temp.path().join("no/where")).unwrap().is_none());
    assert!(dir.open_dir("no").unwrap().is_none());
    assert!(dir.open_read("no").unwrap().is_none());
    assert!(dir.open_write("no").unwrap().is_none());
    assert!(dir.read("no", 10).unwrap().is_none());
    assert!(!dir.remove("no").unwrap());
    assert!(dir.names().unwrap().is_empty());
}

#[test]
fn a_directory_that_is_not_ours_alone_is_refused() {
    let temp = TempDir::new();
    let path = temp.path().join("dir");
    let open = || danger(Dir::open(&path));
    for bits in [0o710, 0o701, 0o750, 0o777, 0o1777] {
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(bits)).unwrap();
        assert_eq!(open(), Some(Danger::OpenDirectory(bits)));
        assert_eq!(
            danger(Dir::create(&path)),
            Some(Danger::OpenDirectory(bits))
        );
        fs::remove_dir(&path).unwrap();
    }
    symlink(temp.path(), &path).unwrap();
    assert_eq!(open(), Some(Danger::Symlink));
    fs::remove_file(&path).unwrap();
    symlink("nowhere", &path).unwrap();
    assert_eq!(open(), Some(Danger::Symlink));
    assert_eq!(danger(Dir::create(&path)), Some(Danger::Symlink));
    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    assert_eq!(open(), Some(Danger::NotADirectory));
}

#[test]
fn a_parent_where_anyone_may_rename_is_refused_unless_it_is_sticky() {
    let temp = TempDir::new();
    let (parent, path) = (temp.path().join("p"), temp.path().join("p/dir"));
    Dir::create(&path).unwrap();
    fs::set_permissions(&parent, Permissions::from_mode(0o777)).unwrap();
    assert_eq!(danger(Dir::open(&path)), Some(Danger::OpenParent(0o777)));
    fs::set_permissions(&parent, Permissions::from_mode(0o1777)).unwrap();
    assert_eq!(danger(Dir::open(&path)), None);
}

#[test]
fn what_belongs_to_another_is_refused() {
    if !geteuid().is_root() {
        passed_over("only root can give a file away");
        return;
    }
    let temp = TempDir::new();
    let dir = Dir::create(&temp.path().join("dir")).unwrap();
    dir.create_new("file").unwrap();
    chown(dir.path("file"), Some(65534), None).unwrap();
    assert_eq!(danger(dir.open_read("file")), Some(Danger::Owner(65534)));
    assert_eq!(danger(dir.replace("file", b"")), Some(Danger::Owner(65534)));
    chown(dir.own_path(), Some(65534), None).unwrap();
    assert_eq!(
        danger(Dir::open(dir.own_path())),
        Some(Danger::Owner(65534))
    );
}

/// Makes a socket; bind(2) has no room for the path of a deep directory, and mknod(2) makes one on Linux only.
fn socket_at(path: &Path) {
    #[cfg(target_os = "linux")]
    nix::sys::stat::mknod(path, SFlag::S_IFSOCK, FILE_MODE, 0).unwrap();
    #[cfg(not(target_os = "linux"))]
    drop(std::os::unix::net::UnixListener::bind(path).unwrap());
}

/// Puts something at a path.
type Plant<'a> = &'a dyn Fn(&Path);

/// Whatever stands in the place of a file is refused at once: nothing is followed, and nothing hangs.
#[test]
fn whatever_is_planted_in_the_place_of_a_file_is_refused() {
    let temp = TempDir::new();
    let dir = Dir::open(temp.path()).unwrap().unwrap();
    dir.replace("good", b"secret").unwrap();
    let plants: [(&str, Plant, Danger); 8] = [
        (
            "link",
            &|path| symlink("good", path).unwrap(),
            Danger::Symlink,
        ),
        (
            "dangling",
            &|path| symlink("no", path).unwrap(),
            Danger::Symlink,
        ),
        (
            "hard link",
            &|path| fs::hard_link(dir.path("good"), path).unwrap(),
            Danger::HardLinks(2),
        ),
        (
            "FIFO",
            &|path| nix::unistd::mkfifo(path, FILE_MODE).unwrap(),
            Danger::NotAFile,
        ),
        (
            "directory",
            &|path| fs::create_dir(path).unwrap(),
            Danger::NotAFile,
        ),
        ("socket", &socket_at, Danger::NotAFile),
        (
            "open to the group",
            &|path| made(path, 0o640),
            Danger::OpenFile(0o640),
        ),
        (
            "open to others",
            &|path| made(path, 0o602),
            Danger::OpenFile(0o602),
        ),
    ];
    for (what, plant, expected) in plants {
        plant(&dir.path("file"));
        for found in [
            danger(dir.open_read("file")),
            danger(dir.open_write("file")),
            danger(dir.read("file", 100)),
            danger(dir.open_or_create("file")),
            danger(dir.replace("file", b"new")),
        ] {
            assert_eq!(found, Some(expected), "{what}");
        }
        fs::rename(dir.path("file"), dir.path("file.tmp")).unwrap();
        assert_eq!(
            danger(dir.replace("file", b"new")),
            Some(expected),
            "{what}"
        );
        assert!(!dir.path("file").exists());
        if fs::remove_file(dir.path("file.tmp")).is_err() {
            fs::remove_dir(dir.path("file.tmp")).unwrap();
        }
    }
    assert_eq!(dir.read("good", 100).unwrap().unwrap(), b"secret");
    symlink(temp.path(), dir.path("sub")).unwrap();
    assert_eq!(danger(dir.open_dir("sub")), Some(Danger::Symlink));
    assert_eq!(danger(dir.create_dir("sub")), Some(Danger::Symlink));
}

fn made(path: &Path, bits: u32) {
    fs::write(path, "").unwrap();
    fs::set_permissions(path, Permissions::from_mode(bits)).unwrap();
}

#[test]
fn a_file_is_replaced_whole_and_a_leftover_is_removed() {
    let temp = TempDir::new();
    let dir = Dir::open(temp.path()).unwrap().unwrap();
    dir.replace("file", b"one").unwrap();
    let reader = dir.open_read("file").unwrap().unwrap();
    fs::write(dir.path("file.tmp"), "half of").unwrap();
    fs::set_permissions(dir.path("file.tmp"), Permissions::from_mode(0o000)).unwrap();
    dir.replace("file", b"another").unwrap();
    assert_eq!(dir.read("file", 7).unwrap().unwrap(), b"another");
    assert_eq!(dir.names().unwrap(), ["file"]);
    let mut old = String::new();
    (&reader).read_to_string(&mut old).unwrap();
    assert_eq!(old, "one", "who has it open reads on");
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let temp = TempDir::new();
    let dir = Dir::open(temp.path()).unwrap().unwrap();
    dir.replace("file", b"12345").unwrap();
    assert_eq!(dir.read("file", 5).unwrap().unwrap(), b"12345");
    let fault = dir.read("file", 4).unwrap_err();
    assert!(matches!(fault.cause, Cause::TooLong { max_bytes: 4 }));
}

#[test]
fn a_file_is_made_once() {
    let temp = TempDir::new();
    let dir = Dir::open(temp.path()).unwrap().unwrap();
    dir.create_new("file").unwrap();
    let fault = dir.create_new("file").unwrap_err();
    assert_eq!(fault.errno(), Some(Errno::EEXIST));
    dir.open_or_create("file").unwrap();
    assert!(dir.remove("file").unwrap());
}
