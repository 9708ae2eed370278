//! One agent over HTTP: a method for each request, and errors that say whose fault it was.

use super::PushSettings;
use crate::fabric::Endpoint;
use policy::goal_state::{Applied, Refusal};
use policy::report::{AgentStatus, Events};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::error::Error;
use std::time::Duration;
use uuid::Uuid;

/// Bytes of an answer. A port is some 200 of them.
const LONGEST_ANSWER: usize = 16 << 20;

/// Client of one agent. Connections are kept and shared between clones.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    http: Client,
    base: String,
    answer_timeout: Duration,
}

/// Why there is no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum AgentError {
    /// No connection, no answer in time, or what answered is no agent.
    #[error("{0}")]
    Unreachable(String),
    /// The agent answered that it cannot or will not.
    #[error("{status}: {message}")]
    Refused { status: u16, message: String },
}

/// Answer to an update.
#[derive(Debug)]
pub(super) enum Answer {
    Applied(Applied),
    Refusal(Refusal),
}

/// Body of an error answer.
#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorText,
}

#[derive(Deserialize)]
struct ErrorText {
    code: String,
    message: String,
}

/// The HTTP client that all agents share.
///
/// # Errors
/// The system offers no randomness or no sockets.
pub(super) fn http_client(settings: &PushSettings) -> reqwest::Result<Client> {
    // Agents are in the management network: a proxy that the environment names is for the rest of the world, and no agent
    // has reason to send its controller elsewhere.
    let direct = Client::builder().no_proxy().redirect(Policy::none());
    direct.connect_timeout(settings.connect_timeout).tcp_nodelay(true).build()
}

impl Agent {
    pub(super) fn new(http: Client, endpoint: &Endpoint, settings: &PushSettings) -> Self {
        Self { http, base: format!("http://{endpoint}/v1"), answer_timeout: settings.answer_timeout }
    }

    /// `GET /v1/status`.
    pub(super) async fn status(&self) -> Result<AgentStatus, AgentError> {
        let request = self.http.get(format!("{}/status", self.base)).timeout(self.answer_timeout);
        let (status, body) = exchange(request).await?;
        answer(status, &body)
    }

    /// `PUT /v1/goal-state` with a serialised update.
    pub(super) async fn apply(&self, update: Vec<u8>) -> Result<Answer, AgentError> {
        let request = self.http.put(format!("{}/goal-state", self.base)).timeout(self.answer_timeout);
        let request = request.header(CONTENT_TYPE, "application/json").body(update);
        let (status, body) = exchange(request).await?;
        match status {
            StatusCode::CONFLICT => read(&body).map(Answer::Refusal),
            _ => answer(status, &body).map(Answer::Applied),
        }
    }

    /// `GET /v1/events`: what happened after `cursor`, or a snapshot when there is none. Held open for `wait`.
    pub(super) async fn events(&self, cursor: Option<(Uuid, u64)>, wait: Duration) -> Result<Events, AgentError> {
        let cursor = cursor.map(|(instance, after)| format!("after={after}&instance={instance}&")).unwrap_or_default();
        let url = format!("{}/events?{cursor}wait={}", self.base, wait.as_secs());
        let (status, body) = exchange(self.http.get(url).timeout(wait + self.answer_timeout)).await?;
        answer(status, &body)
    }
}

async fn exchange(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), AgentError> {
    let unreachable = |error: reqwest::Error| AgentError::Unreachable(root_cause(&error));
    let mut response = request.send().await.map_err(unreachable)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(AgentError::Unreachable(format!("an answer of more than {LONGEST_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((response.status(), body))
}

fn answer<T: DeserializeOwned>(status: StatusCode, body: &[u8]) -> Result<T, AgentError> {
    if status.is_success() {
        return read(body);
    }
    let message = match serde_json::from_slice::<ErrorBody>(body) {
        Ok(ErrorBody { error: ErrorText { code, message } }) => format!("{code}: {message}"),
        Err(_) => "no reason given".to_owned(),
    };
    Err(AgentError::Refused { status: status.as_u16(), message })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, AgentError> {
    serde_json::from_slice(body).map_err(|error| AgentError::Unreachable(format!("not an agent's answer: {error}")))
}

/// The innermost cause: `Connection refused` instead of the URL that could not be sent to.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
