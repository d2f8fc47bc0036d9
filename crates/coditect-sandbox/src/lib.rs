//! The sandbox: runs one thing under explicit limits, and says what it enforced.
//!
//! Two tiers implement [`coditect_ports::Sandbox`]: [`wasm`] for what CPython in WebAssembly can host, and [`os`]
//! for everything else on Linux. A run never moves to a weaker tier by itself, and a protection that cannot be
//! had is a refusal. This is the only crate with `unsafe` code.
//!
//! Start reading at [`wasm`] or [`os`]; both run the same Python runner (`python/runner.py`).

pub mod os;
pub mod wasm;
