//! What an open connection is worth after a reload, and after a date.

mod race;

use super::*;
use crate::device::refusal::Refusal;
use crate::device::tests::pki::{DAY, Leaf, device_params, valid, verify};
use crate::limit::{Bans, Reputation};
use crate::snapshot::Site;

const HOST: &str = "iot.example.com";
const SOURCE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)), 4000);

fn site(lines: &str) -> Site {
    Site::new().host_with(HOST, lines).ca("ca.pem", &[HOST]).application(HOST, "devices", "non_identity")
}

/// What is in force.
struct Context {
    snapshot: Arc<ArcSwap<Snapshot>>,
    verdicts: Arc<Verdicts>,
}

impl Context {
    fn in_force(&self) -> InForce<'_> {
        InForce { snapshot: &self.snapshot, verdicts: &self.verdicts }
    }
}

fn context(site: &Site) -> Context {
    let snapshot = Arc::new(ArcSwap::from_pointee(site.compile().unwrap().snapshot));
    Context { snapshot, verdicts: Arc::new(Verdicts::new(8)) }
}

fn publish(context: &Context, site: &Site) {
    let mut snapshot = site.compile().unwrap().snapshot;
    snapshot.generation = context.snapshot.load().generation + 1;
    context.snapshot.store(Arc::new(snapshot));
}

/// A connection as a handshake would have left it that saw the device at `at`, in seconds since the epoch.
fn connection(context: &Context, leaf: &Leaf, at: u64) -> Connection {
    connection_of(context, leaf, at, unbanned())
}

/// The same of a source that stands like this.
fn connection_of(context: &Context, leaf: &Leaf, at: u64, standing: Standing) -> Connection {
    let snapshot = context.snapshot.load();
    let name: Hostname = HOST.parse().unwrap();
    let host = Arc::clone(snapshot.host(&name).unwrap());
    let device = Device::Verified(Arc::new(verify(&host.trust, leaf, &[], at).unwrap()));
    let as_of = AsOf { snapshot: snapshot.generation, index: 0 };
    Connection::of(name, &host, device, (SOURCE, standing), as_of)
}

fn unbanned() -> Standing {
    standing(&Arc::new(Bans::new(1)))
}

fn standing(bans: &Arc<Bans>) -> Standing {
    Standing::new(SOURCE.ip(), Arc::new(Reputation::new(1)), Arc::clone(bans), None)
}

/// What the next request finds: nothing, or what the device's certificate is worth and whether it may pass.
fn next_request(connection: &Connection, context: &Context) -> Option<(&'static str, bool)> {
    let state = connection.state(context.in_force())?;
    Some((state.device.label(), connection.decide(&state, get("/"), 0).is_ok()))
}

fn get(path: &str) -> Asked<'_> {
    Asked { path, ..Asked::STREAM }
}

#[test]
fn a_reload_that_changes_nothing_changes_nothing() {
    let site = site("");
    let context = context(&site);
    let connection = connection(&context, &site.ca.device("device"), now());
    assert_eq!(next_request(&connection, &context), Some(("verified", true)));
    publish(&context, &site);
    assert_eq!(next_request(&connection, &context), Some(("verified", true)));
    assert_eq!(context.verdicts.cache.statistics().misses, 0, "nobody was verified again");
}

#[test]
fn a_ca_that_is_taken_out_and_put_back_decides_about_the_next_request() {
    let (with, without) = (site(""), Site::new().host(HOST).application(HOST, "devices", "non_identity"));
    let context = context(&with);
    let connection = connection(&context, &with.ca.device("device"), now());
    publish(&context, &without);
    assert_eq!(next_request(&connection, &context), Some((Refusal::UnknownIssuer.label(), false)));
    publish(&context, &with);
    assert_eq!(next_request(&connection, &context), Some(("verified", true)));
}

#[test]
fn a_certificate_that_runs_out_while_its_connection_is_open_is_worth_nothing_more() {
    let site = site("");
    let context = context(&site);
    let yesterday = site.ca.issue(&valid(device_params("device"), 0, now() - DAY));
    let connection = connection(&context, &yesterday, now() - 2 * DAY);
    assert_eq!(next_request(&connection, &context), Some((Refusal::Expired.label(), false)));
    assert_eq!(next_request(&connection, &context), Some((Refusal::Expired.label(), false)));
    assert_eq!(
        context.verdicts.cache.statistics().misses,
        1,
        "and is verified once more, not with each request"
    );
}

#[test]
fn a_host_that_requires_a_certificate_serves_no_connection_without_one() {
    let require = site("client_auth = \"require\"");
    let context = context(&require);
    let yesterday = require.ca.issue(&valid(device_params("device"), 0, now() - DAY));
    let expired = connection(&context, &yesterday, now() - 2 * DAY);
    assert_eq!(next_request(&expired, &context), None);

    let good = connection(&context, &require.ca.device("device"), now());
    assert_eq!(next_request(&good, &context), Some(("verified", true)));
    let (no_ca, everyone) = (
        "client_auth = \"require\"",
        "[[application.policy]]\nname = \"all\"\ndecision = \"bypass\"\ninclude = [{ everyone = {} }]\n",
    );
    let untrusting =
        Site::new().host_with(HOST, no_ca).application(HOST, "devices", "non_identity").add(everyone);
    publish(&context, &untrusting);
    assert_eq!(next_request(&good, &context), None, "not even by a policy for everyone");
}

#[test]
fn a_host_that_is_no_longer_served_has_no_state() {
    let site = site("");
    let context = context(&site);
    let connection = connection(&context, &site.ca.device("device"), now());
    publish(&context, &Site::new().host("other.example.com"));
    assert_eq!(next_request(&connection, &context), None);
}

/// A policy that changes for one path leaves a connection alone that was permitted another.
#[test]
fn a_connection_loses_what_its_last_permitted_request_would_not_get_any_more() {
    let admin = |name: &str| {
        let policy = format!(
            "[[application.policy]]\nname = \"admin\"\ndecision = \"non_identity\"\ninclude = [{{ common_name = {{ common_name = \"{name}\" }} }}]\n"
        );
        site("").add(&format!("[[application]]\ndomain = \"{HOST}/admin\"\n{policy}"))
    };
    let (before, mut after) = (admin("device"), admin("other"));
    after.ca = before.ca;
    after.file("ca.pem", &after.ca.pem());
    let before = Site { ca: crate::device::tests::pki::Ca::root("unused"), ..before };
    before.file("ca.pem", &after.ca.pem());
    let context = context(&before);
    let ask = |connection: &Connection, path| {
        let state = connection.state(context.in_force()).unwrap();
        connection.decide(&state, get(path), 0).map(drop).map_err(|denial| denial.reason.label())
    };
    let leaf = after.ca.device("device");
    let [admin, other, back, refused] = [(); 4].map(|()| connection(&context, &leaf, now()));
    assert_eq!(ask(&admin, "/admin/x"), Ok(()));
    assert_eq!(ask(&other, "/"), Ok(()));
    assert_eq!((ask(&back, "/admin"), ask(&back, "/x")), (Ok(()), Ok(())));
    publish(&context, &after);
    assert_eq!(admin.lost(context.in_force()), Some("no_policy_matched"));
    assert_eq!(other.lost(context.in_force()), None);
    assert_eq!(back.lost(context.in_force()), None, "what counts is the last");
    assert_eq!(ask(&refused, "/admin"), Err("no_policy_matched"));
    assert_eq!(refused.lost(context.in_force()), None, "it never had anything to lose");
}

#[test]
fn a_service_token_whose_secret_is_changed_closes_its_connections() {
    let with_secret = |secret: &str| {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
        let hash = crate::model::hex::Lower(hash.as_ref()).to_string();
        let token = format!(
            "[[service_token]]\nname = \"ci\"\nclient_id = \"ci.access\"\nclient_secret_sha256 = \"{hash}\"\n"
        );
        let policy = "[[application.policy]]\nname = \"ci\"\ndecision = \"non_identity\"\ninclude = [{ service_token = { name = \"ci\" } }]\n";
        Site::new()
            .host(HOST)
            .ca("ca.pem", &[HOST])
            .add(&format!("{token}[[application]]\ndomain = \"{HOST}\"\n{policy}"))
    };
    let (before, rotated) = (with_secret("one"), with_secret("two"));
    let context = context(&before);
    let shown = |secret: &'static str| Asked {
        client_id: Some(b"ci.access"),
        client_secret: Some(secret.as_bytes()),
        ..get("/")
    };
    let connection = connection(&context, &before.ca.device("device"), now());
    let ask = |secret| {
        let state = connection.state(context.in_force()).unwrap();
        connection.decide(&state, shown(secret), 0).map(drop).map_err(|denial| denial.reason.label())
    };
    assert_eq!((ask("two"), ask("one")), (Err("service_token_invalid"), Ok(())));
    assert_eq!(connection.lost(context.in_force()), None);
    rotated.file("ca.pem", &before.ca.pem());
    publish(&context, &rotated);
    assert_eq!(connection.lost(context.in_force()), Some("service_token_invalid"));
    assert_eq!(ask("two"), Ok(()));
}

#[test]
fn a_connection_of_one_protocol_is_not_taken_for_another() {
    let (https, mut tls) = (site(""), site("protocol = \"tls\""));
    tls.text = tls.text.replace("http:", "tcp:");
    let context = context(&https);
    let connection = connection(&context, &https.ca.device("device"), now());
    publish(&context, &tls);
    assert_eq!(connection.lost(context.in_force()), Some("not_served"));
}

#[test]
fn a_connection_knows_when_its_certificate_runs_out() {
    let site = site("");
    let context = context(&site);
    let tomorrow = site.ca.issue(&valid(device_params("device"), 0, now() + DAY));
    let left = connection(&context, &tomorrow, now()).expires_in().unwrap().as_secs();
    assert!((DAY - 60..=DAY + 1).contains(&left), "{left}");
    let yesterday = site.ca.issue(&valid(device_params("device"), 0, now() - DAY));
    assert_eq!(connection(&context, &yesterday, now() - 2 * DAY).expires_in(), Some(Duration::from_secs(1)));
}

#[test]
fn a_ban_of_its_source_or_of_its_source_from_its_host_ends_it_unless_it_is_allowed() {
    let site = site("");
    let context = context(&site);
    let bans = Arc::new(Bans::new(10));
    let open = connection_of(&context, &site.ca.device("device"), now(), standing(&bans));
    let lost = || open.lost(context.in_force());
    let ban = |host: Option<&str>| {
        assert!(bans.add(SOURCE.ip(), host.map(|name| name.parse().unwrap()), Duration::from_hours(1), None));
    };
    ban(Some("other.example.com"));
    assert_eq!(lost(), None);
    ban(Some(HOST));
    assert_eq!(lost(), Some("banned"));
    assert!(bans.remove(SOURCE.ip(), Some(HOST.parse().unwrap())));
    assert_eq!(lost(), None);
    ban(None);
    assert_eq!(lost(), Some("banned"));
    let mut allowing = site.compile().unwrap().snapshot;
    allowing.xdp.allow = vec![SOURCE.ip().into()];
    context.snapshot.store(Arc::new(allowing));
    assert_eq!(lost(), None);
}
