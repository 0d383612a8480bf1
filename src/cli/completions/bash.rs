//! The script for bash.
//!
//! Does not: need the package bash-completion.

use std::fmt::Write as _;

use super::{Fits, HIDDEN, names};
use crate::cli::table::Command;

const HEAD: &str = r#"# Completion of bgp for bash. To use it:  source <(bgp completions bash)
_bgp() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
    local flags= fits= word i
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "$(_bgp_names) --help --version" -- "$cur"))
        return
    fi
    case $command in
"#;

const TAIL: &str = r#"        *) return ;;
    esac
    case $cur in
        -*) fits="words $flags" ;;
    esac
    case $fits in
        processes)
            # The id has a status behind a tab, which bash cannot show.
            while IFS=$'\t' read -r word _; do
                case $word in "$cur"*) COMPREPLY+=("$word") ;; esac
            done < <("${COMP_WORDS[0]}" HIDDEN 2>/dev/null)
            ;;
        files) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null ;;
        commands)
            for ((i = 2; i < COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                    -*) ;;
                    *) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames 2>/dev/null; return ;;
                esac
            done
            COMPREPLY=($(compgen -c -- "$cur"))
            ;;
        topics) COMPREPLY=($(compgen -W "$(_bgp_names)" -- "$cur")) ;;
        words*) COMPREPLY=($(compgen -W "${fits#words}" -- "$cur")) ;;
    esac
}
complete -F _bgp bgp
"#;

pub(super) fn script() -> String {
    let all: Vec<&str> = names().map(|(name, _)| name).collect();
    let mut script = String::from(HEAD);
    for (name, command) in names() {
        arm(&mut script, name, command);
    }
    script.push_str(&TAIL.replace("HIDDEN", HIDDEN));
    let _ = writeln!(script, "_bgp_names() {{ echo {}; }}", all.join(" "));
    script
}

fn arm(script: &mut String, name: &str, command: &Command) {
    let flags = command.all_flags().flat_map(|flag| {
        let short = flag.short.map(|short| format!("-{short}"));
        short.into_iter().chain([format!("--{}", flag.long)])
    });
    let flags = flags.collect::<Vec<_>>().join(" ");
    let _ = writeln!(script, "        {name})");
    let _ = writeln!(script, "            flags='{flags}'");
    let _ = writeln!(
        script,
        "            fits='{}'",
        words(Fits::operand(command))
    );
    let _ = writeln!(script, "            case $prev in");
    for flag in command.all_flags() {
        if let Some(fits) = Fits::value(flag) {
            let short = flag
                .short
                .map_or(String::new(), |short| format!("-{short}|"));
            let long = flag.long;
            let _ = writeln!(
                script,
                "                {short}--{long}) fits='{}' ;;",
                words(fits)
            );
        }
    }
    let _ = writeln!(script, "            esac ;;");
}

fn words(fits: Fits) -> String {
    match fits {
        Fits::Nothing => "nothing".into(),
        Fits::Processes => "processes".into(),
        Fits::Files => "files".into(),
        Fits::Commands => "commands".into(),
        Fits::Topics => "topics".into(),
        Fits::Words(words) => format!("words {}", words.join(" ")),
    }
}
