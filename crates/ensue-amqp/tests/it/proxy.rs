//! A line to the broker that can be cut, or go dead in one direction or both.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// What happens on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// What is sent arrives.
    Open,
    /// What is sent to the broker arrives, and nothing that it says.
    Deaf,
    /// Data for the broker arrives late, or never if the client has disconnected by then.
    Slow,
    /// Nothing arrives, and nobody is told.
    Dead,
    /// There is none.
    Cut,
}

/// The delay of a slow line.
const LAG: Duration = Duration::from_millis(50);

/// A port that leads to the broker's.
pub(crate) struct Proxy {
    port: u16,
    line: Arc<watch::Sender<Line>>,
}

impl Proxy {
    pub(crate) async fn to(broker: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let line = Arc::new(watch::Sender::new(Line::Open));
        tokio::spawn(accept(listener, broker, line.clone()));
        Self { port, line }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn set(&self, line: Line) {
        self.line.send_replace(line);
    }

    /// Ends when nobody is on the line any more.
    pub(crate) async fn has_cut(&self) {
        while self.line.receiver_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn accept(listener: TcpListener, broker: String, line: Arc<watch::Sender<Line>>) {
    while let Ok((client, _)) = listener.accept().await {
        if *line.borrow() == Line::Cut {
            continue;
        }
        tokio::spawn(carry(client, broker.clone(), line.subscribe()));
    }
}

/// Both halves go when either direction ends, or the line is cut.
async fn carry(client: TcpStream, broker: String, mut line: watch::Receiver<Line>) {
    let Ok(broker) = TcpStream::connect(&*broker).await else { return };
    let _no_delay = (client.set_nodelay(true), broker.set_nodelay(true));
    let ((from_client, to_client), (from_broker, to_broker)) =
        (client.into_split(), broker.into_split());
    let there = copy(from_client, to_broker, line.clone(), |line| line != Line::Dead);
    let is_heard = |line| matches!(line, Line::Open | Line::Slow);
    let back = copy(from_broker, to_client, line.clone(), is_heard);
    tokio::select! {
        () = there => {}
        () = back => {}
        _ = line.wait_for(|line| *line == Line::Cut) => {}
    }
}

async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut line: watch::Receiver<Line>,
    passes: impl Fn(Line) -> bool,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
        let Ok(now) = line.wait_for(|line| passes(*line)).await.map(|line| *line) else { return };
        if now == Line::Slow && has_gone(&mut from).await {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Returns true if the sender disconnects within the lag.
async fn has_gone(sender: &mut OwnedReadHalf) -> bool {
    matches!(timeout(LAG, sender.peek(&mut [0])).await, Ok(Ok(0) | Err(_)))
}

/// Where a URL's broker is.
pub(crate) fn place_of(url: &str) -> String {
    let after_account = url.rsplit_once('@').unwrap().1;
    let place: String = after_account.split('/').next().unwrap().to_owned();
    if place.contains(':') { place } else { format!("{place}:5672") }
}

/// The same URL by way of a port here.
pub(crate) fn through(url: &str, port: u16) -> String {
    let (account, after) = url.rsplit_once('@').unwrap();
    let path = after.split_once('/').map_or("", |(_, path)| path);
    format!("{account}@127.0.0.1:{port}/{path}")
}
