//! A controller on a port of the system's choice, and what a client sends it.

use controller::config::Settings;
use controller::startup::Application;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) struct Server {
    base: String,
    client: reqwest::Client,
    handle: actix_web::dev::ServerHandle,
    running: tokio::task::JoinHandle<()>,
    directory: Option<TempDir>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Server {
    /// On a new database, with the fabric that tenants need.
    pub(crate) async fn with_fabric() -> Self {
        let server = Self::empty().await;
        for (path, properties) in [
            ("macPools/default", json!({"startMacAddress": "00-1D-D8-10-00-00", "endMacAddress": "00-1D-D8-10-FF-FF"})),
            ("logicalNetworks/HNVPA", json!({"networkVirtualizationEnabled": "True"})),
            ("accessControlLists/all", json!({"aclRules": [allow("r1", 200)]})),
            (
                "virtualNetworks/blue",
                json!({
                    "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
                    "logicalNetwork": {"resourceRef": "/logicalNetworks/HNVPA"},
                    "subnets": [subnet("web", "10.1.0.0/16"), subnet("db", "10.2.0.0/16")],
                }),
            ),
        ] {
            server.put(path, properties).await.expect(StatusCode::CREATED);
        }
        server
    }

    /// On a new database.
    pub(crate) async fn empty() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut server = Self::on(directory.path(), 1 << 20).await;
        server.directory = Some(directory);
        server
    }

    /// On the database in `directory`, with a limit on request bodies.
    pub(crate) async fn on(directory: &Path, body_limit: usize) -> Self {
        let settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            database: format!("sqlite://{}", directory.join("controller.db").display()),
            body_limit,
            hold_off: Duration::from_secs(120),
        };
        let application = Application::build(&settings).await.unwrap();
        let base = format!("http://{}", application.address());
        let handle = application.handle();
        let running = tokio::spawn(async move { application.run().await.unwrap() });
        Self { base, client: reqwest::Client::new(), handle, running, directory: None }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        self.base.trim_start_matches("http://")
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.as_ref().unwrap().path()
    }

    /// As `put`, for many at once.
    pub(crate) async fn put_owned(&self, path: String, properties: Value) -> Answer {
        self.put(&path, properties).await
    }

    /// Ends it as SIGTERM does.
    pub(crate) async fn stop(self) {
        drop(self.client);
        self.handle.stop(true).await;
        self.running.await.unwrap();
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).body(body);
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request = request.header(name, HeaderValue::from_str(value).unwrap());
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    /// GET below `/networking/v1/`.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, &format!("/networking/v1/{path}"), &[], "").await
    }

    /// PUT of `properties` below `/networking/v1/`.
    pub(crate) async fn put(&self, path: &str, properties: Value) -> Answer {
        self.put_with(path, properties, &[]).await
    }

    pub(crate) async fn put_with(&self, path: &str, properties: Value, headers: &[(&str, &str)]) -> Answer {
        let body = json!({ "properties": properties }).to_string();
        self.send(Method::PUT, &format!("/networking/v1/{path}"), headers, body).await
    }

    /// DELETE below `/networking/v1/`.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, &format!("/networking/v1/{path}"), &[], "").await
    }
}

impl Answer {
    /// Checks the status and gives the document.
    #[track_caller]
    pub(crate) fn expect(self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        match self.text.is_empty() {
            true => Value::Null,
            false => serde_json::from_str(&self.text).unwrap(),
        }
    }

    /// Checks that the request was refused with this status and code.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status.as_u16(), self.code().as_str()), (status, code), "{}", self.text);
    }

    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.text).unwrap_or_default();
        body["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn etag(&self) -> String {
        self.header("etag").unwrap().to_owned()
    }
}

pub(crate) fn subnet(id: &str, prefix: &str) -> Value {
    json!({"resourceId": id, "properties": {"addressPrefix": prefix}})
}

pub(crate) fn allow(id: &str, priority: u16) -> Value {
    json!({"resourceId": id, "properties": {
        "action": "Allow", "type": "Inbound", "priority": priority.to_string(), "protocol": "All",
        "sourcePortRange": "*", "destinationPortRange": "*",
        "sourceAddressPrefix": "*", "destinationAddressPrefix": "*",
    }})
}

/// Properties of a NIC with one address in `/virtualNetworks/blue/subnets/web`.
pub(crate) fn nic(address: &str) -> Value {
    json!({
        "privateMacAllocationMethod": "Dynamic",
        "ipConfigurations": [ip_configuration("ip0", address)],
    })
}

pub(crate) fn ip_configuration(id: &str, address: &str) -> Value {
    json!({"resourceId": id, "properties": {
        "privateIPAllocationMethod": "Static", "privateIPAddress": address,
        "subnet": {"resourceRef": "/virtualNetworks/blue/subnets/web"},
    }})
}
