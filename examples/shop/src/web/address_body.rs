//! An address as JSON.

use serde::{Deserialize, Serialize};

use crate::domain::{Address, Refusal};

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AddressBody {
    pub(crate) street: String,
    pub(crate) city: String,
}

impl AddressBody {
    pub(super) fn into_address(self) -> Result<Address, Refusal> {
        Address::new(&self.street, &self.city)
    }
}

impl From<&Address> for AddressBody {
    fn from(address: &Address) -> Self {
        Self { street: address.street().to_owned(), city: address.city().to_owned() }
    }
}
