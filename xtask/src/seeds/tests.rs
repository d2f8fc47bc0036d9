use super::packages;
use super::plant::kept::bug;
use super::plant::put;
use super::score::{median, wilson};

#[test]
fn every_language_has_three_packages_and_each_is_whole() {
    let all = packages::all().unwrap();
    for language in ["rust", "javascript", "typescript", "go", "java", "python"] {
        let of = all.iter().filter(|package| package.language == language).count();
        assert!(of >= 3, "{language} has {of}");
    }
    let mut folders: Vec<String> = all.iter().map(packages::Package::folder).collect();
    folders.sort();
    folders.dedup();
    assert_eq!(folders.len(), all.len());
    for package in &all {
        assert!(!package.product.is_empty() && !package.check.is_empty(), "{}", package.name);
        assert!(!package.task().contains(['/', '@']), "{}", package.name);
    }
}

#[test]
fn a_share_of_few_tasks_is_an_interval() {
    let (low, high) = wilson(15, 20);
    assert!((low - 0.531).abs() < 0.001 && (high - 0.888).abs() < 0.001, "{low} {high}");
    assert_eq!(wilson(0, 0), (0.0, 1.0));
    let (low, high) = wilson(20, 20);
    assert!(low > 0.83 && high == 1.0);
}

#[test]
fn the_median_is_one_of_the_values() {
    assert_eq!(median(vec![3, 1, 2]), Some(2));
    assert_eq!(median(vec![4, 1, 2, 3]), Some(2));
    assert_eq!(median::<u64>(Vec::new()), None);
}

#[test]
fn a_bug_is_put_in_its_place_and_nowhere_else() {
    let top = tempfile::tempdir().unwrap();
    std::fs::write(top.path().join("a.rs"), "ab\n").unwrap();
    put(top.path(), &bug("sign", 0)).unwrap();
    assert_eq!(std::fs::read_to_string(top.path().join("a.rs")).unwrap(), "bb\n");
    let far = super::plant::Bug { start: 90, end: 91, ..bug("sign", 0) };
    assert!(put(top.path(), &far).is_err_and(|report| report.contains("90..91")));
}
