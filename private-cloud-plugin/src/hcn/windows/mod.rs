//! The service of this host, by way of `computenetwork.dll`.

mod library;

pub use library::LoadError;

use super::{HcnError, HostNetworkService, Object};
use crate::hns::json;
use library::{Library, Opened};
use serde::Deserialize;
use uuid::Uuid;

/// The Host Network Service of this host. Calls block; keep them off threads that must not.
pub struct ComputeNetwork {
    dll: Library,
}

/// The part of a document that names its object.
#[derive(Deserialize)]
struct Identified {
    #[serde(rename = "ID", default)]
    id: Uuid,
}

/// What the service is asked to tell of an object.
const EVERYTHING: &str = r#"{"SchemaVersion":{"Major":2,"Minor":0},"Flags":0}"#;

impl ComputeNetwork {
    /// Loads the library.
    ///
    /// # Errors
    /// The host has no containers feature, or an old one.
    pub fn load() -> Result<Self, LoadError> {
        Ok(Self { dll: Library::load()? })
    }

    /// The id that a document asks for; all zeros let the service choose.
    fn wanted_id(settings: &str) -> Uuid {
        json::read::<Identified>(settings).map(|document| document.id).unwrap_or_default()
    }

    /// The id that the service gave.
    fn id_of(&self, opened: &Opened<'_>) -> Result<Uuid, HcnError> {
        let document = self.dll.query(opened, EVERYTHING)?;
        let identified = json::read::<Identified>(&document);
        identified.map(|document| document.id).map_err(|_| HcnError { hresult: 0, record: document })
    }
}

impl HostNetworkService for ComputeNetwork {
    fn enumerate(&mut self, object: Object, query: &str) -> Result<Vec<Uuid>, HcnError> {
        let list = self.dll.enumerate(object, query)?;
        json::read(&list).map_err(|_| HcnError { hresult: 0, record: list })
    }

    fn create_network(&mut self, settings: &str) -> Result<Uuid, HcnError> {
        let network = self.dll.create_network(Self::wanted_id(settings), settings)?;
        self.id_of(&network)
    }

    fn create_endpoint(&mut self, network: Uuid, settings: &str) -> Result<Uuid, HcnError> {
        let network = self.dll.open(Object::Network, network)?;
        let endpoint = self.dll.create_endpoint(&network, Self::wanted_id(settings), settings)?;
        self.id_of(&endpoint)
    }

    fn query(&mut self, object: Object, id: Uuid) -> Result<String, HcnError> {
        let opened = self.dll.open(object, id)?;
        self.dll.query(&opened, EVERYTHING)
    }

    fn modify(&mut self, object: Object, id: Uuid, request: &str) -> Result<(), HcnError> {
        let opened = self.dll.open(object, id)?;
        self.dll.modify(&opened, request)
    }

    fn delete(&mut self, object: Object, id: Uuid) -> Result<(), HcnError> {
        self.dll.delete(object, id)
    }
}
