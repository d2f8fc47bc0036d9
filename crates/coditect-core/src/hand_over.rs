//! What the person reads on the commit that is handed over.

use coditect_types::TestStatus;

use crate::expect::still_red;
use crate::specification;
use crate::stages;
use crate::state::State;

/// The whole commit message: what was wrong, what was changed, how it was verified. None without a receipt.
#[must_use]
pub fn message(state: &State) -> Option<String> {
    let proposal = state.world.proposal.as_deref()?;
    let receipt = state.world.receipt.as_deref()?;
    let mission = state.mission.as_ref()?;
    let turned: Vec<&String> = receipt
        .before
        .iter()
        .filter(|(id, status)| status.is_red() && receipt.after.get(*id) == Some(&TestStatus::Passed))
        .map(|(id, _)| id)
        .collect();
    let green = receipt.after.values().filter(|status| **status == TestStatus::Passed).count();
    let files: Vec<&str> = proposal.files.iter().map(|file| file.path.as_str()).collect();
    let shown = turned.iter().take(10).map(|id| format!("  {id}\n")).collect::<String>();
    let more = turned.len().saturating_sub(10);
    let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    let flaky =
        receipt.flaky.iter().map(|(id, (passed, ran))| format!("Flaky: {id} ({passed} of {ran} passed)\n"));
    let still = still_red(state);
    let named = still.iter().take(10).map(|id| format!("  {id}\n")).collect::<String>();
    let still_red = match still.len() {
        0 => String::new(),
        n if n > 10 => format!("Still red, as before:\n{named}  and {} more\n\n", n - 10),
        _ => format!("Still red, as before:\n{named}\n"),
    };
    let specified = specification::told(state).map_or_else(String::new, |line| format!("{line}\n\n"));
    // Where nothing was broken, what the person asked for is there.
    let staged = stages::told(state);
    let title = match staged.is_some()
        || specification::told(state).is_some()
        || !state.policy.focus.aim.is_default()
    {
        true => title_of(&state.request),
        false => format!("Fix {} in {}", count(turned.len(), "failing test"), files.join(", ")),
    };
    let turned = match turned.len() {
        // What the last stage turned green is not all.
        _ if staged.is_some() => String::new(),
        0 => String::new(),
        _ => format!("Turned green:\n{shown}{more}\n"),
    };
    let proved = if state.taken_red { "Not verified, and taken all the same" } else { "Verified" };
    let explained = staged.as_deref().unwrap_or(&proposal.explanation);
    Some(format!(
        "{title}\n\n{explained}\n\n{specified}{turned}{still_red}{proved}: `{}` ends with exit code {} on tree {} ({green} tests pass,\n\
         sandbox {}).\n{}\nCoditect-Mission: {mission}\n",
        receipt.command.join(" "),
        receipt.exit_code,
        receipt.tree.get(..12).unwrap_or(&receipt.tree),
        receipt.enforced.by.join(", "),
        flaky.collect::<String>(),
    ))
}

/// The first line of a request, as the title of a commit.
fn title_of(request: &str) -> String {
    const MOST: usize = 72;
    let line = request.trim().lines().next().unwrap_or_default().trim_end();
    if line.chars().count() <= MOST {
        return line.to_owned();
    }
    let cut: String = line.chars().take(MOST - 1).collect();
    format!("{}…", cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole))
}

/// `1 failing test`, `3 failing tests`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}
