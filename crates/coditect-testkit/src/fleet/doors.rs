//! Doors, which look after missions that have no process, and the person whose missions they are.

use coditect_ports::Journal;
use coditect_runtime::cell::decode;
use coditect_runtime::lookout::{Eyes, LISTENS_FOR_MS, LOOK_EVERY_MS, Lookout};
use coditect_types::limits::Verdict;
use coditect_types::{Command, Event as Happened, Input, MissionId, Workers};

use super::{Door, Event, Fleet};
use crate::sim::Broken;

/// How often a person looks at their missions, ms.
const PERSON_MS: u64 = 20_000;
/// After so long without a process, ms, a mission is one that nobody goes on with: the longest rest between two tries, the time that a
/// process which is not there any more is believed in, and the looks.
const LEFT_ALONE_MS: u64 = 300_000 + 60_000;

/// What is seen of missions from a machine.
struct Sight<'a> {
    fleet: &'a Fleet,
    machine: usize,
}

impl Eyes for Sight<'_> {
    fn is_free(&self, mission: &MissionId) -> bool {
        let Self { fleet, machine } = self;
        let is_gone = |pid, of| of == *machine && !fleet.processes.contains_key(&pid);
        !fleet.server.is_held(fleet.now, mission, is_gone) && !fleet.has_process(*machine, mission)
    }

    /// Projects are in the same place on each machine; what a mission works on is brought there when it is taken up.
    fn is_at_hand(&self, _: &MissionId) -> bool {
        true
    }

    fn newest_age_ms(&self, mission: &MissionId, last_seq: u64) -> Option<u64> {
        let kept = self.fleet.server.journal().read(mission, last_seq, 1).ok()?;
        let at_ms = decode(&kept.first()?.1).ok()?.at_ms;
        Some(self.fleet.wall(self.machine).saturating_sub(at_ms))
    }

    fn came_further(&self, mission: &MissionId, behind: u64) -> bool {
        let kept = self.fleet.server.journal().read(mission, behind + 1, usize::MAX).unwrap_or_default();
        let mut records = kept.iter().filter_map(|(_, bytes)| decode(bytes).ok());
        records.any(|record| matches!(record.event, Happened::AttemptEnded { .. }))
    }
}

impl Fleet {
    pub(super) fn look(&mut self, machine: usize) -> Result<(), Broken> {
        self.after(LOOK_EVERY_MS, Event::Look(machine));
        self.notes_alone()?;
        let now = self.now;
        let cut_until = self.machines[machine].cut_until;
        let reaches = self.reaches(cut_until);
        let Some(Door { lookout, since, paused_until }) = &mut self.machines[machine].door else {
            return Ok(());
        };
        if now < *paused_until {
            return Ok(());
        }
        // Its own beat is among what is heard.
        let is_heard = reaches && self.server.is_heard(now, machine);
        if !is_heard {
            *since = now;
        }
        if !is_heard || now < *since + LISTENS_FOR_MS {
            lookout.sees_nothing();
            return Ok(());
        }
        let mut lookout = std::mem::take(lookout);
        let streams = self.server.journal().streams().map_err(|error| self.broken(error.to_string()))?;
        let is_open =
            |mission: &MissionId| self.stories.get(mission).is_some_and(|story| story.end.is_none());
        let open: Vec<_> = streams
            .into_iter()
            .filter(|info| is_open(&info.stream))
            .map(|info| (info.stream, info.last_seq))
            .collect();
        let due = lookout.look(now, &open, &Sight { fleet: self, machine });
        for (mission, last_seq) in due {
            lookout.tries(now, &mission, last_seq);
            self.counts.taken_up += 1;
            self.begin(machine, &mission, Input::Resume(Workers::Fleet));
        }
        if let Some(door) = &mut self.machines[machine].door {
            door.lookout = lookout;
        }
        Ok(())
    }

    /// A mission that began, has not ended and has no process is not left alone for long, once everything has healed.
    fn notes_alone(&mut self) -> Result<(), Broken> {
        let (now, heals_at) = (self.now, self.heals_at);
        let has_process =
            |mission: &MissionId| self.processes.values().any(|process| process.mission == *mission);
        let mut alone = None;
        for (mission, story) in &mut self.stories {
            if story.end.is_some() || has_process(mission) || self.server.newest(mission) == 0 {
                story.alone_since = None;
                continue;
            }
            let since = (*story.alone_since.get_or_insert(now)).max(heals_at);
            if now.saturating_sub(since) > LEFT_ALONE_MS {
                alone = Some(mission.clone());
            }
        }
        let gave_up = |mission: &MissionId| self.doors().all(|door| door.lookout.gave_up(mission));
        match alone {
            Some(mission) if !gave_up(&mission) => Err(self.broken(format!("nobody goes on with {mission}"))),
            _ => Ok(()),
        }
    }

    fn doors(&self) -> impl Iterator<Item = &Door> {
        self.machines.iter().filter_map(|machine| machine.door.as_ref())
    }

    /// A door that was killed is there again, and knows nothing.
    pub(super) fn opens(&mut self, machine: usize) {
        let door = &mut self.machines[machine].door;
        if door.is_none() {
            *door = Some(Door { lookout: Lookout::default(), since: self.now, paused_until: 0 });
        }
    }

    /// A person answers what they are asked, now and then cancels, and goes on with what all doors gave up.
    pub(super) fn person(&mut self) {
        self.after(PERSON_MS, Event::Person);
        for pid in self.processes.keys().copied().collect::<Vec<_>>() {
            let asked = self.processes[&pid].cell.as_ref();
            let asked = asked.and_then(|cell| cell.state().approvals.keys().next().copied());
            if let Some(approval) = asked
                && self.chance.percent(50)
            {
                let verdict = if self.chance.percent(50) { Verdict::Approved } else { Verdict::Denied };
                let (by, why) = ("simulated".to_owned(), String::new());
                self.command(pid, Command::AnswerApproval { approval, verdict, by, why });
            }
            if self.strikes(self.faults.cancel) {
                self.command(pid, Command::CancelMission { reason: "simulated".into() });
            }
        }
        let open = self.stories.iter().filter(|(_, story)| story.end.is_none());
        let given_up = open.map(|(mission, _)| mission.clone()).find(|mission| {
            !self.processes.values().any(|process| process.mission == *mission)
                && self.doors().all(|door| door.lookout.gave_up(mission))
        });
        if let Some(mission) = given_up {
            self.counts.by_hand += 1;
            let machine = self.chance.below(self.machines.len() as u64) as usize;
            self.begin(machine, &mission, Input::Resume(Workers::Fleet));
        }
    }
}
