//! Runs one request of the Python runner in the WASM tier and prints what comes back:
//! `wasm_run CACHE_DIR VIEW < request.json`, or measures it: `wasm_run CACHE_DIR VIEW RUNS < request.json`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use coditect_ports::Stop;
use coditect_sandbox::wasm::{PythonWasm, WasmLimits, WasmRun};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1);
    let (Some(cache), Some(view)) = (args.next().map(PathBuf::from), args.next().map(PathBuf::from)) else {
        return Err("usage: wasm_run CACHE_DIR VIEW [RUNS] < request.json".into());
    };
    let opened = Instant::now();
    let python = PythonWasm::open(&cache, &mut |step| eprintln!("{step:?}"))?;
    eprintln!("open {:?}  {:?}", opened.elapsed(), python.facts());
    let mut request = String::new();
    std::io::stdin().read_to_string(&mut request)?;
    if let Some(runs) = args.next() {
        let runs = runs.to_str().and_then(|runs| runs.parse().ok()).ok_or("RUNS is a number")?;
        bench(&python, &view, &request, runs);
        return Ok(());
    }
    let scratch = tempfile::tempdir()?;
    let run = python.run(
        &request,
        &view,
        Some(scratch.path()),
        WasmLimits::default(),
        &mut |line| {
            println!("{line}");
            ControlFlow::Continue(())
        },
        &Stop::new(),
    );
    match &run.result {
        Ok(text) | Err(text) => println!("{text}"),
    }
    eprintln!(
        "{:?} {} µs, {} MiB\n{}",
        run.ended,
        run.wall_us,
        run.peak_memory >> 20,
        String::from_utf8_lossy(&run.native_output)
    );
    Ok(())
}

fn bench(python: &PythonWasm, view: &std::path::Path, request: &str, runs: usize) {
    for threads in [1_usize, 2] {
        let started = Instant::now();
        let mut all: Vec<u64> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| (0..runs).map(|_| once(python, view, request).wall_us).collect::<Vec<_>>())
                })
                .collect();
            handles.into_iter().flat_map(|handle| handle.join().unwrap_or_default()).collect()
        });
        let per_second = all.len() as f64 / started.elapsed().as_secs_f64();
        all.sort_unstable();
        let at = |p: usize| all.get(all.len() * p / 100).copied().unwrap_or_default();
        println!(
            "{threads} threads: least {} µs, p50 {} µs, p95 {} µs, p99 {} µs, {per_second:.0}/s",
            at(0),
            at(50),
            at(95),
            at(99)
        );
    }
}

fn once(python: &PythonWasm, view: &std::path::Path, request: &str) -> WasmRun {
    python.run(request, view, None, WasmLimits::default(), &mut |_| ControlFlow::Continue(()), &Stop::new())
}
