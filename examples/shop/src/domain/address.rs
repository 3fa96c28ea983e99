//! Where an order goes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::Refusal;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    street: String,
    city: String,
}

impl Address {
    pub(crate) fn new(street: &str, city: &str) -> Result<Self, Refusal> {
        let (street, city) = (street.trim(), city.trim());
        if street.is_empty() || city.is_empty() {
            return Err(Refusal::AddressIncomplete);
        }
        Ok(Self { street: street.to_owned(), city: city.to_owned() })
    }

    pub(crate) fn street(&self) -> &str {
        &self.street
    }

    pub(crate) fn city(&self) -> &str {
        &self.city
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.street, self.city)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_city_is_none() {
        assert_eq!(Address::new("12 Mill Lane", " "), Err(Refusal::AddressIncomplete));
    }
}
