//! A proxy in front of PostgreSQL that makes single statements fail.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The fate of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The server answers with this SQLSTATE instead.
    Error(&'static str),
    /// The server ends the session instead.
    Terminated,
    /// The connection is lost before the statement reaches the server.
    Cut,
    /// The server executes it, and the connection is lost before its answer.
    Unanswered,
}

/// Records every statement that was sent, and makes one fail, once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    seen: BTreeSet<String>,
    armed: Option<(String, Fault)>,
}

impl Faults {
    /// Returns the statements without the parts that differ each time.
    pub(crate) fn seen(&self) -> BTreeSet<String> {
        self.state().seen.clone()
    }

    /// Applies `fault` the next time that `statement` arrives.
    pub(crate) fn arm(&self, statement: &str, fault: Fault) {
        self.state().armed = Some((statement.to_owned(), fault));
    }

    /// Returns true if the statement has arrived.
    pub(crate) fn disarm(&self) -> bool {
        self.state().armed.take().is_none()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the index and fault of the statement that fails, if any.
    fn meet(&self, statements: &[String]) -> Option<(usize, Fault)> {
        let mut state = self.state();
        state.seen.extend(statements.iter().cloned());
        let (armed, fault) = state.armed.clone()?;
        let place = statements.iter().position(|statement| *statement == armed)?;
        state.armed = None;
        Some((place, fault))
    }

    /// Forwards everything to the server at `port`, and returns the port to connect to instead.
    pub(crate) async fn before(&self, port: u16) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().port();
        let faults = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { continue };
                drop((client.set_nodelay(true), server.set_nodelay(true)));
                tokio::spawn(pass_on(client, server, faults.clone()));
            }
        });
        at
    }
}

async fn pass_on(client: TcpStream, server: TcpStream, faults: Faults) {
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    let (mute, is_mute) = watch::channel(false);
    let answering = tokio::spawn(answer(from_server, to_client, is_mute));
    let mut asking = Asking { from_client, to_server, faults, mute, prepared: HashMap::new() };
    if asking.run().await == End::Now {
        answering.abort();
    } else {
        // The other half ends the connection.
        drop(answering.await);
    }
}

#[derive(PartialEq, Eq)]
enum End {
    Now,
    AfterTheAnswer,
}

struct Asking {
    from_client: OwnedReadHalf,
    to_server: OwnedWriteHalf,
    faults: Faults,
    mute: watch::Sender<bool>,
    prepared: HashMap<String, String>,
}

impl Asking {
    async fn run(&mut self) -> End {
        let Some(startup) = self.startup().await else { return End::Now };
        if self.to_server.write_all(&startup).await.is_err() {
            return End::Now;
        }
        while let Some(group) = self.group().await {
            let statements = self.statements(&group);
            let Some((place, fault)) = self.faults.meet(&statements) else {
                if self.to_server.write_all(&group.concat()).await.is_err() {
                    return End::Now;
                }
                continue;
            };
            let instead = match fault {
                Fault::Cut => return End::Now,
                Fault::Unanswered => {
                    self.mute.send_replace(true);
                    drop(self.to_server.write_all(&group.concat()).await);
                    return End::AfterTheAnswer;
                }
                Fault::Error(code) => format!(
                    "DO $$ BEGIN RAISE EXCEPTION 'as the test wants it' USING ERRCODE = '{code}'; END $$"
                ),
                Fault::Terminated => "SELECT pg_terminate_backend(pg_backend_pid())".to_owned(),
            };
            if self.to_server.write_all(&failing(&group, place, &instead)).await.is_err() {
                return End::Now;
            }
        }
        End::Now
    }

    /// Reads the startup message, which has no type.
    async fn startup(&mut self) -> Option<Vec<u8>> {
        let length = self.from_client.read_u32().await.ok()?;
        let mut message = length.to_be_bytes().to_vec();
        message.resize(length as usize, 0);
        self.from_client.read_exact(&mut message[4..]).await.ok()?;
        Some(message)
    }

    /// Reads messages up to the one that the server answers.
    async fn group(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut group = Vec::new();
        loop {
            let message = read(&mut self.from_client).await?;
            let is_last = matches!(message[0], b'Q' | b'S' | b'X');
            group.push(message);
            if is_last {
                return Some(group);
            }
        }
    }

    fn statements(&mut self, group: &[Vec<u8>]) -> Vec<String> {
        let mut found = Vec::new();
        for message in group {
            let mut texts = message[5..].split(|byte| *byte == 0);
            let mut next =
                || String::from_utf8_lossy(texts.next().unwrap_or_default()).into_owned();
            match message[0] {
                b'Q' => found.extend(plain(&next()).split(';').map(normal)),
                b'P' => {
                    let (name, text) = (next(), normal(&next()));
                    found.push(format!("prepare: {text}"));
                    self.prepared.insert(name, text);
                }
                b'B' => {
                    let (_portal, name) = (next(), next());
                    found.extend(self.prepared.get(&name).cloned());
                }
                _ => {}
            }
        }
        found
    }
}

/// Returns the statements without comments, which may contain semicolons.
fn plain(statements: &str) -> String {
    let lines = statements.lines().filter(|line| !line.trim_start().starts_with("--"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns a statement without comments, numbers and texts.
fn normal(statement: &str) -> String {
    let words = plain(statement).split_whitespace().collect::<Vec<_>>().join(" ");
    let parts = words.split('\'').step_by(2).collect::<Vec<_>>().join("'…'");
    parts.chars().filter(|char| !char.is_ascii_digit()).collect()
}

/// If a message has several statements, those before the failing one are executed.
fn failing(group: &[Vec<u8>], place: usize, instead: &str) -> Vec<u8> {
    let before = match group {
        [message] if message[0] == b'Q' => {
            let text = plain(&String::from_utf8_lossy(&message[5..message.len() - 1]));
            text.split(';').take(place).map(|statement| format!("{statement};")).collect()
        }
        _ => String::new(),
    };
    let text = format!("{before}{instead}\0");
    let length = u32::try_from(text.len() + 4).unwrap();
    [&b"Q"[..], &length.to_be_bytes(), text.as_bytes()].concat()
}

async fn answer(
    mut from_server: OwnedReadHalf,
    mut to_client: OwnedWriteHalf,
    is_mute: watch::Receiver<bool>,
) {
    while let Some(message) = read(&mut from_server).await {
        if *is_mute.borrow() {
            if message[0] == b'Z' {
                return;
            }
        } else if to_client.write_all(&message).await.is_err() {
            return;
        }
    }
}

async fn read(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let kind = from.read_u8().await.ok()?;
    let length = from.read_u32().await.ok()?;
    let mut message = vec![kind];
    message.extend(length.to_be_bytes());
    message.resize(length as usize + 1, 0);
    from.read_exact(&mut message[5..]).await.ok()?;
    Some(message)
}
