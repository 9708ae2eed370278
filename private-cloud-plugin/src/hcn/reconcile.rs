//! Making HNS hold a network or an endpoint, whatever it holds now.

use super::compare::{self, Changes, Difference};
use super::{HcnError, HostNetworkService, Object};
use crate::hns::endpoint::HostComputeEndpoint;
use crate::hns::json;
use crate::hns::network::{HostComputeNetwork, SchemaVersion};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use uuid::Uuid;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// There was nothing to do.
    Nothing,
    /// The object was not there.
    Created,
    /// Parts of it were changed.
    Modified,
    /// It differed in a part that cannot be changed, and nothing used it.
    Recreated,
}

/// Why HNS does not hold what it should.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The service refuses.
    #[error("cannot {what}: {source}")]
    Service {
        /// What was tried.
        what: String,
        /// What it said.
        source: HcnError,
    },
    /// The service says something that cannot be read.
    #[error("HNS describes {what} in a way that cannot be read: {source}")]
    Document {
        /// Which object.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A network that was named by its id, or that another program made, is somebody else's; it is not made anew.
    #[error(
        "network {id} is in HNS with another {part} and is not ours to make anew; describe it as it is to adopt it, or \
         choose another name and leave its id (hnsid) out"
    )]
    Foreign {
        /// Its id.
        id: Uuid,
        /// Which part differs.
        part: &'static str,
    },
    /// It would have to be made anew under its endpoints.
    #[error(
        "network '{name}' is in HNS with another {part} and has {endpoints} endpoints; remove its containers first, or choose another name"
    )]
    InUse {
        /// The network's name.
        name: String,
        /// Which part differs.
        part: &'static str,
        /// How many use it.
        endpoints: usize,
    },
}

/// Query of all objects.
const ALL: &str = r#"{"SchemaVersion":{"Major":2,"Minor":0},"Flags":0}"#;

/// The reconciler of one service.
pub struct Reconciler<S>(pub S);

impl<S: HostNetworkService> Reconciler<S> {
    /// Makes HNS hold `wanted`, and gives its id. One that `wanted` names by its id is adopted, and never made anew.
    ///
    /// # Errors
    /// The service refuses, or the network is in use as another, or to be adopted as another.
    pub fn network(&mut self, wanted: &HostComputeNetwork) -> Result<(Uuid, Done), ApplyError> {
        let Some((id, found)) = self.find_network(wanted.id, &wanted.name)? else {
            return Ok((self.create_network(wanted)?, Done::Created));
        };
        match compare::networks(wanted, &found) {
            Difference::Changes(changes) => Ok((id, self.change(Object::Network, id, &changes)?)),
            Difference::Fixed(part) if wanted.id.is_some() || found.owner != wanted.owner => {
                Err(ApplyError::Foreign { id, part })
            }
            Difference::Fixed(part) => {
                let endpoints = self.endpoints_of(id)?.len();
                if endpoints > 0 {
                    return Err(ApplyError::InUse { name: wanted.name.clone(), part, endpoints });
                }
                self.delete(Object::Network, id)?;
                Ok((self.create_network(wanted)?, Done::Recreated))
            }
        }
    }

    /// Makes HNS hold `wanted`, and gives its id. An endpoint is found by its id, or by its name on its network.
    ///
    /// # Errors
    /// The service refuses.
    pub fn endpoint(&mut self, wanted: &HostComputeEndpoint) -> Result<(Uuid, Done), ApplyError> {
        let found = self
            .endpoints_of(wanted.host_compute_network)?
            .into_iter()
            .find(|(id, endpoint)| wanted.id.map_or_else(|| endpoint.name == wanted.name, |wanted| wanted == *id));
        let Some((id, found)) = found else {
            return Ok((self.create_endpoint(wanted)?, Done::Created));
        };
        match compare::endpoints(wanted, &found) {
            Difference::Changes(changes) => Ok((id, self.change(Object::Endpoint, id, &changes)?)),
            Difference::Fixed(_) => {
                self.delete(Object::Endpoint, id)?;
                Ok((self.create_endpoint(wanted)?, Done::Recreated))
            }
        }
    }

    /// Takes an object away; one that is not there is no error.
    ///
    /// # Errors
    /// The service refuses: a network has endpoints.
    pub fn delete(&mut self, object: Object, id: Uuid) -> Result<(), ApplyError> {
        match self.0.delete(object, id) {
            Err(error) if !error.is_not_found() => Err(service(format!("delete {object:?} {id}"), error)),
            _ => Ok(()),
        }
    }

    fn find_network(&mut self, id: Option<Uuid>, name: &str) -> Result<Option<(Uuid, HostComputeNetwork)>, ApplyError> {
        let all = self.all::<HostComputeNetwork>(Object::Network)?;
        let wanted = |(found, network): &(Uuid, HostComputeNetwork)| {
            id.map_or_else(|| network.name.eq_ignore_ascii_case(name), |id| id == *found)
        };
        Ok(all.into_iter().find(wanted))
    }

    fn endpoints_of(&mut self, network: Uuid) -> Result<Vec<(Uuid, HostComputeEndpoint)>, ApplyError> {
        let mut all = self.all::<HostComputeEndpoint>(Object::Endpoint)?;
        all.retain(|(_, endpoint)| endpoint.host_compute_network == network);
        Ok(all)
    }

    /// Every object of a kind. One that goes away while we look is passed over.
    fn all<T: DeserializeOwned>(&mut self, object: Object) -> Result<Vec<(Uuid, T)>, ApplyError> {
        let ids = self.0.enumerate(object, ALL).map_err(|error| service(format!("list {object:?}s"), error))?;
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let text = match self.0.query(object, id) {
                Err(error) if error.is_not_found() => continue,
                answer => answer.map_err(|error| service(format!("look at {object:?} {id}"), error))?,
            };
            let document = json::read(&text);
            let unreadable = |source| ApplyError::Document { what: format!("{object:?} {id}"), source };
            all.push((id, document.map_err(unreadable)?));
        }
        Ok(all)
    }

    fn create_network(&mut self, wanted: &HostComputeNetwork) -> Result<Uuid, ApplyError> {
        let what = || format!("create network '{}'", wanted.name);
        self.0.create_network(&text(wanted)).map_err(|error| service(what(), error))
    }

    fn create_endpoint(&mut self, wanted: &HostComputeEndpoint) -> Result<Uuid, ApplyError> {
        let what = || format!("create endpoint '{}'", wanted.name);
        self.0.create_endpoint(wanted.host_compute_network, &text(wanted)).map_err(|error| service(what(), error))
    }

    /// What goes, goes first: two mappings of one port cannot be there at the same time.
    fn change(&mut self, object: Object, id: Uuid, changes: &Changes) -> Result<Done, ApplyError> {
        if changes.is_empty() {
            return Ok(Done::Nothing);
        }
        let policies = [("Remove", &changes.remove), ("Add", &changes.add)];
        let requests = policies.into_iter().filter(|(_, policies)| !policies.is_empty()).map(|(request, policies)| {
            json!({"ResourceType": "Policy", "RequestType": request, "Settings": {"Policies": policies},
                "SchemaVersion": SchemaVersion::default()})
        });
        let dns =
            changes.dns.iter().map(|dns| json!({"ResourceType": "DNS", "RequestType": "Update", "Settings": dns}));
        for request in requests.chain(dns) {
            let modified = self.0.modify(object, id, &request.to_string());
            modified.map_err(|error| service(format!("change {object:?} {id}"), error))?;
        }
        Ok(Done::Modified)
    }
}

fn service(what: String, source: HcnError) -> ApplyError {
    ApplyError::Service { what, source }
}

fn text(document: &impl Serialize) -> String {
    // Documents are structs of texts, numbers and lists, which have a JSON form.
    serde_json::to_string(document).unwrap_or_default()
}
