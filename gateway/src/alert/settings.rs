//! What the file says of alerts, with the files that it names.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use rustls::pki_types::CertificateDer;

use super::document::{Policy, Webhook};
use super::mail::Mailer;
use super::secret::Secret;
use super::send::Sender;
use crate::config::{Config, FileDocument, Problem, Source, Spanned, documents};
use crate::device::pem;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;

/// How alerts are sent, as the file wants it.
pub struct Settings {
    pub(super) retry: Duration,
    pub(super) attempts: u32,
    pub(super) history: usize,
    pub(super) sender: Sender,
    /// Of the file's webhooks.
    secrets: HashMap<RecordId, Secret>,
}

impl Settings {
    /// Reads what `config` names.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn load(config: &Config, source: &Source) -> Result<Self, Vec<Problem>> {
        let mut loading = Loading { source, problems: Vec::new() };
        let settings = loading.settings(config);
        loading.check(config, &settings);
        if loading.problems.is_empty() { Ok(settings) } else { Err(loading.problems) }
    }

    /// The secret of a webhook that the file declares.
    pub(super) fn secret(&self, id: &RecordId) -> Option<&Secret> {
        self.secrets.get(id)
    }
}

struct Loading<'a> {
    source: &'a Source,
    problems: Vec<Problem>,
}

impl Loading<'_> {
    fn settings(&mut self, config: &Config) -> Settings {
        let alert = &config.alert;
        let roots = alert.ca.as_ref().and_then(|path| self.certificates(path));
        let mailer = self.mailer(config, roots.as_deref());
        let secret = |this: &mut Self, file: &Option<Spanned<PathBuf>>| {
            file.as_ref().and_then(|file| this.secret(file))
        };
        let mut secrets = HashMap::new();
        for webhook in &config.alert_webhooks {
            if let Some(secret) = secret(self, &webhook.secret_file) {
                secrets.insert(webhook.id().into(), secret);
            }
        }
        Settings {
            retry: alert.retry,
            attempts: alert.attempts,
            history: alert.history as usize,
            sender: Sender {
                timeout: alert.timeout,
                allow_http: alert.allow_http,
                allow_private: alert.allow_private,
                roots,
                mailer,
                client: OnceLock::new(),
            },
            secrets,
        }
    }

    fn mailer(&mut self, config: &Config, roots: Option<&[CertificateDer<'static>]>) -> Option<Mailer> {
        let Spanned { value: smtp, span } = config.alert.smtp.as_ref()?;
        let password = smtp.password_file.as_ref().and_then(|file| self.secret(file));
        let mailer = Mailer::new(smtp, password.as_ref(), roots, config.alert.timeout);
        mailer.map_err(|error| self.problems.push(Problem::error(error).at(*span))).ok()
    }

    fn certificates(&mut self, path: &Spanned<PathBuf>) -> Option<Vec<CertificateDer<'static>>> {
        let found = pem::certificates(&self.source.resolve(&path.value));
        found.map_err(|error| self.problems.push(Problem::error(error.to_string()).at(path.span))).ok()
    }

    /// The first line of a file.
    fn secret(&mut self, file: &Spanned<PathBuf>) -> Option<Secret> {
        let path = self.source.resolve(&file.value);
        let secret = fs::read_to_string(&path).map_err(|error| error.to_string()).and_then(|text| {
            Secret::new(text.lines().next().unwrap_or_default()).map_err(|error| error.to_string())
        });
        let refused = |error| {
            let message = format!("cannot take a secret from {}: {error}", path.display());
            let remedy = "name a file with the secret on its first line, which the gateway's user may read";
            Problem::error(message).at(file.span).remedy(remedy)
        };
        secret.map_err(|error| self.problems.push(refused(error))).ok()
    }

    /// Looks at the documents as whoever sends will.
    fn check(&mut self, config: &Config, settings: &Settings) {
        for FileDocument { kind, id, span, document } in documents(config, self.source) {
            let problem = match kind {
                Kind::AlertWebhook => match Webhook::with_secret(&document, settings.secret(&id)) {
                    Ok(webhook) if !webhook.url.tls && !config.alert.allow_http => {
                        Some("url: http is not accepted unless alert.allow_http is set; use https".to_owned())
                    }
                    Ok(_) => None,
                    Err(error) => Some(error.to_string()),
                },
                Kind::AlertPolicy => Policy::read(&document).err().map(|error| error.to_string()),
                _ => None,
            };
            self.problems.extend(problem.map(|problem| Problem::error(problem).at(span)));
        }
        self.check_names(config);
        self.check_policies(config);
    }

    fn check_names(&mut self, config: &Config) {
        let webhooks = config.alert_webhooks.iter().map(|it| (&it.name, it.id()));
        let policies = config.alert_policies.iter().map(|it| (&it.name, it.id()));
        let lists: [(&str, Vec<_>); 2] =
            [("alert_webhook", webhooks.collect()), ("alert_policy", policies.collect())];
        for (word, list) in lists {
            for (index, (name, id)) in list.iter().enumerate() {
                let before = list.iter().take(index);
                if before.into_iter().any(|(other, other_id)| other.value == name.value || other_id == id) {
                    let message = format!("{word} `{}` is there already", name.value);
                    self.problems
                        .push(Problem::error(message).at(name.span).remedy("give each a name of its own"));
                }
            }
        }
    }

    /// Names are of the file's webhooks; ids may be of any.
    fn check_policies(&mut self, config: &Config) {
        for policy in &config.alert_policies {
            for Spanned { value: reference, span } in &policy.webhooks {
                let known = config.alert_webhooks.iter().any(|it| reference.means(it.id(), &it.name.value));
                if !known && matches!(reference, crate::model::id::Reference::Name(_)) {
                    let message = format!("there is no alert_webhook `{reference}`");
                    let remedy = "declare it, or name one that is stored by its id";
                    self.problems.push(Problem::error(message).at(*span).remedy(remedy));
                }
            }
            if !policy.emails.is_empty() && config.alert.smtp.is_none() {
                let message = "`emails` needs a mail server".to_owned();
                self.problems.push(Problem::error(message).at(policy.span).remedy("set [alert.smtp]"));
            }
        }
    }
}
