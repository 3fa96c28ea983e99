//! Which way dependencies point: between our crates, out to foreign ones, inside the shop.

use std::path::Path;

use cargo_metadata::Metadata;

use crate::failure::Failure;
use crate::graph::Graph;
use crate::taker::Taker;
use crate::{bounds, graph, layers, walls, workspace};

pub(crate) fn check() -> Result<(), Failure> {
    let metadata = workspace::metadata()?;
    let mut complaints = layers::complaints(&Graph::from(&metadata));
    complaints.extend(complaints_of_takers(&metadata)?);
    complaints.extend(walls::complaints(Path::new(&metadata.workspace_root))?);
    Failure::unless_empty(complaints)
}

fn complaints_of_takers(metadata: &Metadata) -> Result<Vec<String>, Failure> {
    let mut complaints = Vec::new();
    for member in metadata.workspace_packages() {
        if graph::is_published(member) {
            let taken = Taker::new(metadata, member).resolve()?;
            complaints.extend(bounds::complaints(&member.name, &taken));
        }
    }
    Ok(complaints)
}
