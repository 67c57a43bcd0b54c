//! What the file declares, as the documents that the API has for it.

use serde_json::{Value as Json, json};
use toml_span::{Span, Value};

use super::access::{Application, Listed};
use super::value::to_json;
use super::{AlertPolicy, AlertWebhook, Config, Source};
use crate::model::alert::{ALERT_TYPE, Shape};
use crate::model::id::Reference;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;

/// A resource of the file.
#[derive(Clone, Debug)]
pub struct FileDocument {
    /// What it is.
    pub kind: Kind,
    /// Its id: the one that is given, or the one that follows from its name.
    pub id: RecordId,
    /// Where it is in the file.
    pub span: Span,
    /// What it says.
    pub document: Json,
}

/// Every resource that the file declares, in its order within each kind. `config` was read from `source`.
pub fn documents(config: &Config, source: &Source) -> Vec<FileDocument> {
    // It was parsed before.
    let Ok(file) = toml_span::parse(source.text()) else { return Vec::new() };
    let mut documents = Vec::new();
    let resources = &config.resources;
    let mut add = |key, kind, ids: Vec<RecordId>| {
        for (id, table) in ids.into_iter().zip(tables(&file, key)) {
            documents.push(FileDocument {
                kind,
                id,
                span: table.span,
                document: without_path(to_json(table)),
            });
        }
    };
    let certificates = resources.mtls_certificates.iter();
    add("mtls_certificate", Kind::Certificate, certificates.map(|it| it.id().into()).collect());
    add("ip_list", Kind::IpList, resources.ip_lists.iter().map(|it| it.id().into()).collect());
    add("group", Kind::Group, resources.groups.iter().map(|it| it.id().into()).collect());
    let tokens = resources.service_tokens.iter();
    add("service_token", Kind::ServiceToken, tokens.map(|it| it.id().into()).collect());
    add("policy", Kind::Policy, resources.policies.iter().map(|it| it.id("").into()).collect());
    for (application, table) in resources.applications.iter().zip(tables(&file, "application")) {
        documents.extend(of_application(config, application, table));
    }
    documents.extend(settings(config));
    documents.extend(config.alert_webhooks.iter().map(alert_webhook));
    documents.extend(config.alert_policies.iter().map(|policy| alert_policy(config, policy)));
    documents
}

/// Its secret is in a file, and stays there.
fn alert_webhook(webhook: &AlertWebhook) -> FileDocument {
    let shape = webhook.shape.map(Shape::as_str);
    let document = json!({ "name": webhook.name.value, "url": webhook.url.value, "type": shape });
    FileDocument { kind: Kind::AlertWebhook, id: webhook.id().into(), span: webhook.span, document }
}

fn alert_policy(config: &Config, policy: &AlertPolicy) -> FileDocument {
    let id = |reference: &Reference| {
        let declared = config.alert_webhooks.iter().find(|it| reference.means(it.id(), &it.name.value));
        declared.map_or_else(|| reference.to_string(), |it| it.id().to_string())
    };
    let webhooks: Vec<_> = policy.webhooks.iter().map(|it| json!({ "id": id(&it.value) })).collect();
    let emails: Vec<_> = policy.emails.iter().map(|it| json!({ "id": it.as_str() })).collect();
    let days: Vec<_> = policy.days.iter().map(ToString::to_string).collect();
    let document = json!({
        "name": policy.name.value,
        "description": policy.description,
        "alert_type": ALERT_TYPE,
        "enabled": policy.enabled,
        "mechanisms": { "email": emails, "webhooks": webhooks },
        "filters": { "days": days },
    });
    FileDocument { kind: Kind::AlertPolicy, id: policy.id().into(), span: policy.span, document }
}

fn tables<'a>(file: &'a Value<'a>, key: &str) -> impl Iterator<Item = &'a Value<'a>> {
    file.as_table().and_then(|file| file.get(key)).and_then(Value::as_array).into_iter().flatten()
}

/// Where a certificate's file is concerns nobody who asks for the certificate.
fn without_path(mut document: Json) -> Json {
    if let Json::Object(entries) = &mut document {
        entries.remove("certificate");
        entries.remove("crl_issuers");
        entries.remove("id");
    }
    document
}

/// An application and the policies of its own, which are documents of their own.
fn of_application(config: &Config, application: &Application, table: &Value<'_>) -> Vec<FileDocument> {
    let id = application.id();
    let mut own = tables(table, "policy");
    let (mut documents, mut links) = (Vec::new(), Vec::new());
    for (listed, precedence) in application.policies.iter().zip(1_u64..) {
        match listed {
            Listed::Own(policy) => {
                let mut document = without_path(own.next().map(to_json).unwrap_or_default());
                if let Json::Object(entries) = &mut document {
                    entries.insert("app_id".to_owned(), json!(id.to_string()));
                    entries.insert("precedence".to_owned(), json!(precedence));
                }
                documents.push(FileDocument {
                    kind: Kind::ApplicationPolicy,
                    id: policy.value.id(&application.domain()).into(),
                    span: policy.span,
                    document,
                });
            }
            Listed::Reused(reference) => {
                let policy = config.resources.policies.iter().find(|it| it.is(&reference.value));
                let id = match (&reference.value, policy) {
                    (_, Some(policy)) => policy.id("").to_string(),
                    (Reference::Id(id), None) => id.to_string(),
                    (Reference::Name(name), None) => name.to_string(),
                };
                links.push(json!({ "id": id, "precedence": precedence }));
            }
        }
    }
    let mut document = without_path(to_json(table));
    if let Json::Object(entries) = &mut document {
        entries.remove("policy");
        entries.insert("policies".to_owned(), Json::Array(links));
        entries.entry("name").or_insert_with(|| json!(application.domain()));
    }
    documents.push(FileDocument { kind: Kind::Application, id: id.into(), span: table.span, document });
    documents
}

/// Hosts that say themselves whether their origin gets Cloudflare's headers.
fn settings(config: &Config) -> impl Iterator<Item = FileDocument> {
    config.hosts.iter().filter_map(|host| {
        let forwarding = host.forwarding.cloudflare()?;
        let hostname = host.name.value.to_string();
        Some(FileDocument {
            kind: Kind::CertificateSettings,
            id: hostname.parse().ok()?,
            span: host.name.span,
            document: json!({
                "hostname": hostname,
                "china_network": false,
                "client_certificate_forwarding": forwarding,
            }),
        })
    })
}
