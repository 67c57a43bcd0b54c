//! What a change takes: 10,000 policies and 1,000 certificates are stored, one policy changes.
//!
//! `cargo bench -p fleetgate --bench compile`
#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up is none")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fleetgate::control::Base;
use fleetgate::crl::{Denials, Keeper, Network, Prepared};
use fleetgate::device::verdicts::Verdicts;
use fleetgate::model::id::ResourceId;
use fleetgate::model::kind::Kind;
use fleetgate::resource::Stored;
use fleetgate::snapshot::Accepted;
use fleetgate::store::{Batch, Redb, Store, Write};
use fleetgate::telemetry::Metrics;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

const HOST: &str = "iot.example.com";
const APPLICATIONS: usize = 500;
const POLICIES: usize = 10_000;
const CERTIFICATES: usize = 1_000;

fn id(kind: Kind, number: usize) -> ResourceId {
    ResourceId::derived(kind.as_str(), &number.to_string())
}

fn write(kind: Kind, number: usize, document: Value) -> Write {
    Write::put(kind, id(kind, number).into(), document)
}

fn ca(number: usize) -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, format!("Device CA {number}"));
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

fn certificate(number: usize) -> Write {
    let document = json!({
        "name": format!("ca-{number}"), "certificate": ca(number), "associated_hostnames": [HOST],
    });
    write(Kind::Certificate, number, document)
}

/// Half of the policies are shared, and half are an application's own.
fn policy(number: usize, name: &str) -> Write {
    let kind = if number.is_multiple_of(2) { Kind::Policy } else { Kind::ApplicationPolicy };
    let document = json!({
        "name": name,
        "decision": "non_identity",
        "app_id": id(Kind::Application, number % APPLICATIONS).to_string(),
        "precedence": number / APPLICATIONS + 1,
        "include": [
            { "common_name": { "common_name": format!("pump-{number}") } },
            { "cert_ou": { "ou": format!("Unit {number}") } },
        ],
        "require": [{ "certificate": {} }],
        "exclude": [{ "ip": { "ip": format!("10.{}.{}.0/24", number / 256 % 256, number % 256) } }],
    });
    write(kind, number, document)
}

fn application(number: usize) -> Write {
    let shared = (number..POLICIES).step_by(APPLICATIONS).filter(|policy| policy.is_multiple_of(2));
    let shared =
        shared.map(|policy| json!({ "id": id(Kind::Policy, policy).to_string(), "precedence": policy + 1 }));
    let document = json!({
        "domain": format!("{HOST}/area-{number}"), "name": number.to_string(), "policies": shared.collect::<Vec<_>>(),
    });
    write(Kind::Application, number, document)
}

fn batch(writes: Vec<Write>) -> Batch {
    Batch { at: 1, who: "bench".to_owned(), writes }
}

fn fill(store: &Redb) {
    let policies = (0..POLICIES).map(|number| policy(number, "first"));
    let writes = (0..CERTIFICATES).map(certificate).chain((0..APPLICATIONS).map(application)).chain(policies);
    store.write(&batch(writes.collect())).unwrap();
}

fn site(folder: &Path) {
    let file = |name: &str, content: String| std::fs::write(folder.join(name), content).unwrap();
    let key = KeyPair::generate().unwrap();
    file("server.pem", CertificateParams::new([HOST.to_owned()]).unwrap().self_signed(&key).unwrap().pem());
    file("server-key.pem", key.serialize_pem());
    let text = format!(
        "[[listener]]\naddress = \"[::]:443\"\n[[host]]\nname = \"{HOST}\"\ncertificate = \"server.pem\"\n\
         key = \"server-key.pem\"\norigin = \"http://127.0.0.1:1\"\n"
    );
    file("fleetgate.toml", text);
}

fn compile(criterion: &mut Criterion) {
    let folder = TempDir::new().unwrap();
    site(folder.path());
    let store = Redb::open(folder.path()).unwrap();
    fill(&store);
    let load = || Base::load(&folder.path().join("fleetgate.toml")).unwrap();
    let (base, verdicts) = (load(), Arc::new(Verdicts::new(1000)));
    let (stored, problems) = Stored::load(&store).unwrap();
    assert!(problems.is_empty());
    let stored = Arc::new(stored);
    let compose = |base: &Base, stored: &Arc<Stored>| {
        base.compose(stored, Vec::new(), &verdicts, &Accepted::Unknown, 1).unwrap()
    };

    criterion.bench_function("start: what is stored, read and parsed", |bencher| {
        bencher.iter(|| black_box(Stored::load(&store).unwrap()));
    });
    criterion.bench_function("start: 10,000 policies and 1,000 certificates compiled", |bencher| {
        bencher.iter_batched(load, |base| black_box(compose(&base, &stored)), BatchSize::PerIteration);
    });
    let _in_force = compose(&base, &stored);
    criterion.bench_function("change of a policy: everything compiled", |bencher| {
        bencher.iter_batched(
            || batch(vec![policy(7, "changed")]),
            |batch| {
                let (stored, _) = stored.after(&batch).unwrap();
                black_box(compose(&base, &Arc::new(stored)))
            },
            BatchSize::PerIteration,
        );
    });
    let pem = ca(CERTIFICATES);
    criterion.bench_function("change of a certificate: everything compiled", |bencher| {
        let document = json!({ "name": "new", "certificate": pem, "associated_hostnames": [HOST] });
        bencher.iter_batched(
            || batch(vec![write(Kind::Certificate, CERTIFICATES, document.clone())]),
            |batch| {
                let (stored, _) = stored.after(&batch).unwrap();
                black_box(compose(&base, &Arc::new(stored)))
            },
            BatchSize::PerIteration,
        );
    });

    let composed = compose(&base, &stored);
    let prepared = Prepared::load(composed.compiled.crls, Network::LeaveAlone).unwrap();
    let keeper =
        Keeper::new(prepared, Denials::open(None).unwrap(), Arc::clone(&verdicts), Metrics::new().unwrap());
    let snapshot = Arc::new(composed.compiled.snapshot);
    let published = ArcSwap::new(Arc::clone(&snapshot));
    criterion.bench_function("publish", |bencher| {
        bencher.iter(|| keeper.keep(|| published.store(Arc::clone(&snapshot))));
    });
    let mut number = 0;
    criterion.bench_function("write to the disk, one policy", |bencher| {
        bencher.iter(|| {
            number += 1;
            store.write(&batch(vec![policy(7, &number.to_string())])).unwrap()
        });
    });
}

criterion_group!(benches, compile);
criterion_main!(benches);
