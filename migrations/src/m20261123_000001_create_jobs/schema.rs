//! How a table is declared on each database. Columns and indexes are defined once, with three spellings.

use sea_orm_migration::sea_orm::{DbBackend, DbErr};

/// A table, and how it is created.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
    /// The columns of a composite primary key.
    pub(super) primary_key: Option<&'static str>,
    pub(super) indexes: &'static [Index],
    /// The clause after the columns, on PostgreSQL and SQLite.
    pub(super) options: Spelling,
}

/// A column's name, its type, and its constraints on every database.
pub(super) type Column = (&'static str, Spelling, &'static str);

/// Text that is spelled differently on each database. If a type is empty, the database has no such column.
pub(super) struct Spelling {
    pub(super) postgres: &'static str,
    pub(super) mysql: &'static str,
    pub(super) sqlite: &'static str,
}

/// An index.
pub(super) struct Index {
    pub(super) name: &'static str,
    pub(super) columns: &'static str,
    /// The condition for the rows in it.
    pub(super) filter: &'static str,
    /// Its columns on MySQL and MariaDB, which have no partial indexes: the columns of the filter come first instead. Empty if there is no
    /// such index there.
    pub(super) mysql: &'static str,
}

impl Spelling {
    pub(super) const NOTHING: Self = Self { postgres: "", mysql: "", sqlite: "" };

    fn on(&self, backend: DbBackend) -> &'static str {
        match backend {
            DbBackend::Postgres => self.postgres,
            DbBackend::MySql => self.mysql,
            _ => self.sqlite,
        }
    }
}

impl Table {
    /// Returns the statements that create the table, one by one: a prepared statement holds only one.
    pub(super) fn create(&self, backend: DbBackend) -> Result<Vec<String>, DbErr> {
        match backend {
            DbBackend::MySql => Ok(vec![self.create_with_indexes()]),
            DbBackend::Postgres | DbBackend::Sqlite => {
                let table = format!(
                    "CREATE TABLE {} ({}){}",
                    self.name,
                    self.lines(backend).join(", "),
                    self.options.on(backend)
                );
                Ok([table].into_iter().chain(self.indexes.iter().map(|index| index.create(self.name))).collect())
            }
            other => Err(DbErr::Migration(format!(
                "jobs has no tables for {other:?}; it runs on SQLite, PostgreSQL and MySQL"
            ))),
        }
    }

    /// Returns the statement for MySQL and MariaDB. A change of tables can't be rolled back there: the next migration finds what one that
    /// was cut off has created. Text compares byte by byte, as on the other databases.
    fn create_with_indexes(&self) -> String {
        let mut lines = self.lines(DbBackend::MySql);
        let indexes = self.indexes.iter().filter(|index| !index.mysql.is_empty());
        lines.extend(indexes.map(|index| format!("KEY {} ({})", index.name, index.mysql)));
        format!(
            "CREATE TABLE IF NOT EXISTS {} ({}) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            self.name,
            lines.join(", "),
        )
    }

    fn lines(&self, backend: DbBackend) -> Vec<String> {
        let columns = self.columns.iter().filter(|(_, spelling, _)| !spelling.on(backend).is_empty());
        let mut lines: Vec<_> = columns
            .map(|(name, spelling, rule)| format!("{name} {} {rule}", spelling.on(backend)).trim_end().to_owned())
            .collect();
        lines.extend(self.primary_key.map(|columns| format!("PRIMARY KEY ({columns})")));
        lines
    }

    pub(super) fn drop(&self) -> String {
        format!("DROP TABLE IF EXISTS {}", self.name)
    }
}

impl Index {
    fn create(&self, table: &str) -> String {
        format!("CREATE INDEX {} ON {table} ({}) WHERE {}", self.name, self.columns, self.filter)
    }
}
