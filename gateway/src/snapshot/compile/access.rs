//! Applications, policies and what they refer to, compiled: names become what they stand for, and what is wrong with
//! them is said where it stands.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Associated, Compiler};
use crate::access::conditions::Conditions;
use crate::access::geo::GeoDatabase;
use crate::access::groups;
use crate::access::networks::Networks;
use crate::access::resolve::{Named, Resolver, check_size};
use crate::access::service_tokens::ServiceTokens;
use crate::access::table::{CompiledPolicy, Guarded, Shared};
use crate::config::{self, Problem, Span, Spanned};
use crate::model::application::Application;
use crate::model::id::{Audience, Reference, ResourceId};
use crate::model::policy::{Decision, Policy};
use crate::model::rule::Rule;
use crate::model::service_token::ServiceToken;

/// What all hosts' tables are made from.
pub(super) struct Access {
    pub(super) applications: Vec<Arc<Guarded>>,
    pub(super) shared: Arc<Shared>,
}

impl Compiler<'_> {
    /// Every application, and what they have in common.
    pub(super) fn access(&mut self, bundles: &[Associated<'_>]) -> Access {
        let config = self.config;
        let geo = self.geo_database();
        let tokens = Arc::new(self.service_tokens());
        let mut resolver = Resolver {
            issuers: issuers(bundles),
            groups: self.named_groups(),
            ip_lists: self.ip_lists(),
            tokens: Arc::clone(&tokens),
            // One that does not load was complained of already.
            knows_countries: config.access.geo_database.is_some(),
        };
        self.groups(&mut resolver);
        self.check_group_rules();
        self.check_reusable(&resolver);
        self.check_destinations();
        let applications = config.applications.iter();
        let applications = applications.map(|declared| Arc::new(self.guarded(declared, &resolver))).collect();
        Access { applications, shared: Arc::new(Shared { tokens, geo }) }
    }

    fn geo_database(&mut self) -> Option<GeoDatabase> {
        let path = self.config.access.geo_database.as_ref()?;
        let open = GeoDatabase::open(&self.source.resolve(&path.value));
        open.map_err(|error| {
            let message = format!("cannot use {}: {error}", self.source.resolve(&path.value).display());
            self.error(path.span, message, "name a country or city database in MaxMind's format (.mmdb)");
        })
        .ok()
    }

    fn service_tokens(&mut self) -> ServiceTokens {
        let declared = &self.config.service_tokens;
        self.check_duplicates(
            declared.iter().map(|token| &token.name),
            "service token",
            "give each a name of its own",
        );
        self.check_duplicates(
            declared.iter().map(|token| &token.client_id),
            "client id",
            "give each token its own",
        );
        ServiceTokens::new(declared.iter().map(|token| ServiceToken {
            id: id(token.id, "service_token", &token.name.value),
            name: token.name.value.as_str().into(),
            client_id: token.client_id.value.as_str().into(),
            secret: token.secret,
            expires_at: token.expires_at,
        }))
    }

    fn ip_lists(&mut self) -> Vec<Named<Arc<Networks>>> {
        let declared = &self.config.ip_lists;
        self.check_duplicates(
            declared.iter().map(|list| &list.name),
            "IP list",
            "give each a name of its own",
        );
        let lists = declared.iter();
        lists
            .map(|list| named(list.id, "ip_list", &list.name.value, Arc::new(Networks::new(&list.ips))))
            .collect()
    }

    fn named_groups<T: Default>(&mut self) -> Vec<Named<T>> {
        let declared = &self.config.groups;
        self.check_duplicates(
            declared.iter().map(|group| &group.name),
            "group",
            "give each a name of its own",
        );
        declared.iter().map(|group| named(group.id, "group", &group.name.value, T::default())).collect()
    }

    /// Compiles groups, those first that others refer to.
    fn groups(&mut self, resolver: &mut Resolver) {
        let declared = &self.config.groups;
        let position = |reference: &Reference| {
            resolver.groups.iter().position(|group| reference.means(group.id, &group.name))
        };
        let references: Vec<Vec<usize>> = declared
            .iter()
            .map(|group| {
                let rules = rules(&group.conditions).filter_map(|rule| match &rule.value {
                    Rule::Group(reference) => position(reference),
                    _ => None,
                });
                rules.collect()
            })
            .collect();
        let order = match groups::order(&references) {
            Ok(order) => order,
            Err(groups::Cycle(cycle)) => {
                let names: Vec<_> =
                    cycle.iter().filter_map(|index| declared.get(*index)).map(|group| &group.name).collect();
                let Some(first) = names.first() else { return };
                let way: Vec<_> =
                    names.iter().chain([first]).map(|name| format!("`{}`", name.value)).collect();
                let message = format!("group `{}` refers to itself: {}", first.value, way.join(" → "));
                return self.error(first.span, message, "take one of the references out");
            }
        };
        for index in order {
            let Some(group) = declared.get(index) else { continue };
            let compiled = self.conditions(&group.conditions, group.name.span, resolver).map(Arc::new);
            if let Some(slot) = resolver.groups.get_mut(index) {
                slot.value = compiled;
            }
        }
    }

    /// The tests of all rules, or `None` when one of them comes to nothing.
    fn conditions(
        &mut self,
        declared: &config::Conditions,
        span: Span,
        resolver: &Resolver,
    ) -> Option<Conditions> {
        let mut good = true;
        let lists = [&declared.include, &declared.require, &declared.exclude].map(|rules| {
            let tests = rules.iter().filter_map(|rule| match resolver.test(&rule.value) {
                Ok(test) => Some((rule.value.clone(), test)),
                Err(error) => {
                    good = false;
                    let remedy = match rule.value {
                        Rule::Geo(_) => "name one with geo_database in [access]".to_owned(),
                        _ => "write its name or id as it is declared in this file".to_owned(),
                    };
                    self.problems.push(Problem::error(error.to_string()).at(rule.span).remedy(remedy));
                    None
                }
            });
            tests.collect::<Vec<_>>()
        });
        let [include, require, exclude] = lists;
        let conditions = Conditions::new(include, require, exclude);
        if let Err(error) = check_size(&conditions) {
            self.error(
                span,
                error.to_string(),
                "refer to fewer groups, or put addresses into an [[ip_list]]",
            );
            return None;
        }
        good.then_some(conditions)
    }

    /// Reusable policies that nobody uses have to be right too.
    fn check_reusable(&mut self, resolver: &Resolver) {
        let declared = &self.config.policies;
        self.check_duplicates(
            declared.iter().map(|policy| &policy.name),
            "policy",
            "give each a name of its own",
        );
        for policy in declared {
            self.check_policy(policy, policy.name.span);
            self.conditions(&policy.conditions, policy.name.span, resolver);
        }
    }

    /// No request may belong to two applications, not even one to an origin that ignores case.
    fn check_destinations(&mut self) {
        let mut seen: HashMap<_, (usize, Span)> = HashMap::new();
        for (index, application) in self.config.applications.iter().enumerate() {
            for destination in &application.destinations {
                let key = (destination.value.domain.clone(), destination.value.path.to_lowercase());
                match seen.insert(key, (index, destination.span)) {
                    Some((other, first)) if other != index => {
                        let (line, _) = self.source.position(first.start);
                        let message =
                            format!("application `{}` is already defined in line {line}", destination.value);
                        let remedy = "put all policies of a host and path into one [[application]]; case does not make another";
                        self.error(destination.span, message, remedy);
                    }
                    _ => {}
                }
                if !self.config.hosts.iter().any(|host| destination.value.domain.meets(&host.name.value)) {
                    let message =
                        format!("no host serves `{}`; this application is unused", destination.value.domain);
                    self.warn(
                        destination.span,
                        message,
                        "add a [[host]] with this name, or take the application out",
                    );
                }
            }
        }
    }

    fn guarded(&mut self, declared: &config::Application, resolver: &Resolver) -> Guarded {
        let domain = declared.destinations.first().map(|domain| domain.value.to_string()).unwrap_or_default();
        let application = Application {
            id: id(declared.id, "application", &domain),
            aud: declared.aud.unwrap_or_else(|| Audience::derived(&domain)),
            name: declared.name.clone().unwrap_or_else(|| domain.clone()),
            destinations: declared.destinations.iter().map(|destination| destination.value.clone()).collect(),
            settings: declared.settings.clone(),
        };
        let names = declared.policies.iter().map(|policy| &policy.value.name);
        self.check_duplicates(names, "policy", "give each policy of an application a name of its own");
        let mut policies = Vec::new();
        for Spanned { value: policy, span } in &declared.policies {
            self.check_policy(policy, *span);
            self.check_reach(policy, declared);
            let conditions = self.conditions(&policy.conditions, *span, resolver);
            policies
                .extend(conditions.map(|conditions| compiled(policy, &format!("{domain}\0"), conditions)));
        }
        for reference in &declared.reused {
            let mut reusable = self.config.policies.iter();
            let means = |policy: &&config::Policy| {
                reference.value.means(id(policy.id, "policy", &policy.name.value), &policy.name.value)
            };
            let Some(policy) = reusable.find(means) else {
                let message = format!("there is no policy `{}`", reference.value);
                self.error(reference.span, message, "write the name or id of a [[policy]]");
                continue;
            };
            self.check_reach(policy, declared);
            // What is wrong with it was said where it stands.
            let before = self.problems.len();
            let conditions = self.conditions(&policy.conditions, policy.name.span, resolver);
            self.problems.truncate(before);
            policies.extend(conditions.map(|conditions| compiled(policy, "", conditions)));
        }
        Guarded::new(application, policies)
    }

    /// Warns of what a policy does not do that it seems to.
    fn check_policy(&mut self, policy: &config::Policy, span: Span) {
        let name = &policy.name.value;
        match policy.decision {
            Decision::Allow => {
                let message = format!("policy `{name}`: `allow` needs a login and there is none; it denies");
                self.warn(span, message, "use decision = \"non_identity\" for devices");
            }
            Decision::Bypass => {
                let message = format!("policy `{name}`: `bypass` asks for nothing, and makes no token");
                self.warn(
                    span,
                    message,
                    "use decision = \"non_identity\" where the origin relies on an identity",
                );
            }
            Decision::Deny | Decision::NonIdentity => {}
        }
        self.check_unanswered(&policy.conditions);
    }

    /// Warns of rules that never hold.
    fn check_unanswered(&mut self, conditions: &config::Conditions) {
        for rule in rules(conditions) {
            if let Rule::Unanswered(unanswered) = &rule.value {
                let message = format!(
                    "`{}` needs {}, which is not here; it never holds",
                    unanswered.selector,
                    unanswered.needs()
                );
                self.warn(
                    rule.span,
                    message,
                    "rely on rules about certificates, addresses or service tokens",
                );
            }
        }
    }

    /// Warns of rules about certificates where nobody is asked for one.
    fn check_reach(&mut self, policy: &config::Policy, application: &config::Application) {
        let mut hosts = self.config.hosts.iter().filter(|host| {
            application
                .destinations
                .iter()
                .any(|destination| destination.value.domain.meets(&host.name.value))
        });
        let Some(host) = hosts.find(|host| host.client_auth == config::ClientAuth::None) else { return };
        if let Some(rule) = rules(&policy.conditions).find(|rule| rule.value.is_about_certificates()) {
            let message = format!(
                "`{}` never holds on host `{}`, which asks nobody for a certificate",
                rule.value.selector(),
                host.name.value
            );
            self.warn(rule.span, message, "set client_auth = \"access\" for this host");
        }
    }

    /// Warns of groups' rules that never hold.
    fn check_group_rules(&mut self) {
        for group in &self.config.groups {
            self.check_unanswered(&group.conditions);
        }
    }
}

fn rules(conditions: &config::Conditions) -> impl Iterator<Item = &Spanned<Rule>> {
    conditions.include.iter().chain(&conditions.require).chain(&conditions.exclude)
}

fn issuers(bundles: &[Associated<'_>]) -> Vec<Named<Arc<str>>> {
    let of = |bundle: &Associated<'_>| {
        let name = &bundle.bundle.name;
        named(None, "mtls_certificate", name, Arc::clone(name))
    };
    bundles.iter().map(of).collect()
}

fn id(given: Option<ResourceId>, kind: &str, name: &str) -> ResourceId {
    given.unwrap_or_else(|| ResourceId::derived(kind, name))
}

fn named<T>(given: Option<ResourceId>, kind: &str, name: &str, value: T) -> Named<T> {
    Named { id: id(given, kind, name), name: name.into(), value }
}

/// A policy with its rules; `within` tells those of different applications apart.
fn compiled(declared: &config::Policy, within: &str, conditions: Conditions) -> CompiledPolicy {
    let name = &declared.name.value;
    let policy = Policy {
        id: id(declared.id, "policy", &format!("{within}{name}")),
        name: name.clone(),
        decision: declared.decision,
        session_duration: declared.session_duration,
    };
    CompiledPolicy { policy, conditions }
}
