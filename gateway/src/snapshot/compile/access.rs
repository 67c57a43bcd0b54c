//! Applications, policies and what they refer to, compiled: names become what they stand for, and what is wrong with
//! them is said where it stands.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Associated, Compiler, in_file};
use crate::access::conditions::Conditions;
use crate::access::directory::{Directory, Named};
use crate::access::geo::GeoDatabase;
use crate::access::groups;
use crate::access::networks::Networks;
use crate::access::resolve::{Resolver, check_size};
use crate::access::service_tokens::ServiceTokens;
use crate::access::table::{CompiledPolicy, Guarded, Shared};
use crate::config::{self, Listed, Problem, Span, Spanned};
use crate::model::application::Application;
use crate::model::hostname::HostPattern;
use crate::model::id::{Audience, ResourceId};
use crate::model::policy::{Decision, Policy};
use crate::model::rule::Rule;
use crate::model::service_token::ServiceToken;

/// What all hosts' tables are made from.
pub(super) struct Access {
    pub(super) applications: Vec<Arc<Guarded>>,
    pub(super) shared: Arc<Shared>,
}

impl<'a> Compiler<'a> {
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
        let reusable = self.reusable(&resolver);
        self.check_destinations();
        let applications = self.resources.applications.iter();
        let guarded = |declared: &Arc<_>| Arc::new(self.guarded(declared, &resolver, &reusable));
        let applications = applications.map(guarded).collect();
        Access { applications, shared: Arc::new(Shared { tokens, geo }) }
    }

    fn geo_database(&mut self) -> Option<Arc<GeoDatabase>> {
        let path = self.config.access.geo_database.as_ref()?;
        let open = self.files.geo_database(&self.source.resolve(&path.value));
        open.map_err(|error| {
            let message = format!("cannot use {}: {error}", self.source.resolve(&path.value).display());
            self.error(path.span, message, "name a country or city database in MaxMind's format (.mmdb)");
        })
        .ok()
    }

    fn service_tokens(&mut self) -> ServiceTokens {
        let declared = &self.resources.service_tokens;
        self.check_duplicates(
            in_file(declared.iter().map(|token| &token.name)),
            "service token",
            "give each a name of its own",
        );
        self.check_duplicates(
            declared.iter().map(|token| &token.client_id),
            "client id",
            "give each token its own",
        );
        ServiceTokens::new(declared.iter().map(|token| ServiceToken {
            id: token.id(),
            name: token.name.value.as_str().into(),
            client_id: token.client_id.value.as_str().into(),
            secret: token.secret,
            expires_at: token.expires_at,
        }))
    }

    fn ip_lists(&mut self) -> Directory<Arc<Networks>> {
        let declared = &self.resources.ip_lists;
        self.check_duplicates(
            in_file(declared.iter().map(|list| &list.name)),
            "IP list",
            "give each a name of its own",
        );
        let lists = declared.iter();
        lists.map(|list| named(list.id(), &list.name.value, Arc::new(Networks::new(&list.ips)))).collect()
    }

    fn named_groups<T: Default>(&mut self) -> Directory<T> {
        let declared = &self.resources.groups;
        self.check_duplicates(
            in_file(declared.iter().map(|group| &group.name)),
            "group",
            "give each a name of its own",
        );
        declared.iter().map(|group| named(group.id(), &group.name.value, T::default())).collect()
    }

    /// Compiles groups, those first that others refer to.
    fn groups(&mut self, resolver: &mut Resolver) {
        let declared = &self.resources.groups;
        let references: Vec<Vec<usize>> = declared
            .iter()
            .map(|group| {
                let rules = rules(&group.conditions).filter_map(|rule| match &rule.value {
                    Rule::Group(reference) => resolver.groups.position(reference),
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
                *slot = compiled;
            }
        }
    }

    /// What a policy asks; as it was compiled before, where nothing else could have changed it.
    fn conditions_of(
        &mut self,
        policy: &Arc<config::Policy>,
        span: Span,
        resolver: &Resolver,
    ) -> Option<Arc<Conditions>> {
        let kept = &self.files.policies;
        if let Some(conditions) = kept.get(policy) {
            return Some(conditions);
        }
        let conditions = Arc::new(self.conditions(&policy.conditions, span, resolver)?);
        if !rules(&policy.conditions).any(|rule| rule.value.refers()) {
            kept.keep(policy, &conditions);
        }
        Some(conditions)
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

    /// Policies that applications share. Those that nobody uses have to be right too.
    fn reusable(&mut self, resolver: &Resolver) -> Directory<Reusable<'a>> {
        let declared = &self.resources.policies;
        self.check_duplicates(
            in_file(declared.iter().map(|policy| &policy.name)),
            "policy",
            "give each a name of its own",
        );
        let reusable = declared.iter().map(|policy| {
            self.check_policy(policy, policy.name.span);
            let conditions = self.conditions_of(policy, policy.name.span, resolver);
            named(policy.id(""), &policy.name.value, Reusable { policy, conditions })
        });
        reusable.collect()
    }

    /// No request may belong to two applications, not even one to an origin that ignores case.
    fn check_destinations(&mut self) {
        let mut seen: HashMap<_, (usize, Span)> = HashMap::new();
        for (index, application) in self.resources.applications.iter().enumerate() {
            for destination in &application.destinations {
                let key = (destination.value.domain.clone(), destination.value.path.to_lowercase());
                match seen.insert(key, (index, destination.span)) {
                    Some((other, first)) if other != index => {
                        let message = format!(
                            "application `{}` is already defined {}",
                            destination.value,
                            self.source.mention(first)
                        );
                        let remedy = "put all policies of a host and path into one [[application]]; case does not make another";
                        self.problems
                            .push(Problem::error(message).at(destination.span).remedy(remedy).taken());
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

    fn guarded(
        &mut self,
        declared: &config::Application,
        resolver: &Resolver,
        reusable: &Directory<Reusable<'_>>,
    ) -> Guarded {
        let domain = declared.domain();
        let application = Application {
            id: declared.id(),
            aud: declared.aud.unwrap_or_else(|| Audience::derived(&domain)),
            name: declared.name.clone().unwrap_or_else(|| domain.clone()),
            destinations: declared.destinations.iter().map(|destination| destination.value.clone()).collect(),
            settings: declared.settings.clone(),
        };
        let own = declared.policies.iter().filter_map(|listed| match listed {
            Listed::Own(policy) => Some(&policy.value.name),
            Listed::Reused(_) => None,
        });
        self.check_duplicates(in_file(own), "policy", "give each policy of an application a name of its own");
        let unasked = self.unasked_host(declared);
        let mut policies = Vec::new();
        for listed in &declared.policies {
            let (policy, conditions) = match listed {
                Listed::Own(Spanned { value: policy, span }) => {
                    self.check_policy(policy, *span);
                    (&**policy, self.conditions_of(policy, *span, resolver))
                }
                Listed::Reused(reference) => {
                    let Some(found) = reusable.find(&reference.value) else {
                        let message = format!("there is no policy `{}`", reference.value);
                        self.error(reference.span, message, "write the name or id of a [[policy]]");
                        continue;
                    };
                    // What is wrong with it was said where it stands.
                    (found.policy, found.conditions.clone())
                }
            };
            if let Some(host) = unasked {
                self.check_reach(policy, host);
            }
            let within = if let Listed::Own(_) = listed { domain.as_str() } else { "" };
            policies.extend(conditions.map(|conditions| compiled(policy, within, conditions)));
        }
        Guarded::new(application, policies)
    }

    /// A host of an application that asks nobody for a certificate.
    fn unasked_host(&self, application: &config::Application) -> Option<&'a HostPattern> {
        let mut unasked =
            self.config.hosts.iter().filter(|host| host.client_auth == config::ClientAuth::None);
        let is_of = |host: &&config::Host| {
            application
                .destinations
                .iter()
                .any(|destination| destination.value.domain.meets(&host.name.value))
        };
        unasked.find(is_of).map(|host| &host.name.value)
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

    /// Warns of rules about certificates on a host that asks nobody for one.
    fn check_reach(&mut self, policy: &config::Policy, host: &HostPattern) {
        if let Some(rule) = rules(&policy.conditions).find(|rule| rule.value.is_about_certificates()) {
            let message = format!(
                "`{}` never holds on host `{host}`, which asks nobody for a certificate",
                rule.value.selector(),
            );
            self.warn(rule.span, message, "set client_auth = \"access\" for this host");
        }
    }

    /// Warns of groups' rules that never hold.
    fn check_group_rules(&mut self) {
        for group in &self.resources.groups {
            self.check_unanswered(&group.conditions);
        }
    }
}

fn rules(conditions: &config::Conditions) -> impl Iterator<Item = &Spanned<Rule>> {
    conditions.include.iter().chain(&conditions.require).chain(&conditions.exclude)
}

fn issuers(bundles: &[Associated<'_>]) -> Directory<Arc<str>> {
    let of = |associated: &Associated<'_>| {
        let name = &associated.bundle().name;
        named(associated.declared.id(), name, Arc::clone(name))
    };
    bundles.iter().map(of).collect()
}

fn named<T>(id: ResourceId, name: &str, value: T) -> Named<T> {
    Named { id, name: name.into(), value }
}

/// A policy that applications share, with its rules where they come to something.
struct Reusable<'a> {
    policy: &'a config::Policy,
    conditions: Option<Arc<Conditions>>,
}

/// A policy with its rules; `within` is the domain of the application that it is part of.
fn compiled(declared: &config::Policy, within: &str, conditions: Arc<Conditions>) -> CompiledPolicy {
    let policy = Policy {
        id: declared.id(within),
        name: declared.name.value.clone(),
        decision: declared.decision,
        session_duration: declared.session_duration,
    };
    CompiledPolicy { policy, conditions }
}
