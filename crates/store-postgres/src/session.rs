//! One connection, driven by the thread that uses it.
//!
//! A unit of work is a plain function that wants its answers at once, and the client is asynchronous. So each connection
//! has a thread, and that thread has a runtime of its own in which it waits. Requests that need no answer before the
//! next can be sent together from the same place.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use crate::connect::{ConnectError, Target};
use crate::value::Sql;

/// The most statements that a connection keeps prepared. Lists with filters have texts of their own.
const STATEMENTS: usize = 512;

/// A connection.
pub(crate) struct Session {
    runtime: Runtime,
    client: Client,
    statements: RefCell<HashMap<String, Statement>>,
}

impl Session {
    /// Connects.
    pub(crate) fn connect(target: &Target) -> Result<Self, ConnectError> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (config, tls) = target.now()?;
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(tls).await?;
            // It ends with the client. Its fault shows in the next request.
            tokio::spawn(connection);
            Ok::<_, Error>(client)
        })?;
        Ok(Self { runtime, client, statements: RefCell::default() })
    }

    /// Returns true if the connection is lost.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs statements without parameters.
    pub(crate) fn batch(&self, sql: &str) -> Result<(), Error> {
        self.runtime.block_on(self.client.batch_execute(sql))
    }

    /// Runs a statement and returns its rows.
    pub(crate) fn query(&self, sql: &str, parameters: &[Sql]) -> Result<Vec<Row>, Error> {
        let statement = self.prepared(sql)?;
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|sql| sql as _).collect();
        self.runtime.block_on(self.client.query(&statement, &parameters))
    }

    /// Runs a statement and returns the number of rows that it changed.
    pub(crate) fn execute(&self, sql: &str, parameters: &[Sql]) -> Result<u64, Error> {
        let statement = self.prepared(sql)?;
        let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|sql| sql as _).collect();
        self.runtime.block_on(self.client.execute(&statement, &parameters))
    }

    fn prepared(&self, sql: &str) -> Result<Statement, Error> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.runtime.block_on(self.client.prepare(sql))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Waits, while the connection goes on.
    pub(crate) fn pause(&self, time: Duration) {
        self.runtime.block_on(tokio::time::sleep(time));
    }
}
