//! Tables and facts for tests.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use ipnet::IpNet;
use rcgen::{CertificateParams, CustomExtension, DnType, DnValue, SanType, SerialNumber};
use toml_span::de_helpers::TableHelper;

use crate::access::conditions::Conditions;
use crate::access::decide::{Facts, Reason, decide};
use crate::access::directory::{Directory, Named};
use crate::access::networks::Networks;
use crate::access::resolve::Resolver;
use crate::access::service_tokens::ServiceTokens;
use crate::access::table::{AccessTable, CompiledPolicy, Guarded, Shared};
use crate::access::trace;
use crate::device::refusal::Refusal;
use crate::device::tests::pki::{Ca, DAY, NOW, bundle, device_params, trust, valid, verify};
use crate::device::{Device, Refused};
use crate::model::application::{Application, Settings};
use crate::model::destination::Destination;
use crate::model::id::{Audience, ResourceId};
use crate::model::policy::{Decision, Policy};
use crate::model::rule::Rule;
use crate::model::service_token::{SecretHash, ServiceToken};

pub(super) const HOST: &str = "iot.example.com";

/// A rule as configuration has it.
pub(super) fn rule(text: &str) -> Rule {
    let text = format!("rule = {text}");
    let mut value = toml_span::parse(&text).unwrap();
    TableHelper::new(&mut value).unwrap().required("rule").unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The lists of a policy or group, as configuration has them.
pub(super) fn conditions(text: &str, resolver: &Resolver) -> Conditions {
    let mut value = toml_span::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut table = TableHelper::new(&mut value).unwrap();
    let lists = ["include", "require", "exclude"].map(|key| {
        let rules: Vec<Rule> = table.optional(key).unwrap_or_default();
        rules.into_iter().map(|rule| (rule.clone(), resolver.test(&rule).unwrap())).collect::<Vec<_>>()
    });
    table.finalize(None).unwrap_or_else(|error| panic!("{text}: {error}"));
    let [include, require, exclude] = lists;
    Conditions::new(include, require, exclude)
}

/// What rules of tests may refer to.
pub(super) fn resolver() -> Resolver {
    fn named<T>(kind: &str, name: &str, value: T) -> Named<T> {
        Named { id: ResourceId::derived(kind, name), name: name.into(), value }
    }
    let nets: Vec<IpNet> = ["198.51.100.0/24", "2001:db8::/32"].map(|net| net.parse().unwrap()).into();
    let mut resolver = Resolver {
        issuers: ["Testing CA", "Other CA"]
            .map(|name| named("mtls_certificate", name, name.into()))
            .into_iter()
            .collect(),
        groups: Directory::default(),
        ip_lists: [named("ip_list", "office", Arc::new(Networks::new(&nets)))].into_iter().collect(),
        tokens: Arc::new(tokens()),
        knows_countries: true,
    };
    let groups = [
        (
            "verified",
            "include = [{ certificate = {} }]\nexclude = [{ common_name = { common_name = \"rich\" } }]",
        ),
        ("either", "include = [{ group = { name = \"verified\" } }, { ip = { ip = \"203.0.113.0/24\" } }]"),
        ("two names", "include = [{ common_name = { common_name = \"second\" } }]"),
    ];
    for (name, text) in groups {
        let value = Some(Arc::new(conditions(text, &resolver)));
        resolver.groups.push(named("group", name, value));
    }
    resolver
}

fn tokens() -> ServiceTokens {
    ServiceTokens::new(["ci", "other"].map(|name| {
        let mut hash = [0; 32];
        hash.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes()).as_ref());
        ServiceToken {
            id: ResourceId::derived("service_token", name),
            name: name.into(),
            client_id: format!("{name}.access").into(),
            secret: SecretHash(hash),
            expires_at: None,
        }
    }))
}

/// A policy that is called like its decision.
pub(super) fn policy(decision: Decision, rules: &str) -> CompiledPolicy {
    let name = decision.as_str().to_owned();
    let id = ResourceId::derived("policy", &name);
    let conditions = Arc::new(conditions(rules, &resolver()));
    CompiledPolicy { policy: Policy { id, name, decision, session_duration: None }, conditions }
}

/// An application that is called like its first destination.
pub(super) fn application(destinations: &[&str], policies: Vec<CompiledPolicy>) -> Arc<Guarded> {
    let application = Application {
        id: ResourceId::derived("application", destinations[0]),
        aud: Audience::derived(destinations[0]),
        name: destinations[0].to_owned(),
        destinations: destinations.iter().map(|text| text.parse::<Destination>().unwrap()).collect(),
        settings: Settings::default(),
    };
    Arc::new(Guarded::new(application, policies))
}

/// A host's table.
pub(super) struct Case {
    pub(super) table: AccessTable,
}

impl Case {
    pub(super) fn new(host: &str, asks: bool, applications: &[Arc<Guarded>]) -> Self {
        let shared = Arc::new(Shared { tokens: Arc::new(tokens()), geo: None });
        Self { table: AccessTable::new(&host.parse().unwrap(), asks, applications, &shared) }
    }

    pub(super) fn whole_host(policies: Vec<CompiledPolicy>) -> Self {
        Self::new(HOST, true, &[application(&[HOST], policies)])
    }

    pub(super) fn with<R>(&self, facts: &TestFacts, test: impl FnOnce(&Facts<'_>) -> R) -> R {
        let secret = facts.token.map(str::as_bytes);
        let client_id = facts.token.map(|name| format!("{name}.access"));
        let tokens = &self.table.shared().tokens;
        let name = facts.name.parse().unwrap();
        test(&Facts {
            name: &name,
            path: facts.path,
            preflight: facts.preflight,
            device: &facts.device,
            source: facts.source,
            country: facts.country.map(|country| country.parse().unwrap()),
            service_token: tokens.present(client_id.as_deref().map(str::as_bytes), secret, NOW),
            now: NOW,
        })
    }

    /// The policy that permits, or why not.
    pub(super) fn decide(&self, facts: &TestFacts) -> Result<String, Reason> {
        self.with(facts, |facts| match decide(&self.table, facts) {
            Ok(permit) => Ok(permit.policy_name().unwrap_or("none").to_owned()),
            Err(denial) => Err(denial.reason),
        })
    }

    /// The policies that were asked.
    pub(super) fn asked(&self, facts: &TestFacts) -> Vec<String> {
        self.with(facts, |facts| {
            trace(&self.table, facts).policies.iter().map(|asked| asked.policy.name.clone()).collect()
        })
    }
}

/// Facts that own what they tell.
#[derive(Clone)]
pub(super) struct TestFacts {
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    pub(super) preflight: bool,
    pub(super) device: Device,
    pub(super) source: IpAddr,
    pub(super) country: Option<&'static str>,
    /// Its name is its secret.
    pub(super) token: Option<&'static str>,
}

impl TestFacts {
    pub(super) fn of(device: Device) -> Self {
        let source = [192, 0, 2, 1].into();
        Self { name: HOST, path: "/", preflight: false, device, source, country: None, token: None }
    }
}

/// Facts about devices of each kind.
#[derive(Clone)]
pub(super) struct Devices {
    pub(super) absent: TestFacts,
    pub(super) refused: TestFacts,
    /// `CN=James Royal`, and nothing else.
    pub(super) james: TestFacts,
    /// A certificate with everything that rules ask about.
    pub(super) rich: TestFacts,
    /// A certificate with the common names `first` and `second`.
    pub(super) two_names: TestFacts,
    /// The rich one's fingerprint.
    pub(super) fingerprint: String,
}

/// Issued once: they are only looked at.
pub(super) fn devices() -> Devices {
    static DEVICES: LazyLock<Devices> = LazyLock::new(issue);
    DEVICES.clone()
}

fn issue() -> Devices {
    let ca = Ca::root("Testing CA");
    let trust = trust([&bundle("Testing CA", [&ca])]);
    let device = |params: CertificateParams| {
        let leaf = ca.issue(&valid(params, NOW - DAY, NOW + 10 * DAY));
        TestFacts::of(Device::Verified(Arc::new(verify(&trust, &leaf, &[], NOW).unwrap())))
    };
    let refused = Refused { reason: Refusal::UnknownIssuer, identity: None, chain: Box::default() };
    let mut two_names = device_params("first");
    let second = DnValue::Utf8String("second".into());
    two_names.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), second);
    let rich = device(rich());
    Devices {
        absent: TestFacts::of(Device::Absent),
        refused: TestFacts::of(Device::Refused(Arc::new(refused))),
        james: device(device_params("James Royal")),
        fingerprint: rich.device.identity().unwrap().fingerprint.hex(),
        rich,
        two_names: device(two_names),
    }
}

fn rich() -> CertificateParams {
    let mut params = device_params("rich");
    params.distinguished_name.push(DnType::OrganizationName, "Access Testing");
    params.distinguished_name.push(DnType::OrganizationalUnitName, "Pumps");
    params.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0x1b]));
    params.subject_alt_names = vec![
        SanType::DnsName("Pump-7.example.com".try_into().unwrap()),
        SanType::Rfc822Name("pump-7@Example.com".try_into().unwrap()),
        SanType::URI("spiffe://example.com/pump/7".try_into().unwrap()),
        SanType::IpAddress([10, 0, 0, 7].into()),
        SanType::IpAddress("2001:db8::7".parse().unwrap()),
    ];
    // SEQUENCE OF PolicyInformation: 1.3.6.1.4.1.99999.1 and 2.23.140.1.2.1
    let policies = [
        &[0x30, 0x17][..],
        &[0x30, 0x0b, 0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x86, 0x8d, 0x1f, 0x01],
        &[0x30, 0x08, 0x06, 0x06, 0x67, 0x81, 0x0c, 0x01, 0x02, 0x01],
    ];
    params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 32], policies.concat())];
    params
}
