//! Programs in other languages, with the official SDKs of CloudEvents.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use ensue::listener::Source;
use ensue::{Entry, EventId, Outcome, Timestamp};
use serde_json::{Value, json};

use crate::broker::{Place, entry, handled, send};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_reads_what_is_sent_in_every_format() {
    if let Some(python) = python() {
        assert_reads(|place, count| run(Command::new(&python).arg(sdk("read.py")), place, count))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn javascript_reads_what_is_sent_in_every_format() {
    if let Some(script) = javascript() {
        assert_reads(|place, count| run(Command::new("node").arg(&script), place, count)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_python_sends_by_any_binding_is_read() {
    let Some(python) = python() else { return };
    let place = Place::new().await;
    let mut session = place.source().open(10).await.unwrap();
    run(Command::new(python).arg(sdk("write.py")), &place, 4);
    let mut received = Vec::new();
    while received.len() < 4 {
        received.extend(handled(&mut session).await);
    }
    for message in received {
        assert_eq!((&*message.source, &*message.id, message.sequence), ("/till", "7", Some(41)));
        let envelope = message.envelope;
        assert_eq!(envelope.event_type, "apples.sold");
        assert_eq!(envelope.key.as_deref(), Some("till-1"));
        assert_eq!(envelope.occurred_at, Timestamp::from_micros(1_700_000_000_123_000));
        assert_eq!(envelope.headers["region"], "eu");
        assert_eq!(envelope.headers["urgent"].to_lowercase(), "true");
        let data: Value = serde_json::from_slice(&envelope.payload).unwrap();
        assert_eq!(data, json!({ "apples": 3 }));
    }
}

async fn assert_reads(read: impl Fn(&Place, usize) -> String) {
    let place = Place::new().await;
    place.make_queue().await;
    let entries = [json_entry(), text_entry(), binary_entry()];
    for sink in [place.amqp_sink(), place.amqp_sink().knative(), place.amqp_sink().structured()] {
        assert!(send(&sink, &entries).await.iter().all(Outcome::is_delivered));
    }
    let said = read(&place, 9);
    let events: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 9, "{said}");
    for events in events.chunks(3) {
        let data = [json!({ "total": 9.5 }), json!("3 \u{e4}pples"), json!({ "bytes": [0, 255] })];
        for ((event, entry), data) in events.iter().zip(&entries).zip(data) {
            assert_is(event, entry);
            assert_eq!(event["data"], data);
        }
    }
}

fn assert_is(event: &Value, entry: &Entry) {
    let (attributes, envelope) = (&event["attributes"], &entry.envelope);
    for (name, value) in [
        ("specversion", "1.0".to_owned()),
        ("id", envelope.id.to_string()),
        ("source", "/shop".to_owned()),
        ("type", "order.placed".to_owned()),
        ("datacontenttype", envelope.content_type.to_string()),
        ("subject", envelope.key.clone().unwrap()),
        ("partitionkey", envelope.key.clone().unwrap()),
        ("sequence", format!("{:020}", entry.position.get())),
        ("correlationid", envelope.correlation_id.to_string()),
        ("causationid", envelope.causation_id.unwrap().to_string()),
        ("tenant", "acme".to_owned()),
    ] {
        assert_eq!(attributes[name], json!(value), "{name} of {event}");
    }
    // JavaScript knows milliseconds.
    assert!(attributes["time"].as_str().unwrap().starts_with("2023-11-14T22:13:20.123"), "{event}");
}

fn json_entry() -> Entry {
    with(entry(1, "{\"total\": 9.5}"), "application/json")
}

fn text_entry() -> Entry {
    with(entry(2, "3 \u{e4}pples"), "text/plain")
}

fn binary_entry() -> Entry {
    with(entry(3, [0, 255]), "application/octet-stream")
}

fn with(mut entry: Entry, content_type: &'static str) -> Entry {
    entry.envelope.content_type = content_type.into();
    entry.envelope.causation_id = Some(EventId::now());
    entry.envelope.headers.insert("tenant".into(), "acme".into());
    entry
}

/// The interpreter that has the SDK.
fn python() -> Option<PathBuf> {
    let python = with_sdk("python", "requirements.txt", |folder| {
        let venv = folder.join("venv");
        succeeds(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
        let requirements = folder.join("requirements.txt");
        succeeds(Command::new(venv.join("bin/python")).args(pip).arg(requirements))
    });
    Some(python?.join("venv/bin/python"))
}

/// The script, beside the SDK that it imports.
fn javascript() -> Option<PathBuf> {
    let folder = with_sdk("javascript", "package.json", |folder| {
        let npm = ["install", "--silent", "--no-audit", "--no-fund"];
        succeeds(Command::new("npm").args(npm).current_dir(folder))
    });
    let script = folder?.join("read.js");
    fs::copy(sdk("read.js"), &script).unwrap();
    Some(script)
}

/// The folder in which what `manifest` lists is installed, once for as long as the list is the same.
fn with_sdk(
    language: &str,
    manifest: &str,
    install: impl Fn(&Path) -> Result<(), String>,
) -> Option<PathBuf> {
    if env::var_os(WITHOUT_SDKS).is_some_and(|value| !value.is_empty()) {
        eprintln!("left out: {WITHOUT_SDKS} is set");
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdks").join(language);
    fs::create_dir_all(&folder).unwrap();
    // Another test may be installing it too.
    let lock = fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let wanted = fs::read(sdk(manifest)).unwrap();
    if fs::read(folder.join("installed")).is_ok_and(|installed| installed == wanted) {
        return Some(folder);
    }
    fs::copy(sdk(manifest), folder.join(manifest)).unwrap();
    install(&folder).unwrap_or_else(|why| {
        panic!(
            "CloudEvents' SDK for {language} is not here and cannot be installed, for which pip with \
             venv or npm is needed, and a network; set {WITHOUT_SDKS}=1 to leave this out: {why}"
        )
    });
    fs::write(folder.join("installed"), wanted).unwrap();
    Some(folder)
}

fn sdk(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdks").join(file)
}

fn run(command: &mut Command, place: &Place, count: usize) -> String {
    let output = command.args([&*place.url, &place.name, &count.to_string()]).output().unwrap();
    said(&output).unwrap_or_else(|why| panic!("{why}"))
}

fn succeeds(command: &mut Command) -> Result<(), String> {
    let output = command.output();
    let output = output.map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    said(&output).map(drop)
}

fn said(output: &Output) -> Result<String, String> {
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// Set where neither may be installed.
const WITHOUT_SDKS: &str = "ENSUE_TEST_WITHOUT_SDKS";
