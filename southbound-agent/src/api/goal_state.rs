//! `PUT /v1/goal-state`.

use crate::agent::Agent;
use crate::api::blocking;
use crate::api::error::ApiError;
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};

/// Takes an update: 200 `Applied`, 409 `Refusal`, 400, 507 when the disk is full.
pub(super) async fn put(agent: Data<Agent>, body: Bytes) -> Result<HttpResponse, ApiError> {
    let applied = blocking(agent, move |agent| agent.put_goal_state(&body)).await??;
    Ok(HttpResponse::Ok().json(applied))
}
