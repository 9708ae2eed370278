//! Client of the northbound API.

use crate::{Error, Result};
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::time::Duration;

pub use reqwest::Method;

/// How long a write may wait for the hosts before it answers, in seconds (`Prefer: wait=N`).
const ENFORCEMENT_WAIT: &str = "wait=20";

/// How long any request may take: longer than a write waits for hosts.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A controller as its clients see it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rest {
    http: reqwest::Client,
    root: String,
    version: String,
}

/// Any answer, good or bad.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Response headers.
    pub headers: HeaderMap,
    /// The JSON document; `Null` when the answer has no body.
    pub body: Value,
}

/// Answer to an accepted PUT or DELETE.
#[derive(Clone, Debug)]
pub struct Written {
    /// The document as stored; `Null` after a DELETE.
    pub document: Value,
    /// Generation in which the write became visible.
    pub generation: Option<u64>,
    /// `all`, `partial` or `none`: which hosts in its span confirmed it.
    pub enforced: Option<String>,
}

impl Rest {
    /// A client of the controller at `root`, such as `http://127.0.0.1:8080`, that speaks API version 4.
    pub fn new(root: impl Into<String>) -> Self {
        Self { http: reqwest::Client::new(), root: root.into(), version: "v4".to_owned() }
    }

    /// The same client with another version token in its paths.
    #[must_use]
    pub fn version(&self, token: &str) -> Self {
        Self { version: token.to_owned(), ..self.clone() }
    }

    /// Address of the controller.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Sends any request below `/networking/<version>` and gives any answer.
    ///
    /// # Errors
    /// No answer, or one that is no JSON.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Reply> {
        let body = body.map(Value::to_string);
        self.send_raw(method, &format!("/networking/{}{path}", self.version), body.as_deref(), headers).await
    }

    /// Sends any text to any path.
    ///
    /// # Errors
    /// No answer, or one that is no JSON.
    pub async fn send_raw(
        &self,
        method: Method,
        path: &str,
        body: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Result<Reply> {
        let what = format!("{method} {path}");
        let failed = |source| Error::Http { what: what.clone(), source };
        let mut request = self.http.request(method, format!("{}{path}", self.root)).timeout(PATIENCE);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json; charset=UTF-8").body(body.to_owned());
        }
        let response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.map_err(failed)?;
        let body = if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text) };
        let body = body.map_err(|_| Error::Claim(format!("{what} was answered {status} with no JSON: {text}")))?;
        Ok(Reply { status, headers, body })
    }

    /// Reads one resource.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn get(&self, path: &str) -> Result<Value> {
        Ok(self.accepted(Method::GET, path, None, &[]).await?.body)
    }

    /// Reads a collection; without members it has no `value` (contract section 10).
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let mut body = self.get(path).await?;
        Ok(match body["value"].take() {
            Value::Array(members) => members,
            _ => Vec::new(),
        })
    }

    /// Creates or replaces, and waits for the hosts.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn put(&self, path: &str, document: &Value) -> Result<Written> {
        Ok(self.accepted(Method::PUT, path, Some(document), &[("Prefer", ENFORCEMENT_WAIT)]).await?.into())
    }

    /// Deletes, and waits for the hosts.
    ///
    /// # Errors
    /// No answer, or a refusal.
    pub async fn delete(&self, path: &str) -> Result<Written> {
        Ok(self.accepted(Method::DELETE, path, None, &[("Prefer", ENFORCEMENT_WAIT)]).await?.into())
    }

    async fn accepted(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Reply> {
        let what = format!("{method} {path}");
        let reply = self.send(method, path, body, headers).await?;
        if reply.status < 400 {
            return Ok(reply);
        }
        let (code, message) = (reply.code().to_owned(), reply.body["error"]["message"].as_str().unwrap_or_default());
        Err(Error::Refused { what, status: reply.status, code, message: message.to_owned() })
    }
}

impl Reply {
    /// `error.code`, or nothing.
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// A response header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl From<Reply> for Written {
    fn from(reply: Reply) -> Self {
        let generation = reply.header("x-nc-generation").and_then(|text| text.parse().ok());
        let enforced = reply.header("x-nc-enforced").map(str::to_owned);
        Self { document: reply.body, generation, enforced }
    }
}

/// `instanceId` of a document.
///
/// # Errors
/// The document has none.
pub fn instance_id(document: &Value) -> Result<String> {
    let id = document["instanceId"].as_str().map(str::to_owned);
    id.ok_or_else(|| Error::Claim(format!("a document without instanceId: {document}")))
}
