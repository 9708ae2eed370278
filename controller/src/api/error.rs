//! Refusals as HTTP. Contract section 8.

use super::reply::{Body, Reply};
use crate::engine::render::RenderError;
use crate::error::{ApiError, Code};
use actix_web::http::StatusCode;
use serde::Serialize;

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a ApiError,
}

impl From<ApiError> for Reply {
    fn from(error: ApiError) -> Self {
        let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // The body is made of strings: it cannot fail to serialise.
        let body = serde_json::to_vec(&ErrorBody { error: &error }).unwrap_or_default();
        Self::new(status, Body::Json(body.into()))
    }
}

/// A document that cannot be rendered is a defect of ours: the client learns no more than that.
pub(super) fn internal(error: &RenderError) -> ApiError {
    tracing::error!(error = error as &dyn std::error::Error, "a document cannot be rendered");
    ApiError::new(Code::InternalServerError, "The controller has a defect; its log says more.")
}
