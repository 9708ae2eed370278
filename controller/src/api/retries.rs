//! Repeated writes: two with one `x-ms-client-request-id` are one, and the second gets the answer of the first.
//! [MS-NCNBI 2.2.1.2.5]

use super::reply::{Body, Reply};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// A request that is the same when it is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity {
    pub(super) client_request_id: Vec<u8>,
    pub(super) method: String,
    /// In lower case.
    pub(super) path: String,
}

/// Answers to the latest writes.
#[derive(Debug, Default)]
pub(super) struct Retries(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    replies: HashMap<Identity, Arc<OnceCell<Reply>>>,
    /// Oldest first.
    order: VecDeque<(Instant, Identity)>,
}

/// How long an answer is remembered.
const AGE: Duration = Duration::from_secs(600);
/// How many are, at most.
const CAPACITY: usize = 4096;
/// Answers with more bytes are not; to repeat such a write is harmless, only its status may differ.
const LONGEST: usize = 64 * 1024;

impl Retries {
    /// The answer that `identity` had before, or else that of `perform`. Concurrent repetitions wait for the first.
    pub(super) async fn once(&self, identity: Identity, perform: impl Future<Output = Reply>) -> Reply {
        let cell = self.cell(&identity);
        let reply = cell.get_or_init(|| perform).await.clone();
        let long = matches!(&reply.body, Body::Json(bytes) if bytes.len() > LONGEST);
        if reply.status.is_server_error() || long {
            self.lock().replies.remove(&identity);
        }
        reply
    }

    fn cell(&self, identity: &Identity) -> Arc<OnceCell<Reply>> {
        let now = Instant::now();
        let mut remembered = self.lock();
        while let Some((at, _)) = remembered.order.front()
            && (remembered.order.len() >= CAPACITY || now.duration_since(*at) > AGE)
        {
            if let Some((_, oldest)) = remembered.order.pop_front() {
                remembered.replies.remove(&oldest);
            }
        }
        if let Some(cell) = remembered.replies.get(identity) {
            return cell.clone();
        }
        let cell = Arc::<OnceCell<Reply>>::default();
        remembered.replies.insert(identity.clone(), cell.clone());
        remembered.order.push_back((now, identity.clone()));
        cell
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::StatusCode;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn identity(id: usize) -> Identity {
        Identity { client_request_id: id.to_string().into_bytes(), method: "PUT".to_owned(), path: "/a".to_owned() }
    }

    /// Sends the same request a few times at once, and says how often it was performed.
    async fn performed(retries: &Retries, status: StatusCode, length: usize) -> usize {
        let count = AtomicUsize::new(0);
        let perform = || async {
            count.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            Reply::new(status, Body::Json(vec![b' '; length].into()))
        };
        futures_util::future::join_all((0..3).map(|_| retries.once(identity(0), perform()))).await;
        retries.once(identity(0), perform()).await;
        count.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn concurrent_and_later_repetitions_get_the_answer_of_the_first() {
        assert_eq!(performed(&Retries::default(), StatusCode::CREATED, 10).await, 1);
        assert_eq!(performed(&Retries::default(), StatusCode::BAD_REQUEST, 10).await, 1);
    }

    #[tokio::test]
    async fn failures_of_the_server_and_long_answers_are_not_remembered() {
        assert_eq!(performed(&Retries::default(), StatusCode::SERVICE_UNAVAILABLE, 10).await, 2);
        assert_eq!(performed(&Retries::default(), StatusCode::OK, LONGEST + 1).await, 2);
    }

    #[tokio::test]
    async fn no_more_than_the_capacity_is_remembered() {
        let retries = Retries::default();
        for id in 0..=CAPACITY {
            retries.once(identity(id), async { Reply::new(StatusCode::OK, Body::None) }).await;
        }
        assert_eq!(retries.lock().replies.len(), CAPACITY);
        assert!(!retries.lock().replies.contains_key(&identity(0)));
    }
}
