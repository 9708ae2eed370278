//! Talking to an agent.

use crate::api::ErrorBody;
use crate::cli::AgentAddress;
use reqwest::{Method, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Longest wait for an answer: nothing that people ask for takes long.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One agent.
pub(super) struct Client {
    base: String,
    http: reqwest::Client,
}

/// Why there is no answer, or not the wanted one.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("no agent answers at {base}")]
    Unreachable {
        base: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("{message} ({code})")]
    Refused { code: String, message: String },
    #[error("the agent's answer cannot be read")]
    Unreadable(#[source] reqwest::Error),
}

impl Client {
    pub(super) fn new(address: AgentAddress) -> Result<Self, ClientError> {
        let base = address.agent.trim_end_matches('/').to_owned();
        // The local agent is not reached through a proxy, whatever the environment says.
        match reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build() {
            Ok(http) => Ok(Self { base, http }),
            Err(source) => Err(ClientError::Unreachable { base, source }),
        }
    }

    /// Sends `body` if there is one.
    ///
    /// # Errors
    /// [`ClientError`]
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, ClientError> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |source| ClientError::Unreachable { base: self.base.clone(), source };
        let response = request.send().await.map_err(unreachable)?;
        match response.status().is_success() {
            true => response.json().await.map_err(ClientError::Unreadable),
            false => Err(refusal(response).await),
        }
    }

    /// A call without a body.
    ///
    /// # Errors
    /// [`ClientError`]
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.call(Method::GET, path, None::<&()>).await
    }
}

async fn refusal(response: Response) -> ClientError {
    match response.json::<ErrorBody>().await {
        Ok(ErrorBody { error }) => ClientError::Refused { code: error.code, message: error.message },
        Err(error) => ClientError::Unreadable(error),
    }
}
