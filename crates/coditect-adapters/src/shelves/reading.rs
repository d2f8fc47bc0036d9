//! Reading: what is at hand as of one moment, and what is put away after it, so that nobody waits for a store.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use coditect_ports::PortError;
use coditect_ports::shelves::Row;
use coditect_types::ErrorKind;
use rusqlite::Connection;

use super::catalogue::{self, Entry, Place, failed};
use super::moving::Held;
use super::{DiskShelves, TOGETHER, TRIES, part};

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What was asked for, as the catalogue has it.
    pub(super) entries: Vec<Entry>,
    /// The rows of it, in its order, without what is lost, damaged or away.
    pub(super) rows: Vec<Row>,
    /// The numbers of those that are in the store, and cannot be read now.
    pub(super) away: Vec<u64>,
    /// Why.
    pub(super) trouble: Option<PortError>,
}

impl Gathered {
    /// All of it: what cannot be read now is an error.
    pub(super) fn whole(self) -> Result<Self, PortError> {
        match self.trouble {
            Some(error) => Err(error),
            None => Ok(self),
        }
    }
}

/// Chooses what is read.
pub(super) type Choose<'a> = &'a dyn Fn(&Connection) -> Result<Vec<Entry>, PortError>;

impl DiskShelves {
    /// Reads what is chosen, and begins again where another process cleared away what was to be read.
    pub(super) fn gather(&self, choose: Choose<'_>, held: Option<&Held>) -> Result<Gathered, PortError> {
        for _ in 1..TRIES {
            match self.gather_once(choose, held, false) {
                Err(error) if error.kind == ErrorKind::NotFound => {}
                other => return other,
            }
        }
        self.gather_once(choose, held, true)
    }

    /// A part that is not there has been moved by another process, or is lost: where `is_last`, it is lost.
    fn gather_once(
        &self,
        choose: Choose<'_>,
        held: Option<&Held>,
        is_last: bool,
    ) -> Result<Gathered, PortError> {
        let (entries, mut found) = self.watched(self.moment(choose))?;
        let mut parts: BTreeMap<&Place, Vec<&Entry>> = BTreeMap::new();
        for entry in &entries {
            if let Some((place, _)) = &entry.place {
                parts.entry(place).or_default().push(entry);
            }
        }
        let keep = |place: &Place, bytes: &Bytes| self.keep_copy(held, place, bytes);
        let (mut away, mut trouble) = (Vec::new(), None);
        for (place, entries) in parts {
            let read = self.cold.read(place, &keep, &|source| part::read(source, &entries));
            match read.map_err(|error| self.judged(place, error)) {
                Ok(rows) => found.extend(rows.into_iter().map(|row| (row.standing.number, row))),
                Err(error) if error.kind == ErrorKind::NotFound && !is_last => return Err(error),
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Conflict) => {
                    self.found(error.cause);
                }
                Err(error) if place.sum.is_some() => {
                    away.extend(entries.iter().map(|entry| entry.standing.number));
                    trouble = Some(error);
                }
                // It is there, and cannot be read just now.
                Err(error) => return Err(error),
            }
        }
        let rows = entries.iter().filter_map(|entry| found.remove(&entry.standing.number)).collect();
        Ok(Gathered { entries, rows, away, trouble })
    }

    /// What is chosen, and the rows of it that are at hand.
    fn moment(&self, choose: Choose<'_>) -> Result<(Vec<Entry>, BTreeMap<u64, Row>), PortError> {
        let catalogue = self.catalogue();
        let moment = catalogue.unchecked_transaction().map_err(|error| failed(&error))?;
        let entries = choose(&moment)?;
        let mut found = BTreeMap::new();
        for entry in entries.iter().filter(|entry| entry.place.is_none()) {
            if let Some(row) = catalogue::warm(&moment, entry)? {
                found.insert(entry.standing.number, row);
            }
        }
        Ok((entries, found))
    }

    /// Keeps a copy of a part of the store. It is not needed: trouble with it is no more than told.
    fn keep_copy(&self, held: Option<&Held>, place: &Place, bytes: &Bytes) {
        let own;
        // Who moves or forgets is waited for by nobody here. Nothing is forgotten while it is written, so that what is kept is named.
        if held.is_none() {
            own = self.try_to_hold();
            if !matches!(own, Ok(Some(_))) {
                return;
            }
        }
        let kept = || -> Result<(), PortError> {
            let stored = self.stored()?;
            if stored.contains(&place.file) {
                part::keep(&self.cold.dir, &place.file, bytes)?;
                self.cold.make_room(&stored, self.kept_bytes)?;
            }
            Ok(())
        };
        if let Err(error) = kept() {
            tracing::warn!(%error, "no copy is kept of what was put away");
        }
    }

    /// The files of the parts that are in the store.
    pub(super) fn stored(&self) -> Result<BTreeSet<String>, PortError> {
        let files = catalogue::files(&self.catalogue())?.into_iter();
        Ok(files.filter(|(_, is_stored)| *is_stored).map(|(file, _)| file).collect())
    }

    /// Gives every row with a number above `after`, until `take` is satisfied. Where `away` is given, it is told which cannot be read
    /// now, and they are passed over.
    pub(super) fn each_row(
        &self,
        after: u64,
        mut away: Option<&mut Vec<u64>>,
        take: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), PortError> {
        let mut after = after;
        loop {
            let read =
                self.gather(&|catalogue| catalogue::entries_after(catalogue, after, TOGETHER), None)?;
            let read = match &mut away {
                Some(away) => {
                    away.extend(&read.away);
                    self.pass_over(&read);
                    read
                }
                None => read.whole()?,
            };
            let Some(last) = read.entries.last() else { return Ok(()) };
            after = last.standing.number;
            for row in read.rows {
                if !take(row) {
                    return Ok(());
                }
            }
        }
    }

    /// Says what is passed over.
    pub(super) fn pass_over(&self, read: &Gathered) {
        if let Some(error) = &read.trouble {
            let hint = error.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
            self.found(format!(
                "what is put away is passed over, as far as there is no copy here: {}{hint}",
                error.cause
            ));
        }
    }
}
