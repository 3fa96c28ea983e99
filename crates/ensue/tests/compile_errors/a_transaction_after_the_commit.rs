use ensue::{Builder, Event, Store, Tx};

#[derive(Event)]
#[event(local)]
struct OrderCancelled;

async fn restock<S: Store>(_: &OrderCancelled, _: &mut Tx<S>) {}

fn build<S: Store>(builder: Builder<S>) -> Builder<S> {
    builder.after_commit::<OrderCancelled, _>(restock::<S>)
}

fn main() {}
