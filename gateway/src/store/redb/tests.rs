//! The store with its real file.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::store::{Expect, Write};

fn id(text: &str) -> RecordId {
    text.parse().unwrap()
}

fn batch(at: u64, writes: Vec<Write>) -> Batch {
    Batch { at, who: "test".to_owned(), writes }
}

fn put(name: &str, document: Value) -> Write {
    Write::put(Kind::Group, id(name), document)
}

fn open(folder: &TempDir) -> Redb {
    Redb::open(folder.path()).unwrap()
}

fn names(store: &Redb, kind: Kind) -> Vec<String> {
    store.list(kind).unwrap().into_iter().map(|record| record.id.to_string()).collect()
}

#[test]
fn what_was_written_is_there_after_it_was_opened_again_and_for_its_owner_alone() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    assert_eq!(store.write(&batch(5, vec![put("a", json!({ "n": 1 }))])).unwrap(), Revision(1));
    assert_eq!(
        store.write(&batch(7, vec![put("a", json!({ "n": 2 })), put("b", json!({}))])).unwrap(),
        Revision(2)
    );
    drop(store);
    let store = open(&folder);
    let expected = Record {
        kind: Kind::Group,
        id: id("a"),
        revision: Revision(2),
        created_at: 5,
        updated_at: 7,
        document: Arc::new(json!({ "n": 2 })),
    };
    assert_eq!(store.get(Kind::Group, &id("a")).unwrap(), Some(expected));
    assert_eq!(
        (names(&store, Kind::Group), store.revision().unwrap()),
        (vec!["a".into(), "b".into()], Revision(2))
    );
    assert_eq!((names(&store, Kind::Policy), store.get(Kind::Policy, &id("a")).unwrap()), (vec![], None));
    let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!((mode & 0o777, fs::read_dir(folder.path()).unwrap().count()), (0o600, 1));
}

#[test]
fn kinds_do_not_run_into_each_other() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let writes = Kind::ALL.map(|kind| Write::create(kind, id("same"), json!({ "kind": kind.as_str() })));
    store.write(&batch(1, writes.into())).unwrap();
    for kind in Kind::ALL {
        let documents: Vec<_> = store.list(kind).unwrap().into_iter().map(|record| record.document).collect();
        assert_eq!(documents, [Arc::new(json!({ "kind": kind.as_str() }))], "{kind}");
    }
}

#[test]
fn a_write_that_expects_something_else_changes_nothing_and_neither_do_those_beside_it() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    store.write(&batch(1, vec![put("a", json!(1))])).unwrap();
    let write = |name: &str, expect| Write { expect, ..put(name, json!(2)) };
    let cases = [
        (write("a", Expect::Absent), Some(Revision(1))),
        (write("a", Expect::At(Revision(2))), Some(Revision(1))),
        (write("c", Expect::Present), None),
        (write("c", Expect::At(Revision(1))), None),
        (Write::delete(Kind::Group, id("c")), None),
    ];
    for (write, expected) in cases {
        let error = store.write(&batch(2, vec![put("b", json!(1)), write.clone()])).unwrap_err();
        let WriteError::Conflict { found, .. } = error else { panic!("{error}") };
        assert_eq!(found, expected, "{write:?}");
        assert_eq!((names(&store, Kind::Group), store.revision().unwrap()), (vec!["a".into()], Revision(1)));
    }
    let error = store.write(&batch(2, vec![put("b", json!(1)), put("b", json!(2))])).unwrap_err();
    assert!(matches!(error, WriteError::Twice { .. }), "{error}");
    let good = [write("a", Expect::At(Revision(1))), write("b", Expect::Absent)];
    assert_eq!(store.write(&batch(3, good.into())).unwrap(), Revision(2));
    store.write(&batch(4, vec![Write::delete(Kind::Group, id("a"))])).unwrap();
    assert_eq!(names(&store, Kind::Group), ["b"]);
}

#[test]
fn the_feed_has_every_batch_in_its_order_as_far_back_as_it_goes() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    for at in 1..=5 {
        store.write(&batch(at, vec![put("a", json!(at)), put("b", json!(at))])).unwrap();
    }
    store.write(&batch(6, vec![Write::delete(Kind::Group, id("a"))])).unwrap();
    let revisions = |after, most| {
        let commits = store.changes(Revision(after), most).unwrap();
        commits.into_iter().map(|commit| commit.revision.0).collect::<Vec<_>>()
    };
    assert_eq!(
        (revisions(0, 9), revisions(4, 9), revisions(1, 2)),
        ((1..=6).collect(), vec![5, 6], vec![2, 3])
    );
    assert_eq!(revisions(6, 9), [0; 0]);
    let last = store.changes(Revision(5), 1).unwrap();
    assert_eq!((last[0].at, last[0].who.as_str()), (6, "test"));
    let touched: Vec<_> = last[0].touched.iter().map(|it| (&*it.kind, &*it.id, it.deleted)).collect();
    assert_eq!(touched, [("group", "a", true)]);
    // A store that was put back does not know what its reader has seen.
    assert!(matches!(store.changes(Revision(7), 1), Err(StoreError::Forgotten(Revision(7)))));
}

#[test]
fn a_file_that_is_no_store_is_named_and_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(FILE);
    for bytes in [b"not a database".to_vec(), vec![0; 8192], vec![0xff; 100_000]] {
        fs::write(&path, &bytes).unwrap();
        let error = Redb::open(folder.path()).map(drop).unwrap_err();
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    let missing = Redb::open(&folder.path().join("absent")).map(drop).unwrap_err();
    assert!(matches!(missing, StoreError::NoFolder(_)), "{missing}");
}

#[test]
fn one_that_is_cut_off_or_scribbled_over_is_never_taken_for_a_good_one() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    for at in 1..=50 {
        store.write(&batch(at, vec![put(&at.to_string(), json!("x".repeat(500)))])).unwrap();
    }
    drop(store);
    let path = folder.path().join(FILE);
    let good = fs::read(&path).unwrap();
    for cut in [1, 100, good.len() / 2, good.len() - 1] {
        fs::write(&path, &good[..cut]).unwrap();
        let opened = Redb::open(folder.path());
        assert!(opened.and_then(|store| store.list(Kind::Group)).is_err(), "cut at {cut}");
    }
    fs::write(&path, &good).unwrap();
    assert_eq!(names(&open(&folder), Kind::Group).len(), 50);
}

#[test]
fn only_one_process_has_it_and_a_successor_gets_it_when_it_is_let_go_of() {
    let folder = TempDir::new().unwrap();
    let (own, again) = (open(&folder), || Redb::open(folder.path()));
    own.write(&batch(1, vec![put("a", json!(1))])).unwrap();
    assert!(matches!(again().map(drop), Err(StoreError::InUse(_))));
    own.release();
    let refused = own.write(&batch(2, vec![put("b", json!(1))]));
    assert!(matches!(refused, Err(WriteError::Store(StoreError::Released))));
    assert!(matches!(own.list(Kind::Group), Err(StoreError::Released)));
    let successor = again().unwrap();
    assert_eq!(names(&successor, Kind::Group), ["a"]);
    drop(successor);
    own.reclaim();
    own.write(&batch(2, vec![put("b", json!(1))])).unwrap();
    assert_eq!(names(&own, Kind::Group), ["a", "b"]);
}

/// Version 2 of a schema that never was: documents say in `v` what they went through.
fn mark(kind: Kind, document: &mut Value) {
    document["v"] = json!(format!("{} {kind}", document["v"].as_str().unwrap_or("1")));
}

#[test]
fn an_older_form_is_read_in_todays_and_kept_so_once_it_is_settled() {
    let folder = TempDir::new().unwrap();
    let old = open(&folder);
    old.write(&batch(1, vec![put("a", json!({}))])).unwrap();
    drop(old);
    let newer = || Redb::with(folder.path(), Schema::with(&[mark, mark])).unwrap();
    let document = |store: &Redb, name: &str| {
        store.get(Kind::Group, &id(name)).unwrap().map(|record| record.document["v"].clone())
    };
    let brought = Some(json!("1 group group"));
    // Reading leaves it as the one before knows it: it may have to go on with it.
    let store = newer();
    assert_eq!((document(&store, "a"), store.list(Kind::Group).unwrap().len()), (brought.clone(), 1));
    drop(store);
    assert_eq!(document(&open(&folder), "a"), Some(Value::Null));
    // The first write brings everything, so that there is one form at a time.
    let store = newer();
    store.write(&batch(2, vec![put("b", json!({ "v": "new" }))])).unwrap();
    assert_eq!((document(&store, "a"), document(&store, "b")), (brought.clone(), Some(json!("new"))));
    store.settle().unwrap();
    drop(store);
    let store = newer();
    assert_eq!((document(&store, "a"), document(&store, "b")), (brought, Some(json!("new"))));
    drop(store);
    let error = Redb::open(folder.path()).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Version { version: 3, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("version 3") && error.to_string().contains(FILE), "{error}");
}
