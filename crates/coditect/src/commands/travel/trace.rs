//! `coditect trace`, and `--trace-out`: a mission as a trace in a file.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::{ErrorKind, MissionId};
use serde_json::json;

use crate::args::{TraceArgs, TraceFlags};
use crate::commands::Context;
use crate::missions;
use crate::report::{Doing, Done, Report};
use crate::traces::write;

const DOING: &str = "writing the trace";

pub(crate) fn perform(cx: &mut Context, args: &TraceArgs) -> Done {
    let (archive, mission) = cx.opened(&args.of.mission)?;
    let (records, _) = missions::load(archive.journal(), &mission)?;
    match &args.file {
        Some(file) if file != Path::new("-") => {
            let out = open(file)?;
            let count = write(out, &mission, &records).map_err(|error| failed(file, &error)).doing(DOING)?;
            if cx.out.json {
                cx.out.object(
                    &json!({ "mission": mission, "file": file.display().to_string(), "spans": count }),
                )?;
            } else {
                cx.out.line(&format!("wrote {count} spans of {mission}"))?;
            }
        }
        Some(_) | None => {
            let mut bytes = Vec::new();
            // Writing into memory cannot fail.
            write(&mut bytes, &mission, &records).ok();
            cx.out.bytes(&bytes)?;
        }
    }
    Ok(0)
}

/// A file that waits for the end of a mission.
pub(crate) struct Pending {
    file: PathBuf,
    out: File,
    mission: Option<MissionId>,
}

impl Pending {
    /// Makes the file that the flags name, if they do: before anything is begun, since a file that cannot be written is no reason
    /// to lose what a mission did. One that is there already stays as it is.
    pub(crate) fn open(flags: &TraceFlags, mission: Option<&MissionId>) -> Result<Option<Self>, Report> {
        let Some(file) = &flags.trace_out else { return Ok(None) };
        Ok(Some(Self { file: file.clone(), out: open(file)?, mission: mission.cloned() }))
    }

    /// Writes what there is. What the mission came to stands, whether this can be done or not.
    pub(crate) fn write(self, cx: &Context, mission: Option<&MissionId>) {
        let records = mission.or(self.mission.as_ref()).map(|mission| {
            cx.archive().and_then(|archive| Ok((mission, missions::load(archive.journal(), mission)?.0)))
        });
        let told = match records {
            Some(Ok((mission, records))) => {
                write(self.out, mission, &records).map_err(|error| error.to_string())
            }
            Some(Err(report)) => Err(report.cause),
            None => Err("no mission was begun".to_owned()),
        };
        if let Err(cause) = told {
            // A file without a trace would only be in the way of the next one.
            std::fs::remove_file(&self.file).ok();
            cx.note(&format!("the trace in `{}` could not be written: {cause}", self.file.display()));
        }
    }
}

fn open(file: &Path) -> Result<File, Report> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    opened.map_err(|error| failed(file, &error)).doing(DOING)
}

fn failed(file: &Path, error: &std::io::Error) -> PortError {
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return PortError::new(ErrorKind::Conflict, format!("`{}` exists", file.display()))
            .with_hint("name a file that is not there yet");
    }
    PortError::from_io(&format!("`{}`", file.display()), error)
}
