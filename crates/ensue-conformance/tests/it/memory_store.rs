//! The store in memory, as a database for the suite: its state is the list of effects.

use ensue::Position;
use ensue::testing::MemoryStore;
use ensue_conformance::Backend;

pub(crate) type Effects = Vec<String>;

pub(crate) struct Memory(MemoryStore<Effects>);

impl Backend for Memory {
    type Store = MemoryStore<Effects>;

    async fn fresh() -> Self {
        Self(MemoryStore::default())
    }

    async fn open(&self) -> MemoryStore<Effects> {
        self.0.another()
    }

    async fn refuse_dead_letters_over(&self, bytes: usize) {
        self.0.refuse_dead_letters_over(bytes);
    }

    async fn add_effect(effects: &mut Effects, name: &str) {
        effects.push(name.to_owned());
    }

    async fn effects(effects: &mut Effects) -> Vec<String> {
        effects.clone()
    }

    async fn tamper(&self, _: &str) -> bool {
        false
    }

    async fn make_unreadable(&self, position: Position) {
        self.0.make_unreadable(position, "`headers` is no JSON object of strings");
    }
}
