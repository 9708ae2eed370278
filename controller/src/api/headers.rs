//! Headers that requests may carry and responses do. Contract 1.1, 1.2 and 6.

use crate::engine::write::Condition;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponseBuilder};
use std::time::Duration;
use uuid::Uuid;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-request-id");
pub(super) const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-client-request-id");
const RETURN_CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-ms-return-client-request-id");
pub(super) const ASYNC_OPERATION: HeaderName = HeaderName::from_static("azure-asyncoperation");
pub(super) const GENERATION: HeaderName = HeaderName::from_static("x-nc-generation");
pub(super) const ENFORCED: HeaderName = HeaderName::from_static("x-nc-enforced");
pub(super) const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// Longest that `Prefer: wait` may hold a request.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// What every response carries.
#[derive(Debug)]
pub(super) struct Common {
    /// `x-ms-request-id`: of a write also the id of its operation.
    pub(super) request_id: Uuid,
    /// Echo of `x-ms-client-request-id`.
    client_request_id: Option<HeaderValue>,
}

impl Common {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let headers = request.headers();
        let silent =
            headers.get(RETURN_CLIENT_REQUEST_ID).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"false"));
        let client_request_id = headers.get(CLIENT_REQUEST_ID).filter(|_| !silent).cloned();
        Self { request_id: Uuid::new_v4(), client_request_id }
    }

    pub(super) fn apply(&self, response: &mut HttpResponseBuilder) {
        let mut text = Uuid::encode_buffer();
        let id = self.request_id.hyphenated().encode_lower(&mut text);
        response.insert_header((REQUEST_ID, &*id));
        response.insert_header((header::SERVER, HeaderValue::from_static(PRODUCT)));
        if let Some(id) = &self.client_request_id {
            response.insert_header((CLIENT_REQUEST_ID, id.clone()));
        }
    }
}

const PRODUCT: &str = concat!("NetworkController/", env!("CARGO_PKG_VERSION"));

/// `If-Match` and `If-None-Match`.
pub(super) fn condition(headers: &HeaderMap) -> Condition {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    match (text(header::IF_MATCH), text(header::IF_NONE_MATCH)) {
        (Some("*"), _) => Condition::Exists,
        (Some(etag), _) if !bare(etag).is_empty() => Condition::Equals(bare(etag).to_owned()),
        (_, Some("*")) => Condition::Missing,
        _ => Condition::None,
    }
}

/// An etag without `W/` and quotes.
fn bare(etag: &str) -> &str {
    let etag = etag.strip_prefix("W/").or_else(|| etag.strip_prefix("w/")).unwrap_or(etag);
    etag.trim_matches('"')
}

/// `Prefer: wait=N`. RFC 7240.
pub(super) fn preferred_wait(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(PREFER).filter_map(|value| value.to_str().ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    let seconds = preferences.find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("wait").then(|| value.parse::<u64>().ok())?
    })?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// URI of a document of ours, on the name that the client used.
pub(super) fn absolute(request: &HttpRequest, path: &str) -> Option<HeaderValue> {
    let host = request.headers().get(header::HOST)?.to_str().ok()?;
    let scheme = if request.app_config().secure() { "https" } else { "http" };
    HeaderValue::from_str(&format!("{scheme}://{host}{path}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn conditions_are_read_with_and_without_quotes() {
        for (value, expected) in [
            ("*", Condition::Exists),
            ("", Condition::None),
            ("\"\"", Condition::None),
            ("W/\"a-b\"", Condition::Equals("a-b".to_owned())),
            ("W/a-b", Condition::Equals("a-b".to_owned())),
            ("\"a-b\"", Condition::Equals("a-b".to_owned())),
            ("a-b", Condition::Equals("a-b".to_owned())),
        ] {
            assert_eq!(condition(&headers(header::IF_MATCH, value)), expected, "{value}");
        }
        assert_eq!(condition(&headers(header::IF_NONE_MATCH, "*")), Condition::Missing);
        assert_eq!(condition(&headers(header::IF_NONE_MATCH, "W/\"a-b\"")), Condition::None);
    }

    #[test]
    fn the_preferred_wait_is_found_among_other_preferences_and_bounded() {
        for (value, seconds) in [
            ("wait=5", Some(5)),
            ("respond-async, wait=10", Some(10)),
            ("return=minimal; foo=\"a\", Wait = \"7\"", Some(7)),
            ("wait=100000", Some(300)),
            ("wait=soon", None),
            ("return=minimal", None),
        ] {
            assert_eq!(preferred_wait(&headers(PREFER, value)), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
