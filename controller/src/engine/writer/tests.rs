//! What happens when the database does not do as it is told.

use super::*;
use crate::engine::tests::{facts, foundation, write};
use serde_json::json;
use tempfile::TempDir;

struct Bench {
    writer: Writer,
    published: Arc<ArcSwap<World>>,
    directory: TempDir,
    /// Kept, so that commits find an open channel.
    _commits: mpsc::Receiver<Commit>,
}

impl Bench {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Self::store(&directory).await;
        let world = World::from_stored(store.load().await.unwrap());
        let (sender, commits) = mpsc::channel(64);
        let writer = Writer::new(store, Duration::from_secs(60), sender, Arc::default());
        let published = Arc::new(ArcSwap::from_pointee(world));
        let mut bench = Self { writer, published, directory, _commits: commits };
        for (path, properties) in foundation() {
            bench.put(path, properties).await.unwrap();
        }
        bench
    }

    async fn store(directory: &TempDir) -> Store {
        Store::open(&format!("sqlite://{}", directory.path().join("controller.db").display())).await.unwrap()
    }

    async fn put(&mut self, path: &str, properties: serde_json::Value) -> Answer {
        let (reply, answer) = oneshot::channel();
        let mut queued = vec![Request::Write(write(path, Some(properties)), reply)];
        self.writer.process(&self.published, &mut queued).await;
        answer.await.unwrap()
    }

    /// Judges a write and leaves its batch in doubt, with or without it being on disk.
    async fn lose_track(&mut self, path: &str, on_disk: bool) {
        let (reply, _) = oneshot::channel();
        let base = self.published.load_full();
        let queued = [Request::Write(write(path, Some(json!({}))), reply)];
        let (world, judged) = self.writer.judge(&base, &queued);
        let touched: Vec<_> = judged.into_iter().filter_map(Judged::into_touched).collect();
        assert_eq!(touched.len(), 1);
        if on_disk {
            self.writer.store.save(&batch(&base, &world, &touched)).await.unwrap();
        }
        self.writer.doubtful = Some(Doubt { world: Arc::new(world), touched });
    }

    async fn assert_disk_is_memory(&self) {
        let stored = Self::store(&self.directory).await.load().await.unwrap();
        assert_eq!(facts(&World::from_stored(stored)), facts(&self.published.load()));
    }
}

#[tokio::test]
async fn a_batch_of_unknown_fate_that_is_on_disk_is_taken_back() {
    let mut bench = Bench::new().await;
    let lost = Key::new("/accessControlLists/lost");
    bench.lose_track("accessControlLists/lost", true).await;
    let before = bench.published.load().generation();
    let done = bench.put("accessControlLists/next", json!({})).await.unwrap();
    assert_eq!(done.effect, Effect::Created);
    // The number of the lost write is not used again.
    assert_eq!(done.generation, before + 2);
    assert!(bench.published.load().find("accessControlLists", &lost).is_none());
    bench.assert_disk_is_memory().await;
    // Its path is free.
    assert_eq!(bench.put("accessControlLists/lost", json!({})).await.unwrap().effect, Effect::Created);
    bench.assert_disk_is_memory().await;
}

#[tokio::test]
async fn a_batch_of_unknown_fate_that_is_not_on_disk_is_forgotten() {
    let mut bench = Bench::new().await;
    bench.lose_track("accessControlLists/lost", false).await;
    let before = bench.published.load().generation();
    let done = bench.put("accessControlLists/next", json!({})).await.unwrap();
    assert_eq!(done.generation, before + 1);
    bench.assert_disk_is_memory().await;
}

#[tokio::test]
async fn an_answer_shows_its_own_write_also_when_the_batch_holds_a_later_one() {
    let bench = Bench::new().await;
    let base = bench.published.load_full();
    let put = |priority: u16| {
        let rule = json!({"resourceId": "r", "properties": {
            "action": "Allow", "type": "Inbound", "priority": priority, "protocol": "All", "sourcePortRange": "*",
            "destinationPortRange": "*", "sourceAddressPrefix": "*", "destinationAddressPrefix": "*",
        }});
        let (reply, _) = oneshot::channel();
        Request::Write(write("accessControlLists/list", Some(json!({"aclRules": [rule]}))), reply)
    };
    let (_, judged) = bench.writer.judge(&base, &[put(200), put(300)]);
    let key = Key::new("/accessControlLists/list/aclRules/r");
    let shown: Vec<_> = judged
        .iter()
        .map(|judged| match judged {
            Judged::Accepted { world: Some(world), .. } => {
                world.find("accessControlLists/aclRules", &key).unwrap().text("priority").map(str::to_owned)
            }
            // The last one is answered from the batch.
            _ => None,
        })
        .collect();
    assert_eq!(shown, [Some("200".to_owned()), None]);
}
