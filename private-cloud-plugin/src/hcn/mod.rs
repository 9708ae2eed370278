//! The Host Network Service: what it can be asked for, and the shell that makes it hold what [`hns`](crate::hns) renders.
//! (`hcn.md` sections 2 and 5)
//!
//! [`HostNetworkService`] is the seam. On Windows `windows::ComputeNetwork` calls `computenetwork.dll`; tests use a stand-in
//! with the documented behaviour. [`reconcile`] decides by comparing documents and asks for as little as possible.

mod compare;
mod error;
#[cfg(test)]
mod fake;
pub mod reconcile;
#[cfg(test)]
mod tests;
#[cfg(windows)]
pub mod windows;

pub use error::{HcnCode, HcnError};

use uuid::Uuid;

/// Kinds of objects that we need; the service has more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// Networks.
    Network,
    /// Endpoints.
    Endpoint,
}

/// The service. Documents are JSON; calls block and may take seconds. Handles do not leave an implementation: an object
/// is opened for each call and closed after it.
pub trait HostNetworkService {
    /// Ids of all objects that `query` selects. [HcnEnumerateNetworks, HcnEnumerateEndpoints]
    ///
    /// # Errors
    /// What the service says.
    fn enumerate(&mut self, object: Object, query: &str) -> Result<Vec<Uuid>, HcnError>;

    /// Creates a network and gives its id. (`HcnCreateNetwork`)
    ///
    /// # Errors
    /// What the service says.
    fn create_network(&mut self, settings: &str) -> Result<Uuid, HcnError>;

    /// Creates an endpoint on `network` and gives its id. (`HcnCreateEndpoint`)
    ///
    /// # Errors
    /// What the service says.
    fn create_endpoint(&mut self, network: Uuid, settings: &str) -> Result<Uuid, HcnError>;

    /// The document of an object. [HcnQueryNetworkProperties, HcnQueryEndpointProperties]
    ///
    /// # Errors
    /// What the service says.
    fn query(&mut self, object: Object, id: Uuid) -> Result<String, HcnError>;

    /// Changes a part of an object. [HcnModifyNetwork, HcnModifyEndpoint]
    ///
    /// # Errors
    /// What the service says.
    fn modify(&mut self, object: Object, id: Uuid, request: &str) -> Result<(), HcnError>;

    /// Deletes an object. [HcnDeleteNetwork, HcnDeleteEndpoint]
    ///
    /// # Errors
    /// What the service says.
    fn delete(&mut self, object: Object, id: Uuid) -> Result<(), HcnError>;
}
