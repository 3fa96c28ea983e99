//! A server that answers what it was told to, byte for byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::answer::page;

/// An answer that never comes.
pub(crate) const SILENCE: &str = "silence";

pub(crate) struct Scripted {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Scripted {
    /// Gives each answer once, in their order, and then empty pages.
    pub(crate) async fn new(answers: impl IntoIterator<Item = String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let serving = tokio::spawn(serve(listener, answers.into_iter().collect(), asked.clone()));
        Self { address, asked, serving }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/events", self.address)
    }

    /// The queries of all requests.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, answers: Vec<String>, asked: Arc<Mutex<Vec<String>>>) {
    let (mut answers, mut silent) = (answers.into_iter(), Vec::new());
    loop {
        let (mut connection, _) = listener.accept().await.unwrap();
        let query = query(&mut connection).await;
        asked.lock().unwrap().push(query);
        let answer = answers.next().unwrap_or_else(|| page([]));
        if answer == SILENCE {
            silent.push(connection);
            continue;
        }
        connection.write_all(answer.as_bytes()).await.unwrap();
        connection.shutdown().await.unwrap();
    }
}

/// Reads a request, of which nothing but the query matters.
async fn query(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap();
    target.split_once('?').unwrap().1.to_owned()
}
