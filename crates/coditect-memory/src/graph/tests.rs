//! The parts that need no files: lists, names, bytes.

use super::lists::Lists;
use super::names::Names;
use super::{Changes, ProjectGraph};

#[test]
fn lists_keep_what_they_are_given_however_they_grow() {
    let mut lists: Lists<u32> = Lists::default();
    let mut plain: Vec<Vec<u32>> = vec![Vec::new(); 40];
    for n in 0..4_000_u32 {
        let at = (n * 7 % 40) as usize;
        if n % 11 == 0 {
            plain[at].clear();
        } else {
            plain[at].push(n);
        }
        lists.set(at as u32, &plain[at].clone());
    }
    for (at, list) in plain.iter().enumerate() {
        assert_eq!(lists.get(at as u32), list.as_slice());
    }
    assert_eq!(lists.len(), plain.iter().map(Vec::len).sum::<usize>());
    assert!(lists.bytes() < 200_000, "{}", lists.bytes());
    assert_eq!(lists.get(99), &[] as &[u32]);
}

#[test]
fn a_name_has_one_number() {
    let mut names = Names::default();
    let (one, two) = (names.keep("one"), names.keep("two"));
    assert_eq!((names.keep("one"), names.get(two), names.find("three")), (one, "two", None));
    let (text, ends) = names.kept();
    let kept = Names::of(text.to_owned(), ends.to_vec()).unwrap();
    assert_eq!(kept.find("two"), Some(two));
    assert!(Names::of("ab".to_owned(), vec![0, 1]).is_none());
    assert!(Names::of("é".to_owned(), vec![0, 1, 2]).is_none());
}

#[test]
fn nothing_is_a_graph_too() {
    let mut graph = ProjectGraph::default();
    let updated = graph.update(Changes { gone: vec!["no/such.py".to_owned()], ..Changes::default() });
    assert_eq!((updated.taken, updated.gone, updated.looked_at), (0, 0, 0));
    let again = ProjectGraph::of_bytes(&graph.to_bytes()).unwrap();
    assert_eq!(again.size().files, 0);
    assert!(ProjectGraph::of_bytes(b"").is_err());
    assert!(ProjectGraph::of_bytes(&[0; 100]).is_err());
}
