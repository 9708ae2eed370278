//! The one task that writes: judges what queues, keeps it in batches, publishes, answers.

use super::evaluate::{Context, evaluate};
use super::ports::{self, PortReport};
use super::projection::Commit;
use super::world::World;
use super::write::{Action, Address, Answer, Condition, Done, Effect, Step, Touched, Verdict, Write};
use crate::engine::key::Key;
use crate::error::{ApiError, Code};
use crate::resources::schema::{Identity, Untouched};
use crate::resources::version::Version;
use crate::resources::{COLLECTIONS, Members};
use crate::store::{Batch, Store, StoreError};
use arc_swap::ArcSwap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

/// Something for the writer to do, and where the answer goes.
#[derive(Debug)]
pub(super) enum Request {
    Write(Write, oneshot::Sender<Answer>),
    Ports(PortReport, oneshot::Sender<Result<(), ApiError>>),
}

/// Most requests in one transaction.
const BATCH: usize = 256;

pub(super) struct Writer {
    store: Store,
    hold_off: Duration,
    commits: mpsc::Sender<Commit>,
    /// Whether the last batch was kept.
    can_write: Arc<AtomicBool>,
    /// A batch whose commit failed: it may be on disk all the same.
    doubtful: Option<Doubt>,
}

struct Doubt {
    world: Arc<World>,
    touched: Vec<Touched>,
}

/// A judged request.
enum Judged {
    Refused(ApiError),
    Accepted {
        effect: Effect,
        generation: u64,
        /// What it touched, if it changed anything.
        touched: Option<Touched>,
        /// The world to answer from: after the request, and before the next one for the same tree.
        world: Option<Arc<World>>,
    },
}

impl Writer {
    pub(super) fn new(
        store: Store,
        hold_off: Duration,
        commits: mpsc::Sender<Commit>,
        can_write: Arc<AtomicBool>,
    ) -> Self {
        Self { store, hold_off, commits, can_write, doubtful: None }
    }

    /// Creates the singletons that exist from the first start on.
    pub(super) async fn create_standing(&mut self, mut world: World) -> Result<World, StoreError> {
        for &collection in COLLECTIONS {
            let Identity::Singleton { id, untouched: Untouched::Standing, .. } = collection.identity else {
                continue;
            };
            let key = Key::new(&format!("/{}/{id}", collection.name));
            let address = Address { version: Version::LATEST, collection, key, id: id.to_owned() };
            let write = Write { address, action: Action::Put(Members::new()), condition: Condition::Missing };
            if world.entry(collection.name, &write.address.key).is_some() {
                continue;
            }
            match evaluate(&world, &write, &mut self.context(&mut Uuid::new_v4)) {
                Ok(Verdict { next: Some(Step { world: next, touched }), .. }) => {
                    self.store.save(&batch(&world, &next, [&touched])).await?;
                    world = next;
                }
                Ok(_) => {}
                Err(refusal) => tracing::error!(%refusal, collection = collection.name, "it cannot be created"),
            }
        }
        Ok(world)
    }

    pub(super) async fn run(mut self, published: Arc<ArcSwap<World>>, mut requests: mpsc::Receiver<Request>) {
        // Nobody listens when there is no compiler, as in tests of the engine alone; that is no reason to stop.
        let _ = self.commits.send(Commit::everything(published.load_full())).await;
        let mut queued = Vec::with_capacity(BATCH);
        while requests.recv_many(&mut queued, BATCH).await > 0 {
            self.process(&published, &mut queued).await;
        }
        if let Err(error) = self.store.close().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database was not closed cleanly");
        }
    }

    /// Judges, keeps, publishes and answers what is queued.
    async fn process(&mut self, published: &ArcSwap<World>, queued: &mut Vec<Request>) {
        let base = match self.settle_doubt(published).await {
            Ok(base) => base,
            Err(error) => return refuse(queued.drain(..), &error),
        };
        let (world, judged) = self.judge(&base, queued);
        let world = Arc::new(world);
        if judged.iter().all(|judged| judged.touched().is_none()) {
            return self.conclude(queued, judged, &base).await;
        }
        match self.store.save(&batch(&base, &world, judged.iter().filter_map(Judged::touched))).await {
            Ok(()) => {
                self.can_write.store(true, Ordering::Relaxed);
                published.store(world.clone());
                self.conclude(queued, judged, &world).await;
            }
            // One of them is guilty: each has its own transaction now.
            Err(StoreError::Conflict(_)) if queued.len() > 1 => {
                for request in std::mem::take(queued) {
                    Box::pin(self.process(published, &mut vec![request])).await;
                }
            }
            Err(error @ StoreError::Conflict(_)) => refuse(queued.drain(..), &error),
            Err(error) => {
                self.can_write.store(false, Ordering::Relaxed);
                let touched = judged.into_iter().filter_map(Judged::into_touched).collect();
                self.doubtful = Some(Doubt { world, touched });
                refuse(queued.drain(..), &error);
            }
        }
    }

    /// Judges each request against the world that the one before it leaves.
    ///
    /// Worlds share what they have in common, so an old one that is kept makes every change copy. That is why none is kept
    /// for the answers, except where a later request of the batch would show in the answer to an earlier one.
    fn judge(&self, base: &World, queued: &[Request]) -> (World, Vec<Judged>) {
        let mut world = base.clone();
        let mut judged = Vec::<Judged>::with_capacity(queued.len());
        let mut trees = HashSet::new();
        let mut new_id = Uuid::new_v4;
        for request in queued {
            if let Request::Write(write, _) = request
                && !trees.insert(write.address.key.root())
            {
                let snapshot = Arc::new(world.clone());
                judged.iter_mut().for_each(|earlier| earlier.answer_from(&snapshot));
                trees.clear();
                trees.insert(write.address.key.root());
            }
            let mut context = self.context(&mut new_id);
            let (effect, step) = match request {
                Request::Write(write, _) => match evaluate(&world, write, &mut context) {
                    Ok(verdict) => (verdict.effect, verdict.next),
                    Err(refusal) => {
                        judged.push(Judged::Refused(refusal));
                        continue;
                    }
                },
                Request::Ports(report, _) => (Effect::Replaced, ports::evaluate(&world, report, &context)),
            };
            let touched = step.map(|step| {
                world = step.world;
                step.touched
            });
            judged.push(Judged::Accepted { effect, generation: world.generation(), touched, world: None });
        }
        (world, judged)
    }

    /// Tells the compiler what changed, and everybody what came of their request.
    async fn conclude(&self, queued: &mut Vec<Request>, judged: Vec<Judged>, batch: &Arc<World>) {
        for (request, judged) in queued.drain(..).zip(judged) {
            let answer = match judged {
                Judged::Refused(refusal) => Err(refusal),
                Judged::Accepted { effect, generation, touched, world } => {
                    if let Some(touched) = touched {
                        // Nobody listens while the controller stops.
                        let _ = self.commits.send(Commit::new(generation, batch.clone(), &touched)).await;
                    }
                    Ok(Done { effect, generation, world: world.unwrap_or_else(|| batch.clone()) })
                }
            };
            // Who asked may have gone away; the write stands.
            match request {
                Request::Write(_, reply) => drop(reply.send(answer)),
                Request::Ports(_, reply) => drop(reply.send(answer.map(drop))),
            }
        }
    }

    /// Finds out what became of a batch whose commit failed, takes it back if it is on disk, and returns the world to go
    /// on from.
    async fn settle_doubt(&mut self, published: &ArcSwap<World>) -> Result<Arc<World>, StoreError> {
        let base = published.load_full();
        let Some(doubt) = &self.doubtful else {
            return Ok(base);
        };
        self.store.reconnect().await?;
        if self.store.generation().await? != doubt.world.generation() {
            self.doubtful = None;
            return Ok(base);
        }
        let base = Arc::new(base.numbered_as(&doubt.world));
        self.store.save(&batch(&doubt.world, &base, &doubt.touched)).await?;
        published.store(base.clone());
        self.doubtful = None;
        Ok(base)
    }

    fn context<'a>(&self, new_id: &'a mut dyn FnMut() -> Uuid) -> Context<'a> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let milliseconds = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Context { now: milliseconds(since_1970), hold_off: milliseconds(self.hold_off), new_id }
    }
}

impl Judged {
    fn touched(&self) -> Option<&Touched> {
        match self {
            Self::Accepted { touched, .. } => touched.as_ref(),
            Self::Refused(_) => None,
        }
    }

    fn into_touched(self) -> Option<Touched> {
        match self {
            Self::Accepted { touched, .. } => touched,
            Self::Refused(_) => None,
        }
    }

    fn answer_from(&mut self, snapshot: &Arc<World>) {
        if let Self::Accepted { world, .. } = self {
            world.get_or_insert_with(|| snapshot.clone());
        }
    }
}

/// Rows that differ between two worlds; `touched` says where to look.
fn batch<'t>(before: &World, after: &World, touched: impl IntoIterator<Item = &'t Touched>) -> Batch {
    let mut batch = Batch { generation: after.generation(), ..Batch::default() };
    let (mut documents, mut claims, mut attachments) = (Vec::new(), Vec::new(), Vec::new());
    for touched in touched {
        documents.extend(touched.documents.iter());
        claims.extend(touched.claims.iter().copied());
        attachments.extend(touched.attachments.iter().copied());
    }
    documents.sort_unstable();
    documents.dedup();
    for (collection, key) in documents {
        let old = before.entry(collection, key).map(|entry| &entry.node);
        let new = after.entry(collection, key).map(|entry| &entry.node);
        let relinked = old.map(|node| &node.references) != new.map(|node| &node.references);
        if relinked && old.is_some_and(|node| !node.references.is_empty()) {
            batch.unlinked.push(key.clone());
        }
        match new {
            Some(node) => {
                if relinked && !node.references.is_empty() {
                    batch.linked.push(node.clone());
                }
                batch.written.push(node.clone());
            }
            None if old.is_some() => batch.removed.push(key.clone()),
            None => {}
        }
    }
    claims.sort_unstable();
    claims.dedup();
    let now = |claim| (claim, after.claims().holder(&claim).cloned());
    batch.claims = claims.into_iter().map(now).collect();
    attachments.sort_unstable();
    attachments.dedup();
    let now = |(nic, attach)| ((nic, attach), after.bindings().get(nic, attach));
    batch.attachments = attachments.into_iter().map(now).collect();
    batch
}

/// Tells everybody that nothing was kept.
fn refuse(requests: impl Iterator<Item = Request>, error: &StoreError) {
    tracing::error!(error = error as &dyn std::error::Error, "a batch of writes was not kept");
    let refusal = match error {
        StoreError::Conflict(_) => {
            ApiError::new(Code::RetryableError, "The write conflicts with the database; repeat it.")
        }
        _ => ApiError::new(Code::ServiceUnavailable, "The database cannot be written; nothing was changed."),
    };
    for request in requests {
        match request {
            Request::Write(_, reply) => drop(reply.send(Err(refusal.clone()))),
            Request::Ports(_, reply) => drop(reply.send(Err(refusal.clone()))),
        }
    }
}

#[cfg(test)]
mod tests;
