//! What cargo knows of this workspace.

use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

use crate::failure::Failure;

/// With every feature on: an arrow behind a feature is an arrow.
pub(crate) fn metadata() -> Result<Metadata, Failure> {
    MetadataCommand::new().features(CargoOpt::AllFeatures).exec().map_err(Failure::new)
}
