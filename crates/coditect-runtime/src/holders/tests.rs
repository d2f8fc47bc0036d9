use coditect_testkit::memory_world::MemoryWorld;

use super::*;

fn mission(n: u64) -> MissionId {
    MissionId::from_parts(1_700_000_000_000, n)
}

fn open(world: &Arc<MemoryWorld>) -> Open {
    let world = Arc::clone(world);
    Arc::new(move || Ok(Arc::clone(&world) as Arc<dyn WorldStore>))
}

fn begin(world: &Arc<MemoryWorld>, process: Process) -> Sayer {
    Sayer::begin(open(world), process).unwrap()
}

/// What is heard once it is so.
fn heard(world: &Arc<MemoryWorld>, is_so: &dyn Fn(&[Holder]) -> bool) -> Arc<Vec<Holder>> {
    let began = Instant::now();
    loop {
        let holders = Holders::new(open(world)).read().unwrap();
        if is_so(&holders) {
            return holders;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{holders:?}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn of(all: &[Holder], host: &str) -> Option<usize> {
    all.iter().find(|holder| holder.process.host == host).map(|holder| holder.missions.len())
}

#[test]
fn a_process_says_which_missions_it_has_until_it_ends() {
    let world = Arc::new(MemoryWorld::default());
    let this = |host: &str| Process::this(host.to_owned());
    let (one, two) = (begin(&world, this("a")), begin(&world, this("b")));
    heard(&world, &|all| all.len() == 2 && all.iter().all(|holder| holder.missions.is_empty()));
    one.has(&mission(1));
    one.has(&mission(2));
    let all = heard(&world, &|all| of(all, "a") == Some(2));
    assert_eq!(of(&all, "b"), Some(0));
    assert!(all.iter().any(|holder| holder.instance == two.instance()));
    one.let_go(&mission(1));
    heard(&world, &|all| of(all, "a") == Some(1));
    // One that ends is gone at once, and does not have to be waited for.
    drop(one);
    heard(&world, &|all| of(all, "a").is_none() && of(all, "b") == Some(0));
}

#[test]
fn one_whose_number_nobody_has_on_this_machine_is_gone_whatever_is_remembered() {
    let world = Arc::new(MemoryWorld::default());
    let mut child = std::process::Command::new("true").spawn().unwrap();
    let gone = Process { pid: child.id(), ..Process::this("gone".to_owned()) };
    child.wait().unwrap();
    let elsewhere =
        Process { pid: gone.pid, place: "another pid:[1]".to_owned(), ..Process::this("away".to_owned()) };
    let _said = (begin(&world, gone), begin(&world, elsewhere));
    let began = Instant::now();
    while world.all(KIND).unwrap().len() < 2 {
        assert!(began.elapsed() < Duration::from_secs(30), "both have spoken");
        std::thread::park_timeout(Duration::from_millis(20));
    }
    let all = heard(&world, &|all| of(all, "away").is_some());
    assert_eq!(of(&all, "gone"), None);
}

#[test]
fn a_store_that_lost_everything_is_told_again_and_that_is_counted() {
    let world = Arc::new(MemoryWorld::default());
    let one = begin(&world, Process::this("a".to_owned()));
    one.has(&mission(1));
    heard(&world, &|all| of(all, "a") == Some(1));
    assert_eq!(one.losses(), 0);
    world.lose_everything();
    heard(&world, &|all| of(all, "a") == Some(1));
    assert_eq!(one.losses(), 1);
}

#[test]
fn a_store_that_cannot_be_asked_is_left_alone_for_a_while() {
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    let holders = Holders::new(Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        Err(PortError::new(coditect_types::ErrorKind::Unavailable, "nobody there"))
    }));
    assert!(holders.read().is_err() && holders.read().is_err());
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}
