//! The sandbox: runs one thing under explicit limits, and says what it enforced.
//!
//! Three tiers implement [`coditect_ports::Sandbox`]: [`wasm`] for what CPython in WebAssembly can host, [`os`] for
//! everything else on Linux, and [`container`] for those who want the toolchain of an image. A run never moves to a weaker tier by itself, and a protection that cannot be
//! had is a refusal. This is the only crate with `unsafe` code.
//!
//! Start reading at [`wasm`], [`os`] or [`container`]; all run the same Python runner (`python/runner.py`).

pub mod container;
pub mod os;
pub mod wasm;
