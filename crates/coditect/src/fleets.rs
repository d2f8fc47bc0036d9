//! Who is at work on this machine and in its fleet, and what waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coditect_runtime::breakers;
use coditect_types::fleet::{FleetView, Here};

use crate::environment::{Place, Site};
use crate::host;
use crate::report::{Doing, Report};
use crate::wiring::{self, Lookout, Roll};

const DOING: &str = "looking at the fleet";

/// A look at a fleet that stays open, so that it knows who has become silent.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    open: Mutex<Option<Arc<Lookout>>>,
    /// That the server did not answer, and since when that is known.
    silent: Mutex<Option<(Instant, Report)>>,
}

/// So long a server that did not answer is left alone: pages that are open ask again and again, and each would wait for it.
const LEFT_ALONE: Duration = Duration::from_secs(10);

impl Looks {
    /// Who is at work, without the missions. That a server does not answer is a part of it.
    pub(crate) fn view(&self, site: &Site) -> FleetView {
        let here = Here { machine: host::name(), cores: host::cores() as u64, hands_out: site.fleet };
        let mut view = FleetView { here: Some(here), ..FleetView::default() };
        let looked = match &site.journal {
            Place::Files => Ok(None),
            Place::Server(nats) => {
                view.server = Some(wiring::redacted_server(nats.url.secret()));
                self.look(site).map(Some)
            }
            Place::Unknown(report) => {
                view.server = Some("a server that the settings do not tell".to_owned());
                Err(Report::clone(report))
            }
        };
        // Behind the look: what was heard was heard before.
        view.at_ms = wiring::now_ms();
        view.breakers = breakers::told(wiring::breakers(site).as_ref(), view.at_ms);
        match looked {
            Ok(None) => {}
            Ok(Some(roll)) => {
                (view.workers, view.more_workers, view.queue) = (roll.workers, roll.more, roll.queue);
            }
            Err(report) => view.trouble = Some(report.cause),
        }
        view
    }

    fn look(&self, site: &Site) -> Result<Roll, Report> {
        // Held meanwhile: who asks at the same time waits once, and is told the same.
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, report)) = &*silent
            && since.elapsed() < LEFT_ALONE
        {
            return Err(report.clone());
        }
        let looked = self.lookout(site).and_then(|lookout| lookout.look().doing(DOING));
        *silent = looked.as_ref().err().map(|report| (Instant::now(), report.clone()));
        looked
    }

    fn lookout(&self, site: &Site) -> Result<Arc<Lookout>, Report> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lookout) = &*open {
            return Ok(Arc::clone(lookout));
        }
        let lookout = Arc::new(wiring::lookout(site).doing(DOING)?);
        *open = Some(Arc::clone(&lookout));
        Ok(lookout)
    }
}
