//! `/v1/ports`: attaching and detaching. Called by whatever starts VMs on this host.

use crate::agent::Agent;
use crate::api::blocking;
use crate::api::error::{ApiError, read};
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpResponse, Responder};
use policy::ids::NicId;
use policy::report::AttachPort;
use serde::Deserialize;

/// 200, every attached port.
pub(super) async fn list(agent: Data<Agent>) -> Result<impl Responder, ApiError> {
    let ports = blocking(agent, Agent::ports).await?;
    Ok(HttpResponse::Ok().json(ports))
}

/// 201 for a new attachment, 200 for the one that is there.
pub(super) async fn attach(
    agent: Data<Agent>,
    body: Result<Bytes, actix_web::Error>,
) -> Result<impl Responder, ApiError> {
    let request: AttachPort =
        serde_json::from_slice(&read(body)?).map_err(|error| ApiError::Body(error.to_string()))?;
    let (status, created) = blocking(agent, move |agent| agent.attach(&request)).await??;
    let mut answer = if created { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(answer.json(status))
}

/// Query of a detachment.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    /// Detach from this device only, so that a late call cannot hit the port's next device.
    device: Option<String>,
}

/// 200, the port as it was.
pub(super) async fn detach(
    agent: Data<Agent>,
    profile: Path<NicId>,
    from: Query<From>,
) -> Result<impl Responder, ApiError> {
    let (profile, From { device }) = (profile.into_inner(), from.into_inner());
    let status = blocking(agent, move |agent| agent.detach(profile, device.as_deref())).await??;
    Ok(HttpResponse::Ok().json(status))
}
