//! The saved offset in a file, also one that is damaged.

use std::fs;
use std::path::PathBuf;

use ensue::Position;
use ensue::store::LogId;
use ensue_http::{ErrorKind, FeedEvent, FileCursor};
use tempfile::TempDir;

use crate::answer::page;
use crate::patience::within_patience;
use crate::scripted::Scripted;
use crate::seen::consumer;

#[test]
fn a_missing_file_is_offset_0() {
    let (_folder, path) = path();
    assert_eq!(FileCursor::new(path).load().unwrap(), Position::START);
}

#[test]
fn what_was_saved_is_loaded_by_whoever_comes_next() {
    let (folder, path) = path();
    for offset in [0, 1, 99, 100, u64::MAX] {
        let log = LogId::new();
        for (log, line) in [(None, String::new()), (Some(log), format!("{log}\n"))] {
            FileCursor::new(&path).save(Position::new(offset), log).unwrap();
            assert_eq!(FileCursor::new(&path).load().unwrap().get(), offset);
            assert_eq!(FileCursor::new(&path).log().unwrap(), log);
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{offset}\n{line}"));
        }
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_a_crash_left_half_written_is_in_nobodys_way() {
    let (_folder, path) = path();
    let cursor = FileCursor::new(&path);
    cursor.save(Position::new(7), None).unwrap();
    fs::write(path.with_extension("offset.new"), "123456789 torn").unwrap();
    assert_eq!(cursor.load().unwrap().get(), 7);
    cursor.save(Position::new(8), None).unwrap();
    assert_eq!(cursor.load().unwrap().get(), 8);
}

#[test]
fn a_damaged_file_is_named_with_what_it_holds_and_what_to_do() {
    let (_folder, path) = path();
    for content in [
        "",
        "\n",
        "12",
        "12\n13\n",
        "12\n\n",
        "12\n01900000-0000-7000-8000",
        "-1\n",
        "+1\n",
        " 1\n",
        "1.5\n",
        "\u{0}\u{0}\n",
        "x",
    ] {
        fs::write(&path, content).unwrap();
        let error = FileCursor::new(&path).load().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SavedOffset);
        let start = format!("`{}` holds {content:?}, which is no saved offset", path.display());
        assert!(error.to_string().starts_with(&start), "{error}");
        assert!(error.to_string().contains("remove it to begin with the first"), "{error}");
    }
    fs::write(&path, [0xff; 1_000]).unwrap();
    assert!(FileCursor::new(&path).load().unwrap_err().to_string().len() < 1_000);
    fs::write(&path, "99999999999999999999\n").unwrap();
    assert!(FileCursor::new(&path).load().is_err());
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let (folder, _) = path();
    let path = folder.path().join("nowhere").join("shop.offset");
    let error = FileCursor::new(&path).save(Position::new(1), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SavedOffset);
    let start = format!("cannot write the saved offset in `{}`: ", path.display());
    assert!(error.to_string().starts_with(&start), "{error}");
}

#[tokio::test]
async fn a_run_with_a_damaged_file_ends_with_its_name_before_anything_is_handled() {
    let (_folder, path) = path();
    fs::write(&path, "torn").unwrap();
    let server = Scripted::new([page([1])]).await;
    let handler = FileCursor::new(&path).each_event(async |_: FeedEvent| panic!("handled"));

    let run = consumer(&server.url()).run(handler, std::future::pending());
    let error = within_patience(run).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::SavedOffset);
    assert!(error.to_string().starts_with(&format!("`{}` holds", path.display())), "{error}");
}

#[tokio::test]
async fn a_run_that_cannot_save_ends_with_the_files_name() {
    let (folder, _) = path();
    let path = folder.path().join("nowhere").join("shop.offset");
    let server = Scripted::new([page([1])]).await;
    let handler = FileCursor::new(&path).each_event(async |_: FeedEvent| Ok(()));

    let run = consumer(&server.url()).run(handler, std::future::pending());
    let error = within_patience(run).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::SavedOffset);
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

fn path() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.offset");
    (folder, path)
}
