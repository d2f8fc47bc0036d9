//! A house for tests: a journal in memory, and a notebook of what was asked of it.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod projects;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use coditect_ports::Journal;
use coditect_runtime::cell;
use coditect_testkit::memory_journal::MemoryJournal;
use coditect_types::access::{Admission, Asked};
use coditect_types::event::{Cause, Diagnosis, Response, TaskEnd, ViolationKind};
use coditect_types::fleet::{FleetView, Held};
use coditect_types::limits::Verdict;
use coditect_types::model::{Finish, ModelReply, Usage};
use coditect_types::outcome::{ChangedFile, Evidence, Proposal, Spent};
use coditect_types::plan::{Intent, Role};
use coditect_types::{
    ApprovalId, AttemptId, Enforced, EpisodeId, ErrorKind, Event, Expectation, Ledger, MissionId,
    MissionStatus, Outcome, Policy, Receipt, Record, Refusal, Rung, TaskId, TaskSpec, TestReport, TestResult,
    TestStatus, Tier, UserName, UserRole, Visitor, WorkspaceRef,
};

use crate::house::graph::{Explored, GraphAsked};
use crate::house::{Between, Both, Compared, House, Recalled, Recollection, Sentence, Terms, Told};

pub(crate) use projects::{explored, fleet};

/// What nobody may be able to put into a page: markup, an attribute's end, a control, a mark that turns the direction.
pub(crate) const HOSTILE: &str =
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{202e}gnp\u{1b}[2J";

#[derive(Debug, Default)]
pub(crate) struct Trial {
    pub(crate) journal: MemoryJournal,
    pub(crate) running: Mutex<BTreeSet<MissionId>>,
    pub(crate) asked: Mutex<Vec<String>>,
    /// Whose graphs were looked at, for whom.
    pub(crate) explored: Mutex<Vec<String>>,
    /// Users by their tokens.
    pub(crate) users: Mutex<BTreeMap<String, Admission>>,
    /// What the book was told.
    pub(crate) book: Mutex<Vec<Asked>>,
    pub(crate) has_full_disk: AtomicBool,
    /// Whoever reads the journal waits, as where its server hangs.
    pub(crate) is_stuck: AtomicBool,
    /// Missions that are being begun, and the most of them at once.
    beginning: AtomicUsize,
    pub(crate) most_beginning: AtomicUsize,
}

impl House for Trial {
    fn journal(&self) -> &dyn Journal {
        while self.is_stuck.load(Ordering::Relaxed) {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        &self.journal
    }

    fn findings(&self) -> Vec<String> {
        Vec::new()
    }

    fn is_running(&self, mission: &MissionId) -> bool {
        self.running.lock().unwrap().contains(mission)
    }

    fn story(&self, record: &Record) -> Vec<Sentence> {
        let text = serde_json::to_string(&record.event).unwrap();
        vec![Sentence { task: None, tells: "seen", text }]
    }

    fn expectation(&self, expectation: &Expectation) -> String {
        format!("{expectation:?}")
    }

    fn cancel(&self, mission: &MissionId, reason: String) -> Result<String, Refusal> {
        self.asked.lock().unwrap().push(format!("cancel {mission}: {reason}"));
        Ok(format!("cancelled {mission}"))
    }

    fn answer(
        &self,
        mission: &MissionId,
        approval: ApprovalId,
        verdict: Verdict,
        by: String,
        why: String,
    ) -> Result<String, Refusal> {
        if approval.0 > 1 {
            let cause = format!("it has no question {approval}");
            return Err(Refusal { kind: ErrorKind::NotFound, cause, hint: Some("look again".to_owned()) });
        }
        self.asked.lock().unwrap().push(format!("{verdict:?} {mission} {approval} by {by}: {why}"));
        Ok("taken".to_owned())
    }

    fn begin(&self, by: &Visitor, request: &str, dir: &str, terms: &Terms) -> Result<MissionId, Refusal> {
        if dir == "/nowhere" {
            let cause = format!("there is no `{dir}`");
            return Err(Refusal { kind: ErrorKind::NotFound, cause, hint: None });
        }
        let by = by.user.as_ref().map(|user| format!("{user}: ")).unwrap_or_default();
        let at_once = self.beginning.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_beginning.fetch_max(at_once, Ordering::SeqCst);
        std::thread::park_timeout(Duration::from_millis(1));
        self.asked.lock().unwrap().push(format!("{by}begin {request} on {dir}: {terms:?}"));
        self.beginning.fetch_sub(1, Ordering::SeqCst);
        Ok(id("m-begun"))
    }

    fn fork(&self, _: &Visitor, of: &MissionId, at: u64, terms: &Terms) -> Result<MissionId, Refusal> {
        self.asked.lock().unwrap().push(format!("fork {of} at {at}: {terms:?}"));
        Ok(id("m-forked"))
    }

    fn between(&self, _: &MissionId, from: u64, to: u64) -> Result<Between, Refusal> {
        if to > 8 {
            return Err(Refusal {
                kind: ErrorKind::Invalid,
                cause: format!("it has no record {to}"),
                hint: None,
            });
        }
        let texts = [Some(format!("{from} {HOSTILE}")), None];
        let known = vec![Both { label: HOSTILE.to_owned(), texts }];
        Ok(Between { known, diff: Some(format!("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+{HOSTILE}\n")) })
    }

    fn compare(&self, _: &MissionId, _: &MissionId) -> Result<Compared, Refusal> {
        let texts = [Some(HOSTILE.to_owned()), None];
        let rows = vec![Both { label: "result".to_owned(), texts }];
        Ok(Compared { rows, parted: 3, paths: [vec![HOSTILE.to_owned()], Vec::new()] })
    }

    fn recall(&self, by: &Visitor, words: &str, _: usize) -> Result<Recollection, Refusal> {
        let one = Recalled {
            id: "m-1".to_owned(),
            request: format!("{HOSTILE} {words} {:?}", by.user),
            status: "verified".to_owned(),
            explanation: HOSTILE.to_owned(),
            language: HOSTILE.to_owned(),
            workspace: HOSTILE.to_owned(),
            ended_at_ms: 1,
            score: Some(0.5),
        };
        Ok(Recollection { episodes: 1, found: vec![one], findings: vec![HOSTILE.to_owned()] })
    }

    fn episode(&self, _: &Visitor, id: &EpisodeId) -> Result<Told, Refusal> {
        let entries = vec![("request".to_owned(), HOSTILE.to_owned())];
        Ok(Told { id: id.to_string(), mission: None, entries, diff: HOSTILE.to_owned() })
    }

    fn fleet(&self) -> Result<FleetView, Refusal> {
        Ok(fleet())
    }

    fn holder(&self, mission: &MissionId) -> Option<Held> {
        self.is_running(mission).then_some(Held { process: Some(4711), machine: None })
    }

    fn explore(&self, by: &Visitor, dir: &str, asked: &GraphAsked) -> Result<Explored, Refusal> {
        let by = by.user.as_ref().map_or("the person", |user| user.as_str());
        self.explored.lock().unwrap().push(format!("{dir} for {by}: {}", asked.name));
        Ok(explored(dir, asked))
    }

    fn person(&self) -> String {
        "ada".to_owned()
    }

    fn admit(&self, token: &str) -> Result<Admission, Refusal> {
        Ok(self.users.lock().unwrap().get(token).cloned().unwrap_or(Admission::Unknown))
    }

    fn is_admitted(&self, visitor: &Visitor) -> Result<bool, Refusal> {
        let users = self.users.lock().unwrap();
        Ok(users.values().any(|known| *known == Admission::Known(visitor.clone())))
    }

    fn keep(&self, asked: &Asked) -> Result<(), Refusal> {
        if self.has_full_disk.load(Ordering::Relaxed) {
            let cause = "the disk is full".to_owned();
            return Err(Refusal { kind: ErrorKind::Exhausted, cause, hint: None });
        }
        self.book.lock().unwrap().push(asked.clone());
        Ok(())
    }
}

pub(crate) fn id(name: &str) -> MissionId {
    MissionId::parse(name).unwrap()
}

pub(crate) fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

/// The token of a user with one role.
pub(crate) fn token(user: &str, role: UserRole) -> String {
    format!("cdt_{user}_{}", role.name())
}

impl Trial {
    /// Ada, Eve and Grace, each with a token for every role; Grace reaches Ada's missions too. Ada and the machine's own person have
    /// one mission each.
    pub(crate) fn has_a_team(&self) {
        {
            let mut users = self.users.lock().unwrap();
            for (user, of) in [("ada", &[][..]), ("eve", &[]), ("grace", &["ada"])] {
                for role in UserRole::ALL {
                    let visitor = Visitor {
                        user: Some(name(user)),
                        roles: BTreeSet::from([role]),
                        of: of.iter().map(|of| name(of)).collect(),
                        token: Some(format!("{user}-{}", role.name())),
                    };
                    users.insert(token(user, role), Admission::Known(visitor));
                }
            }
            let past = Admission::Past { user: name("ada"), token: "old".to_owned(), why: "expired" };
            users.insert("cdt_old".to_owned(), past);
        }
        for (mission, owner) in [("m-adas", Some("ada")), ("m-own", None)] {
            let mission = id(mission);
            let mut events = hostile(&mission);
            let Event::MissionSubmitted { policy, .. } = &mut events[0] else { panic!("{events:?}") };
            policy.owner = owner.map(name);
            self.append(&mission, events);
        }
    }

    /// Keeps what is new of a mission.
    pub(crate) fn append(&self, mission: &MissionId, events: Vec<Event>) {
        let last = self.last(mission);
        let records = events.into_iter().zip(last + 1..).map(|(event, seq)| {
            cell::encode(&Record {
                mission: mission.clone(),
                seq,
                at_ms: 1_795_415_467_000 + seq * 1_000,
                event,
            })
        });
        self.journal.append_now(mission, last, records.collect()).unwrap();
    }

    /// Keeps records as they are.
    pub(crate) fn keep(&self, mission: &MissionId, records: &[Record]) {
        let bytes = records.iter().map(cell::encode).collect();
        self.journal.append_now(mission, self.last(mission), bytes).unwrap();
    }

    fn last(&self, mission: &MissionId) -> u64 {
        let streams = self.journal.streams().unwrap();
        streams.iter().find(|info| info.stream == *mission).map_or(0, |info| info.last_seq)
    }
}

pub(crate) fn submitted(mission: &MissionId, request: &str) -> Event {
    let mut policy = Policy::default();
    policy.waived.push(HOSTILE.to_owned());
    Event::MissionSubmitted {
        mission: mission.clone(),
        request: request.to_owned(),
        workspace: WorkspaceRef { path: format!("/projects/{request}") },
        policy,
        fork: None,
    }
}

pub(crate) fn receipt() -> Receipt {
    let tests = |status| {
        BTreeMap::from([(format!("test_{HOSTILE}"), status), ("steady".to_owned(), TestStatus::Passed)])
    };
    Receipt {
        command: vec!["pytest".to_owned(), HOSTILE.to_owned()],
        directory: String::new(),
        tree: "e55ebf".to_owned(),
        exit_code: 0,
        before: tests(TestStatus::Failed),
        after: tests(TestStatus::Passed),
        flaky: BTreeMap::new(),
        output_hash: "abc".to_owned(),
        tier: Tier::Wasm,
        enforced: Enforced { network: true, missing: vec![HOSTILE.to_owned()], ..Enforced::default() },
        taken_at_ms: 1,
        wall_ms: 2,
    }
}

fn proposal() -> Proposal {
    Proposal {
        rung: Rung::Reflex,
        commit: "c0ffee".to_owned(),
        tree: "e55ebf".to_owned(),
        diff: format!("--- a/{HOSTILE}\n+++ b/x\n@@ -1 +1 @@\n-{HOSTILE}\n+{HOSTILE}\n"),
        files: vec![ChangedFile { path: HOSTILE.to_owned(), added: 1, removed: 1 }],
        explanation: HOSTILE.to_owned(),
        confidence: 0.9,
        runners_up: vec![format!("+{HOSTILE}\n")],
        evidence: Evidence::default(),
    }
}

/// A red test, and what it says.
fn red() -> TestResult {
    TestResult {
        id: format!("test_{HOSTILE}"),
        status: TestStatus::Failed,
        us: 1,
        message: HOSTILE.to_owned(),
        error_type: String::new(),
        frames: Vec::new(),
        passes_of_runs: None,
    }
}

fn started(attempt: AttemptId, action: &str) -> Event {
    let expectations = vec![Expectation::Succeeds { probability: 0.9 }];
    Event::AttemptStarted {
        task: TaskId(1),
        attempt,
        action: action.to_owned(),
        expectations,
        deadline_ms: 0,
    }
}

/// A mission whose project, tests and person are as hostile as can be, up to a question that waits.
pub(crate) fn hostile(mission: &MissionId) -> Vec<Event> {
    let (task, attempt) = (TaskId(1), AttemptId(1));
    let spec = |id, needs| TaskSpec {
        id,
        role: Role::Tester,
        intent: Intent::VerifyChange,
        needs,
        strand: None,
        parent: None,
    };
    let report = TestReport { tests: vec![red()], ..TestReport::default() };
    let spent = Spent { candidates: 7, sandbox_runs: 9, ..Spent::default() };
    vec![
        submitted(mission, HOSTILE),
        Event::PlanMade {
            tasks: vec![spec(task, Vec::new()), spec(TaskId(2), vec![task])],
            reason: HOSTILE.to_owned(),
            strands: Vec::new(),
        },
        started(attempt, HOSTILE),
        Event::AttemptEnded {
            task,
            attempt,
            outcome: Outcome::ChangeProposed { proposal: proposal(), spent: spent.clone() },
        },
        started(AttemptId(2), "verify_change"),
        Event::AttemptEnded {
            task,
            attempt: AttemptId(2),
            outcome: Outcome::ChangeVerified {
                receipt: receipt(),
                report,
                spent: Spent { candidates: 0, ..spent },
            },
        },
        Event::ViolationFound {
            task,
            attempt,
            kind: ViolationKind::TestExpectation,
            expected: HOSTILE.to_owned(),
            observed: HOSTILE.to_owned(),
            confidence: 0.5,
            response: Response::Ask,
            diagnosis: Some(Diagnosis {
                cause: Cause::Flaky,
                evidence: HOSTILE.to_owned(),
                confidence: 0.4,
                runs: 3,
            }),
        },
        Event::ApprovalAsked {
            approval: ApprovalId(1),
            task,
            attempt,
            kind: ViolationKind::TestExpectation,
            expected: HOSTILE.to_owned(),
            observed: HOSTILE.to_owned(),
            confidence: 0.5,
            until_ms: 1_795_415_999_000,
        },
    ]
}

/// A mission that asked a model twice, once in vain.
pub(crate) fn asked_a_model(mission: &MissionId, model: &str) -> Vec<Event> {
    let (task, intent) = (TaskId(1), Intent::AskModel { model: model.to_owned() });
    let (needs, strand, parent) = (Vec::new(), None, None);
    let tasks = vec![TaskSpec { id: task, role: Role::Orchestrator, intent, needs, strand, parent }];
    let usage = Usage { tokens_in: 1_000, tokens_out: 20, ..Usage::default() };
    let reply = ModelReply { text: HOSTILE.to_owned(), finish: Finish::Done, usage, kept: false };
    let answered =
        Outcome::ModelAnswered { model: model.to_owned(), reply: reply.clone(), spent: Spent::default() };
    let kept = ModelReply { kept: true, ..reply };
    let again = Outcome::ModelAnswered { model: model.to_owned(), reply: kept, spent: Spent::default() };
    let failure = coditect_types::Failure::new(ErrorKind::Unavailable, HOSTILE);
    let failed = Outcome::Failed { failure, spent: Spent::default() };
    let mut events = vec![
        submitted(mission, HOSTILE),
        Event::PlanMade { tasks, reason: HOSTILE.to_owned(), strands: Vec::new() },
    ];
    for (n, outcome) in (1..).zip([failed, answered, again]) {
        events.push(started(AttemptId(n), "ask_model"));
        events.push(Event::AttemptEnded { task, attempt: AttemptId(n), outcome });
    }
    events
}

/// How it ends.
pub(crate) fn ending(status: MissionStatus) -> Vec<Event> {
    let mut ledger =
        Ledger { candidates: 7, sandbox_runs: 9, model_calls: 2, micro_usd: 1_500_000, ..Ledger::default() };
    ledger.rungs.entry(Rung::Reflex).or_default().candidates = 7;
    ledger.models.entry(HOSTILE.to_owned()).or_default().calls = 2;
    vec![
        Event::ApprovalGiven {
            approval: ApprovalId(1),
            verdict: Verdict::Denied,
            by: Some(HOSTILE.to_owned()),
            why: HOSTILE.to_owned(),
        },
        Event::TaskSettled { task: TaskId(1), end: TaskEnd::Failed, why: HOSTILE.to_owned() },
        Event::MissionCompleted {
            status,
            summary: HOSTILE.to_owned(),
            trouble: None,
            hint: Some(HOSTILE.to_owned()),
            caveats: vec![HOSTILE.to_owned()],
            branch: Some(HOSTILE.to_owned()),
            commit: Some(HOSTILE.to_owned()),
            patch: Some(HOSTILE.to_owned()),
            receipt: Some(receipt()),
            ledger,
            wall_ms: 4_000,
        },
    ]
}
