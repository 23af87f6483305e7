//! The tables of the `jobs` framework, as sea-orm migrations.
//!
//! Most programs call `jobs::migrate(&db)` and never name this crate. It is for those who run their migrations with `sea-orm-cli`, or
//! who list these migrations in a `Migrator` of their own:
//!
//! ```
//! use jobs_migrations::JobsMigrator;
//! use sea_orm_migration::prelude::*;
//!
//! struct Migrator;
//!
//! impl MigratorTrait for Migrator {
//!     fn migrations() -> Vec<Box<dyn MigrationTrait>> {
//!         let mut all = JobsMigrator::migrations();
//!         // all.push(Box::new(my_own::Migration));
//!         all
//!     }
//! }
//! ```

mod m20261123_000001_create_jobs;

#[doc(hidden)]
pub use m20261123_000001_create_jobs::LIMIT_STRIPES;

use sea_orm_migration::prelude::*;

/// All migrations of the framework, oldest first, recorded in a table of their own (`jobs_migration`).
#[derive(Debug, Clone, Copy)]
pub struct JobsMigrator;

impl MigratorTrait for JobsMigrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m20261123_000001_create_jobs::Migration)]
    }

    fn migration_table_name() -> DynIden {
        "jobs_migration".into_iden()
    }
}
