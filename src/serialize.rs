//! Serde's traits for what a configuration or a checkpoint holds. A value that comes in is checked like an argument.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::address::Address;
use crate::kinds::Scaling;
use crate::rate::Rate;

/// The number p, as the decimal that [`Display`](core::fmt::Display) shows.
impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.decimal())
    }
}

/// By [`Rate::new`], whose errors are those of the deserializer.
impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Address", rename = "Address", deny_unknown_fields)]
struct Fields {
    seed: u64,
    layer: u32,
    step: u32,
    offset: u64,
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Fields::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Fields::deserialize(deserializer)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Scaling", rename = "Scaling", rename_all = "snake_case")]
enum Name {
    Inverted,
    Classic,
}

impl Serialize for Scaling {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Name::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Scaling {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Name::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString;

    use serde_json::{from_str, to_string};

    use super::*;

    #[test]
    fn a_rate_is_a_decimal_and_is_checked() {
        for (p, text) in [(0.0, "0.0"), (0.1, "0.1"), (1.0 / 3.0, "0.3333333333"), (1.0, "1.0")] {
            let rate = Rate::new(p).unwrap();
            assert_eq!(to_string(&rate).unwrap(), text);
            assert_eq!(from_str::<Rate>(text).unwrap(), rate);
        }
        assert_eq!(from_str::<Rate>("1").unwrap(), Rate::new(1.0).unwrap());
        let error = from_str::<Rate>("1.5").unwrap_err().to_string();
        assert!(error.contains("rate p = 1.5: expected a probability from 0 to 1"), "{error}");
    }

    #[test]
    fn an_address_has_its_fields_and_no_others() {
        let address = Address { seed: u64::MAX, layer: 3, step: 1000, offset: 1 << 40 };
        let text = r#"{"seed":18446744073709551615,"layer":3,"step":1000,"offset":1099511627776}"#;
        assert_eq!(to_string(&address).unwrap(), text);
        assert_eq!(from_str::<Address>(text).unwrap(), address);
        assert!(from_str::<Address>(r#"{"seed":1,"layer":4294967296,"step":0,"offset":0}"#).is_err());
        assert!(from_str::<Address>(r#"{"seed":1,"layer":0,"step":0}"#).is_err());
        assert!(from_str::<Address>(r#"{"seed":1,"layer":0,"step":0,"offset":0,"index":0}"#).is_err());
    }

    #[test]
    fn scaling_is_a_name() {
        assert_eq!(to_string(&Scaling::Classic).unwrap(), r#""classic""#);
        assert_eq!(from_str::<Scaling>(r#""inverted""#).unwrap(), Scaling::Inverted);
        assert!(from_str::<Scaling>(r#""none""#).is_err());
    }
}
