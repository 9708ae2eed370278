//! The client of the host's network proxy.

use crate::offer::{Offer, OfferError};
use reqwest::{StatusCode, Url};
use std::time::Duration;

/// Where the host answers, on every tenant VM (`network-proxy.md` section 1).
pub const DEFAULT_URL: &str = "http://169.254.169.254:6642/ListNetwork";

/// The host answers from memory in well under a second (`network-proxy.md` section 7, requirement 4); a container must
/// not wait much longer to learn that it does not.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of an answer that are read: several thousand addresses.
const LONGEST: usize = 4 << 20;

/// The network proxy of the host.
#[derive(Clone, Debug)]
pub struct Proxy {
    url: Url,
    http: reqwest::Client,
}

/// Why the proxy's offer is not known.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// Not an `http` URL.
    #[error("'{0}' is no URL of a network proxy; it looks like {DEFAULT_URL}")]
    Url(String),
    /// No HTTP client can be made.
    #[error("no HTTP client can be made")]
    Client(#[source] reqwest::Error),
    /// No connection, or it broke.
    #[error(
        "the host's network proxy at {url} cannot be reached; it must be enabled on the host \
         (southbound-agent proxy enable) and this VM's NIC must be on a virtual network"
    )]
    Unreachable {
        /// What was asked.
        url: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// It answered, but not with 200.
    #[error(
        "the host's network proxy at {url} answers {status}; check the path (docker: --proxy; CNI: proxy) and that this NIC is known"
    )]
    Status {
        /// What was asked.
        url: String,
        /// What it said.
        status: StatusCode,
    },
    /// More than anybody's list of addresses.
    #[error("the host's network proxy at {0} answers with more than {LONGEST} bytes")]
    TooLong(String),
    /// It answered 200 with something else.
    #[error("the host's network proxy at {url} gives an answer that cannot be used")]
    Offer {
        /// What was asked.
        url: String,
        /// What is wrong with it.
        source: OfferError,
    },
}

impl Proxy {
    /// A client of the proxy at `url`; see [`DEFAULT_URL`].
    ///
    /// # Errors
    /// `url` is none, or has another scheme than `http`.
    pub fn new(url: &str) -> Result<Self, ProxyError> {
        let parsed = Url::parse(url).ok().filter(|url| url.scheme() == "http" && url.has_host());
        let url = parsed.ok_or_else(|| ProxyError::Url(url.to_owned()))?;
        // A VM may be told to use an HTTP proxy for the world; its host is not out there.
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        // No connection is kept: after a live migration, another host is at the other end.
        let http = http.timeout(PATIENCE).pool_max_idle_per_host(0).build().map_err(ProxyError::Client)?;
        Ok(Self { url, http })
    }

    /// What was given to [`Proxy::new`].
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// Asks for the addresses of this NIC.
    ///
    /// # Errors
    /// The proxy cannot be reached within five seconds, or its answer is none.
    pub async fn fetch(&self) -> Result<Offer, ProxyError> {
        let url = || self.url().to_owned();
        let unreachable = |source| ProxyError::Unreachable { url: url(), source };
        let mut response = self.http.get(self.url.clone()).send().await.map_err(unreachable)?;
        if response.status() != StatusCode::OK {
            return Err(ProxyError::Status { url: url(), status: response.status() });
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > LONGEST {
                return Err(ProxyError::TooLong(url()));
            }
            body.extend_from_slice(&chunk);
        }
        Offer::parse(&body).map_err(|source| ProxyError::Offer { url: url(), source })
    }
}
