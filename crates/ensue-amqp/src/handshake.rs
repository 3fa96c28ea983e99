//! A connection on its way to being one.
//!
//! The client never gives a handshake up: with a broker that accepts and then says nothing, each attempt
//! would leave a thread and a socket behind. So the socket is held from here too, and shut down unless
//! the handshake comes to its end.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lapin::tcp::{AMQPUriTcpExt, AsyncTcpStream, OwnedTLSConfig, TLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties};

use crate::line::Line;

/// CANCEL-SAFE: dropped half-way, nothing stays connected.
pub(crate) async fn connect(
    uri: AMQPUri,
    properties: ConnectionProperties,
    tls: OwnedTLSConfig,
) -> Result<Line, lapin::Error> {
    let runtime = lapin::runtime::default_runtime()?;
    let handshake = Handshake::default();
    let (socket, own_runtime) = (handshake.socket.clone(), runtime.clone());
    let opened = async move |uri: AMQPUri, _| {
        let plain = AMQPUri { scheme: AMQPScheme::AMQP, ..uri.clone() };
        let stream = plain.connect_with_config_async(TLSConfig::default(), &own_runtime).await?;
        if let AsyncTcpStream::Plain(stream) = &stream {
            hold(&socket, duplicate(stream.get_ref())?)?;
        }
        match uri.scheme {
            AMQPScheme::AMQP => Ok(stream),
            AMQPScheme::AMQPS => Ok(stream.into_tls(&uri.authority.host, tls.as_ref()).await?),
        }
    };
    let connection = Connection::connector(uri, runtime, opened, properties).await?;
    Ok(Line::new(connection, handshake.has_ended()))
}

#[derive(Default)]
struct Handshake {
    socket: Arc<Mutex<Socket>>,
}

#[derive(Default)]
enum Socket {
    #[default]
    NotYet,
    Open(TcpStream),
    GivenUp,
}

impl Handshake {
    /// The socket, which from now on is the connection's.
    fn has_ended(self) -> Option<TcpStream> {
        match std::mem::take(&mut *lock(&self.socket)) {
            Socket::Open(socket) => Some(socket),
            Socket::NotYet | Socket::GivenUp => None,
        }
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        let socket = std::mem::replace(&mut *lock(&self.socket), Socket::GivenUp);
        if let Socket::Open(socket) = socket {
            // One that is gone already is as good.
            drop(socket.shutdown(Shutdown::Both));
        }
    }
}

fn hold(held: &Mutex<Socket>, socket: TcpStream) -> std::io::Result<()> {
    let mut held = lock(held);
    if matches!(*held, Socket::GivenUp) {
        return Err(std::io::Error::other("the handshake was given up"));
    }
    *held = Socket::Open(socket);
    Ok(())
}

#[cfg(unix)]
fn duplicate(stream: &impl std::os::fd::AsFd) -> std::io::Result<TcpStream> {
    stream.as_fd().try_clone_to_owned().map(TcpStream::from)
}

#[cfg(windows)]
fn duplicate(stream: &impl std::os::windows::io::AsSocket) -> std::io::Result<TcpStream> {
    stream.as_socket().try_clone_to_owned().map(TcpStream::from)
}

fn lock(socket: &Mutex<Socket>) -> MutexGuard<'_, Socket> {
    socket.lock().unwrap_or_else(PoisonError::into_inner)
}
