//! `/v1/proxy`: the network proxy, switched and watched.

use crate::agent::{Agent, PortError};
use crate::api::blocking;
use crate::api::error::{ApiError, read};
use crate::proxy::settings::ProxySettings;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, Responder};

/// 200, how the proxy is.
pub(super) async fn get(agent: Data<Agent>) -> Result<impl Responder, ApiError> {
    let status = blocking(agent, Agent::proxy).await?;
    Ok(HttpResponse::Ok().json(status))
}

/// 200, how the proxy is now: the settings are on disk and in force.
pub(super) async fn put(agent: Data<Agent>, body: Result<Bytes, actix_web::Error>) -> Result<impl Responder, ApiError> {
    let settings: ProxySettings =
        serde_json::from_slice(&read(body)?).map_err(|error| ApiError::Body(error.to_string()))?;
    let status = blocking(agent, move |agent| agent.set_proxy(settings)).await?.map_err(PortError::Storage)?;
    Ok(HttpResponse::Ok().json(status))
}
