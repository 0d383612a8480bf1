#!/bin/sh
# Breaks the program on purpose, one line at a time, in a copy of the tree, and looks that a test of that name turns
# red each time: a test that cannot fail proves nothing. Some minutes; each change compiles anew.
# usage: sabotage.sh [NUMBER…]     only these
set -u
tree=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
(cd "$tree" && git ls-files -z | xargs -0 tar cf - --) | tar xf - -C "$copy"
export CARGO_TARGET_DIR="$tree/target/sabotage" CARGO_PROFILE_DEV_OPT_LEVEL=0 RUST_BACKTRACE=0 # compiles sooner
wanted=" $* "
number=0 bad=0

# sabotage WHAT FILE SED-EXPRESSION TEST-ARGUMENTS…
sabotage() {
    what=$1 file=$2 change=$3
    shift 3
    number=$((number + 1))
    case $wanted in "  " | *" $number "*) ;; *) return ;; esac
    cp "$copy/$file" "$copy/original"
    sed -i.before "$change" "$copy/$file" && rm -f "$copy/$file.before"
    if cmp -s "$copy/original" "$copy/$file"; then
        echo "not ok $number - $what: nothing was changed in $file"
        bad=$((bad + 1))
    elif ! (cd "$copy" && cargo test -q --no-run "$1" ${2:+"$2"}) >"$copy/out" 2>&1 && grep -q '^error' "$copy/out"; then
        echo "not ok $number - $what: does not compile"
        bad=$((bad + 1))
    elif (cd "$copy" && timeout 300 cargo test -q "$@") >"$copy/out" 2>&1; then
        echo "not ok $number - $what: no test of '$*' has noticed"
        bad=$((bad + 1))
    else
        echo "ok $number - $what"
    fi
    cp "$copy/original" "$copy/$file"
}

unit() { # WHAT FILE CHANGE TEST
    sabotage "$1" "$2" "$3" --lib -- "$4"
}

whole() { # WHAT FILE CHANGE TEST
    sabotage "$1" "$2" "$3" --test it -- "$4"
}

unit "a tag is not checked" src/crypto/seal.rs '/verify_slice(tag)/,/BadSeal/s/\.map_err(|_| BadSeal)$/.or(Ok(()))/' crypto::
unit "a record may have any higher number" src/log/blocks.rs 's/Self::Exactly(next) => number == next/Self::Exactly(next) => number >= next/' log::tests::altered
unit "the segment is not under the tag" src/log/record.rs '/context\[40\.\.48\]/d' log::
unit "an IV is used again" src/log/batch.rs 's/Ok(self\.bytes\[self\.left\])/Ok(self.bytes[0])/' no_iv_is_used_twice
unit "a torn write is left in the middle" src/log/writer/segment.rs 's/self\.torn = self\.file\.truncate(self\.len)\.is_err();/self.torn = false;/' log::tests::faults
unit "records that were read are taken back" src/log/writer.rs 's/whole = self\.batch\.whole(written);/let _ = written;/' log::tests::faults
unit "rotation does not say what is the lowest" src/log/writer.rs 's/first: Some(number - earlier\.len() as u64)/first: None/' log::tests::verifying
unit "a probe is exclusive" src/sys/lock.rs 's/libc::LOCK_SH | libc::LOCK_NB/libc::LOCK_EX | libc::LOCK_NB/' sys::lock
unit "links are followed" src/sys/fs.rs 's/^const FILE_FLAGS: OFlag = OFlag::O_NOFOLLOW$/const FILE_FLAGS: OFlag = OFlag::O_CLOEXEC/' sys::fs
unit "any number of iterations is read" src/store/key.rs 's/^const ITERATIONS_MIN: u32 = 1_000;/const ITERATIONS_MIN: u32 = 0;/' store::key
unit "a client's proof is not checked" src/control/hello.rs 's/self\.mac\.verify(&self\.client_text(), tag)/self.mac.verify(\&self.client_text(), tag) || true/' control::
whole "a password variable is passed on" src/store/environment.rs 's/^    "BG_PASSWORD_COMMAND",/    "BG_PASSWORD_COMMANDS",/' the_password_is_not_in_the_commands
whole "KILL is never sent" src/supervisor/tree.rs '/^pub(crate) fn kill_children/,/^}/s/, Signal::SIGKILL)/, None)/' what_ignores_term_is_killed_after_the_grace
whole "the end is written before the pipe is read" src/supervisor/run/ending.rs '0,/self\.streams\.read_waiting(&mut self\.journal);/s/self\.streams\.read_waiting(&mut self\.journal);//' what_the_leader_wrote_is_logged
whole "old segments are not removed" src/supervisor/rotation.rs 's/let _ = files::remove_log(&self\.logs, id, segment);.*/let _ = (id, segment);/' rotation::a_log_stays_below
whole "a removed log is not noticed" src/supervisor/rotation.rs 's/ours\.len() >= writer\.segment_bytes() \&\& named == .*/named.is_none() || named.is_some()/' rotation::a_log_that_is_taken_away
whole "what lives is cleared" src/manager/clear.rs 's/if in_the_way(&now)\.is_none() {/if true {/' a_live_process_is_never_cleared
whole "a new password is not written" src/store/unlocked.rs '/self\.dir\.top()\.replace(KEY, &file\.to_bytes())?;/d' passwd::what_runs_goes_on
whole "a damaged state is thrown away" src/store/unlocked.rs 's/let kept = top\.set_aside(STATE)?;/let kept: Option<String> = None;/' repair::a_state_is_made_anew
whole "a repair gives numbers twice" src/manager/repair.rs 's/highest\.saturating_add(1)/1/' repair::a_state_is_made_anew
whole "the state is renamed before it is on the disk" src/sys/fs/replace.rs 's/^    sync_file(file)$/    Ok(())/' a_state_is_on_the_disk_before
whole "a status block is written over the one that stands" src/supervisor/journal.rs 's/^                Err(_) => return false,$/                Err(_) => { self.block_number = number; return false; }/' faults::a_status_block
whole "a start on record loses its files" src/manager/start.rs 's/claim\.kept = state\.is_in_place();/claim.kept = committed.is_ok();/' faults::what_could_not_be_put_on_record
whole "an end that could not be published is forgotten" src/supervisor/journal.rs 's/if !self\.publish() {/if !self.publish() \&\& false {/' faults::whatever_call_of_a_supervisor
whole "the command inherits the lease" src/sys/socket.rs 's/MsgFlags::MSG_CMSG_CLOEXEC/MsgFlags::empty()/' a_command_gets_three_descriptors
whole "a supervisor keeps what its caller had open" src/supervisor/mod.rs 's/^    image::close_inherited();$//' a_command_gets_three_descriptors
whole "a supervisor can be looked into" src/supervisor/mod.rs 's/^    image::forbid_inspection();$//' a_process_of_the_same_user_cannot_look
whole "another user is answered" src/supervisor/peers.rs 's/peer_uid(&stream)\.ok() != Some(nix::unistd::geteuid()\.as_raw())/peer_uid(\&stream).is_err()/' another_user_is_not_even_greeted
whole "what a killed start left stays for ever" src/manager/sweep.rs 's/sub\.remove(name)?;/let _ = (sub, name);/' a_start_can_crash_at_every_point
whole "of a tree the leader alone is killed" src/supervisor/tree.rs 's/let _ = kill(Pid::from_raw(child\.pid), Signal::SIGKILL)/let _ = kill(Pid::from_raw(child.pid), None)/' the_same_holds_without_pidfds
whole "who calls from within is stopped before others" src/manager/stop.rs 's/= around_us(targets) else/= around_us(\&targets[..0]) else/' policy::a_session_that_is_ended
whole "what a copy of the directory tells of is signalled" src/manager/leftovers.rs 's/ || block\.is_some_and(is_a_copy)//' a_copy_of_the_state
whole "a session of a recycled number is taken for the leader's" src/manager/leftovers.rs '/is_among(known, other) || self\.marked(other)/d' e12_a_session_of_a_recycled_number
whole "the end of a session does not wait for a start" src/manager/session.rs 's/let _ = self\.store\.lock();//' policy::a_session_is_ended_with

[ "$bad" = 0 ] || { echo "$bad were not noticed"; exit 1; }
