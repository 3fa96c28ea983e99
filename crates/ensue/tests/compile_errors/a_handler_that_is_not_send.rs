use ensue::{Builder, Event, Store};

#[derive(Event)]
#[event(local)]
struct OrderCancelled;

async fn restock(_: &OrderCancelled) {
    let count = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(count);
}

fn build<S: Store>(builder: Builder<S>) -> Builder<S> {
    builder.on::<OrderCancelled, _>(restock)
}

fn main() {}
