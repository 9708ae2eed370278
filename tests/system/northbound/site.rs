//! A controller with a database of its own, and what tests ask of it.

use super::furniture;
use super::judge::{Judge as _, without_reports};
use harness::Result;
use harness::controller::ControllerProcess;
use harness::rest::{Reply, Rest};
use reqwest::Method;
use serde_json::{Map, Value};
use tempfile::TempDir;

/// A running controller. It ends, and its files go, when this is dropped.
pub(crate) struct Site {
    /// Its client, through version 4 of the API.
    pub(crate) nc: Client,
    /// The process.
    pub(crate) controller: ControllerProcess,
    /// Where its database is.
    pub(crate) directory: TempDir,
}

/// A client that takes any answer for an answer.
#[derive(Clone)]
pub(crate) struct Client {
    rest: Rest,
}

impl Site {
    /// Nothing is in it.
    pub(crate) async fn empty() -> Result<Self> {
        Self::empty_with(&[])
    }

    /// Nothing is in it; started with these command line arguments.
    pub(crate) fn empty_with(arguments: &[&str]) -> Result<Self> {
        let directory = TempDir::new().map_err(harness::Error::io("make a directory for the database"))?;
        let controller = ControllerProcess::start_with(None, directory.path(), arguments)?;
        Ok(Self { nc: Client::new(controller.url()), controller, directory })
    }

    /// A small data centre is in it: see [`furniture`].
    pub(crate) async fn furnished() -> Result<Self> {
        let site = Self::empty().await?;
        for (path, document) in furniture::documents() {
            site.nc.put(path, &document).await?.expect_status_in(path, &[200, 201]);
        }
        Ok(site)
    }

    /// Starts the controller again after it has ended.
    pub(crate) fn restart(&mut self) -> Result<()> {
        self.controller.restart(None)?;
        self.nc = Client::new(self.controller.url());
        Ok(())
    }

    /// Every served document as it reads through the newest version, but for what hosts report.
    pub(crate) async fn everything(&self) -> Result<Value> {
        let newest = self.nc.version("v7.1");
        let mut everything = Map::new();
        for path in furniture::COLLECTIONS.iter().chain(&furniture::SINGLETONS) {
            let body = newest.get(path).await?.is(200).body;
            everything.insert((*path).to_owned(), without_reports(body));
        }
        Ok(everything.into())
    }
}

impl Client {
    /// A client of the controller at `root`.
    pub(crate) fn new(root: &str) -> Self {
        Self { rest: Rest::new(root) }
    }

    /// The same client through another version of the API.
    pub(crate) fn version(&self, token: &str) -> Self {
        Self { rest: self.rest.version(token) }
    }

    /// Address of the controller.
    pub(crate) fn root(&self) -> &str {
        self.rest.root()
    }

    /// GET below `/networking/<version>`.
    pub(crate) async fn get(&self, path: &str) -> Result<Reply> {
        self.send(Method::GET, path, None, &[]).await
    }

    /// PUT below `/networking/<version>`.
    pub(crate) async fn put(&self, path: &str, document: &Value) -> Result<Reply> {
        self.send(Method::PUT, path, Some(document), &[]).await
    }

    /// DELETE below `/networking/<version>`.
    pub(crate) async fn delete(&self, path: &str) -> Result<Reply> {
        self.send(Method::DELETE, path, None, &[]).await
    }

    /// Any request below `/networking/<version>`.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Result<Reply> {
        self.rest.send(method, path, body, headers).await
    }

    /// Any text to any path.
    pub(crate) async fn send_raw(
        &self,
        method: Method,
        path: &str,
        body: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Result<Reply> {
        self.rest.send_raw(method, path, body, headers).await
    }

    /// The document at `path`, which must be there.
    pub(crate) async fn read(&self, path: &str) -> Result<Value> {
        Ok(self.get(path).await?.is(200).body)
    }
}
