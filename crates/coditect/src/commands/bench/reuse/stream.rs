//! A stream of tasks that are drawn from a seed: small functions over numbers, each with a bug in one place or two. About half of
//! them have a relative earlier on: the same bug under other names, in a copy of the function, or in a second module that does
//! the same. What the functions should give is computed here, so that every change can be held against inputs that no test has.

use coditect_memory::numbers::Numbers;

/// Inputs that the tests have, and others that tell whether a change means what it should.
const TESTED: usize = 5;
const HELD_BACK: usize = 12;
/// Draws after which a function or a bug is given up and another one is drawn.
const TRIES: usize = 60;
/// Of a hundred tasks, those with a relative, and of the others those with a bug in two places.
const RELATED: u64 = 50;
const TWO_PLACES: u64 = 30;
/// Places of names: the list, the number, two that are set, the one of the loop.
const LIST: usize = 0;
const NUMBER: usize = 1;
const SET: [usize; 2] = [2, 3];
const ITEM: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Than {
    Less,
    LessEqual,
    More,
    MoreEqual,
    Equal,
    Unequal,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expr {
    Name(usize),
    Number(i64),
    Both(Box<Self>, Op, Box<Self>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Set(usize, Expr),
    /// Adds, or takes away.
    Change(usize, Op, Expr),
    If(Expr, Than, Expr, Vec<Self>),
    Each(Vec<Self>),
}

/// A function of a list and a number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Function {
    steps: Vec<Step>,
    result: Expr,
}

/// Names for one function.
#[derive(Clone, Debug)]
struct Names {
    function: String,
    of: [&'static str; 5],
}

/// A place where a bug can be.
enum Site<'f> {
    Op(&'f mut Op),
    Than(&'f mut Than),
    Number(&'f mut i64),
    Name(&'f mut usize),
}

/// What a task has to do with one that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kin {
    /// Nothing.
    None,
    /// The same bug under other names.
    Renamed,
    /// The same function with the same tests in another repository.
    Copied,
    /// Another module of the same repository that does the same.
    Again,
}

/// One task.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) kin: Kin,
    /// The number of its repository.
    pub(super) repository: usize,
    /// The module without its ending, unlike any other of its repository.
    pub(super) module: String,
    pub(super) request: String,
    /// The module with the bug, and as it should be.
    pub(super) broken: String,
    pub(super) right: String,
    /// The tests as they are, and with one more.
    pub(super) tests: String,
    pub(super) more_tests: String,
    /// What must hold of the module, as Python.
    pub(super) truth: String,
}

type Input = (Vec<i64>, i64);

impl Op {
    fn apply(self, a: i64, b: i64) -> Option<i64> {
        match self {
            Self::Add => a.checked_add(b),
            Self::Sub => a.checked_sub(b),
            Self::Mul => a.checked_mul(b),
            // As Python has it for a divisor above 0, and there are no others.
            Self::Div => a.checked_div_euclid(b).filter(|_| b > 0),
            Self::Mod => a.checked_rem_euclid(b).filter(|_| b > 0),
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "//",
            Self::Mod => "%",
        }
    }
}

impl Than {
    const ALL: [Self; 6] =
        [Self::Less, Self::LessEqual, Self::More, Self::MoreEqual, Self::Equal, Self::Unequal];

    fn holds(self, a: i64, b: i64) -> bool {
        match self {
            Self::Less => a < b,
            Self::LessEqual => a <= b,
            Self::More => a > b,
            Self::MoreEqual => a >= b,
            Self::Equal => a == b,
            Self::Unequal => a != b,
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::More => ">",
            Self::MoreEqual => ">=",
            Self::Equal => "==",
            Self::Unequal => "!=",
        }
    }
}

impl Expr {
    fn value(&self, env: &[i64; 5]) -> Option<i64> {
        match self {
            Self::Name(name) => Some(env[*name]),
            Self::Number(number) => Some(*number),
            Self::Both(a, op, b) => op.apply(a.value(env)?, b.value(env)?),
        }
    }

    fn text(&self, names: &Names) -> String {
        let part = |of: &Self| match of {
            Self::Both(..) => format!("({})", of.text(names)),
            Self::Name(_) | Self::Number(_) => of.text(names),
        };
        match self {
            Self::Name(name) => names.of[*name].to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Both(a, op, b) => format!("{} {} {}", part(a), op.sign(), part(b)),
        }
    }

    fn sites<'f>(&'f mut self, found: &mut Vec<Site<'f>>) {
        match self {
            Self::Name(name) => found.push(Site::Name(name)),
            Self::Number(number) => found.push(Site::Number(number)),
            Self::Both(a, op, b) => {
                let divides = matches!(op, Op::Div | Op::Mod);
                a.sites(found);
                found.push(Site::Op(op));
                if !divides {
                    b.sites(found);
                }
            }
        }
    }

    fn draw(numbers: &mut Numbers, names: &[usize], depth: u32) -> Self {
        if depth == 0 || numbers.below(4) == 0 {
            return match numbers.below(3) {
                0 => Self::Number(pick(numbers, &[1, 2, 3, 4, 5, 7, 10]).unwrap_or(1)),
                _ => Self::Name(pick(numbers, names).unwrap_or(NUMBER)),
            };
        }
        let a = Self::draw(numbers, names, depth - 1);
        let op = pick(numbers, &[Op::Add, Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Mod]).unwrap_or(Op::Add);
        let b = match op {
            Op::Div | Op::Mod => Self::Number(pick(numbers, &[2, 3, 4, 5, 7]).unwrap_or(2)),
            Op::Mul => Self::Number(pick(numbers, &[2, 3, 4, 5]).unwrap_or(2)),
            Op::Add | Op::Sub => Self::draw(numbers, names, depth - 1),
        };
        Self::Both(Box::new(a), op, Box::new(b))
    }
}

impl Step {
    fn run(&self, env: &mut [i64; 5], list: &[i64]) -> Option<()> {
        match self {
            Self::Set(name, expr) => env[*name] = expr.value(env)?,
            Self::Change(name, op, expr) => env[*name] = op.apply(env[*name], expr.value(env)?)?,
            Self::If(a, than, b, steps) => {
                if than.holds(a.value(env)?, b.value(env)?) {
                    steps.iter().try_for_each(|step| step.run(env, list))?;
                }
            }
            Self::Each(steps) => {
                for item in list {
                    env[ITEM] = *item;
                    steps.iter().try_for_each(|step| step.run(env, list))?;
                }
            }
        }
        Some(())
    }

    fn text(&self, names: &Names, indent: usize, out: &mut String) {
        let space = "    ".repeat(indent);
        match self {
            Self::Set(name, expr) => {
                *out += &format!("{space}{} = {}\n", names.of[*name], expr.text(names));
            }
            Self::Change(name, op, expr) => {
                *out += &format!("{space}{} {}= {}\n", names.of[*name], op.sign(), expr.text(names));
            }
            Self::If(a, than, b, steps) => {
                *out += &format!("{space}if {} {} {}:\n", a.text(names), than.sign(), b.text(names));
                steps.iter().for_each(|step| step.text(names, indent + 1, out));
            }
            Self::Each(steps) => {
                *out += &format!("{space}for {} in {}:\n", names.of[ITEM], names.of[LIST]);
                steps.iter().for_each(|step| step.text(names, indent + 1, out));
            }
        }
    }

    fn sites<'f>(&'f mut self, found: &mut Vec<Site<'f>>) {
        match self {
            Self::Set(_, expr) => expr.sites(found),
            Self::Change(_, op, expr) => {
                found.push(Site::Op(op));
                expr.sites(found);
            }
            Self::If(a, than, b, steps) => {
                a.sites(found);
                found.push(Site::Than(than));
                b.sites(found);
                steps.iter_mut().for_each(|step| step.sites(found));
            }
            Self::Each(steps) => steps.iter_mut().for_each(|step| step.sites(found)),
        }
    }

    fn change(numbers: &mut Numbers, names: &[usize]) -> Self {
        let op = pick(numbers, &[Op::Add, Op::Add, Op::Sub]).unwrap_or(Op::Add);
        Self::Change(pick(numbers, &SET).unwrap_or(2), op, Expr::draw(numbers, names, 2))
    }

    fn condition(numbers: &mut Numbers, names: &[usize]) -> Self {
        let than = pick(numbers, &Than::ALL).unwrap_or(Than::Less);
        let (a, b) = (Expr::draw(numbers, names, 1), Expr::draw(numbers, names, 1));
        Self::If(a, than, b, vec![Self::change(numbers, names)])
    }
}

impl Function {
    fn draw(numbers: &mut Numbers) -> Self {
        let before = [NUMBER];
        let within = [NUMBER, 2, 3, ITEM];
        let after = [NUMBER, 2, 3];
        let mut steps = vec![
            Step::Set(2, Expr::Number(numbers.below(3).cast_signed())),
            Step::Set(3, Expr::draw(numbers, &before, 1)),
        ];
        let mut body = vec![Step::condition(numbers, &within)];
        if numbers.below(2) == 0 {
            body.push(Step::change(numbers, &within));
        }
        steps.push(Step::Each(body));
        for _ in 0..numbers.below(3) {
            steps.push(match numbers.below(2) {
                0 => Step::condition(numbers, &after),
                _ => Step::change(numbers, &after),
            });
        }
        let rest = Expr::draw(numbers, &after, 1);
        let result = Expr::Both(Box::new(Expr::Name(2)), Op::Add, Box::new(rest));
        Self { steps, result }
    }

    fn value(&self, (list, number): &Input) -> Option<i64> {
        let mut env = [0, *number, 0, 0, 0];
        self.steps.iter().try_for_each(|step| step.run(&mut env, list))?;
        self.result.value(&env)
    }

    fn text(&self, names: &Names) -> String {
        let mut out = format!("def {}({}, {}):\n", names.function, names.of[LIST], names.of[NUMBER]);
        self.steps.iter().for_each(|step| step.text(names, 1, &mut out));
        out + &format!("    return {}\n", self.result.text(names))
    }

    fn sites(&mut self) -> Vec<Site<'_>> {
        let mut found = Vec::new();
        self.steps.iter_mut().for_each(|step| step.sites(&mut found));
        self.result.sites(&mut found);
        found
    }

    /// The same with the thing at one place changed.
    fn broken_at(&self, at: usize, numbers: &mut Numbers) -> Self {
        let mut broken = self.clone();
        match broken.sites().into_iter().nth(at) {
            Some(Site::Op(op)) => {
                let others: &[Op] = match op {
                    Op::Add => &[Op::Sub],
                    Op::Sub | Op::Mul => &[Op::Add],
                    Op::Div => &[Op::Mod],
                    Op::Mod => &[Op::Div],
                };
                *op = pick(numbers, others).unwrap_or(*op);
            }
            Some(Site::Than(than)) => {
                let others: Vec<Than> = Than::ALL.into_iter().filter(|other| other != than).collect();
                *than = pick(numbers, &others).unwrap_or(*than);
            }
            Some(Site::Number(number)) => *number += pick(numbers, &[-1, 1]).unwrap_or(1),
            Some(Site::Name(name)) if SET.contains(name) => *name = SET[usize::from(*name == SET[0])],
            Some(Site::Name(_)) | None => {}
        }
        broken
    }

    /// The same with a bug in so many places, each of which makes a test red by itself.
    fn broken(&self, places: usize, inputs: &[Input], numbers: &mut Numbers) -> Option<Self> {
        let shows = |one: &Self, other: &Self| {
            inputs.iter().filter(|input| one.value(input) != other.value(input)).count() >= 2
        };
        let count = self.clone().sites().len();
        let mut broken = self.clone();
        for _ in 0..places {
            let at = below(numbers, count);
            let next = broken.broken_at(at, numbers);
            let alone = self.broken_at(at, numbers);
            if !shows(&next, &broken) || !shows(&next, self) || !shows(&alone, self) {
                return None;
            }
            broken = next;
        }
        inputs.iter().all(|input| broken.value(input).is_some()).then_some(broken)
    }
}

fn below(numbers: &mut Numbers, end: usize) -> usize {
    // The remainder is below `end`, which is a `usize`.
    usize::try_from(numbers.below(end as u64)).unwrap_or(0)
}

fn pick<T: Copy>(numbers: &mut Numbers, all: &[T]) -> Option<T> {
    all.get(below(numbers, all.len())).copied()
}

fn inputs(numbers: &mut Numbers, count: usize) -> Vec<Input> {
    let number = |numbers: &mut Numbers, from: i64, to: i64| from + numbers.below((to - from) as u64) as i64;
    (0..count)
        .map(|_| {
            let length = 1 + numbers.below(6);
            ((0..length).map(|_| number(numbers, -9, 20)).collect(), number(numbers, -5, 13))
        })
        .collect()
}

const VERBS: &[&str] = &[
    "score", "weigh", "rate", "tally", "blend", "fold", "grade", "balance", "charge", "measure", "settle",
    "rank", "merge", "price", "level", "trim",
];
const NOUNS: &[&str] = &[
    "orders", "readings", "points", "parcels", "marks", "visits", "bids", "shifts", "claims", "steps",
    "plots", "loads", "votes", "tickets", "pages", "routes",
];
const LISTS: &[&str] = &["values", "items", "entries", "samples", "amounts", "records"];
const PARAMS: &[&str] = &["limit", "bound", "factor", "base", "quota", "margin"];
const FIRST: &[&str] = &["total", "result", "outcome", "acc", "height"];
const SECOND: &[&str] = &["rest", "spare", "offset", "carry", "extra"];
const ITEMS: &[&str] = &["value", "item", "entry", "sample", "amount", "one"];

impl Names {
    fn draw(numbers: &mut Numbers, number: usize) -> Self {
        let verb = pick(numbers, VERBS).unwrap_or("score");
        let noun = pick(numbers, NOUNS).unwrap_or("orders");
        let mut of = [LISTS, PARAMS, FIRST, SECOND, ITEMS].map(|names| pick(numbers, names).unwrap_or("x"));
        if of[ITEM] == of[LIST] {
            of[ITEM] = "element";
        }
        Self { function: format!("{verb}_{noun}_{number}"), of }
    }
}

/// What tasks are made of: a function, its bug, names, the repository.
#[derive(Clone, Debug)]
struct Seed {
    right: Function,
    broken: Function,
    names: Names,
    repository: usize,
    inputs: Vec<Input>,
}

impl Seed {
    fn draw(numbers: &mut Numbers, number: usize, repositories: usize) -> Self {
        loop {
            let right = Function::draw(numbers);
            let inputs = inputs(numbers, TESTED + HELD_BACK);
            let values: Vec<Option<i64>> = inputs.iter().map(|input| right.value(input)).collect();
            let mut different: Vec<i64> = values.iter().flatten().copied().collect();
            different.sort_unstable();
            different.dedup();
            // One that gives nearly always the same tells nothing.
            if values.iter().any(Option::is_none) || different.len() < TESTED {
                continue;
            }
            let places = if numbers.below(100) < TWO_PLACES { 2 } else { 1 };
            let broken = (0..TRIES).find_map(|_| right.broken(places, &inputs[..TESTED], numbers));
            if let Some(broken) = broken {
                let names = Names::draw(numbers, number);
                return Self { right, broken, names, repository: below(numbers, repositories), inputs };
            }
        }
    }

    fn calls(&self, range: std::ops::Range<usize>) -> Vec<(String, i64)> {
        let call = |input: &Input| {
            let list: Vec<String> = input.0.iter().map(ToString::to_string).collect();
            let text = format!("{}([{}], {})", self.names.function, list.join(", "), input.1);
            Some((text, self.right.value(input)?))
        };
        self.inputs[range].iter().filter_map(call).collect()
    }

    fn task(&self, kin: Kin, module: String, request: String) -> Task {
        let name = &self.names.function;
        let tests = |count: usize| {
            let mut text =
                format!("import unittest\n\nfrom {module} import {name}\n\n\nclass Test(unittest.TestCase):");
            for (n, (call, value)) in self.calls(0..count).into_iter().enumerate() {
                text += &format!("\n    def test_{n}(self):\n        self.assertEqual({call}, {value})\n");
            }
            text
        };
        let truth = self.calls(0..self.inputs.len()).into_iter();
        Task {
            kin,
            repository: self.repository,
            request,
            broken: self.broken.text(&self.names),
            right: self.right.text(&self.names),
            tests: tests(TESTED),
            more_tests: tests(TESTED + 1),
            truth: truth.map(|(call, value)| format!("assert {call} == {value}\n")).collect(),
            module,
        }
    }
}

/// The tasks of a seed, in their order.
pub(super) fn draw(seed: u64, count: usize, repositories: usize) -> Vec<Task> {
    let mut numbers = Numbers::of(seed);
    let mut seeds: Vec<Seed> = Vec::new();
    let mut tasks = Vec::new();
    for number in 0..count {
        let is_related = !seeds.is_empty() && numbers.below(100) < RELATED;
        let request = ["make the failing tests pass", "fix the failing tests", "make the tests pass again"];
        let request = pick(&mut numbers, &request).unwrap_or(request[0]).to_owned();
        if !is_related {
            let seed = Seed::draw(&mut numbers, number, repositories);
            tasks.push(seed.task(Kin::None, seed.names.function.clone(), request));
            seeds.push(seed);
            continue;
        }
        let mut seed = seeds[below(&mut numbers, seeds.len())].clone();
        let kin = pick(&mut numbers, &[Kin::Renamed, Kin::Renamed, Kin::Copied, Kin::Again]);
        let kin = kin.unwrap_or(Kin::Renamed);
        let module = format!("{}_{number}", seed.names.function);
        match kin {
            Kin::Renamed | Kin::None => {
                seed.names = Names::draw(&mut numbers, number);
                seed.repository = below(&mut numbers, repositories);
                // Other tests than its relative has.
                seed.inputs.rotate_left(below(&mut numbers, HELD_BACK));
            }
            Kin::Copied => seed.repository = (seed.repository + 1) % repositories.max(1),
            Kin::Again => {}
        }
        let module = if kin == Kin::Renamed { seed.names.function.clone() } else { module };
        // Rotated inputs may not show the bug any more.
        let shown = seed.inputs[..TESTED].iter().any(|of| seed.right.value(of) != seed.broken.value(of));
        if !shown {
            seed.inputs.sort_by_key(|of| seed.right.value(of) == seed.broken.value(of));
        }
        tasks.push(seed.task(kin, module, request));
    }
    tasks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_tasks_each_time_and_about_half_have_a_relative() {
        let tasks = draw(3, 200, 8);
        let texts = |tasks: &[Task]| tasks.iter().map(|task| task.broken.clone()).collect::<Vec<_>>();
        assert_eq!(texts(&tasks), texts(&draw(3, 200, 8)));
        assert_ne!(texts(&tasks), texts(&draw(4, 200, 8)));
        let related = tasks.iter().filter(|task| task.kin != Kin::None).count();
        assert!((80..120).contains(&related), "{related}");
        for task in &tasks {
            assert!(task.broken != task.right && task.repository < 8 && task.truth.lines().count() == 17);
            assert!(task.tests.matches("def test_").count() == TESTED, "{}", task.tests);
        }
    }
}
