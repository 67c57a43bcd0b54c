//! Alerts come by e-mail too, over TLS, from a real mail server's point of view.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use fleetgate_tests::gateway::{Gateway, quoted};
use fleetgate_tests::pki::{Ca, Identity};
use fleetgate_tests::site::{HOST, Site};
use fleetgate_tests::{python, wait};
use serde_json::Value;

/// A running server; it stops when dropped.
struct MailServer {
    child: Child,
    port: u16,
    mails: Arc<Mutex<Vec<Value>>>,
}

impl MailServer {
    fn start(identity: &Identity, way: &str) -> Option<Self> {
        let python = python::interpreter()?;
        let mut command: Command = python::script(&python, "smtp_server.py");
        let mut child = command
            .args([&identity.certificate, &identity.key])
            .arg(way)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap().parse().unwrap();
        let mails = Arc::<Mutex<Vec<Value>>>::default();
        let taking = Arc::clone(&mails);
        thread::spawn(move || take(lines, &taking));
        Some(Self { child, port, mails })
    }

    fn wait(&self, count: usize) -> Vec<Value> {
        wait::until("mail", || Some(self.mails.lock().unwrap().clone()).filter(|mails| mails.len() >= count))
    }
}

fn take(lines: std::io::Lines<BufReader<ChildStdout>>, mails: &Mutex<Vec<Value>>) {
    for line in lines.map_while(Result::ok) {
        mails.lock().unwrap().push(serde_json::from_str(&line).unwrap());
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_mailbox_gets_each_alert_once_over_tls_in_either_way() {
    for way in ["starttls", "tls"] {
        let site = Site::new();
        let Some(server) = MailServer::start(&site.servers.server(&["localhost"]), way) else { return };
        let ca = Ca::root_for("Weekly Root", Duration::from_hours(24 * 6));
        let password = site.devices.path.with_file_name("password");
        std::fs::write(&password, "p4ssword\n").unwrap();
        let (roots, port) = (quoted(&site.servers.path), server.port);
        let smtp = format!(
            "host = \"localhost\"\nport = {port}\ntls = {way:?}\nusername = \"fleetgate\"\npassword_file = {}\n\
             from = \"gateway@example.com\"",
            quoted(&password)
        );
        let setup = site
            .setup()
            .trust("weekly", &ca.path, &[HOST])
            .table("server", "state_dir = \".\"")
            .table("alert", &format!("ca = {roots}"))
            .table("alert.smtp", &smtp)
            .array("alert_policy", "name = \"expiry\"\nemails = [\"Ops@example.com\"]\ndays = [30, 14, 7]");
        let gateway = Gateway::start(setup);
        let mail = &server.wait(1)[0];
        assert_eq!(mail["recipients"], serde_json::json!(["ops@example.com"]));
        assert_eq!(mail["Subject"], "[Fleetgate] mTLS certificate `weekly` expires in 6 days");
        assert_eq!((&mail["tls"], &mail["From"]), (&true.into(), &"Fleetgate <gateway@example.com>".into()));
        assert!(mail["text"].as_str().unwrap().contains("CN=Weekly Root"), "{mail:#}");
        // A test is one more, and the alert is not.
        let said = gateway.cli("alert", &["test", "ops@example.com"]);
        assert_eq!(said.code, 0, "{said:?}");
        let mails = server.wait(2);
        assert_eq!(mails[1]["Subject"], "[Fleetgate] Test message");
        assert_ne!(mails[0]["Message-ID"], mails[1]["Message-ID"]);
        assert_eq!(mails.len(), 2);
        assert!(!gateway.output().everything().contains("p4ssword"));
    }
}

#[test]
fn a_server_that_is_not_who_it_should_be_gets_no_mail() {
    let site = Site::new();
    let Some(server) = MailServer::start(&site.servers.server(&["elsewhere"]), "starttls") else { return };
    let smtp = format!("host = \"localhost\"\nport = {}\nfrom = \"gateway@example.com\"", server.port);
    let setup = site
        .setup()
        .table("alert", &format!("ca = {}", quoted(&site.servers.path)))
        .table("alert.smtp", &smtp)
        .array("alert_policy", "name = \"expiry\"\nemails = [\"ops@example.com\"]");
    let gateway = Gateway::start(setup);
    let said = gateway.cli("alert", &["test"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.stdout.contains("not delivered"), "{said:?}");
    assert!(server.mails.lock().unwrap().is_empty());
}
