//! Whether a server of PostgreSQL's protocol lets a client in. That its port is open says little: a
//! server that replays its log after a kill listens already, and turns everybody away.

pub(crate) mod mysql;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// Whether the server there gets as far as asking for a query.
pub(crate) fn succeeds(address: SocketAddr, user: &str, database: &str) -> bool {
    greet(address, user, database).unwrap_or(false)
}

pub(crate) fn on_loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn greet(address: SocketAddr, user: &str, database: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&startup_message(user, database))?;
    let is_ready = reaches_ready(&mut stream)?;
    stream.write_all(&TERMINATE)?;
    Ok(is_ready)
}

/// Messages are a letter, a length that counts itself, and a body.
fn reaches_ready(stream: &mut impl Read) -> io::Result<bool> {
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        match kind {
            b'Z' => return Ok(true),
            b'E' => return Ok(false),
            _ => skip(stream, u32::from_be_bytes(length))?,
        }
    }
}

fn skip(stream: &mut impl Read, length: u32) -> io::Result<()> {
    let body = u64::from(length.saturating_sub(4));
    io::copy(&mut stream.take(body), &mut io::sink()).map(drop)
}

fn startup_message(user: &str, database: &str) -> Vec<u8> {
    let parameters = format!("user\0{user}\0database\0{database}\0\0");
    let length = u32::try_from(8 + parameters.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], &PROTOCOL_3_0.to_be_bytes(), parameters.as_bytes()].concat()
}

const PROTOCOL_3_0: u32 = 3 << 16;
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];
/// LIMIT: for each answer; who waits looks again.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_startup_message_begins_with_its_own_length() {
        let message = startup_message("ensue", "postgres");
        assert_eq!(message.len(), 38);
        assert_eq!(message[..8], [0, 0, 0, 38, 0, 3, 0, 0]);
        assert!(message.ends_with(b"database\0postgres\0\0"));
    }

    #[test]
    fn a_server_is_ready_when_it_asks_for_a_query() {
        let authenticated = b"R\0\0\0\x08\0\0\0\0";
        let ready = b"Z\0\0\0\x05I";
        let mut answer = &[&authenticated[..], ready].concat()[..];
        assert!(reaches_ready(&mut answer).unwrap());
    }

    #[test]
    fn a_server_that_turns_clients_away_is_not_ready() {
        let mut answer = &b"E\0\0\0\x05\0"[..];
        assert!(!reaches_ready(&mut answer).unwrap());
    }

    #[test]
    fn a_server_that_hangs_up_is_not_ready() {
        assert!(reaches_ready(&mut &b"R\0\0\0\x08\0\0"[..]).is_err());
    }
}
