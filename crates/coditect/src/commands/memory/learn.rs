//! `coditect learn`: commits that touch code and tests become episodes.

use coditect_memory::Episode;
use coditect_ports::Shelves;
use serde_json::json;

use crate::args::LearnArgs;
use crate::commands::Context;
use crate::environment::directory;
use crate::phrase;
use crate::report::{Doing, Done};
use crate::wiring::remembering;

pub(crate) fn perform(cx: &mut Context, args: &LearnArgs) -> Done {
    let dir = directory(&args.dir)?;
    let site = cx.site()?;
    let (episodes, looked_at) = remembering::learnt(&site, &dir, args.commits as usize)?;
    let kept: Vec<_> = episodes.iter().map(Episode::kept).collect();
    let shelves = remembering::shelves(&site)?;
    let put = shelves.put(&kept).doing("keeping what was learnt")?;
    if cx.out.json {
        cx.out.object(&json!({
            "commits": looked_at, "episodes": episodes.len(), "new": put.new, "same": put.same,
            "forgotten": put.forgotten,
        }))?;
        return Ok(0);
    }
    let mut line = format!(
        "{}: {} small changes of code with their tests, {} of them new",
        phrase::count_of(looked_at, "commit"),
        episodes.len(),
        put.new
    );
    if put.forgotten > 0 {
        line.push_str(&format!("; forgotten here, and they stay so: {}", put.forgotten));
    }
    cx.out.line(&line)?;
    Ok(0)
}
