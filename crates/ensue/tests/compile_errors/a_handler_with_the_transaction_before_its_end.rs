use ensue::{Builder, Event, Meta, Store, Tx};

#[derive(Event)]
#[event(local)]
struct OrderCancelled;

async fn restock<S: Store>(_: &OrderCancelled, _: &mut Tx<S>, _: Meta) {}

fn build<S: Store>(builder: Builder<S>) -> Builder<S> {
    builder.on::<OrderCancelled, _>(restock::<S>)
}

fn main() {}
