//! The script for zsh: with what each command and flag does, and the status of each process.
//!
//! Does not: need anything but zsh's own completion system.

use std::fmt::Write as _;

use super::{Fits, HIDDEN, names, quoted};
use crate::cli::table::Command;

const HEAD: &str = r#"#compdef bgp
# Completion of bgp for zsh. To use it:  bgp completions zsh > a directory of $fpath, as _bgp
_bgp_processes() {
    local -a found
    local name state
    while IFS=$'\t' read -r name state; do
        found+=("$name:$state")
    done < <(${words[1]} HIDDEN 2>/dev/null)
    _describe process found
}
_bgp() {
    local -a commands flags
    local fits
"#;

const TAIL: &str = r#"        *) return 1 ;;
    esac
    if [[ $words[CURRENT] == -* && $fits != value ]]; then
        _describe option flags
        return
    fi
    case $fits in
        processes) _bgp_processes ;;
        files) _files ;;
        commands)
            local i
            for ((i = 3; i < CURRENT; i++)); do
                [[ $words[i] != -* ]] && { _files; return; }
            done
            _command_names -e
            ;;
        topics) _describe command commands ;;
        words*) compadd -- ${=fits#words} ;;
    esac
}
if [[ $funcstack[1] == _bgp ]]; then
    _bgp "$@"
else
    compdef _bgp bgp
fi
"#;

pub(super) fn script() -> String {
    let mut script = HEAD.replace("HIDDEN", HIDDEN);
    script.push_str("    commands=(\n");
    for (name, command) in names() {
        let _ = writeln!(script, "        {}", described(name, command.summary));
    }
    script.push_str("    )\n    if (( CURRENT == 2 )); then\n");
    script.push_str("        _describe command commands\n        return\n    fi\n");
    script.push_str("    case $words[2] in\n");
    for (name, command) in names() {
        arm(&mut script, name, command);
    }
    script.push_str(TAIL);
    script
}

fn arm(script: &mut String, name: &str, command: &Command) {
    let _ = writeln!(script, "        {name})\n            flags=(");
    for flag in command.all_flags() {
        let long = format!("--{}", flag.long);
        let _ = writeln!(script, "                {}", described(&long, flag.help));
    }
    let fits = match Fits::operand(command) {
        Fits::Nothing => "nothing".to_owned(), // options alone
        fits => words(fits),
    };
    let _ = writeln!(script, "            )\n            fits={}", quoted(&fits));
    let _ = writeln!(script, "            case $words[CURRENT-1] in");
    for flag in command.all_flags() {
        if let Some(fits) = Fits::value(flag) {
            let short = flag
                .short
                .map_or(String::new(), |short| format!("-{short}|"));
            let (long, fits) = (flag.long, quoted(&words(fits)));
            let _ = writeln!(script, "                {short}--{long}) fits={fits} ;;");
        }
    }
    let _ = writeln!(script, "            esac ;;");
}

/// `name:what it does`, as `_describe` takes it.
fn described(name: &str, does: &str) -> String {
    quoted(&format!("{}:{does}", name.replace(':', "\\:")))
}

fn words(fits: Fits) -> String {
    match fits {
        Fits::Nothing => "value".into(),
        Fits::Processes => "processes".into(),
        Fits::Files => "files".into(),
        Fits::Commands => "commands".into(),
        Fits::Topics => "topics".into(),
        Fits::Words(words) => format!("words {}", words.join(" ")),
    }
}
