//! Sessions are never resumed: a resumed one would skip the certificate and every check of it. Whatever session a device
//! brings, from whichever host and from before whichever reload, its second connection is a full handshake, and is
//! judged anew.
//!
//! The gateway itself leaves no session to bring. So that there is one, those of another front with the hosts' own
//! certificate and key are offered as well.

mod scene;

use fleetgate_tests::client::Printed;
use fleetgate_tests::gateway::{Gateway, Setup};
use fleetgate_tests::skip;

use scene::{EARLY, EARLY_13, HOSTS, ID_12, Scene, TICKET_12, TICKET_13, Way};

const MODES: [&str; 3] = ["access", "require", "none"];

/// The answer to a device: its status, or `None` where the handshake is refused.
fn judgement(mode: &str, has_a_valid_certificate: bool) -> Option<u16> {
    match (mode, has_a_valid_certificate) {
        ("none", _) | (_, true) => Some(200),
        ("access", false) => Some(403),
        (_, false) => None,
    }
}

#[track_caller]
fn assert_judged_anew(printed: &Printed, expected: Option<u16>, case: &str) {
    assert_eq!(printed.resumed(), 0, "{case}\n{printed:?}");
    assert!(!printed.0.contains("Early data was accepted"), "{case}\n{printed:?}");
    assert_eq!(printed.status(), expected, "{case}\n{printed:?}");
}

/// Every host's sessions are offered to every host, by the device that they are of and by nobody.
fn across_hosts(way: &Way) {
    let scene = Scene::new();
    let (gateway, front) = (Gateway::start(scene.setup(MODES)), scene.front(way));
    for (made, home) in MODES.into_iter().enumerate() {
        let (printed, own) = scene.first(gateway.address(), way, made);
        assert_eq!((printed.new_sessions(), printed.status()), (1, Some(200)), "{printed:?}");
        assert!(!own.exists() && !printed.0.contains("TLS session ticket"), "{printed:?}");
        let (_, foreign) = scene.first(front.address(), way, made);
        let control = scene.second(front.address(), way, &foreign, made, None);
        assert_ne!(control.resumed(), 0, "the session is none that can be resumed: {control:?}");
        assert_eq!(control.0.contains("Early data was rejected"), way.early_data, "{control:?}");
        for (offered, mode) in MODES.into_iter().enumerate() {
            for identity in [Some(&scene.devices[made]), None] {
                let valid = identity.is_some() && made == offered;
                for kept in [&own, &foreign] {
                    let printed = scene.second(gateway.address(), way, kept, offered, identity);
                    let case = format!("{way:?} of {home} to {mode}, valid certificate: {valid}");
                    assert_judged_anew(&printed, judgement(mode, valid), &case);
                }
            }
        }
    }
    assert_nothing_was_early(&scene);
}

/// What it is, `client_auth` before, the setup after, whether the device then has its certificate, and the answer.
type Change = (&'static str, [&'static str; 3], fn(&Scene) -> Setup, bool, Option<u16>);

/// Sessions of the first host, from before a change to it.
fn across_reloads(way: &Way, changes: &[Change]) {
    let scene = Scene::new();
    let (gateway, front) = (Gateway::start(scene.setup(MODES)), scene.front(way));
    let (_, foreign) = scene.first(front.address(), way, 0);
    for &(case, before, change, with_certificate, expected) in changes {
        gateway.configure(&scene.setup(before));
        gateway.must_reload();
        let (printed, own) = scene.first(gateway.address(), way, 0);
        assert_eq!(printed.status(), Some(200), "before {case}: {printed:?}");
        gateway.configure(&change(&scene));
        gateway.must_reload();
        let identity = with_certificate.then_some(&scene.devices[0]);
        let reached = scene.site.origin.requests().len();
        for kept in [&own, &foreign] {
            let printed = scene.second(gateway.address(), way, kept, 0, identity);
            assert_judged_anew(&printed, expected, &format!("{way:?}: {case}"));
        }
        assert_eq!(scene.site.origin.requests().len(), reached, "{way:?}: {case}");
    }
    assert_nothing_was_early(&scene);
}

fn revoke(scene: &Scene) -> Setup {
    scene.put_crl(2, &[&scene.devices[0]]);
    scene.setup(MODES)
}

/// A request in early data would be there before the device has proved anything.
#[track_caller]
fn assert_nothing_was_early(scene: &Scene) {
    assert!(!scene.site.origin.requests().iter().any(|request| request.start.contains(EARLY)));
}

#[test]
fn s02_a_tls12_session_id_is_worth_nothing_across_hosts() {
    if skip::unless_installed("openssl") {
        across_hosts(&ID_12);
    }
}

#[test]
fn s02_a_tls12_ticket_is_worth_nothing_across_hosts() {
    if skip::unless_installed("openssl") {
        across_hosts(&TICKET_12);
    }
}

#[test]
fn s03_a_tls13_ticket_is_worth_nothing_across_hosts() {
    if skip::unless_installed("openssl") {
        across_hosts(&TICKET_13);
    }
}

#[test]
fn early_data_is_refused_on_every_host() {
    if skip::unless_installed("openssl") {
        across_hosts(&EARLY_13);
    }
}

#[test]
fn s01_no_session_outlives_a_revocation() {
    if skip::unless_installed("openssl") {
        let revoked: Change = ("the certificate is revoked", MODES, revoke, true, Some(403));
        for way in [ID_12, TICKET_12, TICKET_13, EARLY_13] {
            across_reloads(&way, &[revoked]);
        }
    }
}

#[test]
fn s04_s25_no_session_outlives_a_change_of_settings() {
    let changes: [Change; 4] = [
        ("its CA is taken out", MODES, |scene| scene.setup_without_its_ca(MODES), true, Some(403)),
        ("none to require", ["none"; 3], |scene| scene.setup(["require"; 3]), false, None),
        ("none to access", ["none"; 3], |scene| scene.setup(MODES), false, Some(403)),
        ("access to require", MODES, |scene| scene.setup(["require"; 3]), false, None),
    ];
    if skip::unless_installed("openssl") {
        for way in [ID_12, TICKET_12, TICKET_13, EARLY_13] {
            across_reloads(&way, &changes);
        }
    }
}

#[test]
fn openssl_reconnects_with_full_handshakes() {
    if !skip::unless_installed("openssl") {
        return;
    }
    let scene = Scene::new();
    let gateway = Gateway::start(scene.setup(MODES));
    for way in [ID_12, TICKET_12, TICKET_13] {
        for host in 0..HOSTS.len() {
            let printed = scene.reconnect(gateway.address(), &way, host);
            assert_eq!((printed.new_sessions(), printed.resumed()), (6, 0), "{printed:?}");
            assert!(!printed.0.contains("TLS session ticket"), "{printed:?}");
        }
    }
}
