//! How the engine is set up, and why.
//!
//! **Stacks.** A guest runs on a fiber of [`FIBER_STACK`], of which WebAssembly frames may use [`GUEST_STACK`]; the
//! rest is for the host functions it calls. CPython counts its own recursion, so that `RecursionError` comes first;
//! if native code of the interpreter recurses past that, the engine ends the guest with a trap.

use std::sync::Arc;

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use wasmtime::{Config, Engine, OptLevel, WasmBacktraceDetails};

use super::memory::{self, Memories};
use super::stack;

/// Version of the engine, part of the cache's key. A test compares it with `Cargo.lock`.
pub(super) const WASMTIME: &str = "48.0.8";

/// Guests that may live at once. Each reserves address space (not memory): a few GiB for its linear memory.
pub(super) const SLOTS: u32 = 64;

/// Stack of WebAssembly frames in one guest, bytes. Only touched pages cost memory.
const GUEST_STACK: usize = 64 << 20;

/// The whole stack of a guest, host functions included, bytes.
const FIBER_STACK: usize = GUEST_STACK + (2 << 20);

/// Opens the engine on these memories and stacks.
pub(super) fn open(memories: &Arc<Memories>) -> Result<Engine, PortError> {
    let mut config = config();
    config.with_host_memory(Arc::new(memory::Creator(Arc::clone(memories))));
    config.with_host_stack(Arc::new(stack::Stacks::default()));
    Engine::new(&config).map_err(|e| super::unavailable("set up the WebAssembly engine", &e))
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        // Memories are filled by `memory`, not by the engine.
        .memory_init_cow(false)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(FIBER_STACK)
        .parallel_compilation(true)
        .cranelift_opt_level(OPT_LEVEL)
        // Traps are told by their kind; a wasm backtrace of the interpreter helps nobody and costs time.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .native_unwind_info(false)
        .generate_address_map(false);
    config
}

/// Measured on two cores, optimised host: `None` compiles in 7.3 s instead of 10.0 s and makes guests a third slower
/// (`fib(24)` 13.1 instead of 10.0 ms, 200 JSON round trips 33.6 instead of 25.6 ms); a fresh interpreter costs the
/// same. One compilation serves thousands of runs.
const OPT_LEVEL: OptLevel = OptLevel::Speed;

/// An error that only a fault of our own build can cause.
pub(super) fn bug(doing: &str, error: &wasmtime::Error) -> PortError {
    PortError::new(ErrorKind::Bug, format!("{doing}: {error:#}"))
}
