//! Columns that should be JSON but may not be.

use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{ArrayType, Nullable, ValueType, ValueTypeErr};
#[cfg(any(feature = "postgres", feature = "mysql"))]
use sea_orm::sqlx::Row as _;
use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable};

/// A JSON value. Text that can't be read, such as text that is not JSON or a number that is too large, becomes a string: one such row
/// must not keep others from being read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LenientJson(pub(crate) Json);

impl TryGetable for LenientJson {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        Json::try_get_by(row, index).or_else(|_| text(row, index).map(Json::String)).map(Self)
    }
}

/// Reads the text of a JSON column, if the database has such a type.
fn text<I: ColIdx>(row: &QueryResult, index: I) -> Result<String, TryGetError> {
    #[cfg(feature = "postgres")]
    if let Some(row) = row.try_as_pg_row() {
        let text: Option<String> = row.try_get_unchecked(index.as_sqlx_postgres_index()).map_err(unreadable)?;
        return text.ok_or_else(|| TryGetError::Null(format!("{index:?}")));
    }
    #[cfg(feature = "mysql")]
    if let Some(row) = row.try_as_mysql_row() {
        let text: Option<String> = row.try_get_unchecked(index.as_sqlx_mysql_index()).map_err(unreadable)?;
        return text.ok_or_else(|| TryGetError::Null(format!("{index:?}")));
    }
    String::try_get_by(row, index)
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it so")]
fn unreadable(error: sea_orm::sqlx::Error) -> TryGetError {
    TryGetError::DbErr(DbErr::Type(error.to_string()))
}

impl From<LenientJson> for Value {
    fn from(json: LenientJson) -> Self {
        json.0.into()
    }
}

impl Nullable for LenientJson {
    fn null() -> Value {
        Json::null()
    }
}

impl ValueType for LenientJson {
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
