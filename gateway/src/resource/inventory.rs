//! Every resource, wherever it is declared, as of one moment.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

use super::stored::Stored;
use crate::config::{Config, FileDocument, Source, documents};
use crate::device::ca::CaBundle;
use crate::model::destination::Destination;
use crate::model::hostname::HostPattern;
use crate::model::id::ResourceId;
use crate::model::kind::Kind;
use crate::model::record_id::RecordId;
use crate::store::{Record, Revision};

/// The resources of a file.
#[derive(Debug, Default)]
pub struct FileResources {
    list: Vec<InFile>,
    positions: HashMap<(Kind, RecordId), usize>,
    /// The served hosts.
    hosts: Vec<HostPattern>,
}

#[derive(Debug)]
struct InFile {
    kind: Kind,
    id: RecordId,
    /// `FILE:LINE`.
    place: String,
    document: Arc<Value>,
}

/// Every resource as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    file: Arc<FileResources>,
    stored: Arc<Stored>,
    bundles: Arc<HashMap<ResourceId, Arc<CaBundle>>>,
}

/// A resource.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// What it is.
    pub kind: Kind,
    /// Its id.
    pub id: &'a RecordId,
    /// What it says.
    pub document: &'a Arc<Value>,
    /// Where it is declared.
    pub origin: Origin<'a>,
    /// The certificates of an mTLS certificate.
    pub bundle: Option<&'a Arc<CaBundle>>,
}

/// Where a resource is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// In the file: it can only be read here.
    File {
        /// `FILE:LINE`.
        place: &'a str,
    },
    /// In the store.
    Stored {
        /// The batch that wrote it last.
        revision: Revision,
        /// Milliseconds since the epoch.
        created_at: u64,
        /// Milliseconds since the epoch.
        updated_at: u64,
    },
}

impl FileResources {
    /// Those of `config`, which was read from `source`.
    pub fn of(config: &Config, source: &Source) -> Self {
        let in_file = |FileDocument { kind, id, span, document }| {
            let place = format!("{}:{}", source.path().display(), source.position(span.start).0);
            InFile { kind, id, place, document: Arc::new(document) }
        };
        let list: Vec<_> = documents(config, source).into_iter().map(in_file).collect();
        let positions =
            list.iter().enumerate().map(|(position, it)| ((it.kind, it.id.clone()), position)).collect();
        let hosts = config.hosts.iter().map(|host| host.name.value.clone()).collect();
        Self { list, positions, hosts }
    }

    /// Where in the file a resource is, as `FILE:LINE`.
    pub fn place(&self, kind: Kind, id: &str) -> Option<&str> {
        self.get(kind, id).map(|found| found.place.as_str())
    }

    fn get(&self, kind: Kind, id: &str) -> Option<&InFile> {
        let position = self.positions.get(&(kind, id.parse().ok()?))?;
        self.list.get(*position)
    }
}

impl InFile {
    fn resource(&self) -> Resource<'_> {
        let Self { kind, id, place, document } = self;
        Resource { kind: *kind, id, document, origin: Origin::File { place }, bundle: None }
    }
}

fn of_record(record: &Record) -> Resource<'_> {
    let Record { kind, id, revision, created_at, updated_at, document } = record;
    let origin = Origin::Stored { revision: *revision, created_at: *created_at, updated_at: *updated_at };
    Resource { kind: *kind, id, document, origin, bundle: None }
}

impl Inventory {
    /// Everything of `file` and `stored`, with the mTLS certificates' own by their ids.
    pub fn new(
        file: Arc<FileResources>,
        stored: Arc<Stored>,
        bundles: HashMap<ResourceId, Arc<CaBundle>>,
    ) -> Self {
        Self { file, stored, bundles: Arc::new(bundles) }
    }

    /// The same with other records, none of which traffic depends on.
    #[must_use]
    pub fn with(&self, stored: Arc<Stored>) -> Self {
        Self { stored, ..self.clone() }
    }

    /// The batch that it is as of.
    pub fn revision(&self) -> Revision {
        self.stored.revision()
    }

    /// The resources of the file.
    pub fn file(&self) -> &Arc<FileResources> {
        &self.file
    }

    /// What is stored.
    pub fn stored(&self) -> &Arc<Stored> {
        &self.stored
    }

    /// A resource.
    pub fn get(&self, kind: Kind, id: &str) -> Option<Resource<'_>> {
        let in_file = self.file.get(kind, id).map(InFile::resource);
        let stored = || self.stored.record(kind, id).map(of_record);
        in_file.or_else(stored).map(|resource| self.with_bundle(resource))
    }

    /// Every resource of a kind: the file's in its order, then those that are stored in the order of their ids.
    pub fn list(&self, kind: Kind) -> impl Iterator<Item = Resource<'_>> {
        let in_file = self.file.list.iter().filter(move |it| it.kind == kind).map(InFile::resource);
        // What the file says of a hostname holds, and is the only one that is listed.
        let stored = self
            .stored
            .records(kind)
            .filter(move |record| !self.file.positions.contains_key(&(kind, record.id.clone())));
        in_file.chain(stored.map(of_record)).map(|resource| self.with_bundle(resource))
    }

    fn with_bundle<'a>(&'a self, resource: Resource<'a>) -> Resource<'a> {
        let is_certificate = resource.kind == Kind::Certificate;
        let id = is_certificate.then(|| resource.id.as_str().parse::<ResourceId>().ok()).flatten();
        Resource { bundle: id.and_then(|id| self.bundles.get(&id)), ..resource }
    }

    /// Names in a resource that no host serves: it is kept, and does nothing for them.
    pub fn unused(&self, resource: &Resource<'_>) -> Vec<String> {
        let texts = |key: &str| {
            let values = resource.document[key].as_array().into_iter().flatten();
            values.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut names = match resource.kind {
            Kind::Certificate => texts("associated_hostnames"),
            Kind::CertificateSettings => vec![resource.id.to_string()],
            Kind::Application => {
                let uris = resource.document["destinations"].as_array().into_iter().flatten();
                let uris = uris.filter_map(|destination| destination["uri"].as_str());
                resource.document["domain"].as_str().into_iter().chain(uris).map(str::to_owned).collect()
            }
            _ => return Vec::new(),
        };
        names.dedup();
        names.retain(|name| !self.serves(resource.kind, name));
        names
    }

    fn serves(&self, kind: Kind, name: &str) -> bool {
        let mut hosts = self.file.hosts.iter();
        if kind == Kind::Application {
            let Ok(destination) = name.parse::<Destination>() else { return false };
            return hosts.any(|host| destination.domain.meets(host));
        }
        name.parse::<HostPattern>().is_ok_and(|name| hosts.any(|host| name.covers(host)))
    }
}
