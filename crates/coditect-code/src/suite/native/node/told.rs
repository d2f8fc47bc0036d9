//! What a project's tests are started with, as it stands in [`Project::targets`]: the survey writes it, the drivers
//! read it.

use coditect_types::Project;

/// How the tests of a Node project are started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// The package's directory, below the project's root: packages may lie above it.
    pub(crate) package: String,
    /// Variables that the command sets.
    pub(crate) env: Vec<(String, String)>,
    /// Commands of a shell that make what the tests run on, in order.
    pub(crate) builds: Vec<String>,
    /// Arguments of the runner.
    pub(crate) words: Vec<String>,
    /// The whole command of a shell, where no runner is known: its exit code is all that it says.
    pub(crate) opaque: Option<String>,
}

impl Told {
    /// As it stands in a project.
    pub(crate) fn targets(&self) -> Vec<String> {
        let mut targets = Vec::new();
        if !self.package.is_empty() {
            targets.push(format!("in={}", self.package));
        }
        targets.extend(self.env.iter().map(|(name, value)| format!("env={name}={value}")));
        targets.extend(self.builds.iter().map(|command| format!("build={command}")));
        targets.extend(self.opaque.iter().map(|command| format!("sh={command}")));
        if !self.words.is_empty() {
            targets.push("--".to_owned());
            targets.extend(self.words.iter().cloned());
        }
        targets
    }

    /// From a project.
    pub(crate) fn of(project: &Project) -> Self {
        let mut told = Self::default();
        let mut targets = project.targets.iter();
        for target in targets.by_ref() {
            match target.split_once('=') {
                Some(("in", package)) => package.clone_into(&mut told.package),
                Some(("env", variable)) => {
                    let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                    told.env.push((name.to_owned(), value.to_owned()));
                }
                Some(("build", command)) => told.builds.push(command.to_owned()),
                Some(("sh", command)) => told.opaque = Some(command.to_owned()),
                _ => break,
            }
        }
        told.words = targets.cloned().collect();
        told
    }
}
