//! Request bodies: bounded, and JSON whatever their media type says. Contract 1.1 and 4.2.

use crate::engine::document::malformed;
use crate::error::{ApiError, Code};
use crate::resources::Members;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web::{BytesMut, Payload};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::Value;

/// Reads a whole body.
pub(super) async fn read(headers: &HeaderMap, payload: &mut Payload, limit: usize) -> Result<Bytes, ApiError> {
    let too_large = || {
        let message = format!("The body is larger than {limit} bytes.");
        ApiError::new(Code::RequestBodyTooLarge, message)
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|announced| announced > limit) {
        return Err(too_large());
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or_default());
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| malformed(&format!("The body did not arrive: {error}."), "body"))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// The JSON object that a body is.
pub(super) fn parse(body: &[u8]) -> Result<Members, ApiError> {
    let text = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    match serde_json::from_slice(text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(malformed("The body is a JSON object.", "body")),
        Err(error) => {
            let refusal = malformed("The body is no valid JSON.", "body");
            Err(refusal.detail(Code::InvalidJson, error.to_string()))
        }
    }
}
