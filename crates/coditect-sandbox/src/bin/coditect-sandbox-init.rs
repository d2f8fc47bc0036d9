//! The init alone, for tests: a program that uses the OS tier calls the same function itself.

fn main() {
    coditect_sandbox::os::init_if_requested();
}
