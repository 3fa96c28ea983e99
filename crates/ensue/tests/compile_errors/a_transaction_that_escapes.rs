use ensue::{Error, Events, Store};

async fn cancel<S: Store>(events: Events<S>) -> Result<(), Error> {
    events
        .run(async |tx| {
            tokio::spawn(async move { tx.flush().await });
            Ok(())
        })
        .await
}

fn main() {}
