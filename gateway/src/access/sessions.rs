//! What permits lead to on one host: for whom a token is, and how long it lives.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::decide::Permit;
use super::table::{AccessTable, Guarded};
use super::token::{Audience, CookieAttributes, SameSite};
use crate::model::application::Application;
use crate::model::duration::GoDuration;
use crate::model::id;
use crate::model::issuer::Issuer;

/// The audiences of a host's applications, made once for each snapshot.
#[derive(Debug, Default)]
pub struct Sessions(HashMap<(id::Audience, Duration), Arc<Audience>>);

impl Sessions {
    /// Of the applications in `table`, whose tokens `issuer` issues.
    pub fn new(table: &AccessTable, issuer: &Issuer) -> Self {
        let all = table.applications().iter().flat_map(|guarded| {
            let application = &guarded.application;
            let durations = durations(guarded);
            durations.filter_map(move |duration| {
                let audience = audience(application, issuer, duration)?;
                Some(((application.aud, duration), Arc::new(audience)))
            })
        });
        Self(all.collect())
    }

    /// For whom a token is after `permit`; nothing where it makes no session.
    pub fn of(&self, permit: &Permit<'_>) -> Option<&Arc<Audience>> {
        let (application, policy) =
            permit.application.zip(permit.policy).filter(|_| permit.makes_a_session())?;
        let duration = policy.session_duration.unwrap_or(application.settings.session_duration);
        self.0.get(&(application.aud, duration.get()))
    }

    /// Every audience, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Audience> {
        self.0.values().map(Arc::as_ref)
    }
}

/// How long sessions last that an application's policies permit.
fn durations(guarded: &Guarded) -> impl Iterator<Item = Duration> {
    let usual = guarded.application.settings.session_duration;
    let policies = guarded.policies().iter();
    let own = policies.filter_map(|compiled| compiled.policy.session_duration);
    own.chain([usual]).map(GoDuration::get)
}

fn audience(application: &Application, issuer: &Issuer, session: Duration) -> Option<Audience> {
    let settings = &application.settings;
    let cookie = CookieAttributes {
        http_only: settings.http_only_cookie_attribute,
        same_site: settings.same_site_cookie_attribute.unwrap_or(SameSite::None),
        path: cookie_path(application).filter(|_| settings.path_cookie_attribute),
    };
    // An audience tag always fits, and a path's beginning does.
    Audience::new(&application.aud.to_string(), issuer.clone(), session, cookie).ok()
}

/// The path of a cookie that is for an application's path only: up to its first wildcard.
fn cookie_path(application: &Application) -> Option<Box<str>> {
    let path = application.destinations.first()?.path.to_string();
    let (beginning, _) = path.split_once('*').map_or((path.as_str(), ""), |(before, after)| {
        (before.rsplit_once('/').map_or("", |(folder, _)| folder), after)
    });
    (!beginning.is_empty()).then(|| beginning.into())
}
