use ensue::{Builder, Event, Store};

#[derive(Event)]
#[event(local)]
struct OrderCancelled;

async fn restock(_: &OrderCancelled, warehouse: u32) {
    drop(warehouse);
}

fn build<S: Store>(builder: Builder<S>) -> Builder<S> {
    builder.on::<OrderCancelled, _>(restock)
}

fn main() {}
