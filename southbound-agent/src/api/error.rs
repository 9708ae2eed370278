//! Every way to fail, with its status and code. The table is in one place.

use crate::agent::{PortError, UpdateError};
use crate::goal_state::Invalid;
use crate::ports::AttachRefusal;
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::io;

/// Body of every error but a refused update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The one member.
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Why a request fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(transparent)]
    Update(#[from] UpdateError),
    #[error(transparent)]
    Port(#[from] PortError),
    #[error("the body is not what belongs here: {0}")]
    Body(String),
    #[error("the body is larger than this agent takes")]
    TooLarge,
    #[error("the query is not what belongs here: {0}")]
    Query(String),
    #[error("the path is not what belongs here: {0}")]
    Path(String),
    #[error("there is no such path")]
    NoSuchPath,
    #[error("the path does not have this method")]
    MethodNotAllowed,
    #[error("the agent is shutting down")]
    ShuttingDown,
}

impl ApiError {
    /// A new variant does not build until someone chooses its status and code.
    fn row(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Update(error) => match error {
                UpdateError::Malformed(_) => (StatusCode::BAD_REQUEST, "MalformedUpdate"),
                UpdateError::Invalid(invalid) => (StatusCode::BAD_REQUEST, invalid_code(invalid)),
                UpdateError::Refused(_) => (StatusCode::CONFLICT, "UpdateRefused"),
                UpdateError::Storage(error) => storage_row(error),
            },
            Self::Port(error) => match error {
                PortError::Refused(AttachRefusal::BadDevice(_) | AttachRefusal::BadMac(_)) => {
                    (StatusCode::BAD_REQUEST, "InvalidPort")
                }
                PortError::Refused(AttachRefusal::DeviceInUse { .. }) => (StatusCode::CONFLICT, "DeviceInUse"),
                PortError::Device { .. } => (StatusCode::BAD_REQUEST, "DeviceNotUsable"),
                PortError::NotAttached(_) => (StatusCode::NOT_FOUND, "PortNotFound"),
                PortError::Storage(error) => storage_row(error),
            },
            Self::Body(_) => (StatusCode::BAD_REQUEST, "InvalidBody"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "BodyTooLarge"),
            Self::Query(_) => (StatusCode::BAD_REQUEST, "InvalidQuery"),
            Self::Path(_) => (StatusCode::BAD_REQUEST, "InvalidPath"),
            Self::NoSuchPath => (StatusCode::NOT_FOUND, "NotFound"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, "ShuttingDown"),
        }
    }
}

/// What came of reading a body.
///
/// # Errors
/// It is too large, or the connection broke.
pub(super) fn read(body: Result<Bytes, actix_web::Error>) -> Result<Bytes, ApiError> {
    body.map_err(|error| match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::Body(error.to_string()),
    })
}

fn invalid_code(invalid: &Invalid) -> &'static str {
    match invalid {
        Invalid::Version(_) => "UnsupportedVersion",
        Invalid::Hash { .. } => "HashMismatch",
        Invalid::Section { .. } => "InvalidSection",
        Invalid::NoHost => "NoHostSection",
        Invalid::WrongHost { .. } => "WrongHost",
    }
}

fn storage_row(error: &io::Error) -> (StatusCode, &'static str) {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (StatusCode::INSUFFICIENT_STORAGE, "StorageFull"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "StorageFailed"),
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.row().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.row();
        if let Self::Update(UpdateError::Refused(refusal)) = self {
            return HttpResponse::build(status).json(refusal);
        }
        // Callers are on the management network; the cause helps whoever has to put it right.
        let cause = self.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        let detail = ErrorDetail { code: code.to_owned(), message: format!("{self}{cause}") };
        HttpResponse::build(status).json(ErrorBody { error: detail })
    }
}
