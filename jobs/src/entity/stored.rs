//! What is stored as JSON, and may not be.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ArrayType, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable};

/// A JSON value. Text that somebody has written and that is no JSON is a string: one such row must not keep others from being read.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored(pub Json);

impl TryGetable for Stored {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        Json::try_get_by(row, index).or_else(|_| String::try_get_by(row, index).map(Json::String)).map(Self)
    }
}

impl From<Stored> for Value {
    fn from(stored: Stored) -> Self {
        stored.0.into()
    }
}

impl ValueType for Stored {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        <Json as ValueType>::try_from(value).map(Self)
    }

    fn type_name() -> String {
        Json::type_name()
    }

    fn array_type() -> ArrayType {
        Json::array_type()
    }

    fn column_type() -> ColumnType {
        <Json as ValueType>::column_type()
    }
}
