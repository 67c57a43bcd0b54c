//! The file's resources and the stored ones, together. The file's come first: a name means theirs.

use std::collections::HashMap;
use std::sync::Arc;

use super::inventory::FileResources;
use super::stored::{Entry, Stored};
use crate::config::{Application, Link, Listed, OwnPolicy, Problem, Resources, Spanned, Typed};
use crate::model::id::ResourceId;
use crate::model::kind::Kind;

/// Policies of applications' own, by application, each with its precedence.
type Own = HashMap<ResourceId, Vec<(Option<i64>, Listed)>>;

/// What `file` declares and what is stored; and what of it cannot be together.
pub fn merge(declared: &Resources, file: &FileResources, stored: &Stored) -> (Resources, Vec<Problem>) {
    let (mut all, mut problems) = (declared.clone(), Vec::new());
    let mut own = own_policies(stored);
    for entry in stored.all() {
        problems.extend(is_in_file(entry, file));
        take_in(&mut all, entry, &mut own);
    }
    problems.extend(own.into_values().flatten().filter_map(|(_, policy)| orphan(&policy)));
    (all, problems)
}

fn own_policies(stored: &Stored) -> Own {
    let mut own = Own::new();
    for entry in stored.of(Kind::ApplicationPolicy) {
        if let Typed::Own(OwnPolicy { application, precedence, policy }) = &entry.typed {
            own.entry(*application).or_default().push((*precedence, Listed::Own(policy.clone())));
        }
    }
    own
}

fn take_in(all: &mut Resources, entry: &Entry, own: &mut Own) {
    match &entry.typed {
        Typed::Certificate(certificate) => all.mtls_certificates.push(Arc::clone(certificate)),
        Typed::Settings(host, forwarding) => {
            all.client_certificate_forwarding.insert(host.clone(), forwarding.clone());
        }
        Typed::IpList(list) => all.ip_lists.push(Arc::clone(list)),
        Typed::Group(group) => all.groups.push(Arc::clone(group)),
        Typed::ServiceToken(token) => all.service_tokens.push(Arc::clone(token)),
        Typed::Policy(policy) => all.policies.push(Arc::clone(policy)),
        Typed::Application(application, links) => {
            let own = own.remove(&application.id()).unwrap_or_default();
            all.applications.push(with_policies(application, links, own));
        }
        Typed::Organization(issuer) => all.team_domain.clone_from(issuer),
        Typed::Keys(rotation) => all.key_rotation = *rotation,
        Typed::Transform(transform) => all.managed_transform = Some(*transform),
        Typed::Own(_) | Typed::Opaque => {}
    }
}

/// An application with the policies that it shares and those of its own, in the order of precedence.
fn with_policies(
    application: &Arc<Application>,
    links: &[Link],
    own: Vec<(Option<i64>, Listed)>,
) -> Arc<Application> {
    let shared = links.iter().map(|link| (link.precedence, Listed::Reused(link.policy.clone())));
    let mut policies: Vec<_> = shared.chain(own).collect();
    if policies.is_empty() {
        return Arc::clone(application);
    }
    // Stable: of equal ones, and of those without, those that are shared come first, as they are listed.
    policies.sort_by_key(|(precedence, _)| precedence.unwrap_or(i64::MAX));
    let policies = policies.into_iter().map(|(_, listed)| listed).collect();
    Arc::new(Application { policies, ..Application::clone(application) })
}

fn orphan(policy: &Listed) -> Option<Problem> {
    let Listed::Own(Spanned { value, span }) = policy else { return None };
    let message = format!("policy `{}` is of an application that is not stored", value.name.value);
    Some(
        Problem::error(message)
            .at(*span)
            .remedy("name one by its id in app_id, or remove the policy with it"),
    )
}

/// The problem with something stored that the file has under the same id.
fn is_in_file(entry: &Entry, file: &FileResources) -> Option<Problem> {
    // What a host's own table says holds, and the other waits until it says nothing.
    if entry.record.kind == Kind::CertificateSettings {
        return None;
    }
    let place = file.place(entry.record.kind, entry.record.id.as_str())?;
    let problem = Problem::error(format!("{place} declares it too")).at(entry.span()).taken();
    Some(problem.remedy("take it out of the file, or give it another id there"))
}
