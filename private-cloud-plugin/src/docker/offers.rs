//! Asking the proxy on behalf of many: whoever comes while an answer is under way shares the next one.

use crate::offer::Offer;
use crate::proxy::{Proxy, ProxyError};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

/// What the proxy says, never older than the question. A burst of questions makes two requests, so the host's limit on
/// requests per VM does not slow a burst of containers.
#[derive(Clone)]
pub(super) struct Offers {
    proxy: Arc<Proxy>,
    last: Arc<Mutex<Option<Said>>>,
}

struct Said {
    /// When the request was sent.
    asked: Instant,
    answer: Answer,
}

type Answer = Result<Arc<Offer>, Arc<ProxyError>>;

impl Offers {
    pub(super) fn new(proxy: Proxy) -> Self {
        Self { proxy: Arc::new(proxy), last: Arc::default() }
    }

    /// What the proxy offers at this moment or later.
    pub(super) async fn now(&self) -> Answer {
        let wanted = Instant::now();
        let mut last = self.last.lock().await;
        if let Some(said) = last.as_ref().filter(|said| said.asked >= wanted) {
            return said.answer.clone();
        }
        let asked = Instant::now();
        let answer = self.proxy.fetch().await.map(Arc::new).map_err(Arc::new);
        *last = Some(Said { asked, answer: answer.clone() });
        answer
    }
}
