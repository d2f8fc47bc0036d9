//! Who is at work on this machine and in its fleet, and what waits.

use std::sync::{Arc, Mutex, PoisonError};

use coditect_types::fleet::{FleetView, Here};

use crate::environment::{Place, Site};
use crate::host;
use crate::report::{Doing, Report};
use crate::wiring::{self, Lookout};

const DOING: &str = "looking at the fleet";

/// A look at a fleet that stays open, so that it knows who has become silent.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<Option<Arc<Lookout>>>);

impl Looks {
    /// Who is at work, without the missions. That a server does not answer is a part of it.
    pub(crate) fn view(&self, site: &Site) -> FleetView {
        let here = Here { machine: host::name(), cores: host::cores() as u64, hands_out: site.fleet };
        let mut view = FleetView { here: Some(here), ..FleetView::default() };
        let looked = match &site.journal {
            Place::Files => Ok(None),
            Place::Server(nats) => {
                view.server = Some(wiring::redacted_server(nats.url.secret()));
                self.lookout(site).and_then(|lookout| lookout.look().doing(DOING)).map(Some)
            }
            Place::Unknown(report) => {
                view.server = Some("a server that the settings do not tell".to_owned());
                Err(Report::clone(report))
            }
        };
        // Behind the look: what was heard was heard before.
        view.at_ms = wiring::now_ms();
        match looked {
            Ok(None) => {}
            Ok(Some(roll)) => {
                (view.workers, view.more_workers, view.queue) = (roll.workers, roll.more, roll.queue);
            }
            Err(report) => view.trouble = Some(report.cause),
        }
        view
    }

    fn lookout(&self, site: &Site) -> Result<Arc<Lookout>, Report> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lookout) = &*open {
            return Ok(Arc::clone(lookout));
        }
        let lookout = Arc::new(wiring::lookout(site).doing(DOING)?);
        *open = Some(Arc::clone(&lookout));
        Ok(lookout)
    }
}
