//! What a token may: reading or editing, of everything or of some areas.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::http::Method;

/// A part of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::api) enum Area {
    /// mTLS certificates and what origins hear of them.
    Certificates,
    /// Applications, policies, and what they refer to.
    Access,
    /// Managed transforms.
    Transforms,
    /// Alerts.
    Alerting,
    /// What the gateway has beside them.
    Gateway,
    /// Everything, and the tokens themselves.
    All,
}

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::api) enum Level {
    Read,
    Edit,
}

/// What a token may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) struct Scopes(BTreeMap<Area, Level>);

/// The text is no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no scope; write AREA:read or AREA:edit, with AREA one of certificates, access, transforms, alerting, gateway, all"
)]
pub(in crate::api) struct NotAScope(String);

impl Area {
    const ALL: [Self; 6] =
        [Self::Certificates, Self::Access, Self::Transforms, Self::Alerting, Self::Gateway, Self::All];

    /// The word for it.
    pub(in crate::api) const fn word(self) -> &'static str {
        match self {
            Self::Certificates => "certificates",
            Self::Access => "access",
            Self::Transforms => "transforms",
            Self::Alerting => "alerting",
            Self::Gateway => "gateway",
            Self::All => "all",
        }
    }

    /// What a route is about, by its pattern. What nobody thought of is everything.
    pub(super) fn of(route: &str) -> Self {
        if let Some(rest) = route.strip_prefix("/fleetgate/v1/") {
            return match rest.split('/').next().unwrap_or_default() {
                "alerts" => Self::Alerting,
                "access" | "bans" | "cache" | "crls" | "denied" | "reload" | "status" | "upgrade" | "xdp" => {
                    Self::Gateway
                }
                _ => Self::All,
            };
        }
        let words: Vec<_> = route.split('/').skip(5).collect();
        match words.as_slice() {
            ["access", "certificates", ..] => Self::Certificates,
            ["access", ..] => Self::Access,
            ["managed_headers", ..] => Self::Transforms,
            ["alerting", ..] => Self::Alerting,
            _ => Self::All,
        }
    }
}

impl Level {
    /// What a method needs.
    pub(super) fn of(method: &Method) -> Self {
        if method.is_safe() { Self::Read } else { Self::Edit }
    }

    pub(in crate::api) const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Edit => "edit",
        }
    }
}

impl Scopes {
    /// Everything.
    pub(in crate::api) fn all() -> Self {
        Self([(Area::All, Level::Edit)].into())
    }

    /// Reads them from words; what is no scope is left out.
    pub(super) fn known<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        Self::collect(words.filter_map(|word| scope(word).ok()))
    }

    /// Reads them from words.
    ///
    /// # Errors
    /// One of them is no scope.
    pub(in crate::api) fn parse(words: &[String]) -> Result<Self, NotAScope> {
        let scopes: Result<Vec<_>, _> = words.iter().map(|word| scope(word)).collect();
        scopes.map(|scopes| Self::collect(scopes.into_iter()))
    }

    fn collect(scopes: impl Iterator<Item = (Area, Level)>) -> Self {
        let mut all = BTreeMap::new();
        for (area, level) in scopes {
            let known = all.entry(area).or_insert(level);
            *known = level.max(*known);
        }
        Self(all)
    }

    /// Whether they have this.
    pub(super) fn allow(&self, area: Area, level: Level) -> bool {
        [area, Area::All].iter().any(|area| self.0.get(area).is_some_and(|known| *known >= level))
    }

    /// As words.
    pub(in crate::api) fn words(&self) -> Vec<String> {
        self.0.iter().map(|(area, level)| format!("{}:{}", area.word(), level.word())).collect()
    }
}

fn scope(text: &str) -> Result<(Area, Level), NotAScope> {
    text.parse::<Word>().map(|Word(area, level)| (area, level)).map_err(|()| NotAScope(text.to_owned()))
}

struct Word(Area, Level);

impl FromStr for Word {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (area, level) = text.split_once(':').ok_or(())?;
        let area = Area::ALL.into_iter().find(|known| known.word() == area).ok_or(())?;
        let level = [Level::Read, Level::Edit].into_iter().find(|known| known.word() == level).ok_or(())?;
        Ok(Self(area, level))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(words: &[&str]) -> Scopes {
        Scopes::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_token_may_what_its_scopes_say_and_nothing_else() {
        let some = scopes(&["certificates:edit", "access:read", "access:read"]);
        assert!(some.allow(Area::Certificates, Level::Edit) && some.allow(Area::Certificates, Level::Read));
        assert!(some.allow(Area::Access, Level::Read) && !some.allow(Area::Access, Level::Edit));
        assert!(!some.allow(Area::Gateway, Level::Read) && !some.allow(Area::All, Level::Read));
        let all = scopes(&["all:read"]);
        for area in Area::ALL {
            assert!(all.allow(area, Level::Read) && !all.allow(area, Level::Edit));
        }
        assert_eq!(some.words(), ["certificates:edit", "access:read"]);
        for wrong in ["certificates", "certificates:write", "everything:read", ""] {
            assert!(Scopes::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_shows_or_changes_more_than_one_area_needs_all() {
        for (route, area) in [
            ("/client/v4/accounts/{account_id}/access/certificates/{id}", Area::Certificates),
            ("/client/v4/zones/{zone_id}/access/certificates/settings", Area::Certificates),
            ("/client/v4/accounts/{account_id}/access/apps/{id}/policies", Area::Access),
            ("/client/v4/zones/{zone_id}/managed_headers", Area::Transforms),
            ("/client/v4/accounts/{account_id}/alerting/v3/policies", Area::Alerting),
            ("/fleetgate/v1/crls/{certificate}", Area::Gateway),
            ("/fleetgate/v1/resources/{kind}", Area::All),
            ("/fleetgate/v1/state", Area::All),
            ("/fleetgate/v1/api-tokens", Area::All),
            ("/client/v4/something/new", Area::All),
            ("/elsewhere", Area::All),
        ] {
            assert_eq!(Area::of(route), area, "{route}");
        }
    }
}
