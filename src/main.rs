//! The `bgp` program: everything is in the library.

fn main() -> std::process::ExitCode {
    bgp::main()
}
