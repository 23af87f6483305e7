//! The tables, and the entities that read them.

use std::collections::BTreeSet;

use jobs_tests::{Database, Kind, cases};
use sea_orm::{ConnectionTrait as _, Statement};

cases![every_table_has_the_columns_of_its_entity];

/// A table's column, and whether it may be `NULL`.
type Column = (String, String, bool);

/// Columns that an entity leaves out on purpose.
fn left_out(kind: Kind) -> BTreeSet<Column> {
    match kind {
        // Only PostgreSQL's own statements write and read it: which processes to notify.
        Kind::Postgres => [("jobs_job".to_owned(), "awaited".to_owned(), false)].into(),
        Kind::Sqlite | Kind::Mariadb | Kind::Mysql => BTreeSet::new(),
    }
}

fn columns_of_tables(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "SELECT tables.name, columns.name, CASE WHEN columns.\"notnull\" OR columns.pk THEN 'NO' ELSE 'YES' END
             FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
             WHERE tables.type = 'table' AND tables.name LIKE 'jobs%'"
        }
        Kind::Postgres => {
            "SELECT table_name::text, column_name::text, is_nullable::text FROM information_schema.columns
             WHERE table_schema = current_schema()"
        }
        Kind::Mariadb | Kind::Mysql => {
            "SELECT CAST(table_name AS CHAR), CAST(column_name AS CHAR), CAST(is_nullable AS CHAR) FROM information_schema.columns
             WHERE table_schema = DATABASE()"
        }
    }
}

async fn every_table_has_the_columns_of_its_entity(database: Database) {
    let db = database.db();
    let select = Statement::from_string(db.get_database_backend(), columns_of_tables(database.kind()));
    let mut in_tables = BTreeSet::new();
    for row in db.query_all_raw(select).await.unwrap() {
        let nullable: String = row.try_get_by_index(2).unwrap();
        in_tables.insert((row.try_get_by_index(0).unwrap(), row.try_get_by_index(1).unwrap(), nullable == "YES"));
    }
    // The migrations' own table is not of the framework.
    in_tables.retain(|(table, ..): &Column| table != "jobs_migration");

    let in_entities: BTreeSet<Column> = jobs::__private::entity_columns().into_iter().collect();
    let only_in_tables: BTreeSet<_> = in_tables.difference(&in_entities).cloned().collect();
    let only_in_entities: Vec<_> = in_entities.difference(&in_tables).collect();
    assert_eq!(only_in_tables, left_out(database.kind()), "columns that no entity has");
    assert!(only_in_entities.is_empty(), "columns that no table has: {only_in_entities:?}");
}
