//! A connection that is gone when nobody has it any more.

use std::net::{Shutdown, TcpStream};
use std::ops::Deref;
use std::time::Duration;

use lapin::Connection;
use tokio::runtime::Handle;

/// The client closes a connection that is dropped, but not every one: one was seen to stay, with a
/// consumer that nobody had, and all the messages that it had asked for. So its socket is held too.
pub(crate) struct Line {
    connection: Connection,
    socket: Option<TcpStream>,
}

/// LIMIT: how long the client may take to take its leave.
const LEAVE: Duration = Duration::from_secs(1);

impl Line {
    pub(crate) fn new(connection: Connection, socket: Option<TcpStream>) -> Self {
        Self { connection, socket }
    }
}

impl Deref for Line {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let Some(socket) = self.socket.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                tokio::time::sleep(LEAVE).await;
                end(&socket);
            })),
            Err(_) => end(&socket),
        }
    }
}

fn end(socket: &TcpStream) {
    // One that is gone already is as good.
    drop(socket.shutdown(Shutdown::Both));
}
