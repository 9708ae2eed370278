//! A Host Network Service in memory, with the documented behaviour as far as we depend on it.

use super::{HcnCode, HcnError, HostNetworkService, Object};
use crate::hns::endpoint::HostComputeEndpoint;
use crate::hns::json;
use crate::hns::network::{HostComputeNetwork, NetworkType};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The service.
#[derive(Debug)]
pub(super) struct Fake {
    pub(super) objects: BTreeMap<(Object, Uuid), Value>,
    /// Calls that change something, in the order they came.
    pub(super) calls: Vec<String>,
    /// Whether VFP is there.
    pub(super) vfp: bool,
    pub(super) next: u128,
}

impl Default for Fake {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), calls: Vec::new(), vfp: true, next: 1 }
    }
}

impl Fake {
    fn insert(&mut self, object: Object, id: Option<Uuid>, mut document: Value) -> Uuid {
        let id = id.unwrap_or_else(|| Uuid::from_u128(self.next));
        self.next += 1;
        document["ID"] = json!(id.to_string().to_uppercase());
        // What nobody asked for, as the real service has it.
        document["Health"] = json!({"LastErrorCode": 0, "Extra": {}});
        self.objects.insert((object, id), document);
        id
    }

    fn get(&self, object: Object, id: Uuid) -> Result<&Value, HcnError> {
        let missing = match object {
            Object::Network => HcnCode::NetworkNotFound,
            Object::Endpoint => HcnCode::EndpointNotFound,
        };
        self.objects.get(&(object, id)).ok_or(HcnError::of(missing))
    }

    fn all<T: serde::de::DeserializeOwned>(&self, object: Object) -> Vec<T> {
        let documents = self.objects.iter().filter(|((kind, _), _)| *kind == object);
        documents.map(|(_, document)| json::from_value(document.clone()).unwrap()).collect()
    }
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, HcnError> {
    json::read(text).map_err(|error| HcnError {
        hresult: HcnCode::InvalidJson.hresult(),
        record: json!({"Success": false, "Error": error.to_string()}).to_string(),
    })
}

impl HostNetworkService for Fake {
    fn enumerate(&mut self, object: Object, query: &str) -> Result<Vec<Uuid>, HcnError> {
        parse::<Value>(query)?;
        Ok(self.objects.keys().filter(|(kind, _)| *kind == object).map(|(_, id)| *id).collect())
    }

    fn create_network(&mut self, settings: &str) -> Result<Uuid, HcnError> {
        self.calls.push("create network".to_owned());
        let wanted: HostComputeNetwork = parse(settings)?;
        let needs_vfp = !matches!(wanted.kind, NetworkType::Nat | NetworkType::Transparent);
        if needs_vfp && !self.vfp {
            return Err(HcnError::of(HcnCode::VfpNotAllowed));
        }
        if self.all::<HostComputeNetwork>(Object::Network).iter().any(|other| other.name == wanted.name) {
            return Err(HcnError::of(HcnCode::NetworkAlreadyExists));
        }
        let mut document: Value = parse(settings)?;
        if let (NetworkType::Nat, Value::Object(members)) = (wanted.kind, &mut document) {
            members.remove("Type");
        }
        Ok(self.insert(Object::Network, wanted.id, document))
    }

    fn create_endpoint(&mut self, network: Uuid, settings: &str) -> Result<Uuid, HcnError> {
        self.calls.push("create endpoint".to_owned());
        let wanted: HostComputeEndpoint = parse(settings)?;
        let network: HostComputeNetwork = json::from_value(self.get(Object::Network, network)?.clone()).unwrap();
        let subnets = || network.ipams.iter().flat_map(|ipam| &ipam.subnets);
        let inside = |address| subnets().any(|subnet| subnet.ip_address_prefix.contains(address));
        if !wanted.ip_configurations.iter().all(|configuration| inside(configuration.ip_address)) {
            return Err(HcnError::of(HcnCode::InvalidIp));
        }
        Ok(self.insert(Object::Endpoint, wanted.id, parse(settings)?))
    }

    fn query(&mut self, object: Object, id: Uuid) -> Result<String, HcnError> {
        self.get(object, id).map(Value::to_string)
    }

    fn modify(&mut self, object: Object, id: Uuid, request: &str) -> Result<(), HcnError> {
        let request: Value = parse(request)?;
        let (resource, kind) = (&request["ResourceType"], &request["RequestType"]);
        self.calls.push(format!("{} {}", kind.as_str().unwrap(), resource.as_str().unwrap()));
        self.get(object, id)?;
        let document = self.objects.get_mut(&(object, id)).unwrap();
        if resource == "DNS" {
            document["Dns"] = request["Settings"].clone();
            return Ok(());
        }
        let given = request["Settings"]["Policies"].as_array().unwrap();
        let policies = document["Policies"].as_array_mut().unwrap();
        for policy in given {
            let at = policies.iter().position(|other| other == policy);
            match (kind.as_str(), at) {
                (Some("Add"), None) => policies.push(policy.clone()),
                (Some("Add"), Some(_)) => return Err(HcnError::of(HcnCode::PolicyAlreadyExists)),
                (Some("Remove"), Some(at)) => drop(policies.remove(at)),
                (Some("Remove"), None) => return Err(HcnError::of(HcnCode::PolicyNotFound)),
                _ => return Err(HcnError::of(HcnCode::RequestUnsupported)),
            }
        }
        Ok(())
    }

    fn delete(&mut self, object: Object, id: Uuid) -> Result<(), HcnError> {
        self.calls.push(format!("delete {object:?}").to_lowercase());
        self.get(object, id)?;
        let endpoints = self.all::<HostComputeEndpoint>(Object::Endpoint);
        if object == Object::Network && endpoints.iter().any(|endpoint| endpoint.host_compute_network == id) {
            return Err(HcnError::of(HcnCode::EntityHasReferences));
        }
        self.objects.remove(&(object, id));
        Ok(())
    }
}
