//! An answer before it becomes an HTTP response: cheap to keep, so that a repeated request can have it again.

use crate::engine::write::Effect;
use crate::error::ApiError;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use bytes::Bytes;
use uuid::Uuid;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Body,
    pub(super) etag: Option<Uuid>,
    /// Other headers.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

/// Body with its media type.
#[derive(Clone, Debug)]
pub(super) enum Body {
    None,
    Json(Bytes),
    Text(String),
}

/// How JSON is declared. [MS-NCNBI 3.1.5.35]
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

impl Reply {
    pub(super) fn new(status: StatusCode, body: Body) -> Self {
        Self { status, body, etag: None, headers: Vec::new() }
    }

    /// 200 with a JSON body.
    pub(super) fn json(body: Bytes) -> Self {
        Self::new(StatusCode::OK, Body::Json(body))
    }

    /// 200 with plain text.
    pub(super) fn text(text: String) -> Self {
        Self::new(StatusCode::OK, Body::Text(text))
    }

    /// 405. Contract section 3.
    pub(super) fn method_not_allowed(allow: &'static str) -> Self {
        let message = format!("The method is not offered here; {allow} are.");
        let refusal = ApiError::new(crate::error::Code::OperationNotSupported, message);
        let reply = Self { status: StatusCode::METHOD_NOT_ALLOWED, ..Self::from(refusal) };
        reply.with(header::ALLOW, HeaderValue::from_static(allow))
    }

    pub(super) fn with_etag(mut self, etag: Uuid) -> Self {
        self.etag = Some(etag);
        self
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The response, with what every response carries.
    pub(super) fn into_response(self, common: &super::headers::Common) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        common.apply(&mut response);
        if let Some(etag) = self.etag {
            response.insert_header((header::ETAG, format!("W/\"{etag}\"")));
        }
        for header in self.headers {
            response.insert_header(header);
        }
        match self.body {
            Body::None => response.finish(),
            Body::Json(bytes) => response.insert_header((header::CONTENT_TYPE, JSON)).body(bytes),
            Body::Text(text) => response.content_type("text/plain; version=0.0.4; charset=utf-8").body(text),
        }
    }
}

/// Status of a write that was done. Contract section 3.
pub(super) fn status_of(effect: Effect) -> StatusCode {
    match effect {
        Effect::Created => StatusCode::CREATED,
        Effect::Replaced | Effect::Unchanged | Effect::Deleted => StatusCode::OK,
        Effect::Absent => StatusCode::NO_CONTENT,
    }
}
