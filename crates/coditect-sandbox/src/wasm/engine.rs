//! How the engine is set up, and why.
//!
//! **Stacks.** A guest runs on a fiber of [`FIBER_STACK`], of which WebAssembly frames may use [`GUEST_STACK`]; the
//! rest is for the host functions it calls. CPython counts its own recursion, so that `RecursionError` comes first;
//! if native code of the interpreter recurses past that, the engine ends the guest with a trap.

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

/// Version of the engine, part of the cache's key. A test compares it with `Cargo.lock`.
pub(super) const WASMTIME: &str = "48.0.8";

/// Guests that may live at once. Each reserves address space (not memory): a few GiB for its linear memory.
pub(super) const SLOTS: u32 = 64;

/// Stack of WebAssembly frames in one guest, bytes. Only touched pages cost memory.
const GUEST_STACK: usize = 64 << 20;

/// The whole stack of a guest, host functions included, bytes.
const FIBER_STACK: usize = GUEST_STACK + (2 << 20);

/// Opens the engine, with pooled instances where the machine allows so much address space, else without.
pub(super) fn open() -> Result<(Engine, &'static str), PortError> {
    let mut pooled = config();
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool()));
    if let Ok(engine) = Engine::new(&pooled) {
        return Ok((engine, "pooling"));
    }
    // Address space can be scarce (`ulimit -v`, small containers): a fresh mapping per guest is slower and works.
    let engine =
        Engine::new(&config()).map_err(|e| super::unavailable("set up the WebAssembly engine", &e))?;
    Ok((engine, "on-demand"))
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
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

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // The component is some 40 core modules (the interpreter and its shared libraries, adapters) round one memory.
    pool.total_component_instances(SLOTS)
        .total_core_instances(SLOTS * 64)
        .total_memories(SLOTS * 2)
        .total_tables(SLOTS * 8)
        .total_stacks(SLOTS)
        .max_core_instances_per_component(200)
        .max_memories_per_component(2)
        .max_tables_per_component(64)
        .table_elements(100_000)
        .max_memory_size(usize::try_from(super::WasmLimits::MEMORY_MAX).unwrap_or(usize::MAX))
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(8 << 20)
        .max_unused_warm_slots(8)
        // Measured: what is kept resident and how it is found (0 to 16 MiB, with and without the scan) hardly matters
        // here. A run dirties some 200 pages all over the heap, more places than the scan can list.
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(256 << 10)
        .async_stack_keep_resident(128 << 10)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// An error that only a fault of our own build can cause.
pub(super) fn bug(doing: &str, error: &wasmtime::Error) -> PortError {
    PortError::new(ErrorKind::Bug, format!("{doing}: {error:#}"))
}
