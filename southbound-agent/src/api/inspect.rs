//! What is in force: status, rules, flows, traces.

use crate::agent::{Agent, PortError};
use crate::api::blocking;
use crate::api::error::{ApiError, read};
use crate::report::TraceRequest;
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpResponse, Responder};
use policy::ids::NicId;
use serde::Deserialize;

/// 200 `AgentStatus`, with more for people.
pub(super) async fn status(agent: Data<Agent>) -> Result<impl Responder, ApiError> {
    let status = blocking(agent, Agent::status).await?;
    Ok(HttpResponse::Ok().json(status))
}

/// 200, one line for each rule that the port is under.
pub(super) async fn rules(agent: Data<Agent>, profile: Path<NicId>) -> Result<impl Responder, ApiError> {
    let profile = profile.into_inner();
    let rules = blocking(agent, move |agent| agent.rules(profile)).await?;
    Ok(HttpResponse::Ok().json(rules.ok_or(PortError::NotAttached(profile))?))
}

/// Query of the flows.
#[derive(Debug, Deserialize)]
pub(super) struct Limit {
    /// Most flows to list.
    #[serde(default = "Limit::default_limit")]
    limit: usize,
}

impl Limit {
    fn default_limit() -> usize {
        1000
    }
}

/// 200, flows of the port.
pub(super) async fn flows(
    agent: Data<Agent>,
    profile: Path<NicId>,
    limit: Query<Limit>,
) -> Result<impl Responder, ApiError> {
    let (profile, Limit { limit }) = (profile.into_inner(), limit.into_inner());
    let flows = blocking(agent, move |agent| agent.flows(profile, limit)).await?;
    Ok(HttpResponse::Ok().json(flows.ok_or(PortError::NotAttached(profile))?))
}

/// 200, the way of a packet.
pub(super) async fn trace(
    agent: Data<Agent>,
    body: Result<Bytes, actix_web::Error>,
) -> Result<impl Responder, ApiError> {
    let request: TraceRequest =
        serde_json::from_slice(&read(body)?).map_err(|error| ApiError::Body(error.to_string()))?;
    if request.source.is_ipv4() != request.destination.is_ipv4() {
        return Err(ApiError::Body("source and destination are not of one address family".to_owned()));
    }
    let port = request.port;
    let trace = blocking(agent, move |agent| agent.trace(&request)).await?;
    Ok(HttpResponse::Ok().json(trace.ok_or(PortError::NotAttached(port))?))
}
