//! `[alert]`, `[[alert_webhook]]` and `[[alert_policy]]`: who is told before certificates expire, and how.

use std::path::PathBuf;
use std::time::Duration;

use toml_span::de_helpers::TableHelper;
use toml_span::{DeserError, Deserialize, Span, Spanned, Value};

use super::value::{Parsed, Time, at_least, invalid, word};
use crate::model::alert::{EmailAddress, Shape, Threshold};
use crate::model::id::{Reference, ResourceId};

/// `[alert]`
#[derive(Clone, Debug)]
pub struct Alert {
    /// From looking a receiver's host up to its answer.
    pub timeout: Duration,
    /// After the first failure of a delivery; it doubles with each further one.
    pub retry: Duration,
    /// How often a delivery is tried at most.
    pub attempts: u32,
    /// Messages that the history has at most.
    pub history: u32,
    /// Whether URLs of webhooks may be http.
    pub allow_http: bool,
    /// Whether they may lead to loopback, link-local and private addresses.
    pub allow_private: bool,
    /// The CAs that receivers and the mail server may have their certificates from, instead of the system's. PEM.
    pub ca: Option<Spanned<PathBuf>>,
    /// `[alert.smtp]`
    pub smtp: Option<Spanned<Smtp>>,
}

/// `[alert.smtp]`
#[derive(Clone, Debug)]
pub struct Smtp {
    /// The mail server's name or address.
    pub host: String,
    /// Its port: the usual one for `tls` unless another is given.
    pub port: u16,
    /// How it is spoken to.
    pub tls: SmtpTls,
    /// Whom it knows us as.
    pub username: Option<String>,
    /// A file with the password on its first line.
    pub password_file: Option<Spanned<PathBuf>>,
    /// Who the mail is from.
    pub from: EmailAddress,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS after STARTTLS, or not at all.
    StartTls,
    /// TLS from the first octet.
    Tls,
    /// Without TLS.
    None,
}

/// `[[alert_webhook]]`
#[derive(Clone, Debug)]
pub struct AlertWebhook {
    /// Its id, where it is given.
    pub id: Option<ResourceId>,
    /// What the operator calls it.
    pub name: Spanned<String>,
    /// Where it is.
    pub url: Spanned<String>,
    /// What is read there, where it is given.
    pub shape: Option<Shape>,
    /// A file with the secret on its first line.
    pub secret_file: Option<Spanned<PathBuf>>,
    /// Where it is in the file.
    pub span: Span,
}

/// `[[alert_policy]]`
#[derive(Clone, Debug)]
pub struct AlertPolicy {
    /// Its id, where it is given.
    pub id: Option<ResourceId>,
    /// What the operator calls it.
    pub name: Spanned<String>,
    /// What it is for, for people.
    pub description: Option<String>,
    /// Whether it counts.
    pub enabled: bool,
    /// Webhooks, of the file by name or of any place by id.
    pub webhooks: Vec<Spanned<Reference>>,
    /// Mailboxes.
    pub emails: Vec<EmailAddress>,
    /// How many days before.
    pub days: Vec<Threshold>,
    /// Where it is in the file.
    pub span: Span,
}

impl Default for Alert {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            retry: Duration::from_mins(1),
            attempts: 80,
            history: 1000,
            allow_http: false,
            allow_private: false,
            ca: None,
            smtp: None,
        }
    }
}

impl<'de> Deserialize<'de> for Alert {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let default = Self::default();
        let mut table = TableHelper::new(value)?;
        let timeout = table.optional::<Time>("timeout").map_or(default.timeout, |time| time.0);
        let retry = table.optional::<Time>("retry").map_or(default.retry, |time| time.0);
        let attempts = at_least(&mut table, "attempts", 1, default.attempts);
        let history = at_least(&mut table, "history", 1, default.history);
        let allow_http = table.optional("allow_http").unwrap_or_default();
        let allow_private = table.optional("allow_private").unwrap_or_default();
        let ca = table.optional_s::<String>("ca").map(Spanned::map);
        let smtp = table.optional_s("smtp");
        table.finalize(None)?;
        Ok(Self { timeout, retry, attempts, history, allow_http, allow_private, ca, smtp })
    }
}

impl SmtpTls {
    const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

impl<'de> Deserialize<'de> for SmtpTls {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &[("starttls", Self::StartTls), ("tls", Self::Tls), ("none", Self::None)])
    }
}

impl<'de> Deserialize<'de> for Smtp {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let mut table = TableHelper::new(value)?;
        let host = table.required("host");
        let tls = table.optional("tls").unwrap_or(SmtpTls::StartTls);
        let port = table.optional("port").unwrap_or(tls.port());
        let username: Option<Spanned<String>> = table.optional_s("username");
        let password_file = table.optional_s::<String>("password_file").map(Spanned::map);
        let from = table.required::<Parsed<EmailAddress>>("from");
        if let (Some(username), SmtpTls::None) = (&username, tls) {
            let message = "a password is not sent without TLS; set tls to starttls or tls".to_owned();
            table.errors.extend(invalid(message, username.span).errors);
        }
        if let (Some(username), None) = (&username, &password_file) {
            let message = "`username` goes with `password_file`".to_owned();
            table.errors.extend(invalid(message, username.span).errors);
        }
        table.finalize(None)?;
        let username = username.map(|name| name.value);
        Ok(Self { host: host?, port, tls, username, password_file, from: from?.0 })
    }
}

impl AlertWebhook {
    /// Its id: the one that is given, or the one that follows from its name.
    pub fn id(&self) -> ResourceId {
        self.id.unwrap_or_else(|| ResourceId::derived("alert_webhook", &self.name.value))
    }
}

impl<'de> Deserialize<'de> for AlertWebhook {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let id = table.optional::<Parsed<ResourceId>>("id").map(|id| id.0);
        let name = table.required_s("name");
        let url = table.required_s("url");
        let shape = table.optional::<Word>("type").map(|word| word.0);
        let secret_file = table.optional_s::<String>("secret_file").map(Spanned::map);
        table.finalize(None)?;
        Ok(Self { id, name: name?, url: url?, shape, secret_file, span })
    }
}

struct Word(Shape);

impl<'de> Deserialize<'de> for Word {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        word(value, &Shape::WORDS).map(Self)
    }
}

impl AlertPolicy {
    /// Its id: the one that is given, or the one that follows from its name.
    pub fn id(&self) -> ResourceId {
        self.id.unwrap_or_else(|| ResourceId::derived("alert_policy", &self.name.value))
    }
}

impl<'de> Deserialize<'de> for AlertPolicy {
    fn deserialize(value: &mut Value<'de>) -> Result<Self, DeserError> {
        let span = value.span;
        let mut table = TableHelper::new(value)?;
        let id = table.optional::<Parsed<ResourceId>>("id").map(|id| id.0);
        let name = table.required_s("name");
        let description = table.optional("description");
        let enabled = table.optional("enabled").unwrap_or(true);
        let webhooks: Vec<Spanned<String>> = table.optional("webhooks").unwrap_or_default();
        let emails: Vec<Parsed<EmailAddress>> = table.optional("emails").unwrap_or_default();
        let listed: Option<Vec<Spanned<u64>>> = table.optional("days");
        let mut days = Vec::new();
        for Spanned { value, span } in listed.into_iter().flatten() {
            match Threshold::try_from(value) {
                Ok(threshold) => days.push(threshold),
                Err(error) => table.errors.extend(invalid(format!("`{value}`: {error}"), span).errors),
            }
        }
        table.finalize(None)?;
        if days.is_empty() {
            days.extend(Threshold::DEFAULT);
        }
        let reference = |text: Spanned<String>| Spanned { value: reference(&text.value), span: text.span };
        Ok(Self {
            id,
            name: name?,
            description,
            enabled,
            webhooks: webhooks.into_iter().map(reference).collect(),
            emails: emails.into_iter().map(|email| email.0).collect(),
            days,
            span,
        })
    }
}

/// An id where it reads as one.
fn reference(text: &str) -> Reference {
    text.parse().map_or_else(|_| Reference::Name(text.into()), Reference::Id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, String> {
        let mut value = toml_span::parse(text).unwrap();
        T::deserialize(&mut value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_mail_server_has_the_usual_port_of_its_ways() {
        let smtp = |more: &str| parse::<Smtp>(&format!("host = \"mail\"\nfrom = \"a@example.com\"\n{more}"));
        for (more, expected) in [
            ("", (SmtpTls::StartTls, 587)),
            ("tls = \"tls\"", (SmtpTls::Tls, 465)),
            ("tls = \"none\"", (SmtpTls::None, 25)),
            ("tls = \"none\"\nport = 2525", (SmtpTls::None, 2525)),
        ] {
            let smtp = smtp(more).unwrap();
            assert_eq!((smtp.tls, smtp.port), expected, "{more}");
        }
        assert!(smtp("username = \"a\"").unwrap_err().contains("password_file"));
        let in_clear = "tls = \"none\"\nusername = \"a\"\npassword_file = \"p\"";
        assert!(smtp(in_clear).unwrap_err().contains("without TLS"));
    }

    #[test]
    fn a_policy_has_the_documented_days_unless_it_says_others() {
        let policy = |more: &str| parse::<AlertPolicy>(&format!("name = \"p\"\n{more}"));
        let days = |more: &str| policy(more).unwrap().days.iter().map(|day| day.days()).collect::<Vec<_>>();
        assert_eq!((days(""), days("days = [7, 0]")), (vec![30, 14], vec![7, 0]));
        for more in
            ["days = [366]", "days = [-1]", "days = [\"30\"]", "emails = [\"nobody\"]", "webhook = []"]
        {
            assert!(policy(more).is_err(), "{more}");
        }
        let id = "f174e90a-fafe-4643-bbbc-4a0ed4fc8415";
        let webhooks = policy(&format!("webhooks = [\"ops\", \"{id}\"]")).unwrap().webhooks;
        assert!(
            matches!(webhooks[0].value, Reference::Name(_)) && matches!(webhooks[1].value, Reference::Id(_))
        );
    }
}
