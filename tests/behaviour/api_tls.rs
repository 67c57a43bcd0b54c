//! Over TLS the API is served with the operator's certificate, and to clients of the operator's CA only, where there is one.

use fleetgate_tests::client::Curl;
use fleetgate_tests::gateway::{Gateway, quoted};
use fleetgate_tests::pki::Ca;
use fleetgate_tests::site::Site;

#[test]
fn clients_without_a_certificate_of_the_operators_ca_do_not_come_in() {
    let site = Site::new();
    let operators = Ca::root("Operators");
    let (operator, stranger) = (operators.device("operator"), &site.device);
    let server = site.servers.server(&["admin.example.com"]);
    let tls = format!(
        "certificate = {}\nkey = {}\nclient_ca = {}",
        quoted(&server.certificate),
        quoted(&server.key),
        quoted(&operators.path)
    );
    let gateway = Gateway::start(site.setup().api().admin(&tls));
    let url = format!("https://admin.example.com{}", gateway.account("access/certificates"));
    let curl = || Curl::get(gateway.api_address(), &site.servers.path, &url);
    let token = format!("Authorization: Bearer {}", gateway.api_token());
    assert_eq!(curl().identity(&operator).header(&token).response().status(), 200);
    assert_eq!(curl().identity(&operator).response().status(), 403, "a certificate is no token");
    assert!(curl().header(&token).run().is_err(), "a token is no certificate");
    assert!(curl().identity(stranger).header(&token).run().is_err());
}
