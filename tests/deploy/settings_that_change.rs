//! What `docs/configuration.md` says about changes is what a reload does: another value of a setting is accepted where the
//! page says *reload*, and refused where it says *restart*.

use fleetgate_tests::gateway::Gateway;
use fleetgate_tests::site::Site;
use nix::sys::signal::Signal;

use crate::configuration_page::{PAGE, example, known, section, tables};
use crate::repository;

/// Another value for a setting; none for those that have to go together with something else.
#[expect(clippy::too_many_lines, reason = "a table")]
fn another(table: &str, key: &str) -> Option<&'static str> {
    let value = match (table, key) {
        ("server", "state_dir") => "\"elsewhere\"",
        ("server", "ca_algorithms") => "\"cloudflare\"",
        ("server" | "xdp.table" | "denied" | "admin.limit", _)
        | ("crl", "max_size")
        | ("admin", "max_body" | "max_connections" | "kept_decisions")
        | ("alert", "attempts" | "history")
        | ("alert.smtp", "port")
        | ("access", "token_cache")
        | ("host.mqtt", "max_packet") => "9999",
        ("access", "team_domain") => "\"other.example.com\"",
        ("access", "key_rotation") => "\"7d\"",
        ("timeout", _)
        | ("xdp.ban", "duration")
        | ("crl", "timeout" | "refresh")
        | ("alert", "timeout" | "retry")
        | ("host", "health_interval")
        | ("application" | "application.policy" | "policy", "session_duration") => "\"11s\"",
        ("host", "origin_balance") => "\"device\"",
        ("host", "origin_http") => "\"2\"",
        ("host", "origin_name" | "origin_host") => "\"another.internal\"",
        ("host", "health_path") => "\"/another\"",
        ("xdp.limit" | "xdp.ban", _)
        | ("host.mqtt", "connect_rate")
        | ("limit", "requests")
        | ("admin", "rate" | "failures") => "\"1/s burst 2\"",
        ("listener", "address") => "\"127.0.0.9:0\"",
        ("metrics" | "admin", "listen") => "\"127.0.0.1:1\"",
        ("host", "upgrades") => "[\"x-own/1\"]",
        ("host", "client_auth") => "\"require\"",
        ("host", "origin") => "\"http://127.0.0.1:1\"",
        ("application" | "application.policy" | "alert_policy", "name")
        | ("application", "custom_deny_message")
        | ("alert_policy", "description")
        | ("alert.smtp", "host" | "username") => "\"another\"",
        ("alert.smtp", "tls") => "\"tls\"",
        ("alert.smtp", "from") => "\"another@example.com\"",
        ("alert_webhook", "url") => "\"https://another.example.com\"",
        ("alert_webhook", "type") => "\"slack\"",
        ("alert_policy", "days") => "[7, 0]",
        ("application.policy" | "policy", "decision") => "\"deny\"",
        ("application.policy" | "policy" | "group", "include") => "[{ everyone = {} }]",
        ("application.policy" | "policy" | "group", "require" | "exclude")
        | ("mtls_certificate", "associated_hostnames")
        | ("ip_list", "ips")
        | ("alert_policy", "webhooks" | "emails")
        | ("application.cors_headers", "allowed_origins" | "allowed_methods" | "allowed_headers") => "[]",
        (
            "application" | "application.policy" | "mtls_certificate" | "policy" | "ip_list"
            | "service_token" | "alert_webhook" | "alert_policy",
            "id",
        ) => "\"00000000-0000-4000-8000-000000000001\"",
        ("application", "aud") | ("service_token", "client_secret_sha256") => {
            "\"1111111111111111111111111111111111111111111111111111111111111111\""
        }
        ("application", "destinations") => "[{ uri = \"iot.example.com/another\" }]",
        ("application", "custom_deny_url" | "custom_non_identity_deny_url") => "\"https://another.example\"",
        ("application", "same_site_cookie_attribute") => "\"strict\"",
        ("application.cors_headers", "max_age") => "60",
        ("service_token", "client_id") => "\"another.access\"",
        ("service_token", "expires_at") => "\"2098-01-01T00:00:00Z\"",
        ("host", "min_tls") => "\"1.3\"",
        ("host", "ca_hints" | "http2")
        | ("forwarding", "rfc9440")
        | ("alert_policy", "enabled")
        | ("application", "http_only_cookie_attribute") => "false",
        ("host", "limit") => "{ connections = 3 }",
        ("limit", "connections") => "3",
        ("limit", "bytes") => "\"1MB/s\"",
        ("host", "forwarding") => "{ cloudflare = true }",
        ("forwarding", "managed_transform") => "\"both\"",
        ("forwarding", "headers") => "{ X-Device = \"{cert.common_name}\" }",
        ("host", "cipher_suites") => "[\"TLS_AES_256_GCM_SHA384\"]",
        ("mtls_certificate", "crl_expired") => "\"soft\"",
        ("application", "path_cookie_attribute" | "service_auth_401_redirect")
        | ("application.cors_headers", "allow_credentials")
        | ("host", "require_client_auth_purpose")
        | ("mtls_certificate", "allow_sha1" | "crl_distribution_points")
        | ("crl", "allow_private")
        | ("alert", "allow_private" | "allow_http")
        | ("forwarding", "cloudflare" | "first_request_only" | "xfcc" | "start_trace")
        | ("xdp", "required") => "true",
        ("xdp", "mode") => "\"generic\"",
        ("xdp", "pin_dir") => "\"/elsewhere\"",
        ("xdp", "unknown_sni") => "\"drop\"",
        ("xdp", "syn_cookies") => "\"xdp\"",
        ("xdp", "protect" | "allow" | "deny") => "[\"192.0.2.0/24\"]",
        ("xdp", "log") => "\"debug\"",
        ("xdp", "steer_cpus") => "[0]",
        ("xdp", "serve") => "[\"198.51.100.0/24:8443-8500\"]",
        ("admin", "socket") => "\"elsewhere.sock\"",
        ("log", "access" | "audit") => "\"off\"",
        ("host.mqtt", "client_id" | "set_username") => "\"common_name\"",
        // Names and files depend on each other, CPUs on those of XDP, and interfaces need rights.
        (
            "host",
            "name" | "certificate" | "key" | "protocol" | "alpn" | "proxy_protocol" | "mqtt" | "origin_ca"
            | "origin_certificate" | "origin_key" | "cpus",
        )
        | ("host.mqtt", "username")
        | ("listener", "proxy_protocol" | "trusted")
        | ("mtls_certificate", "name" | "certificate" | "crl" | "crl_issuers")
        | ("crl" | "alert", "ca")
        | ("alert.smtp", "password_file")
        | ("alert_webhook", "name" | "secret_file")
        | ("access", "geo_database")
        | ("application", "domain" | "policy" | "policies" | "options_preflight_bypass" | "cors_headers")
        | ("application.cors_headers", "allow_all_origins" | "allow_all_methods" | "allow_all_headers")
        | ("admin", "certificate" | "key" | "client_ca")
        | ("policy" | "group" | "ip_list" | "service_token", "name")
        | ("group", "id")
        | ("xdp", "interfaces") => return None,
        _ => panic!("what would be another {key} in [{table}]?"),
    };
    Some(value)
}

/// A configuration with another value for one setting.
fn with(text: &str, table: &str, key: &str, value: &str) -> String {
    let lines = tables(text).into_iter().zip(text.lines()).map(|(of_line, line)| {
        let is_it = of_line == table && line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" = "));
        if is_it { format!("{key} = {value}\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

/// The page's example, with addresses and files of a running gateway.
fn example_for(gateway: &Gateway, site: &Site) -> String {
    let running = std::fs::read_to_string(gateway.config()).unwrap();
    let value = |key: &str| running.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    let last = |key: &str| running.lines().filter_map(|line| line.strip_prefix(key)).next_back().unwrap();
    let path = |path: &std::path::Path| format!("\"{}\"", path.display());
    let settings = [
        ("server", "state_dir", value("state_dir = ").to_owned()),
        ("listener", "address", value("address = ").to_owned()),
        ("host", "certificate", path(&site.server.certificate)),
        ("host", "key", path(&site.server.key)),
        ("mtls_certificate", "certificate", path(&site.devices.path)),
        ("mtls_certificate", "crl", "[]".to_owned()),
        ("mtls_certificate", "crl_issuers", "[]".to_owned()),
        ("crl", "ca", path(&site.servers.path)),
        ("alert", "ca", path(&site.servers.path)),
        ("access", "geo_database", path(&repository::path("gateway/src/access/geo/tests/countries.mmdb"))),
        ("xdp", "interfaces", "[]".to_owned()),
        ("admin", "socket", value("socket = ").to_owned()),
        ("admin", "listen", format!("\"{}\"", gateway.api_address())),
        ("admin", "certificate", path(&site.server.certificate)),
        ("admin", "key", path(&site.server.key)),
        ("admin", "client_ca", path(&site.devices.path)),
        ("metrics", "listen", last("listen = ").to_owned()),
    ];
    settings.iter().fold(example(), |text, (table, key, value)| with(&text, table, key, value))
}

#[test]
fn a_reload_accepts_and_refuses_what_the_page_says() {
    let (page, site) = (repository::read(PAGE), Site::new());
    // Without interfaces nothing is pinned there.
    let path = |path: &std::path::Path| format!("\"{}\"", path.display());
    let (certificate, key, ca) =
        (path(&site.server.certificate), path(&site.server.key), path(&site.devices.path));
    let tls = format!("certificate = {certificate}\nkey = {key}\nclient_ca = {ca}");
    let setup = site.setup().api().admin(&tls);
    let gateway = Gateway::start(setup.table("xdp", "pin_dir = \"/sys/fs/bpf/fleetgate\""));
    for name in ["smtp-password", "webhook-secret"] {
        std::fs::write(gateway.folder().join(name), "s3cret\n").unwrap();
    }
    let text = example_for(&gateway, &site);
    let reloads = |result: &str| gateway.metric("fleetgate_config_reloads_total", &[("result", result)]);
    // Not by `fleetgate reload`: it would look for the socket that the changed file names.
    let reload_must = |end: &str, what: &str| {
        let before = reloads("success") + reloads("failure");
        let expected = reloads(end) + 1;
        gateway.signal(Signal::SIGHUP);
        fleetgate_tests::wait::until(what, || {
            (reloads("success") + reloads("failure") > before).then_some(())
        });
        assert_eq!(reloads(end), expected, "{what}: {}", gateway.output().log());
    };
    gateway.write_config(&text);
    reload_must("success", "the example");
    for (table, key) in known() {
        let rows = if table.is_empty() { vec![] } else { repository::rows(section(&page, &table)) };
        let Some(change) = rows.iter().find(|row| row[0] == key).and_then(|row| row.get(4)) else { continue };
        let Some(value) = another(&table, &key) else { continue };
        let end = match *change {
            "reload" => "success",
            "restart" => "failure",
            other => panic!("{key} in [{table}]: what is `{other}`?"),
        };
        let changed = with(&text, &table, &key, value);
        assert_ne!(changed, text, "{key} in [{table}]");
        gateway.write_config(&changed);
        reload_must(end, &format!("another {key} in [{table}]"));
        gateway.write_config(&text);
        reload_must("success", "the example again");
    }
    gateway.output().wait_log("[server] has changed, and cannot change while the gateway runs");
}
