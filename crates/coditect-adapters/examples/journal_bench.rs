//! `cargo run --release -p coditect-adapters --example journal_bench -- DIR [quick]`
#![allow(clippy::print_stdout, reason = "it is there to print")]

use std::path::PathBuf;

use coditect_adapters::bench;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().ok_or("name an empty directory")?);
    println!("{:#?}", bench::journal(&dir, arguments.next().is_some())?);
    Ok(())
}
