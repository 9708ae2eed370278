//! What must be refused is refused with its status and its `error.code`, and leaves everything as it was.

mod access_control_lists;
mod addresses;
mod anything;
mod every_collection;
mod hosts;
mod logical_networks;
mod network_interfaces;
mod pools_and_settings;
mod virtual_networks;

use super::judge::{Judge as _, same};
use super::site::Site;
use harness::Result;
use harness::rest::Reply;
use reqwest::Method;
use serde_json::Value;

/// One request that must be refused.
#[derive(Clone)]
pub(crate) struct Refused {
    case: String,
    method: Method,
    version: &'static str,
    path: String,
    body: Option<Value>,
    status: u16,
    code: &'static str,
    detail: Option<&'static str>,
    target: Option<&'static str>,
}

/// A PUT of `body` to `path` that is answered 400 with `code`.
pub(crate) fn put(case: impl Into<String>, path: impl Into<String>, body: Value, code: &'static str) -> Refused {
    let (case, path) = (case.into(), path.into());
    let (method, version, body) = (Method::PUT, "v4", Some(body));
    Refused { case, method, version, path, body, status: 400, code, detail: None, target: None }
}

/// A DELETE of `path` that is answered 409 with `code`.
pub(crate) fn delete(path: impl Into<String>, code: &'static str) -> Refused {
    let path = path.into();
    let (case, method) = (format!("DELETE {path}, which is in use"), Method::DELETE);
    Refused { case, method, version: "v4", path, body: None, status: 409, code, detail: None, target: None }
}

impl Refused {
    /// Through another version.
    pub(crate) fn through(self, version: &'static str) -> Self {
        Self { version, ..self }
    }

    /// With another status.
    pub(crate) fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// `error.details` has this code.
    pub(crate) fn detail(self, code: &'static str) -> Self {
        Self { detail: Some(code), ..self }
    }

    /// `error.target` is this.
    pub(crate) fn target(self, target: &'static str) -> Self {
        Self { target: Some(target), ..self }
    }

    /// What is wrong with this answer; nothing if it is the right one.
    fn differs(&self, reply: &Reply) -> Option<String> {
        let error = &reply.body["error"];
        let mut details = error["details"].as_array().into_iter().flatten();
        let right = reply.status == self.status
            && reply.code() == self.code
            && error["message"].as_str().is_some_and(|message| !message.is_empty())
            && self.detail.is_none_or(|code| details.any(|detail| detail["code"] == code))
            && self.target.is_none_or(|target| error["target"] == target);
        let Self { case, status, code, detail, target, .. } = self;
        let wanted = format!("{status} {code} {} {}", detail.unwrap_or_default(), target.unwrap_or_default());
        (!right).then(|| format!("{case}\n    wanted {}\n    got {} {}", wanted.trim_end(), reply.status, reply.body))
    }
}

/// Sends every request to a furnished controller. None may change anything, neither now nor over a restart.
pub(crate) async fn all(rows: impl IntoIterator<Item = Refused>) -> Result<()> {
    let site = Site::furnished().await?;
    all_at(site, rows).await
}

/// The same where more than the furniture is needed.
pub(crate) async fn all_at(mut site: Site, rows: impl IntoIterator<Item = Refused>) -> Result<()> {
    let mut wrong = Vec::new();
    let mut before = site.everything().await?;
    for row in rows {
        let client = site.nc.version(row.version);
        let reply = client.send(row.method.clone(), &row.path, row.body.as_ref(), &[]).await?;
        wrong.extend(row.differs(&reply));
        let after = site.everything().await?;
        if after != before {
            wrong.push(format!("{}\n    changed something", row.case));
            before = after;
        }
    }
    assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));

    site.controller.process().kill()?;
    site.restart()?;
    same(&site.everything().await?, &before, "a refused write was on disk");
    // Refusing has not made it refuse what is right.
    site.nc.put("/credentials/after", &harness::documents::credential("someone", "something")).await?.is(201);
    Ok(())
}
