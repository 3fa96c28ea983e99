//! A connection that is gone when nobody has it any more.

use std::net::{Shutdown, TcpStream};
use std::ops::Deref;

use lapin::Connection;

/// Dropped, it is ended by its socket, and not by the client's leave-taking.
///
/// ORDERING: the client would cancel a consumer first, and close its channel later. In between the broker
/// makes the next consumer the active one and gives it what comes after the messages that this one has
/// not acknowledged. The end of a connection takes both away at once: what was not acknowledged is given
/// to the next one before anything else.
///
/// The client was also seen to leave a connection open that nobody had any more, with a consumer on it and
/// all the messages that it had asked for.
pub(crate) struct Line {
    connection: Connection,
    socket: Option<TcpStream>,
}

/// Ends a line when it is dropped before whatever was opened on that.
#[must_use]
pub(crate) struct UnlessKept<'l>(Option<&'l Line>);

impl Line {
    pub(crate) fn new(connection: Connection, socket: Option<TcpStream>) -> Self {
        Self { connection, socket }
    }

    pub(crate) fn end_unless_kept(&self) -> UnlessKept<'_> {
        UnlessKept(Some(self))
    }

    fn end(&self) {
        if let Some(socket) = &self.socket {
            // What was written still arrives. One that is gone already is as good.
            drop(socket.shutdown(Shutdown::Write));
        }
    }
}

impl UnlessKept<'_> {
    pub(crate) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for UnlessKept<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.0 {
            line.end();
        }
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
        self.end();
    }
}
