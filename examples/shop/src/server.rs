//! A router that is served on an address of this machine.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// LIMIT: how long requests that are under way are waited for.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
}

/// Listens on `port` of this machine, or on whichever is free if that is 0.
pub(crate) async fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

impl Server {
    /// Serves `router` to whoever connects to `listener`.
    pub(crate) fn start(listener: TcpListener, router: Router) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, mut stopping) = watch::channel(false);
        let stopped = async move {
            // It fails if the server was dropped, which is a reason to stop too.
            drop(stopping.wait_for(|stop| *stop).await);
        };
        let serving = axum::serve(listener, router).with_graceful_shutdown(stopped);
        let task = tokio::spawn(serving.into_future());
        Ok(Self { address, stop, task })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no more requests, and answers those that are under way.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let abort = self.task.abort_handle();
        if tokio::time::timeout(GRACE, self.task).await.is_err() {
            abort.abort();
        }
    }
}
