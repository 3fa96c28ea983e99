//! Whether a server of MySQL's protocol lets a client in. It speaks first, and only once it serves.

use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};

use super::PATIENCE;

/// Whether the server there greets whoever connects.
pub(crate) fn succeeds(address: SocketAddr) -> bool {
    greeting(address).is_ok_and(|greeting| is_welcome(&greeting))
}

/// A length, a number, and the first byte of what the server says.
fn greeting(address: SocketAddr) -> io::Result<[u8; 5]> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting)?;
    Ok(greeting)
}

/// It says which protocol it speaks; one that turns clients away says 255.
fn is_welcome(greeting: &[u8; 5]) -> bool {
    greeting[4] == PROTOCOL
}

const PROTOCOL: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_turns_clients_away_is_not_ready() {
        assert!(is_welcome(b"\x5e\0\0\0\x0a"));
        assert!(!is_welcome(b"\x10\0\0\0\xff"));
    }
}
