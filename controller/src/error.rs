//! Refusals: what a client is told when a request cannot be done. No transport here; `api` turns them into HTTP.

mod code;

pub use code::Code;

use serde::Serialize;

/// Why a request was refused. The body of the answer is `{"error": ...}` around this. Contract section 8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{code}: {message}")]
#[serde(rename_all = "camelCase")]
pub struct ApiError {
    /// The only part that clients may rely on; it also decides the HTTP status.
    pub code: Code,
    /// One sentence for people.
    pub message: String,
    /// The property or resource that is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Always empty: nothing of the inside goes out.
    pub inner_error: &'static str,
    /// Finer causes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// One finer cause within an [`ApiError`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// What went wrong.
    pub code: Code,
    /// One sentence for people.
    pub message: String,
}

impl ApiError {
    /// A refusal with `code`, explained by `message`.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), target: None, inner_error: "", details: Vec::new() }
    }

    /// Names the property or resource at fault. The first to know it wins: it is closest to the cause.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target.get_or_insert_with(|| target.into());
        self
    }

    /// Says in which part of the request the fault is: a child inside of its parent.
    #[must_use]
    pub fn within(mut self, part: &str) -> Self {
        self.message = format!("{part}: {}", self.message);
        self
    }

    /// Adds a finer cause.
    #[must_use]
    pub fn detail(mut self, code: Code, message: impl Into<String>) -> Self {
        self.details.push(Detail { code, message: message.into() });
        self
    }
}
