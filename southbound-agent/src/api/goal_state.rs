//! `PUT /v1/goal-state`.

use crate::agent::Agent;
use crate::api::blocking;
use crate::api::error::{ApiError, read};
use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};

/// Takes an update: 200 `Applied`, 409 `Refusal`, 400, 507 when the disk is full.
pub(super) async fn put(agent: Data<Agent>, body: Result<Bytes, actix_web::Error>) -> Result<HttpResponse, ApiError> {
    let body = read(body)?;
    let applied = blocking(agent, move |agent| agent.put_goal_state(&body)).await??;
    Ok(HttpResponse::Ok().json(applied))
}
